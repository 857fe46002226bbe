"""Train the network of note beats: ``train_note_beats``.

Each batch is windows of performed scores, varied anew every time (``transcribe.beats.note_examples.varied``). An event is a beat
when it is the nearest to one, within 60 ms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from compose.training import TrainingPlan, train
from transcribe.beats.note_examples import BeatExample, varied
from transcribe.beats.note_features import NUM_FEATURES, note_events
from transcribe.beats.note_model import METERS, NoteBeatConfig, NoteBeatModel

__all__ = ["beat_loss", "targets_of", "train_note_beats", "validate_note_beats", "windows"]

WINDOW_S = 45.0
BATCH = 6
NEAR_S = 0.06
METER_WEIGHT = 0.15
IGNORED = -100
Batch = tuple[Tensor, Tensor, Tensor]


def targets_of(example: BeatExample, times_s: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
    """Whether each event is a beat and a downbeat (events, 2), and its meter (events,), an index of ``METERS``."""
    targets, beats = torch.zeros(len(times_s), 2), example.beats
    if not len(times_s) or not len(beats):
        return targets, torch.full((len(times_s),), IGNORED)
    after = np.clip(np.searchsorted(times_s, beats["time_s"]), 1, max(len(times_s) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(times_s) - 1)
    nearest = np.where(np.abs(times_s[before] - beats["time_s"]) <= np.abs(times_s[after] - beats["time_s"]), before, after)
    near = np.abs(times_s[nearest] - beats["time_s"]) <= NEAR_S
    targets[nearest[near], 0] = 1.0
    targets[nearest[near & (beats["number"] == 1)], 1] = 1.0
    row = beats[np.clip(np.searchsorted(beats["time_s"], times_s + NEAR_S) - 1, 0, None)]
    pairs = zip(row["beats"].tolist(), row["beat_type"].tolist(), strict=True)
    return targets, torch.tensor([METERS.index(pair) if pair in METERS else len(METERS) - 1 for pair in pairs])


def windows(
    examples: Sequence[BeatExample], rng: np.random.Generator, weights: Sequence[float], batch: int = BATCH
) -> Iterator[Batch]:
    """Endless (features, targets, meters) of windows that begin anywhere, the weights saying how often an example comes.

    Rows are as long as the longest; what is added to the others has the target and meter -100.
    """
    share = np.array(weights, dtype=np.float64) / np.sum(weights)
    while True:
        rows = [_window(examples[int(index)], rng) for index in rng.choice(len(examples), size=batch, p=share)]
        longest = max(max(len(row[0]) for row in rows), 1)
        features, targets = torch.zeros(batch, longest, NUM_FEATURES), torch.full((batch, longest, 2), float(IGNORED))
        meters = torch.full((batch, longest), IGNORED)
        for index, (seen, wanted, named) in enumerate(rows):
            features[index, : len(seen)], targets[index, : len(seen)], meters[index, : len(seen)] = seen, wanted, named
        yield features, targets, meters


def _window(example: BeatExample, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    begin = float(rng.uniform(0.0, max(example.duration_s - 0.6 * WINDOW_S, 0.1))) * (rng.random() > 0.2)
    near = slice(*np.searchsorted(example.notes["onset_s"], [begin, begin + WINDOW_S]))
    beats = example.beats[slice(*np.searchsorted(example.beats["time_s"], [begin, begin + WINDOW_S]))].copy()
    notes = example.notes[near].copy()
    for name in ("onset_s", "offset_s"):
        notes[name] -= begin
    beats["time_s"] -= begin
    other = varied(BeatExample(notes, example.parts[near], beats), rng)
    events = note_events(other.notes)
    return torch.from_numpy(events.features), *targets_of(other, events.times_s)


def _losses(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    features, targets, meters = batch
    logits, meter_logits = model(features)
    counted = targets != IGNORED
    beats = nn.functional.binary_cross_entropy_with_logits(logits[counted], targets[counted])
    return beats, nn.functional.cross_entropy(meter_logits.flatten(0, 1), meters.flatten(), ignore_index=IGNORED), meter_logits


def beat_loss(model: nn.Module, batch: Batch) -> Tensor:
    """Mean nats of beats and downbeats, and a little of the meter's."""
    beats, meter, _ = _losses(model, batch)
    return beats + METER_WEIGHT * meter


@torch.no_grad()
def validate_note_beats(model: nn.Module, batches: Sequence[Batch]) -> dict[str, float]:
    """Nats of beats and of the meter, and the share of events whose likeliest meter is right."""
    rows = []
    for batch in batches:
        beats, meter, logits = _losses(model, batch)
        known = batch[2] != IGNORED
        rows.append((float(beats), float(meter), float((logits.argmax(dim=-1) == batch[2])[known].float().mean())))
    beat_nats, meter_nats, hits = np.mean(rows, axis=0)
    return {"beat_nats": round(float(beat_nats), 4), "meter_nats": round(float(meter_nats), 4), "meter": round(float(hits), 4)}


def train_note_beats(
    folder: Path,
    examples: Sequence[BeatExample],
    valid: Sequence[BeatExample],
    plan: TrainingPlan,
    seed: int = 0,
    config: NoteBeatConfig | None = None,
    weights: Sequence[float] | None = None,
) -> tuple[NoteBeatModel, dict[str, float]]:
    """Train until the plan's time is used, resuming from the folder.

    Args:
        folder: Of the run (``compose.training.train``).
        examples, valid: Performed scores to learn from, and held-out ones.
        plan: Time and rates.
        seed: Of weights and batches.
        config: Sizes; the usual ones when None.
        weights: How often each example comes, relative to the others; all alike when None.

    Returns:
        The model with averaged weights, and its figures on the held-out examples.
    """
    torch.manual_seed(seed)
    model = NoteBeatModel(config or NoteBeatConfig())
    held_out = windows(valid, np.random.default_rng(1), [1.0] * len(valid))
    fixed = [next(held_out) for _ in range(8)]
    batches = windows(examples, np.random.default_rng(seed), weights or [1.0] * len(examples))
    figures = train(model, batches, beat_loss, plan, folder, lambda m: validate_note_beats(m, fixed))
    return model, figures
