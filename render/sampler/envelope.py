"""The volume and the modulation envelope as functions of time, and the low-frequency oscillators.

Times are seconds from the onset, and may be fractions of a sample; every function is differentiable in them. The volume envelope
gives an amplitude: it rises in a straight line, then holds, falls in dB to its sustain level, and from the release falls by 100 dB
in the release time. The modulation envelope gives a level from 0 to 1: it rises convexly and falls in straight lines.
Source: SoundFont Technical Specification 2.04, sections 8.1.2 (21 to 40) and 9.1.7.

Relative to FluidSynth 2.3, whose decay and release run over 96 dB and whose sustain levels are 4 % higher in dB: here they are as
specified. As there, a release is never shorter than 2^(-7200/1200) s = 16 ms, which would click, and the attack is straight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from render.sampler.generators import timecents_to_seconds

__all__ = ["RANGE_DB", "Envelope", "Lfo", "level_at", "modulation_level", "released", "triangle", "volume_amplitude"]

RANGE_DB = 100.0  # what decay and release times are times for
CENTIBELS_PER_DB = 10.0
MIN_RELEASE_S = timecents_to_seconds(-7_200.0)
NO_TIME_S = timecents_to_seconds(-12_000.0)  # the shortest that can be said, taken as none for delays and holds
CONVEX_SCALE = 40.0 / 96.0
CONVEX_STEPS = 127.0


@dataclass(frozen=True)
class Envelope:
    """Times in seconds, numbers or columns of them for many voices.

    Args:
        delay_s: Silence at first.
        attack_s: Rise, above 0.
        hold_s: At the top.
        decay_s: From the top down the whole range.
        sustain: Share of the range below the top, 0 to 1, where the decay ends.
        release_s: From the top down the whole range, after the release.
    """

    delay_s: float | Tensor
    attack_s: float | Tensor
    hold_s: float | Tensor
    decay_s: float | Tensor
    sustain: float | Tensor
    release_s: float | Tensor

    @property
    def decay_start_s(self) -> float | Tensor:
        """Where the decay begins."""
        return self.delay_s + self.attack_s + self.hold_s

    @property
    def sustain_start_s(self) -> float | Tensor:
        """From where on nothing changes until the release."""
        return self.decay_start_s + self.decay_s * self.sustain


@dataclass(frozen=True)
class Lfo:
    """A triangle that begins at 0 and rises.

    Args:
        delay_s: Until it begins.
        frequency_hz: Its frequency.
    """

    delay_s: float | Tensor
    frequency_hz: float | Tensor


def _fall(times: Tensor, envelope: Envelope) -> Tensor:
    """Share of the range that the decay has fallen."""
    fallen = ((times - envelope.decay_start_s) / envelope.decay_s).clamp(min=0.0)
    return fallen.minimum(torch.as_tensor(envelope.sustain, dtype=times.dtype, device=times.device))


def volume_amplitude(times: Float[Tensor, "*times"], envelope: Envelope) -> Float[Tensor, "*spread"]:
    """Amplitude before the release, 0 to 1; the envelope's range is ``RANGE_DB``."""
    rise = ((times - envelope.delay_s) / envelope.attack_s).clamp(0.0, 1.0)
    return rise * torch.exp(-math.log(10.0) / 20.0 * RANGE_DB * _fall(times, envelope))


def released(times: Float[Tensor, "*times"], release_s: float | Tensor) -> Float[Tensor, "*spread"]:
    """What the amplitude at the release is multiplied by; times are seconds since then."""
    return torch.exp(-math.log(10.0) / 20.0 * RANGE_DB * times.clamp(min=0.0) / release_s)


def level_at(time_s: float, envelope: Envelope) -> float:
    """Amplitude of the volume envelope at one time."""
    return float(volume_amplitude(torch.tensor(time_s, dtype=torch.float64), envelope))


def _modulation_held(times: Tensor, envelope: Envelope) -> Tensor:
    share = ((times - envelope.delay_s) / envelope.attack_s).clamp(0.0, 1.0)
    convex = (1.0 + CONVEX_SCALE * torch.log10(share.clamp(min=1.0 / CONVEX_STEPS))) * (share * CONVEX_STEPS).clamp(max=1.0)
    return convex - _fall(times, envelope)


def modulation_level(times: Float[Tensor, "*times"], envelope: Envelope, release_s: Tensor) -> Float[Tensor, "*spread"]:
    """Level of the modulation envelope, 0 to 1.

    Args:
        times: Seconds from the onset.
        envelope: Its times; its range is 1.
        release_s: When the note is let go, in seconds from the onset; may be infinite.
    """
    held = _modulation_held(times.minimum(release_s), envelope)
    return (held - (times - release_s).clamp(min=0.0) / envelope.release_s).clamp(min=0.0)


def triangle(times: Float[Tensor, "*times"], lfo: Lfo) -> Float[Tensor, "*spread"]:
    """An oscillator, -1 to 1."""
    cycles = (times - lfo.delay_s).clamp(min=0.0) * lfo.frequency_hz + 0.25
    return 1.0 - 4.0 * (cycles - cycles.detach().floor() - 0.5).abs()
