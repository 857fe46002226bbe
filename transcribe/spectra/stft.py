"""The short-time Fourier transform, and powers in it, as the rest of the front end uses them.

Hann windows (periodic), centred on the frames of ``transcribe.spectra.timing``, sound taken as silence outside. float32 on the
device of the samples. The same as ``librosa.stft(center=True, pad_mode="constant")`` but for one frame at the end.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from jaxtyping import Complex, Float
from torch import Tensor
from torch.nn import functional

from transcribe.spectra.timing import HOP_SAMPLES, num_frames

__all__ = ["power_spectrum", "stft"]


@lru_cache(maxsize=32)
def _window(size: int, device: str) -> Tensor:
    return torch.hann_window(size, periodic=True, device=device)


def stft(samples: Float[Tensor, "batch sample"], window_samples: int) -> Complex[Tensor, "batch time freq"]:
    """Spectra around each frame.

    Args:
        samples: float32; none have no frames.
        window_samples: An even length; the spectrum has half as many bins and one more.

    Returns:
        complex64; bin k is at k * SAMPLE_RATE_HZ / window_samples.
    """
    half = window_samples // 2
    frames = num_frames(samples.shape[1])
    if not frames:
        return torch.zeros(len(samples), 0, half + 1, dtype=torch.complex64, device=samples.device)
    needed = (frames - 1) * HOP_SAMPLES + half - samples.shape[1]
    padded = functional.pad(samples, (half, max(needed, 0)))
    cut = padded.unfold(1, window_samples, HOP_SAMPLES)[:, :frames]
    spectrum: Tensor = torch.fft.rfft(cut * _window(window_samples, str(samples.device)))
    return spectrum


def power_spectrum(samples: Float[Tensor, "batch sample"], window_samples: int) -> Float[Tensor, "batch time freq"]:
    """Powers, scaled so that a sine of amplitude 1 in the middle of a bin has 1 there."""
    spectrum = torch.view_as_real(stft(samples, window_samples))
    return spectrum.square().sum(-1) * (4.0 / window_samples) ** 2
