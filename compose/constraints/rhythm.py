"""When notes start and end: the removed rhythm again, a grid, the region's borders, the writing grid. Times are ticks."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar

import numpy as np

from compose.canvas import Canvas
from compose.constraints.base import BoolArray, Constraint, IntArray, Requirement, Satisfaction
from compose.constraints.lookup import new_notes_at, removed_at

__all__ = ["Grid", "KeepRhythm", "OnGrid", "WithinRegion"]


@dataclass(frozen=True)
class KeepRhythm(Constraint):
    """The new notes have exactly the onsets and durations, lane by lane, of the notes that the region loses.

    Chords come back with as many notes. Grace notes, which take no time, do not come back. What is written is the rhythm on the
    writing grid; the exact times are put back afterwards (``Canvas.with_original_times``), and measured.

    Args:
        text: ``rhythm: keep``.
    """

    keeps_times: ClassVar[bool] = True
    text: str = "rhythm: keep"

    def onsets(self, canvas: Canvas, onsets: IntArray, lane: int) -> BoolArray:
        """Onsets of removed notes that are not all there again."""
        if not len(onsets):
            return np.ones(0, dtype=np.bool_)
        first, last = (bisect_left(canvas.removed, (int(place),)) for place in (onsets.min(), onsets.max() + 1))
        lost = {note.onset for note in canvas.removed[first:last] if note.lane == lane and note.duration > 0}
        allowed = np.isin(onsets, list(lost))
        for index in np.flatnonzero(allowed):
            onset = int(onsets[index])
            allowed[index] = len(removed_at(canvas, lane, onset)) > len(new_notes_at(canvas, lane, onset))
        return np.asarray(allowed)

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """Durations of the removed notes here, less those there again; shape (1, durations)."""
        open_durations = Counter(note.duration for note in removed_at(canvas, lane, onset))
        open_durations -= Counter(note.duration for note in new_notes_at(canvas, lane, onset))
        return np.isin(durations, list(open_durations))[None, :]

    def requirements(self, canvas: Canvas) -> tuple[Requirement, ...]:
        """One for each removed note that is not a grace note."""
        return tuple(Requirement(note.onset, note.lane, note.duration) for note in canvas.removed if note.duration > 0)

    def may_end(self, canvas: Canvas) -> bool:
        """When all are there again."""
        return not self._missing(canvas)

    def _missing(self, canvas: Canvas) -> Counter[tuple[int, int, int]]:
        wanted = Counter((note.onset, note.lane, note.duration) for note in canvas.removed if note.duration > 0)
        return wanted - Counter((note.onset, note.lane, note.duration) for note in canvas.written)

    def conflict(self, canvas: Canvas) -> str | None:
        """A removed note that lasts beyond the region cannot be written."""
        for note in canvas.removed:
            if note.end > canvas.region.end:
                bar = canvas.piece.measures["number"][canvas.piece.measure_at(note.onset // canvas.ticks_per_div)]
                return f"a note in bar {bar} lasts beyond the end of the region"
        return None

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Compares onsets and durations as multisets."""
        wanted = Counter((note.onset, note.lane, note.duration) for note in canvas.removed if note.duration > 0)
        written = Counter((note.onset, note.lane, note.duration) for note in canvas.written)
        kept, more = (wanted & written).total(), (written - wanted).total()
        return Satisfaction(
            self.text, wanted == written, f"{kept} of {wanted.total()} onsets and durations there again, {more} others"
        )


@dataclass(frozen=True)
class Grid(Constraint):
    """New notes start and end on a grid counted from the start of their bar; a bar line is always on it.

    Args:
        text: For example ``grid: 1/16``.
        step_quarters: Distance of the grid's points in quarter notes.
    """

    text: str = field()  # the base has a default, this has none
    step_quarters: Fraction

    def _on_grid(self, canvas: Canvas, ticks: IntArray) -> BoolArray:
        """Which places are on the grid."""
        starts = canvas.piece.measures["start_div"] * canvas.ticks_per_div
        bars = np.clip(np.searchsorted(starts, ticks, side="right") - 1, 0, None)
        step = self.step_quarters * canvas.ticks_per_quarter
        offset = ticks - starts[bars]
        ends = canvas.piece.measures["end_div"][-1] * canvas.ticks_per_div
        return np.asarray(((offset * step.denominator) % step.numerator == 0) | (ticks == ends), dtype=np.bool_)

    def onsets(self, canvas: Canvas, onsets: IntArray, lane: int) -> BoolArray:
        """Onsets on the grid."""
        return self._on_grid(canvas, np.asarray(onsets, dtype=np.int64))

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """Durations that end on the grid, for an onset on the grid; shape (1, durations)."""
        places = self._on_grid(canvas, np.append(onset + durations, onset))
        return np.asarray(places[:-1] & places[-1])[None, :]

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Counts the new notes with both ends on the grid, in exact fractions of a quarter."""
        good = sum(all(self._is_on(canvas, place) for place in (note.onset, note.end)) for note in canvas.written)
        return Satisfaction(self.text, good == len(canvas.written), f"{good} of {len(canvas.written)} notes on the grid")

    def _is_on(self, canvas: Canvas, tick: int) -> bool:
        quarters = Fraction(tick, canvas.ticks_per_quarter)
        for row in canvas.piece.measures:
            start, end = canvas.piece.quarters(int(row["start_div"])), canvas.piece.quarters(int(row["end_div"]))
            if start <= quarters < end:
                return (quarters - start) % self.step_quarters == 0
        last_end = canvas.piece.quarters(int(canvas.piece.measures["end_div"][-1]))
        last_start = canvas.piece.quarters(int(canvas.piece.measures["start_div"][-1]))
        return quarters == last_end or (quarters - last_start) % self.step_quarters == 0


@dataclass(frozen=True)
class WithinRegion(Constraint):
    """New notes are in the region's lanes, start in the region and end in it."""

    text: str = "within the region"

    def onsets(self, canvas: Canvas, onsets: IntArray, lane: int) -> BoolArray:
        """Onsets inside, in a lane of the region."""
        inside = (onsets >= canvas.region.start) & (onsets < canvas.region.end)
        return np.asarray(inside & (lane in canvas.region.lanes), dtype=np.bool_)

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """Durations up to the region's end; shape (1, durations)."""
        here = canvas.region.start <= onset < canvas.region.end and lane in canvas.region.lanes
        return np.asarray((onset + durations <= canvas.region.end) & here)[None, :]

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Counts the new notes inside."""
        start, end, lanes = canvas.region.start, canvas.region.end, canvas.region.lanes
        good = sum(start <= note.onset < end and note.end <= end and note.lane in lanes for note in canvas.written)
        return Satisfaction(self.text, good == len(canvas.written), f"{good} of {len(canvas.written)} notes within the region")


@dataclass(frozen=True)
class OnGrid(Constraint):
    """New notes start and last whole multiples of a number of ticks, counted from the start of the piece.

    Args:
        ticks: At least 1.
        text: For messages.
    """

    ticks: int
    text: str = "on the writing grid"

    def onsets(self, canvas: Canvas, onsets: IntArray, lane: int) -> BoolArray:
        """Onsets that are multiples."""
        return np.asarray(onsets % self.ticks == 0)

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """Durations that are multiples and not 0, for an onset that is; shape (1, durations)."""
        return np.asarray((durations % self.ticks == 0) & (durations > 0) & (onset % self.ticks == 0))[None, :]

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Counts the new notes whose onset and duration are multiples."""
        good = sum(
            note.duration > 0 and divmod(note.onset, self.ticks)[1] + note.duration % self.ticks == 0 for note in canvas.written
        )
        return Satisfaction(self.text, good == len(canvas.written), f"{good} of {len(canvas.written)} notes on the writing grid")
