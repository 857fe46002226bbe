"""Chords that were rolled: which they are.

A chord is rolled when its notes, which are written at one place, come one after another from below, slower than hands that mean to
play together: those differ by some 30 ms over the whole chord, and the melody leads (Goebl, "Melody lead in piano performance:
Expressive device or artifact?", JASA 110(1), 2001), so that the highest note comes first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table

__all__ = ["rolled_notes"]

LEAST_NOTES = 3  # of two one is often late
STEP_S, LEAST_STEP_S = 0.025, 0.008  # from note to note, in the mean and each


def rolled_notes(notes: Table, onset_s: NDArray[np.float64], players: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which notes belong to a chord that is rolled, shape (notes,): all that a player has at a place, or what is on one staff.

    Args:
        notes: NOTE_DTYPE rows; grace notes never do.
        onset_s: When each was heard, shape (notes,).
        players: Whose staff each lane is, shape (lanes,).
    """
    return _rolled(notes, onset_s, players[notes["part"]]) | _rolled(notes, onset_s, notes["part"])


def _rolled(notes: Table, onset_s: NDArray[np.float64], owners: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """The same where the owners of the notes, shape (notes,), tell the chords of a place apart."""
    rolled = np.zeros(len(notes), dtype=np.bool_)
    order = np.lexsort((notes["pitch"], owners, notes["onset_div"]))
    order = order[notes["duration_div"][order] > 0]
    places = np.stack([notes["onset_div"][order], owners[order]])
    edges = np.flatnonzero((np.diff(places) != 0).any(axis=0)) + 1
    for chord in np.split(order, edges):
        steps = np.diff(onset_s[chord])
        if len(chord) >= LEAST_NOTES and steps.min() >= LEAST_STEP_S and steps.mean() >= STEP_S:
            rolled[chord] = True
    return rolled
