"""Who plays: families of notes, from what each sounds like and from what its neighbours and the whole recording make likely.

A recording has few families, and a note alone often sounds like several. So the shares of the families are learned from the
recording itself by expectation and maximisation: each note is shared out among families by how likely it sounds like each, times
their shares about it, among the notes that are near in time and pitch, since a part keeps to its register for a while. Families
whose share of all notes is about ``SPARSITY`` or less vanish: they only ever came second.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table
from transcribe.families import FAMILIES
from transcribe.heard import HEARD_DTYPE

__all__ = ["HeardNote", "family_shares", "rows_of", "settled_rows"]

ROUNDS = 20
SPARSITY = 0.015  # of all notes
NEAR_S, NEAR_SEMITONES = 8.0, 5.0  # how far away a note still has a say: time constant, and standard deviation
CELL_S = 2.0  # in which notes are taken as one
PITCHES = 128
DOUBT = 1e-2  # notes of every family that are near any note
LEAST_SHARE = 0.08  # of a family that may double another's notes
EVIDENCE = 0.6  # notes of a family sound alike, so that their odds are no independent witnesses

Floats = NDArray[np.floating]


class HeardNote(NamedTuple):
    """A note whose family is still to be settled; ``families`` are logits, (family,), ``look`` is what its strength is told by."""

    onset_s: float
    offset_s: float
    pitch: int
    velocity: int
    confidence: float
    families: Floats
    look: NDArray[np.float32] | None = None


def family_shares(logits: Floats, onset_s: Floats, pitch: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """Shares of the families in a recording, and of each note among them.

    Args:
        logits: (notes, family), at least one note.
        onset_s: (notes,).
        pitch: MIDI, (notes,).
    """
    scores = -EVIDENCE * np.logaddexp(0.0, -logits)  # log probabilities
    odds = np.exp(scores - scores.max(1, keepdims=True))
    each = odds / odds.sum(1, keepdims=True)
    cell = ((onset_s - onset_s.min()) / CELL_S).astype(np.int64)
    steps = np.arange(PITCHES)
    nearness = np.exp(-0.5 * ((steps[:, None] - steps) / NEAR_SEMITONES) ** 2)
    for _ in range(ROUNDS):
        mean = each.mean(0)
        kept = np.maximum(mean - SPARSITY, 1e-9) / mean.clip(1e-9)
        each = odds * (_near(each, cell, pitch, nearness) + DOUBT) * kept
        each /= each.sum(1, keepdims=True)
    return each.mean(0), each


def _near(each: Floats, cell: NDArray[np.int64], pitch: NDArray[np.integer], nearness: Floats) -> Floats:
    """How much of each family is about each note, which itself does not count; shares that sum to 1 or less, (notes, family)."""
    grid = np.zeros((int(cell.max()) + 1, PITCHES, each.shape[1]))
    np.add.at(grid, (cell, pitch), each)
    earlier, later = grid.copy(), grid.copy()
    fading = np.exp(-CELL_S / NEAR_S)
    for place in range(1, len(grid)):
        earlier[place] += fading * earlier[place - 1]
        later[-place - 1] += fading * later[-place]
    about = nearness @ (earlier + later - grid)
    found = np.maximum(about[cell, pitch] - each, 0.0)
    return np.asarray(found / np.maximum(found.sum(1, keepdims=True), 1.0))


def rows_of(notes: Sequence[HeardNote], families: Collection[int], double_logit: float) -> Table:
    """HEARD_DTYPE rows, one for each note and family that it sounds like.

    Args:
        notes: Any number.
        families: The only ones there are; any when empty.
        double_logit: A further family plays a note from this logit on.
    """
    if not len(notes):
        return np.zeros(0, dtype=HEARD_DTYPE)
    logits = _logits(notes, families)
    return _rows(notes, logits, logits.argmax(1), np.ones(len(FAMILIES)), double_logit)[0]


def settled_rows(notes: Sequence[HeardNote], families: Collection[int], double_logit: float) -> tuple[Table, NDArray[np.int64]]:
    """HEARD_DTYPE rows of all notes of a recording, whose families are weighed together; and for each row the number of its note.

    Args:
        notes, families, double_logit: As for ``rows_of``.
    """
    if not len(notes):
        return np.zeros(0, dtype=HEARD_DTYPE), np.zeros(0, dtype=np.int64)
    logits = _logits(notes, families)
    onset_s, pitch = np.array([note.onset_s for note in notes]), np.array([note.pitch for note in notes])
    shares, each = family_shares(np.where(np.isfinite(logits), logits, -1e6), onset_s, pitch)
    return _rows(notes, logits, each.argmax(1), shares, double_logit)


def _logits(notes: Sequence[HeardNote], families: Collection[int]) -> Floats:
    allowed = np.array([not families or family in families for family in range(len(FAMILIES))])
    return np.where(allowed, np.stack([note.families for note in notes]), -np.inf)


def _rows(
    notes: Sequence[HeardNote], logits: Floats, best: NDArray[np.int64], shares: Floats, double_logit: float
) -> tuple[Table, NDArray[np.int64]]:
    rows, owner = [], []
    for index, note in enumerate(notes):
        doubled = (logits[index] > double_logit) & (shares >= LEAST_SHARE)
        doubled[best[index]] = True
        for family in np.flatnonzero(doubled).tolist():
            program = FAMILIES[family].program
            rows.append((note.onset_s, note.offset_s, note.pitch, note.velocity, family, program, note.confidence))
            owner.append(index)
    return np.array(rows, dtype=HEARD_DTYPE), np.array(owner, dtype=np.int64)
