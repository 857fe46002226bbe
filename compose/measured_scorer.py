"""A measured model at work beside its writer: reads the stream's steps once, keeps them cached, scores one field at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compose.measured_step import MeasuredStep
from compose.single_step import Floats
from compose.vocabulary.base import Meaning
from compose.writers.base import Slot
from compose.writers.measured import MeasuredWriter

__all__ = ["MeasuredScorer"]


class MeasuredScorer:
    """Scores a ``MeasuredWriter``'s slots.

    Args:
        model: The model's weights for single steps.
        writer: Whose stream is read.
        cached: Whether to keep keys and values; without, every step reads the whole stream again (the benchmark's baseline).
    """

    def __init__(self, model: MeasuredStep, writer: MeasuredWriter, cached: bool = True) -> None:
        self.model = model
        self.writer = writer
        self.cached = cached
        self._stream = model.stream(pinned=writer.stream.header)
        self._states: list[Floats] = []  # after each step read, (embed,)
        self._note: tuple[Floats, tuple[int, ...], Floats, NDArray[np.int64]] | None = None

    def logits(self, slot: Slot) -> NDArray[np.float64]:
        """Logits of the slot's ids; those that the model knows nothing of stay out of reach of its mask anyway."""
        state = self._read()
        situation, partial = self.writer.stream.situation, self.writer.partial
        if slot.meaning is Meaning.ONSET:
            values = self.model.next_logits(state, situation.moment(self.writer.stream.now))
        elif slot.meaning is Meaning.LANE:
            onset = self.writer.stream.chunk.start + partial[0]
            values = self.model.lane_logits(state, partial[0], situation.onset(onset))
        else:
            note, numbers = self._note_state(state)
            if slot.meaning is Meaning.PITCH:
                values = self.model.pitch_logits(note, numbers)
            else:
                values = self.model.duration_logits(note, partial[2])
        return values.astype(np.float64)

    def _note_state(self, state: Floats) -> tuple[Floats, NDArray[np.int64]]:
        """What pitch and duration are decided from, and the numbers behind it; made once a note, anew after a step back."""
        following, lane = self.writer.partial[:2]
        if self._note is None or self._note[0] is not state or self._note[1] != (following, lane):
            situation, onset = self.writer.stream.situation, self.writer.stream.chunk.start + following
            rolls, numbers = situation.note(onset, lane - 1)
            note = self.model.note_state(state, following, lane, situation.onset(onset), rolls, numbers)
            self._note = (state, (following, lane), note, numbers)
        return self._note[2:]

    def _read(self) -> Floats:
        """State after the stream's last step; the same object as long as the steps are the same, also after a step back to it."""
        rows = self.writer.stream.rows
        known = min(len(self._states), self.writer.low_water)
        if known < len(rows):
            self._stream.truncate(known if self.cached else 0)
            known = self._stream.length
            self._states[known:] = self._stream.read(self.model.embed(np.stack(rows[known:])))
        self.writer.low_water = len(rows)
        return self._states[len(rows) - 1]
