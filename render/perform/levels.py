"""Loudness as MIDI has it: levels in dB re velocity 127.

A SoundFont's default modulators make amplitude follow the square of velocity/127 and of expression (CC11)/127 (SoundFont 2.04,
sections 8.4.1 and 8.4.8, the concave curve: 40 dB a decade), so levels of both kinds add up in dB. Rules that are stated in dB
(all of KTH's) are applied in dB, and a dynamic mark's velocity (``corpora.musicxml.instruments``) is turned into dB first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpora.musicxml.instruments import DYNAMIC_VELOCITY
from corpora.piece import DEFAULT_VELOCITY

__all__ = ["BASE_LEVEL_DB", "MARK_LEVEL_DB", "level_of_value", "value_of_level"]

MAX_VALUE = 127
DB_PER_DECADE = 40.0


def level_of_value(value: NDArray[np.float64] | NDArray[np.int32] | float) -> NDArray[np.float64]:
    """Level in dB re 127 of velocities or expression values from 1 to 127."""
    return np.asarray(DB_PER_DECADE * np.log10(np.asarray(value, dtype=np.float64) / MAX_VALUE))


def value_of_level(level_db: NDArray[np.float64] | float) -> NDArray[np.int64]:
    """The nearest value from 1 to 127; inverse of ``level_of_value``."""
    values = MAX_VALUE * 10.0 ** (np.asarray(level_db, dtype=np.float64) / DB_PER_DECADE)
    return np.asarray(np.clip(np.rint(values), 1, MAX_VALUE).astype(np.int64))


BASE_LEVEL_DB = float(level_of_value(float(DEFAULT_VELOCITY)))  # where no mark has stood yet: mf
MARK_LEVEL_DB = {mark: float(level_of_value(float(velocity))) for mark, velocity in DYNAMIC_VELOCITY.items()}
