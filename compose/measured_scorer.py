"""A measured model at work beside its writer: reads the stream's steps once, keeps them cached, scores one field at a time."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compose.measured_model import MeasuredModel
from compose.music_transformer import Cache
from compose.vocabulary.base import Meaning
from compose.vocabulary.measured_fields import START
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
        self._note: Tensor | None = None

    @torch.inference_mode()
    def logits(self, slot: Slot) -> NDArray[np.float64]:
        """Logits of the slot's ids; those that the model knows nothing of stay out of reach of its mask anyway."""
        state = self._read()
        model, writer = self.model, self.writer
        situation, partial = writer.stream.situation, writer.partial
        if slot.meaning is Meaning.ONSET:
            values = model.next_logits(state, _bits(situation.moment(writer.stream.now)))[:, : START + 1]
        else:
            onset = writer.stream.chunk.start + partial[0]
            following, onset_bits = torch.tensor([partial[0]]), _bits(situation.onset(onset))
            if slot.meaning is Meaning.LANE:
                values = model.lane_logits(state, following, onset_bits)
            elif slot.meaning is Meaning.PITCH:
                rolls, numbers = situation.note(onset, partial[1] - 1)
                known = torch.from_numpy(numbers)[None]
                self._note = model.note_state(state, following, torch.tensor([partial[1]]), onset_bits, _bits(rolls), known)
                values = model.pitch_logits(self._note, known)
            else:
                assert self._note is not None
                values = model.duration_logits(self._note, torch.tensor([partial[2]]))
        return values[0].double().numpy()

    def _read(self) -> Tensor:
        """State after the stream's last step."""
        rows = self.writer.stream.rows
        known = min(self._cache.length, self.writer.low_water) if self.cached else 0
        if known == len(rows) and self._state is not None and self._cache.length == known:
            return self._state
        known = min(known, len(rows) - 1)
        if self.cached:
            self._cache.truncate(known)
        steps = torch.from_numpy(np.stack(rows[known:]))[None]
        self._state = self.model.states(steps, self._cache if self.cached else None)[:, -1]
        self.writer.low_water = len(rows)
        return self._state


def _bits(bits: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(bits).float()[None]
