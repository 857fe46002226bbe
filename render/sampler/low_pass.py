"""The resonant low-pass filter of a voice: two poles, its cutoff constant over ``STEP`` samples at a time.

The recursion is taken apart: within a step the filter is a convolution with its closed impulse response, and the two numbers that
pass from step to step go through a scan over all steps at once. So one implementation is vectorised over voices and time,
differentiable, and runs on any device. Computed in float64. Filter: R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad
filter coefficients", low pass; resonance and gain: SoundFont Technical Specification 2.04, section 8.1.3 (8, 9).

The peak is ``q_db`` above the gain at 0 Hz, which is itself lowered by half of that; FluidSynth's is 1.5 dB higher throughout.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["HIGHEST_SHARE", "STEP", "low_pass"]

STEP = 64  # samples
HIGHEST_SHARE = 0.45  # of the sample rate
LOWEST_HZ = 5.0
BUTTERWORTH_DB = -3.010299956639812  # height of the resonance where q_db is 0
FFT_SIZE = 2 * STEP


def low_pass(
    signal: Float[Tensor, "voice sample"],
    cutoff_hz: Float[Tensor, "voice step"],
    q_db: Float[Tensor, " voice"],
    sample_rate_hz: float,
    state: Float[Tensor, "voice 4"] | None = None,
) -> tuple[Float[Tensor, "voice sample"], Float[Tensor, "voice 4"]]:
    """Filter signals.

    Args:
        signal: Samples, a multiple of ``STEP`` of them.
        cutoff_hz: For each step; held between 5 Hz and 0.45 of the sample rate.
        q_db: Height of the resonance above the gain at 0 Hz, 0 or more.
        sample_rate_hz: Samples a second.
        state: The last two samples in and out before these, latest first; None for silence.

    Returns:
        The filtered signals in the dtype of ``signal``, and the state after them.
    """
    voices, samples = signal.shape
    steps = samples // STEP
    sound = signal.double()
    if state is None:
        state = sound.new_zeros(voices, 4)
    feed, first, second = _coefficients(cutoff_hz.double(), q_db.double(), sample_rate_hz)  # (voice, step) each
    longer = torch.cat([state[:, 1:2], state[:, 0:1], sound], dim=1)
    around = longer[:, 2:] + 2.0 * longer[:, 1:-1] + longer[:, :-2]
    driven = around.view(voices, steps, STEP) * feed[:, :, None]
    response = _pole_response(first, second)  # (voice, step, STEP)
    spectrum = torch.fft.rfft(driven, n=FFT_SIZE) * torch.fft.rfft(response, n=FFT_SIZE)
    rest = torch.fft.irfft(spectrum, n=FFT_SIZE)[:, :, :STEP]  # from a filter at rest
    begin = _states(response, first, second, rest, state[:, 2:])  # (voice, step, 2): the last two out before each step
    late = torch.cat([response.new_zeros(voices, steps, 1), response[:, :, :-1]], dim=2)
    now = first[:, :, None] * begin[:, :, :1] + second[:, :, None] * begin[:, :, 1:]
    out = rest + response * now + late * (second[:, :, None] * begin[:, :, :1])
    flat = out.reshape(voices, samples)
    after = torch.stack([sound[:, -1], sound[:, -2], flat[:, -1], flat[:, -2]], dim=1)
    return flat.to(signal.dtype), after


def _coefficients(cutoff_hz: Tensor, q_db: Tensor, sample_rate_hz: float) -> tuple[Tensor, Tensor, Tensor]:
    """Gain of the two zeros, and the weights of the last and the last but one sample out."""
    omega = 2.0 * math.pi / sample_rate_hz * cutoff_hz.clamp(LOWEST_HZ, HIGHEST_SHARE * sample_rate_hz)
    quality = 10.0 ** ((q_db + BUTTERWORTH_DB) / 20.0)
    alpha = torch.sin(omega) / (2.0 * quality[:, None])
    gain = 10.0 ** (-q_db / 40.0)
    feed = gain[:, None] * (1.0 - torch.cos(omega)) / 2.0 / (1.0 + alpha)
    return feed, 2.0 * torch.cos(omega) / (1.0 + alpha), (alpha - 1.0) / (1.0 + alpha)


def _pole_response(first: Tensor, second: Tensor) -> Tensor:
    """Impulse response p of 1 / (1 - first z^-1 - second z^-2), (voice, step, STEP).

    Doubled in length until it is long enough: p[n + m] = p[n] p[m] + second p[n - 1] p[m - 1].
    """
    first, second = first[..., None], second[..., None]
    response = torch.cat([torch.ones_like(first), first], dim=-1)
    while response.shape[-1] < STEP:
        last, ahead = response[..., -1:], response[..., -2:-1]
        late = torch.cat([torch.zeros_like(first), response[..., :-1]], dim=-1)
        response = torch.cat([response, response * (first * last + second * ahead) + late * (second * last)], dim=-1)
    return response


def _states(response: Tensor, first: Tensor, second: Tensor, rest: Tensor, before: Tensor) -> Tensor:
    """The last two samples out before each step, by doubling scan over the steps' affine maps."""
    last, ahead, third = response[:, :, -1], response[:, :, -2], response[:, :, -3]
    matrix = torch.stack(
        [
            torch.stack([last * first + ahead * second, last * second], dim=-1),
            torch.stack([ahead * first + third * second, ahead * second], dim=-1),
        ],
        dim=-2,
    )  # (voice, step, 2, 2): the last two out of a step from the last two before it
    offset = torch.stack([rest[:, :, -1], rest[:, :, -2]], dim=-1)[..., None]
    steps = first.shape[1]
    reach = 1
    while reach < steps:
        offset = torch.cat([offset[:, :reach], matrix[:, reach:] @ offset[:, :-reach] + offset[:, reach:]], dim=1)
        matrix = torch.cat([matrix[:, :reach], matrix[:, reach:] @ matrix[:, :-reach]], dim=1)
        reach *= 2
    after = (matrix @ before[:, None, :, None] + offset)[..., 0]
    return torch.cat([before[:, None], after[:, :-1]], dim=1)
