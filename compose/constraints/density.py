"""How many onsets a lane has in every beat or bar, at least and at most. Times are ticks.

The minimum needs foresight, so that writing never comes to a place from which it cannot be reached: no lane is written past a beat
in which any lane still owes an onset, and in lanes that sound one note at a time no note is so long that the places left
after it are fewer than the onsets owed. Places are those that the other constraints in force leave (a grid, kept notes).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from sys import maxsize
from typing import ClassVar

import numpy as np

from compose.canvas import Canvas
from compose.constraints.base import BoolArray, Constraint, IntArray, Satisfaction
from compose.constraints.others import foreseen, sounds_alone

__all__ = ["Density", "DensityLimit"]


@dataclass(frozen=True)
class DensityLimit:
    """Onsets of a lane in a span of time, kept notes counted.

    Args:
        lanes: Lanes of the part named; None: each that no other item names.
        low, high: At least and at most.
        per_beat: Whether a span is a beat of the meter; else a bar.
    """

    lanes: tuple[int, ...] | None
    low: int
    high: int
    per_beat: bool


@dataclass(frozen=True)
class Density(Constraint):
    """See the module's text; only beats or bars that lie in the region as a whole are judged.

    Args:
        text: For example ``density: 1-2 per beat`` or ``density: Piano 2-8 per bar``.
        limits: As written.
        others: The constraints asked for beside it (``see_others``); no part of what it says.
    """

    looks_ahead: ClassVar[int] = 2
    foresees: ClassVar[bool] = False
    text: str = field()  # the base has a default, this has none
    limits: tuple[DensityLimit, ...]
    others: tuple[Constraint, ...] = field(default=(), compare=False, repr=False)

    def _limit(self, lane: int) -> DensityLimit | None:
        named = [limit for limit in self.limits if limit.lanes is not None and lane in limit.lanes]
        return next(iter(named or [limit for limit in self.limits if limit.lanes is None]), None)

    def _spans(self, canvas: Canvas, limit: DensityLimit, every: bool = False) -> list[tuple[int, int]]:
        """The beats or bars inside the region, (start, end): every one, or those from the bar being written on."""
        spans = canvas.lasting(self, limit.per_beat, lambda: self._find_spans(canvas, limit.per_beat))
        if every or not canvas.written:
            return spans
        # Writers never go back: bars before that of the last note are done.
        piece = canvas.piece
        bar = piece.measure_at(max(canvas.region.start, canvas.written[-1].onset) // canvas.ticks_per_div)
        return spans[bisect_left(spans, (int(piece.measures["start_div"][bar]) * canvas.ticks_per_div,)) :]

    @staticmethod
    def _find_spans(canvas: Canvas, per_beat: bool) -> list[tuple[int, int]]:
        out: list[tuple[int, int]] = []
        for row in canvas.piece.measures:
            start, end = int(row["start_div"]) * canvas.ticks_per_div, int(row["end_div"]) * canvas.ticks_per_div
            length = 4 * canvas.ticks_per_quarter // int(row["beat_type"]) if per_beat else end - start
            out += [(t, t + length) for t in range(start, end, max(length, 1)) if t + length <= end]
        return [(start, end) for start, end in out if start >= canvas.region.start and end <= canvas.region.end]

    def _taken(self, canvas: Canvas, lane: int) -> list[int]:
        """Onsets of the lane's notes, kept and new, ascending."""
        return canvas.passing(self, (lane, "taken"), lambda: sorted({n.onset for n in canvas.lane_notes(lane) if n.duration}))

    def _count(self, canvas: Canvas, lane: int, start: int, end: int) -> int:
        """How many onsets the lane has in a span."""
        taken = self._taken(canvas, lane)
        return bisect_left(taken, end) - bisect_left(taken, start)

    def _free(self, canvas: Canvas, lane: int) -> IntArray:
        """Onsets of the region that the others leave to the lane and no note of it has, ascending."""
        return canvas.passing(self, (lane, "free"), lambda: self._find_free(canvas, lane))

    def _find_free(self, canvas: Canvas, lane: int) -> IntArray:
        step, region = canvas.ticks_per_step, canvas.region
        onsets = np.arange(region.start + -region.start % step, region.end, step, dtype=np.int64)
        for other in foreseen(self.others):
            onsets = onsets[other.onsets(canvas, onsets, lane)]
        if sounds_alone(self.others, lane):
            for note in canvas.overlapping(lane, region.start, region.end):
                onsets = onsets[(onsets < note.onset) | (onsets >= note.end)]
        return onsets[~np.isin(onsets, self._taken(canvas, lane))]

    def _latest(self, canvas: Canvas, lane: int, span: tuple[int, int], missing: int, after: int) -> int:
        """The last onset in a span, from ``after`` on, that leaves places for what is missing; -1 when there are too few."""
        free = self._free(canvas, lane)
        places = free[np.searchsorted(free, max(span[0], after)) : np.searchsorted(free, span[1])]
        return int(places[-missing]) if len(places) >= missing else -1

    def takes(self, canvas: Canvas, lane: int, onsets: IntArray, end: int) -> bool:
        """Whether a lane may have these onsets and no others from the first of them to an end."""
        limit = self._limit(lane)
        if limit is None:
            return True
        free, start = self._free(canvas, lane), int(onsets[0])
        onsets = onsets[~np.isin(onsets, self._taken(canvas, lane))]
        outside = free[(free < start) | (free >= end)]
        for first, last in self._spans(canvas, limit):
            if last <= start or first >= end:
                continue
            count = self._count(canvas, lane, first, last) + int(((onsets >= first) & (onsets < last)).sum())
            room = int(((outside >= first) & (outside < last)).sum())
            if count > limit.high or count + room < limit.low:
                return False
        return True

    def latest_places(self, canvas: Canvas, lane: int, places: IntArray) -> IntArray:
        """Of some places of a lane, ascending, as many in each span as it may have, the latest; as the canvas stands."""
        limit = self._limit(lane)
        if limit is None:
            return places
        fine = np.ones(len(places), dtype=np.bool_)
        for start, end in self._spans(canvas, limit, every=True):
            first, last = np.searchsorted(places, (start, end))
            fine[first : max(first, last - limit.high + self._count(canvas, lane, start, end))] = False
        return places[fine]

    def room_beside(self, canvas: Canvas, lane: int, onset: int) -> tuple[int, int] | None:
        """End of the span of an onset, and how many more onsets it may have beside this one; None where there is no limit."""
        limit = self._limit(lane)
        spans = self._spans(canvas, limit, every=True) if limit else []
        index = bisect_right(spans, (onset, maxsize)) - 1
        if limit is None or index < 0 or spans[index][1] <= onset:
            return None
        more = onset not in self._taken(canvas, lane)
        return spans[index][1], limit.high - self._count(canvas, lane, *spans[index]) - more

    def due(self, canvas: Canvas) -> tuple[int, int] | None:
        """The first place that a lane cannot do without, and the lane."""
        return canvas.passing(self, "due", lambda: self._find_due(canvas))

    def _find_due(self, canvas: Canvas) -> tuple[int, int] | None:
        due = []
        for lane in canvas.region.lanes:
            limit = self._limit(lane)
            if limit is None or not limit.low:
                continue
            for span in self._spans(canvas, limit):
                if (missing := limit.low - self._count(canvas, lane, *span)) > 0:
                    due.append((self._latest(canvas, lane, span, missing, span[0]), lane))
                    break
        return min(due, default=None)

    def onsets(self, canvas: Canvas, onsets: IntArray, lane: int) -> BoolArray:
        """Onsets in spans that have room, up to what is due."""
        allowed = np.ones(len(onsets), dtype=np.bool_)
        if (due := self.due(canvas)) is not None:
            allowed &= (onsets < due[0]) | ((onsets == due[0]) & (lane <= due[1]))
        limit = self._limit(lane)
        if limit is None or not allowed.any():
            return allowed
        first, last = int(onsets[allowed].min()), int(onsets[allowed].max())
        for start, end in self._spans(canvas, limit):
            if end > first and start <= last and self._count(canvas, lane, start, end) >= limit.high:
                allowed &= (onsets < start) | (onsets >= end) | np.isin(onsets, self._taken(canvas, lane))
        return allowed

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """Durations that leave places enough; shape (1, 1) or (1, durations)."""
        limit = self._limit(lane)
        if limit is None or not limit.low or not sounds_alone(self.others, lane):
            return np.ones((1, 1), dtype=np.bool_)
        allowed = np.ones(len(durations), dtype=np.bool_)
        reach = onset + int(durations.max(initial=1))
        for start, end in self._spans(canvas, limit):
            if end <= onset or start >= reach:
                continue
            missing = limit.low - self._count(canvas, lane, start, end)
            missing -= start <= onset < end and onset not in self._taken(canvas, lane)
            if missing > 0:
                allowed &= onset + durations <= self._latest(canvas, lane, (start, end), missing, onset + 1)
        return allowed[None, :]

    def may_end(self, canvas: Canvas) -> bool:
        """When no lane owes an onset."""
        return self.due(canvas) is None

    def conflict(self, canvas: Canvas) -> str | None:
        """Spans that have not places enough, or too many kept onsets."""
        for lane in canvas.region.lanes:
            limit = self._limit(lane)
            if limit is None:
                continue
            for start, end in self._spans(canvas, limit):
                there = self._count(canvas, lane, start, end)
                name = canvas.piece.parts[lane].name
                if there > limit.high:
                    return f"{name} keeps {there} onsets in a span that may have {limit.high}"
                missing = limit.low - there
                if missing > 0 and self._latest(canvas, lane, (start, end), missing, start) < 0:
                    return f"{name} has no room for {limit.low} onsets"
        return None

    def measure(self, canvas: Canvas) -> Satisfaction:
        """The least and the most onsets in a span."""
        counts, fine = [], True
        for lane in canvas.region.lanes:
            limit = self._limit(lane)
            if limit is None:
                continue
            for start, end in self._spans(canvas, limit, every=True):
                count = len({n.onset for n in canvas.lane_notes(lane) if start <= n.onset < end and n.duration})
                counts.append(count)
                fine &= limit.low <= count <= limit.high
        found = f"{min(counts)} to {max(counts)} onsets" if counts else "no whole span in the region"
        return Satisfaction(self.text, fine, found)
