"""Four bands of tone control: a low shelf, two bells, a high shelf.

Conventions: float32 in and out ``(channel, sample)``, float64 in between; frequencies in Hz, gains in dB, Q without unit.

Source: R. Bristow-Johnson, "Cookbook formulae for audio equalizer biquad filter coefficients" (W3C Audio EQ Cookbook, 2021),
https://www.w3.org/TR/audio-eq-cookbook/.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from corpora.errors import RequestError
from render.mix.levels import Block

__all__ = ["DESIGNS", "Band", "Equalizer", "EqualizerSettings", "equalizer_sections"]

MIN_HZ, MAX_HZ = 10.0, 40_000.0
MAX_BAND_DB = 24.0
MIN_Q, MAX_Q = 0.1, 20.0
BUTTERWORTH_Q = 1.0 / math.sqrt(2.0)


@dataclass(frozen=True, kw_only=True)
class Band:
    """One band.

    Args:
        frequency_hz: Middle of a bell, or where a shelf has half its gain in dB; 10 to 40,000.
        gain_db: -24 to 24.
        q: 0.1 to 20; a shelf is steepest without overshoot at 0.7071.

    Raises:
        RequestError: A number outside its range.
    """

    frequency_hz: float
    gain_db: float = 0.0
    q: float = BUTTERWORTH_Q

    def __post_init__(self) -> None:
        limits = {"frequency_hz": (MIN_HZ, MAX_HZ), "gain_db": (-MAX_BAND_DB, MAX_BAND_DB), "q": (MIN_Q, MAX_Q)}
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise RequestError(f"equaliser: {name}: expected {low:g} to {high:g}, got {getattr(self, name)}")


@dataclass(frozen=True, kw_only=True)
class EqualizerSettings:
    """The four bands; as they stand they change nothing."""

    low_shelf: Band = Band(frequency_hz=120.0)
    low_bell: Band = Band(frequency_hz=400.0, q=1.0)
    high_bell: Band = Band(frequency_hz=2_500.0, q=1.0)
    high_shelf: Band = Band(frequency_hz=8_000.0)


def bell(amplitude: Any, _root: Any, cosine: Any, alpha: Any) -> list[Any]:
    """b0, b1, b2, a0, a1, a2 of a peaking band; of floats or tensors.

    Args:
        amplitude: The cookbook's A, 10^(gain / 40).
        _root: Its square root, which a bell does without.
        cosine, alpha: cos w0 and sin w0 / 2Q.
    """
    up, down = alpha * amplitude, alpha / amplitude
    return [1.0 + up, -2.0 * cosine, 1.0 - up, 1.0 + down, -2.0 * cosine, 1.0 - down]


def low_shelf(amplitude: Any, root: Any, cosine: Any, alpha: Any) -> list[Any]:
    """As ``bell``, of a low shelf."""
    more, less, slope = amplitude + 1.0, amplitude - 1.0, 2.0 * root * alpha
    return [
        amplitude * (more - less * cosine + slope),
        2.0 * amplitude * (less - more * cosine),
        amplitude * (more - less * cosine - slope),
        more + less * cosine + slope,
        -2.0 * (less + more * cosine),
        more + less * cosine - slope,
    ]


def high_shelf(amplitude: Any, root: Any, cosine: Any, alpha: Any) -> list[Any]:
    """As ``bell``, of a high shelf: the low one with z turned to -z, so that cos w0 and the odd coefficients change their sign."""
    b0, b1, b2, a0, a1, a2 = low_shelf(amplitude, root, -cosine, alpha)
    return [b0, -b1, b2, a0, -a1, a2]


DESIGNS: dict[str, Callable[[Any, Any, Any, Any], list[Any]]] = {
    "low_shelf": low_shelf,
    "low_bell": bell,
    "high_bell": bell,
    "high_shelf": high_shelf,
}


def equalizer_sections(settings: EqualizerSettings, sample_rate_hz: int) -> NDArray[np.float64]:
    """Second-order sections (4, 6) of the four bands.

    Raises:
        RequestError: A band's frequency is not below half the sample rate.
    """
    rows = []
    for name, design in DESIGNS.items():
        band: Band = getattr(settings, name)
        if band.frequency_hz >= sample_rate_hz / 2:
            raise RequestError(
                f"equaliser: {name}: expected a frequency below {sample_rate_hz / 2:g} Hz, got {band.frequency_hz:g}"
            )
        turn = 2.0 * math.pi * band.frequency_hz / sample_rate_hz
        amplitude = 10.0 ** (band.gain_db / 40.0)
        row = np.array(design(amplitude, math.sqrt(amplitude), math.cos(turn), math.sin(turn) / (2.0 * band.q)))
        rows.append(row / row[3])
    return np.array(rows)


class Equalizer:
    """The four bands as a stream.

    Args:
        settings: The bands.
        sample_rate_hz: Samples a second.
        channels: Number of channels, all treated alike.

    Raises:
        RequestError: As ``equalizer_sections``.
    """

    def __init__(self, settings: EqualizerSettings, sample_rate_hz: int, channels: int = 2) -> None:
        self._sections = equalizer_sections(settings, sample_rate_hz)
        self._state = np.zeros((len(self._sections), channels, 2))

    def process(self, block: Block) -> Block:
        """The next samples, filtered; as many as came."""
        out, self._state = signal.sosfilt(self._sections, block, axis=-1, zi=self._state)
        return np.asarray(out, dtype=np.float32)
