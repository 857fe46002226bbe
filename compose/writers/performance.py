"""The writer of the ``performance`` vocabulary: note on, then how long, and time shifts; note offs come when they are due.

Constraints judge whole notes, so a note's length is decided as soon as its note on is: the plan is spelt in the vocabulary's own
ids as it would stand in the stream if nothing else came in between, shifts of whole seconds, a shift of the rest, or the note off
after whole seconds. From then on the off is owed: time goes no farther than to the next off or event of a kept note, which come
by themselves, as velocities do. A shift of less than a second to any other place is for a note there, a whole second may be
followed by more; one that reaches the region's end leaves the region.

The vocabulary does not say which lane plays. Where several may, one more slot asks for it (``Meaning.LANE``, one id a lane of the
piece); its answer is no event of the stream.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compose.canvas import STEPS_PER_QUARTER, Canvas, Note
from compose.constraints.base import Constraint
from compose.vocabulary.arrival import TICKS_PER_SECOND
from compose.vocabulary.base import Meaning
from compose.vocabulary.performance import MAX_SHIFT_TICKS, NOTE_OFF, NOTE_ON, NUM_EVENTS, TIME_SHIFT, VELOCITY
from compose.writers.base import Slot, Writer, refuse_soft

__all__ = ["PerformanceWriter"]

LONGEST_STEPS = 16 * STEPS_PER_QUARTER
WHOLE_SECOND = VELOCITY - 1  # the longest shift


@dataclass(frozen=True)
class _Entry:
    """State before an answer."""

    clock: int
    bound: bool
    partial: tuple[int, ...]
    written: int
    done: bool


class PerformanceWriter(Writer):
    """See ``Writer`` and the module's text. ``clock`` is where writing stands, in ticks of 10 ms from the piece's beginning."""

    def __init__(self, canvas: Canvas, constraints: Sequence[Constraint]) -> None:
        step = canvas.ticks_per_step
        super().__init__(canvas, constraints, np.arange(1, LONGEST_STEPS + 1, dtype=np.int64) * step)
        refuse_soft(self)
        region = canvas.region
        places = np.arange(-(-region.start // step), -(-region.end // step), dtype=np.int64) * step
        self.clock = self.clock_of(region.start)
        self.end = max(self.clock_of(region.end), self.clock + 1)
        clocks, index = np.unique(self._clocks(places), return_index=True)
        inside = clocks < self.end
        self._place_at = dict(zip(clocks[inside].tolist(), places[index][inside].tolist(), strict=True))
        kept = [tick for note in canvas.fixed if note.duration for tick in (note.onset, note.end)]
        self._kept_stops = np.unique(self._clocks(np.array(kept, dtype=np.int64))).tolist()
        self._bound = False  # whether the clock was moved here for a note
        self._partial: tuple[int, ...] = ()  # pitch and seconds of the plan, then the index of the duration
        self._done = False
        self._journal: list[_Entry] = []

    def _clocks(self, ticks: NDArray[np.int64]) -> NDArray[np.int64]:
        seconds = self.canvas.piece.div_to_seconds(ticks / self.canvas.ticks_per_div)
        clocks: NDArray[np.int64] = np.rint(np.asarray(seconds) * TICKS_PER_SECOND).astype(np.int64)
        return clocks

    def clock_of(self, tick: int) -> int:
        """Where a tick of the canvas lies, in ticks of 10 ms."""
        return int(self._clocks(np.array([tick], dtype=np.int64))[0])

    @property
    def plan(self) -> tuple[int, int] | None:
        """Pitch and whole seconds so far of the note whose length is under decision; None where no note is."""
        return (self._partial[0], self._partial[1]) if len(self._partial) == 2 else None

    @property
    def pitch(self) -> int | None:
        """Pitch of the note under construction."""
        return self._partial[0] if self._partial else None

    def _stop(self) -> int:
        """The next event that comes by itself, or the region's end."""
        later = bisect_right(self._kept_stops, self.clock)
        kept = self._kept_stops[later] if later < len(self._kept_stops) else self.end
        owed = [clock for note in self.canvas.written if (clock := self.clock_of(note.end)) > self.clock]
        return min(kept, self.end, *owed)

    def _lengths(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Lengths in ticks of 10 ms that a note here may be given (distinct), and the index of the duration of each."""
        place = self._place_at[self.clock]
        lengths = np.maximum(self._clocks(place + self.feasible.durations) - self.clock, 1)
        found, index = np.unique(lengths, return_index=True)
        return found, index.astype(np.int64)

    def _lanes(self, pitch: int, duration: int | None = None) -> list[int]:
        """Lanes that may play a note here."""
        place = self._place_at[self.clock]
        columns = slice(None) if duration is None else slice(duration, duration + 1)
        return [
            lane
            for lane in self.canvas.region.lanes
            if self._may_start(place, lane) and self.feasible.matrix(place, lane)[pitch, columns].any()
        ]

    def slot(self) -> Slot | None:
        if self._done:
            return None
        if len(self._partial) == 3:
            mask = np.zeros(len(self.canvas.piece.parts), dtype=np.bool_)
            mask[self._lanes(self._partial[0], self._partial[2])] = True
            return Slot(Meaning.LANE, mask)
        mask = np.zeros(NUM_EVENTS, dtype=np.bool_)
        if self._partial:
            self._allow_lengths(mask)
            return Slot(Meaning.DURATION, mask)
        place = self._place_at.get(self.clock)
        if place is not None:
            for lane in self.canvas.region.lanes:
                if self._may_start(place, lane):
                    mask[NOTE_ON:NOTE_OFF] |= self.feasible.matrix(place, lane).any(axis=1)
        if not self._bound:
            self._allow_shifts(mask)
        return Slot(Meaning.ONSET, mask)

    def _allow_lengths(self, mask: NDArray[np.bool_]) -> None:
        """Put into the mask how the plan may go on."""
        place = self._place_at[self.clock]
        pitch, seconds = self._partial
        lengths, index = self._lengths()
        allowed = np.zeros(len(lengths), dtype=np.bool_)
        for lane in self._lanes(pitch):
            allowed |= self.feasible.matrix(place, lane)[pitch, index]
        rest = lengths[allowed] - seconds * MAX_SHIFT_TICKS
        mask[TIME_SHIFT + rest[(rest > 0) & (rest < MAX_SHIFT_TICKS)] - 1] = True
        mask[WHOLE_SECOND] = (rest >= MAX_SHIFT_TICKS).any()
        mask[NOTE_OFF + pitch] = (rest == 0).any()

    def _allow_shifts(self, mask: NDArray[np.bool_]) -> None:
        """Put into the mask how far time may go on: to the next stop, or to a place before it where a note may start."""
        stop, pending = self._stop(), self.feasible.pending()
        latest = self.end if pending is None else self.clock_of(pending[0])
        reach = min(stop, latest, self.clock + MAX_SHIFT_TICKS)
        targets = [clock for clock in range(self.clock + 1, reach + 1) if clock in self._place_at]
        places = np.array([self._place_at[clock] for clock in targets], dtype=np.int64)
        open_places = np.zeros(len(places), dtype=np.bool_)
        for lane in self.canvas.region.lanes:
            open_places |= self.feasible.onsets(places, lane)
        mask[TIME_SHIFT - 1 - self.clock + np.array(targets, dtype=np.int64)[open_places]] = True
        if latest >= stop:
            first = TIME_SHIFT - 1 + stop - self.clock
            mask[first : VELOCITY if stop == self.end else first + 1] = first < VELOCITY
        if min(stop, latest) - self.clock >= MAX_SHIFT_TICKS:
            mask[WHOLE_SECOND] = True

    def admits(self, token: int) -> bool:
        if self._partial or token < NOTE_OFF:
            return True
        clock = self.clock + token - TIME_SHIFT + 1
        if clock >= self.end:
            return self.feasible.may_end()
        if token == WHOLE_SECOND or clock == self._stop():
            return True
        return any(self._may_start(self._place_at[clock], lane) for lane in self.canvas.region.lanes)

    def push(self, token: int) -> None:
        self._journal.append(_Entry(self.clock, self._bound, self._partial, len(self.canvas.written), self._done))
        self.depth += 1
        if len(self._partial) == 3:
            self._finish(token)
        elif self._partial:
            self._go_on(token)
        elif token < NOTE_OFF:
            self._partial = (token, 0)
        else:
            clock = self.clock + token - TIME_SHIFT + 1
            self._bound = token != WHOLE_SECOND and clock != self._stop()
            self._done = clock >= self.end
            self.clock = clock

    def _go_on(self, token: int) -> None:
        """Take an answer of the plan; write the note where its length and lane are known."""
        pitch, seconds = self._partial
        if token == WHOLE_SECOND:
            self._partial = (pitch, seconds + 1)
            return
        rest = token - TIME_SHIFT + 1 if token >= TIME_SHIFT else 0
        lengths, index = self._lengths()
        place = int(np.searchsorted(lengths, seconds * MAX_SHIFT_TICKS + rest))
        self._partial = (pitch, seconds, int(index[place]))
        lanes = self._lanes(pitch, self._partial[2])
        if len(lanes) == 1:
            self._finish(lanes[0])

    def _finish(self, lane: int) -> None:
        pitch, _, duration = self._partial
        onset = self._place_at[self.clock]
        self._write(Note(onset, lane, pitch, int(self.feasible.durations[duration]), self._velocity(onset, lane)))
        self._partial, self._bound = (), False

    def rewind(self, depth: int) -> None:
        entry = self._journal[depth]
        del self._journal[depth:]
        self.depth = depth
        while len(self.canvas.written) > entry.written:
            self.canvas.erase()
        self.feasible.forget()
        self.clock, self._bound, self._partial, self._done = entry.clock, entry.bound, entry.partial, entry.done
