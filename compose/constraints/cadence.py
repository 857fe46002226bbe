"""How the region ends: its last two harmonies, the bass and the top voice. Times are ticks.

The last chord begins at the downbeat of the region's last bar (within one bar: at the first beat from the middle on), or where the
wish says, and lasts to the region's end; the chord before it has the beat before. What sounds there belongs to one of the chords
that the cadence may have at that place, the same for all parts. The lowest part of the piece, where it is written, strikes the root
with the last chord; of a perfect cadence it has the root of the dominant too, and the highest part strikes the tonic. A cadence
in minor may end in major.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from compose.canvas import NUM_PITCHES, Canvas, Note
from compose.constraints.base import BoolArray, IntArray, Requirement, Satisfaction
from compose.constraints.chords import Chord
from compose.constraints.names import pitch_class_name
from compose.constraints.parts import pitched_lanes
from compose.constraints.pitch import PitchConstraint, PitchSpan, pitches_of
from compose.constraints.roman import parse_roman
from compose.constraints.singing import sings

__all__ = ["CADENCES", "Cadence", "Key"]

# The chords that may come last but one, and last: in major, in minor.
CADENCES: dict[str, tuple[tuple[tuple[str, ...], tuple[str, ...]], tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "perfect": ((("V7",), ("I",)), (("V7",), ("i", "I"))),
    "plagal": ((("IV",), ("I",)), (("iv", "IV"), ("i", "I"))),
    "half": ((("I", "ii7", "vi", "V7/V"), ("V",)), (("i", "iiø7", "VI", "V7/V"), ("V",))),
    "deceptive": ((("V7",), ("vi",)), (("V7",), ("VI",))),
}
MAJOR, MINOR = 1, -1  # modes of a key signature
FIFTH, SIXTH = 7, 9  # semitones


@dataclass(frozen=True)
class Key:
    """A key: pitch class of the tonic, and whether it is minor."""

    tonic: int
    minor: bool

    @property
    def name(self) -> str:
        """For example "G major"."""
        return f"{pitch_class_name(self.tonic)} {'minor' if self.minor else 'major'}"


@dataclass(frozen=True)
class _Place:
    """Where the two chords are: starts of both and the end, in ticks."""

    before: int
    last: int
    end: int


@lru_cache(maxsize=256)
def _chords(kind: str, key: Key) -> tuple[tuple[Chord, ...], tuple[Chord, ...]]:
    """The chords that may come last but one, and last."""
    before, last = CADENCES[kind][key.minor]
    return tuple(parse_roman(n, key.tonic, key.minor) for n in before), tuple(parse_roman(n, key.tonic, key.minor) for n in last)


@dataclass(frozen=True)
class Cadence(PitchConstraint):
    """See the module's text.

    Args:
        text: For example ``cadence: perfect``, ``cadence: half in E minor`` or ``cadence: plagal at 8:3``.
        kind: One of ``CADENCES``.
        key: None takes the piece's key at the last chord.
        at_div: Where the last chord begins, in divs of the piece; None takes the usual place.
    """

    text: str = field()  # the base has a default, this has none
    kind: str
    key: Key | None = None
    at_div: int | None = None

    def _place(self, canvas: Canvas) -> _Place | None:
        """None where the region has no room for two chords."""
        return canvas.lasting(self, "place", lambda: self._find_place(canvas))

    def _find_place(self, canvas: Canvas) -> _Place | None:
        region, piece, scale = canvas.region, canvas.piece, canvas.ticks_per_div
        row = piece.measures[piece.measure_at(max(region.end - 1, region.start) // scale)]
        beat = 4 * canvas.ticks_per_quarter // int(row["beat_type"])
        bar = int(row["start_div"]) * scale
        if self.at_div is not None:
            last = self.at_div * scale
        elif bar > region.start:
            last = bar
        else:
            last = next(t for t in range(bar, region.end + beat, beat) if 2 * t >= region.start + region.end)
        before = max(last - beat, region.start)
        return _Place(before, last, region.end) if region.start <= before < last < region.end else None

    def _key(self, canvas: Canvas, place: _Place) -> Key | None:
        """The key asked for, else the piece's, else None."""
        if self.key is not None:
            return self.key
        rows = canvas.piece.keys[canvas.piece.keys["onset_div"] * canvas.ticks_per_div <= place.last]
        if not len(rows) or int(rows["mode"][-1]) not in (MAJOR, MINOR):
            return None
        minor = int(rows["mode"][-1]) == MINOR
        return Key((FIFTH * int(rows["fifths"][-1]) + (SIXTH if minor else 0)) % 12, minor)

    def _plan(self, canvas: Canvas) -> tuple[_Place, tuple[Chord, ...], tuple[Chord, ...]] | None:
        """Place, and the chords that may sound at each; None where there is no place or no key."""
        place = self._place(canvas)
        key = None if place is None else self._key(canvas, place)
        return None if place is None or key is None else (place, *_chords(self.kind, key))

    def _sung(self, canvas: Canvas, lane: int) -> bool:
        return canvas.lasting(self, ("sings", lane), lambda: sings(canvas.piece, lane))

    def _ends(self, canvas: Canvas) -> dict[int, tuple[bool, frozenset[int]]]:
        """The outer parts that are written and strike with the last chord: whether the lane is the bass, and its pitches there."""
        return canvas.lasting(self, "ends", lambda: self._find_ends(canvas))

    def _find_ends(self, canvas: Canvas) -> dict[int, tuple[bool, frozenset[int]]]:
        plan, lanes = self._plan(canvas), pitched_lanes(canvas.piece)
        if plan is None or not lanes:
            return {}
        place, _, last = plan
        root = last[0].bass
        assert root is not None  # every chord of a cadence has one
        ends = {lanes[0]: (False, pitches_of(frozenset({root})))} if self.kind == "perfect" else {}
        ends[lanes[-1]] = (True, pitches_of(frozenset({root})))
        return {lane: end for lane, end in ends.items() if lane in canvas.region.lanes and not _kept(canvas, lane, place.last)}

    @staticmethod
    def _open(canvas: Canvas, start: int, end: int, chords: tuple[Chord, ...]) -> frozenset[int]:
        """Pitches of the chords that hold all new notes of a span, and where one does, the kept ones too."""
        lanes = pitched_lanes(canvas.piece)
        sounding = [note for lane in lanes for note in canvas.overlapping(lane, start, end)]
        new = set(canvas.written)
        sung = {note.pitch % 12 for note in sounding if note in new}
        fitting = [chord for chord in chords if sung <= chord.pitch_classes]
        heard = {note.pitch % 12 for note in sounding}
        every = [chord for chord in fitting if heard <= chord.pitch_classes] or fitting
        return pitches_of(frozenset().union(*(chord.pitch_classes for chord in every)))

    def spans(self, canvas: Canvas, lane: int, start: int, end: int) -> tuple[PitchSpan, ...]:
        """The two chords; in an outer part of single notes what it must have."""
        plan = self._plan(canvas)
        if plan is None or end <= plan[0].before or start >= plan[0].end:
            return ()
        return tuple(
            span
            for span in canvas.passing(self, lane, lambda: self._find_spans(canvas, lane, *plan))
            if span.start < end and span.end > start
        )

    def _find_spans(
        self, canvas: Canvas, lane: int, place: _Place, before: tuple[Chord, ...], last: tuple[Chord, ...]
    ) -> tuple[PitchSpan, ...]:
        first = self._open(canvas, place.before, place.last, before)
        second = self._open(canvas, place.last, place.end, last)
        spans = [PitchSpan(place.before, place.last, first), PitchSpan(place.last, place.end, second)]
        is_bass, pitches = self._ends(canvas).get(lane, (False, frozenset()))
        if pitches and self._sung(canvas, lane):
            spans.append(PitchSpan(place.last, place.last + 1, pitches))
            if is_bass and self.kind == "perfect":
                spans.append(PitchSpan(place.before, place.last, pitches_of(frozenset({before[0].bass or 0}))))
        return tuple(spans)

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """As of all pitch constraints; an outer part also ends its notes where it strikes with the last chord."""
        allowed = super().allows(canvas, onset, lane, durations)
        end, place = self._ends(canvas).get(lane), self._place(canvas)
        if end is None or place is None or onset > place.last:
            return allowed
        if onset < place.last:
            return np.asarray(allowed & (onset + durations <= place.last)[None, :])
        here = [note.pitch for note in canvas.written if note.lane == lane and note.onset == onset]
        is_bass, pitches = end
        struck = np.isin(np.arange(NUM_PITCHES), sorted(pitches))[:, None]
        if is_bass and not here:
            return np.asarray(allowed & struck)  # chords are written from below
        if not is_bass and not self._sung(canvas, lane):
            # Another chord tone may lie below the tonic, none above it.
            below = np.arange(NUM_PITCHES)[:, None] < max(pitches)
            return np.asarray(allowed & (struck if here and max(here) in pitches else struck | below))
        return allowed

    def requirements(self, canvas: Canvas) -> tuple[Requirement, ...]:
        """A note of each outer part with the last chord."""
        place = self._place(canvas)
        return () if place is None else tuple(Requirement(place.last, lane) for lane in self._ends(canvas))

    def due(self, canvas: Canvas) -> tuple[int, int] | None:
        """The highest part's last chord, while its highest note is not the tonic."""
        place = self._place(canvas)
        for lane, (is_bass, pitches) in self._ends(canvas).items():
            here = [] if is_bass or place is None else [n.pitch for n in canvas.written if n.lane == lane and n.onset == place.last]
            if here and place is not None and max(here) not in pitches:
                return place.last, lane
        return None

    def may_end(self, canvas: Canvas) -> bool:
        """When nothing is owed; the notes that must come are requirements."""
        return self.due(canvas) is None

    def conflict(self, canvas: Canvas) -> str | None:
        """No room, no key, or a kept note of an outer part that is in the way."""
        place = self._place(canvas)
        if place is None:
            return "the region has no room for two chords"
        key = self._key(canvas, place)
        if key is None:
            return f"the piece does not say its key: expected for example 'cadence: {self.kind} in G major'"
        root, lanes = _chords(self.kind, key)[1][0].bass, pitched_lanes(canvas.piece)
        for lane, pick in ((lanes[-1], min), (lanes[0], max))[: 2 if self.kind == "perfect" else 1]:
            kept = _kept(canvas, lane, place.last)
            if kept and lane in canvas.region.lanes and pick(n.pitch for n in kept) % 12 != root:
                return f"a kept note of {canvas.piece.parts[lane].name} stands where {pitch_class_name(root or 0)} should"
        return None

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Counts the notes in the chords, and names what the outer parts strike."""
        plan = self._plan(canvas)
        if plan is None:
            return Satisfaction(self.text, False, "no place or no key for it")
        place, before, last = plan
        good = total = 0
        for start, end, chords in ((place.before, place.last, before), (place.last, place.end, last)):
            sung = [
                n.pitch % 12 for n in canvas.written if n.onset < end and n.end > start and not canvas.piece.parts[n.lane].is_drum
            ]
            total += len(sung)
            good += max(sum(pitch_class in chord.pitch_classes for pitch_class in sung) for chord in chords)
        fine, found = good == total, [f"{good} of {total} notes in the chords"]
        for lane, (is_bass, pitches) in self._ends(canvas).items():
            struck = [n.pitch for n in canvas.written if n.lane == lane and n.onset == place.last]
            pitch = (min(struck) if is_bass else max(struck)) if struck else None
            fine &= pitch in pitches
            found.append(f"{canvas.piece.parts[lane].name} on {'nothing' if pitch is None else pitch_class_name(pitch)}")
            if is_bass and self.kind == "perfect" and self._sung(canvas, lane):
                roots = {n.pitch % 12 for n in canvas.written if n.lane == lane and n.onset < place.last and n.end > place.before}
                fine &= roots <= {before[0].bass}
        return Satisfaction(self.text, fine, ", ".join(found))


def _kept(canvas: Canvas, lane: int, tick: int) -> list[Note]:
    """Kept notes of a lane that sound at a tick."""
    return [note for note in canvas.fixed if note.lane == lane and note.onset <= tick < note.end]
