"""A voices model at work beside its writer: reads each slot once, keeps it cached, and slides its window over long pieces."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from compose.music_transformer import Cache
from compose.vocabulary.voices import NUM_VOICES
from compose.voices_model import VoicesModel, slot_inputs
from compose.writers.base import Slot
from compose.writers.voices import VoicesWriter

__all__ = ["VoicesScorer"]


class VoicesScorer:
    """Scores a ``VoicesWriter``'s slots.

    Args:
        model: In eval mode.
        writer: Whose canvas is read.
    """

    def __init__(self, model: VoicesModel, writer: VoicesWriter) -> None:
        self.model = model
        self.writer = writer
        self._cache = Cache()
        window = model.config.window_frames
        self._opening = 0 if writer.first < window else writer.first - window // 2
        self._first = self._opening  # frame at which the window begins
        self._frames = np.zeros((0, NUM_VOICES), dtype=np.int64)  # of the window, those that are complete

    @torch.inference_mode()
    def logits(self, slot: Slot) -> NDArray[np.float64]:
        """Logits of the slot's ids."""
        frame, voice = self.writer.frame, self.writer.voice
        self._slide(frame)
        stands = max(self.writer.low_water - self._first, 0)  # frames of the window that are as they were
        rows = self._frames[:stands]
        new = [[self.writer.sounding_id(f, lane) for lane in range(NUM_VOICES)] for f in range(self._first + len(rows), frame + 1)]
        rows = np.concatenate([rows, np.array(new, dtype=np.int64)])
        here = NUM_VOICES * (frame - self._first) + voice
        read = min(self._cache.length, NUM_VOICES * stands + 1, here)
        self._cache.truncate(read)
        inputs = slot_inputs(torch.from_numpy(rows)[None], self._first, self.model.config.num_pitches)
        voices = [place % NUM_VOICES for place in range(read, here + 1)]
        values = self.model.step(inputs.since(read, here + 1), voices, self._cache)
        self._frames = rows[:-1]
        self.writer.low_water = frame + 1
        return values.double().numpy()

    def _slide(self, frame: int) -> None:
        """Begin the window anew, half as long, where the frame lies before it or the window is full; as it was for a restart."""
        window = self.model.config.window_frames
        first = self._opening if self.writer.depth == 0 else self._first
        if frame < first or frame - first >= window:
            first = max(frame - window // 2, 0)
        if first != self._first:
            self._first = first
            self._cache = Cache()
            self._frames = self._frames[:0]
