"""Train the chorale model: ``measured`` streams of four-part Bach chorales in twelve keys, questions of every shape.

Examples (``compose.measured_examples``) are made as pieces are drawn and transposed to a key in which every part stays within a
few semitones of where the four parts of the collection lie.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from compose.devices import device_of, moved
from compose.measured_examples import Example, ask, collate, make_example, piece_notes, transpose
from compose.measured_model import Decisions, MeasuredModel, MeasuredModelConfig
from compose.music_transformer import MusicTransformerConfig
from compose.training import TrainingPlan, train
from compose.vocabulary.bars import chunks
from compose.vocabulary.measured import LANE, PROGRAM
from corpora.piece import Piece

__all__ = ["CHORALE_CONFIG", "batches", "examples_of", "note_loss", "train_chorale", "validate"]

CHORALE_CONFIG = MeasuredModelConfig(
    transformer=MusicTransformerConfig(
        embed_dim=128, num_layers=4, num_heads=4, feedforward_dim=512, max_distance=256, dropout=0.22
    )
)
BATCH = 16
POOL = 6  # batches drawn together
NEW_SHARE = 0.3  # of the questions drawn are new ones
QUESTIONS_KEPT = 24  # of each piece, the latest
DROP_SHARE = 0.2  # how often a lane is left out of the piece
RANGES = ((57, 83), (52, 78), (45, 71), (34, 66))  # MIDI pitches that transposition may reach, soprano to bass
Batch = tuple[Tensor, Decisions]


def _shifts(piece: Piece) -> list[int]:
    """Semitones that keep every part of a four-part piece in its range (0 always among them)."""
    low, high = -6, 6
    for lane, (bottom, top) in enumerate(RANGES):
        pitches = piece.notes["pitch"][piece.notes["part"] == lane]
        if len(pitches):
            low, high = max(low, bottom - int(pitches.min())), min(high, top - int(pitches.max()))
    return list(range(min(low, 0), max(high, 0) + 1))


def _drop_lane(piece: Piece, lane: int) -> Piece:
    """The piece without one of its lanes."""
    notes = piece.notes[piece.notes["part"] != lane]
    notes["part"] -= notes["part"] > lane
    return replace(piece, notes=notes, parts=piece.parts[:lane] + piece.parts[lane + 1 :])


def _question(piece: Piece, rng: np.random.Generator, drop_share: float) -> Example | None:
    """A random question of a piece with its answer; now and then of the piece with a lane left out altogether."""
    while len(piece.parts) > 1 and rng.random() < drop_share:
        piece = _drop_lane(piece, int(rng.integers(len(piece.parts))))
    bars, notes = chunks(piece), piece_notes(piece)
    return make_example(piece.parts, bars, notes, ask(len(piece.parts), len(bars), rng))


def examples_of(pieces: Sequence[Piece], questions: int, seed: int, drop_share: float = DROP_SHARE) -> list[list[Example]]:
    """``questions`` random questions of every piece with their answers (fewer where nothing was hidden)."""
    rng = np.random.default_rng(seed)
    asked = [[_question(piece, rng, drop_share) for _ in range(questions)] for piece in pieces]
    return [[example for example in examples if example is not None] for examples in asked]


def batches(pieces: Sequence[Piece], rng: np.random.Generator, size: int = BATCH) -> Iterator[Batch]:
    """Endless batches of random pieces, questions and keys; half of them with programs at random, which should not matter.

    Questions of a piece are made as it is drawn, and some are asked again in another key: making one costs more than half of
    what learning from it does.
    """
    kept: list[list[Example]] = [[] for _ in pieces]
    shifts = [_shifts(piece) for piece in pieces]
    while True:
        chosen: list[Example] = []
        while len(chosen) < size * POOL:
            index = int(rng.integers(len(pieces)))
            if not kept[index] or rng.random() < NEW_SHARE:
                example = _question(pieces[index], rng, DROP_SHARE)
                if example is None:
                    continue
                kept[index] = [*kept[index][1 - QUESTIONS_KEPT :], example]
            example = transpose(kept[index][rng.integers(len(kept[index]))], int(rng.choice(shifts[index])))
            if rng.random() < 0.5:
                rows = example.rows.copy()
                rows[:, PROGRAM] = np.where(rows[:, PROGRAM] > 0, 1 + rng.integers(0, 128), 0)
                example = replace(example, rows=rows)
            chosen.append(example)
        # examples of like length go together, so that little of a batch is padding
        chosen.sort(key=lambda example: len(example.rows))
        for start in rng.permutation(POOL) * size:
            yield collate(chosen[start : start + size])


def note_loss(model: nn.Module, batch: Batch) -> Tensor:
    """Nats per hidden note of a batch, all fields and bar lines counted."""
    rows, decisions = batch
    nats = model.nats(rows, decisions)  # type: ignore[operator]
    total: Tensor = sum(values.sum() for values in nats.values()) / decisions.targets[:, LANE].count_nonzero()
    return total


@torch.no_grad()
def validate(model: MeasuredModel, held_out: Sequence[Batch]) -> dict[str, float]:
    """Nats per hidden note on held-out questions, in all and by field (bar lines count to ``next``), and pitch accuracy."""
    sums: dict[str, float] = {}
    notes = 0
    for rows, decisions in moved(list(held_out), device_of(model)):
        for name, values in model.nats(rows, decisions).items():
            sums[name] = sums.get(name, 0.0) + float(values.sum())
        notes += int(decisions.targets[:, LANE].count_nonzero())
    return {
        "nats_per_note": round(sum(sums.values()) / notes, 4),
        **{name: round(value / notes, 4) for name, value in sums.items()},
    }


def train_chorale(
    folder: Path,
    minutes: float,
    pieces: Sequence[Piece],
    held_out: Sequence[Piece],
    seed: int = 0,
    config: MeasuredModelConfig = CHORALE_CONFIG,
) -> tuple[MeasuredModel, dict[str, float]]:
    """Train for ``minutes``, resuming from ``folder``; gives the model and its figures on the held-out pieces."""
    torch.manual_seed(seed)
    model = MeasuredModel(config)
    rng = np.random.default_rng(seed)
    asked = [example for examples in examples_of(held_out, 2, seed=1, drop_share=0.0) for example in examples]
    validation = [collate(asked[start : start + BATCH]) for start in range(0, len(asked), BATCH)]
    figures = train(
        model,
        batches(pieces, rng),
        note_loss,
        TrainingPlan(minutes=minutes, learning_rate=1.5e-3, bfloat16=True),
        folder,
        lambda m: validate(m, validation),  # type: ignore[arg-type]
    )
    return model, figures
