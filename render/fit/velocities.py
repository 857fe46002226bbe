"""From levels to velocities and part gains.

How loud a part sounds and how hard its notes are struck cannot be told apart where velocity changes the level alone. By convention
the mean velocity of a part's notes stays as in the score, and the part's gain takes the rest; where a note would then pass 127, the
gain gives way. Notes that the recording does not tell about have no say in either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.fit.sounds import VELOCITIES

__all__ = ["Struck", "struck", "velocity_errors"]

HALVINGS = 60
MARGIN = 1.0  # nepers beyond all levels

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Struck:
    """Velocities and gains that make levels.

    Args:
        velocities: 1 to 127, with fractions, (note,).
        part_gains: Natural logarithm of the amplitude of each part, by number, (part,); 0 for parts without notes.
    """

    velocities: Floats
    part_gains: Floats


def _velocities(levels: Floats, curves: Sequence[Floats]) -> Floats:
    steps = np.arange(1.0, VELOCITIES + 1.0)
    return np.array([float(np.interp(level, curve, steps)) for level, curve in zip(levels.tolist(), curves, strict=True)])


def struck(
    levels: Floats, curves: Sequence[Floats], marks: Floats, parts: NDArray[np.int64], told: NDArray[np.bool_], count: int
) -> Struck:
    """Velocities of notes and gains of parts.

    Args:
        levels: Natural logarithm of each note's amplitude, relative to that at the velocity of its curve's zero, (note,).
        curves: That of each note at velocities 1 to 127, (127,) each, not falling.
        marks: Velocities of the score, (note,).
        parts: Part of each note, (note,).
        told: Whether the recording tells the note's level, (note,).
        count: How many parts there are.
    """
    velocities, gains = marks.copy(), np.zeros(count)
    for part in np.unique(parts).tolist():
        mine = np.flatnonzero(parts == part)
        asked = mine[told[mine]] if told[mine].any() else mine
        own = [np.maximum.accumulate(curves[index]) for index in asked.tolist()]
        top = max(float(levels[index] - curve[-1]) for index, curve in zip(asked.tolist(), own, strict=True))
        low = min(float(levels[index] - curve[-1]) for index, curve in zip(asked.tolist(), own, strict=True)) - MARGIN
        high = max(float(levels[index] - curve[0]) for index, curve in zip(asked.tolist(), own, strict=True)) + MARGIN
        wanted = float(marks[asked].mean())
        for _ in range(HALVINGS):  # the mean velocity falls as the gain rises
            middle = 0.5 * (low + high)
            if float(_velocities(levels[asked] - middle, own).mean()) > wanted:
                low = middle
            else:
                high = middle
        gains[part] = max(0.5 * (low + high), top)
        all_curves = [np.maximum.accumulate(curves[index]) for index in mine.tolist()]
        velocities[mine] = _velocities(levels[mine] - gains[part], all_curves)
    return Struck(velocities, gains)


def velocity_errors(velocities: Floats, curves: Sequence[Floats], errors: Floats) -> Floats:
    """Standard errors of velocities out of those of levels, (note,)."""
    out = np.zeros(len(velocities))
    for index, (velocity, curve) in enumerate(zip(velocities.tolist(), curves, strict=True)):
        below = min(max(int(velocity) - 1, 0), VELOCITIES - 2)
        rise = max(float(curve[below + 1] - curve[below]), 1e-3)
        out[index] = errors[index] / rise
    return out
