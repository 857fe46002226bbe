"""A voices model at work beside its writer: reads finished frames once, keeps them cached, scores one voice at a time."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compose.music_transformer import Cache
from compose.vocabulary.voices import NUM_VOICES
from compose.voices_model import VoicesModel, frames_held
from compose.writers.base import Slot
from compose.writers.voices import VoicesWriter

__all__ = ["VoicesScorer"]

MAX_CONTEXT_FRAMES = 512


class VoicesScorer:
    """Scores a ``VoicesWriter``'s slots.

    Args:
        model: In eval mode.
        writer: Whose canvas is read.
    """

    def __init__(self, model: VoicesModel, writer: VoicesWriter) -> None:
        self.model = model
        self.writer = writer
        self._first = max(writer.first - MAX_CONTEXT_FRAMES, 0)
        self._cache = Cache()
        self._state: Tensor = model.start[None, None]
        self._frames = np.zeros((0, NUM_VOICES), dtype=np.int64)  # read so far, from self._first on

    def _frame(self, frame: int) -> list[int]:
        return [self.writer.sounding_id(frame, lane) for lane in range(NUM_VOICES)]

    @torch.inference_mode()
    def logits(self, slot: Slot) -> NDArray[np.float64]:
        """Logits of the slot's ids."""
        frame, voice = self.writer.frame, self.writer.voice
        known = min(self._cache.length, self.writer.low_water - self._first)
        wanted = frame - self._first
        if known < self._cache.length or wanted > self._cache.length:
            known = max(min(known, wanted - 1), 0)
            new = np.array([self._frame(self._first + index) for index in range(known, wanted)], dtype=np.int64)
            self._frames = np.concatenate([self._frames[:known], new.reshape(-1, NUM_VOICES)])
            self._cache.truncate(known)
            frames = torch.from_numpy(self._frames)[None]
            if wanted:
                held = frames_held(frames)[:, known:]
                self._state = self.model.states(frames[:, known:], held, self._first + known, self._cache)[:, -1:]
            else:
                self._state = self.model.start[None, None]
        self.writer.low_water = max(self.writer.low_water, frame)
        before = torch.zeros(1, 1, NUM_VOICES, dtype=torch.long)
        held = torch.zeros_like(before)
        if wanted:
            frames = torch.from_numpy(self._frames)[None]
            before, held = frames[:, -1:], frames_held(frames)[:, -1:]
        above = torch.tensor([[[self.writer.sounding_id(frame, lane) for lane in range(voice)]]], dtype=torch.long).view(
            1, 1, voice
        )
        values = self.model.voice_logits(voice, self._state, before, held, frame, above)
        return values[0, 0].double().numpy()
