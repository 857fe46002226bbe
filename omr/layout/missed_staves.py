"""Staves that no chain of combs gave, looked for along the bend of the page: ``missed_heights``.

Over the width of the page five faint or broken lines are plain to see, where cell by cell they are not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omr.layout.bend import PageBend
from omr.layout.combs import Teeth
from omr.layout.frame import FRAME_INTERLINE
from omr.layout.staff import OFFSETS, Curve, Staff

__all__ = ["missed_heights"]

GAPS = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
OUTSIDE = np.array([-3.0, 3.0])
LEAST_LIKENESS = 0.4  # of the found staves' median
STEP_SPACES = 12.0  # heights over which the bend is taken to be the same
APART_SPACES = 5.5  # from staves that are known


def missed_heights(teeth: Teeth, columns: NDArray[np.int_], spacing: float, staves: list[Staff], bend: PageBend) -> list[float]:
    """Heights in the mean over some columns, in frame pixels, where a staff may lie that is not among these, the likeliest first.

    Args:
        teeth: Of the page.
        columns: Of ``teeth``, over which staves are looked for.
        spacing: Of staff lines, in pixels.
        staves: That are known, at least one.
        bend: Of the page.
    """
    likeness = _likeness(teeth, columns, bend, spacing)
    x = teeth.places[columns]
    known = [round(float((staff.middle_at(x) - bend.course(x, float(staff.middle.mean()))).mean())) for staff in staves]
    inside = [likeness[max(height - 3, 0) : height + 4].max(initial=0.0) for height in known]
    least = LEAST_LIKENESS * float(np.median(inside))
    apart = round(APART_SPACES * FRAME_INTERLINE)
    for height in known:
        likeness[max(height - apart, 0) : height + apart + 1] = 0.0
    found = []
    while likeness.max(initial=0.0) >= max(least, 1e-6):
        best = int(np.argmax(likeness))
        found.append(float(best))
        likeness[max(best - apart, 0) : best + apart + 1] = 0.0
    return found


def _likeness(teeth: Teeth, columns: NDArray[np.int_], bend: PageBend, spacing: float) -> Curve:
    """How much more there is on five lines than between and beside them, for each height, (rows,)."""
    rows = np.arange(len(teeth.blurred))
    x = teeth.places[columns]
    out = np.zeros(len(rows))
    step = round(STEP_SPACES * FRAME_INTERLINE)
    for start in range(0, len(rows), step):
        heights = rows[start : start + step]
        course = bend.course(x, float(heights.mean()))

        def seen(spaces: float, heights: NDArray[np.int_] = heights, course: Curve = course) -> Curve:
            at = np.round(heights[:, None] + course + spaces * spacing).astype(np.intp)
            inside = (at >= 0) & (at < len(rows))
            return np.asarray(
                np.where(inside, teeth.blurred[np.clip(at, 0, len(rows) - 1), columns], 0.0).mean(axis=1), dtype=np.float64
            )

        lines = np.stack([seen(offset) for offset in OFFSETS.tolist()])
        others = np.stack([seen(offset) for offset in (*GAPS.tolist(), *OUTSIDE.tolist())])
        out[start : start + step] = np.maximum(lines.mean(axis=0) - others.mean(axis=0), 0.0) * (
            lines.min(axis=0) > others.mean(axis=0)
        )
    return out
