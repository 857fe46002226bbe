"""Pages that lie on their head or on their side: which way up a page is, told by its clefs, and its points turned back.

Turns are quarter turns against the clock that bring the page upright, as of ``numpy.rot90``. Points are ``(x, y)`` pixels whose
whole numbers are the upper left corners of pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.signs import CLEFS, KIND_INDEX, SeenSystem

__all__ = ["clef_share", "may_lie_on_its_side", "turned_back"]

AT_LEFT = 8.0  # staff spaces from the left end within which a system's clefs stand
LEAST = 0.5  # probability of a clef that counts
LOOK_PX = 1000  # longer side of what is looked at for lines that go up and down
LONG_SHARE, DARKER, MORE_UPRIGHT = 1 / 30, 6.0, 2.0  # of that side; grey levels below what is around; times the level ink
_CLEF_KINDS = tuple(KIND_INDEX[name] for name in CLEFS)


def clef_share(systems: Sequence[SeenSystem]) -> float:
    """The share of staves that begin with a clef, 0 where there are none."""
    staves = with_clef = 0
    for system in systems:
        signs = system.signs
        clefs = np.isin(signs["kind"], _CLEF_KINDS) & (signs["x"] < AT_LEFT) & (signs["probability"] >= LEAST)
        staves += system.staves
        with_clef += len(set(signs["staff"][clefs].tolist()) & set(range(system.staves)))
    return with_clef / staves if staves else 0.0


def may_lie_on_its_side(grey: NDArray[np.uint8]) -> bool:
    """Whether a page has long upright lines, and clearly more of them than level ones.

    Args:
        grey: The page, 0 black to 255 white, (height, width).
    """
    shrink = min(1.0, LOOK_PX / max(grey.shape))
    size = max(1, round(grey.shape[1] * shrink)), max(1, round(grey.shape[0] * shrink))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    ink = (small < cv2.blur(small, (15, 15)) - DARKER).astype(np.uint8)
    long = max(3, round(LONG_SHARE * max(size)))
    level, upright = (
        int(cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones(shape, np.uint8)).sum()) for shape in ((1, long), (long, 1))
    )
    return upright > MORE_UPRIGHT * level


def turned_back(systems: Sequence[SeenSystem], turn: int, size: tuple[int, int]) -> list[SeenSystem]:
    """Systems of a page that was turned, with their corners on the page as it lay.

    Args:
        systems: Of the turned page.
        turn: Quarter turns that the page was turned by, 0 to 3.
        size: Height and width of the page as it lay.
    """
    return [replace(system, corners=_back(system.corners, turn, size)) for system in systems]


def _back(points: NDArray[np.float32], turn: int, size: tuple[int, int]) -> NDArray[np.float32]:
    height, width = size
    x, y = points[..., 0], points[..., 1]
    if turn == 1:
        x, y = width - y, x
    elif turn == 2:
        x, y = width - x, height - y
    elif turn == 3:
        x, y = y, height - x
    return np.stack([x, y], axis=-1).astype(np.float32)
