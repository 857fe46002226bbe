"""Trills as they were played: which strokes they have, and the one note that is written for them.

A note that goes to and fro with its upper neighbour, ten times a second or faster, is one long note with a sign. Written notes are
seldom so fast; those of a few strokes are left as they were heard, because they are written in several ways.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table
from transcribe.heard import DRUMS

__all__ = ["Trills", "find_trills"]

NEIGHBOURS = (1, 2)  # semitones above
STEP_S = 0.1  # from stroke to stroke, in the median at most
SHORTEST_S, LONGEST_S, FIRST_S = 0.03, 0.13, 0.18  # each; the first note may be held a little
FEWEST = 6  # strokes


@dataclass(frozen=True, eq=False)
class Trills:
    """Notes with one in place of each trill.

    Args:
        notes: HEARD_DTYPE rows, those that are written; the note of a trill lasts from its first stroke to the end of its last.
        rows: The row that each was before, shape (notes,).
        neighbours: Semitones from each to the neighbour that it is trilled with; 0 where it is not, shape (notes,).
        strokes: How many notes gave way.
    """

    notes: Table
    rows: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    strokes: int

    @property
    def is_trilled(self) -> NDArray[np.bool_]:
        """Whether each is the note of a trill, shape (notes,)."""
        return self.neighbours > 0


def find_trills(notes: Table) -> Trills:
    """Put one note in place of each trill; longer ones first, where two share a stroke. Drums have none.

    Args:
        notes: HEARD_DTYPE rows by onset.
    """
    runs = [
        run
        for family in np.unique(notes["family"][notes["family"] != DRUMS]).tolist()
        for low in np.unique(notes["pitch"][notes["family"] == family]).tolist()
        for step in NEIGHBOURS
        for run in _to_and_fro(notes, np.flatnonzero((notes["family"] == family) & np.isin(notes["pitch"], (low, low + step))))
    ]
    out, neighbours = notes.copy(), np.zeros(len(notes), dtype=np.int64)
    is_left, taken = np.ones(len(notes), dtype=np.bool_), np.zeros(len(notes), dtype=np.bool_)
    for run in sorted(runs, key=len, reverse=True):
        if taken[run].any():
            continue
        taken[run] = True
        main = run[np.argmin(notes["pitch"][run])]
        out["onset_s"][main], out["offset_s"][main] = notes["onset_s"][run[0]], notes["offset_s"][run].max()
        is_left[run] = False
        is_left[main] = True
        neighbours[main] = np.ptp(notes["pitch"][run])
    rows = np.flatnonzero(is_left)
    rows = rows[np.lexsort((out["family"][rows], out["pitch"][rows], out["onset_s"][rows]))]
    return Trills(out[rows], rows, neighbours[rows], len(notes) - len(rows))


def _to_and_fro(notes: Table, pair: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Rows of each trill of two keys, whose rows are by onset."""
    onset = notes["onset_s"][pair]
    gap = np.diff(onset)
    alternates = (np.diff(notes["pitch"][pair]) != 0) & (gap >= SHORTEST_S)
    goes_on = alternates & (gap <= LONGEST_S)
    is_first = np.append(True, ~goes_on[:-1])[: len(gap)]
    goes_on |= alternates & is_first & (gap <= FIRST_S)
    runs = [_without_next(notes, run) for run in np.split(pair, np.flatnonzero(~goes_on) + 1)]
    return [run for run in runs if len(run) >= FEWEST and np.median(np.diff(notes["onset_s"][run])) <= STEP_S]


def _without_next(notes: Table, run: NDArray[np.int64]) -> NDArray[np.int64]:
    """Without the melody's next note, where that is the neighbour: trills end on their own note."""
    last = notes[run[-1:]]
    is_next = (last["pitch"] > notes["pitch"][run].min(initial=127)) & (last["offset_s"] - last["onset_s"] > LONGEST_S)
    return run[: len(run) - int(is_next.any())]
