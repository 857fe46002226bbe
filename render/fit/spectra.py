"""Short-time spectra on a frame grid that all sounds of a piece share, so that spectra of notes add up to that of the piece.

Frame t is centred at sample ``t * hop``; windows are Hann's. Spectra are complex64 (frame, freq), frequencies from 0 to ``top_hz``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

__all__ = ["Grid", "Patch"]


@dataclass(frozen=True, eq=False)
class Patch:
    """A stretch of frames.

    Args:
        first: Number of its first frame.
        values: (frame, freq).
    """

    first: int
    values: NDArray[np.float32]

    @property
    def frames(self) -> slice:
        """Which frames of the grid it covers."""
        return slice(self.first, self.first + len(self.values))


@dataclass(frozen=True)
class Grid:
    """Where frames are and what they show.

    Args:
        sample_rate_hz: Of the sounds.
        window_samples: Length of the windows.
        hop_samples: Between frames.
        frames: How many there are; frames before 0 and after the last are left out of patches.
        top_hz: Higher frequencies are left out.
    """

    sample_rate_hz: int
    window_samples: int
    hop_samples: int
    frames: int
    top_hz: float

    @cached_property
    def window(self) -> NDArray[np.float32]:
        """Hann's, periodic, with sum of squares 1."""
        places = np.arange(self.window_samples) / self.window_samples
        raw = 0.5 - 0.5 * np.cos(2.0 * np.pi * places)
        return np.asarray(raw / np.sqrt((raw**2).sum()), dtype=np.float32)

    @property
    def bins(self) -> int:
        """Frequencies of a frame."""
        highest = int(self.top_hz * self.window_samples / self.sample_rate_hz)
        return min(highest, self.window_samples // 2) + 1

    def span(self, start: int, samples: int) -> tuple[int, int]:
        """First and one past the last frame that a sound at a sample reaches."""
        half = self.window_samples // 2
        first = -((half - 1 - start) // self.hop_samples)
        last = (start + samples - 1 + half) // self.hop_samples
        return min(max(first, 0), self.frames), min(max(last + 1, 0), self.frames)

    def spectrum(self, sound: NDArray[np.float32], start: int) -> tuple[int, NDArray[np.complex64]]:
        """The spectrum of a sound whose first sample is ``start``: its first frame, and (frame, freq)."""
        first, stop = self.span(start, len(sound))
        return first, self.frames_of(sound, start, first, stop)

    def frames_of(self, sound: NDArray[np.float32], start: int, first: int, stop: int) -> NDArray[np.complex64]:
        """Frames ``first`` to before ``stop`` of a sound whose first sample is ``start``."""
        if stop <= first:
            return np.zeros((0, self.bins), dtype=np.complex64)
        begin = first * self.hop_samples - self.window_samples // 2
        length = (stop - first - 1) * self.hop_samples + self.window_samples
        padded = np.zeros(length, dtype=np.float32)
        low, high = max(begin, start), min(begin + length, start + len(sound))
        if high > low:
            padded[low - begin : high - begin] = sound[low - start : high - start]
        frames = sliding_window_view(padded, self.window_samples)[:: self.hop_samples]
        return np.asarray(scipy.fft.rfft(frames * self.window, axis=1)[:, : self.bins], dtype=np.complex64)

    def power(self, sound: NDArray[np.float32], start: int) -> Patch:
        """Its power spectrum."""
        first, spectrum = self.spectrum(sound, start)
        return Patch(first, spectrum.real**2 + spectrum.imag**2)
