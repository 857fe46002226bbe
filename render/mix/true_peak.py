"""The highest level between the samples: what a converter or a coder makes of them.

The sound is brought to four times its rate by a windowed sinc of 64 taps a phase (every fourth value is a sample itself), and
where a value comes near the highest, a parabola through it and its neighbours gives the top. For sines of any phase up to 0.48 of
the sample rate the answer is within 0.04 dB; four-fold oversampling alone may read 0.6 dB low there (BS.1770-4, annex 2,
attachment 1), which is why the parabola is there.

Conventions: float32 ``(channel, sample)``, 0 before the first and after the last sample; levels in dBTP, that is dB re full scale.

Source: ITU-R BS.1770-4 (2015), annex 2; the filter is our own, longer and so flatter than the example in the annex.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.mix.levels import Block, ratio_to_db

__all__ = ["OVERSAMPLING", "PEAK_DELAY_SAMPLES", "PeakEnvelope", "TruePeakMeter", "true_peak_dbtp"]

OVERSAMPLING = 4
TAPS = 64  # of each phase
KAISER_BETA = 6.5  # -67 dB, and flat up to 0.465 of the sample rate
FRAME_SAMPLES = 32  # samples that one row of the matrix product makes
REACH_FRAMES = 2  # further frames that one row looks into: TAPS - 1 samples
GREATEST_GROWTH = 3.5  # from samples to the values between them (sum of absolute taps: 2.9) and to the tops of parabolas
NEAR_RATIO = 0.85  # a top lies at most 0.8 dB above the value beside it: cos(pi / 8), and some
PEAK_DELAY_SAMPLES = TAPS // 2 + 1
BLOCK_SAMPLES = 1 << 15


@cache
def _interpolator() -> NDArray[np.float32]:
    """The filter as a matrix (FRAME_SAMPLES + TAPS - 1, phase x FRAME_SAMPLES) for the three phases between samples."""
    half = OVERSAMPLING * TAPS // 2
    times = np.arange(-half, half + 1) / OVERSAMPLING
    taps = np.sinc(times) * np.kaiser(len(times), KAISER_BETA)
    matrix = np.zeros((FRAME_SAMPLES + TAPS - 1, OVERSAMPLING - 1, FRAME_SAMPLES))
    for phase in range(1, OVERSAMPLING):
        kernel = taps[phase::OVERSAMPLING][:TAPS][::-1]  # value at n + phase / 4 out of samples n - 31 ... n + 32
        kernel = kernel / kernel.sum()
        for place in range(FRAME_SAMPLES):
            matrix[place : place + TAPS, phase - 1, place] = kernel
    return np.asarray(matrix.reshape(len(matrix), -1), dtype=np.float32)


def _oversampled(context: Block, above: float) -> NDArray[np.float32]:
    """The values at and after each sample, (phase, channel, sample); ``context`` has 31 samples more before and 32 after.

    Between samples that are all too small for ``above`` to be passed, the values are left at 0.
    """
    channels, length = context.shape
    samples = length - TAPS + 1
    frames = -(-samples // FRAME_SAMPLES)
    padded = np.zeros((channels, (frames + REACH_FRAMES) * FRAME_SAMPLES), dtype=np.float32)
    padded[:, :length] = context
    loud = np.abs(padded).reshape(channels, -1, FRAME_SAMPLES).max(axis=2) > above / GREATEST_GROWTH
    is_loud = loud[:, :frames].copy()
    for step in range(1, REACH_FRAMES + 1):
        is_loud |= loud[:, step : step + frames]
    windows = np.lib.stride_tricks.sliding_window_view(padded, FRAME_SAMPLES + TAPS - 1, axis=1)[:, ::FRAME_SAMPLES]
    between = np.zeros((channels, frames, OVERSAMPLING - 1, FRAME_SAMPLES), dtype=np.float32)
    between[is_loud] = (windows[:, :frames][is_loud] @ _interpolator()).reshape(-1, OVERSAMPLING - 1, FRAME_SAMPLES)
    before = TAPS // 2 - 1
    planes = np.empty((OVERSAMPLING, channels, samples), dtype=np.float32)
    planes[0] = context[:, before : before + samples]
    planes[1:] = between.transpose(2, 0, 1, 3).reshape(OVERSAMPLING - 1, channels, -1)[:, :, :samples]
    return planes


def _tops(planes: NDArray[np.float32], places: NDArray[np.intp]) -> NDArray[np.float32]:
    """Tops of the parabolas at the four values of some samples, over channels; 0 where a neighbour is higher."""
    last, here, after = (planes[:, :, places + step] for step in (-1, 0, 1))
    values = np.concatenate([last[-1:], here, after[:1]])  # (6, channel, place)
    sign = np.sign(values[1:-1])
    left, middle, right = values[:-2] * sign, values[1:-1] * sign, values[2:] * sign
    is_top = (middle >= left) & (middle >= right) & (middle > 0.0)
    bend = np.where(is_top, (middle - left) + (middle - right), 1.0)  # in this order exact, so 0 only where all three are one
    tops = np.where(is_top, middle + (right - left) ** 2 / (8.0 * np.maximum(bend, np.finfo(np.float32).tiny)), 0.0)
    return np.asarray(tops.max(axis=(0, 1)), dtype=np.float32)


class PeakEnvelope:
    """The highest absolute value at and just after each sample, over the channels, as a stream.

    ``process`` gives as many values as it takes samples, ``PEAK_DELAY_SAMPLES`` late: value n is that of the time from sample
    n - PEAK_DELAY_SAMPLES on until the next one.

    Args:
        channels: Number of channels.
    """

    def __init__(self, channels: int = 2) -> None:
        self._past = np.zeros((channels, TAPS + 1), dtype=np.float32)

    def process(self, block: Block, above: float) -> NDArray[np.float32]:
        """The envelope of the next samples; values that do not pass ``above`` may be read too low."""
        context = np.concatenate([self._past, block], axis=1)
        self._past = context[:, -(TAPS + 1) :].copy()
        planes = _oversampled(context, above)  # one sample more on either side
        absolute = np.abs(planes[:, :, 1:-1])
        envelope = absolute.max(axis=(0, 1))
        places = np.flatnonzero(envelope > np.float32(NEAR_RATIO * above))
        if len(places):
            envelope[places] = np.maximum(envelope[places], _tops(planes, places + 1))
        return np.asarray(envelope)


class TruePeakMeter:
    """Takes sound block by block; ``peak_dbtp`` holds for all that it was told so far.

    Args:
        channels: Number of channels.
    """

    def __init__(self, channels: int = 2) -> None:
        self._envelope = PeakEnvelope(channels)
        self._channels = channels
        self._highest = 0.0

    def add(self, block: NDArray[Any]) -> None:
        """Take the next samples, shape (channel, sample)."""
        for start in range(0, block.shape[1], BLOCK_SAMPLES):
            piece = np.asarray(block[:, start : start + BLOCK_SAMPLES], dtype=np.float32)
            above = max(self._highest, float(np.abs(piece).max()))
            self._highest = max(self._highest, float(self._envelope.process(piece, above).max()))

    @property
    def peak(self) -> float:
        """The true peak as an amplitude, the sound being over here."""
        rest = PeakEnvelope(self._channels)
        rest._past = self._envelope._past.copy()
        tail = rest.process(np.zeros((self._channels, TAPS), dtype=np.float32), self._highest)
        return max(self._highest, float(tail.max()))

    @property
    def peak_dbtp(self) -> float:
        """The true peak in dB re full scale; -inf for silence."""
        return ratio_to_db(self.peak)


def true_peak_dbtp(samples: NDArray[Any]) -> float:
    """True peak of a sound, -inf for silence.

    Args:
        samples: (channel, sample), at least one sample.

    Example:
        >>> quarter = np.sin(np.pi / 2 * np.arange(4096) + np.pi / 4)[None]  # every sample at 0.707
        >>> bool(true_peak_dbtp(quarter) > -0.1)
        True
    """
    meter = TruePeakMeter(len(samples))
    meter.add(samples)
    return meter.peak_dbtp
