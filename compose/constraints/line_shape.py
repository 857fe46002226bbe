"""The shape of a part's line: it rises, falls, or turns from one to the other. Times are ticks.

The line of a part is the highest new note at each of its onsets. Its moves, repeated pitches left out, are the ways asked for in
their order, each of them at least once: "up" never falls and ends above its start, "up down" has one peak, above both ends.

Foresight: ``_Reach`` holds, for each place that the other constraints leave to the part whatever is written, from which pitches
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
from compose.constraints.feasible import all_requirements
from compose.constraints.occurrence import Wanted
from compose.constraints.others import foreseen, sounds_alone

__all__ = ["LineShape", "Shape"]

UP, DOWN = 1, -1
WAYS = {"up": UP, "down": DOWN}


def advance(ways: tuple[int, ...], state: int, move: int) -> int | None:
    """How many of the ways have begun after a move (1 up, -1 down, 0 none) when ``state`` had; None when the shape forbids it."""
    if move == 0 or (state and ways[state - 1] == move):
        return state
    return state + 1 if state < len(ways) and ways[state] == move else None


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
class _Reach:
    """From where a shape can still be drawn.

    Args:
        places: Onsets, ascending, at which a note may or must start.
        open: Pitches open at each place, shape (places, 128).
        fine: From which pitch, standing in the line before place i with so many ways begun, the rest can be drawn: shape
            (places + 1, ways + 1, 128).
        begin: Whether the line can be drawn when it begins at place i or later, shape (places + 1,).
    """

    places: IntArray
    open: BoolArray
    fine: BoolArray
    begin: BoolArray


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

    def _reach(self, canvas: Canvas, lane: int, owed: Wanted | None) -> _Reach:
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
        return [(int(t), np.array([gap])) for t, gap in zip(every, np.diff(every, append=region.end), strict=True)], False

    def _find_reach(self, canvas: Canvas, lane: int, owed: Wanted | None) -> _Reach:
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
        fine = np.zeros((len(places) + 1, len(ways) + 1, NUM_PITCHES), dtype=np.bool_)
        begin = np.zeros(len(places) + 1, dtype=np.bool_)
        if owed is None:
            fine[-1, -1] = endings(self.others, canvas, lane)
            paid = fine
        else:
            paid = self._reach(canvas, lane, None).fine
        pays = np.zeros(NUM_PITCHES, dtype=np.bool_) if owed is None else np.isin(np.arange(NUM_PITCHES), sorted(owed.pitches))
        for i in reversed(range(len(places))):
            after = opened[i] & np.where(pays, paid[i + 1], fine[i + 1])  # (ways + 1, 128): where a note here may lie
            begin[i] = after[0].any() or (begin[i + 1] and not must)
            for state in range(len(ways) + 1):
                fine[i, state] = np.zeros(NUM_PITCHES) if must else fine[i + 1, state]
                for move in (DOWN, 0, UP):
                    if (following := advance(ways, state, move)) is not None:
                        fine[i, state] |= _before(after[following], move)
        return _Reach(np.array([t for t, _ in places], dtype=np.int64), opened, fine, begin)

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
        ways = self._ways(canvas, lane)
        assert ways is not None
        earlier = self._line(canvas, lane, onset)
        state = self._state(ways, earlier)
        goals = np.zeros((NUM_PITCHES, len(ends)), dtype=np.bool_)
        if state is None:
            return goals
        pitches = np.arange(NUM_PITCHES)
        moves = np.sign(pitches - earlier[-1]) if earlier else np.zeros(NUM_PITCHES, dtype=np.int64)
        single = sounds_alone(self.others, lane)
        owed = [None, *owed_alone(self.others, canvas, lane)] if single else [None]
        for move in (DOWN, 0, UP):
            following = advance(ways, state, move)
            if following is None:
                continue
            rows = moves == move
            here = np.ones((NUM_PITCHES, len(ends)), dtype=np.bool_)
            for wanted in owed:
                plain, reach = self._reach(canvas, lane, None), self._reach(canvas, lane, wanted)
                index = np.searchsorted(reach.places, ends if single else np.full(len(ends), onset + 1))
                pays = np.isin(pitches, sorted(wanted.pitches)) if wanted else np.ones(NUM_PITCHES, dtype=np.bool_)
                here &= np.where(pays, plain.fine[index, following], reach.fine[index, following]).T
            goals[rows] = here[rows]
        return goals

    def follows(self, canvas: Canvas, lane: int, pitches: list[int]) -> bool:
        """Whether the line may go on over these pitches, at once or after others."""
        ways = self._ways(canvas, lane)
        if ways is None:
            return True
        mine = top_line(canvas.written, lane)
        now = self._state(ways, [note.pitch for note in mine])
        before = pitches[:1] if not mine else [mine[-1].pitch]
        for begun in range(len(ways) + 1) if now is None else range(now, len(ways) + 1):
            if self._state(ways, [*(before if begun == now else []), *pitches], begun) is not None:
                return True
        return False

    def leads(self, canvas: Canvas, lane: int, onset: int, figures: IntArray) -> BoolArray:
        """Pitches (128,) that the line may have at an onset when one of some figures (rows of pitches) comes after it."""
        ways = self._ways(canvas, lane)
        if ways is None:
            return np.ones(NUM_PITCHES, dtype=np.bool_)
        earlier = self._line(canvas, lane, onset)
        state = self._state(ways, earlier)
        firsts = np.isin(np.arange(NUM_PITCHES), figures[:, 0])
        fine = [any(self._state(ways, row, begun) is not None for row in figures.tolist()) for begun in range(len(ways) + 1)]
        out = np.zeros(NUM_PITCHES, dtype=np.bool_)
        moves = np.sign(np.arange(NUM_PITCHES) - earlier[-1]) if earlier else np.zeros(NUM_PITCHES, dtype=np.int64)
        for move in (DOWN, 0, UP):
            here = None if state is None else advance(ways, state, move)
            if here is None:
                continue
            leading = np.full(NUM_PITCHES, any(fine[here + 1 :]))  # by way of other notes
            for step in (DOWN, 0, UP):
                if (begun := advance(ways, here, step)) is not None and fine[begun]:
                    leading |= _before(firsts, step)
            out |= (moves == move) & leading
        return out

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
        ways, reach = self._ways(canvas, lane), self._reach(canvas, lane, None)
        assert ways is not None
        mine = top_line(canvas.written, lane)
        state = self._state(ways, [note.pitch for note in mine])
        if state is None:
            return -1, lane
        fine = reach.fine[:, state, mine[-1].pitch] if mine else reach.begin
        if fine[-1]:
            return None
        last = int(np.flatnonzero(fine).max(initial=-1))
        return (int(reach.places[last]) if last >= 0 else -1), lane

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
        if any(other.keeps_times for other in self.others):
            wanted = sum(r.onset == onset and r.lane == lane for r in all_requirements(self.others, canvas))
            if wanted - len(here) < 2:
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


def _before(after: BoolArray, move: int) -> BoolArray:
    """Pitches (128,) from which a move (1 up, -1 down, 0 none) leads to one of ``after``."""
    if move == 0:
        return after
    if move == UP:
        return np.concatenate([np.flip(np.logical_or.accumulate(np.flip(after)))[1:], [False]])
    return np.concatenate([[False], np.logical_or.accumulate(after)[:-1]])
