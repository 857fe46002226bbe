"""An ``anticipation`` model at work beside its writer.

The stream is a window of training (``compose.vocabulary.arrival_windows``): the notes before the region and those written, as
events with RESTs where time passes, and the kept notes from the region's beginning on as controls, each where the stopping rule
puts it (``compose.interleave``), five *seconds* ahead. The window slides by 64 triples when it is full or its clock nears its end.

The writer chooses no RESTs: a place more than a second away is as likely as the RESTs that lead to it and the wait behind them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from compose.canvas import Note
from compose.flat_layouts import NOT_DECIDED, AnticipationLayout
from compose.flat_scorer import UNKNOWN, StreamReader, lane_shares, program_of
from compose.flat_step import FlatStep
from compose.interleave import DELTA_TICKS, REST_GAP_TICKS, controls_due, insert_rests, interleave
from compose.vocabulary.arrival import (
    ANTICIPATE,
    AUTOREGRESS,
    DURATION_OFFSET,
    MAX_DURATION_TICKS,
    MAX_TIME_TICKS,
    NUM_NOTES,
    NUM_PITCHES,
    REST,
    TICKS_PER_SECOND,
    TIME_OFFSET,
    Events,
    empty_events,
    sort_events,
    write_triples,
)
from compose.vocabulary.arrival_windows import EVENTS_PER_WINDOW
from compose.vocabulary.base import Meaning
from compose.writers.anticipation import AnticipationWriter
from compose.writers.base import Slot

__all__ = ["AnticipationScorer"]

HISTORY_NOTES: Final = 256
SLIDE: Final = 64  # triples
ROOM: Final = 16  # triples of a window left free for what is under construction
LATEST_TICK: Final = MAX_TIME_TICKS - 10 * TICKS_PER_SECOND  # of a window's events and controls
FAR_NATS: Final = 8.0  # silences so much less likely than the likeliest wait are not looked into
TIME, DURATION, INSTRUMENT, PITCH = range(4)

Ids = NDArray[np.int64]


class AnticipationScorer:
    """Scores an ``AnticipationWriter``'s slots.

    Args:
        model: The model's weights for single steps.
        writer: Whose canvas is read.
        cached: See ``StreamReader``.
    """

    def __init__(self, model: FlatStep, writer: AnticipationWriter, cached: bool = True) -> None:
        self.model = model
        self.writer = writer
        self._reader = StreamReader(model, cached)
        self._shares = lane_shares(writer.canvas)
        canvas, region = writer.canvas, writer.canvas.region
        self._start, self._end = (int(self._clocks([tick])[0]) for tick in (region.start, region.end))
        self._history = self._events([note for note in canvas.fixed if note.onset < region.start][-HISTORY_NOTES:])
        ahead = self._events([note for note in canvas.fixed if note.onset >= region.start])
        self._controls = ahead[ahead["onset_tick"] <= self._end + DELTA_TICKS]
        self._base = int(self._history["onset_tick"][0]) if len(self._history) else self._start

    def _clocks(self, ticks: list[int] | NDArray[np.int64]) -> Ids:
        """Ticks of the canvas in ticks of 10 ms."""
        divs = np.asarray(ticks, dtype=np.int64) / self.writer.canvas.ticks_per_div
        clocks: Ids = np.rint(np.asarray(self.writer.canvas.piece.div_to_seconds(divs)) * TICKS_PER_SECOND).astype(np.int64)
        return clocks

    def _events(self, notes: list[Note]) -> Events:
        """Notes as events in the vocabulary's order."""
        table = empty_events(len(notes))
        if notes:
            table["onset_tick"] = self._clocks([note.onset for note in notes])
            length = self._clocks([note.end for note in notes]) - table["onset_tick"]
            table["duration_tick"] = np.minimum(length, MAX_DURATION_TICKS - 1)
            table["note"] = [program_of(self.writer.canvas, note.lane) * NUM_PITCHES + note.pitch for note in notes]
        return sort_events(table)

    def rows(self, until: int) -> Events:
        """The stream's whole triples: what stands before an event at ``until`` (ticks of 10 ms) whose time is not written yet."""
        events = np.concatenate([self._history, self._events(self.writer.canvas.written)])
        events["onset_tick"] -= self._base
        controls = self._controls.copy()
        controls["onset_tick"] -= self._base
        events = insert_rests(events, end=max(until - self._base, 0))
        stream, pending = interleave(events, controls)
        last = int(events["onset_tick"][-1]) if len(events) else 0
        pending["control"] = True
        return np.concatenate([stream, pending[: controls_due(pending["onset_tick"], last)]])

    def window(self, until: int) -> tuple[Ids, int]:
        """The ids that a model reads before an event at ``until``, and where their clock's 0 lies, in ticks of 10 ms."""
        rows = self.rows(until)
        first = 0
        while len(rows) - first > EVENTS_PER_WINDOW - ROOM or (
            first < len(rows) and until - self._base - rows["onset_tick"][first:].min() > LATEST_TICK
        ):
            first += SLIDE
        rows = rows[first:].copy()
        zero = int(rows["onset_tick"].min(initial=until - self._base)) if first else 0
        rows["onset_tick"] -= zero
        flag = ANTICIPATE if len(self._controls) else AUTOREGRESS
        return np.concatenate([[flag], write_triples(rows)]), self._base + zero

    def logits(self, slot: Slot) -> NDArray[np.float64]:
        """Logits of the slot's ids."""
        if slot.meaning is Meaning.ONSET:
            return self._time_logits(slot)
        assert self.writer.onset is not None
        onset = int(self._clocks([self.writer.onset])[0])
        ids, zero = self.window(onset)
        ids = np.append(ids, TIME_OFFSET + onset - zero)
        if slot.meaning is Meaning.DURATION:
            return self.model.log_probabilities(DURATION, self._reader.states(ids)[-1], (NOT_DECIDED,))
        assert self.writer.length is not None
        length = int(self._clocks([self.writer.onset + self.writer.length])[0]) - onset
        ids = np.append(ids, DURATION_OFFSET + min(length, MAX_DURATION_TICKS - 1))
        return self._note_logits(self._reader.states(ids)[-1])

    def _note_logits(self, state: NDArray[np.float32]) -> NDArray[np.float64]:
        """Of instrument and pitch together, in the ids that the writer gives its lanes."""
        canvas = self.writer.canvas
        instruments = self.model.log_probabilities(INSTRUMENT, state, (NOT_DECIDED, NOT_DECIDED))
        out = np.full(NUM_NOTES, UNKNOWN)
        for lane in canvas.region.lanes:
            program = program_of(canvas, lane)
            pitches = self.model.log_probabilities(PITCH, state, (NOT_DECIDED, NOT_DECIDED, program))
            first = self.writer.instruments[lane] * NUM_PITCHES
            out[first : first + NUM_PITCHES] = instruments[program] + pitches + self._shares[lane]
        return out

    def _time_logits(self, slot: Slot) -> NDArray[np.float64]:
        """Of the places that may come next, silences of more than a second by way of the RESTs that say them."""
        places, ids, leave = self.writer.places()
        out = np.full(len(slot.mask), UNKNOWN)
        clocks = self._clocks(places)
        written = self.writer.canvas.written
        now = max(self._start, int(self._clocks([written[-1].onset])[0]) if written else self._start)
        stream, zero = self.window(now)
        last = self._last_event(stream) + zero
        passed, best = 0.0, -np.inf
        while True:
            waits = self.model.log_probabilities(TIME, self._reader.states(stream)[-1])
            here = (clocks <= last + REST_GAP_TICKS) & (out[ids] == UNKNOWN)
            out[ids[here]] = passed + waits[np.maximum(clocks[here] - last, 0)]
            best = max(best, float(out[ids].max(initial=-np.inf)))
            if self._end <= last + REST_GAP_TICKS:
                out[leave] = passed + float(np.logaddexp.reduce(waits[max(self._end - last, 0) :]))
                return out
            passed += float(waits[REST_GAP_TICKS])
            if passed < best - FAR_NATS or last + 2 * REST_GAP_TICKS - zero >= LATEST_TICK:
                out[ids[out[ids] == UNKNOWN]] = passed - np.log(REST_GAP_TICKS)
                out[leave] = passed
                return out
            last += REST_GAP_TICKS
            stream = np.append(stream, [TIME_OFFSET + last - zero, DURATION_OFFSET, REST])
            states = self._reader.states(stream)
            passed += float(self.model.log_probabilities(DURATION, states[-3], (NOT_DECIDED,))[0])
            passed += float(
                self.model.log_probabilities(INSTRUMENT, states[-2], (NOT_DECIDED, NOT_DECIDED))[AnticipationLayout.rest]
            )
            stream = np.concatenate([stream, self._due(last, zero)])

    def _due(self, last: int, zero: int) -> Ids:
        """Ids of the controls that a REST at ``last`` brings."""
        onsets = self._controls["onset_tick"]
        since = controls_due(onsets, last - REST_GAP_TICKS)
        due = self._controls[since : controls_due(onsets, last)].copy()
        due["onset_tick"] -= zero
        due["control"] = True
        return write_triples(due)

    @staticmethod
    def _last_event(stream: Ids) -> int:
        """Clock reading of the last event of a window, 0 where there is none."""
        times = stream[1::3]
        events = times[times < MAX_TIME_TICKS]
        return int(events[-1]) if len(events) else 0
