"""Strengths: where the reader looks, that it believes the frame model until it has learned, that it learns; laws of weighing."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from compose.training import TrainingPlan
from corpora.checkpoints import load_checkpoint, save_checkpoint
from corpora.errors import CheckpointError, RequestError
from transcribe.families import FAMILIES
from transcribe.frames import strength_looks, strength_training, weighing
from transcribe.frames.listener import LATER, FrameListener
from transcribe.frames.model import FrameModel, FrameModelConfig
from transcribe.frames.notes import NoteReader
from transcribe.frames.reader_run import run_reader
from transcribe.frames.settings import DecoderSettings
from transcribe.frames.stream import hear
from transcribe.frames.strength_looks import gathered, size_of
from transcribe.frames.strength_stretches import Stretch, gather_stretches, stretch_of
from transcribe.frames.strength_training import strength_loss, train_strengths
from transcribe.frames.strengths import StrengthReader, Struck
from transcribe.frames.weighing import STEP, WINDOW, weighed_velocities
from transcribe.heard import HEARD_DTYPE
from transcribe.spectra.log_frequency import NUM_BINS
from transcribe.training_audio.sound_store import SoundStore

WIDTH = 8  # of cells and notes
TINY = FrameModelConfig.tiny()


@pytest.fixture
def model() -> FrameModel:
    torch.manual_seed(0)
    return FrameModel(TINY).eval()


def reader_that_doubts(seed: int = 0) -> StrengthReader:
    """One whose last layer says something."""
    torch.manual_seed(seed)
    reader = StrengthReader(WIDTH, WIDTH).eval()
    torch.nn.init.normal_(reader.head.weight, std=0.1)
    return reader


def random_looks(seed: int, frames: int = 60) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    spectra = 5 * torch.rand(2, frames, NUM_BINS, generator=generator)
    return spectra, torch.rand(3, frames, 88, generator=generator), torch.rand(WIDTH, frames, 88, generator=generator)


def random_struck(seed: int, notes: int, batch: int = 1) -> Struck:
    generator = torch.Generator().manual_seed(seed)
    return Struck(
        looks=torch.randn(batch, notes, WIDTH, generator=generator),
        told=torch.rand(batch, notes, generator=generator),
        pitch=torch.randint(0, 88, (batch, notes), generator=generator),
        onset_s=torch.rand(batch, notes, generator=generator).cumsum(1) * 0.2,
        family=torch.randint(0, len(FAMILIES), (batch, notes), generator=generator),
        there=torch.ones(batch, notes, dtype=torch.bool),
    )


def heard_notes(count: int, seed: int = 0) -> tuple[np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    notes = np.zeros(count, dtype=HEARD_DTYPE)
    notes["onset_s"] = np.cumsum(rng.uniform(0.02, 0.2, count))
    notes["offset_s"] = notes["onset_s"] + 0.3
    notes["pitch"], notes["velocity"] = rng.integers(30, 90, count), rng.integers(1, 128, count)
    return notes, list(rng.normal(size=(count, WIDTH)).astype(np.float32))


def test_looks_move_with_the_note() -> None:
    """A note some frames later and some semitones higher, in music that is moved as a whole, is looked at alike."""
    spectra, told, cells = random_looks(0)
    one = gathered(spectra, told, cells, torch.tensor([[25, 40]]))
    assert one.shape == (1, size_of(WIDTH))
    higher, later = 3, 7
    moved = [torch.zeros_like(part) for part in (spectra, told, cells)]
    moved[0][:, later:, 3 * higher :] = spectra[:, :-later, : NUM_BINS - 3 * higher]
    for new, old in zip(moved[1:], (told, cells), strict=True):
        new[:, later:, higher:] = old[:, :-later, :-higher]
    other = gathered(*moved, torch.tensor([[25 + later, 40 + higher]]))
    same = (one == other).float().mean()
    assert same > 0.85  # all but what lies beyond an end of the spectrum or the keyboard


def test_outside_is_silence_and_nothing_looks_further_than_it_says() -> None:
    spectra, told, cells = random_looks(1)
    corners = torch.tensor([[0, 0], [59, 87], [0, 87], [59, 0]])
    assert torch.isfinite(gathered(spectra, told, cells, corners)).all()
    longest = strength_looks.MARGIN
    quiet = [torch.nn.functional.pad(part, (0, 0, longest, longest)) for part in (spectra, told, cells)]
    shifted = corners + torch.tensor([longest, 0])
    assert torch.equal(gathered(*quiet, shifted), gathered(spectra, told, cells, corners))
    assert max(strength_looks.CELL_MOMENTS) <= strength_looks.CELLS_AHEAD


def test_untrained_it_believes_the_frame_model() -> None:
    reader = StrengthReader(WIDTH, WIDTH).eval()
    struck = random_struck(0, 20)
    torch.testing.assert_close(reader.weigh(struck), struck.told)


def test_what_fills_up_changes_nothing() -> None:
    reader, struck = reader_that_doubts(), random_struck(1, 30)
    filled = Struck(**{name: torch.cat([value, torch.zeros_like(value[:, :10])], 1) for name, value in vars(struck).items()})
    with torch.no_grad():
        alone, both = reader.weigh(struck), reader.weigh(filled)
    assert (alone - struck.told).abs().max() > 1e-3
    torch.testing.assert_close(both[:, :30], alone, atol=1e-5, rtol=1e-4)


def test_order_does_not_matter_and_what_was_not_looked_at_stays() -> None:
    reader = reader_that_doubts()
    notes, looks = heard_notes(200)
    some: list[np.ndarray | None] = [look if row % 5 else None for row, look in enumerate(looks)]
    told = weighed_velocities(notes, some, reader)
    assert (told[::5] == notes["velocity"][::5]).all()
    assert (told != notes["velocity"]).mean() > 0.5
    shuffled = np.random.default_rng(0).permutation(200)
    again = weighed_velocities(notes[shuffled], [some[row] for row in shuffled.tolist()], reader)
    np.testing.assert_array_equal(again, told[shuffled])
    assert told.min() >= 1
    assert told.max() <= 127


@pytest.mark.parametrize("count", [0, 1, 2, STEP - 1, STEP, STEP + 1, WINDOW, WINDOW + 1, 2 * WINDOW + 3])
def test_any_number_of_notes(count: int) -> None:
    notes, looks = heard_notes(count)
    told = weighed_velocities(notes, looks, reader_that_doubts())
    assert told.shape == (count,)
    assert ((told >= 1) & (told <= 127)).all()


def test_levels_of_windows_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    notes, looks = heard_notes(5000)
    rng = np.random.default_rng(2)
    notes["velocity"] = np.rint(64 + 30 * np.sin(np.arange(5000) / 700))

    def told(rows: np.ndarray, own: np.ndarray, reader: StrengthReader) -> np.ndarray:
        return rows["velocity"] / 127 + rng.normal(0.0, 0.1)

    monkeypatch.setattr(weighing, "_told", told)
    found = weighed_velocities(notes, looks, reader_that_doubts()).astype(float)
    wrong = found - notes["velocity"]
    assert np.abs(wrong - wrong.mean()).max() < 7  # each window is off by 13 in the mean square


def test_windows_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    notes, looks = heard_notes(900)
    reader = reader_that_doubts()
    usual = weighed_velocities(notes, looks, reader).astype(int)
    monkeypatch.setattr(weighing, "WINDOW", 300)
    monkeypatch.setattr(weighing, "STEP", 150)
    assert np.abs(weighed_velocities(notes, looks, reader).astype(int) - usual).mean() < 2.0


def test_looks_are_the_same_in_pieces(model: FrameModel) -> None:
    torch.nn.init.constant_(model.cell_head.bias[:1], -1.6)  # onsets in many places
    sound = (0.1 * np.random.default_rng(0).normal(size=16_000 * 3)).astype(np.float32)
    (whole,) = hear([sound], model, 10_000)
    for chunk in (50, 111):
        parts = [part.looks for part in hear([sound], model, chunk)]
        frame = np.concatenate([part.frame for part in parts])
        assert len(frame) > 100
        assert (np.diff(frame) >= 0).all()
        np.testing.assert_array_equal(frame, whole.looks.frame)
        np.testing.assert_array_equal(np.concatenate([part.pitch for part in parts]), whole.looks.pitch)
        np.testing.assert_allclose(np.concatenate([part.kept for part in parts]), whole.looks.kept, atol=1e-4)


def test_a_note_has_the_look_of_its_onset(model: FrameModel) -> None:
    torch.nn.init.constant_(model.cell_head.bias[:1], 0.5)
    sound = (0.1 * np.random.default_rng(1).normal(size=16_000 * 2)).astype(np.float32)
    reader = NoteReader(DecoderSettings())
    for part in hear([sound], model, 40):
        reader.feed(part)
    reader.finish()
    plain, weighed = reader.settled(), reader.settled(model.strengths)
    assert len(plain) > 20
    np.testing.assert_array_equal(plain, weighed)  # untrained
    torch.nn.init.normal_(model.strengths.head.weight, std=0.3)
    assert (reader.settled(model.strengths)["velocity"] != plain["velocity"]).mean() > 0.5


def test_the_loss_is_of_differences_in_tolerances(piano_and_others: Path, model: FrameModel) -> None:
    stretch = stretch_of(model, SoundStore(piano_and_others).clip(0).sound, SoundStore(piano_and_others).clip(0).notes)
    assert stretch is not None
    rng = np.random.default_rng(0)
    batch = strength_training._batch([stretch], rng)
    played = batch.velocity

    class Says(torch.nn.Module):
        def __init__(self, errors: torch.Tensor) -> None:
            super().__init__()
            self.errors = errors

        def forward(self, struck: Struck) -> torch.Tensor:
            return played + self.errors

    tolerance = 0.1 * float(batch.ranges[0])
    signs = torch.where(torch.arange(played.shape[1]) % 2 == 0, 1.0, -1.0)
    if played.shape[1] % 2:
        signs[-1] = 0.0
    count = signs.abs().sum() / len(signs)
    assert float(strength_loss(Says(torch.zeros(played.shape)), batch)) == 0.0
    assert float(strength_loss(Says(signs * tolerance), batch)) == pytest.approx(0.5 * float(count), rel=1e-4)
    assert float(strength_loss(Says(3 * signs * tolerance), batch)) == pytest.approx(2.5 * float(count), rel=1e-4)
    alike = strength_loss(Says(torch.full(played.shape, 3 * tolerance)), batch)
    assert float(alike) == pytest.approx(strength_training.ABSOLUTE * 9, rel=1e-3)


def test_batches_are_a_function_of_their_step(piano_and_others: Path, model: FrameModel) -> None:
    stretches = gather_stretches(model, SoundStore(piano_and_others), 1.0)
    assert len(stretches) == 3
    third = list(itertools.islice(strength_training._batches(stretches, 5, 0), 3))[2]
    again = next(strength_training._batches(stretches, 5, 2))
    assert torch.equal(third.struck.looks, again.struck.looks)
    assert torch.equal(third.struck.family, again.struck.family)


def test_strengths_are_learned(piano_and_others: Path, tmp_path: Path, model: FrameModel) -> None:
    """An untrained frame model's cells and the spectra tell more than its velocities, which are all alike."""
    stretches = gather_stretches(model, SoundStore(piano_and_others), 1.0)
    batch = strength_training._batch(stretches, np.random.default_rng(0))
    with torch.no_grad():
        before = float(strength_loss(model.strengths, batch))
    plan = TrainingPlan(steps=30, learning_rate=5e-3, averaging=0.8)
    figures = train_strengths(tmp_path / "run", model, stretches, plan)
    with torch.no_grad():
        assert float(strength_loss(model.strengths, batch)) < 0.7 * before
    assert figures["loss"] > 0
    usual = model.strengths.usual.clone()
    train_strengths(tmp_path / "further", model, stretches[:2], TrainingPlan(steps=1))
    assert torch.equal(model.strengths.usual, usual)  # what it knows stays
    with pytest.raises(ValueError, match="got 1 in all"):
        train_strengths(tmp_path / "other", model, stretches[:1], plan)


def test_few_notes_and_notes_beyond_the_keyboard_teach_nothing(model: FrameModel) -> None:
    notes = np.zeros(20, dtype=HEARD_DTYPE)
    notes["pitch"] = 5
    assert stretch_of(model, np.zeros(16_000, dtype=np.float32), notes) is None
    notes["pitch"][:9], notes["onset_s"] = 108, 30.0  # after the end
    stretch = stretch_of(model, np.zeros(16_000, dtype=np.float32), notes)
    assert isinstance(stretch, Stretch)
    assert len(stretch.told) == 9


def test_weights_from_before_strengths_load(tmp_path: Path, model: FrameModel) -> None:
    config = {"kind": "frames", "model": model.config.to_dict(), "decoder": DecoderSettings().to_dict(), "about": {}}
    tensors = {name: value for name, value in model.state_dict().items() if not name.startswith(LATER)}
    save_checkpoint(tmp_path / "old", tensors, config, "# An ear\n")
    old = FrameListener.from_pretrained(tmp_path / "old").model
    assert not old.strengths.has_learned
    assert not old.ends.has_learned
    for missing in ("stem.pitch", "timbre.layers.0.bias"):
        save_checkpoint(tmp_path / missing, {name: tensors[name] for name in tensors if name != missing}, config, "# An ear\n")
        with pytest.raises(CheckpointError, match=missing):
            FrameListener.from_pretrained(tmp_path / missing)


def test_a_run_teaches_a_listener(piano_and_others: Path, tmp_path: Path, model: FrameModel) -> None:
    FrameListener(model, DecoderSettings()).save_pretrained(tmp_path / "ear", "# An ear\n", {"seed": 1}, store_as="float32")
    figures = run_reader("strengths", tmp_path / "run", 0.1, start=str(tmp_path / "ear"), stores=[piano_and_others])
    taught = FrameListener.from_pretrained(figures["model"]).model
    assert taught.strengths.has_learned
    torch.testing.assert_close(taught.timbre.layers[0].weight, model.timbre.layers[0].weight, atol=1e-3, rtol=1e-2)
    config = load_checkpoint(Path(figures["model"])).config
    assert config["about"]["seed"] == 1
    assert config["about"]["strengths"]["minutes"] == 0.1
    with pytest.raises(RequestError, match="holds a run"):
        run_reader("strengths", tmp_path / "run", 0.1, start=str(tmp_path / "ear"), stores=[piano_and_others])


def test_runs_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        run_reader("strengths", tmp_path / "run", 1.0, start=str(tmp_path / "nowhere"))
    with pytest.raises(RequestError, match="neither"):
        run_reader("strengths", tmp_path / "run", 1.0, start="frames")
