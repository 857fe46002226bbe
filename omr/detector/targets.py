"""What the detector should say of a crop of a system: a class for some cells, and attributes for the signs there.

Conventions: a crop's cells count from its top left corner. A sign is seen from the cells whose middles are nearest to its own, one
to four of them: each says how far off the sign's middle is, so that the decoder knows which cells mean the same sign.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omr.detector.channels import POINTS, WITH_ATTRIBUTES, points_of
from omr.detector.model import ATTRIBUTES, CELL_PX
from omr.signs import HEADS, KIND_INDEX, Signs

__all__ = ["CropTargets", "draw_targets", "staff_of"]

BORDER_CELLS = 2  # signs so near the border of a crop do not count: half of them may be missing
BLIND_CELLS = 12  # attributes of heads so near its left or right border do not count
NEAR = 0.7  # cells from a cell's middle to that of a sign that it sees
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
        cells: Channel, row and column of each point, once for each cell that it is seen from, shape (points, 3).
        values: What ``ATTRIBUTES`` names: numbers for "offset" and "size", else indices or 0 and 1; float32, one column a name
            but two for the first two.
        weights: Whether each counts, a column a name of ``ATTRIBUTES``.
        border: Cells that do not count, as (rows, columns) of a mask that is true where they do.
    """

    cells: NDArray[np.int64]
    values: NDArray[np.float32]
    weights: NDArray[np.float32]
    border: NDArray[np.bool_]


def _seen_from(
    channels: NDArray[np.int64], of: NDArray[np.int64], places: NDArray[np.float32], exact: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Every point once for each cell that it is seen from, with column and row; of a channel a cell sees the nearest."""
    around = np.stack(np.meshgrid((-1, 0, 1), (-1, 0, 1)), -1).reshape(-1, 2)
    cells = np.floor(exact).astype(np.int64)[:, None, :] + around
    distance = np.abs(cells + 0.5 - exact[:, None, :]).max(2)
    point, which = np.nonzero(distance < NEAR)
    order = np.argsort(distance[point, which], kind="stable")
    point, which = point[order], which[order]
    column, row = cells[point, which].T
    _, first = np.unique(np.stack([channels[point], row, column], 1), axis=0, return_index=True)
    first = np.sort(first)
    point, column, row = point[first], column[first], row[first]
    return channels[point], of[point], places[point], exact[point], column, row


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


def _is_shared(signs: Signs) -> NDArray[np.bool_]:
    """Whether a sign is that of two voices, which differ in what they say of it."""
    differs = np.stack([signs[name].max(1) * 2 == signs[name].sum(1) for name in _CLASSES]).any(axis=0)
    return np.asarray(differs & (signs["stem"].sum(1) > 0))


def _last_of_most(likely: NDArray[np.float32]) -> NDArray[np.int64]:
    """The last of the likeliest classes, where ``argmax`` gives the first."""
    return np.asarray(likely.shape[1] - 1 - likely[:, ::-1].argmax(1))


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
    middles = (places * np.array(scale_px, dtype=np.float32) + np.array(origin_px, dtype=np.float32)) / CELL_PX
    exact: NDArray[np.float32] = middles.astype(np.float32)
    channels, of, places, exact, column, row = _seen_from(channels, of, places, exact)
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    inside[inside] = border[row[inside], column[inside]]
    channels, of, places, exact = channels[inside], of[inside], places[inside], exact[inside]
    row, column = row[inside], column[inside]
    # What two voices print at one place says two things of it: such a point stands twice, each time with half the weight.
    shared = _is_shared(signs[of])
    first = np.concatenate([np.ones(len(of), dtype=np.bool_), np.zeros(int(shared.sum()), dtype=np.bool_)])
    channels, of, places, exact, row, column = (
        np.concatenate([part, part[shared]]) for part in (channels, of, places, exact, row, column)
    )
    share = np.where(np.concatenate([shared, shared[shared]]), 0.5, 1.0)
    chosen = signs[of]
    y = places[:, 1]
    below = np.searchsorted(middle_lines, y)
    values: list[NDArray[Any]] = [
        exact - np.stack([column, row], 1) - 0.5,
        np.log(np.maximum(np.stack([chosen["width"], chosen["height"]], 1), SMALLEST)),
        (chosen["staff"] >= below)[:, None],
        *(np.where(first, chosen[name].argmax(1), _last_of_most(chosen[name]))[:, None].astype(np.float32) for name in _CLASSES),
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
        weights=(np.stack(weights, 1) * share[:, None]).astype(np.float32),
        border=border,
    )
