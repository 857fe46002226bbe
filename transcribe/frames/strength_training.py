"""Teach a frame model's reader of strengths, after the frame model itself, from the clips of a sound store.

The frame model stays as it is. What is looked at about each onset is gathered first, and then learned from many times, a stretch of
each clip at a time. What counts are differences within a stretch, in units of what they are measured by, a tenth of the range of
the clip's strengths (``transcribe.measures.matching``): how hard all was played on the whole is not in the sound.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from compose.devices import best_device, device_of, moved
from compose.run_folder import steps_done
from compose.training import TrainingPlan, train
from corpora.piece import Table
from transcribe.families import FAMILIES
from transcribe.frames.model import FrameModel, heard_cells
from transcribe.frames.strength_looks import gathered
from transcribe.frames.strengths import Struck
from transcribe.frames.targets import LOWEST_PITCH, MAX_VELOCITY, NUM_PITCHES
from transcribe.heard import DRUMS, sort_heard
from transcribe.spectra.log_frequency import log_frequency
from transcribe.spectra.timing import FRAME_RATE_HZ
from transcribe.training_audio.augmentation import augment
from transcribe.training_audio.sound_store import SoundStore

__all__ = ["Stretch", "gather_stretches", "learn_strengths", "strength_loss", "strength_plan", "stretch_of", "train_strengths"]

LEARNING_RATE, FURTHER_RATE, WEIGHT_DECAY = 1.2e-3, 8e-4, 0.05
CHANGED = 0.6  # share of the clips that are augmented
MOST_NOTES = 1_000_000  # of 2.4 kB
NOTES, STRETCHES = 320, 6  # of a step
FEWEST_NOTES = 8
HELD_OUT = 16  # one clip of so many is not learned from
LEAST_RANGE = 0.15
TOLERANCE = 0.1  # of the range
ABSOLUTE = 0.02  # what the mean error of a stretch counts
OTHER_FAMILY = 0.1  # how often a note is given another one's, as the frame model errs
SAY_EVERY_S = 20.0
GATHERING = 0.4  # share of the time
FEWEST_STRETCHES = 2


@dataclass(frozen=True, eq=False)
class Stretch:
    """The notes of a clip by onset.

    Args:
        looked_at: Of ``transcribe.frames.strength_looks.gathered``, float16.
        told: Velocity, 0 to 1, that the frame model heard.
        pitch: From the lowest.
        onset_s: Seconds.
        family: Index into FAMILIES.
        velocity: What was played, 0 to 1.
    """

    looked_at: Float[Tensor, "note size"]
    told: Float[Tensor, " note"]
    pitch: Int[Tensor, " note"]
    onset_s: Float[Tensor, " note"]
    family: Int[Tensor, " note"]
    velocity: Float[Tensor, " note"]


@dataclass(frozen=True, eq=False)
class StrengthBatch:
    """Parts of stretches: ``struck`` with looks of ``gathered`` in float16, what was played, and the ranges of the clips."""

    struck: Struck
    velocity: Float[Tensor, "batch note"]
    ranges: Float[Tensor, " batch"]


@torch.inference_mode()
def stretch_of(model: FrameModel, sound: NDArray[np.float32], notes: Table) -> Stretch | None:
    """What is to be learned from a sound; None where it has few notes.

    Args:
        model: In evaluation mode.
        sound: Mono at 16 kHz.
        notes: HEARD_DTYPE rows, what was played.
    """
    inside = (notes["pitch"] >= LOWEST_PITCH) & (notes["pitch"] < LOWEST_PITCH + NUM_PITCHES)
    pitched = sort_heard(notes[inside & (notes["family"] != DRUMS)])
    if len(pitched) < FEWEST_NOTES:
        return None
    place = device_of(model)
    spectra = log_frequency(torch.from_numpy(np.ascontiguousarray(sound, dtype=np.float32))[None].to(place))
    half = model.hear(spectra)
    frame = np.clip(np.rint(pitched["onset_s"] * FRAME_RATE_HZ).astype(np.int64), 0, spectra.shape[2] - 1)
    pitch = pitched["pitch"].astype(np.int64) - LOWEST_PITCH
    places = torch.from_numpy(np.stack([frame, pitch], 1)).to(place)
    cells = heard_cells(half)
    return moved(
        Stretch(
            looked_at=gathered(spectra[0], cells, half.vectors[:, 0], places).half(),
            told=_told_at(cells[0], cells[2], places),
            pitch=places[:, 1].clone(),
            onset_s=torch.from_numpy(pitched["onset_s"].astype(np.float32)),
            family=torch.from_numpy(pitched["family"].astype(np.int64)),
            velocity=torch.from_numpy(pitched["velocity"].astype(np.float32) / MAX_VELOCITY),
        ),
        torch.device("cpu"),
    )


def _told_at(onset: Tensor, velocity: Tensor, places: Tensor) -> Float[Tensor, " note"]:
    """The frame model's velocities of onsets: of three frames about each, by how likely it begins there."""
    times = (places[:, :1] + torch.arange(-1, 2, device=places.device)).clamp(0, len(onset) - 1)
    weight = onset[times, places[:, 1:]] + 1e-6
    return (velocity[times, places[:, 1:]] * weight).sum(1) / weight.sum(1)


def gather_stretches(
    model: FrameModel, store: SoundStore, minutes: float, seed: int = 0, say: Callable[[str], None] | None = None
) -> list[Stretch]:
    """Of a store's clips in random order, most of them augmented, until the time is used, each was heard, or there is no more room.

    Args:
        model: In evaluation mode.
        store: Of sound.
        minutes: Wall time.
        seed: Of order and augmentation.
        say: Hears how many notes there are now and then.
    """
    out: list[Stretch] = []
    notes = 0
    started = said = time.monotonic()
    for index in np.random.default_rng(seed).permutation(len(store)).tolist():
        clip, rng = store.clip(index), np.random.default_rng([seed, index])
        sound, own = clip.sound, clip.notes
        if rng.random() < CHANGED:
            changed = augment(sound, own, clip.pedals, clip.beats, rng)
            sound, own = changed[0], changed[1]
        stretch = stretch_of(model, sound, own)
        if stretch is not None:
            out.append(stretch)
            notes += len(stretch.told)
        now = time.monotonic()
        if say is not None and now - said > SAY_EVERY_S:
            said = now
            say(f"strengths: {notes} notes")
        if now - started > 60 * minutes or notes >= MOST_NOTES:
            break
    return out


def _batches(stretches: Sequence[Stretch], seed: int, step: int) -> Iterator[StrengthBatch]:
    """Endless; the same from a step on whatever came before."""
    while True:
        rng = np.random.default_rng([seed, step])
        yield _batch([stretches[index] for index in rng.integers(len(stretches), size=STRETCHES).tolist()], rng)
        step += 1


def _batch(stretches: Sequence[Stretch], rng: np.random.Generator) -> StrengthBatch:
    """A part of each stretch."""
    firsts = [int(rng.integers(max(len(stretch.told) - NOTES, 0) + 1)) for stretch in stretches]
    parts = [
        Stretch(**{column.name: getattr(stretch, column.name)[first : first + NOTES] for column in fields(Stretch)})
        for stretch, first in zip(stretches, firsts, strict=True)
    ]
    longest = max(len(part.told) for part in parts)

    def filled(name: str) -> Tensor:
        columns = [getattr(part, name) for part in parts]
        return torch.stack([functional.pad(c, (0, 0) * (c.ndim - 1) + (0, longest - len(c))) for c in columns])

    family = filled("family")
    drawn = torch.from_numpy(rng.integers(len(FAMILIES), size=tuple(family.shape)))
    other = torch.from_numpy(rng.random(tuple(family.shape)) < OTHER_FAMILY)
    struck = Struck(
        looks=filled("looked_at"),
        told=filled("told"),
        pitch=filled("pitch"),
        onset_s=filled("onset_s"),
        family=torch.where(other, drawn, family),
        there=torch.stack([torch.arange(longest) < len(part.told) for part in parts]),
    )
    ranges = torch.stack([stretch.velocity.max() - stretch.velocity.min() for stretch in stretches]).clamp(min=LEAST_RANGE)
    return StrengthBatch(struck, filled("velocity"), ranges)


def strength_loss(reader: nn.Module, batch: StrengthBatch) -> Tensor:
    """Errors within each stretch, in tolerances, squared where they are small (Huber, 1964); and a little for the mean error."""
    there = batch.struck.there
    told: Tensor = reader(batch.struck)
    count = there.sum(1)
    errors = (told.float() - batch.velocity) * there / (TOLERANCE * batch.ranges)[:, None]
    mean = errors.sum(1) / count
    inner = (errors - mean[:, None]) * there
    each = functional.smooth_l1_loss(inner, torch.zeros_like(inner), reduction="none").sum(1) / count
    return (each + ABSOLUTE * mean.square()).mean()


def strength_plan(minutes: float, *, is_further: bool = False) -> TrainingPlan:
    """How long and how fast.

    Args:
        minutes: Wall time.
        is_further: Whether the reader goes on from what it knows.
    """
    rate = FURTHER_RATE if is_further else LEARNING_RATE
    return TrainingPlan(minutes=minutes, learning_rate=rate, weight_decay=WEIGHT_DECAY, evaluate_every_s=300.0, bfloat16=True)


def train_strengths(
    folder: Path, model: FrameModel, stretches: Sequence[Stretch], plan: TrainingPlan, *, seed: int = 0
) -> dict[str, float]:
    """Teach the reader of a model in place, resuming from ``folder``; gives its loss on stretches that it does not learn from.

    A reader that has learned goes on from what it knows.

    Args:
        folder: Of the run.
        model: Trained.
        stretches: Of ``gather_stretches``, at least two.
        plan: Time and rates.
        seed: Of order and parts.

    Raises:
        ValueError: Too few stretches.
    """
    held_out, learned = stretches[::HELD_OUT], [s for place, s in enumerate(stretches) if place % HELD_OUT]
    if not learned:
        raise ValueError(f"expected stretches to learn from and others to measure on, got {len(stretches)} in all")
    torch.manual_seed(seed)
    reader = model.strengths
    if not reader.has_learned:
        reader.expect(torch.cat([stretch.looked_at[::5] for stretch in learned]).float())
    batches = _batches(learned, seed, steps_done(folder))
    measured = [_batch([stretch], np.random.default_rng(0)) for stretch in held_out]
    return train(reader, batches, strength_loss, plan, folder, lambda trained: _measure(trained, measured))


@torch.no_grad()
def _measure(reader: nn.Module, batches: Sequence[StrengthBatch]) -> dict[str, float]:
    losses = [float(strength_loss(reader, moved(batch, device_of(reader)))) for batch in batches]
    return {"loss": round(sum(losses) / len(losses), 4)}


def learn_strengths(
    folder: Path, model: FrameModel, stores: Sequence[Path], minutes: float, *, seed: int, say: Callable[[str], None]
) -> dict[str, float]:
    """Gather, then train, on a GPU where there is one; nothing is learned from stores of fewer than two clips with notes.

    Args:
        folder: Of the run.
        model: Trained.
        stores: Of sound; each has time by its length.
        minutes: Wall time of all.
        seed: Of order, augmentation and parts.
        say: Hears what is being done.
    """
    model.to(best_device()).eval()
    opened = [SoundStore(store) for store in stores]
    all_s = sum(store.duration_s for store in opened)
    stretches: list[Stretch] = []
    for store in opened:
        stretches += gather_stretches(model, store, GATHERING * minutes * store.duration_s / all_s, seed, say)
    model.to("cpu")
    if len(stretches) < FEWEST_STRETCHES:
        return {}
    plan = strength_plan((1 - GATHERING) * minutes, is_further=model.strengths.has_learned)
    return train_strengths(folder, model, stretches, plan, seed=seed)
