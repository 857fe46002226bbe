"""What the frame model is trained on: short crops of the clips of a sound store, varied, with their targets.

A crop is a pure function of (seed, number): blocks of batches are made in processes beside the trainer
(``compose.ordered_blocks``). Frames near the ends of a crop, whose surroundings are cut off, do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from corpora.piece import Table
from transcribe.families import FAMILIES
from transcribe.frames.loss import TargetBatch
from transcribe.frames.targets import draw_targets
from transcribe.heard import DRUMS
from transcribe.spectra.timing import HOP_SAMPLES, SAMPLE_RATE_HZ
from transcribe.training_audio.augmentation import augment, changed_pitch, mix
from transcribe.training_audio.clips import Clip
from transcribe.training_audio.passages import DRUM_PROGRAM
from transcribe.training_audio.sound_store import SoundStore, StoredClip

__all__ = ["CropBatch", "CropSource", "make_block", "validation_batches"]

BLOCK = 4  # batches made together
BLIND_FRAMES = 12  # at either end
FULL_SCALE = 32_768.0
PIANOS = range(8)
DRUMS_ALONE = "drums alone"
KINDS = ("pianos", "others", "with drums", DRUMS_ALONE)  # of clips
ONLY_DRUMS = (0.0, 0.0, 0.0, 1.0)
MIX_SHARE, DRUMS_OVER = 0.2, 0.5  # of the crops are laid over another one; of these are drums
DRUM_CENTS = 600.0


@dataclass(frozen=True)
class CropSource:
    """Where crops come from; small and picklable.

    Args:
        store: Folder of a sound store.
        seed: Of all choices.
        frames: Of a crop.
        batch: Crops in a batch.
        varied: Whether they are augmented and mixed.
        shares: How often each kind of ``KINDS`` is drawn.
        mixed: How often another crop is laid over one that is varied.
    """

    store: str
    seed: int = 0
    frames: int = 400
    batch: int = 4
    varied: bool = True
    shares: tuple[float, ...] = (0.42, 0.36, 0.12, 0.1)
    mixed: float = MIX_SHARE


@dataclass(frozen=True, eq=False)
class CropBatch:
    """A batch before the spectrograms: sound, and targets in a small form."""

    samples: Float[Tensor, "batch sample"]
    onset: Float[Tensor, "batch time 88"]
    frame: Float[Tensor, "batch time 88"]
    offset: Float[Tensor, "batch time 88"]
    velocity: Float[Tensor, "batch time 88"]
    families: Int[Tensor, "batch time 88"]
    drums: Float[Tensor, "batch time drum"]
    drum_velocity: Float[Tensor, "batch time drum"]
    pedal: Float[Tensor, "batch time"]
    beats: Float[Tensor, "batch time 2"]
    weight: Float[Tensor, "batch time"]
    pedal_weight: Float[Tensor, "batch time"]
    beat_weight: Float[Tensor, "batch time"]

    def targets(self) -> TargetBatch:
        """The targets as the loss wants them."""
        bits = torch.arange(len(FAMILIES), device=self.families.device).view(1, -1, 1, 1)
        families = (self.families[:, None] >> bits) & 1
        return TargetBatch(
            onset=self.onset,
            frame=self.frame,
            offset=self.offset,
            velocity=self.velocity,
            families=families.to(self.onset.dtype),
            drums=self.drums,
            drum_velocity=self.drum_velocity,
            pedal=self.pedal,
            beats=self.beats,
            weight=self.weight,
            pedal_weight=self.pedal_weight,
            beat_weight=self.beat_weight,
        )


@lru_cache(maxsize=4)
def _store(folder: str) -> SoundStore:
    return SoundStore(Path(folder))


@dataclass(frozen=True, eq=False)
class _Crop:
    samples: NDArray[np.float32]
    notes: Table
    pedals: Table
    beats: Table
    pedal_known: bool
    beats_known: bool


def _shifted(table: Table, by_s: float, length_s: float) -> Table:
    """Rows of a table of times that touch the crop, counted from its start."""
    names = [name for name in ("onset_s", "offset_s", "time_s") if name in (table.dtype.names or ())]
    out = table.copy()
    for name in names:
        out[name] -= by_s
    return out[(out[names[-1]] > 0) & (out[names[0]] < length_s)]


def _cut(clip: Clip, first: int, samples: int) -> _Crop:
    """Part of a clip."""
    sound = np.zeros(samples, dtype=np.float32)
    part = clip.samples[first : first + samples]
    sound[: len(part)] = part / np.float32(FULL_SCALE)
    start_s, length_s = first / SAMPLE_RATE_HZ, samples / SAMPLE_RATE_HZ
    tables = [_shifted(table, start_s, length_s) for table in (clip.notes, clip.pedals, clip.beats)]
    pedal_known = all(program in PIANOS for program in clip.programs)
    return _Crop(sound, tables[0], tables[1], tables[2], pedal_known, len(clip.beats) > 0)


def _kind(clip: StoredClip) -> int:
    """Index into ``KINDS``."""
    if set(clip.programs) == {DRUM_PROGRAM}:
        return 3
    if DRUM_PROGRAM in clip.programs:
        return 2
    return int(any(program not in PIANOS for program in clip.programs))


@lru_cache(maxsize=4)
def _kinds(store: SoundStore) -> list[NDArray[np.int64]]:
    """Clips of each kind in ``KINDS``."""
    kinds = np.array([_kind(clip) for clip in store.clips])
    return [np.flatnonzero(kinds == kind) for kind in range(len(KINDS))]


def _draw(store: SoundStore, samples: int, shares: Sequence[float], rng: np.random.Generator) -> _Crop:
    """A crop of a clip; kinds that the store has none of are left out, and all are drawn alike where no other is wanted."""
    kinds = _kinds(store)
    chances = np.array([share if len(own) else 0.0 for share, own in zip(shares, kinds, strict=True)])
    if not chances.sum():
        chances = np.array([float(len(own)) for own in kinds])
    clip = store.clip(int(rng.choice(kinds[int(rng.choice(len(kinds), p=chances / chances.sum()))])))
    first = int(rng.integers(max(len(clip.samples) - samples, 0) + 1))
    return _cut(clip, first, samples)


def _as_heard(crop: _Crop, rng: np.random.Generator) -> tuple[NDArray[np.float32], Table, Table, Table]:
    """The crop as another microphone would have it; drums alone also of another size, as there are few drum kits."""
    parts = crop.samples, crop.notes, crop.pedals, crop.beats
    if len(crop.notes) and (crop.notes["family"] == DRUMS).all():
        parts = changed_pitch(*parts, float(rng.uniform(-DRUM_CENTS, DRUM_CENTS)))
    return augment(*parts, rng)


def _varied(crop: _Crop, other: _Crop | None, rng: np.random.Generator) -> _Crop:
    """The crop changed at random, perhaps with another one over it."""
    samples, notes, pedals, beats = _as_heard(crop, rng)
    known = crop.pedal_known, crop.beats_known
    if other is not None:
        more, other_notes, _, _ = _as_heard(other, rng)
        samples, notes = mix(samples, notes, more, other_notes, rng)
        known = False, False
    return _Crop(samples, notes, pedals, beats, *known)


def make_block(source: CropSource, number: int) -> list[CropBatch]:
    """``BLOCK`` batches from batch ``BLOCK * number`` on: a pure function of its arguments, as long as the store does not grow.

    Args:
        source: Where crops come from.
        number: From 0.
    """
    store, samples = _store(source.store), source.frames * HOP_SAMPLES
    rng = np.random.default_rng([source.seed, number])
    batches = []
    for _ in range(BLOCK):
        crops = []
        for _ in range(source.batch):
            crop = _draw(store, samples, source.shares, rng)
            if source.varied:
                over = ONLY_DRUMS if rng.random() < DRUMS_OVER else source.shares
                crop = _varied(crop, _draw(store, samples, over, rng) if rng.random() < source.mixed else None, rng)
            crops.append(crop)
        batches.append(collate(crops, source.frames))
    return batches


def collate(crops: Sequence[_Crop], frames: int) -> CropBatch:
    """A batch of crops of one length."""
    drawn = [
        draw_targets(crop.notes, crop.pedals, crop.beats, frames, pedal_known=crop.pedal_known, beats_known=crop.beats_known)
        for crop in crops
    ]
    weight = np.zeros((len(crops), frames), dtype=np.float32)
    weight[:, BLIND_FRAMES : frames - BLIND_FRAMES] = 1.0
    known = np.array([[one.pedal_known, one.beats_known] for one in drawn], dtype=np.float32)

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(one, name) for one in drawn]))

    return CropBatch(
        samples=torch.from_numpy(np.stack([crop.samples for crop in crops])),
        onset=stacked("onset"),
        frame=stacked("frame"),
        offset=stacked("offset"),
        velocity=stacked("velocity"),
        families=stacked("families").int(),
        drums=stacked("drums"),
        drum_velocity=stacked("drum_velocity"),
        pedal=stacked("pedal"),
        beats=stacked("beats"),
        weight=torch.from_numpy(weight),
        pedal_weight=torch.from_numpy(weight * known[:, :1]),
        beat_weight=torch.from_numpy(weight * known[:, 1:]),
    )


def validation_batches(store: str, crops: int, frames: int = 400, seed: int = 1) -> list[CropBatch]:
    """Crops of a store as they are, the same for the same arguments.

    Args:
        store: Folder.
        crops: How many at least.
        frames: Of each.
        seed: Of the choice.
    """
    source = CropSource(store, seed, frames, varied=False)
    out: list[CropBatch] = []
    while len(out) * source.batch < crops:
        out += make_block(source, len(out) // BLOCK)
    return out
