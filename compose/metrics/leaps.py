"""How far lines leap: from note to note, and across the joins of a region with what is kept.

Conventions: a line is the highest notes of a lane, one an onset (``compose.metrics.lines``). Intervals are semitones. A leap is
more than a fifth, a wide leap more than an octave.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from compose.canvas import Note
from compose.metrics.lines import top_line

__all__ = ["join_leaps", "leap_shares", "line_intervals"]

FIFTH, OCTAVE = 7, 12


def _line(notes: Iterable[Note], lane: int) -> NDArray[np.int64]:
    """Pitches of the line of a lane."""
    table = np.array([(note.onset, note.pitch) for note in notes if note.lane == lane], dtype=np.int64).reshape(-1, 2)
    return top_line(table[:, 0], table[:, 1])[1]


def line_intervals(notes: Sequence[Note]) -> NDArray[np.int64]:
    """Sizes of the steps of every lane's line, shape (steps,), one lane after the other."""
    lines = [np.abs(np.diff(_line(notes, lane))) for lane in sorted({note.lane for note in notes})]
    return np.concatenate([np.zeros(0, dtype=np.int64), *lines])


def leap_shares(intervals: NDArray[np.int64]) -> dict[str, int | float]:
    """How many steps there are, their mean size, and the shares of leaps and of wide leaps among them (0 where there are none)."""
    count = max(len(intervals), 1)
    return {
        "steps": len(intervals),
        "mean": round(float(intervals.sum()) / count, 2),
        "leaps": round(float((intervals > FIFTH).sum()) / count, 4),
        "wide_leaps": round(float((intervals > OCTAVE).sum()) / count, 4),
    }


def join_leaps(kept: Sequence[Note], filling: Sequence[Note], lanes: Sequence[int], start: int, end: int) -> list[int]:
    """Sizes of the steps from the last kept note before a region into it, and out of it to the first kept note after.

    Args:
        kept: Notes outside; those inside the region do not count.
        filling: Notes inside.
        lanes: Whose joins are measured; a lane without a note on one side has none there.
        start, end: Of the region.
    """
    sizes = []
    for lane in lanes:
        before, inside, after = (
            _line(notes, lane) for notes in ([n for n in kept if n.onset < start], filling, [n for n in kept if n.onset >= end])
        )
        if len(before) and len(inside):
            sizes.append(abs(int(inside[0]) - int(before[-1])))
        if len(inside) and len(after):
            sizes.append(abs(int(after[0]) - int(inside[-1])))
    return sizes
