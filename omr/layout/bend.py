"""How a page bends: the slope of its lines anywhere, from all of its staves together.

Staves of one page lean and curve alike, so that where one is hard to see, under clefs, slurs or a shadow, the others tell how it
goes on. The slope is a polynomial of low degree in both directions, fitted by least squares that forget what lies off (Cauchy's
weights).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omr.layout.frame import FRAME_INTERLINE
from omr.layout.staff import Curve, Staff

__all__ = ["LEAST_STAVES", "Course", "PageBend", "page_bend"]

LEAST_STAVES = 3  # fewer tell too little of a page
POWERS = tuple((across, down) for across in range(5) for down in range(3) if across + down < 6)  # of x and of y
RIDGE = 1e-3  # for each power above the first, of the weight of all
ROUNDS = 8
FORGET_SLOPE = 0.004  # what lies this far off counts half


@dataclass(frozen=True, eq=False)
class Course:
    """How the lines of a staff run if they bend as their page does.

    Args:
        run: Height of the middle line in pixels, 0 in the mean, (points,).
        widening: Distance of the lines, as a factor of that in the mean, (points,).
    """

    run: Curve
    widening: Curve


@dataclass(frozen=True, eq=False)
class PageBend:
    """Slopes of lines, down by across.

    Args:
        coefficients: Of ``POWERS``.
        middle, half: Centre and half the size of the page, x and y in frame pixels.
    """

    coefficients: Curve
    middle: tuple[float, float]
    half: tuple[float, float]

    def slope(self, x: Curve, y: Curve) -> Curve:
        """Slope at places, of their shape."""
        return np.asarray(_powers(x, y, self.middle, self.half) @ self.coefficients, dtype=np.float64)

    def course(self, x: Curve, y: float) -> Curve:
        """How a line at about the height ``y`` runs over ascending ``x``: 0 in the mean, (points,)."""
        slope = self.slope(x, np.full(len(x), y))
        steps = np.diff(x) * (slope[1:] + slope[:-1]) / 2
        run = np.concatenate([[0.0], np.cumsum(steps)])
        return np.asarray(run - run.mean(), dtype=np.float64)

    def widening(self, x: Curve, y: float) -> Curve:
        """How much farther apart lines about the height ``y`` are at ascending ``x`` than in the mean, a factor, (points,).

        Where of two lines the lower one falls more steeply, they part: the spacing grows by the change of slope from line to line.
        """
        apart = self._slope_downwards(x, np.full(len(x), y))
        steps = np.diff(x) * (apart[1:] + apart[:-1]) / 2
        run = np.concatenate([[0.0], np.cumsum(steps)])
        return np.asarray(np.exp(run - run.mean()), dtype=np.float64)

    def along(self, x: Curve, y: float) -> Course:
        """How a staff at about the height ``y`` runs over ascending ``x``."""
        return Course(self.course(x, y), self.widening(x, y))

    def _slope_downwards(self, x: Curve, y: Curve) -> Curve:
        """Change of slope for each pixel down."""
        reach = FRAME_INTERLINE
        return (self.slope(x, y + reach) - self.slope(x, y - reach)) / (2 * reach)


def page_bend(staves: list[Staff]) -> PageBend | None:
    """The bend of a page with these staves; None where they are too few to tell."""
    if len(staves) < LEAST_STAVES:
        return None
    x, y, slope = (np.concatenate(parts) for parts in zip(*(_slopes(staff) for staff in staves), strict=True))
    low, high = np.array([x.min(), y.min()]), np.array([x.max(), y.max()])
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, FRAME_INTERLINE)
    powers = _powers(x, y, (middle[0], middle[1]), (half[0], half[1]))
    ridge = RIDGE * len(x) * np.diag([float(max(across + down - 1, 0)) for across, down in POWERS])
    weight = np.ones(len(x))
    for _ in range(ROUNDS):
        normal = powers.T @ (weight[:, None] * powers) + ridge + 1e-9 * np.eye(len(POWERS))
        coefficients = np.linalg.solve(normal, powers.T @ (weight * slope))
        weight = 1.0 / (1.0 + ((slope - powers @ coefficients) / FORGET_SLOPE) ** 2)
    return PageBend(coefficients, (float(middle[0]), float(middle[1])), (float(half[0]), float(half[1])))


def _slopes(staff: Staff) -> tuple[Curve, Curve, Curve]:
    """Places of a staff and its slope there."""
    x = (staff.places[1:] + staff.places[:-1]) / 2
    return x, (staff.middle[1:] + staff.middle[:-1]) / 2, np.diff(staff.middle) / np.diff(staff.places)


def _powers(x: Curve, y: Curve, middle: tuple[float, float], half: tuple[float, float]) -> NDArray[np.float64]:
    across, down = np.clip((x - middle[0]) / half[0], -1.2, 1.2), np.clip((y - middle[1]) / half[1], -1.2, 1.2)
    return np.stack([across**first * down**second for first, second in POWERS], axis=-1)
