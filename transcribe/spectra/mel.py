"""Mel spectrograms: powers of a Fourier transform summed by triangles on the mel scale.

The scale is Slaney's (Auditory Toolbox, 1998: linear below 1 kHz, logarithmic above), or HTK's (2595 log10(1 + f / 700)); triangles
have the same area. As ``librosa.filters.mel``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from transcribe.spectra.stft import stft
from transcribe.spectra.timing import SAMPLE_RATE_HZ

__all__ = ["MelScale", "hz_to_mel", "log_mel", "mel_filters", "mel_to_hz"]

MelScale = Literal["slaney", "htk"]

LINEAR_HZ_PER_MEL, KNEE_HZ = 200.0 / 3.0, 1000.0
KNEE_MEL = KNEE_HZ / LINEAR_HZ_PER_MEL
LOG_STEP = torch.log(torch.tensor(6.4, dtype=torch.float64)) / 27.0  # 27 mels from 1 to 6.4 kHz
FLOOR = 1e-6


def hz_to_mel(hz: Float[Tensor, " freq"], scale: MelScale = "slaney") -> Float[Tensor, " freq"]:
    """Mels of frequencies."""
    if scale == "htk":
        return 2595.0 * torch.log10(1.0 + hz / 700.0)
    return torch.where(hz < KNEE_HZ, hz / LINEAR_HZ_PER_MEL, KNEE_MEL + torch.log(hz.clamp(min=1e-9) / KNEE_HZ) / LOG_STEP)


def mel_to_hz(mel: Float[Tensor, " freq"], scale: MelScale = "slaney") -> Float[Tensor, " freq"]:
    """Frequencies of mels."""
    if scale == "htk":
        return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    return torch.where(mel < KNEE_MEL, mel * LINEAR_HZ_PER_MEL, KNEE_HZ * torch.exp(LOG_STEP * (mel - KNEE_MEL)))


@lru_cache(maxsize=8)
def mel_filters(
    window_samples: int = 2048,
    bands: int = 229,
    low_hz: float = 30.0,
    high_hz: float = 8000.0,
    scale: MelScale = "slaney",
) -> Float[Tensor, "freq band"]:
    """Weights from the bins of a Fourier transform to bands.

    Args:
        window_samples: Of the transform.
        bands: How many.
        low_hz, high_hz: Lower end of the first band and upper end of the last.
        scale: Which mels.
    """
    ends = hz_to_mel(torch.tensor([low_hz, high_hz], dtype=torch.float64), scale)
    corners = mel_to_hz(torch.linspace(float(ends[0]), float(ends[1]), bands + 2, dtype=torch.float64), scale)
    bins = torch.arange(window_samples // 2 + 1, dtype=torch.float64)[:, None] * (SAMPLE_RATE_HZ / window_samples)
    rising = (bins - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins) / (corners[2:] - corners[1:-1])
    triangles = torch.minimum(rising, falling).clamp(min=0.0)
    return (triangles * 2.0 / (corners[2:] - corners[:-2])).float()


def log_mel(
    samples: Float[Tensor, "batch sample"], window_samples: int = 2048, filters: Float[Tensor, "freq band"] | None = None
) -> Float[Tensor, "batch time band"]:
    """Natural logarithms of the bands' powers, over a floor of 1e-6.

    Args:
        samples: float32 at SAMPLE_RATE_HZ.
        window_samples: Of the transform.
        filters: ``mel_filters`` for such windows; its default where left out.
    """
    weights = mel_filters(window_samples) if filters is None else filters
    powers = torch.view_as_real(stft(samples, window_samples)).square().sum(-1)
    return (powers @ weights.to(samples.device) + FLOOR).log()
