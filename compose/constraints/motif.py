"""A figure that must come: its rhythm and its intervals, from any pitch. Times are ticks.

An occurrence is a run of the highest new notes of one part with the figure's onsets and durations, whose pitches are the figure's,
all moved by as many semitones (or by as many steps of the scale asked for beside it, when ``diatonic``). Nothing else starts in the
part while it lasts, but for lower notes with its own.

Foresight: a plan is a place for an occurrence that is owed, with all its pitches that the constraints in force leave open. Until
it is written nothing passes it; from which pitch it goes is the model's choice, made with its first note. A plan that turns out
impossible gives way to the next best place. Places are liked where the figure has its own place in the bar, then on beats, and
several occurrences spread over the region and its parts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import ClassVar

import numpy as np

from compose.canvas import NUM_PITCHES, Canvas
from compose.constraints.base import BoolArray, Constraint, IntArray, Satisfaction
from compose.constraints.contour import KeepContour
from compose.constraints.counterpoint import NoCrossing
from compose.constraints.line_shape import LineShape
from compose.constraints.motif_figure import Figure
from compose.constraints.motif_places import find_places
from compose.constraints.motif_room import Place, Standing, Surroundings

__all__ = ["Motif"]


@dataclass(frozen=True)
class _Plan:
    """An occurrence to come: where, and what stands of it with the rows of its pitches that are still open."""

    place: Place
    standing: Standing

    @property
    def following(self) -> tuple[int, int] | None:
        """Onset and length of its next note; None when only the last has to grow."""
        count = self.standing.count
        return None if count == len(self.place.onsets) else (self.place.onsets[count], self.place.lengths[count])


@dataclass(frozen=True)
class Motif(Constraint):
    """See the module's text.

    Args:
        text: For example ``motif: C4 q D4 e E4 e F4 h x2`` or ``motif: Violin 1 1:1-2:3 diatonic in Viola``.
        figure: What must come.
        times: At least so many occurrences.
        lanes: Where it may come; None: in any part.
        others: The constraints asked for beside it (``see_others``); no part of what it says.
    """

    looks_ahead: ClassVar[int] = 4
    foresees: ClassVar[bool] = False
    text: str = field()  # the base has a default, this has none
    figure: Figure
    times: int = 1
    lanes: tuple[int, ...] | None = None
    others: tuple[Constraint, ...] = field(default=(), compare=False, repr=False)

    @property
    def _around(self) -> Surroundings:
        return Surroundings(self.others)

    def _written_lanes(self, canvas: Canvas) -> list[int]:
        return [
            lane
            for lane in canvas.region.lanes
            if not canvas.piece.parts[lane].is_drum and (self.lanes is None or lane in self.lanes)
        ]

    def _places(self, canvas: Canvas) -> list[tuple[Place, IntArray]]:
        """Where the figure may stand, with its pitches there, whatever is written; in writing order."""
        return canvas.lasting(
            self, "places", lambda: list(find_places(canvas, self.figure, self._written_lanes(canvas), self._around))
        )

    # Plans

    def _plans(self, canvas: Canvas, asked: tuple[int, int] | None = None) -> tuple[_Plan, ...] | None:
        """The occurrences that are owed, in the order they were chosen; None where there is no way left.

        Args:
            canvas: As it stands.
            asked: Onset and lane of a note that is judged: where it lies before the last note written, it is being judged anew.
        """
        now = canvas.written[-1][:2] if canvas.written else (-1, -1)
        now = now if asked is None else min(now, asked)
        return canvas.passing(self, now, lambda: self._find_plans(canvas, now))

    def _find_plans(self, canvas: Canvas, now: tuple[int, int]) -> tuple[_Plan, ...] | None:
        done = self._done(canvas)
        if len(done) >= self.times:
            return ()
        around, length = self._around, self.figure.length(canvas)
        found: list[tuple[Place, Standing]] = []
        for place, pitches in self._places(canvas):
            if any(place.lane == lane and place.start < start + length and start < place.end for lane, start in done):
                continue
            standing = around.standing(canvas, place, pitches)
            if standing is not None and (standing.count or (place.start, place.lane) >= now):
                found.append((place, standing))

        @lru_cache
        def plan(index: int) -> _Plan | None:
            place, standing = found[index]
            rows = around.still_open(canvas, place, standing, now)
            return _Plan(place, replace(standing, pitches=rows)) if len(rows) else None

        def choose(orders: Iterable[Iterable[int]]) -> tuple[_Plan, ...] | None:
            chosen: list[_Plan] = []
            for order in orders:
                clear = (i for i in order if not any(found[i][0].overlaps(other.place) for other in chosen))
                following = next((here for i in clear if (here := plan(i)) is not None), None)
                if following is None:
                    return None
                chosen.append(following)
            return tuple(chosen)

        best = choose(self._ranked(canvas, found, turn) for turn in range(len(done), self.times))
        # Those that are liked may leave too few side by side: as many as there can be, one after the other.
        return best if best is not None else choose([range(len(found))] * (self.times - len(done)))

    def _ranked(self, canvas: Canvas, found: list[tuple[Place, Standing]], turn: int) -> list[int]:
        """Indices of the places, those that are liked best for an occurrence first."""
        region = canvas.region
        aim = region.start + (region.end - region.start) * (2 * turn + 1) // (2 * self.times)

        def merit(index: int) -> tuple[int, ...]:
            place, standing = found[index]
            return -standing.count, place.misfit, abs(place.start - aim), (place.turn - turn) % len(region.lanes)

        return sorted(range(len(found)), key=merit)

    # What it says

    def due(self, canvas: Canvas) -> tuple[int, int] | None:
        """The next note of a plan."""
        plans = self._plans(canvas)
        if plans is None:
            return -1, 0
        return min((due for plan in plans if (due := self._due(canvas, plan)) is not None), default=None)

    def _due(self, canvas: Canvas, plan: _Plan) -> tuple[int, int] | None:
        """Onset and lane that writing must not pass: of the plan's next note, or of one before it that a contour needs."""
        if plan.following is None:
            return None
        place, standing = plan.place, plan.standing
        needed = [plan.following[0]]
        for other in self.others if not standing.count and not standing.lower else ():
            if isinstance(other, LineShape):
                due = other.due_before(canvas, place.lane, (place.start, place.end), standing.pitches)
                needed += [] if due is None else [due]
        return min(needed), place.lane

    def onsets(self, canvas: Canvas, onsets: IntArray, lane: int) -> BoolArray:
        """Onsets that do not pass the next note of a plan, and none of its part beside its notes."""
        plans = self._plans(canvas)
        if plans is None:
            return np.zeros(len(onsets), dtype=np.bool_)
        free = ~self._guarded(canvas, onsets, lane)
        for plan in plans:
            place, due = plan.place, self._due(canvas, plan)
            if due is None:
                free &= (onsets >= place.end) | (lane != place.lane)
            elif plan.standing.count and lane == place.lane:
                free &= onsets == due[0]
            else:
                free &= (onsets < due[0]) | ((onsets == due[0]) & (lane <= place.lane))
        return np.asarray(free)

    def _guarded(self, canvas: Canvas, onsets: IntArray, lane: int) -> BoolArray:
        """Onsets at which one more note of a lane would spoil an occurrence that is needed."""
        done, out = self._done(canvas), np.zeros(len(onsets), dtype=np.bool_)
        length, last = self.figure.length(canvas), int(self.figure.notes[-1].offset * canvas.ticks_per_quarter)
        for home, start in done if len(done) <= self.times else ():
            if home == lane:
                out |= (onsets >= start + last) & (onsets < start + length)
        return out

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """In a plan's part its next note and what ends before it begins; elsewhere what does not pass or cross it."""
        plans, allowed = self._plans(canvas, (onset, lane)), np.ones((1, 1), dtype=np.bool_)
        if plans is None:
            return np.zeros((1, 1), dtype=np.bool_)
        for plan in plans:
            allowed = allowed & self._allows_beside(canvas, plan, onset, lane, durations)
        return allowed

    def _allows_beside(self, canvas: Canvas, plan: _Plan, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """What one plan allows."""
        place, standing = plan.place, plan.standing
        if plan.following is None:
            return np.full((1, 1), lane != place.lane or onset >= place.end)
        start, length = plan.following
        if (onset, lane) == (start, place.lane):
            if len(place.under[standing.count]) > len(standing.lower):
                return self._around.lower(canvas, place, standing, durations)
            here = np.isin(np.arange(NUM_PITCHES), standing.pitches[:, standing.count])
            return np.asarray(here[:, None] & (durations == length)[None, :])
        if (onset, lane) > (start, place.lane) or (lane == place.lane and standing.count):
            return np.zeros((1, 1), dtype=np.bool_)
        if lane == place.lane:
            # Given times hold whether or not a lower note sounds on.
            before = np.ones(len(durations), dtype=np.bool_) if self._around.keep_times else onset + durations <= start
            return np.asarray(self._leads(canvas, plan, onset, durations) & before[None, :])
        return self._uncrossed(canvas, plan, onset, lane, durations)

    def _leads(self, canvas: Canvas, plan: _Plan, onset: int, durations: IntArray) -> BoolArray:
        """Notes of the plan's part from which a contour asked for beside it comes to the plan; shape (128, 1 or durations)."""
        out = np.ones((NUM_PITCHES, 1), dtype=np.bool_)
        place, rows = plan.place, plan.standing.pitches
        for other in self.others:
            if isinstance(other, LineShape):
                leading = other.leads(canvas, onset, place.lane, onset + durations, (place.start, place.end), rows)
                if self._around.lacks(canvas, place.lane, onset) > 1:
                    leading = np.logical_or.accumulate(leading[::-1], axis=0)[::-1]  # or under such a one
                out = out & leading
            elif isinstance(other, KeepContour):
                out = out & canvas.passing(self, ("leads", onset, place), partial(self._keeps, canvas, other, plan, onset))[:, None]
        return out

    def _keeps(self, canvas: Canvas, contour: KeepContour, plan: _Plan, onset: int) -> BoolArray:
        """Pitches (128,) of the plan's part from which a kept contour comes to the plan."""
        columns = zip(plan.place.onsets, plan.standing.pitches.T, strict=True)
        later = {place: np.isin(np.arange(NUM_PITCHES), column) for place, column in columns}
        return contour.leads(canvas, plan.place.lane, onset, later)

    def _uncrossed(self, canvas: Canvas, plan: _Plan, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """What leaves the plan a pitch where parts must not cross; shape (1, 1) or (128, durations)."""
        allowed = np.ones((1, 1), dtype=np.bool_)
        place, standing = plan.place, plan.standing
        for other in self.others:
            side = other.side(canvas, lane, place.lane) if isinstance(other, NoCrossing) else 0
            for index in range(standing.count, len(place.onsets) if side else 0):
                pitches = standing.pitches[:, index]
                clear = np.arange(NUM_PITCHES) >= pitches.min() if side > 0 else np.arange(NUM_PITCHES) <= pitches.max()
                apart = (onset + durations <= place.onsets[index]) | (onset >= place.onsets[index] + place.lengths[index])
                allowed = allowed & (clear[:, None] | apart[None, :])
        return np.asarray(allowed)

    def may_end(self, canvas: Canvas) -> bool:
        """When it has come often enough."""
        return len(self.occurrences(canvas)) >= self.times

    def occurrences(self, canvas: Canvas) -> list[tuple[int, int]]:
        """Lane and start of each occurrence among the new notes, none overlapping another of its part."""
        return canvas.passing(self, "occurrences", lambda: self._find_occurrences(canvas))

    def _find_occurrences(self, canvas: Canvas) -> list[tuple[int, int]]:
        found = []
        for lane in self._written_lanes(canvas):
            free = -1
            for start, pitches in self.figure.runs(canvas, lane):
                scale = self._around.scale(canvas, lane, start) if self.figure.diatonic else None
                if start >= free and self.figure.is_at(pitches, scale):
                    found.append((lane, start))
                    free = start + self.figure.length(canvas)
        return found

    def _done(self, canvas: Canvas) -> list[tuple[int, int]]:
        """The occurrences that stay such when all is written that must be."""
        return canvas.passing(self, "done", lambda: [one for one in self.occurrences(canvas) if self._stays(canvas, *one)])

    def _stays(self, canvas: Canvas, lane: int, start: int) -> bool:
        """Whether nothing that must be written yet starts in an occurrence's part while it lasts."""
        end = start + self.figure.length(canvas)
        return not any(self._around.lacks(canvas, lane, onset) for onset in self._around.required_onsets(canvas, lane, start, end))

    def conflict(self, canvas: Canvas) -> str | None:
        """Parts that are not written, note values off the grid, a scale that is lacking."""
        if not self._written_lanes(canvas):
            return "the region does not write the part that is to have it"
        if self.figure.times(canvas) is None:
            return "its note values do not fall on the writing grid"
        if self.figure.diatonic and self._around.scale(canvas, self._written_lanes(canvas)[0], canvas.region.start) is None:
            return "diatonic needs a scale beside it, for example 'scale: G major'"
        return None

    def has_room(self, canvas: Canvas) -> bool:
        """Whether the other constraints leave places enough, before anything is written."""
        return self._plans(canvas) is not None

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Where the figure came."""
        found = self.occurrences(canvas)
        scale = canvas.ticks_per_div
        bars = [str(canvas.piece.measures["number"][canvas.piece.measure_at(start // scale)]) for _, start in found]
        places = [f"{canvas.piece.parts[lane].name} in bar {bar}" for (lane, _), bar in zip(found, bars, strict=True)]
        return Satisfaction(self.text, len(found) >= self.times, f"{len(found)} times{': ' if places else ''}{', '.join(places)}")
