"""Train the network of note beats: ``train_note_beats``.

Each batch is windows of performed scores, varied anew every time (``transcribe.beats.note_examples.varied``). The loss forgives
shifts of three frames: the likeliest frame near a beat counts, and frames a little further away count neither way (Foscarin,
Schlüter & Widmer, "Beat this! Accurate beat tracking without DBN postprocessing", ISMIR 2024, section 3.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from compose.training import TrainingPlan, train
from transcribe.beats.note_examples import BeatExample, varied
from transcribe.beats.note_features import FRAMES_PER_SECOND, note_features
from transcribe.beats.note_model import METERS, STRIDE, NoteBeatConfig, NoteBeatModel

__all__ = ["beat_loss", "shift_tolerant_bce", "targets_of", "train_note_beats", "validate_note_beats", "windows"]

WINDOW_FRAMES = 4000  # 64 s
BATCH = 8
TOLERANCE = 3  # frames
METER_WEIGHT = 0.03
IGNORED = -100
Batch = tuple[Tensor, Tensor, Tensor, Tensor]


def shift_tolerant_bce(
    logits: Float[Tensor, "batch frame 2"], targets: Float[Tensor, "batch frame 2"], mask: Float[Tensor, "batch frame"]
) -> Float[Tensor, ""]:
    """Mean over what counts: where the mask is 1, at targets the largest logit within ``TOLERANCE`` frames, and all frames that are
    more than twice that from any."""
    x, y = logits.transpose(1, 2), targets.transpose(1, 2)
    nearest = nn.functional.max_pool1d(x, 2 * TOLERANCE + 1, stride=1, padding=TOLERANCE)
    away = 1 - nn.functional.max_pool1d(y, 4 * TOLERANCE + 1, stride=1, padding=2 * TOLERANCE)
    loss = y * nn.functional.softplus(-nearest) + away * nn.functional.softplus(x)
    counted = mask.unsqueeze(1)
    return (loss * counted).sum() / counted.sum().clamp(min=1) / 2


def targets_of(example: BeatExample, start_s: float, frames: int) -> tuple[Tensor, Tensor, Tensor]:
    """Beats and downbeats (frames, 2), the mask (frames,) of what lies in the music, and meters (frames / 4,), -100 outside."""
    targets, mask = torch.zeros(frames, 2), torch.zeros(frames)
    meters = torch.full((-(-frames // STRIDE),), IGNORED)
    place = np.rint((example.beats["time_s"] - start_s) * FRAMES_PER_SECOND).astype(np.int64)
    inside = (place >= 0) & (place < frames)
    targets[place[inside], 0] = 1.0
    targets[place[inside & (example.beats["number"] == 1)], 1] = 1.0
    stop = min(frames, int((example.duration_s - start_s) * FRAMES_PER_SECOND))
    mask[: max(stop, 0)] = 1.0
    if len(place):
        step = np.arange(len(meters)) * STRIDE
        row = example.beats[np.clip(np.searchsorted(place, step, side="right") - 1, 0, None)]
        pairs = zip(row["beats"].tolist(), row["beat_type"].tolist(), strict=True)
        named = [METERS.index(pair) if pair in METERS else len(METERS) - 1 for pair in pairs]
        meters = torch.where(torch.from_numpy(step) < stop, torch.tensor(named), IGNORED)
    return targets, mask, meters


def windows(
    examples: Sequence[BeatExample], rng: np.random.Generator, weights: Sequence[float], batch: int = BATCH
) -> Iterator[Batch]:
    """Endless (features, targets, mask, meters) of windows that begin anywhere, the weights saying how often an example comes."""
    share = np.array(weights, dtype=np.float64) / np.sum(weights)
    while True:
        rows = [_window(examples[int(index)], rng) for index in rng.choice(len(examples), size=batch, p=share)]
        yield tuple(torch.stack(column) for column in zip(*rows, strict=True))  # type: ignore[misc]


def _window(example: BeatExample, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    length_s = WINDOW_FRAMES / FRAMES_PER_SECOND
    begin = float(rng.uniform(0.0, max(example.duration_s - 0.6 * length_s, 0.1))) * (rng.random() > 0.2)
    near = slice(*np.searchsorted(example.notes["onset_s"], [begin, begin + 1.6 * length_s]))
    beats = example.beats[slice(*np.searchsorted(example.beats["time_s"], [begin, begin + 1.6 * length_s]))].copy()
    notes = example.notes[near].copy()
    for name in ("onset_s", "offset_s"):
        notes[name] -= begin
    beats["time_s"] -= begin
    other = varied(BeatExample(notes, example.parts[near], beats), rng)
    targets, mask, meters = targets_of(other, 0.0, WINDOW_FRAMES)
    return torch.from_numpy(note_features(other.notes, WINDOW_FRAMES)), targets, mask, meters


def beat_loss(model: nn.Module, batch: Batch) -> Tensor:
    """Of beats and downbeats, and a little of the meter."""
    features, targets, mask, meters = batch
    logits, meter_logits = model(features)
    named = nn.functional.cross_entropy(meter_logits.transpose(1, 2), meters, ignore_index=IGNORED)
    return shift_tolerant_bce(logits, targets, mask) + METER_WEIGHT * named


@torch.no_grad()
def validate_note_beats(model: nn.Module, batches: Sequence[Batch]) -> dict[str, float]:
    """Loss of beats, nats of the meter, and the share of steps whose likeliest meter is right."""
    losses, nats, hits = [], [], []
    for features, targets, mask, meters in batches:
        logits, meter_logits = model(features)
        losses.append(float(shift_tolerant_bce(logits, targets, mask)))
        nats.append(float(nn.functional.cross_entropy(meter_logits.transpose(1, 2), meters, ignore_index=IGNORED)))
        known = meters != IGNORED
        hits.append(float((meter_logits.argmax(dim=-1) == meters)[known].float().mean()))
    return {
        "beat_loss": round(float(np.mean(losses)), 5),
        "meter_nats": round(float(np.mean(nats)), 4),
        "meter": round(float(np.mean(hits)), 4),
    }


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
