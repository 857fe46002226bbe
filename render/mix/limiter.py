"""A look-ahead limiter that holds the true peak below a ceiling.

For each sample the true-peak envelope says by how many dB it is too high. The highest of these within the look-ahead is held for a
moment, falls back exponentially, and is smoothed by two moving averages that together are as long as the look-ahead; so the gain
has always come down when the peak arrives, without a corner. The sound is delayed by ``delay_samples``.

Conventions: float32 ``(channel, sample)``; one gain for all channels; ceiling in dBTP.

Source of the structure (sliding maximum, release, box smoothing): G. Luff, "Designing a straightforward limiter" (Signalsmith
Audio, 2022), https://signalsmith-audio.co.uk/writing/2022/limiter/; the true-peak envelope in place of samples and the release in
dB are ours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from render.mix.envelopes import PeakHold, time_constant
from render.mix.levels import Block, db_to_ratio
from render.mix.true_peak import PEAK_DELAY_SAMPLES, PeakEnvelope

__all__ = ["Limiter"]

LOOKAHEAD_S = 0.005
HOLD_S = 0.01  # half a period of 50 Hz: tones above do not move the gain from peak to peak, which would distort them
RELEASE_S = 0.12
MARGIN_DB = 0.03  # for what the moving gain adds between samples
NEPERS_PER_DB = np.log(10.0) / 20.0


class _MovingAverage:
    """Mean of the last ``length`` values, as a stream."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._past = np.zeros(length - 1)

    def process(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        context = np.concatenate([self._past, values])
        self._past = context[len(values) :]
        # origin puts the window's last value at the output's place; the sums are exact enough: values stay below 200
        shifted = ndimage.uniform_filter1d(context, self._length, mode="constant", origin=(self._length - 1) // 2)
        return np.asarray(shifted[self._length - 1 :])


class Limiter:
    """The limiter as a stream.

    Args:
        ceiling_dbtp: The highest true peak let through.
        sample_rate_hz: Samples a second.
        channels: Number of channels.
    """

    def __init__(self, ceiling_dbtp: float, sample_rate_hz: int, channels: int = 2) -> None:
        self._ceiling = db_to_ratio(ceiling_dbtp - MARGIN_DB)
        half = max(2, round(LOOKAHEAD_S * sample_rate_hz / 2) | 1)  # odd, so that the averages have a middle
        ahead = 2 * half  # one more than the averages together: the gains on both sides of a peak must be down
        self._window = ahead + round(HOLD_S * sample_rate_hz)
        self._envelope = PeakEnvelope(channels)
        self._past = np.zeros(self._window - 1)
        self._release = PeakHold(time_constant(RELEASE_S, sample_rate_hz))
        self._averages = (_MovingAverage(half), _MovingAverage(half))
        self.delay_samples = PEAK_DELAY_SAMPLES + ahead - 2
        self._delayed = np.zeros((channels, self.delay_samples), dtype=np.float32)
        self.greatest_reduction_db = 0.0

    def gains(self, block: Block) -> NDArray[np.float32]:
        """The factors for the sound ``delay_samples`` before the next samples, (sample,)."""
        envelope = self._envelope.process(block, self._ceiling)
        over = np.zeros(len(envelope))
        places = np.flatnonzero(envelope > self._ceiling)
        over[places] = np.log(envelope[places].astype(np.float64) / self._ceiling) / NEPERS_PER_DB
        context = np.concatenate([self._past, over])
        self._past = context[len(over) :]
        highest = ndimage.maximum_filter1d(context, self._window, mode="constant", origin=(self._window - 1) // 2)
        held = self._release.process(highest[self._window - 1 :])
        for average in self._averages:
            held = average.process(held)
        if len(held):
            self.greatest_reduction_db = max(self.greatest_reduction_db, float(held.max()))
        return np.asarray(np.exp(-NEPERS_PER_DB * held), dtype=np.float32)

    def process(self, block: Block) -> Block:
        """As many samples as came, limited: those ``delay_samples`` before."""
        gains = self.gains(block)
        context = np.concatenate([self._delayed, block], axis=1)
        self._delayed = context[:, block.shape[1] :]
        return context[:, : block.shape[1]] * gains
