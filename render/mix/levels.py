"""Levels in decibels, and where a stem stands between the loudspeakers.

Conventions: sound is float32 ``(channel, sample)``, full scale 1.0; a level of an amplitude is 20 log10 of it, -inf dB for nothing.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["Block", "balance_gains", "db_to_ratio", "ratio_to_db"]

Block = NDArray[np.float32]  # (channel, sample)


def db_to_ratio(level_db: float) -> float:
    """The amplitude of a level.

    >>> db_to_ratio(0.0), db_to_ratio(-math.inf)
    (1.0, 0.0)
    """
    return float(10.0 ** (level_db / 20.0))


def ratio_to_db(ratio: float) -> float:
    """The level of an amplitude, -inf for 0."""
    return 20.0 * math.log10(ratio) if ratio > 0.0 else -math.inf


def balance_gains(pan: float) -> tuple[float, float]:
    """What the left and right channel of a stereo stem are multiplied by: constant power, unchanged in the middle.

    The law is sqrt(2) cos and sqrt(2) sin of (pan + 1) pi / 4. Two equal channels are a sound in the middle under the
    constant-power law of -3 dB; with these gains they pan as that law says: the sum of the channels' powers is the same at every
    place.

    Args:
        pan: -1 (left) to 1 (right).
    """
    angle = (pan + 1.0) * math.pi / 4.0
    return math.sqrt(2.0) * math.cos(angle), math.sqrt(2.0) * math.sin(angle)
