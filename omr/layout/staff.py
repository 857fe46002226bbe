"""One staff: its middle line and the distance of its lines as curves, and curves made smooth.

Source: P. H. C. Eilers: "A perfect smoother", Analytical Chemistry 75 (2003), for the penalty on second differences.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from omr.layout.frame import FRAME_INTERLINE

__all__ = ["OFFSETS", "Curve", "Staff", "smooth", "with_ends"]

Curve = NDArray[np.float64]

OFFSETS: Final[Curve] = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])  # lines from the middle one, in spaces


@dataclass(frozen=True, eq=False)
class Staff:
    """One staff, in frame pixels.

    Args:
        places: ``x`` of the points, from the left end to the right end, (points,).
        middle: ``y`` of the middle line there, (points,).
        spacing: Distance of the lines there, (points,).
        line_count: 5.
        visible: Share of its lines that was seen, 0 to 1.
        straying: How far the measured centres lie off the lines, median in spaces.
    """

    places: Curve
    middle: Curve
    spacing: Curve
    line_count: int
    visible: float
    straying: float

    @property
    def left(self) -> float:
        """Where its lines begin."""
        return float(self.places[0])

    @property
    def right(self) -> float:
        """Where they end."""
        return float(self.places[-1])

    def middle_at(self, x: Curve) -> Curve:
        """``y`` of the middle line; straight on beyond the ends."""
        return _extended(x, self.places, self.middle)

    def spacing_at(self, x: Curve) -> Curve:
        """Distance of the lines; that of the ends beyond them."""
        return np.asarray(np.interp(x, self.places, self.spacing), dtype=np.float64)

    def line_at(self, x: Curve, spaces: float) -> Curve:
        """``y`` at a height of so many spaces below the middle line."""
        return self.middle_at(x) + spaces * self.spacing_at(x)


def _extended(x: Curve, places: Curve, values: Curve) -> Curve:
    inside = np.interp(x, places, values)
    near = max(1, min(len(places) - 1, 6))
    first = (values[near] - values[0]) / (places[near] - places[0])
    last = (values[-1] - values[-1 - near]) / (places[-1] - places[-1 - near])
    return np.asarray(inside + np.minimum(x - places[0], 0.0) * first + np.maximum(x - places[-1], 0.0) * last, dtype=np.float64)


def smooth(values: Curve, weights: Curve, stiffness: float) -> Curve:
    """The curve nearest to the weighted values whose second differences cost ``stiffness`` times their squares, (points,)."""
    count = len(values)
    if count < 3:
        total = weights.sum()
        return np.full(count, float((values * weights).sum() / total) if total > 0 else float(values.mean()))
    bands = np.zeros((3, count))
    bands[0] = weights + 1e-9
    bands[0, :-2] += stiffness
    bands[0, 1:-1] += 4 * stiffness
    bands[0, 2:] += stiffness
    bands[1, :-1][: count - 2] -= 2 * stiffness
    bands[1, 1 : count - 1] -= 2 * stiffness
    bands[2, : count - 2] += stiffness
    return np.asarray(solveh_banded(bands, weights * values, lower=True), dtype=np.float64)


def with_ends(staff: Staff, left: float, right: float) -> Staff:
    """The staff with other ends."""
    points = np.linspace(left, right, max(3, round((right - left) / FRAME_INTERLINE) + 1))
    return replace(staff, places=points, middle=staff.middle_at(points), spacing=staff.spacing_at(points))
