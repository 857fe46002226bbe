"""All constraints of a request together: what a note under construction may still become, whatever order its fields come in.

Every constraint gives a (pitch, duration) array for an onset and a lane; their conjunction is reduced over the fields that are
not decided yet. Reductions are exact for one note: a choice that passes leaves at least one complete note open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from compose.canvas import NUM_PITCHES, Canvas
from compose.constraints.base import MAX_VELOCITY, Constraint, Requirement
from compose.constraints.lookup import new_notes_at
from compose.constraints.soft import Soft

__all__ = ["Feasible", "all_requirements", "lacking"]

BoolArray = NDArray[np.bool_]


def all_requirements(constraints: Sequence[Constraint], canvas: Canvas) -> list[Requirement]:
    """What must be written; what several constraints ask for is asked for once, of any duration or of one."""
    total: Counter[Requirement] = Counter()
    for constraint in constraints:
        total |= Counter(constraint.requirements(canvas))
    timed = Counter((r.onset, r.lane) for r in total.elements() if r.duration is not None)
    for requirement in total:
        if requirement.duration is None:
            total[requirement] = max(total[requirement] - timed[requirement.onset, requirement.lane], 0)
    return list(total.elements())


def lacking(constraints: Sequence[Constraint], canvas: Canvas, lane: int, onset: int) -> int:
    """How many notes must still be written at a place; below 0 where there are more than must be."""
    needed = canvas.lasting(
        constraints, "needed", lambda: Counter((r.lane, r.onset) for r in all_requirements(constraints, canvas))
    )
    return needed[lane, onset] - len(new_notes_at(canvas, lane, onset))


class Feasible:
    """The conjunction of constraints on a canvas.

    Args:
        canvas: Kept and written notes; read afresh at every call.
        constraints: All that hold, always-on rules included.
        durations: Lengths in ticks that the vocabulary can write, ascending.
    """

    def __init__(self, canvas: Canvas, constraints: Sequence[Constraint], durations: NDArray[np.int64]) -> None:
        self.canvas = canvas
        self.constraints = tuple(constraint for constraint in constraints if not isinstance(constraint, Soft))
        self.soft = tuple(constraint for constraint in constraints if isinstance(constraint, Soft))
        self.durations = durations
        required = sorted(all_requirements(constraints, canvas), key=lambda r: (r.onset, r.lane))
        self._need = Counter((r.onset, r.lane) for r in required)
        self._places = sorted(self._need)
        self._memo: dict[tuple[int, int], BoolArray] = {}
        self._memo_size = -1
        self.required: tuple[Requirement, ...] = tuple(required)
        self._met: Counter[tuple[int, int]] = Counter()  # places of the written notes counted so far
        self._counted = self._passed = 0  # written notes; places whose need is met

    def matrix(self, onset: int, lane: int) -> BoolArray:
        """Which complete notes may start here, shape (128, durations). Do not change the array."""
        if self._memo_size != len(self.canvas.written) or (onset, lane) not in self._memo:
            if self._memo_size != len(self.canvas.written):
                self._memo.clear()
                self._memo_size = len(self.canvas.written)
            self._memo[onset, lane] = self._leave_room(self._allowed(onset, lane, self.constraints), onset, lane)
        return self._memo[onset, lane]

    def _allowed(self, onset: int, lane: int, constraints: Sequence[Constraint]) -> BoolArray:
        allowed = np.ones((NUM_PITCHES, len(self.durations)), dtype=np.bool_)
        for constraint in constraints:
            allowed &= constraint.allows(self.canvas, onset, lane, self.durations)
        return allowed

    def forget(self) -> None:
        """Drop what is remembered: the canvas has changed by more than a written note."""
        self._memo.clear()
        self._met.clear()
        self._counted = self._passed = 0

    def _leave_room(self, allowed: BoolArray, onset: int, lane: int) -> BoolArray:
        """Of a required chord, written from below, every note but the last needs room above."""
        last = takewhile(lambda note: note.onset >= onset, reversed(self.canvas.written))  # they are written in order
        written = [n.pitch for n in last if n.onset == onset and n.lane == lane]
        missing = self._need[onset, lane] - len(written) - 1
        if written:
            allowed[: max(written) + 1] = False
        if missing > 0:
            limits = [c.exceptions(self.canvas, lane, missing + 1) for c in self.constraints]
            later = [c for c, limit in zip(self.constraints, limits, strict=True) if c.foresees and limit is None]
            open_pitches = np.any(self._allowed(onset, lane, later), axis=1)
            allowed[_above(open_pitches) < missing] = False
            for rule, spare in filter(None, limits):
                left = np.clip(spare - ~rule, 0, None)  # exceptions that a note of each pitch leaves
                allowed[_above(open_pitches & rule) + np.minimum(_above(open_pitches & ~rule), left) < missing] = False
        return allowed

    def prices(self, onset: int, lane: int) -> NDArray[np.float64]:
        """Nats that soft wishes put on each complete note here, shape (128, durations)."""
        total = np.zeros((NUM_PITCHES, len(self.durations)))
        for wish in self.soft:
            total += wish.prices(self.canvas, onset, lane, self.durations)
        return total

    def onset_prices(self, onsets: NDArray[np.int64], lane: int) -> NDArray[np.float64]:
        """Nats that soft wishes put on each onset (ticks)."""
        total = np.zeros(len(onsets))
        for wish in self.soft:
            total += wish.onset_prices(self.canvas, onsets, lane)
        return total

    def onsets(self, onsets: NDArray[np.int64], lane: int) -> BoolArray:
        """Which onsets (ticks) may start a note of this lane, by the cheap test; ``may_start`` is exact."""
        allowed = np.ones(len(onsets), dtype=np.bool_)
        for constraint in self.constraints:
            allowed &= constraint.onsets(self.canvas, onsets, lane)
        return allowed

    def may_start(self, onset: int, lane: int) -> bool:
        """Whether some note may start here, exactly."""
        return bool(self.onsets(np.array([onset]), lane)[0]) and bool(self.matrix(onset, lane).any())

    def pending(self) -> tuple[int, int] | None:
        """Onset and lane that writing must not pass: of the first required note that is not written yet, or where a constraint is
        owed one; None when there is neither."""
        return self.canvas.passing(self, "pending", self._pending)

    def _pending(self) -> tuple[int, int] | None:
        places = [place for constraint in self.constraints if (place := constraint.due(self.canvas)) is not None]
        if self._places:
            self._met.update((n.onset, n.lane) for n in self.canvas.written[self._counted :])
            self._counted = len(self.canvas.written)
            while self._passed < len(self._places) and self._is_met(self._places[self._passed]):
                self._passed += 1
            places += self._places[self._passed : self._passed + 1]
        return min(places, default=None)

    def _is_met(self, place: tuple[int, int]) -> bool:
        """Whether all required notes of an onset and lane are written."""
        return self._met[place] >= self._need[place]

    def loudness(self, lane: int) -> tuple[int, int]:
        """The least and the greatest velocity of a lane's new notes."""
        every = [constraint.loudness(self.canvas, lane) for constraint in self.constraints]
        return max((low for low, _ in every), default=1), min((high for _, high in every), default=MAX_VELOCITY)

    def may_end(self) -> bool:
        """Whether the region may be left now."""
        return self.pending() is None and all(constraint.may_end(self.canvas) for constraint in self.constraints)

    def blame(self, onset: int, lane: int) -> tuple[str, ...]:
        """Texts of constraints whose conjunction leaves no note here: the smallest set that dropping one by one finds."""
        arrays = [
            np.broadcast_to(c.allows(self.canvas, onset, lane, self.durations), (NUM_PITCHES, len(self.durations)))
            for c in self.constraints
        ]
        starts = [bool(c.onsets(self.canvas, np.array([onset]), lane)[0]) for c in self.constraints]
        guilty = list(range(len(arrays)))
        for index in list(guilty):
            rest = [i for i in guilty if i != index]
            if (
                not all(starts[i] for i in rest)
                or not np.logical_and.reduce([arrays[i] for i in rest] or [np.ones(1, dtype=np.bool_)]).any()
            ):
                guilty = rest
        return tuple(dict.fromkeys(self.constraints[i].text for i in guilty))


def _above(open_pitches: BoolArray) -> NDArray[np.int64]:
    """How many open pitches lie above each pitch, (128,)."""
    return np.asarray(np.flip(np.cumsum(np.flip(open_pitches))) - open_pitches, dtype=np.int64)
