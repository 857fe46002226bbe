"""Envelope followers without a loop over samples."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["PeakHold", "time_constant"]

SEGMENT_LOG = 600.0  # exp() of this is still a double


def time_constant(seconds: float, sample_rate_hz: int) -> float:
    """What is left of a one-pole filter's state after one sample, when 1/e is left after ``seconds``."""
    return math.exp(-1.0 / (seconds * sample_rate_hz))


class PeakHold:
    """y[n] = max(x[n], a y[n-1]) for x >= 0: rises at once, falls exponentially.

    Since y[n] / a^n is the running maximum of x[n] / a^n, no sample has to wait for the one before in Python.

    Args:
        decay: a, above 0 and below 1.
    """

    def __init__(self, decay: float) -> None:
        self._log_decay = math.log(decay)
        self._segment = max(1, int(-SEGMENT_LOG / self._log_decay))
        self._falls = np.ones(0)  # a, a^2, a^3 ...
        self._last = 0.0

    def process(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The next values followed; as many as came."""
        out = np.empty(len(values))
        for start in range(0, len(values), self._segment):
            piece = values[start : start + self._segment]
            falls = self._powers(len(piece))
            raised = piece / falls
            raised[0] = max(raised[0], self._last)
            followed = np.maximum.accumulate(raised) * falls
            np.maximum(followed, piece, out=followed)  # exactly x where x leads
            out[start : start + len(piece)] = followed
            self._last = float(followed[-1])
        return out

    def _powers(self, count: int) -> NDArray[np.float64]:
        if count > len(self._falls):
            self._falls = np.exp(self._log_decay * np.arange(1, count + 1))
        return self._falls[:count]
