"""Train the voices benchmark model on the JSB chorales (sixteenth grid), in nats per voice slot.

Each batch is random crops of the train chorales in random keys: with 229 chorales, transposition is what keeps a model from
knowing them by heart (in one key it stood at 0.471
after 600 s, in random keys at 0.449). Validation runs whole
chorales in their own key, every slot once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from compose.music_transformer import MusicTransformerConfig
from compose.training import TrainingPlan, train
from compose.vocabulary.voices import NUM_PITCH_IDS, frame_ids
from compose.voices_model import VoicesModel, VoicesModelConfig
from corpora.datasets.jsb import load_jsb

__all__ = ["VOICES_CONFIG", "train_voices", "validate_voices"]

VOICES_CONFIG = VoicesModelConfig(
    transformer=MusicTransformerConfig(
        embed_dim=192, num_layers=4, num_heads=6, feedforward_dim=768, max_distance=256, dropout=0.35
    )
)
CROP_FRAMES = 160
BATCH = 12
IGNORED = -100


def _transpositions(piece: NDArray[np.int64]) -> list[int]:
    """Semitone shifts, -6 to 6, that keep every pitch of a piece among the ids."""
    sounding = piece[piece > 0]
    return [shift for shift in range(-6, 7) if sounding.min() + shift >= 1 and sounding.max() + shift <= NUM_PITCH_IDS]


def crops(pieces: list[NDArray[np.int64]], rng: np.random.Generator, batch: int = BATCH) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Endless (frames, first, targets): crops in random keys; targets are -100 past a piece's end."""
    shifts = [_transpositions(piece) for piece in pieces]
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
            part = np.where(part > 0, part + rng.choice(shifts[index]), 0)
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
def validate_voices(model: VoicesModel, pieces: list[NDArray[np.int64]], keys: Sequence[int] = (0,)) -> dict[str, float]:
    """Nats per voice slot and accuracy over whole pieces, every slot once.

    Args:
        model: In eval mode.
        pieces: Ids, (frames, 4).
        keys: Transpositions in semitones whose predictions are averaged slot by slot: p(slot) is the mean over keys of what
            the model gives the transposed slot after the transposed past, again a distribution. (0,) is the model alone.
    """
    total, hits, slots = 0.0, 0, 0
    for piece in pieces:
        sounding = piece > 0
        fitting = [key for key in keys if (piece + key)[sounding].min() >= 1 and (piece + key).max() <= model.config.num_pitches]
        log_p = torch.stack([-model.nats(torch.from_numpy(np.where(sounding, piece + key, 0))[None])[0] for key in fitting])
        total -= float((log_p.logsumexp(dim=0) - math.log(len(fitting))).sum())
        logits = model(torch.from_numpy(piece)[None])
        hits += sum(int((row[0].argmax(-1).numpy() == piece[:, voice]).sum()) for voice, row in enumerate(logits))
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
