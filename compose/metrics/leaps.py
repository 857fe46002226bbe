"""How far lines leap: from note to note, and across the joins of a region with what is kept.

Conventions: a line is the highest notes of a lane, one an onset (``compose.metrics.lines``). Intervals are semitones. A leap is
more than a fifth, a wide leap more than an octave.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compose.canvas import Note
from compose.metrics.lines import top_line

__all__ = ["Steps", "join_leaps", "leap_shares", "line_steps"]

FIFTH, OCTAVE = 7, 12


def _line(notes: Iterable[Note], lane: int) -> NDArray[np.int64]:
    """Pitches of the line of a lane."""
    table = np.array([(note.onset, note.pitch) for note in notes if note.lane == lane], dtype=np.int64).reshape(-1, 2)
    return top_line(table[:, 0], table[:, 1])[1]


class Steps(NamedTuple):
    """The steps of some lines, each array of shape (steps,).

    Args:
        highest: Sizes from highest note to highest note.
        nearest: Sizes between the nearest notes of the two onsets, which is what is left of a leap from a bass note to its chord.
        resized: Whether one of the two onsets has more notes.
    """

    highest: NDArray[np.int64]
    nearest: NDArray[np.int64]
    resized: NDArray[np.bool_]

    @classmethod
    def joined(cls, several: Sequence[Steps]) -> Steps:
        """One after the other."""
        none = cls(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_))
        return cls(*(np.concatenate(arrays) for arrays in zip(none, *several, strict=True)))


def line_steps(notes: Sequence[Note]) -> Steps:
    """The steps of every lane's line, one lane after the other."""
    rows: list[tuple[int, int, bool]] = []
    for lane in sorted({note.lane for note in notes}):
        chords: dict[int, list[int]] = {}
        for note in sorted(notes):
            if note.lane == lane:
                chords.setdefault(note.onset, []).append(note.pitch)
        for before, after in pairwise(chords.values()):
            nearest = min(abs(a - b) for a in before for b in after)
            rows.append((abs(max(after) - max(before)), nearest, len(before) != len(after)))
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Steps(table[:, 0], table[:, 1], table[:, 2] > 0)


def leap_shares(steps: Steps) -> dict[str, int | float]:
    """How many steps there are, their mean size, and shares of them (0 where there are none).

    ``leaps`` and ``wide_leaps`` are of highest notes, ``wide_leaps_nearest`` of the nearest; ``resized`` as in ``Steps``.
    """
    count = max(len(steps.highest), 1)
    shares = {
        "leaps": steps.highest > FIFTH,
        "wide_leaps": steps.highest > OCTAVE,
        "wide_leaps_nearest": steps.nearest > OCTAVE,
        "resized": steps.resized,
    }
    return {
        "steps": len(steps.highest),
        "mean": round(float(steps.highest.sum()) / count, 2),
        **{name: round(float(chosen.sum()) / count, 4) for name, chosen in shares.items()},
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
