"""The constant-Q transform: each bin looks at the same number of periods (Brown, JASA 89(1), 1991), by kernels in frequency.

Kernels are Hann-windowed tones whose lengths are ``Q`` periods, of unit sum, multiplied with the Fourier transform of each frame
(Brown and Puckette, JASA 92(5), 1992). Values are scaled by the root of the kernel's length, as ``librosa.cqt(scale=True)`` does.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from transcribe.spectra.timing import HOP_SAMPLES, SAMPLE_RATE_HZ, num_frames

__all__ = ["constant_q"]

FRAMES_AT_ONCE = 256
NEGLIGIBLE = 1e-4  # of a kernel's largest value


@lru_cache(maxsize=4)
def _kernels(low_hz: float, bins: int, bins_per_octave: int) -> tuple[int, Tensor, Tensor]:
    """Length of the transform, kernels (freq, bins) complex64 and the scale of each bin."""
    hz = low_hz * 2.0 ** (torch.arange(bins, dtype=torch.float64) / bins_per_octave)
    step = 2.0 ** (2.0 / bins_per_octave)
    quality = (step + 1.0) / (step - 1.0)  # as librosa's relative bandwidth
    lengths = quality * SAMPLE_RATE_HZ / hz
    size = 1 << int(torch.ceil(torch.log2(lengths.max())).item())
    time = torch.arange(size, dtype=torch.float64) - size // 2
    inside = time[:, None].abs() <= lengths / 2
    window = torch.where(inside, 0.5 + 0.5 * torch.cos(2 * torch.pi * time[:, None] / lengths), 0.0)
    tones = window / window.sum(0) * torch.exp(2j * torch.pi * hz * time[:, None] / SAMPLE_RATE_HZ)
    spectrum = torch.fft.fft(torch.fft.ifftshift(tones, dim=0), dim=0)[: size // 2 + 1].conj() / size
    spectrum[spectrum.abs() < NEGLIGIBLE * spectrum.abs().amax(0)] = 0.0
    return size, spectrum.to(torch.complex64), lengths.sqrt().float()


def constant_q(
    samples: Float[Tensor, "batch sample"], low_hz: float = 32.703195, bins: int = 84, bins_per_octave: int = 12
) -> Float[Tensor, "batch time bin"]:
    """Magnitudes of the transform.

    Args:
        samples: float32 at SAMPLE_RATE_HZ; silence outside.
        low_hz: Of the first bin; C1.
        bins: How many; the last must lie below 8 kHz.
        bins_per_octave: How many to the octave.

    Raises:
        ValueError: The last bin lies above half the sample rate.
    """
    if low_hz * 2.0 ** ((bins - 1) / bins_per_octave) >= SAMPLE_RATE_HZ / 2:
        raise ValueError(f"constant-Q: expected bins below {SAMPLE_RATE_HZ // 2} Hz, got {bins} from {low_hz} Hz")
    size, kernels, scale = _kernels(low_hz, bins, bins_per_octave)
    frames = num_frames(samples.shape[1])
    needed = (frames - 1) * HOP_SAMPLES + size // 2 - samples.shape[1]
    padded = functional.pad(samples, (size // 2, max(needed, 0)))
    cut = padded.unfold(1, size, HOP_SAMPLES)[:, :frames]
    parts = []
    for first in range(0, frames, FRAMES_AT_ONCE):
        shifted = torch.fft.ifftshift(cut[:, first : first + FRAMES_AT_ONCE], dim=-1)
        values = torch.fft.rfft(shifted) @ kernels.to(samples.device)
        parts.append(values.abs() * scale.to(samples.device))
    return torch.cat(parts, 1)
