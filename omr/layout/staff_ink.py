"""The ink that lies on the lines of a staff: how much, how thick, and in strokes of what length.

All functions look at heights of a staff, in spaces below its middle line, over columns ``x`` of the frame.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.layout.frame import FRAME_INTERLINE
from omr.layout.staff import Curve, Staff

__all__ = ["inked", "lined_ink", "stroke_spaces", "thin_ink"]

LEDGER_SPACES = 3.0  # longer than any
THICKEST_PX = 5  # of a line


def inked(ink: NDArray[np.bool_], staff: Staff, x: Curve, spaces: Curve) -> NDArray[np.bool_]:
    """Where there is ink (of the frame, (height, width)) within a pixel of these heights of a staff, (heights, columns)."""
    rows = np.round(staff.middle_at(x) + spaces[:, None] * staff.spacing_at(x)).astype(np.intp)
    rows = np.clip(rows, 1, len(ink) - 2)
    across = np.broadcast_to(_columns(ink, x), rows.shape)
    return np.asarray(ink[rows - 1, across] | ink[rows, across] | ink[rows + 1, across])


def thin_ink(ink: NDArray[np.bool_], staff: Staff, x: Curve, spaces: Curve) -> NDArray[np.bool_]:
    """Where there is ink near these heights of a staff that is no thicker than a line, (heights, columns)."""
    reach = THICKEST_PX + 2
    rows = np.round(staff.middle_at(x) + spaces[:, None] * staff.spacing_at(x)).astype(np.intp)
    around = rows[..., None] + np.arange(-reach, reach + 1)
    inside = (around >= 0) & (around < len(ink))
    cells = ink[np.clip(around, 0, len(ink) - 1), _columns(ink, x)[None, :, None]] & inside
    start = np.argmax(cells[..., reach - 1 : reach + 2], axis=-1) + reach - 1  # the ink nearest to the height, from above
    hit = np.take_along_axis(cells, start[..., None], axis=-1)[..., 0]
    place = np.arange(2 * reach + 1)
    first = np.where(~cells & (place < start[..., None]), place, -1).max(axis=-1)
    last = np.where(~cells & (place > start[..., None]), place, 2 * reach + 1).min(axis=-1)
    return np.asarray(hit & (last - first - 1 <= THICKEST_PX), dtype=np.bool_)


def lined_ink(ink: NDArray[np.bool_], staff: Staff, x: Curve, spaces: Curve) -> NDArray[np.bool_]:
    """As ``_thin``, in strokes that are longer than ledger lines, (heights, columns)."""
    stroke = np.ones((1, round(LEDGER_SPACES * FRAME_INTERLINE)), dtype=np.uint8)
    long = cv2.morphologyEx(inked(ink, staff, x, spaces).astype(np.uint8), cv2.MORPH_OPEN, stroke)
    return np.asarray((long > 0) & thin_ink(ink, staff, x, spaces), dtype=np.bool_)


def _columns(ink: NDArray[np.bool_], x: Curve) -> NDArray[np.intp]:
    return np.clip(np.round(x).astype(np.intp), 0, ink.shape[1] - 1)


def stroke_spaces(on: NDArray[np.bool_]) -> float:
    """Length in spaces of the stroke that a pixel of ink lies in, on average on the line where it is least."""
    least = np.inf
    for line in on:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
        lengths = (edges[1::2] - edges[::2]).astype(np.float64)
        least = min(least, float((lengths**2).sum() / max(float(lengths.sum()), 1.0)) / FRAME_INTERLINE)
    return least
