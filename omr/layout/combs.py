"""Where five lines lie a space apart: the staff-likeness of each height in each column of cells.

A single stroke may be anything; five at once with white between them are a staff. So lines are not followed one by one: the frame
is cut into cells a space wide, and in each column every height is asked how well the teeth of a comb of five, set about it, meet
thin strokes, how little its gaps do, and how little the places of a sixth and seventh line.

Conventions: all in frame pixels; heights are those of the middle line.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.layout.frame import FRAME_INTERLINE, Frame

__all__ = ["LINES", "Combs", "Teeth", "find_combs", "stroke_cells"]

LINES = 5
SPACINGS = (1.0, 0.94, 1.06, 0.88, 1.12)  # spacings tried, in interlines
CELL_SPACES = 2  # width of what a cell looks at
STRONG_PERCENT = 98.5  # of all cells: there the strokes are staff lines, if there are any
WEAKEST_STROKE = 7.0  # grey levels; paper's grain is less
LEAST_LIKENESS = 0.42
GAP_COST, OUTSIDE_COST = 0.5, 0.25
APART_SPACES = 2.5  # nearer than this there is one staff

Cells = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Teeth:
    """Strokes by columns of cells.

    Args:
        cells: Strength 0 to 1, (rows, columns).
        blurred: The same, forgiving two pixels up or down.
        places: ``x`` of each column's middle, (columns,).
    """

    cells: Cells
    blurred: Cells
    places: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Combs:
    """Combs that were found, by column: heights, likeness and spacing in pixels, each a list of (combs,) arrays."""

    heights: list[NDArray[np.float64]]
    likeness: list[NDArray[np.float64]]
    spacings: list[NDArray[np.float64]]


def stroke_cells(frame: Frame) -> Teeth | None:
    """The frame's strokes by cells; None when it has no strokes to speak of."""
    height, width = frame.strokes.shape
    cell = FRAME_INTERLINE
    columns = width // cell
    if columns < CELL_SPACES or height < LINES * cell:
        return None
    places = (np.arange(columns) + 0.5) * cell - 0.5
    blurred = cv2.blur(frame.strokes.astype(np.float32), (CELL_SPACES * cell, 1), borderType=cv2.BORDER_REPLICATE)
    cells = np.ascontiguousarray(blurred[:, np.round(places).astype(np.intp)])
    forgiving = cv2.dilate(cells, np.ones((5, 1), np.uint8))
    strong = max(frame.faintness * float(np.percentile(forgiving, STRONG_PERCENT)), WEAKEST_STROKE)
    return Teeth(np.minimum(cells / strong, 1.0).astype(np.float32), np.minimum(forgiving / strong, 1.0).astype(np.float32), places)


def find_combs(teeth: Teeth) -> Combs:
    """The combs of each column, at most one in two and a half spaces."""
    likeness, which = _likeness(teeth.blurred)
    reach = 2 * round(APART_SPACES * FRAME_INTERLINE) + 1
    crest = (likeness >= cv2.dilate(likeness, np.ones((reach, 1), np.uint8))) & (likeness >= LEAST_LIKENESS)
    combs = Combs([], [], [])
    for column in range(likeness.shape[1]):
        rows = np.flatnonzero(crest[:, column])
        if len(rows) > 1:  # a plateau counts once, by its middle
            groups = np.split(rows, np.flatnonzero(np.diff(rows) > 3) + 1)
            rows = np.array([int(group[len(group) // 2]) for group in groups])
        combs.heights.append(rows.astype(np.float64))
        combs.likeness.append(likeness[rows, column].astype(np.float64))
        combs.spacings.append(np.array(SPACINGS)[which[rows, column]] * FRAME_INTERLINE)
    return combs


def _likeness(cells: Cells) -> tuple[Cells, NDArray[np.int8]]:
    """Best likeness over the spacings, and the spacing's index, (rows, columns) each."""
    rows = len(cells)
    margin = 4 * FRAME_INTERLINE
    padded = np.pad(cells, ((margin, margin), (0, 0)))

    def at(offset_px: float) -> Cells:
        start = margin + round(offset_px)
        return padded[start : start + rows]

    best = np.full(cells.shape, -1.0, dtype=np.float32)
    which = np.zeros(cells.shape, dtype=np.int8)
    for index, ratio in enumerate(SPACINGS):
        space = ratio * FRAME_INTERLINE
        lines = [at(k * space) for k in range(-2, 3)]
        likeness = sum(lines[1:], lines[0]) / LINES
        likeness -= GAP_COST / 4 * sum((at((k + 0.5) * space) for k in range(-1, 2)), at(-1.5 * space))
        likeness -= OUTSIDE_COST * np.maximum(at(-3 * space), at(3 * space))
        better = likeness > best
        best[better] = likeness[better]
        which[better] = index
    return best, which
