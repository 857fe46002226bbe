"""Train the network of note beats: ``train_note_beats``.

Each batch is windows of performed scores, varied anew every time (``transcribe.beats.note_examples.varied``). An event is a beat
when it is the nearest to one, within 60 ms.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from compose.devices import device_of, moved
from compose.ordered_blocks import ordered_items_of
from compose.run_folder import steps_done
from compose.training import TrainingPlan, train
from transcribe.beats.note_examples import BeatExample, varied
from transcribe.beats.note_features import NUM_FEATURES, note_events
from transcribe.beats.note_model import METERS, PERIODS_S, WINDOW_S, NoteBeatConfig, NoteBeatModel

__all__ = ["BeatBatch", "beat_loss", "targets_of", "train_note_beats", "validate_note_beats", "window_block", "windows"]

BATCH = 8
BLOCK = 4  # batches made together
NEAR_S = 0.06
METER_WEIGHT, PERIOD_WEIGHT = 0.15, 0.1
PERIOD_BLUR = 0.7  # of a class: how far a beat's length is shared out among its neighbours
IGNORED = -100


@dataclass(frozen=True, eq=False)
class BeatBatch:
    """Windows of performances; what fills rows up has targets and meters of ``IGNORED`` and periods of 0.

    Args:
        features: (batch, events, NUM_FEATURES).
        times_s: (batch, events), from the window's start.
        targets: Whether an event is a beat, and a downbeat (batch, events, 2).
        meters: Indices of ``METERS`` (batch, events).
        periods: Seconds from beat to beat (batch, events), 0 where no beats are near.
    """

    features: Tensor
    times_s: Tensor
    targets: Tensor
    meters: Tensor
    periods: Tensor

    @property
    def is_event(self) -> Tensor:
        """What does not only fill up, (batch, events)."""
        return self.targets[..., 0] != IGNORED


def targets_of(example: BeatExample, times_s: NDArray[np.float64]) -> tuple[Tensor, Tensor, Tensor]:
    """Whether each event is a beat and a downbeat (events, 2), its meter, and the seconds from beat to beat, both (events,)."""
    targets, beats = torch.zeros(len(times_s), 2), example.beats
    if not len(times_s) or not len(beats):
        return targets, torch.full((len(times_s),), IGNORED), torch.zeros(len(times_s))
    after = np.clip(np.searchsorted(times_s, beats["time_s"]), 1, max(len(times_s) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(times_s) - 1)
    nearest = np.where(np.abs(times_s[before] - beats["time_s"]) <= np.abs(times_s[after] - beats["time_s"]), before, after)
    near = np.abs(times_s[nearest] - beats["time_s"]) <= NEAR_S
    targets[nearest[near], 0] = 1.0
    targets[nearest[near & (beats["number"] == 1)], 1] = 1.0
    at = np.searchsorted(beats["time_s"], times_s + NEAR_S) - 1
    row = beats[np.clip(at, 0, None)]
    pairs = zip(row["beats"].tolist(), row["beat_type"].tolist(), strict=True)
    meters = torch.tensor([METERS.index(pair) if pair in METERS else len(METERS) - 1 for pair in pairs])
    lengths = np.diff(beats["time_s"]) if len(beats) > 1 else np.zeros(1)
    return targets, meters, torch.from_numpy(lengths[np.clip(at, 0, len(lengths) - 1)].astype(np.float32))


def windows(
    examples: Sequence[BeatExample], rng: np.random.Generator, weights: Sequence[float], batch: int = BATCH
) -> Iterator[BeatBatch]:
    """Endless batches of windows that begin anywhere, the weights saying how often an example comes.

    Windows of ``BLOCK`` batches are drawn at once, and those of like length put together, so that little is filled up.
    """
    share = np.array(weights, dtype=np.float64) / np.sum(weights)
    while True:
        rows = [_window(examples[int(index)], rng) for index in rng.choice(len(examples), size=BLOCK * batch, p=share)]
        rows.sort(key=lambda row: len(row.times_s))
        for first in (batch * rng.permutation(BLOCK)).tolist():
            yield _filled(rows[first : first + batch])


def _filled(rows: Sequence[BeatBatch]) -> BeatBatch:
    """Rows as one batch."""
    batch, longest = len(rows), max(*(len(row.times_s) for row in rows), 1)
    filled = BeatBatch(
        torch.zeros(batch, longest, NUM_FEATURES),
        torch.zeros(batch, longest),
        torch.full((batch, longest, 2), float(IGNORED)),
        torch.full((batch, longest), IGNORED),
        torch.zeros(batch, longest),
    )
    for index, row in enumerate(rows):
        for name, values in vars(filled).items():
            own = getattr(row, name)
            values[index, : len(own)] = own
    return filled


def window_block(given: tuple[Sequence[BeatExample], Sequence[float]], number: int, *, seed: int, batch: int) -> list[BeatBatch]:
    """``BLOCK`` batches from batch ``BLOCK * number`` on, a pure function of its arguments.

    Args:
        given: Examples, and how often each comes.
        number: From 0.
        seed: Of the choice of windows, and how they are varied.
        batch: Windows in a batch.
    """
    examples, weights = given
    drawn = windows(examples, np.random.default_rng([seed, number]), weights, batch)
    return [next(drawn) for _ in range(BLOCK)]


def _window(example: BeatExample, rng: np.random.Generator) -> BeatBatch:
    """One row, without a batch dimension."""
    begin = float(rng.uniform(0.0, max(example.duration_s - 0.6 * WINDOW_S, 0.1))) * (rng.random() > 0.2)
    near = slice(*np.searchsorted(example.notes["onset_s"], [begin, begin + WINDOW_S]))
    beats = example.beats[slice(*np.searchsorted(example.beats["time_s"], [begin, begin + WINDOW_S]))].copy()
    notes = example.notes[near].copy()
    for name in ("onset_s", "offset_s"):
        notes[name] -= begin
    beats["time_s"] -= begin
    other = varied(BeatExample(notes, example.parts[near], beats), rng)
    events = note_events(other.notes)
    times_s = torch.from_numpy(events.times_s.astype(np.float32))
    return BeatBatch(torch.from_numpy(events.features), times_s, *targets_of(other, events.times_s))


def _period_shares(periods: Tensor) -> Tensor:
    """Beat lengths (events,) as shares of ``PERIODS_S``, each spread over its neighbours."""
    classes = torch.from_numpy(np.log(PERIODS_S).astype(np.float32)).to(periods.device)
    apart = (periods.clamp(float(PERIODS_S[0]), float(PERIODS_S[-1])).log()[:, None] - classes) / (classes[1] - classes[0])
    return torch.softmax(-0.5 * (apart / PERIOD_BLUR) ** 2, dim=-1)


class _Losses(NamedTuple):
    """Nats of each decision, the meter's if the beat's length is known, and the share of events whose likeliest meter is right."""

    beats: Tensor
    meter: Tensor
    period: Tensor
    meter_hits: Tensor


def _losses(model: nn.Module, batch: BeatBatch) -> _Losses:
    said = model(batch.features, batch.times_s, batch.is_event)
    counted = batch.targets != IGNORED
    known = batch.is_event & (batch.periods > 0)
    shares = _period_shares(batch.periods[known])
    meters, right = torch.log_softmax(said.meters[known].float(), dim=-1), batch.meters[known]
    of_right = meters.gather(-1, right[:, None, None].expand(-1, len(PERIODS_S), 1)).squeeze(-1)
    together = torch.log_softmax(said.periods[known].float(), dim=-1)[..., None] + meters
    return _Losses(
        nn.functional.binary_cross_entropy_with_logits(said.beats[counted], batch.targets[counted]),
        -(shares * of_right).sum(dim=-1).mean(),
        nn.functional.cross_entropy(said.periods[known], shares),
        (together.logsumexp(dim=1).argmax(dim=-1) == right).float().mean(),
    )


def beat_loss(model: nn.Module, batch: BeatBatch) -> Tensor:
    """Mean nats of beats and downbeats, and a little of those of the meter and of the beat's length."""
    losses = _losses(model, batch)
    return losses.beats + METER_WEIGHT * losses.meter + PERIOD_WEIGHT * losses.period


@torch.no_grad()
def validate_note_beats(model: nn.Module, batches: Sequence[BeatBatch]) -> dict[str, float]:
    """Nats of beats, of the meter and of the beat's length, and the share of events whose likeliest meter is right."""
    rows = []
    for given in batches:
        rows.append([float(value) for value in _losses(model, moved(given, device_of(model)))])
    names = ("beat_nats", "meter_nats", "period_nats", "meter")
    return {name: round(float(value), 4) for name, value in zip(names, np.mean(rows, axis=0), strict=True)}


def train_note_beats(
    folder: Path,
    examples: Sequence[BeatExample],
    valid: Sequence[BeatExample],
    plan: TrainingPlan,
    seed: int = 0,
    config: NoteBeatConfig | None = None,
    weights: Sequence[float] | None = None,
    batch: int = BATCH,
    workers: int = 1,
    start: NoteBeatModel | None = None,
) -> tuple[NoteBeatModel, dict[str, float]]:
    """Train until the plan's time is used, resuming from the folder.

    Args:
        folder: Of the run (``compose.training.train``).
        examples, valid: Performed scores to learn from, and held-out ones.
        plan: Time and rates.
        seed: Of weights and batches.
        config: Sizes; the usual ones when None.
        weights: How often each example comes, relative to the others; all alike when None.
        batch: Windows in a batch.
        workers: Processes that make the windows, which are the same whatever their number.
        start: A trained model to begin with, which stays as it is; ``config`` does not count then.

    Returns:
        The model with averaged weights, and its figures on the held-out examples.
    """
    torch.manual_seed(seed)
    model = copy.deepcopy(start) if start is not None else NoteBeatModel(config or NoteBeatConfig())
    held_out = windows(valid, np.random.default_rng(1), [1.0] * len(valid))
    fixed = [next(held_out) for _ in range(8)]
    given = examples, weights or [1.0] * len(examples)
    make = partial(window_block, seed=seed, batch=batch)
    drawn = ordered_items_of(given, make, BLOCK, steps_done(folder), workers)
    figures = train(model, drawn, beat_loss, plan, folder, lambda m: validate_note_beats(m, fixed))
    return model, figures
