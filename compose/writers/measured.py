"""The writer of the ``measured`` vocabulary: onset, lane, pitch, duration, on a stream of bars with controls ahead of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compose.canvas import NUM_PITCHES, Canvas, Note
from compose.constraints.base import Constraint
from compose.stream import DELTA_STEPS, UNKNOWN, Mark, Stream
from compose.vocabulary.bars import chunks
from compose.vocabulary.base import Meaning
from compose.vocabulary.measured_fields import BAR, CHUNK_STEPS, DURATION_STEPS, END, MAX_LANES, START
from compose.writers.base import Slot, Writer

__all__ = ["CONTEXT_BARS", "MeasuredWriter"]

CONTEXT_BARS = 8  # history before what is written, as in training
MAX_HISTORY_NOTES = 600

_STAGES = (Meaning.ONSET, Meaning.LANE, Meaning.PITCH, Meaning.DURATION)


@dataclass(frozen=True)
class _Entry:
    """State before an answer."""

    mark: Mark
    partial: tuple[int, ...]
    written: int
    done: bool


class MeasuredWriter(Writer):
    """See ``Writer``; ids are those of the fields of ``compose.vocabulary.measured_fields``.

    ``stream`` holds the steps that a model reads, from the history to the region's end; ``low_water`` is how many of them have
    stood since a model last looked. How much of a long stream a model sees is its own matter (``compose.single_step``).

    Args:
        canvas, constraints: See ``Writer``.
        delta: How early controls come, in steps.
        hints: Whether notes that must be written with a given duration (``rhythm: keep``) are told ahead, as controls without
            pitch; for models that were trained with hints.
    """

    def __init__(self, canvas: Canvas, constraints: Sequence[Constraint], delta: int = DELTA_STEPS, hints: bool = False) -> None:
        self._tick = canvas.ticks_per_step
        super().__init__(canvas, constraints, DURATION_STEPS[1:] * self._tick)
        self._delta = delta
        self._hints = hints
        self._bars = chunks(canvas.piece)
        self._start = -(-canvas.region.start // self._tick)  # steps
        self.stream = self._open()
        self.low_water = 0
        self._partial: tuple[int, ...] = ()
        self._done = False
        self._journal: list[_Entry] = []
        self._velocities: dict[tuple[int, int], int] = {}

    def _open(self) -> Stream:
        """A stream that stands at the beginning of the region's first bar, with what came before it as history."""
        bar = max(sum(bar.start <= self._start for bar in self._bars) - 1, 0)
        opening = max(bar - CONTEXT_BARS, 0)
        end = -(-self.canvas.region.end // self._tick) + self._delta
        since = self._bars[opening].start
        known = [self._to_steps(n) for n in self.canvas.fixed if n.duration and since * self._tick <= n.onset < end * self._tick]
        here = self._bars[bar].start
        past = sorted(n for n in known if n.onset < max(here, self._start))
        while opening < bar and sum(n.onset >= self._bars[opening].start for n in past) > MAX_HISTORY_NOTES:
            opening += 1
        past = [n for n in past if n.onset >= self._bars[opening].start]
        controls = [n for n in known if n.onset >= max(here, self._start)]
        if self._hints:
            controls += [n for n in self._required() if here <= n.onset < end]
        last = sum(chunk.start < end for chunk in self._bars)
        stream = Stream(self.canvas.piece.parts, self._bars[opening:last], controls, self.canvas.region.lanes, self._delta)
        index = 0
        for chunk in self._bars[opening : bar + 1]:
            stream.push_bar()
            while index < len(past) and past[index].onset < chunk.start + chunk.length:
                stream.push_note(past[index])
                index += 1
        return stream

    def _required(self) -> list[Note]:
        """What is known of notes that must be written: their rhythm."""
        found = [Note(onset, lane, UNKNOWN, duration) for onset, lane, duration in self.feasible.required if duration is not None]
        return [self._to_steps(note) for note in found]

    def _to_steps(self, note: Note) -> Note:
        half = self._tick // 2
        onset = (note.onset + half) // self._tick
        return Note(onset, note.lane, note.pitch, max((note.duration + half) // self._tick, 1), note.velocity)

    @property
    def _onset(self) -> int:
        """The decided onset in ticks."""
        return (self.stream.chunk.start + self._partial[0]) * self._tick

    @property
    def partial(self) -> tuple[int, ...]:
        """Ids decided of the note under construction: next, lane, pitch."""
        return self._partial

    @property
    def _is_last_bar(self) -> bool:
        chunk = self.stream.chunk
        return (chunk.start + chunk.length) * self._tick >= self.canvas.region.end or chunk.start == self._bars[-1].start

    @property
    def leave(self) -> int:
        """The id of ``next`` that ends the bar: BAR, or END where the piece has no further one."""
        return END if self.stream.chunk.start == self._bars[-1].start else BAR

    def slot(self) -> Slot | None:
        if self._done:
            return None
        stage = _STAGES[len(self._partial)]
        if stage is Meaning.ONSET:
            mask = self._next_mask()
        elif stage is Meaning.LANE:
            mask = np.zeros(1 + MAX_LANES, dtype=np.bool_)
            for lane in self.canvas.region.lanes:
                mask[1 + lane] = self._after_last(self._onset, lane) and self._keeps_promises(self._onset, lane)
        elif stage is Meaning.PITCH:
            mask = np.zeros(1 + NUM_PITCHES, dtype=np.bool_)
            mask[1:] = self.feasible.matrix(self._onset, self._partial[1] - 1).any(axis=1)
        else:
            mask = np.zeros(1 + len(DURATION_STEPS), dtype=np.bool_)
            mask[2:] = self.feasible.matrix(self._onset, self._partial[1] - 1)[self._partial[2] - 1]
        return Slot(stage, mask, self._prices(stage, len(mask)) if self.feasible.soft else None)

    def _prices(self, stage: Meaning, ids: int) -> NDArray[np.float64]:
        """What soft wishes cost: for a pitch the cheapest duration counts, for a lane or an onset nothing but the onset itself."""
        prices = np.zeros(ids)
        if stage is Meaning.ONSET:
            onsets = (self.stream.chunk.start + np.arange(self.stream.chunk.length, dtype=np.int64)) * self._tick
            every = [self.feasible.onset_prices(onsets, lane) for lane in self.canvas.region.lanes]
            prices[: len(onsets)] = np.min(every, axis=0)
        elif stage is Meaning.LANE:
            for lane in self.canvas.region.lanes:
                prices[1 + lane] = self.feasible.onset_prices(np.array([self._onset]), lane)[0]
        else:
            lane = self._partial[1] - 1
            allowed, cost = self.feasible.matrix(self._onset, lane), self.feasible.prices(self._onset, lane)
            open_cost = np.where(allowed, cost, np.inf)
            if stage is Meaning.PITCH:
                cheapest = open_cost.min(axis=1)
                prices[1:] = np.where(np.isfinite(cheapest), cheapest, 0.0)
            else:
                prices[2:] = cost[self._partial[2] - 1]
        return prices

    def _next_mask(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        mask = np.zeros(START + 1, dtype=np.bool_)
        chunk, region = self.stream.chunk, self.canvas.region
        onsets = (chunk.start + np.arange(chunk.length, dtype=np.int64)) * self._tick
        inside = (onsets >= region.start) & (onsets < region.end)
        if self.canvas.written:
            inside &= onsets >= self.canvas.written[-1].onset
        pending = self.feasible.pending()
        if pending is not None:
            inside &= onsets <= pending[0]
        some_lane = np.zeros(chunk.length, dtype=np.bool_)
        candidates = np.flatnonzero(inside)
        for lane in region.lanes:
            some_lane[candidates] |= self.feasible.onsets(onsets[candidates], lane)
        mask[: chunk.length] = some_lane
        mask[self.leave] = True
        return mask

    def admits(self, token: int) -> bool:
        if not self._partial:
            if token >= CHUNK_STEPS:
                return self._may_leave()
            onset = (self.stream.chunk.start + token) * self._tick
            return any(self._may_start(onset, lane) for lane in self.canvas.region.lanes)
        if len(self._partial) == 1:
            return self._may_start(self._onset, token - 1)
        return True

    def _may_leave(self) -> bool:
        if self._is_last_bar:
            return self.feasible.may_end()
        pending = self.feasible.pending()
        chunk = self.stream.chunk
        return pending is None or pending[0] >= (chunk.start + chunk.length) * self._tick

    def push(self, token: int) -> None:
        self._journal.append(_Entry(self.stream.mark(), self._partial, len(self.canvas.written), self._done))
        self.depth += 1
        if not self._partial and token >= CHUNK_STEPS:
            if self._is_last_bar:
                self._done = True
            else:
                self.stream.push_bar()
        elif len(self._partial) < len(_STAGES) - 1:
            self._partial = (*self._partial, token)
        else:
            self._complete(int(DURATION_STEPS[token - 1]))

    def _complete(self, duration: int) -> None:
        lane, pitch = self._partial[1] - 1, self._partial[2] - 1
        bar = (lane, self.stream.bar)
        if bar not in self._velocities:
            self._velocities[bar] = self._velocity(self._onset, lane)
        step = self.stream.chunk.start + self._partial[0]
        velocity = self._velocities[bar]
        self._write(Note(step * self._tick, lane, pitch, duration * self._tick, velocity))
        self.stream.push_note(Note(step, lane, pitch, duration, velocity))
        self._partial = ()

    def rewind(self, depth: int) -> None:
        entry = self._journal[depth]
        del self._journal[depth:]
        self.depth = depth
        while len(self.canvas.written) > entry.written:
            self.canvas.erase()
        self.stream.rewind(entry.mark)
        self.feasible.forget()
        self.low_water = min(self.low_water, len(self.stream.rows))
        self._partial, self._done = entry.partial, entry.done

    def restart(self) -> None:
        super().restart()
        self._velocities.clear()
