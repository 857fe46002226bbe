"""Rules between lanes: no parallel fifths or octaves, no crossing.

Conventions: a lane *moves* at a tick when notes end there and notes start there; its voice goes from the highest of the first
to the highest of the second, in the bottom lane from the lowest to the lowest. For lanes of single notes this is the step
from one sonority to the next, as in the JSB table of voice-leading rates (``compose.metrics.voice_leading``); a lane that
rests just before does not move. Only combinations with at least one new note are judged. Times are ticks of the canvas.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from compose.canvas import NUM_PITCHES, Canvas, Note
from compose.constraints.base import BoolArray, Constraint, IntArray, Satisfaction
from compose.constraints.lookup import ending_at, starting_at
from compose.constraints.parts import pitched_lanes
from compose.constraints.voice_leading import is_parallel

__all__ = ["NoCrossing", "NoParallels"]

_PITCHES = np.arange(NUM_PITCHES)


@lru_cache(maxsize=1 << 15)
def _parallel_after(before: int, other_before: int, other_after: int, is_upper: bool) -> BoolArray:
    """Which pitches (128,) a voice must not go to from ``before`` while the other voice makes its move."""
    own, other = (before, _PITCHES), (other_before, other_after)
    return is_parallel(*own, *other) if is_upper else is_parallel(*other, *own)


@lru_cache(maxsize=1 << 15)
def _parallel_before(after: int, other_before: int, other_after: int, is_upper: bool) -> BoolArray:
    """Which pitches (128,) a voice must not come to ``after`` from while the other voice makes its move."""
    own, other = (_PITCHES, after), (other_before, other_after)
    return is_parallel(*own, *other) if is_upper else is_parallel(*other, *own)


def _voice(notes: list[Note], is_bottom: bool) -> int | None:
    """The pitch that stands for these notes of a lane: the highest, in the bottom lane the lowest."""
    if not notes:
        return None
    pitches = [note.pitch for note in notes]
    return min(pitches) if is_bottom else max(pitches)


@dataclass(frozen=True)
class NoParallels(Constraint):
    """No two lanes move in parallel fifths, octaves or unisons (compound ones included) where a new note takes part.

    Args:
        text: ``no parallels``, or with parts, ``no parallels: Soprano, Bass``.
        lanes: The lanes judged, in score order; None for all pitched lanes.
    """

    text: str = "no parallels"
    lanes: tuple[int, ...] | None = None

    def _judged(self, canvas: Canvas) -> tuple[int, ...]:
        return pitched_lanes(canvas.piece) if self.lanes is None else self.lanes

    def is_bottom(self, canvas: Canvas, lane: int) -> bool:
        """Whether the lane is the lowest judged, whose chords are judged by their lowest note."""
        return lane == self._judged(canvas)[-1]

    def _other_moves(self, canvas: Canvas, lane: int, tick: int) -> list[tuple[int, int, bool]]:
        """Moves of the other lanes at a tick: pitch before, pitch after, whether this lane is the upper of the two."""
        lanes = self._judged(canvas)
        moves = []
        for other in lanes:
            if other == lane:
                continue
            is_bottom = other == lanes[-1]
            after = _voice(starting_at(canvas, other, tick), is_bottom)
            if after is None:
                continue
            before = _voice(ending_at(canvas, other, tick), is_bottom)
            if before is not None and before != after:
                moves.append((before, after, lane < other))
        return moves

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """Judges the move into the note and, where a kept note starts at its end, the move out of it; shape (128, durations)."""
        lanes = self._judged(canvas)
        if lane not in lanes:
            return np.ones((1, 1), dtype=np.bool_)
        is_bottom = self.is_bottom(canvas, lane)
        forbidden = np.zeros(NUM_PITCHES, dtype=np.bool_)
        before = _voice(ending_at(canvas, lane, onset), is_bottom)
        if before is not None:
            for other_before, other_after, is_upper in self._other_moves(canvas, lane, onset):
                forbidden |= _parallel_after(before, other_before, other_after, is_upper)
            forbidden &= self._stands_out(_voice(starting_at(canvas, lane, onset), is_bottom), is_bottom)
        allowed = np.broadcast_to(~forbidden[:, None], (NUM_PITCHES, len(durations)))
        longest = int(durations.max(initial=0))
        own = canvas.overlapping(lane, onset + 1, onset + longest + 1)
        for end in sorted({note.onset for note in own if note.onset > onset}):
            columns = durations == end - onset
            if not columns.any():
                continue
            forbidden = self._forbidden_before(canvas, lane, end)
            allowed = allowed & ~(forbidden[:, None] & columns)
        return allowed

    def _forbidden_before(self, canvas: Canvas, lane: int, end: int) -> BoolArray:
        """Which pitches (128,) of a note that ends here would move in parallel to what starts here in its lane."""
        is_bottom = self.is_bottom(canvas, lane)
        forbidden = np.zeros(NUM_PITCHES, dtype=np.bool_)
        after = _voice(starting_at(canvas, lane, end), is_bottom)
        if after is None:
            return forbidden
        for other_before, other_after, is_upper in self._other_moves(canvas, lane, end):
            forbidden |= _parallel_before(after, other_before, other_after, is_upper)
        return forbidden & self._stands_out(_voice(ending_at(canvas, lane, end), is_bottom), is_bottom)

    def _stands_out(self, present: int | None, is_bottom: bool) -> BoolArray:
        """Which pitches (128,) would be their lane's voice beside the one present."""
        if present is None:
            return np.ones(NUM_PITCHES, dtype=np.bool_)
        return np.asarray(present >= _PITCHES if is_bottom else present <= _PITCHES)

    def moves_allowed(self, canvas: Canvas, lane: int, tick: int) -> BoolArray:
        """Which moves of a lane at a tick the other lanes leave open: shape (128 pitches before, 128 after)."""
        allowed = np.ones((NUM_PITCHES, NUM_PITCHES), dtype=np.bool_)
        if lane in self._judged(canvas):
            before, after = _PITCHES[:, None], _PITCHES[None, :]
            for other_before, other_after, is_upper in self._other_moves(canvas, lane, tick):
                own, other = (before, after), (other_before, other_after)
                allowed &= ~(is_parallel(*own, *other) if is_upper else is_parallel(*other, *own))
        return allowed

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Walks all moves of the piece and counts the parallel pairs with a new note."""
        lanes = self._judged(canvas)
        new = set(canvas.written)
        ends: dict[tuple[int, int], list[Note]] = defaultdict(list)
        starts: dict[tuple[int, int], list[Note]] = defaultdict(list)
        for note in (*canvas.fixed, *canvas.written):
            if note.lane in lanes and note.duration > 0:
                ends[note.end, note.lane].append(note)
                starts[note.onset, note.lane].append(note)
        moves: dict[int, list[tuple[int, Note, Note]]] = defaultdict(list)
        for (tick, lane), after in sorted(starts.items()):
            if before := ends.get((tick, lane)):
                pick = min if lane == lanes[-1] else max
                moves[tick].append((lane, pick(before, key=_pitch_of), pick(after, key=_pitch_of)))
        count = 0
        for at_once in moves.values():
            for index, (_, *upper) in enumerate(at_once):
                for _, *lower in at_once[index + 1 :]:
                    if not new.isdisjoint((*upper, *lower)):
                        count += bool(is_parallel(*(note.pitch for note in (*upper, *lower))))
        return Satisfaction(self.text, count == 0, f"{count} parallel fifths or octaves with a new note")


def _pitch_of(note: Note) -> int:
    return note.pitch


@dataclass(frozen=True)
class NoCrossing(Constraint):
    """A new note never sounds above a note of a higher lane or below one of a lower lane; a unison is no crossing.

    In a lane of chords every note is judged: the lowest of the higher lane against the highest of the lower.

    Args:
        text: ``no crossing``, or with parts from high to low, ``no crossing: Alto, Tenor``.
        lanes: The lanes judged, from high to low; None for all pitched lanes in score order.
    """

    text: str = "no crossing"
    lanes: tuple[int, ...] | None = None

    def _neighbours(self, canvas: Canvas, lane: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The lanes above and the lanes below."""
        lanes = pitched_lanes(canvas.piece) if self.lanes is None else self.lanes
        if lane not in lanes:
            return (), ()
        place = lanes.index(lane)
        return lanes[:place], lanes[place + 1 :]

    def side(self, canvas: Canvas, lane: int, other: int) -> int:
        """1 where a lane lies above another, -1 where it lies below it, 0 where they are not judged."""
        above, below = self._neighbours(canvas, other)
        return 1 if lane in above else -1 if lane in below else 0

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """Pitches between the lanes above and below for as long as the note lasts; shape (1, 1) or (128, durations)."""
        above, below = self._neighbours(canvas, lane)
        reach = onset + max(int(durations.max(initial=1)), 1)
        ceiling = [(n.onset, n.pitch) for other in above for n in canvas.overlapping(other, onset, reach)]
        floor = [(n.onset, -n.pitch) for other in below for n in canvas.overlapping(other, onset, reach)]
        if not ceiling and not floor:
            return np.ones((1, 1), dtype=np.bool_)
        allowed = np.ones((NUM_PITCHES, len(durations)), dtype=np.bool_)
        if ceiling:
            allowed &= _PITCHES[:, None] <= _lowest_by_duration(ceiling, onset, durations)
        if floor:
            allowed &= -_PITCHES[:, None] <= _lowest_by_duration(floor, onset, durations)
        return allowed

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Counts the pairs of overlapping notes, one of them new, that cross."""
        new, crossings = set(canvas.written), 0
        for note in canvas.written:
            above, below = self._neighbours(canvas, note.lane)
            for lane, sign in [(lane, 1) for lane in above] + [(lane, -1) for lane in below]:
                for other in canvas.lane_notes(lane):
                    if other.onset < note.end and other.end > note.onset and (note.pitch - other.pitch) * sign > 0:
                        # A pair of two new notes is met from both sides: count it from below only.
                        crossings += sign > 0 or other not in new
        return Satisfaction(self.text, crossings == 0, f"{crossings} crossings with a new note")


def _lowest_by_duration(entries: list[tuple[int, int]], onset: int, durations: IntArray) -> IntArray:
    """The lowest value that has come in before a note of each duration ends; entries are (tick of entry, value)."""
    entries.sort()
    ticks, values = np.array(entries, dtype=np.int64).T
    lowest = np.concatenate([[2 * NUM_PITCHES], np.minimum.accumulate(values)])
    return np.asarray(lowest[np.searchsorted(ticks, onset + durations, side="left")])
