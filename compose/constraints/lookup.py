"""Which notes of a canvas are new: small look-ups that several constraints share. Times are ticks."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter

from compose.canvas import Canvas, Note

__all__ = ["ending_at", "last_new_notes", "new_notes_at", "removed_at", "starting_at"]


def _at(notes: tuple[Note, ...], lane: int, onset: int) -> tuple[Note, ...]:
    """The notes of a canonically ordered tuple that start here."""
    return notes[bisect_left(notes, (onset, lane)) : bisect_left(notes, (onset, lane, math.inf))]


def starting_at(canvas: Canvas, lane: int, onset: int) -> list[Note]:
    """Kept and written notes of a lane that start at a tick, lowest first; without grace notes."""
    notes = canvas.lane_notes(lane)
    return [note for note in notes[bisect_left(notes, (onset,)) : bisect_left(notes, (onset + 1,))] if note.duration > 0]


def ending_at(canvas: Canvas, lane: int, end: int) -> list[Note]:
    """Kept and written notes of a lane that end at a tick; without grace notes."""
    return [note for note in canvas.overlapping(lane, end - 1, end) if note.end == end]


def new_notes_at(canvas: Canvas, lane: int, onset: int) -> list[Note]:
    """Written notes of a lane that start at a tick."""
    here = starting_at(canvas, lane, onset)
    if not here:
        return here
    return list((Counter(here) - Counter(_at(canvas.fixed, lane, onset))).elements())


def removed_at(canvas: Canvas, lane: int, onset: int) -> list[Note]:
    """Notes that the region lost at this place, without grace notes."""
    return [note for note in _at(canvas.removed, lane, onset) if note.duration > 0]


def last_new_notes(canvas: Canvas, lane: int) -> list[Note]:
    """The written notes of a lane that start last (several for a chord); empty when it has none."""
    notes = canvas.lane_notes(lane)
    index = bisect_left(notes, (canvas.region.end,)) - 1
    while index >= 0 and notes[index].onset >= canvas.region.start:
        onset = notes[index].onset
        if found := new_notes_at(canvas, lane, onset):
            return found
        index = bisect_left(notes, (onset,)) - 1
    return []
