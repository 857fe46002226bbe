"""What all else that is asked for leaves to a figure at a place: its pitches, and the notes under it. Times are ticks.

Where a lane must have several notes at an onset (a kept rhythm with chords) the figure's note is the highest of them; the others,
written before it, have the durations that it leaves.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compose.canvas import NUM_PITCHES, Canvas, Note
from compose.constraints.base import BoolArray, Constraint, IntArray
from compose.constraints.contour import KeepContour
from compose.constraints.counterpoint import NoParallels
from compose.constraints.density import Density
from compose.constraints.ending import EndOn
from compose.constraints.feasible import all_requirements, lacking
from compose.constraints.joins import Glue, StartOn
from compose.constraints.line_shape import LineShape
from compose.constraints.occurrence import Require
from compose.constraints.others import foreseen
from compose.constraints.pitch import PitchClasses, PitchConstraint, ScaleSpans

__all__ = ["Place", "Standing", "Surroundings"]

Duration = int | None  # None: any

_PITCHES = np.arange(NUM_PITCHES)


@dataclass(frozen=True)
class Place:
    """Where a figure may stand.

    Args:
        lane: Index into the piece's parts.
        onsets: Of the figure's notes.
        lengths: Of the figure's notes.
        under: Durations of the notes that must stand under each of them.
        misfit: How ill the place in the bar fits.
        turn: The lane's, among those where the figure may come.
    """

    lane: int
    onsets: tuple[int, ...]
    lengths: tuple[int, ...]
    under: tuple[tuple[Duration, ...], ...]
    misfit: int
    turn: int

    @property
    def start(self) -> int:
        return self.onsets[0]

    @property
    def end(self) -> int:
        return self.onsets[-1] + self.lengths[-1]

    def overlaps(self, other: Place) -> bool:
        """Whether two places share a lane and a time."""
        return self.lane == other.lane and self.start < other.end and other.start < self.end


@dataclass(frozen=True)
class Standing:
    """What stands of a figure at a place.

    Args:
        count: How many of its notes.
        lower: The notes that stand already under its next one.
        pitches: The rows of its pitches that have them, (ways, notes).
    """

    count: int
    lower: tuple[Note, ...]
    pitches: IntArray


@dataclass(frozen=True)
class Surroundings:
    """What is asked for beside a figure.

    Args:
        others: The constraints.
    """

    others: tuple[Constraint, ...]

    def scale(self, canvas: Canvas, lane: int, start: int) -> IntArray | None:
        """All pitches of the scale that holds at a place, ascending; None without one."""
        for other in self.others:
            if isinstance(other, PitchClasses | ScaleSpans) and (spans := other.spans(canvas, lane, start, start + 1)):
                return np.array(sorted(spans[0].pitches), dtype=np.int64)
        return None

    @property
    def keep_times(self) -> bool:
        """Whether the times of all new notes are given."""
        return any(other.keeps_times for other in self.others)

    def required(self, canvas: Canvas) -> dict[tuple[int, int], list[Duration]]:
        """Durations of the notes that must be written, by lane and onset; ascending keys."""
        return canvas.lasting(self.others, "required", lambda: self._find_required(canvas))

    def _find_required(self, canvas: Canvas) -> dict[tuple[int, int], list[Duration]]:
        found: dict[tuple[int, int], list[Duration]] = defaultdict(list)
        for onset, lane, duration in sorted(all_requirements(self.others, canvas), key=lambda r: (r.lane, r.onset)):
            found[lane, onset].append(duration)
        return dict(found)

    def required_onsets(self, canvas: Canvas, lane: int, start: int, end: int) -> list[int]:
        """Onsets in ``start <= t < end`` at which notes of a lane must be written."""
        places = canvas.lasting(self.others, "places", lambda: list(self.required(canvas)))
        return [onset for _, onset in places[bisect_left(places, (lane, start)) : bisect_left(places, (lane, end))]]

    def lacks(self, canvas: Canvas, lane: int, onset: int) -> int:
        """How many notes must still be written at a place."""
        return lacking(self.others, canvas, lane, onset)

    def under(
        self, canvas: Canvas, lane: int, onsets: Sequence[int], lengths: Sequence[int]
    ) -> tuple[tuple[Duration, ...], ...] | None:
        """Durations of what must stand under each note of a figure; None where it cannot be the highest line of all that must."""
        required, found = self.required(canvas), []
        if not set(self.required_onsets(canvas, lane, onsets[0], onsets[-1] + lengths[-1])) <= set(onsets):
            return None
        for onset, length in zip(onsets, lengths, strict=True):
            here = list(required.get((lane, onset), [None]))
            own = next((duration for duration in (length, None) if duration in here), 0)
            if own == 0:
                return None
            here.remove(own)
            found.append(tuple(here))
        return tuple(found)

    # What stands, and what may come

    def standing(self, canvas: Canvas, place: Place, pitches: IntArray) -> Standing | None:
        """What stands at a place of a figure with these pitches; None where something else does."""
        notes = canvas.lane_notes(place.lane)
        here = notes[bisect_left(notes, (place.start,)) : bisect_left(notes, (place.end,))]
        chords: dict[int, list[Note]] = defaultdict(list)  # from below
        for note in here:
            chords[note.onset].append(note)
        if not set(chords) <= set(place.onsets[: len(chords)]):
            return None
        for index, chord in enumerate(chords.values()):
            *lower, top = chord
            is_last = index == len(chords) - 1
            if is_last and len(chord) <= len(place.under[index]):
                pitches = pitches[pitches[:, index] > top.pitch]
                if _left(place.under[index], chord) is None or not len(pitches):
                    return None
                return Standing(index, tuple(chord), pitches)
            whole = top.duration == place.lengths[index] or (top.duration < place.lengths[index] and canvas.may_grow(top))
            if len(lower) != len(place.under[index]) or not whole:
                return None
            pitches = pitches[pitches[:, index] == top.pitch]
        return Standing(len(chords), (), pitches) if len(pitches) else None

    def still_open(self, canvas: Canvas, place: Place, standing: Standing, now: tuple[int, int]) -> IntArray:
        """The rows that can be written to the end as the canvas stands, from an onset and lane on."""
        if standing.count == len(place.onsets):
            return standing.pitches
        if (place.onsets[standing.count], place.lane) < now:
            return standing.pitches[:0]
        pitches = self.open_rows(canvas, place, standing)
        return self._beside(canvas, place, Standing(standing.count, standing.lower, pitches), now)

    def lower(self, canvas: Canvas, place: Place, standing: Standing, durations: IntArray) -> BoolArray:
        """Which notes may come now under the figure's next one, which is to stand above them; shape (128, durations)."""
        index, onset = standing.count, place.onsets[standing.count]
        left = _left(place.under[index], standing.lower)
        assert left, "no note is lacking there"
        open_pitches = self._open_pitches(canvas, place.lane, onset, durations, True)
        highest = int(standing.pitches[:, index].max())
        above = _under(open_pitches)[highest] - np.cumsum(open_pitches)  # between a pitch and the highest
        allowed = (highest > _PITCHES) & (above >= left.total() - 1)
        if index == len(place.onsets) - 1:
            for target in self._targets(canvas, place):
                if target.isdisjoint(note.pitch for note in standing.lower):
                    paid = standing.pitches[np.isin(standing.pitches[:, index], sorted(target)), index].max(initial=-1)
                    later = [pitch for pitch in target if pitch < highest] if left.total() > 1 else []
                    allowed &= np.isin(_PITCHES, sorted(target)) | (max(paid, *later, -1) > _PITCHES)
        given = [duration for duration in left if duration is not None]
        fits = np.isin(durations, given) | (None in left)
        return np.asarray(allowed[:, None] & fits[None, :])

    def _open_pitches(self, canvas: Canvas, lane: int, onset: int, durations: IntArray, in_chord: bool) -> BoolArray:
        """Pitches (128,) that those whose word holds leave to a note of some of these durations, by itself or in a chord.

        Rules of the lowest note of a chord are not for the others.
        """
        allowed = np.ones((NUM_PITCHES, len(durations)), dtype=np.bool_)
        for other in foreseen(self.others):
            if in_chord and isinstance(other, NoParallels) and other.is_bottom(canvas, lane):
                continue
            if in_chord and isinstance(other, PitchConstraint):
                allowed &= PitchConstraint.allows(other, canvas, onset, lane, durations)
            else:
                allowed &= other.allows(canvas, onset, lane, durations)
        return np.asarray(allowed.any(axis=1))

    def open_rows(self, canvas: Canvas, place: Place, standing: Standing) -> IntArray:
        """The rows that those whose word holds leave open from the figure's next note on, as the canvas stands."""
        pitches, lane = standing.pitches, place.lane
        moves = [other for other in foreseen(self.others) if isinstance(other, NoParallels)]
        for index in range(standing.count, len(place.onsets)):
            if not len(pitches):
                break
            onset, under = place.onsets[index], place.under[index]
            lower = standing.lower if index == standing.count else ()
            open_pitches = self._open_pitches(canvas, lane, onset, np.array([place.lengths[index]], dtype=np.int64), bool(under))
            pitches = _keep(pitches, index, open_pitches)
            if left := _left(under, lower):
                # Those under it need room.
                durations = [place.lengths[index] if duration is None else duration for duration in left]
                below = self._open_pitches(canvas, lane, onset, np.unique(durations), True)
                below[: max((note.pitch + 1 for note in lower), default=0)] = False
                pitches = _keep(pitches, index, _under(below) >= left.total())
            if index > standing.count and onset == place.onsets[index - 1] + place.lengths[index - 1]:
                for other in moves:
                    if not (other.is_bottom(canvas, lane) and (under or place.under[index - 1])):
                        allowed = other.moves_allowed(canvas, lane, onset)
                        pitches = pitches[allowed[pitches[:, index - 1], pitches[:, index]]]
        return pitches

    def _targets(self, canvas: Canvas, place: Place) -> list[frozenset[int]]:
        """What the lane must end on where the figure is its end."""
        found = []
        for other in self.others:
            if isinstance(other, EndOn):
                for target in other.targets:
                    last = other.last_place(canvas, place.lane, target) if target.lane(canvas) == place.lane else None
                    if last is not None and place.end > last[0]:
                        found.append(target.pitches)
        return found

    def _beside(self, canvas: Canvas, place: Place, standing: Standing, now: tuple[int, int]) -> IntArray:
        """The rows that, from the next note on, leave those that look ahead what they need, or give it to them."""
        pitches, first, lane = standing.pitches, standing.count, place.lane
        onsets = np.array(place.onsets[first:], dtype=np.int64)
        start, end = place.onsets[first], place.end
        for target in self._targets(canvas, place):
            pitches = pitches[_may_have(pitches, place, standing, len(place.onsets) - 1, target)]
        for other in self.others:
            if isinstance(other, Require):
                for wanted in other.owed(canvas):
                    last = other.last_place(canvas, wanted)
                    if last is not None and last[1] == lane and start <= last[0] < end:
                        every = [_may_have(pitches, place, standing, i, wanted.pitches) for i in range(first, len(place.onsets))]
                        pitches = pitches[np.logical_or.reduce(every)]
            elif isinstance(other, Density):
                if not other.takes(canvas, lane, onsets, end):
                    return pitches[:0]
            elif isinstance(other, LineShape):
                pitches = pitches[other.follows(canvas, lane, (start, end), pitches[:, first:], now)]
            elif isinstance(other, KeepContour):
                for index in range(first, len(place.onsets)):
                    pitches = _keep(pitches, index, other.open_pitches(canvas, lane, place.onsets[index]))
            elif isinstance(other, Glue | StartOn):
                pitches = self._joined(canvas, place, Standing(first, standing.lower, pitches), other)
        return pitches

    def _joined(self, canvas: Canvas, place: Place, standing: Standing, other: Glue | StartOn) -> IntArray:
        """The rows that join what is kept as they should, where the figure is the lane's first or last."""
        pitches, lane = standing.pitches, place.lane
        before, after = self._is_alone(canvas, place)
        if before and not standing.count and not standing.lower:
            lengths = np.array(place.lengths[:1], dtype=np.int64)
            allowed = np.broadcast_to(other.allows(canvas, place.start, lane, lengths), (NUM_PITCHES, 1))[:, 0]
            # Of a chord the lowest note is judged.
            allowed = _under(allowed) > 0 if place.under[0] else allowed
            pitches = _keep(pitches, 0, allowed)
        if isinstance(other, Glue) and (place.end == canvas.region.end or (after and not place.under[-1])):
            pitches = _keep(pitches, -1, other.near_after(canvas, lane))
        return pitches

    def _is_alone(self, canvas: Canvas, place: Place) -> tuple[bool, bool]:
        """Whether no new note of the lane can come before the place, and none behind it."""
        if not self.keep_times:
            return place.start == canvas.region.start, place.end == canvas.region.end
        region, lane = canvas.region, place.lane
        before = self.required_onsets(canvas, lane, region.start, place.start)
        return not before, not self.required_onsets(canvas, lane, place.end, region.end)


def _under(open_pitches: BoolArray) -> IntArray:
    """How many open pitches lie under each pitch, (128,)."""
    return np.asarray(np.cumsum(open_pitches) - open_pitches, dtype=np.int64)


def _keep(pitches: IntArray, index: int, open_pitches: BoolArray) -> IntArray:
    """The rows whose note ``index`` is open (128,)."""
    return pitches[open_pitches[pitches[:, index]]]


def _left(under: tuple[Duration, ...], lower: Sequence[Note]) -> Counter[Duration] | None:
    """The durations that are lacking under a figure's note; None where what stands there leaves the figure none of its own."""
    left = Counter(under)
    for note in lower:
        duration = note.duration if note.duration in left else None
        if duration not in left:
            return None
        left -= Counter([duration])
    return left


def _may_have(pitches: IntArray, place: Place, standing: Standing, index: int, wanted: frozenset[int]) -> BoolArray:
    """In which rows (ways,) one of the pitches wanted comes with note ``index``: as the note itself or under it."""
    column = pitches[:, index]
    lower = standing.lower if index == standing.count else ()
    if any(note.pitch in wanted for note in lower):
        return np.ones(len(column), dtype=np.bool_)
    found = np.isin(column, sorted(wanted))
    if len(place.under[index]) > len(lower):
        floor = max((note.pitch for note in lower), default=-1)
        found |= column > min((pitch for pitch in wanted if pitch > floor), default=NUM_PITCHES)
    return np.asarray(found)
