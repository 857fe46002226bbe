"""Chords that were rolled: which they are, and their sign in the score.

A chord is rolled when its notes, which are written at one place, come one after another from below, slower than hands that mean to
play together: those differ by some 30 ms over the whole chord, and the melody leads (Goebl, "Melody lead in piano performance:
Expressive device or artifact?", JASA 110(1), 2001), so that the highest note comes first.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.musicxml.editor import roll_notes
from corpora.musicxml.reader import read_musicxml
from corpora.piece import Piece, Table

__all__ = ["rolled_notes", "with_rolls"]

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


def with_rolls(musicxml: bytes, piece: Piece, rolled: NDArray[np.bool_]) -> bytes:
    """The text of a piece with the sign at some of its notes.

    Args:
        musicxml: The piece as it was written.
        piece: Its lanes are those of the text.
        rolled: Of each note of the piece, shape (notes,).
    """
    if not rolled.any():
        return musicxml
    written = read_musicxml(musicxml)
    wanted = {_place(row, piece) for row in piece.notes[rolled]}
    return roll_notes(musicxml, [str(row["id"]) for row in written.notes if row["duration_div"] and _place(row, written) in wanted])


def _place(note: Any, piece: Piece) -> tuple[Fraction, int, int]:
    """Quarters from the start, lane and pitch."""
    return Fraction(int(note["onset_div"]), piece.divs_per_quarter), int(note["part"]), int(note["pitch"])
