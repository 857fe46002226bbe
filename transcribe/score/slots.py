"""The places within a beat at which notes may be written, and the note values that they may have.

Conventions: places are exact fractions of a beat (a tactus), values of a quarter note. ``STEPS_PER_BEAT`` steps hold every place.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

__all__ = ["FAMILIES_OF_SLOTS", "SLOTS", "STEPS_PER_BEAT", "VALUES", "slot_of", "value_of"]

_EIGHTHS, _TWELFTHS = [Fraction(k, 8) for k in range(8)], [Fraction(k, 12) for k in range(12)]
_NINTHS, _FIFTHS = [Fraction(k, 9) for k in range(9)], [Fraction(k, 5) for k in range(5)]
_PLACES = sorted({*_EIGHTHS, *_TWELFTHS, *_NINTHS, *_FIFTHS})
SLOTS = (*_PLACES, Fraction(1))  # the last is the beat that follows
STEPS_PER_BEAT = 360
_MIXED = {Fraction(k, 6) for k in range(6)} | {Fraction(k, 4) for k in range(4)}


def _mask(places: set[Fraction]) -> NDArray[np.bool_]:
    return np.array([slot in places or slot == 1 for slot in SLOTS])


# What one beat may be divided into at once, and what that costs in nats where nothing else is known.
FAMILIES_OF_SLOTS: tuple[tuple[NDArray[np.bool_], float], ...] = (
    (_mask({Fraction(k, 4) for k in range(4)}), 0.0),
    (_mask({Fraction(k, 6) for k in range(6)}), 0.5),
    (_mask(set(_EIGHTHS)), 1.0),
    (_mask(_MIXED), 2.5),
    (_mask(set(_TWELFTHS)), 3.0),
    (_mask(set(_FIFTHS)), 5.0),
    (_mask(set(_NINTHS)), 5.0),
)

_SHORT_VALUES = "1/16 1/12 1/10 1/9 1/8 1/6 3/16 1/5 2/9 1/4 1/3 3/8 2/5 1/2 3/5 5/8 2/3 3/4 4/5 7/8"
_LONG_VALUES = "1 5/4 4/3 3/2 5/3 7/4 2 9/4 7/3 5/2 8/3 3 13/4 7/2 15/4 4 9/2 5 11/2 6 13/2 7 15/2 8 9 10 11 12 14 15 16 18 20 24"
VALUES = tuple(sorted(Fraction(text) for text in f"{_SHORT_VALUES} {_LONG_VALUES}".split()))
_SLOT_VALUES = np.array([float(slot) for slot in SLOTS])
_VALUE_LOGS = np.log2([float(value) for value in VALUES])
_EXACT = 1e-4


def slot_of(beats: NDArray[np.float64], floor: NDArray[np.float64]) -> NDArray[np.int64]:
    """Index into SLOTS of places relative to a beat, -1 for those that are none.

    Args:
        beats: Exact places in beats, shape (notes,).
        floor: The beat that each is counted from, shape (notes,).
    """
    rest = (beats - floor)[:, None]
    distance = np.abs(rest - _SLOT_VALUES[None])
    found = distance.argmin(axis=1)
    return np.asarray(np.where(distance.min(axis=1) < _EXACT, found, -1))


def value_of(quarters: NDArray[np.float64]) -> NDArray[np.int64]:
    """Index into VALUES of lengths in quarters: the nearest by ratio."""
    logs = np.log2(np.maximum(quarters, 1e-6))
    return np.asarray(np.abs(logs[:, None] - _VALUE_LOGS[None]).argmin(axis=1))
