"""Train the voices benchmark model on the JSB chorales (sixteenth grid), in nats per voice slot.

Each batch is random windows of the train chorales in random keys: with 229 chorales, transposition and short windows are what
keep a model from knowing them by heart. Validation runs whole chorales in their own key, every slot once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from compose.devices import device_of
from compose.music_transformer import MusicTransformerConfig
from compose.training import TrainingPlan, train
from compose.vocabulary.voices import NUM_PITCH_IDS, NUM_VOICES, frame_ids
from compose.voices_model import VoicesModel, VoicesModelConfig
from corpora.datasets.jsb import load_jsb

__all__ = ["VOICES_CONFIG", "best_calibration", "slot_figures", "train_voices", "validate_voices"]

VOICES_CONFIG = VoicesModelConfig(
    transformer=MusicTransformerConfig(
        embed_dim=192, num_layers=5, num_heads=6, feedforward_dim=768, max_distance=256, dropout=0.3
    ),
    slot_dropout=0.08,
)
BATCH = 16
IGNORED = -100
Batch = tuple[Tensor, Tensor, Tensor]


def _transpositions(piece: NDArray[np.int64]) -> list[int]:
    """Semitone shifts, -6 to 6, that keep every pitch of a piece among the ids."""
    sounding = piece[piece > 0]
    return [shift for shift in range(-6, 7) if sounding.min() + shift >= 1 and sounding.max() + shift <= NUM_PITCH_IDS]


def windows(pieces: list[NDArray[np.int64]], frames: int, rng: np.random.Generator, batch: int = BATCH) -> Iterator[Batch]:
    """Endless (frames, first, targets): windows in random keys; targets are -100 past a piece's end and where no past is known."""
    shifts = [_transpositions(piece) for piece in pieces]
    lengths = np.array([len(piece) for piece in pieces], dtype=np.float64)
    while True:
        ids = np.zeros((batch, frames, NUM_VOICES), dtype=np.int64)
        targets = np.full_like(ids, IGNORED)
        first = np.zeros(batch, dtype=np.int64)
        for row, index in enumerate(rng.choice(len(pieces), size=batch, p=lengths / lengths.sum())):
            piece = pieces[index]
            # starts are even over the piece, with more than their share at its beginning and end
            start = int(np.clip(rng.integers(-frames // 2, len(piece) - frames // 2), 0, max(len(piece) - frames, 0)))
            part = piece[start : start + frames]
            part = np.where(part > 0, part + rng.choice(shifts[index]), 0)
            ids[row, : len(part)] = targets[row, : len(part)] = part
            first[row] = start
            if start:
                targets[row, 0] = IGNORED
        yield torch.from_numpy(ids), torch.from_numpy(first), torch.from_numpy(targets)


def _loss(model: nn.Module, batch: Batch) -> Tensor:
    frames, first, targets = batch
    return nn.functional.cross_entropy(model(frames, first).flatten(0, 2), targets.flatten(), ignore_index=IGNORED)


def slot_figures(predicted: Sequence[Tensor], pieces: Sequence[NDArray[np.int64]]) -> dict[str, float]:
    """Nats per voice slot and accuracy of log-probabilities (frames, 4, ids) of each piece's ids (frames, 4)."""
    targets = [torch.from_numpy(piece) for piece in pieces]
    nats = -torch.cat([log_p.gather(-1, ids.unsqueeze(-1)).flatten() for log_p, ids in zip(predicted, targets, strict=True)])
    hits = torch.cat([(log_p.argmax(dim=-1) == ids).flatten() for log_p, ids in zip(predicted, targets, strict=True)])
    return {"nats_per_slot": round(float(nats.double().mean()), 5), "accuracy": round(float(hits.double().mean()), 5)}


def validate_voices(model: VoicesModel, pieces: Sequence[NDArray[np.int64]]) -> dict[str, float]:
    """``slot_figures`` of a model over whole pieces, every slot once."""
    device = device_of(model)
    return slot_figures([model.log_probabilities(torch.from_numpy(piece).to(device)).cpu() for piece in pieces], pieces)


@torch.no_grad()
def best_calibration(model: VoicesModel, pieces: list[NDArray[np.int64]]) -> float:
    """What to divide the logits by for the least nats on these pieces, to a twentieth (temperature scaling: arXiv 1706.04599)."""
    log_p = torch.cat([model.log_probabilities(torch.from_numpy(piece)) for piece in pieces]).flatten(0, 1)
    targets = torch.from_numpy(np.concatenate(pieces)).flatten()
    candidates = [round(1 + step / 20, 2) for step in range(16)]
    nats = [float(nn.functional.cross_entropy(log_p / c, targets)) for c in candidates]
    return round(candidates[int(np.argmin(nats))] * model.config.calibration, 4)


def train_voices(
    folder: Path, minutes: float, seed: int = 0, config: VoicesModelConfig = VOICES_CONFIG, steps: int = 0
) -> tuple[VoicesModel, dict[str, float]]:
    """Train on the train chorales for ``minutes`` (or ``steps``), resuming from ``folder``.

    Returns:
        The model with averaged weights, calibrated on the valid chorales, and its figures there; what each half of them by
        itself would choose to divide the logits by is among the figures.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    data = {split: [frame_ids(piece) for piece in pieces] for split, pieces in load_jsb().items()}
    model = VoicesModel(config)
    train(
        model,
        windows(data["train"], config.window_frames, rng),
        _loss,
        TrainingPlan(minutes=minutes, steps=steps, evaluate_every_s=420.0, bfloat16=True),
        folder,
        lambda m: validate_voices(m, data["valid"]),  # type: ignore[arg-type]
    )
    halves = [best_calibration(model, data["valid"][parity::2]) for parity in (0, 1)]
    model.config = replace(model.config, calibration=best_calibration(model, data["valid"]))
    figures = validate_voices(model, data["valid"])
    return model, {**figures, "calibration": model.config.calibration, "even_half": halves[0], "odd_half": halves[1]}
