"""How a lane ends: the last new note of the lane is a given pitch or pitch class.

Meaning: of the notes that the region gets in this lane, those that start last include the target; after them the lane only
sounds on or rests. The rule is safe for a writer that never goes back: a note other than the target is open only while a
place for the target is left after it, and no lane is written past the last such place before the target stands. What a place
is depends on the other constraints asked for (a grid, a kept rhythm, chords ...), which ``see_others`` shows to it. Notes of
*other* lanes written in between may still close the place (by crossing it, for example): that is found, never hidden, but
only when it happens. Times are ticks of the canvas; notes are written in canonical order (onset, lane, pitch).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from compose.canvas import NUM_PITCHES, Canvas, Note
from compose.constraints.base import BoolArray, Constraint, IntArray, Satisfaction
from compose.constraints.counterpoint import NoParallels
from compose.constraints.lookup import last_new_notes, new_notes_at
from compose.constraints.names import pitch_class_name, pitch_name
from compose.constraints.others import foreseen
from compose.constraints.pitch import PitchConstraint, pitches_of

__all__ = ["EndOn", "Target"]


@dataclass(frozen=True)
class Target:
    """Where one lane ends.

    Args:
        lanes: Lanes of the part named: the topmost of them in the region ends so. None: the topmost lane of the region.
        pitch: MIDI pitch, or pitch class 0-11.
        any_octave: Whether ``pitch`` is a pitch class.
    """

    lanes: tuple[int, ...] | None
    pitch: int
    any_octave: bool

    @property
    def pitches(self) -> frozenset[int]:
        """The MIDI pitches that meet it."""
        return pitches_of(frozenset({self.pitch})) if self.any_octave else frozenset({self.pitch})

    @property
    def name(self) -> str:
        """For messages, for example "G4" or "G"."""
        return pitch_class_name(self.pitch) if self.any_octave else pitch_name(self.pitch)

    def lane(self, canvas: Canvas) -> int | None:
        """The lane it stands for on this canvas, or None when none of its lanes is written."""
        lanes = [lane for lane in canvas.region.lanes if self.lanes is None or lane in self.lanes]
        return min(lanes, default=None)


@dataclass(frozen=True)
class EndOn(Constraint):
    """The last new note of each lane named is its target.

    Args:
        text: For example ``end on: G4``, ``end on: G`` or ``end on: Alto G4, Tenor D4``.
        targets: One for each lane.
        others: The constraints asked for beside it (``see_others``); no part of what it says.
    """

    looks_ahead: ClassVar[int] = 1
    foresees: ClassVar[bool] = False
    text: str = field()  # the base has a default, this has none
    targets: tuple[Target, ...]
    others: tuple[Constraint, ...] = field(default=(), compare=False, repr=False)

    def _lane_targets(self, canvas: Canvas) -> list[tuple[int, Target]]:
        """Lane and target, for the targets whose lane is written."""
        return [(lane, target) for target in self.targets if (lane := target.lane(canvas)) is not None]

    def _is_met(self, canvas: Canvas, lane: int, target: Target) -> bool:
        return any(note.pitch in target.pitches for note in last_new_notes(canvas, lane))

    def last_place(self, canvas: Canvas, lane: int, target: Target) -> tuple[int, BoolArray] | None:
        """The last onset at which the target may be written as the canvas stands, and the pitches (128,) of it open there."""
        return canvas.passing(self, (lane, target), lambda: self._last_place(canvas, lane, target))

    def _last_place(self, canvas: Canvas, lane: int, target: Target) -> tuple[int, BoolArray] | None:
        step, region = canvas.ticks_per_step, canvas.region
        onsets = np.arange(region.start + -region.start % step, region.end, step, dtype=np.int64)
        for other in foreseen(self.others):
            onsets = onsets[other.onsets(canvas, onsets, lane)]
            if isinstance(other, PitchConstraint) and not canvas.piece.parts[lane].is_drum:
                # Whole spans without the target need no closer look.
                for span in other.spans(canvas, lane, region.start, region.end):
                    if target.pitches.isdisjoint(span.pitches):
                        onsets = onsets[(onsets < span.start) | (onsets >= span.end)]
        wanted = np.zeros(NUM_PITCHES, dtype=np.bool_)
        wanted[sorted(target.pitches)] = True
        for onset in onsets[::-1].tolist():
            durations = np.arange(step, region.end - onset + 1, step, dtype=np.int64)
            if len(open_pitches := np.flatnonzero(self._open(canvas, lane, onset, durations, wanted))):
                found = np.zeros(NUM_PITCHES, dtype=np.bool_)
                found[open_pitches] = True
                return onset, found
        return None

    def _open(self, canvas: Canvas, lane: int, onset: int, durations: IntArray, pitches: BoolArray) -> BoolArray:
        """Which of these pitches (128,) the other constraints leave open here for some duration."""
        allowed = np.repeat(pitches[:, None], len(durations), axis=1)
        # Pitch constraints are quick and most often decide.
        for other in sorted(foreseen(self.others), key=lambda other: not isinstance(other, PitchConstraint)):
            allowed &= other.allows(canvas, onset, lane, durations)
            if not allowed.any():
                break
        return np.asarray(allowed.any(axis=1))

    def due(self, canvas: Canvas) -> tuple[int, int] | None:
        """The first of the last places of targets that do not stand."""
        places = []
        for lane, target in self._lane_targets(canvas):
            if not self._is_met(canvas, lane, target):
                place = self.last_place(canvas, lane, target)
                places.append((-1, lane) if place is None else (place[0], lane))
        return min(places, default=None)

    def onsets(self, canvas: Canvas, onsets: IntArray, lane: int) -> BoolArray:
        """Onsets that do not pass the last place of a target that does not stand yet."""
        allowed = np.ones(len(onsets), dtype=np.bool_)
        for target_lane, target in self._lane_targets(canvas):
            if not self._is_met(canvas, target_lane, target):
                place = self.last_place(canvas, target_lane, target)
                last = -1 if place is None else place[0]
                allowed &= (onsets < last) | ((onsets == last) & (lane <= target_lane))
        return allowed

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """The target, and what leaves room for it; shape (1, 1) or (128, durations)."""
        allowed = np.ones((1, 1), dtype=np.bool_)
        for target_lane, target in self._lane_targets(canvas):
            if target_lane == lane:
                allowed = allowed & self._allows_beside(canvas, onset, lane, durations, target)
        return allowed

    def _allows_beside(self, canvas: Canvas, onset: int, lane: int, durations: IntArray, target: Target) -> BoolArray:
        if any(note.pitch in target.pitches for note in new_notes_at(canvas, lane, onset)):
            return np.ones((1, 1), dtype=np.bool_)  # the rest of a chord whose target stands
        allowed = np.zeros((NUM_PITCHES, len(durations)), dtype=np.bool_)
        place = self.last_place(canvas, lane, target)
        if place is not None and onset <= place[0]:
            last, open_pitches = place
            allowed[:, onset + durations < last] = True
            allowed[:, onset + durations == last] = self._leads_on(canvas, lane, last, open_pitches)[:, None]
            if self._room_beside(canvas, lane, onset, last, target):
                # In one chord the target comes later only when it is higher.
                fits = (
                    np.arange(NUM_PITCHES) < np.flatnonzero(open_pitches).max() if onset == last else np.ones(NUM_PITCHES, np.bool_)
                )
                allowed[:, onset + durations > last] = fits[:, None]
        allowed[sorted(target.pitches)] = True
        return allowed

    def _leads_on(self, canvas: Canvas, lane: int, last: int, open_pitches: BoolArray) -> BoolArray:
        """Which pitches (128,) may be followed at once by an open target without parallels."""
        moves = np.ones((NUM_PITCHES, NUM_PITCHES), dtype=np.bool_)
        for other in self.others:
            if isinstance(other, NoParallels):
                moves &= other.moves_allowed(canvas, lane, last)
        return np.asarray((moves & open_pitches).any(axis=1))

    def _room_beside(self, canvas: Canvas, lane: int, onset: int, last: int, target: Target) -> bool:
        """Whether the target may still come while a note from ``onset`` sounds: tried with a note far from it."""
        far = next(pitch for pitch in range(NUM_PITCHES) if pitch not in target.pitches)
        durations = np.arange(canvas.ticks_per_step, canvas.region.end - last + 1, canvas.ticks_per_step, dtype=np.int64)
        canvas.write(Note(onset, lane, far, canvas.region.end - onset))
        try:
            for other in foreseen(self.others):
                if not other.onsets(canvas, np.array([last], dtype=np.int64), lane).all():
                    return False
                allowed = other.allows(canvas, last, lane, durations)
                if allowed.shape[0] == 1 and not allowed.any():  # those that do not look at pitch: how many may sound
                    return False
        finally:
            canvas.erase()
        return True

    def may_end(self, canvas: Canvas) -> bool:
        """When every target stands last in its lane."""
        return all(self._is_met(canvas, lane, target) for lane, target in self._lane_targets(canvas))

    def conflict(self, canvas: Canvas) -> str | None:
        """A target in a lane that is not written cannot be met."""
        for target in self.targets:
            if target.lane(canvas) is None:
                return f"the region does not write the part that is to end on {target.name}"
        return None

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Looks at the new notes that start last in each lane."""
        good, found = True, []
        for target in self.targets:
            lane = target.lane(canvas)
            notes = [note for note in canvas.written if note.lane == lane]
            last = max((note.onset for note in notes), default=None)
            pitches = sorted(note.pitch for note in notes if note.onset == last)
            good &= any((pitch % 12 if target.any_octave else pitch) == target.pitch for pitch in pitches)
            found.append(f"{' '.join(map(pitch_name, pitches)) or 'nothing'} for {target.name}")
        return Satisfaction(self.text, bool(good), f"ends on {', '.join(found)}")
