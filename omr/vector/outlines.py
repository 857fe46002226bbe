"""Outlines as polygons: Bézier curves flattened to a few straight pieces, and their shape on a small grid of ink.

Contours are arrays of points, shape (points, 2), without a repeated last point. Lengths are whatever the caller's are.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from fontTools.pens.basePen import BasePen  # type: ignore[import-untyped]
from numpy.typing import NDArray

__all__ = ["FlatPen", "bounds_of", "flat_cubic", "ink_grid"]

CURVE_STEPS: Final = 6  # straight pieces of a curve
STEPS: Final = np.arange(1, CURVE_STEPS + 1)[:, None] / CURVE_STEPS
BERNSTEIN: Final = np.stack([(1 - STEPS) ** 3, 3 * STEPS * (1 - STEPS) ** 2, 3 * STEPS**2 * (1 - STEPS), STEPS**3])[..., 0]


def flat_cubic(start: Any, first: Any, second: Any, end: Any) -> NDArray[np.float64]:
    """Points of a cubic Bézier curve after its start, shape (CURVE_STEPS, 2)."""
    control = np.asarray((start, first, second, end), dtype=np.float64)
    return BERNSTEIN.T @ control


class FlatPen(BasePen):  # type: ignore[misc]
    """A pen of fontTools (whose method names these are) that keeps what is drawn as contours."""

    def __init__(self, glyphs: Any) -> None:
        super().__init__(glyphs)
        self._contours: list[list[Any]] = []

    def _moveTo(self, pt: Any) -> None:  # noqa: N802
        self._contours.append([pt])

    def _lineTo(self, pt: Any) -> None:  # noqa: N802
        self._contours[-1].append(pt)

    def _curveToOne(self, pt1: Any, pt2: Any, pt3: Any) -> None:  # noqa: N802
        self._contours[-1].extend(flat_cubic(self._contours[-1][-1], pt1, pt2, pt3))

    def contours(self) -> list[NDArray[np.float64]]:
        """What was drawn; contours of fewer than three points enclose nothing and are left out."""
        return [np.asarray(points, dtype=np.float64) for points in self._contours if len(points) > 2]


def bounds_of(contours: list[NDArray[np.float64]]) -> tuple[float, float, float, float]:
    """Left, lowest y, right and highest y of all contours together; zeros for none."""
    if not contours:
        return 0.0, 0.0, 0.0, 0.0
    points = np.concatenate(contours)
    low, high = points.min(axis=0), points.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def ink_grid(contours: list[NDArray[np.float64]], cells: int) -> NDArray[np.bool_]:
    """Where the outline is inked (non-zero winding), on the centres of an even grid over its own box.

    Args:
        contours: The outline.
        cells: Rows and columns of the grid.

    Returns:
        Shape (cells, cells), the row of lowest y first.
    """
    left, bottom, right, top = bounds_of(contours)
    xs = left + (np.arange(cells) + 0.5) * (right - left) / cells
    ys = bottom + (np.arange(cells) + 0.5) * (top - bottom) / cells
    winding = np.zeros((cells, cells), dtype=np.int64)
    for points in contours:
        start, end = points, np.roll(points, -1, axis=0)
        rising = (start[:, 1] <= ys[:, None]) & (end[:, 1] > ys[:, None])  # (rows, edges)
        falling = (start[:, 1] > ys[:, None]) & (end[:, 1] <= ys[:, None])
        rows, edges = np.nonzero(rising | falling)
        slope = (end[edges, 0] - start[edges, 0]) / (end[edges, 1] - start[edges, 1])
        crossing = start[edges, 0] + (ys[rows] - start[edges, 1]) * slope
        turn = np.where(rising[rows, edges], 1, -1)
        np.add.at(winding, rows, turn[:, None] * (crossing[:, None] < xs))
    inked: NDArray[np.bool_] = winding != 0
    return inked
