"""The linear steps of the mix and its loudness in torch, for fitting them to a recording.

Each function is the twin of one of this package, differentiable in all its arguments; the tests hold them equal. Filters are
applied as responses at the frequencies of one transform over the whole sound and a stretch of silence behind it, in which they
ring out.

Conventions: sound is float ``(..., channel, sample)``; numbers that are fitted are tensors without dimensions or plain floats.

Source of the idea (a mixing console as differentiable functions, IIR filters by frequency sampling): C. J. Steinmetz et al., "Style
transfer of audio effects with differentiable signal processing", J. Audio Eng. Soc. 70(9), 2022, arXiv:2207.08759, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from render.mix.equalizer import DESIGNS
from render.mix.loudness import (
    ABSOLUTE_GATE_LUFS,
    CHANNEL_WEIGHTS,
    HOPS_PER_S,
    MOMENTARY_HOPS,
    OFFSET_LU,
    RELATIVE_GATE_LU,
    k_weighting,
)

__all__ = ["amplify", "balance", "convolve", "equalize", "loudness_lufs"]

RING_SAMPLES = 12_000
SILENCE_POWER = 1e-30

Number: TypeAlias = float | Tensor


def amplify(sound: Float[Tensor, "*batch channel sample"], gain_db: Number) -> Float[Tensor, "*batch channel sample"]:
    """The sound at another level."""
    return sound * 10.0 ** (torch.as_tensor(gain_db, dtype=sound.dtype) / 20.0)


def balance(sound: Float[Tensor, "*batch 2 sample"], pan: Number) -> Float[Tensor, "*batch 2 sample"]:
    """The stereo sound placed from -1 (left) to 1 (right): ``render.mix.levels.balance_gains``."""
    angle = (torch.as_tensor(pan, dtype=sound.dtype) + 1.0) * math.pi / 4.0
    return sound * (math.sqrt(2.0) * torch.stack([torch.cos(angle), torch.sin(angle)]))[:, None]


def convolve(
    sound: Float[Tensor, "*batch channel sample"], response: Float[Tensor, "channel response"]
) -> Float[Tensor, "*batch channel longer"]:
    """Each channel convolved with the response's: ``render.mix.convolution``, with the tail."""
    length = sound.shape[-1] + response.shape[-1] - 1
    size = _transform_size(length)
    spectrum = torch.fft.rfft(sound, size) * torch.fft.rfft(response, size)
    convolved: Tensor = torch.fft.irfft(spectrum, size)
    return convolved[..., :length]


def equalize(
    sound: Float[Tensor, "*batch channel sample"], bands: Mapping[str, tuple[Number, Number, Number]], sample_rate_hz: int
) -> Float[Tensor, "*batch channel sample"]:
    """Four bands of tone control: ``render.mix.equalizer``.

    Args:
        sound: The sound.
        bands: Frequency in Hz, gain in dB and Q of any of low_shelf, low_bell, high_bell and high_shelf.
        sample_rate_hz: Samples a second.
    """
    size = _transform_size(sound.shape[-1] + RING_SAMPLES)
    response = torch.ones((), dtype=sound.dtype)
    for name, numbers in bands.items():
        frequency_hz, gain_db, q = (torch.as_tensor(number, dtype=torch.float64) for number in numbers)
        turn = 2.0 * math.pi * frequency_hz / sample_rate_hz
        amplitude = 10.0 ** (gain_db / 40.0)
        row = torch.stack(DESIGNS[name](amplitude, torch.sqrt(amplitude), torch.cos(turn), torch.sin(turn) / (2.0 * q)))
        response = response * _section_response(row, size)
    spectrum = torch.fft.rfft(sound, size) * response.to(torch.complex64 if sound.dtype == torch.float32 else torch.complex128)
    filtered: Tensor = torch.fft.irfft(spectrum, size)
    return filtered[..., : sound.shape[-1]]


def loudness_lufs(sound: Float[Tensor, "channel sample"], sample_rate_hz: int) -> Float[Tensor, ""]:
    """Integrated loudness: ``render.mix.loudness``; which blocks pass the gates is taken as given.

    Raises:
        ValueError: No block passes the gates: silence, or less than 0.4 s.
    """
    size = _transform_size(sound.shape[-1] + RING_SAMPLES)
    sections: NDArray[np.float64] = k_weighting(sample_rate_hz)
    response = torch.ones(())
    for section in sections:
        response = response * _section_response(torch.from_numpy(section), size)
    weighted = torch.fft.irfft(torch.fft.rfft(sound.double(), size) * response, size)[..., : sound.shape[-1]]
    weights = torch.tensor(CHANNEL_WEIGHTS[: len(sound)], dtype=torch.float64)
    total = torch.nn.functional.pad(torch.cumsum(weights @ weighted**2, dim=0), (1, 0))
    hops = HOPS_PER_S * sound.shape[-1] // sample_rate_hz + 1
    ends = torch.tensor([(2 * hop * sample_rate_hz + HOPS_PER_S) // (2 * HOPS_PER_S) for hop in range(hops + 1)])
    ends = ends[ends <= sound.shape[-1]]
    starts, stops = ends[:-MOMENTARY_HOPS], ends[MOMENTARY_HOPS:]
    power = (total[stops] - total[starts]) / (stops - starts)
    power = power[_lufs(power.detach()) > ABSOLUTE_GATE_LUFS]
    if not len(power):
        raise ValueError("the sound is silence to a loudness meter, so its loudness has no gradient")
    power = power[_lufs(power.detach()) > _lufs(power.detach().mean()) + RELATIVE_GATE_LU]
    return _lufs(power.mean()).to(sound.dtype)


def _lufs(power: Tensor) -> Tensor:
    return OFFSET_LU + 10.0 * torch.log10(power.clamp_min(SILENCE_POWER))


def _section_response(row: Tensor, size: int) -> Tensor:
    """Response of a second-order section b0, b1, b2, a0, a1, a2 at the bins of a real transform."""
    angle = 2.0 * math.pi * torch.arange(size // 2 + 1, dtype=torch.float64) / size
    delay = torch.polar(torch.ones_like(angle), -angle)
    return ((row[2] * delay + row[1]) * delay + row[0]) / ((row[5] * delay + row[4]) * delay + row[3])


def _transform_size(length: int) -> int:
    """The power of two from ``length`` on."""
    return 1 << (length - 1).bit_length()
