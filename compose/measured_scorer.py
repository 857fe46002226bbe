"""A measured model at work beside its writer: reads the stream's steps once, keeps them cached, scores one field at a time."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compose.measured_model import MeasuredModel
from compose.music_transformer import Cache
from compose.vocabulary.base import Meaning
from compose.writers.base import Slot
from compose.writers.measured import MeasuredWriter

__all__ = ["MeasuredScorer"]


class MeasuredScorer:
    """Scores a ``MeasuredWriter``'s slots.

    Args:
        model: In eval mode.
        writer: Whose stream is read.
        cached: Whether to keep keys and values; without, every step reads the whole stream again (the benchmark's baseline).
    """

    def __init__(self, model: MeasuredModel, writer: MeasuredWriter, cached: bool = True) -> None:
        self.model = model
        self.writer = writer
        self.cached = cached
        self._cache = Cache()
        self._state: Tensor | None = None  # after the last step read, (1, embed)
        self._steps_read = 0
        self._note: tuple[Tensor, tuple[int, ...], Tensor, Tensor] | None = None  # state, next and lane; note state, numbers

    @torch.inference_mode()
    def logits(self, slot: Slot) -> NDArray[np.float64]:
        """Logits of the slot's ids; those that the model knows nothing of stay out of reach of its mask anyway."""
        state = self._read()
        model, writer = self.model, self.writer
        situation, partial = writer.stream.situation, writer.partial
        if slot.meaning is Meaning.ONSET:
            values = model.next_logits(state, _bits(situation.moment(writer.stream.now)))
        elif slot.meaning is Meaning.LANE:
            onset = writer.stream.chunk.start + partial[0]
            values = model.lane_logits(state, torch.tensor([partial[0]]), _bits(situation.onset(onset)))
        else:
            note, numbers = self._note_state(state)
            if slot.meaning is Meaning.PITCH:
                values = model.pitch_logits(note, numbers)
            else:
                values = model.duration_logits(note, torch.tensor([partial[2]]))
        return values[0].double().numpy()

    def _note_state(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """What pitch and duration are decided from, and the numbers behind it; made once a note, anew after a step back."""
        following, lane = self.writer.partial[:2]
        if self._note is None or self._note[0] is not state or self._note[1] != (following, lane):
            situation, onset = self.writer.stream.situation, self.writer.stream.chunk.start + following
            rolls, values = situation.note(onset, lane - 1)
            onset_bits, numbers = _bits(situation.onset(onset)), torch.from_numpy(values)[None]
            note = self.model.note_state(state, torch.tensor([following]), torch.tensor([lane]), onset_bits, _bits(rolls), numbers)
            self._note = (state, (following, lane), note, numbers)
        return self._note[2:]

    def _read(self) -> Tensor:
        """State after the stream's last step; the same object as long as the steps are the same."""
        rows = self.writer.stream.rows
        known = min(self._steps_read, self.writer.low_water)
        if self._state is not None and known == self._steps_read == len(rows):
            return self._state
        if self.cached:
            known = min(known, len(rows) - 1)
            self._cache.truncate(known)
            self._state = self.model.states(torch.from_numpy(np.stack(rows[known:]))[None], self._cache)[:, -1]
        else:
            self._state = self.model.states(torch.from_numpy(np.stack(rows))[None])[:, -1]
        self._steps_read = self.writer.low_water = len(rows)
        return self._state


def _bits(bits: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(bits).float()[None]
