"""A system cut from its page and straightened: the picture that the detector reads, and the way back to the page.

Conventions: in pixel coordinates of strips and of pages whole numbers are the upper left corners of pixels. A strip's point
``(column, row)`` lies at ``x = (column - origin_px[0]) / interline_px`` and ``y = (row - origin_px[1]) / interline_px`` spaces.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omr.signs import Brace, SeenSystem, Signs

__all__ = ["SystemStrip", "page_points"]

HALF_STAFF = 2  # spaces from the middle line to the outer ones


@dataclass(frozen=True, eq=False)
class SystemStrip:
    """One system, straight and level.

    Args:
        image: Grey, 0 black, (height, width).
        interline_px: Pixels of a staff space, the same on all staves.
        origin_px: Where ``x = 0, y = 0`` lies in the picture: left end of the lines, middle line of the first staff.
        middle_lines: ``y`` of the middle line of each staff in spaces, (staves,); the first is 0.
        line_counts: Lines of each staff, (staves,).
        width: Length of the staff lines in spaces.
        corners: Page pixels of the system's points as ``SeenSystem.corners`` has them, (rows, columns, 2).
        braces: Braces and brackets at the left.
        page: Page, from 0.
        number: System on the page, from 0.
        confidence: How sure the layout is that these are the staves and this is all of them, 0 to 1.
    """

    image: NDArray[np.uint8]
    interline_px: int | float
    origin_px: tuple[float, float]
    middle_lines: NDArray[np.float32]
    line_counts: NDArray[np.int64]
    width: float
    corners: NDArray[np.float32]
    braces: tuple[Brace, ...]
    page: int
    number: int
    confidence: float

    def seen(self, signs: Signs) -> SeenSystem:
        """The system with the signs that were read in its picture, rows of ``SIGN_DTYPE`` in spaces."""
        return SeenSystem(self.page, self.number, self.middle_lines, self.line_counts, self.width, signs, self.corners, self.braces)

    def to_page(self, columns: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where strip pixels lie on the page, (..., 2)."""
        x = (columns - self.origin_px[0]) / self.interline_px
        y = (rows - self.origin_px[1]) / self.interline_px
        return page_points(self.corners, self.middle_lines, self.line_counts, self.width, x, y)


def page_points(
    corners: NDArray[np.float32],
    middle_lines: NDArray[np.float32],
    line_counts: NDArray[np.int64],
    width: float,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Page pixels of points of a system, linear between the points of its grid and beyond them.

    Args:
        corners, middle_lines, line_counts, width: As ``SeenSystem`` has them.
        x, y: In spaces, any shape.

    Returns:
        ``(x, y)`` pixels, (..., 2).
    """
    heights = line_heights(middle_lines, line_counts)
    row = np.clip(np.searchsorted(heights, y) - 1, 0, len(heights) - 2)
    down = ((y - heights[row]) / (heights[row + 1] - heights[row]))[..., None]
    steps = corners.shape[1] - 1
    place = np.asarray(x, dtype=np.float64) * steps / width
    column = np.clip(np.floor(place).astype(np.intp), 0, steps - 1)
    across = (place - column)[..., None]
    grid = corners.astype(np.float64)
    upper = grid[row, column] * (1 - across) + grid[row, column + 1] * across
    lower = grid[row + 1, column] * (1 - across) + grid[row + 1, column + 1] * across
    return np.asarray(upper * (1 - down) + lower * down, dtype=np.float64)


def line_heights(middle_lines: NDArray[np.float32], line_counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """``y`` of every staff line in spaces, top first, (lines,)."""
    staves = zip(middle_lines.tolist(), line_counts.tolist(), strict=True)
    return np.concatenate([middle + np.arange(count) - (count - 1) / 2 for middle, count in staves])
