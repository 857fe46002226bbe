"""Tells music signs by their outlines: nearest of the same signs in verovio's five SMuFL fonts, by their ink on a small grid.

For glyphs that are drawn as paths, and for fonts without names or code points that are known. One em of a SMuFL font is four
staff spaces, so that size tells as well as shape. Lengths are staff spaces.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from defusedxml import ElementTree
from fontTools.svgLib.path import parse_path  # type: ignore[import-untyped]
from numpy.typing import NDArray

from corpora.errors import ToolError
from omr.vector.glyph_names import SMUFL
from omr.vector.outlines import FlatPen, bounds_of, ink_grid

__all__ = ["name_of_shape"]

FONTS: Final = ("Leipzig", "Bravura", "Leland", "Gootville", "Petaluma")
UNITS_PER_SPACE: Final = 250.0  # of verovio's fonts
CELLS: Final = 20
MAX_MISMATCH: Final = 0.10  # share of cells
MIN_SIZE: Final = 0.45  # of the reference: signs of grace and cue notes are smaller
MAX_SIZE: Final = 1.35
LOG_ASPECT: Final = 0.15
ASPECT_WEIGHT: Final = 0.3
SIZE_WEIGHT: Final = 0.03
LINE_REST: Final = (0.8, 2.0, 0.3, 0.7)  # least and most width and height of a whole or half rest
SOLID: Final = 0.93  # share of a plain bar's box that is inked
# Plain rectangles and slanted bars are told by their place; letters too.
LEFT_OUT: Final = frozenset({"rest_whole", "rest_half", "tenuto", "tremolo_1", "bracket_tip", "paren"})


@dataclass(frozen=True, eq=False)
class _References:
    names: tuple[str, ...]
    grids: NDArray[np.bool_]  # (signs, CELLS * CELLS)
    heights: NDArray[np.float64]
    log_aspects: NDArray[np.float64]


def name_of_shape(contours: Sequence[NDArray[np.float64]], space: float) -> str:
    """The name (``omr.vector.glyph_names``) of the sign that the outline is most like, "" when it is like none.

    Args:
        contours: Shape (points, 2) each, y upwards.
        space: Staff space in their unit.

    Raises:
        ToolError: verovio is not installed.
    """
    outline = list(contours)
    left, bottom, right, top = bounds_of(outline)
    width, height = (right - left) / space, (top - bottom) / space
    if width <= 0.05 or height <= 0.05:
        return ""
    grid = ink_grid(outline, CELLS).ravel()
    if LINE_REST[0] <= width <= LINE_REST[1] and LINE_REST[2] <= height <= LINE_REST[3] and grid.mean() >= SOLID:
        return "line_rest"
    references = _references()
    aspect = np.abs(references.log_aspects - np.log(width / height))
    size = height / references.heights
    fits = np.flatnonzero((aspect < LOG_ASPECT) & (size > MIN_SIZE) & (size < MAX_SIZE))
    if len(fits) == 0:
        return ""
    mismatch = (references.grids[fits] != grid).mean(axis=1)
    cost = mismatch + ASPECT_WEIGHT * aspect[fits] + SIZE_WEIGHT * np.abs(np.log(size[fits]))
    best = int(np.argmin(cost))
    return references.names[fits[best]] if mismatch[best] <= MAX_MISMATCH else ""


@lru_cache(maxsize=1)
def _references() -> _References:
    spec = importlib.util.find_spec("verovio")
    if spec is None or not spec.submodule_search_locations:
        raise ToolError("verovio is not installed: its fonts are needed to tell signs by their outlines")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    names: list[str] = []
    outlines: list[list[NDArray[np.float64]]] = []
    for font in FONTS:
        for code, name in SMUFL.items():
            file = folder / font / f"{code:04X}.xml"
            if name in LEFT_OUT or not file.is_file():
                continue
            contours = _contours(file)
            if contours:
                names.append(name)
                outlines.append(contours)
    bounds = np.array([bounds_of(contours) for contours in outlines])
    sizes = (bounds[:, 2:] - bounds[:, :2]) / UNITS_PER_SPACE
    grids = np.stack([ink_grid(contours, CELLS).ravel() for contours in outlines])
    return _References(tuple(names), grids, sizes[:, 1], np.log(sizes[:, 0] / sizes[:, 1]))


def _contours(file: Path) -> list[NDArray[np.float64]]:
    """The outline of a glyph of verovio, y upwards (its files draw it so and flip it for SVG)."""
    pen = FlatPen(None)
    for element in ElementTree.fromstring(file.read_bytes()).iter():
        if element.tag.rpartition("}")[2] == "path" and element.get("d"):
            parse_path(element.get("d"), pen)
    return pen.contours()
