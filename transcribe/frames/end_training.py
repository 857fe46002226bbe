"""Teach a frame model's reader of ends, after the frame model itself, from clips as it hears them.

The frame model stays as it is. What it hears is gathered first, and then learned from many times, some successive notes of a clip
at a time. What counts is how much probability lies on ends that would be taken for right, and a little where exactly it lies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from compose.devices import best_device, device_of, moved
from compose.run_folder import steps_done
from compose.training import TrainingPlan, train
from transcribe.frames.end_courses import Course, gather_courses
from transcribe.frames.end_views import Seen, views
from transcribe.frames.ends import LEAST_SLACK, NOWHERE, SLACK
from transcribe.frames.model import FrameModel
from transcribe.frames.settings import DecoderSettings
from transcribe.training_audio.gathering import FEWEST, gather_all, held_apart

__all__ = ["EndPart", "end_loss", "end_plan", "learn_ends", "train_ends"]

LEARNING_RATE, FURTHER_RATE, WEIGHT_DECAY = 2e-3, 1e-3, 0.02
NOTES = (80, 160)  # of a step
TOGETHER = 48  # of them, of like lengths, that are filled up to one length
MEASURED_NOTES = 256  # of each that is held out
EXACT, HALF_WIDTH = 0.25, 2.5  # what the exact place counts, and frames to either side that count as it
STRICT = 0.8  # of what is right
GATHERING = 0.5  # share of the time


@dataclass(frozen=True, eq=False)
class EndPart:
    """Some notes, and the frames from their onsets to their true ends."""

    seen: Seen
    ends: Float[Tensor, " note"]


def _batches(courses: Sequence[Course], seed: int, step: int) -> Iterator[list[EndPart]]:
    """Endless; the same from a step on whatever came before."""
    while True:
        rng = np.random.default_rng([seed, step])
        parts: list[EndPart] = []
        while not parts:
            course = courses[int(rng.integers(len(courses)))]
            count = int(rng.integers(*NOTES))
            first = int(rng.integers(max(len(course) - count, 0) + 1))
            parts = _parts(course, torch.arange(first, min(first + count, len(course))))
        yield parts
        step += 1


def _parts(course: Course, chosen: Tensor) -> list[EndPart]:
    """Of some notes those whose ends are known, by length."""
    chosen = chosen[~torch.isnan(course.ends[chosen])]
    if not len(chosen):
        return []
    lengths = course.lengths[chosen]
    begun = course.begun.of(chosen)
    first, last = int(begun.frame.min()), int((begun.frame + lengths).max())
    along = course.along(first, last)
    parts = []
    for own in torch.split(torch.argsort(lengths), TOGETHER):
        some = begun.of(own)
        seen, there = views(along, some.later(-first))
        parts.append(EndPart(Seen(seen, course.cells_along(chosen[own]), some.family, there), course.ends[chosen[own]]))
    return parts


def end_loss(reader: nn.Module, parts: Sequence[EndPart]) -> Tensor:
    """Nats a note by which ends that are right are missed, and a little of those by which the exact one is.

    Args:
        reader: Says log probabilities, (note, time), of what it is given of ``Seen``.
        parts: At least one, with notes.

    Returns:
        Scalar.
    """
    losses = []
    for part in parts:
        told: Tensor = reader(part.seen)
        frames = torch.arange(told.shape[1], device=told.device)
        last = part.seen.there.sum(1) - 1
        ends = torch.minimum(part.ends, last).clamp(min=1.0)[:, None]
        away = (frames - ends).abs()
        is_right = (away <= STRICT * (SLACK * ends).clamp(min=LEAST_SLACK)) & part.seen.there
        place = (1 - away / HALF_WIDTH).clamp(min=0) * part.seen.there
        place = place / place.sum(1, keepdim=True).clamp(min=1e-6)
        missed = -told.masked_fill(~is_right, NOWHERE).logsumexp(1)
        losses.append(missed - EXACT * (place * told).sum(1))
    return torch.cat(losses).mean()


def end_plan(minutes: float, *, is_further: bool = False) -> TrainingPlan:
    """How long and how fast.

    Args:
        minutes: Wall time.
        is_further: Whether the reader goes on from what it knows.
    """
    rate = FURTHER_RATE if is_further else LEARNING_RATE
    return TrainingPlan(
        minutes=minutes, learning_rate=rate, weight_decay=WEIGHT_DECAY, averaging=0.995, evaluate_every_s=300.0, bfloat16=True
    )


def train_ends(
    folder: Path, model: FrameModel, courses: Sequence[Course], plan: TrainingPlan, *, seed: int = 0
) -> dict[str, float]:
    """Teach the reader of a model in place, resuming from ``folder``; gives its loss on clips that it does not learn from.

    A reader that has learned goes on from what it knows.

    Args:
        folder: Of the run.
        model: Trained.
        courses: Of ``gather_courses``, at least two.
        plan: Time and rates.
        seed: Of order and parts.

    Raises:
        ValueError: Too few courses.
    """
    held_out, learned = held_apart([course for course in courses if course.teaches], "courses with known ends")
    torch.manual_seed(seed)
    reader = model.ends
    if not reader.has_learned:
        reader.expect(torch.cat([course.some_cells() for course in learned]))
    measured = [parts for course in held_out if (parts := _parts(course, torch.arange(min(len(course), MEASURED_NOTES))))]
    batches = _batches(learned, seed, steps_done(folder))
    return train(reader, batches, end_loss, plan, folder, lambda trained: _measure(trained, measured))


@torch.no_grad()
def _measure(reader: nn.Module, batches: Sequence[Sequence[EndPart]]) -> dict[str, float]:
    losses = [float(end_loss(reader, moved(parts, device_of(reader)))) for parts in batches]
    return {"loss": round(sum(losses) / max(len(losses), 1), 4)}


def learn_ends(
    folder: Path,
    model: FrameModel,
    settings: DecoderSettings,
    stores: Sequence[Path],
    minutes: float,
    *,
    seed: int,
    say: Callable[[str], None],
) -> dict[str, float]:
    """Gather, then train, on a GPU where there is one; nothing is learned from stores of fewer than two clips with notes.

    Args:
        folder: Of the run.
        model: Trained.
        settings: Of its decoder.
        stores: Of sound; each has time by its length.
        minutes: Wall time of all.
        seed: Of order, augmentation and parts.
        say: Hears what is being done.
    """
    model.to(best_device()).eval()
    courses = gather_all(stores, GATHERING * minutes, lambda store, own: gather_courses(model, settings, store, own, seed, say))
    model.to("cpu")
    if sum(course.teaches for course in courses) < FEWEST:
        return {}
    plan = end_plan((1 - GATHERING) * minutes, is_further=model.ends.has_learned)
    return train_ends(folder, model, courses, plan, seed=seed)
