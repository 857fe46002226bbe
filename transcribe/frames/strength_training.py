"""Teach a frame model's reader of strengths, after the frame model itself, from the clips of a sound store.

The frame model stays as it is. What is looked at about each onset is gathered first, and then learned from many times, a stretch of
each clip at a time. What counts are differences within a stretch, in units of what they are measured by, a tenth of the range of
the clip's strengths (``transcribe.measures.matching``): how hard all was played on the whole is not in the sound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from compose.devices import best_device, device_of, moved
from compose.run_folder import steps_done
from compose.training import TrainingPlan, train
from transcribe.families import FAMILIES
from transcribe.frames.model import FrameModel
from transcribe.frames.strength_stretches import Stretch, gather_stretches
from transcribe.frames.strengths import Struck
from transcribe.training_audio.gathering import FEWEST, gather_all, held_apart

__all__ = ["StrengthBatch", "learn_strengths", "strength_loss", "strength_plan", "train_strengths"]

LEARNING_RATE, FURTHER_RATE, WEIGHT_DECAY = 1.2e-3, 8e-4, 0.05
NOTES, STRETCHES = 320, 6  # of a step
LEAST_RANGE = 0.15
TOLERANCE = 0.1  # of the range
ABSOLUTE = 0.02  # what the mean error of a stretch counts
OTHER_FAMILY = 0.1  # how often a note is given another one's, as the frame model errs
GATHERING = 0.4  # share of the time


@dataclass(frozen=True, eq=False)
class StrengthBatch:
    """Parts of stretches: ``struck`` with looks of ``gathered`` in float16, what was played, and the ranges of the clips."""

    struck: Struck
    velocity: Float[Tensor, "batch note"]
    ranges: Float[Tensor, " batch"]


def _batches(stretches: Sequence[Stretch], seed: int, step: int) -> Iterator[StrengthBatch]:
    """Endless; the same from a step on whatever came before."""
    while True:
        rng = np.random.default_rng([seed, step])
        yield _batch([stretches[index] for index in rng.integers(len(stretches), size=STRETCHES).tolist()], rng)
        step += 1


def _batch(stretches: Sequence[Stretch], rng: np.random.Generator) -> StrengthBatch:
    """A part of each stretch."""
    firsts = [int(rng.integers(max(len(stretch) - NOTES, 0) + 1)) for stretch in stretches]
    parts = [
        Stretch(**{column.name: getattr(stretch, column.name)[first : first + NOTES] for column in fields(Stretch)})
        for stretch, first in zip(stretches, firsts, strict=True)
    ]
    longest = max(len(part) for part in parts)

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
        there=torch.stack([torch.arange(longest) < len(part) for part in parts]),
    )
    ranges = torch.stack([stretch.velocity.max() - stretch.velocity.min() for stretch in stretches]).clamp(min=LEAST_RANGE)
    return StrengthBatch(struck, filled("velocity"), ranges)


def strength_loss(reader: nn.Module, batch: StrengthBatch) -> Tensor:
    """Errors within each stretch, in tolerances, squared where they are small (Huber, 1964); and a little for the mean error.

    Args:
        reader: Says velocities, (batch, note), of what it is given of ``Struck``.
        batch: With what was played.

    Returns:
        Scalar.
    """
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
    held_out, learned = held_apart(stretches, "stretches")
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
    stretches = gather_all(stores, GATHERING * minutes, lambda store, own: gather_stretches(model, store, own, seed, say))
    model.to("cpu")
    if len(stretches) < FEWEST:
        return {}
    plan = strength_plan((1 - GATHERING) * minutes, is_further=model.strengths.has_learned)
    return train_strengths(folder, model, stretches, plan, seed=seed)
