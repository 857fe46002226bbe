"""Train the voices benchmark model on the JSB chorales (sixteenth grid), in nats per voice slot.

Batches are random crops of the train chorales, moved to one key by their first bass note (``home_shift``), one in five by a
few semitones more. Validation runs whole chorales, every slot once, and adds the cost of telling each piece's key.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from compose.music_transformer import MusicTransformerConfig
from compose.training import TrainingPlan, train
from compose.vocabulary.voices import NUM_PITCH_IDS, frame_ids
from compose.voices_model import KEY_NATS, VoicesModel, VoicesModelConfig, home_shift
from corpora.datasets.jsb import load_jsb

__all__ = ["VOICES_CONFIG", "at_home", "train_voices", "validate_voices"]

VOICES_CONFIG = VoicesModelConfig(
    transformer=MusicTransformerConfig(embed_dim=192, num_layers=4, num_heads=6, feedforward_dim=768, max_distance=256, dropout=0.3)
)
CROP_FRAMES = 160
BATCH = 12
IGNORED = -100
STRAY_SHARE = 0.2
STRAY_SHIFTS = (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)  # semitones


def at_home(piece: NDArray[np.int64]) -> NDArray[np.int64]:
    """A piece's ids moved to the model's one key."""
    return np.where(piece > 0, piece + home_shift(piece[0].tolist()), 0)


def _neighbour(piece: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """A piece in a random near key: as it is read when it does not begin on its tonic."""
    shift = int(rng.choice(STRAY_SHIFTS))
    moved = np.where(piece > 0, piece + shift, 0)
    return moved if moved.max() <= NUM_PITCH_IDS and (moved[piece > 0] >= 1).all() else piece


def crops(pieces: list[NDArray[np.int64]], rng: np.random.Generator, batch: int = BATCH) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Endless (frames, first, targets): crops in the one key, some astray; targets are -100 past a piece's end."""
    pieces = [at_home(piece) for piece in pieces]
    lengths = np.array([len(piece) for piece in pieces], dtype=np.float64)
    while True:
        chosen = rng.choice(len(pieces), size=batch, p=lengths / lengths.sum())
        frames = np.zeros((batch, CROP_FRAMES, 4), dtype=np.int64)
        targets = np.full((batch, CROP_FRAMES, 4), IGNORED, dtype=np.int64)
        first = np.zeros(batch, dtype=np.int64)
        for row, index in enumerate(chosen):
            piece = pieces[index]
            start = int(rng.integers(0, max(len(piece) - CROP_FRAMES, 0) + 1)) if rng.random() > 0.3 else 0
            part = piece[start : start + CROP_FRAMES]
            part = _neighbour(part, rng) if rng.random() < STRAY_SHARE else part
            frames[row, : len(part)] = targets[row, : len(part)] = part
            first[row] = start
        yield torch.from_numpy(frames), torch.from_numpy(first), torch.from_numpy(targets)


def _loss(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    frames, first, targets = batch
    logits = model(frames, first)
    losses = [
        nn.functional.cross_entropy(row.flatten(0, 1), targets[..., v].flatten(), ignore_index=IGNORED)
        for v, row in enumerate(logits)
    ]
    # the first frame of a crop is predicted without what came before: no harm, the start vector learns the average
    return torch.stack(losses).mean()


@torch.no_grad()
def validate_voices(model: VoicesModel, pieces: list[NDArray[np.int64]]) -> dict[str, float]:
    """Nats per voice slot and accuracy over whole pieces, every slot once; each piece pays for the telling of its key."""
    total, hits, slots = 0.0, 0, 0
    for piece in pieces:
        frames = torch.from_numpy(at_home(piece))[None]
        total += KEY_NATS
        for voice, logits in enumerate(model(frames)):
            target = frames[0, :, voice]
            total += float(nn.functional.cross_entropy(logits[0], target, reduction="sum"))
            hits += int((logits[0].argmax(-1) == target).sum())
        slots += piece.size
    return {"nats_per_slot": round(total / slots, 5), "accuracy": round(hits / slots, 5)}


def train_voices(
    folder: Path, minutes: float, seed: int = 0, config: VoicesModelConfig = VOICES_CONFIG, steps: int = 0
) -> tuple[VoicesModel, dict[str, float]]:
    """Train on the train chorales for ``minutes`` (or ``steps``), resuming from ``folder``.

    Returns:
        The model with averaged weights, and its validation figures.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    data = {split: [frame_ids(piece) for piece in pieces] for split, pieces in load_jsb().items()}
    model = VoicesModel(config)
    figures = train(
        model,
        crops(data["train"], rng),
        _loss,
        TrainingPlan(minutes=minutes, steps=steps, evaluate_every_s=300.0),
        folder,
        lambda m: validate_voices(m, data["valid"]),  # type: ignore[arg-type]
    )
    return model, figures
