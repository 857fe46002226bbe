"""Notes that must not come, must come, or should mostly lie somewhere. Times are ticks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from compose.canvas import NUM_PITCHES, Canvas, Note
from compose.constraints.base import BoolArray, Constraint, IntArray, Satisfaction
from compose.constraints.ending import EndOn
from compose.constraints.feasible import lacking
from compose.constraints.names import pitch_class_name, pitch_name
from compose.constraints.others import foreseen, sounds_alone
from compose.constraints.pitch import PitchConstraint, PitchSpan, always, pitches_of

__all__ = ["Avoid", "Require", "Tessitura", "Wanted"]

TESSITURA_IN = 5  # of so many notes at most one lies outside


@dataclass(frozen=True)
class Wanted:
    """A pitch or pitch class, in some lanes.

    Args:
        lanes: Lanes of the part named; None: every pitched lane.
        pitch: MIDI pitch, or pitch class 0-11.
        any_octave: Whether ``pitch`` is a pitch class.
    """

    lanes: tuple[int, ...] | None
    pitch: int
    any_octave: bool

    @property
    def pitches(self) -> frozenset[int]:
        """The MIDI pitches that are meant."""
        return pitches_of(frozenset({self.pitch})) if self.any_octave else frozenset({self.pitch})

    @property
    def name(self) -> str:
        """For messages, for example "G4" or "G"."""
        return pitch_class_name(self.pitch) if self.any_octave else pitch_name(self.pitch)

    def lanes_of(self, canvas: Canvas) -> tuple[int, ...]:
        """The lanes that are written and meant."""
        return tuple(
            lane
            for lane in canvas.region.lanes
            if (self.lanes is None or lane in self.lanes) and not canvas.piece.parts[lane].is_drum
        )


@dataclass(frozen=True)
class Avoid(PitchConstraint):
    """New notes are none of these.

    Args:
        text: For example ``avoid: F#, Bb4``.
        wanted: What must not come.
    """

    text: str = field()  # the base has a default, this has none
    wanted: tuple[Wanted, ...]

    def spans(self, canvas: Canvas, lane: int, start: int, end: int) -> tuple[PitchSpan, ...]:
        """One span, always, for the lanes that have something to avoid."""
        bad = frozenset().union(*(w.pitches for w in self.wanted if w.lanes is None or lane in w.lanes))
        return (always(frozenset(range(NUM_PITCHES)) - bad),) if bad else ()

    def description(self) -> str:
        """ "none of them to be avoided"."""
        return "none of those to avoid"


@dataclass(frozen=True)
class Require(Constraint):
    """Each of these comes at least once among the new notes.

    What is still owed is written at the latest where only as many places are left as notes are owed: at the last places that
    the other constraints leave (``places_left``).

    Args:
        text: For example ``require: Alto D, F#5``.
        wanted: What must come.
        others: The constraints asked for beside it (``see_others``); no part of what it says.
    """

    looks_ahead: ClassVar[int] = 2
    foresees: ClassVar[bool] = False
    text: str = field()  # the base has a default, this has none
    wanted: tuple[Wanted, ...]
    others: tuple[Constraint, ...] = field(default=(), compare=False, repr=False)

    def owed(self, canvas: Canvas) -> list[Wanted]:
        """What has not come yet."""
        return [w for w in self.wanted if not any(n.pitch in w.pitches and n.lane in w.lanes_of(canvas) for n in canvas.written)]

    def last_place(self, canvas: Canvas, wanted: Wanted) -> tuple[int, int] | None:
        """The last onset and lane at which it may come as the canvas stands."""
        return canvas.passing(self, wanted, lambda: self._last_place(canvas, wanted, canvas.region.end))

    def _last_place(self, canvas: Canvas, wanted: Wanted, before: int) -> tuple[int, int] | None:
        """The last onset (below ``before``) and lane at which it may come as the canvas stands."""
        step, region = canvas.ticks_per_step, canvas.region
        column = np.zeros((NUM_PITCHES, 1), dtype=np.bool_)
        column[sorted(wanted.pitches)] = True
        best: tuple[int, int] | None = None
        others = foreseen(self.others)
        for lane in wanted.lanes_of(canvas):
            end = min(region.end, before, self._ending(canvas, lane, wanted))
            onsets = np.arange(region.start + -region.start % step, end, step, dtype=np.int64)
            for other in others:
                onsets = onsets[other.onsets(canvas, onsets, lane)]
            for onset in onsets[::-1].tolist():
                if best is not None and (onset, lane) <= best:
                    break
                durations = np.arange(step, region.end - onset + 1, step, dtype=np.int64)
                allowed = column.copy()
                for other in others:
                    allowed = allowed & other.allows(canvas, onset, lane, durations)
                    if not allowed.any():
                        break
                else:
                    best = (onset, lane)
                    break
        return best

    def _ending(self, canvas: Canvas, lane: int, wanted: Wanted) -> int:
        """Where the lane ends on another note than this, or the region's end."""
        for other in self.others:
            if isinstance(other, EndOn):
                for target in other.targets:
                    if target.lane(canvas) == lane and target.pitches.isdisjoint(wanted.pitches):
                        place = other.last_place(canvas, lane, target)
                        return canvas.region.end if place is None else place[0]
        return canvas.region.end

    def due(self, canvas: Canvas) -> tuple[int, int] | None:
        """Where at the latest what is owed soonest must come."""
        deadline = self._deadline(canvas)
        return None if deadline is None else deadline[1]

    def _deadline(self, canvas: Canvas) -> tuple[Wanted, tuple[int, int]] | None:
        """What is owed soonest, and where at the latest: of several each has an onset of its own, where there are enough."""
        return canvas.passing(self, "deadline", lambda: self._find_deadline(canvas))

    def _find_deadline(self, canvas: Canvas) -> tuple[Wanted, tuple[int, int]] | None:
        owed = self.owed(canvas)
        deadline: tuple[Wanted, tuple[int, int]] | None = None
        while owed:
            before = canvas.region.end if deadline is None else deadline[1][0]
            places = [(self._last_place(canvas, w, before) or (-1, -1), i) for i, w in enumerate(owed)]
            place, index = min(places)
            if place[0] < 0 and deadline is not None:
                place = self._last_place(canvas, owed[index], canvas.region.end) or (-1, -1)
                if place >= deadline[1]:
                    return deadline
            deadline = (owed.pop(index), place)
        return deadline

    def onsets(self, canvas: Canvas, onsets: IntArray, lane: int) -> BoolArray:
        """Onsets that do not pass the last place of what is owed."""
        deadline = self._deadline(canvas)
        if deadline is None:
            return np.ones(len(onsets), dtype=np.bool_)
        onset, home = deadline[1]
        return np.asarray((onsets < onset) | ((onsets == onset) & (lane <= home)))

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """Before the last place all that ends by it, there what is owed, in chords lower notes too; (1, 1) or (128, durations)."""
        deadline = self._deadline(canvas)
        if deadline is None:
            return np.ones((1, 1), dtype=np.bool_)
        wanted, (last, home) = deadline
        pays = np.zeros((NUM_PITCHES, 1), dtype=np.bool_)
        pays[sorted(wanted.pitches)] = lane in wanted.lanes_of(canvas)
        if (onset, lane) >= (last, home):
            return np.repeat((pays | self._below(canvas, onset, lane)) & (onset == last), len(durations), axis=1)
        if lane != home or not sounds_alone(self.others, lane):
            return np.ones((1, 1), dtype=np.bool_)
        return np.asarray(pays | (onset + durations <= last)[None, :])

    def _below(self, canvas: Canvas, onset: int, lane: int) -> BoolArray:
        """Pitches (128, 1) that a note of a chord may have whose later, higher notes may be all that is owed."""
        owed = self.owed(canvas)
        if lacking(self.others, canvas, lane, onset) <= len(owed):
            return np.zeros((NUM_PITCHES, 1), dtype=np.bool_)
        highest = min(max(wanted.pitches) if lane in wanted.lanes_of(canvas) else 0 for wanted in owed)
        return np.arange(NUM_PITCHES)[:, None] < highest

    def may_end(self, canvas: Canvas) -> bool:
        """When nothing is owed."""
        return not self.owed(canvas)

    def conflict(self, canvas: Canvas) -> str | None:
        """Something owed in lanes that are not written."""
        missing = next((w for w in self.wanted if not w.lanes_of(canvas)), None)
        return f"the region does not write the part that is to have {missing.name}" if missing else None

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Counts, of each, how often it came."""
        counts = [
            sum(
                (note.pitch % 12 if w.any_octave else note.pitch) == w.pitch and (w.lanes is None or note.lane in w.lanes)
                for note in canvas.written
                if not canvas.piece.parts[note.lane].is_drum
            )
            for w in self.wanted
        ]
        found = ", ".join(f"{count} times {w.name}" for count, w in zip(counts, self.wanted, strict=True))
        return Satisfaction(self.text, all(counts), found)


@dataclass(frozen=True)
class Tessitura(Constraint):
    """At least four new notes in five of a lane lie between two pitches; at no time are more outside.

    Args:
        text: For example ``tessitura: Soprano G4-D5``.
        limits: Lanes (None: each that no other item names), lowest and highest MIDI pitch.
    """

    text: str = field()  # the base has a default, this has none
    limits: tuple[tuple[tuple[int, ...] | None, int, int], ...]

    def _limit(self, lane: int) -> tuple[int, int] | None:
        named = [(low, high) for lanes, low, high in self.limits if lanes is not None and lane in lanes]
        general = [(low, high) for lanes, low, high in self.limits if lanes is None]
        return next(iter(named or general), None)

    def inside(self, lane: int) -> BoolArray:
        """Pitches (128,) inside, of a lane that is judged; all of another."""
        limit = self._limit(lane)
        pitches = np.arange(NUM_PITCHES)
        return np.ones(NUM_PITCHES, np.bool_) if limit is None else np.asarray((pitches >= limit[0]) & (pitches <= limit[1]))

    def exceptions(self, canvas: Canvas, lane: int, more: int) -> tuple[BoolArray, int] | None:
        """Pitches inside, and how many more may be outside."""
        limit = self._limit(lane)
        if limit is None or canvas.piece.parts[lane].is_drum:
            return None
        mine = [note for note in canvas.written if note.lane == lane]
        return self.inside(lane), (len(mine) + more) // TESSITURA_IN - self._outside(mine, *limit)

    def _outside(self, notes: list[Note], low: int, high: int) -> int:
        return sum(not low <= note.pitch <= high for note in notes)

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """Pitches inside, and others while few enough are outside; shape (1, 1) or (128, 1)."""
        limit = self._limit(lane)
        if limit is None or canvas.piece.parts[lane].is_drum:
            return np.ones((1, 1), dtype=np.bool_)
        mine = [note for note in canvas.written if note.lane == lane]
        if TESSITURA_IN * (self._outside(mine, *limit) + 1) <= len(mine) + 1:
            return np.ones((1, 1), dtype=np.bool_)
        pitches = np.arange(NUM_PITCHES)
        return np.asarray((pitches >= limit[0]) & (pitches <= limit[1]))[:, None]

    def measure(self, canvas: Canvas) -> Satisfaction:
        """The share inside, of the lane with the least."""
        shares = []
        for lane in canvas.region.lanes:
            limit = self._limit(lane)
            notes = [note for note in canvas.written if note.lane == lane]
            if limit is not None and notes and not canvas.piece.parts[lane].is_drum:
                shares.append(sum(limit[0] <= note.pitch <= limit[1] for note in notes) / len(notes))
        least = min(shares, default=1.0)
        return Satisfaction(self.text, TESSITURA_IN * (1 - least) <= 1 + 1e-9, f"at least {least:.0%} of a part's notes inside")
