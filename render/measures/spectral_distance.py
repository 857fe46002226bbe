"""How far apart two sounds are in their short-time spectra of several sizes, phase aside.

Two numbers, each the mean over transforms of 4096 to 128 samples with three quarters of overlap. The *log-magnitude distance*
is the mean absolute difference of levels in dB, down to a floor of -100 dB re a full-scale sine; it is symmetric. The *spectral
convergence* is the Frobenius norm of the difference of magnitudes over that of the reference's, which looks at the loud parts;
it is not symmetric.

Source: Arik, Jun and Diamos, "Fast Spectrogram Inversion using Multi-head Convolutional Neural Networks" (arXiv 1808.06719),
section 3.1, for both; Yamamoto, Song and Kim, "Parallel WaveGAN" (arXiv 1910.11480), section 2.2, for several sizes. Relative
to the original: the logarithm is in dB with a floor, and the sizes are powers of two up to 93 ms at 44.1 kHz.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpora.audio import Audio
from render.measures.frames import magnitude_frames

__all__ = ["FFT_SIZES", "SpectralDistance", "spectral_distance"]

FFT_SIZES = (4096, 2048, 1024, 512, 256, 128)
OVERLAP = 4
FLOOR_DB = -100.0


@dataclass(frozen=True, kw_only=True)
class SpectralDistance:
    """What lies between two sounds.

    Args:
        log_magnitude_db: Mean absolute difference of levels, dB.
        convergence: Norm of the difference over the norm of the reference; inf where only the reference is silent.
    """

    log_magnitude_db: float
    convergence: float


def spectral_distance(reference: Audio, estimate: Audio) -> SpectralDistance:
    """The distance of the mean of all channels; what is shorter goes on in silence.

    Args:
        reference: The sound to come near to.
        estimate: At the same sample rate.

    Raises:
        ValueError: The sample rates differ.
    """
    if reference.sample_rate_hz != estimate.sample_rate_hz:
        raise ValueError(f"sounds must share a sample rate, got {reference.sample_rate_hz} and {estimate.sample_rate_hz} Hz")
    length = max(reference.samples.shape[1], estimate.samples.shape[1])
    first, second = (_mono(sound, length) for sound in (reference, estimate))
    found = [_distance(first, second, size) for size in FFT_SIZES]
    return SpectralDistance(
        log_magnitude_db=float(np.mean([level for level, _ in found])),
        convergence=float(np.mean([convergence for _, convergence in found])),
    )


def _mono(sound: Audio, length: int) -> NDArray[np.float64]:
    mono = sound.samples.mean(axis=0, dtype=np.float64)
    return np.pad(mono, (0, length - len(mono)))


def _distance(reference: NDArray[np.float64], estimate: NDArray[np.float64], size: int) -> tuple[float, float]:
    """Log-magnitude distance and spectral convergence at one size."""
    hop = size // OVERLAP
    full_scale = size / 4  # what a sine of amplitude 1 has: half the sum of the window
    levels = values = difference = total = 0.0
    for wanted, came in zip(magnitude_frames(reference, size, hop), magnitude_frames(estimate, size, hop), strict=True):
        levels += float(np.abs(_level_db(wanted / full_scale) - _level_db(came / full_scale)).sum())
        values += wanted.size
        difference += float(np.square(wanted - came).sum())
        total += float(np.square(wanted).sum())
    if total == 0.0:
        return levels / values, 0.0 if difference == 0.0 else float("inf")
    return levels / values, float(np.sqrt(difference / total))


def _level_db(magnitudes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(20.0 * np.log10(np.maximum(magnitudes, 10.0 ** (FLOOR_DB / 20.0))))
