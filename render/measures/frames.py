"""Short-time spectra of a sound, some frames at a time.

Frame k is centred on sample k * hop, with silence before and after the sound; the window is a periodic Hann window. Values are
float64; ``(frame, freq)`` with size // 2 + 1 frequencies.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["magnitude_frames"]

VALUES_AT_ONCE = 1 << 20


def magnitude_frames(samples: NDArray[np.float64], size: int, hop: int) -> Iterator[NDArray[np.float64]]:
    """Magnitudes of all 1 + samples // hop frames of a sound of one channel, in order, in pieces of bounded size.

    Args:
        samples: (sample,)
        size: Samples of the transform; even.
        hop: Samples between frames.
    """
    padded = np.pad(samples, size // 2)
    window = np.hanning(size + 1)[:-1]
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    step = max(VALUES_AT_ONCE // size, 1)
    for start in range(0, len(frames), step):
        yield np.abs(np.fft.rfft(frames[start : start + step] * window, axis=-1))
