"""The shape of a part's line: it rises, falls, or turns from one to the other. Times are ticks.

The line of a part is the highest new note at each of its onsets. Its moves, repeated pitches left out, are the ways asked for in
their order, each of them at least once: "up" never falls and ends above its start, "up down" has one peak, above both ends.

Foresight: ``Reach`` holds, for each place that the other constraints leave to the part whatever is written, from which pitches
the rest of the shape can still be drawn; found once, backwards from the end. A chord, written from below, may have notes below
its place in the line, and is then not left before its highest note stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

import numpy as np

from compose.canvas import NUM_PITCHES, Canvas
from compose.constraints.base import BoolArray, Constraint, IntArray, Satisfaction
from compose.constraints.contour import endings, owed_alone, top_line
from compose.constraints.density import Density
from compose.constraints.feasible import all_requirements, lacking
from compose.constraints.line_reach import DOWN, UP, Reach, advance, draw_back, draw_on, moved, moving_to
from compose.constraints.occurrence import Wanted
from compose.constraints.others import foreseen, sounds_alone

__all__ = ["LineShape", "Shape"]

WAYS = {"up": UP, "down": DOWN}


@dataclass(frozen=True)
class Shape:
    """One part's.

    Args:
        lanes: Lanes of the part named: the topmost of them in the region is meant. None: the topmost pitched lane of the region.
        ways: 1 up, -1 down, no two alike side by side.
    """

    lanes: tuple[int, ...] | None
    ways: tuple[int, ...]

    def lane(self, canvas: Canvas) -> int | None:
        """The lane meant, or None when none of its lanes is written."""
        written = [lane for lane in canvas.region.lanes if not canvas.piece.parts[lane].is_drum]
        return min((lane for lane in written if self.lanes is None or lane in self.lanes), default=None)


@dataclass(frozen=True)
class LineShape(Constraint):
    """See the module's text.

    Args:
        text: For example ``contour: up down`` or ``contour: Soprano up, Bass down``.
        shapes: As written.
        others: The constraints asked for beside it (``see_others``); no part of what it says.
    """

    looks_ahead: ClassVar[int] = 3
    foresees: ClassVar[bool] = False
    text: str = field()  # the base has a default, this has none
    shapes: tuple[Shape, ...]
    others: tuple[Constraint, ...] = field(default=(), compare=False, repr=False)

    def _ways(self, canvas: Canvas, lane: int) -> tuple[int, ...] | None:
        return next((shape.ways for shape in self.shapes if shape.lane(canvas) == lane), None)

    def _lanes(self, canvas: Canvas) -> list[int]:
        return [lane for shape in self.shapes if (lane := shape.lane(canvas)) is not None]

    def _reach(self, canvas: Canvas, lane: int, owed: Wanted | None) -> Reach:
        """From where the shape can be drawn, with a note that is ``owed`` still to come."""
        return canvas.lasting(self, (lane, owed), lambda: self._find_reach(canvas, lane, owed))

    def _places(self, canvas: Canvas, lane: int) -> tuple[list[tuple[int, IntArray]], bool]:
        """Where notes may start, with the durations to try there; and whether they all must."""
        required = [r for r in all_requirements(self.others, canvas) if r.lane == lane and r.duration is not None]
        if any(other.keeps_times for other in self.others):
            onsets = sorted({r.onset for r in required})
            return [(t, np.unique([r.duration for r in required if r.onset == t]).astype(np.int64)) for t in onsets], True
        step, region = canvas.ticks_per_step, canvas.region
        every = np.arange(region.start + -region.start % step, region.end, step, dtype=np.int64)
        for other in foreseen(self.others):
            every = every[other.onsets(canvas, every, lane)]
        for other in self.others:
            if isinstance(other, Density):
                every = other.latest_places(canvas, lane, every)
        return [(int(t), np.array([gap])) for t, gap in zip(every, np.diff(every, append=region.end), strict=True)], False

    def _find_reach(self, canvas: Canvas, lane: int, owed: Wanted | None) -> Reach:
        ways = self._ways(canvas, lane)
        assert ways is not None
        blank = Canvas(canvas.piece, canvas.region, canvas.removed, canvas.fixed)
        places, must = self._places(blank, lane)
        opened = np.zeros((len(places), NUM_PITCHES), dtype=np.bool_)
        for row, (onset, durations) in zip(opened, places, strict=True):
            allowed = np.ones((NUM_PITCHES, len(durations)), dtype=np.bool_)
            for other in foreseen(self.others):
                allowed &= other.allows(blank, onset, lane, durations)
            row[:] = allowed.any(axis=1)
        last, paid = np.zeros((len(ways) + 1, NUM_PITCHES), dtype=np.bool_), None
        if owed is None:
            last[-1] = endings(self.others, canvas, lane)
        else:
            paid = np.isin(np.arange(NUM_PITCHES), sorted(owed.pitches)), self._reach(canvas, lane, None).fine
        fine, begin = draw_back(ways, opened, must, (last, False), paid)
        return Reach(np.array([t for t, _ in places], dtype=np.int64), opened, must, fine, begin)

    def _line(self, canvas: Canvas, lane: int, before: int) -> list[int]:
        """The pitches of the line so far, up to an onset."""
        return [note.pitch for note in top_line(canvas.written, lane) if note.onset < before]

    def _state(self, ways: tuple[int, ...], pitches: list[int], begun: int = 0) -> int | None:
        """How many ways a line has begun behind its last note, of which some were begun before; None when it breaks its shape."""
        state: int | None = begun
        for one, two in pairwise(pitches):
            state = None if state is None else advance(ways, state, int(np.sign(two - one)))
        return state

    def _goals(self, canvas: Canvas, onset: int, lane: int, ends: IntArray) -> BoolArray:
        """Which pitches the line may have at an onset, given where its note ends; shape (128, ends)."""
        plain = self._reach(canvas, lane, None)
        goals = self._good(canvas, onset, lane, ends, plain)
        for wanted in owed_alone(self.others, canvas, lane) if sounds_alone(self.others, lane) else ():
            reach = self._reach(canvas, lane, wanted)
            pays = np.isin(np.arange(NUM_PITCHES), sorted(wanted.pitches))
            goals &= pays[:, None] | self._good(canvas, onset, lane, ends, reach)
        return goals

    def _good(self, canvas: Canvas, onset: int, lane: int, ends: IntArray, reach: Reach) -> BoolArray:
        """Which pitches the line may have at an onset so that it stands well where its note ends; shape (128, ends)."""
        ways, earlier = self._ways(canvas, lane), self._line(canvas, lane, onset)
        assert ways is not None
        state = self._state(ways, earlier)
        if state is None:
            return np.zeros((NUM_PITCHES, len(ends)), dtype=np.bool_)
        at = np.zeros((len(ways) + 1, NUM_PITCHES), dtype=np.bool_)
        if earlier:
            at[state, earlier[-1]] = True
            at = moved(ways, at)
        else:
            at[0] = True
        states = np.flatnonzero(at.any(axis=1))
        fine = reach.fine[self._behind(canvas, onset, lane, ends, reach)[:, None], states]
        return np.asarray(np.any(at[states] & fine, axis=1)).T

    def _behind(self, canvas: Canvas, onset: int, lane: int, ends: IntArray, reach: Reach) -> IntArray:
        """Index of the first place behind a note at an onset, given where it ends.

        What sounds keeps its pitch from coming: the line has its places behind all notes, so that it never lacks one.
        """
        if reach.must:
            return np.searchsorted(reach.places, np.full(len(ends), onset + 1))
        held = max((note.end for note in canvas.written if note.lane == lane and note.onset <= onset), default=0)
        index = np.searchsorted(reach.places, np.maximum(ends, held))
        for other in self.others:
            room = other.room_beside(canvas, lane, onset) if isinstance(other, Density) else None
            if room is not None:
                last = int(np.searchsorted(reach.places, room[0]))
                index = np.maximum(index, np.minimum(last, last - room[1]))
        return np.asarray(index, dtype=np.int64)

    def _firsts(self, canvas: Canvas, lane: int, end: int, figures: IntArray) -> BoolArray:
        """Where the line may stand with the first note of a figure so that all of it and the rest can be drawn, (ways + 1, 128)."""
        ways, reach = self._ways(canvas, lane), self._reach(canvas, lane, None)
        assert ways is not None
        out = np.zeros((len(ways) + 1, NUM_PITCHES), dtype=np.bool_)
        behind = reach.fine[np.searchsorted(reach.places, end)]
        for state in range(len(ways) + 1):
            # All figures rise and fall alike.
            last = self._state(ways, figures[0].tolist(), state)
            if last is not None:
                out[state, figures[behind[last, figures[:, -1]], 0]] = True
        return out

    def follows(self, canvas: Canvas, lane: int, span: tuple[int, int], figures: IntArray, now: tuple[int, int]) -> BoolArray:
        """Which of some figures the line can come to and be drawn to its end behind, (figures,).

        Args:
            canvas: As it stands.
            lane: The line's.
            span: First onset and end of the figures, with no other note of the line between.
            figures: Pitches, (figures, notes), all moving alike.
            now: Onset and lane that writing has come to.
        """
        ways = self._ways(canvas, lane)
        if ways is None or not len(figures):
            return np.ones(len(figures), dtype=np.bool_)
        reach = self._reach(canvas, lane, None)
        earlier = [note for note in top_line(canvas.written, lane) if note.onset < span[0]]
        state = self._state(ways, [note.pitch for note in earlier])
        at = np.zeros((len(ways) + 1, NUM_PITCHES), dtype=np.bool_)
        since = now[0] + (now[1] >= lane)
        if earlier and state is not None:
            at[state, earlier[-1].pitch] = True
            since = max(since, earlier[-1].onset + 1 if reach.must else max(note.end for note in earlier))
        first, last = np.searchsorted(reach.places, (since, span[0]))
        at, unbegun = draw_on(ways, reach.open[first:last], reach.must, at, not earlier)
        coming = moved(ways, at)
        coming[0] |= unbegun
        entries: BoolArray = np.any(coming & self._firsts(canvas, lane, span[1], figures), axis=0)
        return entries[figures[:, 0]]

    def _to(self, canvas: Canvas, lane: int, span: tuple[int, int], figures: IntArray) -> Reach:
        """From where the line can be drawn over one of some figures (see ``follows``)."""
        return canvas.passing(self, (lane, span, figures.tobytes()), lambda: self._find_to(canvas, lane, span, figures))

    def _find_to(self, canvas: Canvas, lane: int, span: tuple[int, int], figures: IntArray) -> Reach:
        ways, reach = self._ways(canvas, lane), self._reach(canvas, lane, None)
        assert ways is not None
        firsts, last = self._firsts(canvas, lane, span[1], figures), int(np.searchsorted(reach.places, span[0]))
        goal = moving_to(ways, firsts), bool(firsts[0].any())
        return Reach(reach.places[:last], reach.open[:last], reach.must, *draw_back(ways, reach.open[:last], reach.must, goal))

    def leads(self, canvas: Canvas, onset: int, lane: int, ends: IntArray, span: tuple[int, int], figures: IntArray) -> BoolArray:
        """Which pitches the line may have at an onset, given where its note ends, when a figure is to come (see ``follows``);
        shape (1, 1) or (128, ends)."""
        if self._ways(canvas, lane) is None:
            return np.ones((1, 1), dtype=np.bool_)
        reach = self._to(canvas, lane, span, figures)
        return self._good(canvas, onset, lane, ends, reach)

    def due_before(self, canvas: Canvas, lane: int, span: tuple[int, int], figures: IntArray) -> int | None:
        """The last place at which the line may go on towards a figure (see ``follows``); None where the figure may be next."""
        return None if self._ways(canvas, lane) is None else self._latest(canvas, lane, self._to(canvas, lane, span, figures))

    def _debt(self, canvas: Canvas, lane: int) -> int | None:
        """The onset of a chord whose highest note does not stand yet, or None."""
        mine = top_line(canvas.written, lane)
        if not mine or sounds_alone(self.others, lane):
            return None
        last = mine[-1]
        return None if self._goals(canvas, last.onset, lane, np.array([last.end]))[last.pitch, 0] else last.onset

    def due(self, canvas: Canvas) -> tuple[int, int] | None:
        """The last place at which a line may go on towards its end, or the chord that lacks its highest note."""
        return canvas.passing(
            self, "due", lambda: min(filter(None, (self._due(canvas, lane) for lane in self._lanes(canvas))), default=None)
        )

    def _due(self, canvas: Canvas, lane: int) -> tuple[int, int] | None:
        if (debt := self._debt(canvas, lane)) is not None:
            return debt, lane
        last = self._latest(canvas, lane, self._reach(canvas, lane, None))
        return None if last is None else (last, lane)

    def _latest(self, canvas: Canvas, lane: int, reach: Reach) -> int | None:
        """The last place at which the line may go on so that it can be drawn; -1 where none is left, None where it need not."""
        ways, mine = self._ways(canvas, lane), top_line(canvas.written, lane)
        assert ways is not None
        state = self._state(ways, [note.pitch for note in mine])
        if state is None:
            return -1
        fine = reach.fine[:, state, mine[-1].pitch] if mine else reach.begin
        if fine[-1]:
            return None
        last = int(np.flatnonzero(fine).max(initial=-1))
        return int(reach.places[last]) if last >= 0 else -1

    def onsets(self, canvas: Canvas, onsets: IntArray, lane: int) -> BoolArray:
        """Onsets that do not pass what is due."""
        due = self.due(canvas)
        if due is None:
            return np.ones(len(onsets), dtype=np.bool_)
        return np.asarray((onsets < due[0]) | ((onsets == due[0]) & (lane <= due[1])))

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """Pitches from which the rest can be drawn, and in chords such as have one above; shape (1, 1) or (128, durations)."""
        if self._ways(canvas, lane) is None:
            return np.ones((1, 1), dtype=np.bool_)
        goals = self._goals(canvas, onset, lane, onset + durations)
        if sounds_alone(self.others, lane):
            return goals
        here = [note for note in canvas.written if note.lane == lane and note.onset == onset]
        if here and goals[max(note.pitch for note in here)].any():
            return goals  # the line has its note: what else comes above must be one too
        if any(other.keeps_times for other in self.others) and lacking(self.others, canvas, lane, onset) < 2:
            return goals
        above = np.flip(np.logical_or.accumulate(np.flip(goals, axis=0), axis=0), axis=0)
        return np.asarray(goals | np.roll(above, -1, axis=0))

    def may_end(self, canvas: Canvas) -> bool:
        """When every line has its shape."""
        for lane in self._lanes(canvas):
            ways = self._ways(canvas, lane)
            if ways is None or self._state(ways, [note.pitch for note in top_line(canvas.written, lane)]) != len(ways):
                return False
        return True

    def conflict(self, canvas: Canvas) -> str | None:
        """Parts that are not written, or have no pitches or places for their shape."""
        for shape in self.shapes:
            lane = shape.lane(canvas)
            if lane is None:
                return "the region does not write the part that is to have it"
            if not self._reach(canvas, lane, None).begin[0]:
                return f"the places and pitches open to {canvas.piece.parts[lane].name} are too few for its line"
        return None

    def measure(self, canvas: Canvas) -> Satisfaction:
        """The turns of each line, repeated pitches left out."""
        good, found = True, []
        for shape in self.shapes:
            lane = shape.lane(canvas)
            top = {note.onset: note.pitch for note in sorted(canvas.written) if note.lane == lane}
            moves = [int(np.sign(step)) for step in np.diff([top[onset] for onset in sorted(top)]) if step]
            turns = tuple(move for i, move in enumerate(moves) if i == 0 or moves[i - 1] != move)
            good &= turns == shape.ways
            words = " ".join("up" if turn == UP else "down" for turn in turns[:6]) or "level"
            found.append(f"{'nothing' if lane is None else canvas.piece.parts[lane].name} goes {words}")
        return Satisfaction(self.text, good, ", ".join(found))
