"""The 8 under a treble clef, told by its ink: at the detector's eight pixels a space it is easily overlooked.

A treble clef ends 3.4 to 3.7 spaces below the middle line; under it there is white, or a small 8 of its own width.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omr.signs import KIND_INDEX, Signs

__all__ = ["with_octave_clefs"]

UNDER = (3.8, 5.4)  # spaces below the middle line between which the 8 stands
HIGH = 0.8  # of its darkest part
HALF_WIDE = 0.8  # spaces to both sides of the clef's middle
BESIDE = (1.2, 2.0)  # to the right, where words would go on
AROUND, MOST_ASKEW = (
    1.2,
    0.45,
)  # spaces to both sides in which the 8's ink is balanced about the clef's middle; numbers of verses are not
LEAST_INK, MOST_BESIDE = 0.12, 0.07  # shares, beyond the paper's
AT_LEFT = 8.0  # spaces from the left end of the lines: changes within a line are small


def with_octave_clefs(
    signs: Signs,
    image: NDArray[np.uint8],
    interline_px: int | float,
    origin_px: tuple[float, float],
    middle_lines: NDArray[np.float32],
) -> Signs:
    """The signs, with treble clefs that have an 8 under them as such.

    Args:
        signs: Of a straight system.
        image, interline_px, origin_px, middle_lines: As ``SignReader.read`` has them.
    """
    clefs = np.flatnonzero((signs["kind"] == KIND_INDEX["clef_g"]) & (signs["x"] < AT_LEFT))
    if not len(clefs):
        return signs
    ink = 1.0 - image.astype(np.float32) / 255.0

    def mean(x: tuple[float, float], y: tuple[float, float]) -> float:
        left, right = (max(0, round(place * interline_px + origin_px[0])) for place in x)
        top, bottom = (max(0, round(place * interline_px + origin_px[1])) for place in y)
        part = ink[top:bottom, left:right]
        return float(part.mean()) if part.size else 0.0

    def askew(x: float, y: tuple[float, float], paper: float) -> float:
        left, right = (max(0, round((x + side) * interline_px + origin_px[0])) for side in (-AROUND, AROUND))
        top, bottom = (max(0, round(place * interline_px + origin_px[1])) for place in y)
        columns = np.maximum(ink[top:bottom, left:right].mean(axis=0) - paper, 0.0)
        places = (np.arange(left, left + len(columns)) + 0.5 - origin_px[0]) / interline_px - x
        return float((columns * places).sum() / max(columns.sum(), 1e-6))

    found = signs.copy()
    for index in clefs:
        x, middle = float(signs["x"][index]), float(middle_lines[int(signs["staff"][index])])
        heights = [(middle + top, middle + top + HIGH) for top in np.arange(UNDER[0], UNDER[1] - HIGH + 0.01, 0.2).tolist()]
        paper = min(mean((x - HALF_WIDE, x + BESIDE[1]), (y[0] + 1.0, y[1] + 1.0)) for y in heights)
        under = max(heights, key=lambda y: mean((x - HALF_WIDE, x + HALF_WIDE), y))
        beside = mean((x + BESIDE[0], x + BESIDE[1]), under)  # on the left there may be the system's line
        inked = mean((x - HALF_WIDE, x + HALF_WIDE), under) - paper >= LEAST_INK
        if inked and beside - paper <= MOST_BESIDE and abs(askew(x, under, paper)) <= MOST_ASKEW:
            found["kind"][index] = KIND_INDEX["clef_g_8below"]
    return found
