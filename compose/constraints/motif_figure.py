"""A figure of notes: its times on a canvas, its pitches from every pitch, and the runs of notes that are it. Times are ticks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from compose.canvas import NUM_PITCHES, Canvas
from compose.constraints.base import IntArray
from compose.constraints.contour import top_line

__all__ = ["Figure", "MotifNote"]


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
class Figure:
    """Notes that come together, from any pitch.

    Args:
        notes: By onset.
        diatonic: Whether it moves by steps of a scale; else by semitones.
        phase: Where in its bar it stands, in quarters.
    """

    notes: tuple[MotifNote, ...]
    diatonic: bool = False
    phase: Fraction = Fraction(0)

    def times(self, canvas: Canvas) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """Offsets and lengths; None where they fall between the ticks of the writing grid."""
        pairs = [(note.offset * canvas.ticks_per_quarter, note.length * canvas.ticks_per_quarter) for note in self.notes]
        if any(value.denominator > 1 or int(value) % canvas.ticks_per_step for pair in pairs for value in pair):
            return None
        return tuple(int(offset) for offset, _ in pairs), tuple(int(length) for _, length in pairs)

    def length(self, canvas: Canvas) -> int:
        """From its first onset to its last end."""
        last = self.notes[-1]
        return int((last.offset + last.length) * canvas.ticks_per_quarter)

    def pitches(self, scale: IntArray | None) -> IntArray:
        """The figure from every pitch, shape (ways, notes); without rows where it cannot be moved by steps of the scale.

        Args:
            scale: All pitches of the scale, ascending; None without one.
        """
        steps = np.array([note.pitch for note in self.notes], dtype=np.int64)
        ladder: IntArray = np.arange(NUM_PITCHES, dtype=np.int64)
        if self.diatonic:
            if scale is None or not np.isin(steps, scale).all():
                return np.zeros((0, len(steps)), dtype=np.int64)
            ladder, steps = scale, np.searchsorted(scale, steps)
        rungs = np.arange(-steps.min(), len(ladder) - steps.max())[:, None] + steps
        return np.asarray(ladder[rungs], dtype=np.int64)

    def is_at(self, pitches: Sequence[int], scale: IntArray | None) -> bool:
        """Whether these pitches are the figure's, moved."""
        own = [note.pitch for note in self.notes]
        if not self.diatonic:
            return len({pitch - other for pitch, other in zip(pitches, own, strict=True)}) == 1
        ladder = [] if scale is None else scale.tolist()
        if not set(pitches) | set(own) <= set(ladder):
            return False
        return len({ladder.index(pitch) - ladder.index(other) for pitch, other in zip(pitches, own, strict=True)}) == 1

    def runs(self, canvas: Canvas, lane: int) -> Iterator[tuple[int, list[int]]]:
        """Start and pitches of each run of a lane's highest new notes that has the figure's rhythm, with nothing beside it."""
        times = self.times(canvas)
        if times is None or len(canvas.written) < len(self.notes):
            return
        new = top_line(canvas.written, lane)
        every = sorted({n.onset for n in canvas.lane_notes(lane) if n.duration})
        for index in range(len(new) - len(self.notes) + 1):
            run = new[index : index + len(self.notes)]
            start, end = run[0].onset, run[0].onset + self.length(canvas)
            if (tuple(n.onset - start for n in run), tuple(n.duration for n in run)) != times:
                continue
            if every[bisect_left(every, start) : bisect_left(every, end)] == [n.onset for n in run]:
                yield start, [n.pitch for n in run]
