"""Parallel motion between two voices: one definition for the rule that forbids it and for the metric that counts it.

Conventions: ``upper`` and ``lower`` are voices in score order, ``before`` and ``after`` their pitches at two successive
moments. Compound intervals are folded mod 12. An interval counts read either way, from the upper voice down or between the
two pitches whichever is higher, so that crossed voices hide nothing: on the JSB chorales this counts exactly what reading by
score order alone counts. All functions broadcast over numpy arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FIFTH", "OCTAVE", "is_parallel", "is_parallel_to"]

OCTAVE = 0  # semitones mod 12; the unison with it
FIFTH = 7  # semitones mod 12

IntLike = NDArray[np.integer[Any]] | int


def is_parallel_to(
    interval: int, upper_before: IntLike, upper_after: IntLike, lower_before: IntLike, lower_after: IntLike
) -> NDArray[np.bool_]:
    """Whether both voices move, in the same direction, from this interval class to the same: FIFTH or OCTAVE.

    Args:
        interval: Semitones mod 12.
        upper_before: MIDI pitch of the upper voice before; arrays broadcast.
        upper_after: And after.
        lower_before: MIDI pitch of the lower voice before.
        lower_after: And after.
    """
    before = np.subtract(upper_before, lower_before)
    after = np.subtract(upper_after, lower_after)
    together = np.sign(np.subtract(upper_after, upper_before)) * np.sign(np.subtract(lower_after, lower_before)) > 0
    by_score = (before % 12 == interval) & (after % 12 == interval)
    by_pitch = (np.abs(before) % 12 == interval) & (np.abs(after) % 12 == interval)
    return np.asarray(together & (by_score | by_pitch))


def is_parallel(upper_before: IntLike, upper_after: IntLike, lower_before: IntLike, lower_after: IntLike) -> NDArray[np.bool_]:
    """Whether the move is in parallel fifths, or in parallel octaves or unisons; arguments as of ``is_parallel_to``."""
    voices = (upper_before, upper_after, lower_before, lower_after)
    return np.asarray(is_parallel_to(FIFTH, *voices) | is_parallel_to(OCTAVE, *voices))
