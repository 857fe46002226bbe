"""What a hand can hold on a keyboard: a span and five notes. Times are ticks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from compose.canvas import NUM_PITCHES, Canvas
from compose.constraints.base import BoolArray, Constraint, IntArray, Satisfaction

__all__ = ["Hands"]

FINGERS = 5


@dataclass(frozen=True)
class Hands(Constraint):
    """While a new note sounds in one of these lanes, all that sounds in the lane lies within a span, five notes at most.

    Args:
        text: For example ``hands: both``.
        lanes: Each is a hand.
        span: In semitones; 14 is a ninth, wide for most hands.
    """

    text: str = field()  # the base has a default, this has none
    lanes: tuple[int, ...]
    span: int

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """Pitches within the span of all that a duration meets; shape (1, 1) or (128, durations)."""
        if lane not in self.lanes:
            return np.ones((1, 1), dtype=np.bool_)
        others = canvas.overlapping(lane, onset, onset + max(int(durations.max(initial=1)), 1))
        if not others:
            return np.ones((1, 1), dtype=np.bool_)
        allowed = np.ones((NUM_PITCHES, len(durations)), dtype=np.bool_)
        pitches = np.arange(NUM_PITCHES)
        for other in others:
            allowed &= (np.abs(pitches - other.pitch) <= self.span)[:, None] | (durations <= other.onset - onset)[None, :]
        moments = sorted({onset, *(other.onset for other in others if other.onset > onset)})
        full = next((t for t in moments if sum(other.onset <= t < other.end for other in others) >= FINGERS), None)
        if full is not None:
            allowed &= (durations <= full - onset)[None, :]
        return allowed

    def conflict(self, canvas: Canvas) -> str | None:
        """The region must write a hand."""
        return None if set(self.lanes) & set(canvas.region.lanes) else "the region writes none of these staves"

    def measure(self, canvas: Canvas) -> Satisfaction:
        """The widest span and the most notes that sound together with a new note, at each onset."""
        widest, most = 0, 0
        for note in canvas.written:
            if note.lane not in self.lanes:
                continue
            near = [n for n in canvas.lane_notes(note.lane) if n.onset < note.end and n.end > note.onset]
            for moment in {note.onset, *(n.onset for n in near if n.onset > note.onset)}:
                together = [n.pitch for n in near if n.onset <= moment < n.end]
                reach = max(abs(p - note.pitch) for p in together)
                widest, most = max(widest, reach), max(most, len(together))
        fine = widest <= self.span and most <= FINGERS
        return Satisfaction(self.text, fine, f"at most {widest} semitones and {most} notes at once")
