"""Loudness as broadcasting measures it: integrated, momentary, short-term, and loudness range.

Conventions: sound is ``(channel, sample)`` in the order L, R, C, Ls, Rs (a lone channel counts once); loudness in LUFS, -inf for
silence and for what is shorter than one block of 400 ms. Filters and sums are float64. The meter keeps one number for each 100 ms,
so that an hour takes 0.3 MB; feeding it whole or in pieces gives the same up to the order of sums.

Sources: ITU-R BS.1770-4 (2015), annex 1 (K weighting, gating); EBU Tech 3341 v4 (momentary, short-term); EBU Tech 3342 v4 (loudness
range). The recommendation gives its two filters for 48 kHz only; for other rates they are designed anew from their analog
parameters, which B. De Man, "Evaluation of implementations of the EBU R128 loudness measurement" (AES 145, 2018) gives, and which
yield the recommendation's coefficients at 48 kHz.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import count, takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

__all__ = ["LoudnessMeter", "integrated_lufs", "k_weighting"]

OFFSET_LU = -0.691  # BS.1770-4, equation (2): 997 Hz has the loudness of its level
CHANNEL_WEIGHTS = (1.0, 1.0, 1.0, 1.41, 1.41)  # BS.1770-4, table 3
SHELF_HZ, SHELF_DB, SHELF_Q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
SHELF_BEND = 0.4996667741545416  # exponent of the shelf's middle gain
HIGH_PASS_HZ, HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773
HOPS_PER_S = 10
MOMENTARY_HOPS, SHORT_TERM_HOPS = 4, 30  # 400 ms, 3 s
ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU = -70.0, -10.0
RANGE_GATE_LU, RANGE_LOW, RANGE_HIGH = -20.0, 10.0, 95.0  # Tech 3342, section 3.1


@cache
def k_weighting(sample_rate_hz: int) -> NDArray[np.float64]:
    """The two filters before the sum of squares: a shelf for the head, then a high-pass (RLB), as second-order sections (2, 6)."""
    tangent = math.tan(math.pi * SHELF_HZ / sample_rate_hz)
    high, middle = 10.0 ** (SHELF_DB / 20.0), 10.0 ** (SHELF_DB / 20.0 * SHELF_BEND)
    shelf_b = [
        high + middle * tangent / SHELF_Q + tangent**2,
        2.0 * (tangent**2 - high),
        high - middle * tangent / SHELF_Q + tangent**2,
    ]
    shelf = np.array([*shelf_b, *_resonant(tangent, SHELF_Q)])
    tangent = math.tan(math.pi * HIGH_PASS_HZ / sample_rate_hz)
    high_pass_a = _resonant(tangent, HIGH_PASS_Q)
    # BS.1770-4, table 2: the numerator is 1, -2, 1 as it stands, not scaled to a gain of 1 at the top
    high_pass = np.array([1.0, -2.0, 1.0, 1.0, high_pass_a[1] / high_pass_a[0], high_pass_a[2] / high_pass_a[0]])
    return np.stack([shelf / shelf[3], high_pass])


def _resonant(tangent: float, quality: float) -> list[float]:
    """The denominator s^2 + s/Q + 1 after the bilinear transform."""
    return [1.0 + tangent / quality + tangent**2, 2.0 * (tangent**2 - 1.0), 1.0 - tangent / quality + tangent**2]


def _lufs(power: float) -> float:
    return OFFSET_LU + 10.0 * math.log10(power) if power > 0.0 else -math.inf


def _power(lufs: float) -> float:
    return float(10.0 ** ((lufs - OFFSET_LU) / 10.0))


class LoudnessMeter:
    """Takes sound block by block; its answers hold for all that it was told so far.

    Args:
        sample_rate_hz: Samples a second.
        channels: 1 to 5.

    Raises:
        ValueError: More channels than the recommendation weighs, or none.
    """

    def __init__(self, sample_rate_hz: int, channels: int = 2) -> None:
        if not 1 <= channels <= len(CHANNEL_WEIGHTS):
            raise ValueError(f"loudness is of 1 to {len(CHANNEL_WEIGHTS)} channels, got {channels}")
        self._rate = sample_rate_hz
        self._weights = np.array(CHANNEL_WEIGHTS[:channels])
        self._sections = k_weighting(sample_rate_hz)
        self._state = np.zeros((len(self._sections), channels, 2))
        self._samples = 0
        self._hop_power: list[float] = []  # sum of squares of each whole 100 ms
        self._open_power = 0.0  # of the one that is not over

    def add(self, block: NDArray[Any]) -> None:
        """Take the next samples, shape (channel, sample)."""
        if not block.shape[1]:
            return
        weighted, self._state = signal.sosfilt(self._sections, block, axis=-1, zi=self._state)
        power = self._weights @ np.square(weighted, out=weighted)
        length = len(power)
        ends = self._hop_ends(self._samples + length) - self._samples
        starts = np.concatenate([[0], ends[ends < length]])
        sums = np.add.reduceat(power, starts)
        sums[0] += self._open_power
        self._open_power = float(sums[-1]) if len(sums) > len(ends) else 0.0
        self._hop_power.extend(sums[: len(ends)].tolist())
        self._samples += length

    def amplify(self, ratio: float) -> None:
        """Take all sound so far as having been this much louder."""
        self._hop_power = [power * ratio**2 for power in self._hop_power]
        self._open_power *= ratio**2
        self._state *= ratio

    def _hop_end(self, hop: int) -> int:
        """Where a hop ends, in samples: the nearest to a tenth of a second."""
        return (2 * (hop + 1) * self._rate + HOPS_PER_S) // (2 * HOPS_PER_S)

    def _hop_ends(self, until: int) -> NDArray[np.int64]:
        """The ends of the hops that are over with sample ``until`` and were not before."""
        ends = map(self._hop_end, count(len(self._hop_power)))
        return np.array(list(takewhile(lambda end: end <= until, ends)), dtype=np.int64)

    def _block_power(self, hops: int) -> NDArray[np.float64]:
        """Mean square of every block of so many hops, one for each hop that ends one."""
        total = np.concatenate([[0.0], np.cumsum(self._hop_power)])
        ends = np.array([0, *map(self._hop_end, range(len(self._hop_power)))])
        if len(total) <= hops:
            return np.zeros(0)
        # differences of a running sum: what rounding leaves of silence after sound is far below every gate
        return np.asarray(np.maximum(total[hops:] - total[:-hops], 0.0) / (ends[hops:] - ends[:-hops]))

    @property
    def integrated_lufs(self) -> float:
        """Loudness of the whole, gated at -70 LUFS and then 10 LU below what passed (BS.1770-4, equations (3) to (7))."""
        power = self._block_power(MOMENTARY_HOPS)
        power = power[power > _power(ABSOLUTE_GATE_LUFS)]
        if not len(power):
            return -math.inf
        gate = _power(_lufs(float(power.mean())) + RELATIVE_GATE_LU)
        return _lufs(float(power[power > gate].mean()))

    @property
    def momentary_lufs(self) -> NDArray[np.float64]:
        """Loudness of the last 400 ms, ten times a second; entry 0 is that of the first 400 ms."""
        return _curve(self._block_power(MOMENTARY_HOPS))

    @property
    def short_term_lufs(self) -> NDArray[np.float64]:
        """Loudness of the last 3 s, ten times a second; entry 0 is that of the first 3 s."""
        return _curve(self._block_power(SHORT_TERM_HOPS))

    @property
    def loudness_range_lu(self) -> float:
        """Spread of the short-term loudness from its 10th to its 95th percentile (Tech 3342); 0 for less than 3 s."""
        power = self._block_power(SHORT_TERM_HOPS)
        power = power[power > _power(ABSOLUTE_GATE_LUFS)]
        if not len(power):
            return 0.0
        gate = _power(_lufs(float(power.mean())) + RANGE_GATE_LU)
        low, high = np.percentile(_curve(power[power > gate]), [RANGE_LOW, RANGE_HIGH])
        return float(high - low)


def _curve(power: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.asarray(OFFSET_LU + 10.0 * np.log10(power))


def integrated_lufs(samples: NDArray[Any], sample_rate_hz: int) -> float:
    """Integrated loudness of a sound.

    Args:
        samples: (channel, sample), 1 to 5 channels.
        sample_rate_hz: Samples a second.

    Returns:
        LUFS; -inf where no block of 400 ms passes -70 LUFS.

    Example:
        >>> tone = np.sin(2 * np.pi * 997 / 48_000 * np.arange(96_000))[None]
        >>> round(integrated_lufs(tone, 48_000), 2)
        -3.01
    """
    meter = LoudnessMeter(sample_rate_hz, len(samples))
    for start in range(0, samples.shape[1], 1 << 18):  # so that the filtered copy stays small
        meter.add(samples[:, start : start + (1 << 18)])
    return meter.integrated_lufs
