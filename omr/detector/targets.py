"""What the detector should say of a crop of a system: a class for some cells, and attributes for the signs there.

Conventions: a crop's cells count from its top left corner; a sign lies in the cell that holds its middle. The eight cells around a
sign's do not count for its channel: they look much the same, and the decoder takes the highest of neighbours anyway.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omr.detector.channels import POINTS, WITH_ATTRIBUTES, points_of
from omr.detector.model import ATTRIBUTES, CELL_PX
from omr.signs import HEADS, KIND_INDEX, Signs

__all__ = ["CropTargets", "draw_targets", "staff_of"]

BORDER_CELLS = 2  # signs so near the border of a crop do not count: half of them may be missing
BLIND_CELLS = 12  # attributes of heads so near its left or right border do not count
ON_LINES = 2.6  # spaces from the middle line
SMALLEST = 0.1  # width and height of a box in spaces are at least so much

_CLASSES = ("duration", "dots", "stem", "beam", "grace")
_FLAGS = ("tie_start", "tie_stop", "slur_start", "slur_stop")
_NOTED = np.array(sorted(KIND_INDEX[kind] for kind in WITH_ATTRIBUTES))
_HEADS = np.array(sorted(KIND_INDEX[kind] for kind in HEADS))


@dataclass(frozen=True, eq=False)
class CropTargets:
    """Targets of one crop.

    Args:
        cells: Channel, row and column of each point, shape (points, 3).
        values: What ``ATTRIBUTES`` names: numbers for "offset" and "size", else indices or 0 and 1; float32, one column a name
            but two for the first two.
        weights: Whether each counts, a column a name of ``ATTRIBUTES``.
        border: Cells that do not count, as (rows, columns) of a mask that is true where they do.
    """

    cells: NDArray[np.int64]
    values: NDArray[np.float32]
    weights: NDArray[np.float32]
    border: NDArray[np.bool_]


def staff_of(y: NDArray[np.float32], lower: NDArray[np.bool_], middle_lines: NDArray[np.float32]) -> NDArray[np.int64]:
    """The staff of each sign: the one on whose lines it lies, else of the two around it the lower or the upper one.

    Args:
        y: In spaces, shape (signs,).
        lower: Whether it belongs to the lower one, where it lies between two.
        middle_lines: Of the staves.
    """
    below = np.searchsorted(middle_lines, y)
    chosen = np.clip(np.where(lower, below, below - 1), 0, len(middle_lines) - 1)
    nearest = np.abs(y[:, None] - middle_lines[None, :]).argmin(1)
    return np.where(_on_lines(y, middle_lines), nearest, chosen)


def _on_lines(y: NDArray[np.float32], middle_lines: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether a sign lies on or next to the lines of a staff: then it belongs there."""
    return np.asarray(np.abs(y[:, None] - middle_lines[None, :]).min(1) < ON_LINES)


def draw_targets(
    signs: Signs,
    middle_lines: NDArray[np.float32],
    scale_px: tuple[float, float],
    origin_px: tuple[float, float],
    shape_px: tuple[int, int],
) -> CropTargets:
    """Targets of a crop.

    Args:
        signs: Of the whole system.
        middle_lines: Of its staves, in spaces.
        scale_px: Pixels a space in the crop, across and down.
        origin_px: Where the system's origin lies in the crop, ``(x, y)``.
        shape_px: Height and width of the crop.
    """
    rows, columns = shape_px[0] // CELL_PX, shape_px[1] // CELL_PX
    border = np.zeros((rows, columns), dtype=np.bool_)
    border[BORDER_CELLS : rows - BORDER_CELLS, BORDER_CELLS : columns - BORDER_CELLS] = True
    channels, of, places = points_of(signs, middle_lines)
    exact = (places * np.array(scale_px, dtype=np.float32) + np.array(origin_px, dtype=np.float32)) / CELL_PX
    column, row = np.floor(exact).astype(np.int64).T
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    inside[inside] = border[row[inside], column[inside]]
    channels, of, places, exact, row, column = (part[inside] for part in (channels, of, places, exact, row, column))
    chosen = signs[of]
    y = places[:, 1]
    below = np.searchsorted(middle_lines, y)
    values: list[NDArray[np.float32]] = [
        exact - np.stack([column, row], 1) - 0.5,
        np.log(np.maximum(np.stack([chosen["width"], chosen["height"]], 1), SMALLEST)),
        (chosen["staff"] >= below)[:, None],
        *(chosen[name].argmax(1)[:, None].astype(np.float32) for name in _CLASSES),
        *((chosen[name] > 0.5)[:, None].astype(np.float32) for name in _FLAGS),
    ]
    kinds = chosen["kind"]
    is_point = channels < len(POINTS)
    clear = (column >= BLIND_CELLS) & (column < columns - BLIND_CELLS)
    between = (below > 0) & (below < len(middle_lines)) & ~_on_lines(y, middle_lines) & is_point
    noted, heads = np.isin(kinds, _NOTED) & clear, np.isin(kinds, _HEADS) & clear
    counts = {"offset": np.ones_like(is_point), "size": is_point, "lower": between}
    weights = [counts.get(name, noted if name in ("duration", "dots") else heads) for name in ATTRIBUTES]
    return CropTargets(
        cells=np.stack([channels, row, column], 1),
        values=np.concatenate(values, 1).astype(np.float32),
        weights=np.stack(weights, 1).astype(np.float32),
        border=border,
    )
