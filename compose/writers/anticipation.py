"""The writer of the ``anticipation`` vocabulary: time, duration, instrument and pitch, in the published layout's order.

Times are ids of 10 ms; every id that is used stands for one place of the writing grid, the nearest through the tempo map, so that
constraints in musical time are exact here too. Each slot's ids are those of its own block (time 10,000, duration 1,000, note
16,512), counted from 0: the layout's id is the block's offset more. A time at or after the region's end leaves the region, as in
the published sampler. The clock is moved along with the music, so that regions longer than 100 s can be written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compose.canvas import STEPS_PER_QUARTER, Canvas, Note
from compose.constraints.base import Constraint
from compose.vocabulary.arrival import (
    DRUM_INSTRUMENT,
    MAX_DURATION_TICKS,
    MAX_TIME_TICKS,
    NUM_NOTES,
    NUM_PITCHES,
    TICKS_PER_SECOND,
)
from compose.vocabulary.base import Meaning
from compose.writers.base import Slot, Writer, refuse_soft

__all__ = ["AnticipationWriter", "lane_instruments"]

LONGEST_STEPS = 16 * STEPS_PER_QUARTER
HISTORY_S = 20.0  # the clock's zero lies this far before the last event

_STAGES = (Meaning.ONSET, Meaning.DURATION, Meaning.INSTRUMENT_PITCH)


@dataclass(frozen=True)
class _Entry:
    """State before an answer."""

    partial: tuple[int, ...]
    written: int
    done: bool


def lane_instruments(canvas: Canvas) -> dict[int, int]:
    """An instrument for each lane that is written: its program, or the next free one where lanes share a program."""
    taken: dict[int, int] = {}
    for lane in canvas.region.lanes:
        part = canvas.piece.parts[lane]
        instrument = DRUM_INSTRUMENT if part.is_drum else part.program
        while instrument in taken:
            instrument = (instrument + 1) % (DRUM_INSTRUMENT + 1)
        taken[instrument] = lane
    return {lane: instrument for instrument, lane in taken.items()}


class AnticipationWriter(Writer):
    """See ``Writer`` and the module's text."""

    def __init__(self, canvas: Canvas, constraints: Sequence[Constraint]) -> None:
        self._step = canvas.ticks_per_step
        super().__init__(canvas, constraints, np.arange(1, LONGEST_STEPS + 1, dtype=np.int64) * self._step)
        refuse_soft(self)
        self.instruments = lane_instruments(canvas)
        self._partial: tuple[int, ...] = ()  # onset tick, then index of the duration
        self._done = False
        self._journal: list[_Entry] = []

    def _seconds(self, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.canvas.piece.div_to_seconds(ticks / self.canvas.ticks_per_div)

    def _now(self) -> int:
        return self.canvas.written[-1].onset if self.canvas.written else self.canvas.region.start

    def places(self) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """Grid places that may come next (ticks), the time id of each (distinct), and the id that leaves the region."""
        region = self.canvas.region
        first = -(-self._now() // self._step)
        places = np.arange(first, -(-region.end // self._step), dtype=np.int64) * self._step
        base = float(self._seconds(np.array([self._now()]))[0]) - HISTORY_S
        ids = np.rint((self._seconds(places) - base) * TICKS_PER_SECOND).astype(np.int64)
        ids, index = np.unique(ids, return_index=True)
        places = places[index]
        within = ids < MAX_TIME_TICKS - 1
        ids, places = ids[within], places[within]
        end = int(np.rint((float(self._seconds(np.array([region.end]))[0]) - base) * TICKS_PER_SECOND))
        leave = min(max(end, int(ids[-1]) + 1 if len(ids) else 0), MAX_TIME_TICKS - 1)
        return places, ids, leave

    def lengths(self, onset: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices of the durations that a note at this onset may be given, and the duration id of each (distinct)."""
        start = float(self._seconds(np.array([onset]))[0])
        ids = np.rint((self._seconds(onset + self.feasible.durations) - start) * TICKS_PER_SECOND).astype(np.int64)
        ids, index = np.unique(ids, return_index=True)
        within = ids < MAX_DURATION_TICKS
        return index[within].astype(np.int64), ids[within]

    @property
    def onset(self) -> int | None:
        """Tick of the note under construction, None where none is."""
        return self._partial[0] if self._partial else None

    @property
    def length(self) -> int | None:
        """Its duration in ticks, None where that is not decided."""
        return int(self.feasible.durations[self._partial[1]]) if len(self._partial) > 1 else None

    def _open_lanes(self) -> list[int]:
        return [lane for lane in self.canvas.region.lanes if self._may_start(self._partial[0], lane)]

    def slot(self) -> Slot | None:
        if self._done:
            return None
        stage = _STAGES[len(self._partial)]
        if stage is Meaning.ONSET:
            mask = np.zeros(MAX_TIME_TICKS, dtype=np.bool_)
            places, ids, leave = self.places()
            pending = self.feasible.pending()
            allowed = np.zeros(len(places), dtype=np.bool_)
            for lane in self.canvas.region.lanes:
                allowed |= self.feasible.onsets(places, lane)
            if pending is not None:
                allowed &= places <= pending[0]
            mask[ids[allowed]] = True
            mask[leave] = True
        elif stage is Meaning.DURATION:
            mask = np.zeros(MAX_DURATION_TICKS, dtype=np.bool_)
            index, ids = self.lengths(self._partial[0])
            for lane in self._open_lanes():
                mask[ids] |= np.any(self.feasible.matrix(self._partial[0], lane)[:, index], axis=0)
        else:
            mask = np.zeros(NUM_NOTES, dtype=np.bool_)
            for lane in self._open_lanes():
                first = self.instruments[lane] * NUM_PITCHES
                mask[first : first + NUM_PITCHES] = self.feasible.matrix(self._partial[0], lane)[:, self._partial[1]]
        return Slot(stage, mask)

    def _place_of(self, token: int) -> int | None:
        """Tick of a time id, None when it leaves the region."""
        places, ids, leave = self.places()
        found = int(np.searchsorted(ids, token))
        return None if token == leave or found >= len(ids) or ids[found] != token else int(places[found])

    def admits(self, token: int) -> bool:
        if self._partial:
            return True
        onset = self._place_of(token)
        if onset is None:
            return self.feasible.may_end()
        index, _ = self.lengths(onset)
        return any(
            self._may_start(onset, lane) and self.feasible.matrix(onset, lane)[:, index].any() for lane in self.canvas.region.lanes
        )

    def push(self, token: int) -> None:
        self._journal.append(_Entry(self._partial, len(self.canvas.written), self._done))
        self.depth += 1
        if not self._partial:
            onset = self._place_of(token)
            if onset is None:
                self._done = True
            else:
                self._partial = (onset,)
        elif len(self._partial) == 1:
            index, ids = self.lengths(self._partial[0])
            self._partial = (*self._partial, int(index[np.searchsorted(ids, token)]))
        else:
            onset, duration = self._partial
            instrument, pitch = divmod(token, NUM_PITCHES)
            lane = next(lane for lane, number in self.instruments.items() if number == instrument)
            self._write(Note(onset, lane, pitch, int(self.feasible.durations[duration]), self._velocity(onset, lane)))
            self._partial = ()

    def rewind(self, depth: int) -> None:
        entry = self._journal[depth]
        del self._journal[depth:]
        self.depth = depth
        while len(self.canvas.written) > entry.written:
            self.canvas.erase()
        self.feasible.forget()
        self._partial, self._done = entry.partial, entry.done
