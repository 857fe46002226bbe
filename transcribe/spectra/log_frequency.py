"""A spectrogram on a scale of pitch, three bins to the semitone, at two resolutions: sharp in pitch, and quick in time.

A constant-Q transform of bin A0 would look at two seconds; here short windows serve all but the low notes, and low notes show
by their partials. Each bin is a weighted sum of the powers of one Fourier transform: Gaussian weights about its frequency, as wide
as a bin of this scale or as the transform can tell apart, whichever is wider. ``sharp`` takes windows of 512 ms below 260 Hz,
256 ms below 520 Hz and 128 ms above; ``quick`` 128 ms below 200 Hz, 64 ms below 1 kHz and 32 ms above.

Conventions: bin 1 is A0 (27.5 Hz, MIDI 21), so bins 3 (p - 21) to 3 (p - 21) + 2 belong to MIDI pitch p; values are decibels
divided by ten over a floor of -80 dB, so that silence is 0 and a full-scale sine about 8.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from transcribe.spectra.stft import power_spectrum
from transcribe.spectra.timing import SAMPLE_RATE_HZ

__all__ = [
    "BINS_PER_OCTAVE",
    "BINS_PER_SEMITONE",
    "LONGEST_WINDOW",
    "LOWEST_PITCH",
    "NUM_BINS",
    "bin_frequencies_hz",
    "log_frequency",
]

BINS_PER_SEMITONE = 3
BINS_PER_OCTAVE = 12 * BINS_PER_SEMITONE
LOWEST_PITCH, LOWEST_HZ = 21, 27.5
NUM_BINS = 295  # up to 7,757 Hz
FLOOR = 1e-8  # -80 dB
WIDEST_LOBE = 1.2  # standard deviation of the weights at least, in bins of the Fourier transform


class Band(NamedTuple):
    """Bins below a frequency are from windows of this many samples."""

    below_hz: float
    window_samples: int


SHARP = (Band(260.0, 8192), Band(520.0, 4096), Band(float("inf"), 2048))
QUICK = (Band(200.0, 2048), Band(1000.0, 1024), Band(float("inf"), 512))


def bin_frequencies_hz() -> Float[Tensor, " freq"]:
    """Centres of the bins, float64."""
    steps = torch.arange(NUM_BINS, dtype=torch.float64) - 1
    return LOWEST_HZ * 2 ** (steps / BINS_PER_OCTAVE)


LONGEST_WINDOW = max(band.window_samples for band in SHARP)


class _Piece(NamedTuple):
    """Bins that come from one transform, and their weights over a range of its bins."""

    window_samples: int
    first: int  # of the transform's bins
    last: int  # exclusive
    weights: Tensor  # (last - first, bins)


@lru_cache(maxsize=8)
def _pieces(bands: tuple[Band, ...], device: str) -> tuple[_Piece, ...]:
    found, below = [], 0.0
    centres = bin_frequencies_hz()
    for band in bands:
        own = centres[(centres >= below) & (centres < band.below_hz)]
        below = band.below_hz
        width_hz = SAMPLE_RATE_HZ / band.window_samples
        places = torch.arange(band.window_samples // 2 + 1, dtype=torch.float64)[:, None] * width_hz
        deviation_hz = torch.clamp(own * (2 ** (0.5 / BINS_PER_OCTAVE) - 1), min=WIDEST_LOBE / 2 * width_hz)
        weights = torch.exp(-0.5 * ((places - own) / deviation_hz) ** 2)
        weights[weights < 1e-3] = 0.0
        used = torch.nonzero(weights.sum(1) > 0).flatten()
        first, last = int(used[0]), int(used[-1]) + 1
        found.append(_Piece(band.window_samples, first, last, weights[first:last].float().contiguous().to(device)))
    return tuple(found)


def log_frequency(samples: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch 2 time freq"]:
    """Both spectrograms, sharp first.

    Args:
        samples: float32 at SAMPLE_RATE_HZ; full scale is 1.0.

    Returns:
        float32, as the module says, ``NUM_BINS`` bins.
    """
    powers: dict[int, Tensor] = {}
    out = []
    for bands in (SHARP, QUICK):
        parts = []
        for piece in _pieces(bands, str(samples.device)):
            if piece.window_samples not in powers:
                powers[piece.window_samples] = power_spectrum(samples, piece.window_samples)
            parts.append(powers[piece.window_samples][..., piece.first : piece.last] @ piece.weights)
        out.append(torch.cat(parts, -1))
    levels = torch.stack(out, 1)
    return (levels + FLOOR).log10() + 8.0
