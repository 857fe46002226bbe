"""What the writers of ``remi`` and ``compound`` share: bars, places in them, and a program for each lane.

A bar line says its meter and, where it changes, the tempo; both are given, like velocities, and are no decisions. Notes are written
in the order of the canvas: place, lane, pitch. A place is chosen only when some note may start there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from compose.canvas import Canvas, Note
from compose.constraints.base import BoolArray, Constraint
from compose.vocabulary.bars import chunks
from compose.vocabulary.measured_fields import DURATION_STEPS
from compose.writers.anticipation import lane_instruments
from compose.writers.base import Writer, refuse_soft
from corpora.piece import KEY_DTYPE, TEMPO_DTYPE

__all__ = ["BeatWriter"]


@dataclass(frozen=True)
class _Entry:
    """State before an answer."""

    bar: int
    place: int
    partial: tuple[int, ...]
    written: int
    done: bool


class BeatWriter(Writer):
    """See ``Writer`` and the module's text; subclasses say in which order the fields of a note are decided."""

    def __init__(self, canvas: Canvas, constraints: Sequence[Constraint]) -> None:
        self._tick = canvas.ticks_per_step
        super().__init__(canvas, constraints, DURATION_STEPS[1:] * self._tick)
        refuse_soft(self)
        plain = replace(canvas.piece, tempos=np.zeros(0, TEMPO_DTYPE), keys=np.zeros(0, KEY_DTYPE))
        self.bars = chunks(plain)
        self.instruments = lane_instruments(canvas)
        self._lanes = {program: lane for lane, program in self.instruments.items()}
        start = -(-canvas.region.start // self._tick)
        self._bar = max(sum(bar.start <= start for bar in self.bars) - 1, 0)
        self._place = -1  # in the bar; -1 at its line
        self._partial: tuple[int, ...] = ()
        self._done = False
        self._journal: list[_Entry] = []

    @property
    def bar(self) -> int:
        """Index in ``bars`` of the bar that is written."""
        return self._bar

    @property
    def place(self) -> int:
        """The place in the bar, in steps; -1 at its line."""
        return self._place

    @property
    def partial(self) -> tuple[int, ...]:
        """What is decided of the note under construction."""
        return self._partial

    def velocity(self, lane: int) -> int:
        """How loud a note of a lane is at the present place."""
        return self._velocity(self._onset(self._place), lane)

    def _onset(self, place: int) -> int:
        """Ticks of a place of the current bar."""
        return (self.bars[self._bar].start + place) * self._tick

    def _places(self) -> NDArray[np.int64]:
        """Places behind the present one, in this bar and the region, that pass the cheap test."""
        bar, region = self.bars[self._bar], self.canvas.region
        places = np.arange(self._place + 1, bar.length, dtype=np.int64)
        onsets = (bar.start + places) * self._tick
        inside = (onsets >= region.start) & (onsets < region.end)
        pending = self.feasible.pending()
        if pending is not None:
            inside &= onsets <= pending[0]
        some_lane = np.zeros(len(places), dtype=np.bool_)
        for lane in region.lanes:
            some_lane[inside] |= self.feasible.onsets(onsets[inside], lane)
        return places[some_lane]

    def _open_lanes(self, place: int) -> list[int]:
        """Lanes of which some note may start at a place."""
        return [lane for lane in self.canvas.region.lanes if self._may_start(self._onset(place), lane)]

    def _open_notes(self, lane: int) -> BoolArray:
        """Which notes of a lane may start at the present place, shape (128, durations)."""
        return self.feasible.matrix(self._onset(self._place), lane)

    @property
    def _is_last_bar(self) -> bool:
        bar = self.bars[self._bar]
        return (bar.start + bar.length) * self._tick >= self.canvas.region.end or self._bar == len(self.bars) - 1

    def _may_leave(self) -> bool:
        """Whether the bar line (or the region's end) may come now."""
        if self._is_last_bar:
            return self.feasible.may_end()
        pending, bar = self.feasible.pending(), self.bars[self._bar]
        return pending is None or pending[0] >= (bar.start + bar.length) * self._tick

    def _leave(self) -> None:
        if self._is_last_bar:
            self._done = True
        else:
            self._bar, self._place = self._bar + 1, -1

    def _finish(self, lane: int, pitch: int, duration: int) -> None:
        """Write the note; ``duration`` is an index of ``feasible.durations``."""
        onset = self._onset(self._place)
        self._write(Note(onset, lane, pitch, int(self.feasible.durations[duration]), self._velocity(onset, lane)))
        self._partial = ()

    def _remember(self) -> None:
        self._journal.append(_Entry(self._bar, self._place, self._partial, len(self.canvas.written), self._done))
        self.depth += 1

    def rewind(self, depth: int) -> None:
        entry = self._journal[depth]
        del self._journal[depth:]
        self.depth = depth
        while len(self.canvas.written) > entry.written:
            self.canvas.erase()
        self.feasible.forget()
        self._bar, self._place, self._partial, self._done = entry.bar, entry.place, entry.partial, entry.done
