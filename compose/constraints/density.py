"""How many onsets a lane has in every beat or bar, at least and at most. Times are ticks.

The minimum needs foresight, so that writing never comes to a place from which it cannot be reached: no lane is written past a beat
in which any lane still owes an onset, and in lanes that sound one note at a time no note is so long that the places left
after it are fewer than the onsets owed. Places are those that the other constraints in force leave (a grid, kept notes).
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
        out: list[tuple[int, int]] = []
        measures, region = canvas.piece.measures, canvas.region
        # Writers never go back: bars before that of the last note are done.
        written = canvas.written[-1].onset if canvas.written and not every else 0
        now = max(region.start, written) // canvas.ticks_per_div
        first = max(int(np.searchsorted(measures["start_div"], now, side="right")) - 1, 0)
        last = int(np.searchsorted(measures["start_div"], -(-region.end // canvas.ticks_per_div)))
        for row in measures[first:last]:
            start, end = int(row["start_div"]) * canvas.ticks_per_div, int(row["end_div"]) * canvas.ticks_per_div
            length = 4 * canvas.ticks_per_quarter // int(row["beat_type"]) if limit.per_beat else end - start
            out += [(t, t + length) for t in range(start, end, max(length, 1)) if t + length <= end]
        return [(start, end) for start, end in out if start >= canvas.region.start and end <= canvas.region.end]

    @staticmethod
    def _onsets_in(canvas: Canvas, lane: int, start: int, end: int) -> set[int]:
        """Onsets of the lane's notes, kept and new, in a span."""
        return {n.onset for n in canvas.overlapping(lane, start, end) if start <= n.onset and n.duration}

    def _places(self, canvas: Canvas, lane: int, start: int, end: int, after: int) -> IntArray:
        """Onsets in ``start <= t < end``, from ``after`` on, that the others leave to the lane and no note of it has."""
        step = canvas.ticks_per_step
        onsets = np.arange(max(start, after) + -max(start, after) % step, end, step, dtype=np.int64)
        for other in foreseen(self.others):
            onsets = onsets[other.onsets(canvas, onsets, lane)]
        if sounds_alone(self.others, lane):
            for note in canvas.overlapping(lane, start, end):
                onsets = onsets[(onsets < note.onset) | (onsets >= note.end)]
        taken = self._onsets_in(canvas, lane, start, end)
        return onsets[~np.isin(onsets, list(taken))] if taken else onsets

    def _owed(self, canvas: Canvas) -> tuple[int, int] | None:
        """The end of the first span in which a lane owes an onset, and the lane."""
        first: tuple[int, int] | None = None
        for lane in canvas.region.lanes:
            limit = self._limit(lane)
            if limit is None:
                continue
            for start, end in self._spans(canvas, limit):
                if first is not None and end > first[0]:
                    break
                if len(self._onsets_in(canvas, lane, start, end)) < limit.low:
                    first = min(first or (end, lane), (end, lane))
                    break
        return first

    def onsets(self, canvas: Canvas, onsets: IntArray, lane: int) -> BoolArray:
        """Onsets in spans that have room, and none past a span that owes, with places enough behind them for the rest."""
        allowed = np.ones(len(onsets), dtype=np.bool_)
        owed = self._owed(canvas)
        if owed is not None:
            allowed &= onsets < owed[0]
        limit = self._limit(lane)
        for start, end in self._spans(canvas, limit) if limit else []:
            inside = (onsets >= start) & (onsets < end)
            if not inside.any():
                continue
            there = self._onsets_in(canvas, lane, start, end)
            if len(there) >= limit.high:  # type: ignore[union-attr]
                allowed &= ~inside | np.isin(onsets, list(there))
            missing = limit.low - len(there)  # type: ignore[union-attr]
            if missing > 0:
                places = self._places(canvas, lane, start, end, start)
                latest = int(places[-missing]) if len(places) >= missing else -1
                allowed &= ~inside | (onsets <= latest) | np.isin(onsets, list(there))
        # another lane that still owes here must not be passed by
        for other in canvas.region.lanes:
            other_limit = self._limit(other)
            if other == lane or other_limit is None or not other_limit.low:
                continue
            for start, end in self._spans(canvas, other_limit):
                missing = other_limit.low - len(self._onsets_in(canvas, other, start, end))
                if missing <= 0:
                    continue
                places = self._places(canvas, other, start, end, start)
                latest = int(places[-missing]) if len(places) >= missing else -1
                inside = (onsets >= start) & (onsets < end)
                allowed &= ~inside | (onsets < latest) | ((onsets == latest) & (lane < other))
                break
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
            there = self._onsets_in(canvas, lane, start, end) | ({onset} if start <= onset < end else set())
            missing = limit.low - len(there)
            if missing <= 0:
                continue
            places = self._places(canvas, lane, start, end, onset + 1)
            latest = int(places[-missing]) if len(places) >= missing else -1
            allowed &= onset + durations <= latest
        return allowed[None, :]

    def may_end(self, canvas: Canvas) -> bool:
        """When no lane owes an onset."""
        return self._owed(canvas) is None

    def conflict(self, canvas: Canvas) -> str | None:
        """Spans that have not places enough, or too many kept onsets."""
        for lane in canvas.region.lanes:
            limit = self._limit(lane)
            for start, end in self._spans(canvas, limit) if limit else []:
                there = len(self._onsets_in(canvas, lane, start, end))
                name = canvas.piece.parts[lane].name
                if there > limit.high:  # type: ignore[union-attr]
                    return f"{name} keeps {there} onsets in a span that may have {limit.high}"  # type: ignore[union-attr]
                if limit.low - there > len(self._places(canvas, lane, start, end, start)):  # type: ignore[union-attr]
                    return f"{name} has no room for {limit.low} onsets"  # type: ignore[union-attr]
        return None

    def measure(self, canvas: Canvas) -> Satisfaction:
        """The least and the most onsets in a span."""
        counts, fine = [], True
        for lane in canvas.region.lanes:
            limit = self._limit(lane)
            for start, end in self._spans(canvas, limit, every=True) if limit else []:
                count = len({n.onset for n in canvas.lane_notes(lane) if start <= n.onset < end and n.duration})
                counts.append(count)
                fine &= limit.low <= count <= limit.high  # type: ignore[union-attr]
        found = f"{min(counts)} to {max(counts)} onsets" if counts else "no whole span in the region"
        return Satisfaction(self.text, fine, found)
