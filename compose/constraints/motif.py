"""A figure that must come: its rhythm and its intervals, from any pitch. Times are ticks.

An occurrence is a run of new notes of one part with the figure's onsets and durations, whose pitches are the figure's, all moved
by as many semitones (or by as many steps of the scale asked for beside it, when ``diatonic``). Nothing else starts in the part
while it lasts.

Foresight: a plan is a place for the next occurrence, with all its pitches that the constraints in force leave open there. Until the
plan is written nothing passes it; from which pitch it goes is the model's choice, made with its first note. A plan that turns out
impossible gives way to the next best place. Places are liked where the figure has its own place in the bar, then on beats, and
several occurrences spread over the region and its parts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar

import numpy as np

from compose.canvas import NUM_PITCHES, Canvas
from compose.constraints.base import BoolArray, Constraint, IntArray, Satisfaction
from compose.constraints.contour import KeepContour, top_line
from compose.constraints.counterpoint import NoCrossing, NoParallels
from compose.constraints.density import Density
from compose.constraints.ending import EndOn
from compose.constraints.feasible import all_requirements
from compose.constraints.joins import Glue, StartOn
from compose.constraints.line_shape import LineShape
from compose.constraints.occurrence import Require
from compose.constraints.others import foreseen
from compose.constraints.pitch import PitchClasses, ScaleSpans

__all__ = ["Motif", "MotifNote"]


@dataclass(frozen=True)
class MotifNote:
    """One note of a figure.

    Args:
        offset: From the figure's first note, in quarters.
        length: In quarters.
        pitch: MIDI pitch as given.
    """

    offset: Fraction
    length: Fraction
    pitch: int


@dataclass(frozen=True)
class _Place:
    """Where the figure may stand."""

    start: int
    lane: int
    merit: tuple[int, int]  # how ill the place in the bar fits; then the lane's turn


@dataclass(frozen=True)
class _Plan:
    """The next occurrence: where, how many of its notes stand, and which rows of its pitches are still open."""

    place: _Place
    stands: int
    pitches: IntArray  # (ways, notes)


NOTHING_OWED, NO_WAY = "nothing owed", "no way"


@dataclass(frozen=True)
class Motif(Constraint):
    """See the module's text.

    Args:
        text: For example ``motif: C4 q D4 e E4 e F4 h x2`` or ``motif: Violin 1 1:1-2:3 diatonic in Viola``.
        notes: The figure, by onset.
        times: At least so many occurrences.
        lanes: Where it may come; None: in any part.
        diatonic: Whether it moves by steps of the scale.
        phase: Where in its bar the figure stands, in quarters.
        others: The constraints asked for beside it (``see_others``); no part of what it says.
    """

    looks_ahead: ClassVar[int] = 4
    foresees: ClassVar[bool] = False
    text: str = field()  # the base has a default, this has none
    notes: tuple[MotifNote, ...]
    times: int = 1
    lanes: tuple[int, ...] | None = None
    diatonic: bool = False
    phase: Fraction = Fraction(0)
    others: tuple[Constraint, ...] = field(default=(), compare=False, repr=False)

    # The figure on a canvas

    def _ticks(self, canvas: Canvas) -> tuple[IntArray, IntArray] | None:
        """Offsets and lengths in ticks; None where they fall between the ticks of the writing grid."""
        times = [(n.offset * canvas.ticks_per_quarter, n.length * canvas.ticks_per_quarter) for n in self.notes]
        if any(value.denominator > 1 or int(value) % canvas.ticks_per_step for pair in times for value in pair):
            return None
        offsets, lengths = np.array([[int(value) for value in pair] for pair in times], dtype=np.int64).T
        return offsets, lengths

    def _scale(self, canvas: Canvas, lane: int, start: int) -> IntArray | None:
        """All pitches of the scale that holds at a place, ascending; None without one."""
        for other in self.others:
            if isinstance(other, PitchClasses | ScaleSpans) and (spans := other.spans(canvas, lane, start, start + 1)):
                return np.array(sorted(spans[0].pitches), dtype=np.int64)
        return None

    def _pitches(self, canvas: Canvas, lane: int, start: int) -> IntArray:
        """The figure from every pitch, shape (ways, notes); without rows where it cannot be moved by steps of a scale."""
        steps = np.array([note.pitch for note in self.notes], dtype=np.int64)
        ladder: IntArray | None = np.arange(NUM_PITCHES, dtype=np.int64)
        if self.diatonic:
            ladder = self._scale(canvas, lane, start)
            if ladder is None or not np.isin(steps, ladder).all():
                return np.zeros((0, len(steps)), dtype=np.int64)
            steps = np.searchsorted(ladder, steps)
        assert ladder is not None
        rungs = np.arange(-steps.min(), len(ladder) - steps.max())[:, None] + steps
        return np.asarray(ladder[rungs], dtype=np.int64)

    def _written_lanes(self, canvas: Canvas) -> list[int]:
        return [
            lane
            for lane in canvas.region.lanes
            if not canvas.piece.parts[lane].is_drum and (self.lanes is None or lane in self.lanes)
        ]

    # Places

    def _places(self, canvas: Canvas) -> list[tuple[_Place, IntArray]]:
        """Where the figure may stand, with its pitches there, whatever is written; in writing order."""
        return canvas.lasting(self, "places", lambda: list(self._find_places(canvas)))

    def _find_places(self, canvas: Canvas) -> Iterator[tuple[_Place, IntArray]]:
        ticks = self._ticks(canvas)
        if ticks is None:
            return
        offsets, lengths = ticks
        blank = Canvas(canvas.piece, canvas.region, canvas.removed, canvas.fixed)
        lanes = self._written_lanes(canvas)
        required = all_requirements(self.others, canvas)
        likely = {r.onset for r in required} | {note.onset for note in canvas.removed}
        for start, misfit in self._starts(canvas, offsets, lengths, likely):
            for turn, lane in enumerate(lanes):
                onsets, end = start + offsets, int(start + offsets[-1] + lengths[-1])
                inside = [r for r in required if r.lane == lane and start <= r.onset < end]
                fits = sorted(r.onset for r in inside) == sorted({r.onset for r in inside} & set(onsets.tolist()))
                if not fits or blank.overlapping(lane, start, end) or not self._moves_as_before(canvas, lane, onsets):
                    continue
                if not all(other.onsets(blank, onsets, lane).all() for other in foreseen(self.others)):
                    continue
                pitches = self._pitches(canvas, lane, start)
                pitches = self._allowed(blank, lane, onsets, lengths, pitches, 0)
                if len(pitches):
                    yield _Place(start, lane, (misfit, turn)), pitches

    def _starts(self, canvas: Canvas, offsets: IntArray, lengths: IntArray, likely: set[int]) -> Iterator[tuple[int, int]]:
        """Onsets worth trying and how ill they fit: 0 the figure's own place in the bar, 1 another beat, 2 elsewhere.

        ``likely`` ones, where a note is required or stood before, are tried wherever they lie.
        """
        region, scale, measures = canvas.region, canvas.ticks_per_div, canvas.piece.measures
        unit, phase = int(lengths.min()), int(self.phase * canvas.ticks_per_quarter)
        last = region.end - int(offsets[-1] + lengths[-1])
        for start in range(region.start + -region.start % canvas.ticks_per_step, last + 1, canvas.ticks_per_step):
            row = measures[canvas.piece.measure_at(start // scale)]
            place = start - int(row["start_div"]) * scale
            beat = 4 * canvas.ticks_per_quarter // int(row["beat_type"])
            if place == phase:
                yield start, 0
            elif (place - phase) % beat == 0:
                yield start, 1
            elif (place - phase) % unit == 0 or start in likely:
                yield start, 2

    @staticmethod
    def _keep(pitches: IntArray, index: int, open_pitches: BoolArray) -> IntArray:
        """The rows whose note ``index`` is open (128,)."""
        return pitches[open_pitches[pitches[:, index]]]

    def _allowed(self, canvas: Canvas, lane: int, onsets: IntArray, lengths: IntArray, pitches: IntArray, first: int) -> IntArray:
        """The rows that the constraints in force leave open from note ``first`` on, as the canvas stands."""
        for index in range(first, len(onsets)):
            onset, length = int(onsets[index]), lengths[index : index + 1]
            for other in foreseen(self.others):
                if len(pitches):
                    allowed = np.broadcast_to(other.allows(canvas, onset, lane, length), (NUM_PITCHES, 1))[:, 0]
                    pitches = self._keep(pitches, index, allowed)
                if isinstance(other, NoParallels) and index > first and onset == onsets[index - 1] + lengths[index - 1]:
                    pitches = pitches[other.moves_allowed(canvas, lane, onset)[pitches[:, index - 1], pitches[:, index]]]
        return pitches

    def _beside(self, canvas: Canvas, lane: int, onsets: IntArray, lengths: IntArray, pitches: IntArray, first: int) -> IntArray:
        """The rows that, from note ``first`` on, leave those that look ahead what they need, or give it to them."""
        start, end = int(onsets[first]), int(onsets[-1] + lengths[-1])
        for other in self.others:
            if isinstance(other, EndOn):
                for target in other.targets:
                    place = other.last_place(canvas, lane, target) if target.lane(canvas) == lane else None
                    if place is not None and end > place[0]:
                        pitches = pitches[np.isin(pitches[:, -1], sorted(target.pitches))]
            elif isinstance(other, Require):
                for wanted in other.owed(canvas):
                    last = other.last_place(canvas, wanted)
                    if last is not None and last[1] == lane and start <= last[0] < end:
                        pitches = pitches[np.isin(pitches[:, first:], sorted(wanted.pitches)).any(axis=1)]
            elif isinstance(other, Density):
                if not other.takes(canvas, lane, onsets[first:], end):
                    return pitches[:0]
            elif isinstance(other, LineShape):
                pitches = pitches[[other.follows(canvas, lane, row[first:].tolist()) for row in pitches]]
            elif isinstance(other, KeepContour):
                for index in range(first, len(onsets)):
                    pitches = self._keep(pitches, index, other.open_pitches(canvas, lane, int(onsets[index])))
            elif isinstance(other, Glue | StartOn):
                if start == canvas.region.start:
                    allowed = np.broadcast_to(other.allows(canvas, start, lane, lengths[:1]), (NUM_PITCHES, 1))[:, 0]
                    pitches = self._keep(pitches, 0, allowed)
                if isinstance(other, Glue) and end == canvas.region.end:
                    pitches = self._keep(pitches, -1, other.near_after(canvas, lane))
        return pitches

    def _moves_as_before(self, canvas: Canvas, lane: int, onsets: IntArray) -> bool:
        """Whether the figure rises and falls as the notes that went did, where they are to be followed."""
        if not any(isinstance(other, KeepContour) for other in self.others):
            return True
        old = [note.pitch for note in top_line(canvas.removed, lane) if note.onset in set(onsets.tolist())]
        own = [note.pitch for note in self.notes]
        return len(old) == len(own) and bool((np.sign(np.diff(old)) == np.sign(np.diff(own))).all())

    # Plans

    def _plan(self, canvas: Canvas, asked: tuple[int, int] | None = None) -> _Plan | str:
        """The next occurrence, NOTHING_OWED or NO_WAY.

        Args:
            canvas: As it stands.
            asked: Onset and lane of a note that is judged: where it lies before the last note written, it is being judged anew.
        """
        now = canvas.written[-1][:2] if canvas.written else (-1, -1)
        now = now if asked is None else min(now, asked)
        return canvas.passing(self, now, lambda: self._find_plan(canvas, now))

    def _find_plan(self, canvas: Canvas, now: tuple[int, int]) -> _Plan | str:
        done = self.occurrences(canvas)
        if len(done) >= self.times:
            return NOTHING_OWED
        places = [entry for entry in self._places(canvas) if not any(self._overlap(canvas, entry[0], other) for other in done)]
        last = self._last_start(canvas, [place for place, _ in places if (place.start, place.lane) >= now], self.times - len(done))
        best: list[tuple[tuple[int, ...], _Place, IntArray, int]] = []
        region = canvas.region
        aim = region.start + (region.end - region.start) * (2 * len(done) + 1) // (2 * self.times)
        for place, pitches in places:
            found = self._standing(canvas, place, pitches)
            if found is None:
                continue
            stands, pitches = found
            if not stands and ((place.start, place.lane) < now or (place.start, place.lane) > last):
                continue
            misfit, turn = place.merit
            merit = (-stands, misfit, abs(place.start - aim), (turn - len(done)) % len(region.lanes))
            best.append((merit, place, pitches, stands))
        for _, place, pitches, stands in sorted(best, key=lambda entry: entry[0]):
            open_pitches = self._still_open(canvas, place, pitches, stands, now)
            if len(open_pitches):
                return _Plan(place, stands, open_pitches)
        return NO_WAY

    def _overlap(self, canvas: Canvas, place: _Place, other: tuple[int, int]) -> bool:
        """Whether a place and an occurrence (lane, start) share a part and a time."""
        length = self._length(canvas)
        return place.lane == other[0] and place.start < other[1] + length and other[1] < place.start + length

    def _length(self, canvas: Canvas) -> int:
        last = self.notes[-1]
        return int((last.offset + last.length) * canvas.ticks_per_quarter)

    def _last_start(self, canvas: Canvas, places: list[_Place], owed: int) -> tuple[int, int]:
        """The last place in writing order behind which enough others are left side by side, else the first."""
        length, ends, count = self._length(canvas), dict[int, int](), 0
        for place in reversed(places):
            if place.start + length <= ends.get(place.lane, canvas.region.end):
                ends[place.lane] = place.start
                count += 1
                if count == owed:
                    return place.start, place.lane
        return (places[0].start, places[0].lane) if places else (-1, -1)

    def _standing(self, canvas: Canvas, place: _Place, pitches: IntArray) -> tuple[int, IntArray] | None:
        """How many of the notes stand at a place, and the rows that have them; None where something else stands there."""
        ticks = self._ticks(canvas)
        assert ticks is not None
        offsets, lengths = ticks
        notes = canvas.lane_notes(place.lane)
        first = bisect_left(notes, (place.start,))
        here = notes[first : bisect_left(notes, (place.start + int(offsets[-1] + lengths[-1]),))]
        if len(here) > len(offsets):
            return None
        for index, note in enumerate(here):
            # The last one may still be growing.
            whole = note.duration == lengths[index] or (index == len(here) - 1 and note.duration < lengths[index])
            if note.onset != place.start + offsets[index] or not whole:
                return None
            pitches = pitches[pitches[:, index] == note.pitch]
        return (len(here), pitches) if len(pitches) else None

    def _still_open(self, canvas: Canvas, place: _Place, pitches: IntArray, stands: int, now: tuple[int, int]) -> IntArray:
        """The rows that can be written to the end as the canvas stands."""
        ticks = self._ticks(canvas)
        assert ticks is not None
        onsets, lengths = place.start + ticks[0], ticks[1]
        if stands == len(onsets):
            return pitches
        if (int(onsets[stands]), place.lane) < now:
            return pitches[:0]
        pitches = self._allowed(canvas, place.lane, onsets, lengths, pitches, stands)
        return self._beside(canvas, place.lane, onsets, lengths, pitches, stands)

    # What it says

    def _next(self, canvas: Canvas, plan: _Plan) -> tuple[int, int] | None:
        """Onset and length of the plan's next note; None when only the last has to grow."""
        ticks = self._ticks(canvas)
        assert ticks is not None
        if plan.stands == len(self.notes):
            return None
        return plan.place.start + int(ticks[0][plan.stands]), int(ticks[1][plan.stands])

    def due(self, canvas: Canvas) -> tuple[int, int] | None:
        """The next note of the plan."""
        plan = self._plan(canvas)
        if isinstance(plan, str):
            return (-1, 0) if plan is NO_WAY else None
        following = self._next(canvas, plan)
        return None if following is None else (following[0], plan.place.lane)

    def onsets(self, canvas: Canvas, onsets: IntArray, lane: int) -> BoolArray:
        """Onsets that do not pass the next note of the plan, and none of its part beside its notes."""
        plan = self._plan(canvas)
        if isinstance(plan, str):
            return np.full(len(onsets), plan is NOTHING_OWED)
        following = self._next(canvas, plan)
        if following is None:
            return np.asarray((onsets >= plan.place.start + self._length(canvas)) | (lane != plan.place.lane))
        if plan.stands and lane == plan.place.lane:
            return np.asarray(onsets == following[0])
        return np.asarray((onsets < following[0]) | ((onsets == following[0]) & (lane <= plan.place.lane)))

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """In the plan's part its next note and what ends before it begins; elsewhere what does not pass or cross it."""
        plan = self._plan(canvas, (onset, lane))
        if isinstance(plan, str):
            return np.full((1, 1), plan is NOTHING_OWED)
        following = self._next(canvas, plan)
        if following is None:
            return np.full((1, 1), lane != plan.place.lane or onset >= plan.place.start + self._length(canvas))
        start, length = following
        if (onset, lane) == (start, plan.place.lane):
            here = np.isin(np.arange(NUM_PITCHES), plan.pitches[:, plan.stands])
            return np.asarray(here[:, None] & (durations == length)[None, :])
        if (onset, lane) > (start, plan.place.lane) or (lane == plan.place.lane and plan.stands):
            return np.zeros((1, 1), dtype=np.bool_)
        if lane == plan.place.lane:
            leading = canvas.passing(self, ("leads", onset, plan.place), lambda: self._leads(canvas, plan, onset))
            return np.asarray(leading[:, None] & (onset + durations <= start)[None, :])
        return self._uncrossed(canvas, plan, onset, lane, durations)

    def _leads(self, canvas: Canvas, plan: _Plan, onset: int) -> BoolArray:
        """Pitches (128,) of the plan's part from which a contour asked for beside it comes to the plan."""
        ticks, out = self._ticks(canvas), np.ones(NUM_PITCHES, dtype=np.bool_)
        assert ticks is not None
        for other in self.others:
            if isinstance(other, LineShape):
                out &= other.leads(canvas, plan.place.lane, onset, plan.pitches)
            elif isinstance(other, KeepContour):
                columns = zip((plan.place.start + ticks[0]).tolist(), plan.pitches.T, strict=True)
                later = {place: np.isin(np.arange(NUM_PITCHES), column) for place, column in columns}
                out &= other.leads(canvas, plan.place.lane, onset, later)
        return out

    def _uncrossed(self, canvas: Canvas, plan: _Plan, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """What leaves the plan a pitch where parts must not cross; shape (1, 1) or (128, durations)."""
        allowed = np.ones((1, 1), dtype=np.bool_)
        ticks = self._ticks(canvas)
        assert ticks is not None
        begins = plan.place.start + ticks[0]
        for other in self.others:
            side = other.side(canvas, lane, plan.place.lane) if isinstance(other, NoCrossing) else 0
            for index in range(plan.stands, len(begins) if side else 0):
                pitches = plan.pitches[:, index]
                clear = np.arange(NUM_PITCHES) >= pitches.min() if side > 0 else np.arange(NUM_PITCHES) <= pitches.max()
                apart = (onset + durations <= begins[index]) | (onset >= begins[index] + ticks[1][index])
                allowed = allowed & (clear[:, None] | apart[None, :])
        return np.asarray(allowed)

    def may_end(self, canvas: Canvas) -> bool:
        """When it has come often enough."""
        return len(self.occurrences(canvas)) >= self.times

    def occurrences(self, canvas: Canvas) -> list[tuple[int, int]]:
        """Lane and start of each occurrence among the new notes, none overlapping another of its part."""
        return canvas.passing(self, "occurrences", lambda: self._find_occurrences(canvas))

    def _find_occurrences(self, canvas: Canvas) -> list[tuple[int, int]]:
        ticks, found = self._ticks(canvas), []
        if ticks is None or len(canvas.written) < len(self.notes):
            return []
        offsets, lengths = ticks
        for lane in self._written_lanes(canvas):
            new = top_line([note for note in canvas.written if note.lane == lane], lane)
            every, free = sorted({n.onset for n in canvas.lane_notes(lane) if n.duration}), -1
            for index in range(len(new) - len(offsets) + 1):
                run = new[index : index + len(offsets)]
                start, end = run[0].onset, run[0].onset + self._length(canvas)
                if (
                    start < free
                    or [n.onset - start for n in run] != offsets.tolist()
                    or [n.duration for n in run] != lengths.tolist()
                ):
                    continue
                alone = every[bisect_left(every, start) : bisect_left(every, end)] == [n.onset for n in run]
                if alone and self._is_figure(canvas, lane, start, [n.pitch for n in run]):
                    found.append((lane, start))
                    free = end
        return found

    def _is_figure(self, canvas: Canvas, lane: int, start: int, pitches: list[int]) -> bool:
        """Whether these pitches are the figure's, moved."""
        own = [note.pitch for note in self.notes]
        if not self.diatonic:
            return len({pitch - other for pitch, other in zip(pitches, own, strict=True)}) == 1
        scale = self._scale(canvas, lane, start)
        ladder = [] if scale is None else scale.tolist()
        if not set(pitches) | set(own) <= set(ladder):
            return False
        return len({ladder.index(pitch) - ladder.index(other) for pitch, other in zip(pitches, own, strict=True)}) == 1

    def conflict(self, canvas: Canvas) -> str | None:
        """Parts that are not written, note values off the grid, a scale that is lacking."""
        if not self._written_lanes(canvas):
            return "the region does not write the part that is to have it"
        if self._ticks(canvas) is None:
            return "its note values do not fall on the writing grid"
        if self.diatonic and self._scale(canvas, self._written_lanes(canvas)[0], canvas.region.start) is None:
            return "diatonic needs a scale beside it, for example 'scale: G major'"
        return None

    def has_room(self, canvas: Canvas) -> bool:
        """Whether the other constraints leave places enough, before anything is written."""
        return self._plan(canvas) is not NO_WAY and self._chain(canvas) >= self.times

    def _chain(self, canvas: Canvas) -> int:
        """How many places there are side by side."""
        length, ends, count = self._length(canvas), dict[int, int](), 0
        for place, _ in self._places(canvas):
            if place.start >= ends.get(place.lane, 0):
                ends[place.lane] = place.start + length
                count += 1
        return count

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Where the figure came."""
        found = self.occurrences(canvas)
        scale = canvas.ticks_per_div
        bars = [str(canvas.piece.measures["number"][canvas.piece.measure_at(start // scale)]) for _, start in found]
        places = [f"{canvas.piece.parts[lane].name} in bar {bar}" for (lane, _), bar in zip(found, bars, strict=True)]
        return Satisfaction(self.text, len(found) >= self.times, f"{len(found)} times{': ' if places else ''}{', '.join(places)}")
