"""Noise through filters that change from frame to frame.

Conventions: noise bands are linear gains at 65 frequencies evenly from 0 to 22,050 Hz, whatever rate the sound is made at; a band
of gain g passes uniform noise in -1..1 (variance 1/3) with g. The raw noise is a function of seed and sample place alone, so any
cut of the music gives the same samples. Filters are causal: nothing sounds before its excitation.

Source: DDSP (arXiv 2001.04643), section 3.3 and appendix B.5: frequency sampling, a Hann window on the impulse response.
Relative to the original: the response keeps its delay of 64 samples (1.5 ms) instead of ringing before the onset, and neighbouring
filters cross-fade over the whole interval instead of switching at its edge, which removes a buzz at the frame rate.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from render.ddsp.frames import SAMPLE_RATE_HZ, fade_in

__all__ = ["NUM_BANDS", "TAIL_SAMPLES", "filtered_noise", "filtered_noise_fast", "impulse_responses", "uniform_noise"]

NUM_BANDS = 65
RESPONSE_SAMPLES = 2 * (NUM_BANDS - 1)
TAIL_SAMPLES = RESPONSE_SAMPLES - 1
NOISE_BLOCK = 1 << 14
BLOCK_INTERVALS = 128  # of the fast path, to bound its memory


@lru_cache(maxsize=32)
def _noise_block(seed: int, block: int) -> NDArray[np.float32]:
    generator = np.random.Generator(np.random.Philox(key=[seed, block]))
    return 2 * generator.random(NOISE_BLOCK, dtype=np.float32) - 1


def uniform_noise(seed: int, first: int, length: int) -> Float[Tensor, " sample"]:
    """White noise in -1..1, float32: samples ``first`` to ``first + length`` of the endless noise of a seed (both at least 0)."""
    blocks = range(first // NOISE_BLOCK, (first + max(length, 1) - 1) // NOISE_BLOCK + 1)
    joined = np.concatenate([_noise_block(seed, block) for block in blocks])
    start = first - blocks[0] * NOISE_BLOCK
    return torch.from_numpy(joined[start : start + length].copy())


@lru_cache(maxsize=8)
def _band_matrix(sample_rate_hz: int, dtype: torch.dtype) -> Tensor:
    """(65, 65): gains at the bands to gains at 65 frequencies from 0 to half of a rate; nothing above 22,050 Hz."""
    bands = np.linspace(0.0, SAMPLE_RATE_HZ / 2, NUM_BANDS)
    wanted = np.linspace(0.0, sample_rate_hz / 2, NUM_BANDS)
    rows = [np.interp(wanted, bands, unit, right=0.0) for unit in np.eye(NUM_BANDS)]
    return torch.tensor(np.array(rows), dtype=dtype)


def impulse_responses(
    bands: Float[Tensor, "*batch band"], sample_rate_hz: int = SAMPLE_RATE_HZ
) -> Float[Tensor, "*batch response"]:
    """Symmetric responses of 128 samples, centred on sample 64, whose spectra pass near the gains of the bands."""
    gains = bands if sample_rate_hz == SAMPLE_RATE_HZ else bands @ _band_matrix(sample_rate_hz, bands.dtype).to(bands.device)
    response = torch.fft.irfft(gains, n=RESPONSE_SAMPLES)
    window = torch.hann_window(RESPONSE_SAMPLES, dtype=response.dtype, device=response.device)
    return torch.roll(response, RESPONSE_SAMPLES // 2, dims=-1) * window


def filtered_noise(
    noise: Float[Tensor, "batch sample"],
    bands: Float[Tensor, "batch frame band"],
    *,
    hop: int,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
) -> Float[Tensor, "batch longer"]:
    """Noise through the filters of the frames, each cross-faded into the next.

    Args:
        noise: (frames - 1) * hop samples of ``uniform_noise``.
        bands: Gains at the frames, linear.
        hop: Samples of an interval.
        sample_rate_hz: Samples a second.

    Returns:
        127 samples more than the noise: the last of them, where the filters ring out, are to be added to what comes after.
    """
    rise = fade_in(hop, noise.dtype).to(noise.device)
    size = 1 << (hop + TAIL_SAMPLES - 1).bit_length()
    excitation = noise.reshape(len(noise), -1, hop)  # (batch, interval, hop)
    spectra = torch.fft.rfft(impulse_responses(bands, sample_rate_hz), n=size)  # (batch, frame, size / 2 + 1)
    product = torch.fft.rfft(excitation * (1 - rise), n=size) * spectra[:, :-1]
    product = product + torch.fft.rfft(excitation * rise, n=size) * spectra[:, 1:]
    return overlap_add(torch.fft.irfft(product, n=size)[..., : hop + TAIL_SAMPLES], hop)


@torch.no_grad()
def filtered_noise_fast(
    noise: Float[Tensor, " sample"],
    bands: Float[Tensor, "frame band"],
    lengths: Int[Tensor, " interval"],
    *,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
) -> Float[Tensor, " longer"]:
    """As ``filtered_noise`` for one voice whose intervals have these lengths in samples, at least 1 each."""
    widest = int(lengths.max())
    size = 1 << (widest + TAIL_SAMPLES - 1).bit_length()
    ends = torch.cumsum(lengths, dim=0)
    starts = ends - lengths
    m = torch.arange(1, widest + 1)
    out = torch.zeros(int(ends[-1]) + size, dtype=noise.dtype)
    for first in range(0, len(lengths), BLOCK_INTERVALS):
        block = slice(first, first + BLOCK_INTERVALS)
        length = lengths[block, None]
        inside = m <= length
        excitation = torch.where(inside, noise[(starts[block, None] + m - 1).clamp(max=len(noise) - 1)], 0.0)
        rise = 0.5 - 0.5 * torch.cos(torch.pi * (m / length).clamp(max=1.0)).to(noise.dtype)
        spectra = torch.fft.rfft(impulse_responses(bands[first : first + BLOCK_INTERVALS + 1], sample_rate_hz), n=size)
        product = torch.fft.rfft(excitation * (1 - rise), n=size) * spectra[:-1]
        product += torch.fft.rfft(excitation * rise, n=size) * spectra[1:]
        for start, piece in zip(starts[block].tolist(), torch.fft.irfft(product, n=size), strict=True):
            out[start : start + size] += piece
    return out[: len(noise) + TAIL_SAMPLES]


def overlap_add(pieces: Float[Tensor, "batch interval piece"], hop: int) -> Float[Tensor, "batch sample"]:
    """Pieces longer than a hop, each added a hop after the one before."""
    batch, count, length = pieces.shape
    total = (count - 1) * hop + length
    columns = torch.nn.functional.fold(pieces.transpose(1, 2), (1, total), (1, length), stride=(1, hop))
    return columns.reshape(batch, total)
