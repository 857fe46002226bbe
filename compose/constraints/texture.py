"""How many notes sound together in a lane: polyphony, one at a time, no pitch on top of itself. Times are ticks.

All count kept and written notes alike and look ahead as well as back, so that a new note never runs into a kept one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from compose.canvas import NUM_PITCHES, Canvas, Note
from compose.constraints.base import BoolArray, Constraint, IntArray, Satisfaction
from compose.constraints.parts import pitched_lanes

__all__ = ["Monophonic", "NoOverlap", "Polyphony"]


def _most_sounding(notes: list[Note], start: int, end: int) -> int:
    """The largest number of these notes that sound at one moment of ``start <= t < end``."""
    moments = {start, *(note.onset for note in notes if start < note.onset < end)}
    return max(sum(note.onset <= moment < note.end for note in notes) for moment in moments)


def _free_until(notes: list[Note], onset: int, most: int) -> int | None:
    """The first tick from ``onset`` on at which ``most`` or more of these notes sound, or None."""
    for moment in sorted({onset, *(note.onset for note in notes if note.onset > onset)}):
        if sum(note.onset <= moment < note.end for note in notes) >= most:
            return moment
    return None


@dataclass(frozen=True)
class Polyphony(Constraint):
    """Where a new note sounds, at most so many notes sound in its lane, kept ones included.

    Args:
        text: For example ``polyphony: 2``, ``polyphony: Piano 3`` or ``polyphony: total 4``.
        limits: Lanes (None: each that no other item names) and the number, as written.
        total: At most so many in all pitched lanes together; None for no limit.
    """

    text: str = field()  # the base has a default, this has none
    limits: tuple[tuple[tuple[int, ...] | None, int], ...] = ()
    total: int | None = None

    def _limit(self, lane: int) -> int | None:
        """The limit of one lane."""
        named = [number for lanes, number in self.limits if lanes is not None and lane in lanes]
        general = [number for lanes, number in self.limits if lanes is None]
        return min(named or general, default=None)

    def _groups(self, canvas: Canvas, lane: int) -> list[tuple[tuple[int, ...], int]]:
        """The groups of lanes that count together with this one, and the limit of each."""
        limit = self._limit(lane)
        groups: list[tuple[tuple[int, ...], int]] = [] if limit is None else [((lane,), limit)]
        if self.total is not None and lane in (pitched := pitched_lanes(canvas.piece)):
            groups.append((pitched, self.total))
        return groups

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """Durations up to the first moment that is full already; shape (1, durations)."""
        allowed = np.ones((1, len(durations)), dtype=np.bool_)
        reach = onset + max(int(durations.max(initial=1)), 1)
        for lanes, limit in self._groups(canvas, lane):
            notes = [note for other in lanes for note in canvas.overlapping(other, onset, reach)]
            if len(notes) >= limit and (full := _free_until(notes, onset, limit)) is not None:
                allowed &= durations <= full - onset
        return allowed

    def measure(self, canvas: Canvas) -> Satisfaction:
        """The largest number that sounds together with a new note, beside its limit."""
        most, broken = 0, 0
        for note in canvas.written:
            for lanes, limit in self._groups(canvas, note.lane):
                together = [n for lane in lanes for n in canvas.lane_notes(lane) if n.onset < note.end and n.end > note.onset]
                count = _most_sounding(together, note.onset, note.end) if together else 0
                most, broken = max(most, count), broken + (count > limit)
        return Satisfaction(self.text, broken == 0, f"at most {most} sound together, {broken} notes above the limit")


@dataclass(frozen=True)
class Monophonic(Constraint):
    """In these lanes a new note does not overlap any other note.

    Args:
        lanes: Indices into the piece's parts.
        text: For messages.
    """

    lanes: tuple[int, ...]
    text: str = "one note at a time"

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """Durations up to the next note, if none sounds already; shape (1, durations)."""
        if lane not in self.lanes:
            return np.ones((1, 1), dtype=np.bool_)
        others = canvas.overlapping(lane, onset, onset + max(int(durations.max(initial=1)), 1))
        # Every other note that sounds in reach starts at or after the onset, or sounds at it.
        room = min((max(note.onset - onset, 0) for note in others), default=None)
        return np.ones((1, 1), dtype=np.bool_) if room is None else np.asarray(durations <= room)[None, :]

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Counts the new notes that sound together with another of their lane."""
        judged = [note for note in canvas.written if note.lane in self.lanes]
        alone = sum(
            sum(other.onset < note.end and other.end > note.onset for other in canvas.lane_notes(note.lane)) <= 1 for note in judged
        )
        return Satisfaction(self.text, alone == len(judged), f"{alone} of {len(judged)} notes alone in their lane")


@dataclass(frozen=True)
class NoOverlap(Constraint):
    """A new note does not overlap another note of its pitch in its lane, nor start with one."""

    text: str = "no overlap"

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """Per pitch, durations up to the next note of that pitch; shape (1, 1) or (128, durations)."""
        others = canvas.overlapping(lane, onset, onset + max(int(durations.max(initial=1)), 1))
        if not others:
            return np.ones((1, 1), dtype=np.bool_)
        allowed = np.ones((NUM_PITCHES, len(durations)), dtype=np.bool_)
        for note in others:
            allowed[note.pitch] &= durations <= note.onset - onset
        return allowed

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Counts the new notes that overlap another of their pitch and lane."""
        clear = 0
        for note in canvas.written:
            same = [n for n in canvas.lane_notes(note.lane) if n.pitch == note.pitch and n.onset < note.end and n.end > note.onset]
            clear += len(same) <= 1
        return Satisfaction(
            self.text, clear == len(canvas.written), f"{clear} of {len(canvas.written)} notes clear of their own pitch"
        )
