"""Targets, crops and losses of the frame model; and that it learns: a few notes by heart, exactly."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from corpora.errors import CheckpointError, RequestError
from transcribe.families import FAMILIES
from transcribe.frames import training
from transcribe.frames.calibration import calibrate, example_of
from transcribe.frames.crops import CropSource, make_block, validation_batches
from transcribe.frames.drums import DRUM_CLASS_OF_KEY, DRUM_CLASSES
from transcribe.frames.listener import FrameListener
from transcribe.frames.loss import frame_losses, total_loss
from transcribe.frames.model import FrameModel, FrameModelConfig
from transcribe.frames.runs import run_transcribe
from transcribe.frames.settings import DecoderSettings
from transcribe.frames.targets import LOWEST_PITCH, draw_targets
from transcribe.frames.training import crop_loss, validate
from transcribe.heard import BEAT_DTYPE, DRUMS, HEARD_DTYPE, PEDAL_DTYPE
from transcribe.measures.matching import score_notes
from transcribe.spectra.log_frequency import log_frequency
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.clips import Clip
from transcribe.training_audio.sound_store import SoundStore, StoreWriter

NO_PEDALS, NO_BEATS = np.zeros(0, dtype=PEDAL_DTYPE), np.zeros(0, dtype=BEAT_DTYPE)


def plucked(notes: NDArray[np.void], seconds: float) -> NDArray[np.float32]:
    """Notes as decaying tones with six partials."""
    time = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    sound = np.zeros(len(time))
    for note in notes:
        since = time - note["onset_s"]
        heard = (since >= 0) & (since < note["offset_s"] - note["onset_s"] + 0.02)
        hz = 440 * 2 ** ((note["pitch"] - 69) / 12)
        shape = np.exp(-3 * since[heard]) * note["velocity"] / 127
        for partial in range(1, 7):
            if partial * hz < SAMPLE_RATE_HZ / 2:
                sound[heard] += shape * np.sin(2 * np.pi * partial * hz * since[heard]) / partial
    return (sound / max(float(np.abs(sound).max()), 1e-9) * 0.5).astype(np.float32)


def random_notes(rng: np.random.Generator, seconds: float, count: int) -> NDArray[np.void]:
    notes = np.zeros(count, dtype=HEARD_DTYPE)
    notes["onset_s"] = np.sort(rng.uniform(0.2, seconds - 0.6, count))
    notes["offset_s"] = notes["onset_s"] + rng.uniform(0.15, 0.5, count)
    notes["pitch"] = rng.permutation(np.arange(45, 93))[:count]
    notes["velocity"] = rng.integers(50, 120, count)
    notes["confidence"] = 1.0
    return notes


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of ten seconds."""
    folder = tmp_path_factory.mktemp("sound")
    writer = StoreWriter(folder, {"made": "by hand"})
    rng = np.random.default_rng(0)
    for _ in range(2):
        notes = random_notes(rng, 10.0, 40)
        samples = (plucked(notes, 10.0) * 32_767).astype(np.int16)
        beats = np.array([(0.5 * beat, beat % 4 + 1) for beat in range(20)], dtype=BEAT_DTYPE)
        pedals = np.array([(1.0, 3.0)], dtype=PEDAL_DTYPE)
        writer.add([Clip(samples, notes, pedals, beats, 4, 4, "train", "made", "plucked", (0,))])
    return folder


def test_a_triangle_stands_at_each_onset() -> None:
    notes = np.array([(1.0, 1.5, 60, 64, 3, 24, 1.0), (0.1, 0.2, 36, 127, DRUMS, 0, 1.0)], dtype=HEARD_DTYPE)
    pedals, beats = np.array([(0.32, 0.64)], dtype=PEDAL_DTYPE), np.array([(0.0, 1), (0.8, 2)], dtype=BEAT_DTYPE)
    drawn = draw_targets(notes, pedals, beats, 100, pedal_known=True, beats_known=True)
    key = 60 - LOWEST_PITCH
    np.testing.assert_allclose(drawn.onset[61:65, key], [0.25, 0.75, 0.75, 0.25])
    assert drawn.onset.sum() == pytest.approx(2.0)
    assert np.flatnonzero(drawn.frame[:, key]).tolist() == list(range(62, 94))
    assert drawn.velocity[62, key] == pytest.approx(64 / 127)
    assert drawn.families[62, key] == 1 << 3
    assert drawn.drums[:, DRUM_CLASS_OF_KEY[36]].sum() == pytest.approx(2.0)
    assert np.flatnonzero(drawn.pedal).tolist() == list(range(20, 40))
    assert drawn.beats[0].tolist() == [1.0, 1.0]
    assert drawn.beats[50].tolist() == [1.0, 0.0]


def test_notes_that_cannot_be_drawn_are_left_out() -> None:
    rows = [
        (-5.0, -4.0, 60, 64, 0, 0, 1.0),
        (9.0, 9.5, 60, 64, 0, 0, 1.0),
        (0.5, 0.6, 12, 64, 0, 0, 1.0),
        (0.5, 0.6, 99, 9, -1, 0, 1.0),
    ]
    drawn = draw_targets(np.array(rows, dtype=HEARD_DTYPE), NO_PEDALS, NO_BEATS, 100, pedal_known=False, beats_known=False)
    assert drawn.onset.max() == drawn.frame.max() == drawn.drums.max() == 0.0


def test_each_drum_key_has_one_class() -> None:
    assert sum(len(drum.keys) for drum in DRUM_CLASSES) == len(DRUM_CLASS_OF_KEY)
    assert DRUM_CLASSES[DRUM_CLASS_OF_KEY[38]].name == "snare"


def test_blocks_are_a_function_of_their_number(store: Path) -> None:
    source = CropSource(str(store), seed=3, frames=100, batch=2)
    one, again, other = make_block(source, 5), make_block(source, 5), make_block(source, 6)
    assert torch.equal(one[0].samples, again[0].samples)
    assert not torch.equal(one[0].samples, other[0].samples)
    assert one[0].pedal_weight.sum() <= one[0].weight.sum()


def test_the_ends_of_a_crop_do_not_count(store: Path) -> None:
    batch = validation_batches(str(store), 2, frames=100)[0]
    wanted = batch.targets()
    torch.manual_seed(0)
    with torch.no_grad():
        told = FrameModel(FrameModelConfig.tiny())(log_frequency(batch.samples))
    before = frame_losses(told, wanted)
    told.onset[:, :12] += 5.0
    assert float(frame_losses(told, wanted)["onset"]) == pytest.approx(float(before["onset"]))
    told.onset[:, 50] += 5.0
    assert float(frame_losses(told, wanted)["onset"]) > float(before["onset"]) + 0.5
    assert torch.isfinite(total_loss(told, wanted))


def test_a_run_goes_on_with_the_batch_where_it_stopped(store: Path) -> None:
    source = CropSource(str(store), frames=40, batch=1)
    whole = [batch for number in range(2) for batch in make_block(source, number)]
    later = list(itertools.islice(training.training_batches(source, 5, 1), 3))
    for one, other in zip(whole[5:], later, strict=True):
        assert torch.equal(one.samples, other.samples)


@pytest.mark.slow
def test_a_few_notes_are_learned_by_heart(store: Path) -> None:
    torch.manual_seed(0)
    model = FrameModel(FrameModelConfig(width=16, dilations=(1, 2, 4, 1), groups=4, pulse_width=16, pulse_dilations=(1, 2)))
    opened = SoundStore(store)
    clips = [opened.clip(index) for index in range(2)]
    batch = validation_batches(str(store), 4, frames=625)[0]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(110):
        if step == 80:
            optimizer.param_groups[0]["lr"] = 2e-3
        optimizer.zero_grad()
        crop_loss(model, batch).backward()
        optimizer.step()
    model.eval()
    assert validate(model, [batch])["onset"] < 0.2
    settings, _ = calibrate([example_of(model, clip) for clip in clips], DecoderSettings())
    listener = FrameListener(model, settings)
    for clip in clips:
        music, logits = listener.listen([clip.samples / np.float32(32_768)])
        assert score_notes(clip.notes, music.notes).f1 > 0.97
        assert len(logits) == 625


def test_a_step_makes_the_loss_smaller(store: Path) -> None:
    torch.manual_seed(0)
    model = FrameModel(FrameModelConfig.tiny())
    batch = make_block(CropSource(str(store), frames=60, batch=2), 0)[0]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = crop_loss(model, batch)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_a_listener_is_saved_and_loaded(tmp_path: Path) -> None:
    torch.manual_seed(0)
    listener = FrameListener(FrameModel(FrameModelConfig.tiny()).eval(), DecoderSettings(onset_bias=-0.5))
    listener.save_pretrained(tmp_path / "ear", "# An ear\n", {"preset": "tiny"}, store_as="float32")
    again = FrameListener.from_pretrained(tmp_path / "ear")
    assert again.settings == listener.settings
    assert again.model.config == listener.model.config
    sound = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    np.testing.assert_array_equal(again.listen([sound])[1], listener.listen([sound])[1])
    assert {family.name for family in FAMILIES} >= {"piano", "strings"}


def test_weights_of_another_kind_are_refused() -> None:
    with pytest.raises(CheckpointError, match="expected 'frames'"):
        FrameListener.from_pretrained("ddsp")


def test_runs_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="preset 'huge' is not known: expected one of tiny, cpu, gpu"):
        run_transcribe(tmp_path, 1.0, preset="huge")
    with pytest.raises(RequestError, match="holds no run to go on with"):
        run_transcribe(tmp_path, 1.0, resume=True)
    with pytest.raises(RequestError, match="expected a store of sound or SoundFonts for the train music"):
        run_transcribe(tmp_path, 1.0)


def test_a_run_leaves_a_model_that_hears(store: Path, tmp_path: Path) -> None:
    figures = run_transcribe(tmp_path / "run", 0.02, preset="tiny", store=store, validation=store, workers=1)
    listener = FrameListener.from_pretrained(figures["model"])
    assert listener.model.config.width == 24
    card = (tmp_path / "run/model/README.md").read_text()
    assert "plucked" in card
    assert "`partimento train transcribe --preset tiny" in card
