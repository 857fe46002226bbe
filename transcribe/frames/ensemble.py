"""Who plays: families of notes, from what each sounds like and from what the whole recording makes likely.

A recording has few families, and a note alone often sounds like several. So the shares of the families are learned from the
recording itself by expectation and maximisation: each note is shared out among families by its odds times their shares; shares are
those of the notes again, less ``SPARSITY`` of all notes for each family, so that those which only ever come second vanish.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table
from transcribe.families import FAMILIES
from transcribe.heard import HEARD_DTYPE

__all__ = ["HeardNote", "family_shares", "rows_of"]

ROUNDS = 30
SPARSITY = 0.03  # of all notes
LEAST_SHARE = 0.08  # of a family that may double another's notes
EVIDENCE = 0.6  # notes of a family sound alike, so that their odds are no independent witnesses

Floats = NDArray[np.floating]


class HeardNote(NamedTuple):
    """A note whose family is still to be settled; ``families`` are logits, (family,)."""

    onset_s: float
    offset_s: float
    pitch: int
    velocity: int
    confidence: float
    families: Floats


def family_shares(logits: Floats) -> tuple[Floats, Floats]:
    """Shares of the families in a recording, and of each note among them.

    Args:
        logits: (notes, family), at least one note.
    """
    scores = EVIDENCE * logits
    odds = np.exp(scores - scores.max(1, keepdims=True))
    shares = np.full(logits.shape[1], 1.0 / logits.shape[1])
    each = odds / odds.sum(1, keepdims=True)
    for _ in range(ROUNDS):
        each = odds * shares
        each /= each.sum(1, keepdims=True)
        lessened = np.maximum(each.mean(0) - SPARSITY, 1e-9)
        shares = lessened / lessened.sum()
    return shares, each


def rows_of(notes: Sequence[HeardNote], families: Collection[int], double_logit: float, *, whole: bool = False) -> Table:
    """HEARD_DTYPE rows, one for each note and family that plays it.

    Args:
        notes: Any number.
        families: The only ones there are; any when empty.
        double_logit: A further family plays a note from this logit on.
        whole: Whether the notes are all of a recording, whose families are then weighed together.
    """
    if not len(notes):
        return np.zeros(0, dtype=HEARD_DTYPE)
    allowed = np.array([not families or family in families for family in range(len(FAMILIES))])
    logits = np.where(allowed, np.stack([note.families for note in notes]), -np.inf)
    shares, each = family_shares(np.where(allowed, logits, -1e6)) if whole else (np.ones(len(FAMILIES)), logits)
    best = each.argmax(1)
    rows = []
    for index, note in enumerate(notes):
        doubled = (logits[index] > double_logit) & (shares >= LEAST_SHARE)
        doubled[best[index]] = True
        for family in np.flatnonzero(doubled).tolist():
            program = FAMILIES[family].program
            rows.append((note.onset_s, note.offset_s, note.pitch, note.velocity, family, program, note.confidence))
    return np.array(rows, dtype=HEARD_DTYPE)
