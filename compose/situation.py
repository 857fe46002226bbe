"""What the notes known so far say about the note under construction: a model's second look, beside its stream of steps.

The stack reads the stream in order; which notes sound *at the onset just decided* it would have to find again. These features
say it outright, from notes that the stream has already shown (written, or revealed as controls), so nothing leaks: changing a
control before it is revealed changes nothing here. Times are steps of the writing grid (24 a quarter).

Stages of a step: ``moment`` before the onset is known, ``onset`` once it is, ``note`` once its lane is too.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort

import numpy as np
from numpy.typing import NDArray

from compose.canvas import NUM_PITCHES, STEPS_PER_QUARTER, Note
from compose.constraints.voice_leading import FIFTH, OCTAVE
from compose.vocabulary.measured_fields import MAX_LANES

__all__ = [
    "CENTRED_REACH",
    "LOOK_AHEAD",
    "MOMENT_BITS",
    "NOTE_BITS",
    "NOTE_NUMBERS",
    "NUM_REFERENCES",
    "ONSET_BITS",
    "ROLL_BITS",
    "Situation",
]

LOOK_AHEAD = 4 * STEPS_PER_QUARTER
ROLL_OFFSETS = (-1, 0, STEPS_PER_QUARTER // 2, STEPS_PER_QUARTER, 2 * STEPS_PER_QUARTER)
MOMENT_BITS = 2 * LOOK_AHEAD + 2 * MAX_LANES
ONSET_BITS = LOOK_AHEAD + 3 * MAX_LANES
CENTRED_REACH = 24  # semitones
ROLL_BITS = len(ROLL_OFFSETS) * NUM_PITCHES
CENTRED_BITS = len(ROLL_OFFSETS) * (2 * CENTRED_REACH + 1)
NOTE_BITS = ROLL_BITS + CENTRED_BITS
# previous, following, above, below, lowest, highest, then up to two pitches that the previous would reach in parallel fifths with
# another lane and two in parallel octaves, then as many that would go to the following so (pitch ids, 0 unknown or none: the
# references of a viewpoint head), then the one before the previous (pitch id), then how long ago the previous began and how soon
# the following begins (steps, capped)
NUM_REFERENCES = 14
NOTE_NUMBERS = NUM_REFERENCES + 3
PARALLELS_EACH = 2
NO_PARALLELS = (0,) * (2 * PARALLELS_EACH)

Bits = NDArray[np.uint8]


class Situation:
    """Dense look-up tables of the known notes, kept up to date note by note.

    Args:
        start: First step of the window; earlier notes only count with what of them sounds inside it.
        end: Step after the window.
        num_lanes: Lanes of the piece.
        free: Lanes that are being written.
        since: From which step on; before it every lane is. None: from the start of the window.
    """

    def __init__(self, start: int, end: int, num_lanes: int, free: tuple[int, ...], since: int | None = None) -> None:
        self.start = start - STEPS_PER_QUARTER
        length = end - self.start + LOOK_AHEAD + 1
        self._length = length
        self._roll = np.zeros((length, NUM_PITCHES), dtype=np.uint8)
        self._low = np.zeros((num_lanes, length), dtype=np.int16)  # pitch ids, 0 silent
        self._high = np.zeros((num_lanes, length), dtype=np.int16)
        self._known_onsets = np.zeros((num_lanes, length), dtype=np.int16)
        self._ends = np.zeros((num_lanes, length), dtype=np.int16)
        self._history: list[list[tuple[int, int, int]]] = [[] for _ in range(num_lanes)]  # onset, pitch, end
        self._longest = [0] * num_lanes  # bounds the search for notes that sound at a place
        self._free_later = np.zeros(num_lanes, dtype=np.bool_)
        self._free_later[list(free)] = True
        self._since = self.start if since is None else since

    def _free(self, step: int) -> NDArray[np.bool_]:
        """The lanes that are being written at a step, shape (lanes,)."""
        return self._free_later if step >= self._since else np.ones_like(self._free_later)

    def _span(self, note: Note) -> tuple[int, int]:
        first, last = (min(max(place - self.start, 0), self._length) for place in (note.onset, note.end))
        return first, last

    def add(self, note: Note, revealed: bool) -> None:
        """A note comes to be known: written or past (``revealed`` False), or shown ahead of its time as a control."""
        first, last = self._span(note)
        pitch = note.pitch + 1
        self._roll[first:last, note.pitch] += 1
        low, high = self._low[note.lane, first:last], self._high[note.lane, first:last]
        low[(low == 0) | (low > pitch)] = pitch
        np.maximum(high, pitch, out=high)
        insort(self._history[note.lane], (note.onset, note.pitch, note.end))
        self._longest[note.lane] = max(self._longest[note.lane], note.duration)
        self._mark(note, revealed, 1)

    def hint(self, note: Note, way: int) -> None:
        """The rhythm of a note yet to be written comes to be known (way 1), or no longer is (way -1)."""
        self._mark(note, True, way)

    def _mark(self, note: Note, revealed: bool, amount: int) -> None:
        first, last = note.onset - self.start, note.end - self.start
        if revealed and 0 <= first < self._length:
            self._known_onsets[note.lane, first] += amount
        if 0 <= last < self._length:
            self._ends[note.lane, last] += amount

    def remove(self, note: Note, revealed: bool) -> None:
        """Take a note back that ``add`` was given."""
        first, last = self._span(note)
        self._roll[first:last, note.pitch] -= 1
        history = self._history[note.lane]
        del history[bisect_left(history, (note.onset, note.pitch, note.end))]
        self._low[note.lane, first:last] = 0
        self._high[note.lane, first:last] = 0
        earliest = bisect_left(history, (note.onset - self._longest[note.lane], -1, 0))
        for onset, pitch, end in history[earliest : bisect_left(history, (note.end, -1, 0))]:
            begin, stop = max(onset - self.start, first), min(end - self.start, last)
            if begin < stop:
                low, high = self._low[note.lane, begin:stop], self._high[note.lane, begin:stop]
                low[(low == 0) | (low > pitch + 1)] = pitch + 1
                np.maximum(high, pitch + 1, out=high)
        self._mark(note, revealed, -1)

    def _lane_bits(self, flags: NDArray[np.bool_]) -> Bits:
        bits = np.zeros(MAX_LANES, dtype=np.uint8)
        bits[: len(flags)] = flags
        return bits

    def moment(self, now: int) -> Bits:
        """Before the onset is decided, shape (MOMENT_BITS,): known onsets and free lanes' ends in the next four quarters."""
        place, free = now - self.start, self._free(now)
        onsets = self._known_onsets[:, place : place + LOOK_AHEAD].any(axis=0)
        ends = self._ends[free, place : place + LOOK_AHEAD].any(axis=0)
        silent = free & (self._low[:, place] == 0)
        return np.concatenate([onsets.view(np.uint8), ends.view(np.uint8), self._lane_bits(silent), self._lane_bits(free)])

    def onset(self, onset: int) -> Bits:
        """With the onset decided, shape (ONSET_BITS,): which free lanes are silent there, which lanes are known to begin there."""
        place, free = onset - self.start, self._free(onset)
        known = self._known_onsets[:, place : place + LOOK_AHEAD]
        silent = free & (self._low[:, place] == 0)
        lanes = (silent, known[:, 0] > 0, free)
        return np.concatenate([known.any(axis=0).view(np.uint8), *(self._lane_bits(flags) for flags in lanes)])

    def note(self, onset: int, lane: int) -> tuple[Bits, NDArray[np.int64]]:
        """With onset and lane decided: rolls around the onset (NOTE_BITS,) and numbers (NOTE_NUMBERS,).

        The first ``ROLL_BITS`` are piano rolls at ``ROLL_OFFSETS``; the others the same, centred on the lane's previous pitch.
        """
        place = onset - self.start
        rolls = (self._roll[[place + offset for offset in ROLL_OFFSETS]] > 0).view(np.uint8)
        history = self._history[lane]
        here = bisect_right(history, (onset, 999, 0))
        previous = history[here - 1] if here else None
        earlier = history[here - 2] if here > 1 else None
        later = bisect_left(history, (onset + 1, -1, 0))
        following = history[later] if later < len(history) else None
        low, high = self._low[:, place], self._high[:, place]
        above = low[:lane][low[:lane] > 0]
        below = high[lane + 1 :][high[lane + 1 :] > 0]
        sounding_low, sounding_high = low[low > 0], high[high > 0]
        numbers = (
            previous[1] + 1 if previous else 0,
            following[1] + 1 if following else 0,
            int(above[-1]) if len(above) else 0,
            int(below[0]) if len(below) else 0,
            int(sounding_low.min()) if len(sounding_low) else 0,
            int(sounding_high.max()) if len(sounding_high) else 0,
            *self._parallels(place, lane, int(self._low[lane, place - 1]), 1),
            *(self._parallels(following[0] - self.start, lane, following[1] + 1, -1) if following else NO_PARALLELS),
            earlier[1] + 1 if earlier else 0,
            min(onset - previous[0], LOOK_AHEAD) if previous else LOOK_AHEAD,
            min(following[0] - onset, LOOK_AHEAD) if following else LOOK_AHEAD,
        )
        around = np.zeros((len(ROLL_OFFSETS), NUM_PITCHES + 2 * CENTRED_REACH), dtype=np.uint8)
        around[:, CENTRED_REACH : CENTRED_REACH + NUM_PITCHES] = rolls
        centre = previous[1] if previous else NUM_PITCHES // 2
        centred = around[:, centre : centre + 2 * CENTRED_REACH + 1]
        return np.concatenate([rolls.ravel(), centred.ravel()]), np.array(numbers, dtype=np.int64)

    def _parallels(self, place: int, lane: int, own: int, way: int) -> tuple[int, ...]:
        """Pitch ids that make a parallel with a lane that moves at ``place``: two of fifths, two of octaves; 0 where there is none.

        ``compose.constraints.voice_leading`` says what counts; a lane's lowest pitch stands for it.

        Args:
            place: Where the lanes move, from ``self.start``.
            lane: The lane of the note under construction.
            own: Pitch id of its note on the other side of ``place``, 0 silent.
            way: 1 when ``own`` is the note before ``place``, -1 when it is the one after.
        """
        if not own or place >= self._length:
            return NO_PARALLELS
        before, now = self._low[:, place - 1], self._low[:, place]
        moves = (before > 0) & (now > 0) & (before != now)
        moves[lane] = False
        found: dict[int, list[int]] = {FIFTH: [], OCTAVE: []}
        for other in np.flatnonzero(moves):
            beside = int(before[other] if way == 1 else now[other])
            upper, lower = (own, beside) if lane < other else (beside, own)
            pitch = own + way * (int(now[other]) - int(before[other]))
            for interval, pitches in found.items():
                if interval in ((upper - lower) % 12, abs(upper - lower) % 12) and 1 <= pitch <= NUM_PITCHES:
                    pitches.append(pitch)
        return tuple(pitch for pitches in found.values() for pitch in (*pitches, 0, 0)[:PARALLELS_EACH])
