"""A ``performance`` model at work beside its writer: all that sounds up to now, of all lanes, as one stream of events.

The vocabulary shows nothing ahead: kept notes of the region come in when their time does. Events are those of
``compose.vocabulary.performance``, from the first note of the history on. A plan of a note's length is scored as what the model
would write if nothing else came in between: the stream, the note on and the plan's whole seconds. Which lane plays is not in the
stream; it is the likelier the nearer the pitch lies to the lane's notes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from compose.canvas import Canvas, Note
from compose.flat_scorer import UNKNOWN, StreamReader, lane_shares
from compose.flat_step import FlatStep
from compose.vocabulary.base import Meaning
from compose.vocabulary.performance import (
    MAX_SHIFT_TICKS,
    NOTE_OFF,
    NOTE_ON,
    TIME_SHIFT,
    VELOCITY,
    note_events,
    velocity_bin,
)
from compose.writers.base import Slot
from compose.writers.performance import WHOLE_SECOND, PerformanceWriter

__all__ = ["PerformanceScorer"]

HISTORY_NOTES: Final = 256
DEFAULT_BIN: Final = 17  # before a first note


def _one_stream(canvas: Canvas, lane: int) -> int:
    """No lane is told from another."""
    return 0


class PerformanceScorer:
    """Scores a ``PerformanceWriter``'s slots.

    Args:
        model: The model's weights for single steps.
        writer: Whose canvas is read.
        cached: See ``StreamReader``.
    """

    def __init__(self, model: FlatStep, writer: PerformanceWriter, cached: bool = True) -> None:
        self.model = model
        self.writer = writer
        self._reader = StreamReader(model, cached)
        self._shares = lane_shares(writer.canvas, _one_stream)
        sounding = [note for note in writer.canvas.fixed if note.duration]
        start = writer.canvas.region.start
        self._kept = self._rows(
            [note for note in sounding if note.onset < start][-HISTORY_NOTES:] + [note for note in sounding if note.onset >= start]
        )
        self._base = min(int(self._kept[0].min(initial=writer.clock)), writer.clock)

    def _rows(self, notes: list[Note]) -> NDArray[np.int64]:
        """Onset, end, pitch and velocity bin of notes, shape (4, notes)."""
        rows = [(self.writer.clock_of(n.onset), self.writer.clock_of(n.end), n.pitch, n.velocity) for n in notes]
        onset, end, pitch, velocity = np.array(rows, dtype=np.int64).reshape(-1, 4).T
        return np.stack([onset, np.maximum(end, onset + 1), pitch, velocity_bin(velocity)])

    def stream(self) -> NDArray[np.int64]:
        """The events up to the writer's clock, shifts to it included; a velocity stands in front, so that there is always one."""
        now = self.writer.clock
        rows = np.concatenate([self._kept, self._rows(self.writer.canvas.written)], axis=1)
        rows = rows[:, rows[0] <= now]
        onset, end, pitch, velocity = rows[:, np.lexsort((rows[1], rows[2], rows[0]))]
        events = note_events(onset - self._base, end - self._base, pitch, velocity)
        is_shift = (events >= TIME_SHIFT) & (events < VELOCITY)
        times = np.cumsum(np.where(is_shift, events - TIME_SHIFT + 1, 0))
        known = events[times <= now - self._base]
        gap = now - self._base - (int(times[len(known) - 1]) if len(known) else 0)
        whole, rest = divmod(gap, MAX_SHIFT_TICKS)
        shifts = [WHOLE_SECOND] * whole + ([TIME_SHIFT + rest - 1] if rest else [])
        opening = [] if len(known) and known[0] >= VELOCITY else [VELOCITY + DEFAULT_BIN]
        return np.concatenate([np.array(opening, dtype=np.int64), known, np.array(shifts, dtype=np.int64)])

    def logits(self, slot: Slot) -> NDArray[np.float64]:
        """Logits of the slot's ids."""
        pitch = self.writer.pitch
        if slot.meaning is Meaning.LANE:
            assert pitch is not None
            out = np.full(len(slot.mask), UNKNOWN)
            for lane, shares in self._shares.items():
                out[lane] = shares[pitch]
            return out
        stream = self.stream()
        if self.writer.plan is not None:
            pitch, seconds = self.writer.plan
            plan = [NOTE_ON + pitch, *[WHOLE_SECOND] * seconds]
            return self.model.log_probabilities(0, self._reader.states(np.append(stream, plan))[-1])
        out = self.model.log_probabilities(0, self._reader.states(stream)[-1])
        # A velocity is given, and always followed by a note: its share is the notes'.
        notes, velocities = (float(np.logaddexp.reduce(out[part])) for part in (slice(NOTE_ON, NOTE_OFF), slice(VELOCITY, None)))
        out[NOTE_ON:NOTE_OFF] += np.logaddexp(notes, velocities) - notes
        return out
