"""Cuts a system out of its page as one strip, as its readers see it.

Conventions: as in ``omr.signs``; a strip's pixel ``(column, row)`` lies at ``x = (column - origin_px[0]) / interline_px`` and
``y = (row - origin_px[1]) / interline_px``, where whole numbers are the pixels' upper left corners.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from corpora.errors import RequestError
from omr.pages.engraved import LabelledPage
from omr.signs import Signs

__all__ = ["SystemStrip", "system_strip"]

SIDE_SPACES = 2.0
SAME_SIZE = 1e-3


@dataclass(frozen=True, eq=False)
class SystemStrip:
    """A system cut from its page.

    Args:
        image: Grey, 0 black, shape (height, width).
        interline_px: Pixels of a staff space.
        origin_px: Where ``x = 0, y = 0`` lies in the picture, ``(column, row)``.
        signs: Rows of ``SIGN_DTYPE`` whose middle is in the picture.
        middle_lines: ``y`` of each staff's middle line in spaces, shape (staves,).
    """

    image: NDArray[np.uint8]
    interline_px: float
    origin_px: tuple[float, float]
    signs: Signs
    middle_lines: NDArray[np.float32]


def system_strip(page: LabelledPage, system: int, interline_px: float = 12.0, margin_spaces: float = 6.0) -> SystemStrip:
    """Cut one system from a page.

    The strip reaches from ``margin_spaces`` above the top staff to as much below the last, but not past half the way to the
    neighbour systems, and 2 spaces past the staff lines at either side.

    Args:
        page: The page.
        system: Which of its systems, from 0.
        interline_px: Staff space of the strip; another than the page's is resampled.
        margin_spaces: Above and below.

    Raises:
        RequestError: No such system.
    """
    if not 0 <= system < len(page.systems):
        raise RequestError(f"page: expected a system of 0-{len(page.systems) - 1}, got {system}")
    chosen = page.systems[system]
    unit = chosen.interline_px
    top_line, bottom_line = float(chosen.staff_lines[0][0, 2]), float(chosen.staff_lines[-1][-1, 2])
    top, bottom = top_line - margin_spaces * unit, bottom_line + margin_spaces * unit
    if system > 0:
        top = max(top, (float(page.systems[system - 1].staff_lines[-1][-1, 2]) + top_line) / 2)
    if system + 1 < len(page.systems):
        bottom = min(bottom, (bottom_line + float(page.systems[system + 1].staff_lines[0][0, 2])) / 2)
    origin = chosen.origin_px
    left, right = origin[0] - SIDE_SPACES * unit, origin[0] + (chosen.width + SIDE_SPACES) * unit
    height, width = page.image.shape
    first_row, last_row = max(0, round(top)), min(height, round(bottom))
    first_column, last_column = max(0, round(left)), min(width, round(right))
    image = page.image[first_row:last_row, first_column:last_column]
    scale = interline_px / unit
    if abs(scale - 1.0) > SAME_SIZE:
        size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR), dtype=np.uint8)
    else:
        scale = 1.0
    place = ((origin[0] - first_column) * scale, (origin[1] - first_row) * scale)
    columns, rows = place[0] + chosen.signs["x"] * unit * scale, place[1] + chosen.signs["y"] * unit * scale
    inside = (columns >= 0) & (columns < image.shape[1]) & (rows >= 0) & (rows < image.shape[0])
    return SystemStrip(np.ascontiguousarray(image), unit * scale, place, chosen.signs[inside], chosen.middle_lines)
