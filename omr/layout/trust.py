"""How far what was found on a page is to be trusted: each system by itself, and what one trial found beside another.

Staves of one system begin, and end, below each other, and most systems of a page have as many staves: where lines were lost in a
shadow, it is seen by that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from omr.layout.frame import FRAME_INTERLINE
from omr.layout.staff import Staff
from omr.layout.systems import System

__all__ = ["confidence", "ragged_spaces", "worth"]

STRAYING_SPACES = 0.1  # of the measured centres of lines off the fitted ones, at which a system is half as sure
LEAST_ENDS = 3  # through fewer there is always a straight line
EVEN_SPACES = 1.0  # off that line, ends tell nothing
RAGGED_SPACES = 4.0  # and so much farther, a system is half as sure
UNLIKE_COST = 0.3  # of a trial's worth, were all systems unlike


def confidence(system: System) -> float:
    """Of a system, 0 to 1: its faintest staff, how well lines fit and end, and how surely its staves belong together."""
    seen = min(staff.visible for staff in system.staves)
    fit = min(1.0 / (1.0 + (staff.straying / STRAYING_SPACES) ** 2) for staff in system.staves)
    even = 1.0 - min(1.0, 4 * max(abs(float(np.median(staff.spacing)) / FRAME_INTERLINE - 1.0) for staff in system.staves))
    ended = 1.0 / (1.0 + (max(ragged_spaces(system.staves) - EVEN_SPACES, 0.0) / RAGGED_SPACES) ** 2)
    return float(seen * fit * ended * (0.5 + 0.5 * even) * (0.5 + 0.5 * system.joined))


def worth(systems: Sequence[System]) -> float:
    """Of what one trial found, to compare it with others of the page: the length of its staves by how sure they are."""
    sizes = [len(system.staves) for system in systems]
    alike = max((size * sizes.count(size) for size in sizes), default=0) / max(sum(sizes), 1)
    sure = sum(confidence(system) ** 2 * sum(staff.right - staff.left for staff in system.staves) for system in systems)
    return float(sure * (1.0 - UNLIKE_COST * (1.0 - alike)))


def ragged_spaces(staves: tuple[Staff, ...]) -> float:
    """How far an end of a system's staves lies off the straight line through their ends at most; two staves tell nothing, 0."""
    if len(staves) < LEAST_ENDS:
        return 0.0
    off = 0.0
    for end in (0, -1):
        x, y = (np.array([curve[end] for curve in curves]) for curves in zip(*((s.places, s.middle) for s in staves), strict=True))
        lean, start = np.polyfit(y, x, 1).tolist()
        off = max(off, float(np.abs(x - start - lean * y).max()) / FRAME_INTERLINE)
    return off
