"""How new music begins and how it joins what is kept. Times are ticks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from compose.canvas import NUM_PITCHES, Canvas, Note
from compose.constraints.base import BoolArray, Constraint, IntArray, Satisfaction
from compose.constraints.lookup import last_new_notes
from compose.constraints.names import pitch_name
from compose.constraints.occurrence import Wanted

__all__ = ["Glue", "StartOn"]


def _first_new(canvas: Canvas, lane: int) -> list[Note]:
    """The written notes of a lane that start first."""
    mine = [note for note in canvas.written if note.lane == lane]
    first = min((note.onset for note in mine), default=None)
    return [note for note in mine if note.onset == first]


@dataclass(frozen=True)
class StartOn(Constraint):
    """The first new note of each lane meant is the one wanted (of a first chord, the lowest note).

    Args:
        text: For example ``start on: G4`` or ``start on: Alto G``.
        wanted: One for each part named; without a part the topmost lane of the region is meant.
    """

    foresees: ClassVar[bool] = False
    text: str = field()  # the base has a default, this has none
    wanted: tuple[Wanted, ...]

    def _targets(self, canvas: Canvas) -> dict[int, Wanted]:
        return {min(lanes): w for w in self.wanted if (lanes := w.lanes_of(canvas))}

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """For a lane without new notes, what is wanted; shape (1, 1) or (128, 1)."""
        wanted = self._targets(canvas).get(lane)
        if wanted is None or any(note.lane == lane for note in canvas.written):
            return np.ones((1, 1), dtype=np.bool_)
        allowed = np.zeros((NUM_PITCHES, 1), dtype=np.bool_)
        allowed[sorted(wanted.pitches)] = True
        return allowed

    def may_end(self, canvas: Canvas) -> bool:
        """When each of these lanes has begun."""
        begun = {note.lane for note in canvas.written}
        return begun >= set(self._targets(canvas))

    def conflict(self, canvas: Canvas) -> str | None:
        """A lane that is not written cannot begin."""
        missing = next((w for w in self.wanted if not w.lanes_of(canvas)), None)
        return f"the region does not write the part that is to start on {missing.name}" if missing else None

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Looks at the first new note of each lane."""
        good, found = True, []
        for lane, wanted in self._targets(canvas).items():
            lowest = min((note.pitch for note in _first_new(canvas, lane)), default=None)
            good &= lowest is not None and (lowest % 12 if wanted.any_octave else lowest) == wanted.pitch
            found.append(f"{'nothing' if lowest is None else pitch_name(lowest)} for {wanted.name}")
        return Satisfaction(self.text, bool(good), f"starts on {', '.join(found)}")


@dataclass(frozen=True)
class Glue(Constraint):
    """Where a lane's new notes follow a kept note, and where a kept note follows them, the leap is small.

    Of chords the nearest notes count. The first leap is held by masking; the last note is known only once it stands, so a lane
    whose last note lies too far goes on or is taken back.

    Args:
        text: For example ``glue: 4``.
        semitones: The largest leap.
    """

    foresees: ClassVar[bool] = False
    text: str = field()  # the base has a default, this has none
    semitones: int

    def _kept(self, canvas: Canvas, lane: int, before: bool) -> list[int]:
        """Pitches of the kept notes of a lane that start last before the region, or first after it."""
        start, end = canvas.region.start, canvas.region.end
        mine = [n for n in canvas.fixed if n.lane == lane and n.duration and (n.onset < start if before else n.onset >= end)]
        if not mine or canvas.piece.parts[lane].is_drum:
            return []
        place = max(n.onset for n in mine) if before else min(n.onset for n in mine)
        return [n.pitch for n in mine if n.onset == place]

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """For a lane without new notes, pitches near the kept note before; for one that ends the region, near the one after."""
        allowed = np.ones((NUM_PITCHES, 1), dtype=np.bool_)
        pitches = np.arange(NUM_PITCHES)
        before = self._kept(canvas, lane, before=True)
        if before and not any(note.lane == lane for note in canvas.written):
            allowed = np.min(np.abs(pitches[:, None] - np.array(before)), axis=1)[:, None] <= self.semitones
        near = self.near_after(canvas, lane)
        return np.asarray(allowed & (near[:, None] | (onset + durations < canvas.region.end)[None, :]))

    def near_after(self, canvas: Canvas, lane: int) -> BoolArray:
        """Pitches (128,) that a lane may end on: near the kept note after the region."""
        after = self._kept(canvas, lane, before=False)
        if not after:
            return np.ones(NUM_PITCHES, dtype=np.bool_)
        return np.asarray(np.abs(np.arange(NUM_PITCHES)[:, None] - np.array(after)).min(axis=1) <= self.semitones)

    def may_end(self, canvas: Canvas) -> bool:
        """When each lane's last new note lies near the kept note after it."""
        for lane in canvas.region.lanes:
            after, last = self._kept(canvas, lane, before=False), last_new_notes(canvas, lane)
            if after and last and min(abs(n.pitch - p) for n in last for p in after) > self.semitones:
                return False
        return True

    def measure(self, canvas: Canvas) -> Satisfaction:
        """The largest leap at a join."""
        leaps = [0]
        for lane in canvas.region.lanes:
            mine = [note for note in canvas.written if note.lane == lane]
            if not mine:
                continue
            ends = (min(n.onset for n in mine), max(n.onset for n in mine))
            for place, kept in zip(ends, (self._kept(canvas, lane, True), self._kept(canvas, lane, False)), strict=True):
                if kept:
                    leaps.append(min(abs(n.pitch - p) for n in mine if n.onset == place for p in kept))
        return Satisfaction(self.text, max(leaps) <= self.semitones, f"largest leap at a join {max(leaps)} semitones")
