"""A voices model at work beside its writer: reads finished frames once, keeps them cached, scores one voice at a time."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compose.music_transformer import Cache
from compose.vocabulary.voices import NUM_PITCH_IDS, NUM_VOICES
from compose.voices_model import VoicesModel, frames_held, home_shift
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
        # the model's one key, told by the piece's first frame; a piece that is written from its first frame is in it already
        self._shift = home_shift([writer.sounding_id(0, lane) for lane in range(NUM_VOICES)]) if writer.first else 0

    def _home(self, token: int) -> int:
        """An id in the model's key; what leaves the range is silence to it."""
        moved = token + self._shift
        return moved if token and 1 <= moved <= NUM_PITCH_IDS else 0

    def _frame(self, frame: int, voices: int = NUM_VOICES) -> list[int]:
        return [self._home(self.writer.sounding_id(frame, lane)) for lane in range(voices)]

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
        at_home = values[0, 0].double().numpy()
        out = np.full(1 + NUM_PITCH_IDS, float(at_home.min()))
        out[0] = at_home[0]
        ids = np.arange(1, 1 + NUM_PITCH_IDS)
        inside = (ids + self._shift >= 1) & (ids + self._shift <= NUM_PITCH_IDS)
        out[ids[inside]] = at_home[ids[inside] + self._shift]
        return out
