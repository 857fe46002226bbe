"""The frame grid of the DDSP instruments: what is said about a sound 125 times a second, and how it becomes a curve in samples.

Conventions: frame 0 stands just before sample 0, frame n at the end of ``n * hop_samples`` samples; so F frames bound F - 1
intervals and (F - 1) * hop_samples samples, and the last sample of an interval lies on its right-hand frame. Sounds that go on
after a chunk begin with the frame at which the chunk ended, which is why streaming and offline synthesis are the same arithmetic.

Source: Engel et al., "DDSP: Differentiable Digital Signal Processing" (arXiv 2001.04643), section 3.2 and appendix B: amplitudes
go through overlapping Hann windows, which interpolates them by raised cosines; pitch is interpolated linearly.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["FRAME_HZ", "SAMPLE_RATE_HZ", "fade_in", "hop_samples", "smoothed", "upsample_hann", "upsample_linear"]

SAMPLE_RATE_HZ = 44_100  # of the analysis and of the noise bands
FRAME_HZ = 125.0


def hop_samples(sample_rate_hz: int) -> int:
    """Samples between frames: 8 ms to the nearest sample."""
    return round(sample_rate_hz / FRAME_HZ)


def fade_in(length: int, dtype: torch.dtype = torch.float64) -> Float[Tensor, " sample"]:
    """The right-hand frame's share at each sample of an interval: the rising half of a Hann window, which ends at 1."""
    places = torch.arange(1, length + 1, dtype=torch.float64) / length
    return (0.5 - 0.5 * torch.cos(torch.pi * places)).to(dtype)


def upsample_hann(frames: Float[Tensor, "*batch frame"], hop: int) -> Float[Tensor, "*batch sample"]:
    """Curves through the frames by Hann windows of two intervals that overlap by half.

    Args:
        frames: F values, at least two.
        hop: Samples of an interval.

    Returns:
        (F - 1) * hop samples.
    """
    rise = fade_in(hop, frames.dtype).to(frames.device)
    left, right = frames[..., :-1, None], frames[..., 1:, None]
    return (left + (right - left) * rise).flatten(-2)


def upsample_linear(frames: Float[Tensor, "*batch frame"], hop: int) -> Float[Tensor, "*batch sample"]:
    """Straight lines through the frames; shapes as ``upsample_hann``."""
    share = torch.arange(1, hop + 1, dtype=frames.dtype, device=frames.device) / hop
    left, right = frames[..., :-1, None], frames[..., 1:, None]
    return (left + (right - left) * share).flatten(-2)


def smoothed(curve: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    """A curve over frames under a Hann window of an odd number of them, as long as before; its ends go on."""
    window = np.hanning(frames + 2)[1:-1]
    return np.convolve(np.pad(curve, frames // 2, mode="edge"), window / window.sum(), mode="valid")
