"""The readers of drums and timbre: where they look, and that they learn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from transcribe.families import FAMILIES
from transcribe.frames.crops import CropBatch, validation_batches
from transcribe.frames.drum_reader import REACH, DrumReader, DrumReaders
from transcribe.frames.drum_training import train_drums
from transcribe.frames.drums import DRUM_CLASSES
from transcribe.frames.loss import drum_losses
from transcribe.frames.timbre import BELOW, HEIGHT, LOOKS_AHEAD, SEMITONES, TimbreReader, patches, semitone_levels
from transcribe.frames.timbre_training import Onsets, gather_onsets, learn_onsets, onsets_of, train_timbre
from transcribe.spectra.log_frequency import NUM_BINS, log_frequency
from transcribe.training_audio.clips import make_clip
from transcribe.training_audio.drums import random_drums
from transcribe.training_audio.random_music import random_passage
from transcribe.training_audio.sound_store import StoreWriter
from transcribe.training_audio.synthetic_kit import SyntheticKit
from transcribe.training_audio.synthetic_voice import SyntheticVoice


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of drums, and of two instruments."""
    folder = tmp_path_factory.mktemp("sound")
    writer = StoreWriter(folder, {"made": "by hand"})
    rng = np.random.default_rng(0)
    for passage, voice in (
        (random_drums(rng, 8.0), SyntheticKit(rng).play),
        (random_passage(rng, 8.0, (73, 24)), SyntheticVoice(rng).play),
    ):
        clip = make_clip(passage, voice, rng, split="train", piece="made", voice_name="synthetic", played_rate_hz=32_000)
        assert clip is not None
        writer.add([clip])
    return folder


@pytest.fixture(scope="module")
def batch(store: Path) -> CropBatch:
    return validation_batches(str(store), 4, frames=120)[0]


def endless(batch: CropBatch) -> Iterator[CropBatch]:
    while True:
        yield batch


def test_drums_are_told_from_near_frames_alone() -> None:
    torch.manual_seed(0)
    reader = DrumReader().eval()
    spectra = torch.rand(8, 2, 60, NUM_BINS) * 5
    with torch.no_grad():
        before = reader(spectra).drums
        spectra[:, :, 30] = 0.0
        changed = (reader(spectra).drums != before).any(-1).any(0)  # in some of them: at the ends all paths may be shut
        quiet = torch.cat([spectra, torch.zeros(8, 2, 20, NUM_BINS)], 2)
        longer = reader(quiet).drums[:, :60]
    assert before.shape == (8, 60, len(DRUM_CLASSES))
    assert torch.nonzero(changed).flatten().tolist() == list(range(30 - REACH, 30 + REACH + 1))
    torch.testing.assert_close(longer, reader(spectra).drums, rtol=1e-4, atol=1e-5)


def test_drums_are_learned_by_heart(batch: CropBatch) -> None:
    torch.manual_seed(0)
    reader = DrumReaders(2)
    optimizer = torch.optim.AdamW(reader.parameters(), lr=3e-3)
    spectra = log_frequency(batch.samples)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        loss = drum_losses(reader(spectra), batch.drums, batch.drum_velocity, batch.weight)["drums"]
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.4 * losses[0]


def test_readers_asked_together_say_their_mean() -> None:
    torch.manual_seed(0)
    both = DrumReaders(2).eval()
    spectra = torch.rand(1, 2, 20, NUM_BINS) * 5
    with torch.no_grad():
        told, one, other = both(spectra), *(reader(spectra) for reader in both.readers)
    torch.testing.assert_close(told.drums, (one.drums + other.drums) / 2)
    torch.testing.assert_close(told.drum_velocity, (one.drum_velocity + other.drum_velocity) / 2)
    assert (one.drums - other.drums).abs().max() > 1e-4


def test_training_alone_ends_in_time_and_ready_to_hear(batch: CropBatch) -> None:
    drums, timbre = DrumReaders(1), TimbreReader()
    assert 0 < train_drums(drums, endless(batch), 0.01) < 50
    assert 0 < train_timbre(timbre, endless(batch), 0.01) < 10
    assert not drums.training
    assert not timbre.training


def test_a_patch_has_the_pitch_at_its_place() -> None:
    levels = torch.zeros(1, 2, 50, SEMITONES)
    levels[0, :, 20, 40] = 7.0
    place = torch.tensor([[0, 20, 40]])
    looked_at = patches(levels, place).view(-1, HEIGHT)
    assert looked_at.max() == 7.0
    assert (looked_at == 7.0).nonzero()[:, 1].tolist() == [BELOW]  # the quick spectrogram alone is looked at in the very frame
    assert not patches(levels, torch.tensor([[0, 20 + LOOKS_AHEAD, 40]])).any()
    edges = patches(levels, torch.tensor([[0, 0, 0], [0, 49, 87]]))
    assert not edges.any()


def test_a_patch_moves_with_time_and_pitch() -> None:
    spectra = torch.rand(2, 2, 80, NUM_BINS)
    moved = torch.zeros_like(spectra)
    moved[:, :, 3:, 6:] = spectra[:, :, :-3, :-6]
    one = patches(semitone_levels(spectra), torch.tensor([[1, 30, 30]]))
    other = patches(semitone_levels(moved), torch.tensor([[1, 33, 32]]))
    assert torch.equal(one, other)


def test_families_are_judged_by_probability() -> None:
    torch.manual_seed(0)
    reader = TimbreReader().eval()
    with torch.no_grad():
        told = reader(torch.rand(1, 2, 60, NUM_BINS) * 6, torch.tensor([[0, 5, 3], [0, 55, 80]]))
    torch.testing.assert_close(torch.sigmoid(told).sum(1), torch.ones(2))


def test_onsets_are_gathered_with_their_families(batch: CropBatch) -> None:
    places, families = onsets_of(batch)
    onsets = gather_onsets(iter([batch, batch]), 60.0)
    assert len(onsets.pitch) == 2 * len(places) > 10
    assert torch.equal(onsets.families[: len(places)], families)
    assert {FAMILIES[index].name for index in families.argmax(1).tolist()} <= {"guitar", "pipe"}
    assert len(gather_onsets(iter([]), 60.0).pitch) == 0


def test_what_differs_is_told_apart() -> None:
    generator = torch.Generator().manual_seed(0)
    families = torch.zeros(200, len(FAMILIES))
    families[torch.arange(200), torch.arange(200) % 3] = 1.0
    looked_at = torch.rand(200, 1071, generator=generator) * 3 + 1
    looked_at[:, :250] += 3 * families[:, :1]
    looked_at[:, 400:650] += 3 * families[:, 1:2]
    onsets = Onsets(looked_at, torch.randint(88, (200,), generator=generator), families)
    torch.manual_seed(0)
    reader = TimbreReader()
    learn_onsets(reader, onsets, 9.0)
    with torch.no_grad():
        told = reader.judge(looked_at, onsets.pitch)
    assert (told.argmax(1) == families.argmax(1)).float().mean() > 0.9
