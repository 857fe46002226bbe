"""How the region ends: its last two harmonies, the bass and the top voice. Times are ticks.

The last chord begins at the downbeat of the region's last bar (within one bar: at the first beat from the middle on), or where the
wish says, and lasts to the region's end; the chord before it has the beat before. What sounds there belongs to one of the chords
that the cadence may have at that place, the same for all parts; kept notes choose among the chords where one holds them all. The
lowest part of the piece, where it is written, strikes the root with the last chord, and no note of it sounds below; of a perfect
cadence it has the root of the dominant too, and the highest part strikes the tonic, nothing of it above. A kept note that sounds
there may be that root. A cadence in minor may end in major.
"""

from __future__ import annotations

from collections.abc import Iterable
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


@dataclass(frozen=True)
class _End:
    """What an outer part has with the last chord.

    Args:
        is_bass: Whether it is the lowest part; else the highest.
        pitches: Of the root.
        kept: Pitches of its kept notes that sound there.
        is_there: Whether the outermost of these is a root.
    """

    is_bass: bool
    pitches: frozenset[int]
    kept: tuple[int, ...]
    is_there: bool

    def outermost(self, pitches: Iterable[int]) -> int | None:
        """The lowest in the bass, the highest in the highest part; None of none."""
        return (min if self.is_bass else max)(pitches, default=None)


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

    def _ends(self, canvas: Canvas) -> dict[int, _End]:
        """What the outer parts that are written have with the last chord."""
        return canvas.lasting(self, "ends", lambda: self._find_ends(canvas))

    def _find_ends(self, canvas: Canvas) -> dict[int, _End]:
        plan, lanes = self._plan(canvas), pitched_lanes(canvas.piece)
        if plan is None or not lanes:
            return {}
        place, _, last = plan
        root = last[0].bass
        assert root is not None  # every chord of a cadence has one
        sides = {lanes[0]: False} if self.kind == "perfect" else {}
        sides[lanes[-1]] = True
        ends = {}
        for lane, is_bass in sides.items():
            if lane in canvas.region.lanes:
                kept = [n.pitch for n in canvas.fixed if n.lane == lane and n.onset <= place.last < n.end]
                is_there = bool(kept) and (min(kept) if is_bass else max(kept)) % 12 == root
                ends[lane] = _End(is_bass, pitches_of(frozenset({root})), tuple(kept), is_there)
        return ends

    @staticmethod
    def _beyond(canvas: Canvas, lane: int, end: _End, tick: int) -> frozenset[int]:
        """Pitches of the root that nothing of the lane that sounds on from before goes beyond."""
        held = [*end.kept, *(n.pitch for n in canvas.written if n.lane == lane and n.onset < tick < n.end)]
        return frozenset(p for p in end.pitches if all(p <= pitch if end.is_bass else p >= pitch for pitch in held))

    def _open(self, canvas: Canvas, start: int, end: int, chords: tuple[Chord, ...]) -> frozenset[int]:
        """Pitches of the chords that hold all new notes of a span."""
        sung = {n.pitch % 12 for n in _pitched(canvas, canvas.written, start, end)}
        every = [chord for chord in self._chosen(canvas, start, end, chords) if sung <= chord.pitch_classes]
        return pitches_of(frozenset().union(*(chord.pitch_classes for chord in every)))

    def _chosen(self, canvas: Canvas, start: int, end: int, chords: tuple[Chord, ...]) -> tuple[Chord, ...]:
        """The chords that hold the kept notes of a span; all, where none does."""
        return canvas.lasting(self, (start, end), lambda: _holding(canvas, start, end, chords))

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
        found = self._ends(canvas).get(lane)
        if found is not None and self._sung(canvas, lane):
            spans.append(PitchSpan(place.last, place.last + 1, found.pitches))
            if found.is_bass and self.kind == "perfect":
                spans.append(PitchSpan(place.before, place.last, pitches_of(frozenset({before[0].bass or 0}))))
        return tuple(spans)

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """As of all pitch constraints; an outer part of chords has nothing beyond the root with the last chord."""
        allowed = super().allows(canvas, onset, lane, durations)
        end, place = self._ends(canvas).get(lane), self._place(canvas)
        if end is None or place is None or onset > place.last:
            return allowed
        before = (onset + durations <= place.last)[None, :]
        if self._sung(canvas, lane):
            return np.asarray(allowed & before) if onset < place.last else allowed
        pitches = np.arange(NUM_PITCHES)[:, None]
        roots = self._beyond(canvas, lane, end, place.last)
        struck = np.isin(pitches, sorted(roots))
        # What is outermost: a kept root, else the farthest that may come.
        edge = end.outermost(end.kept if end.is_there else roots)
        if edge is None:
            return np.asarray(allowed & before)
        inside = pitches >= edge if end.is_bass else pitches <= edge
        if onset < place.last:
            return np.asarray(allowed & (before | inside))
        if end.is_there:
            return np.asarray(allowed & (struck | inside))
        here = [note.pitch for note in canvas.written if note.lane == lane and note.onset == onset]
        if end.is_bass:
            return allowed if here else np.asarray(allowed & struck)  # chords are written from below
        # Another chord tone may lie below the tonic, none above it.
        return np.asarray(allowed & (struck if here and max(here) in roots else struck | inside))

    def requirements(self, canvas: Canvas) -> tuple[Requirement, ...]:
        """A note of each outer part with the last chord, where no kept one has it."""
        place = self._place(canvas)
        return (
            () if place is None else tuple(Requirement(place.last, x) for x, end in self._ends(canvas).items() if not end.is_there)
        )

    def due(self, canvas: Canvas) -> tuple[int, int] | None:
        """The highest part's last chord, while its highest note is not the tonic."""
        place = self._place(canvas)
        for lane, end in self._ends(canvas).items():
            if place is None or end.is_bass or end.is_there:
                continue
            here = [note.pitch for note in canvas.written if note.lane == lane and note.onset == place.last]
            if here and max(here) not in self._beyond(canvas, lane, end, place.last):
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
        for lane, end in self._ends(canvas).items():
            blocked = end.kept and (self._sung(canvas, lane) or not self._beyond(canvas, lane, end, place.last))
            if blocked and not end.is_there:
                name = pitch_class_name(min(end.pitches) % 12)
                return f"a kept note of {canvas.piece.parts[lane].name} stands where {name} should"
        return None

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Counts the notes in the chords, and names what the outer parts strike."""
        plan = self._plan(canvas)
        if plan is None:
            return Satisfaction(self.text, False, "no place or no key for it")
        place, before, last = plan
        good = total = 0
        for start, end, chords in ((place.before, place.last, before), (place.last, place.end, last)):
            sung = [n.pitch % 12 for n in _pitched(canvas, canvas.written, start, end)]
            total += len(sung)
            good += max(sum(pc in chord.pitch_classes for pc in sung) for chord in _holding(canvas, start, end, chords))
        fine, found = good == total, [f"{good} of {total} notes in the chords"]
        for lane, outer in self._ends(canvas).items():
            mine = [n for n in canvas.written if n.lane == lane]
            sounding = [*outer.kept, *(n.pitch for n in mine if n.onset <= place.last < n.end)]
            is_struck = bool(outer.kept) or any(n.onset == place.last for n in mine)
            pitch = outer.outermost(sounding) if is_struck else None
            fine &= pitch in outer.pitches
            found.append(f"{canvas.piece.parts[lane].name} on {'nothing' if pitch is None else pitch_class_name(pitch)}")
            if outer.is_bass and self.kind == "perfect" and self._sung(canvas, lane):
                fine &= {n.pitch % 12 for n in mine if n.onset < place.last and n.end > place.before} <= {before[0].bass}
        return Satisfaction(self.text, bool(fine), ", ".join(found))


def _pitched(canvas: Canvas, notes: Iterable[Note], start: int, end: int) -> list[Note]:
    """Those of some notes that sound in a span, drums left out."""
    return [n for n in notes if n.onset < end and n.end > start and not canvas.piece.parts[n.lane].is_drum]


def _holding(canvas: Canvas, start: int, end: int, chords: tuple[Chord, ...]) -> tuple[Chord, ...]:
    """The chords that hold all kept notes of a span; all, where none does."""
    heard = {n.pitch % 12 for n in _pitched(canvas, canvas.fixed, start, end)}
    return tuple(chord for chord in chords if heard <= chord.pitch_classes) or chords
