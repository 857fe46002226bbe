"""Staves fitted to the measured centres of their lines, by least squares that forget what lies off.

Places and heights are frame pixels; ``teeth`` holds what was measured in each cell of the frame (``omr.layout.combs``), columns are
indices of its ``places``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from omr.layout.bend import Course
from omr.layout.combs import LINES, Teeth
from omr.layout.frame import FRAME_INTERLINE, Frame
from omr.layout.staff import OFFSETS, Curve, Staff, smooth
from omr.layout.staff_ink import lined_ink, thin_ink

__all__ = [
    "ALIKE_STIFFNESS",
    "GUESS_STIFFNESS",
    "SEARCH_SPACES",
    "SPACING_STIFFNESS",
    "fitted",
    "line_centres",
    "majority_line",
    "settled",
]

SEARCH_SPACES = 0.35  # a line is looked for so far from where it is expected
MIDDLE_STIFFNESS, SPACING_STIFFNESS = 40.0, 3000.0
COURSE_STIFFNESS = 2000.0  # of how a staff departs from the page's bend
WIDENING_STIFFNESS = 1e6  # of how its spacing departs from the page's
GUESS_STIFFNESS = 30.0
ALIKE_STIFFNESS = 1e6  # nearly a straight line
ASTRAY_SPACES = (2.4, 1.2, 0.6, 0.3, 0.3, 0.3)  # what lies so far off such a line counts half, round by round
ROUNDS = 3  # of fitting and forgetting
FORGET_SPACES = 0.08  # what lies this far off counts half
LEAST_STROKE = 0.12  # weaker is no line
LEAST_GAIN = 0.3  # of ink on all lines, in lines, for a staff to be moved
LEAST_GAIN_OF_ALL = 0.2  # the same for the whole of it
SETTLE_SPACES = 10.0  # about a place that are looked at for that
LEAST_BETTER = 0.03  # more of its lines must be there after
LEAST_SETTLED = 0.7  # of the clearest place's thin ink, for a place to count


def fitted(teeth: Teeth, columns: NDArray[np.int_], middle: Curve, spacing: Curve, course: Course | None = None) -> Staff:
    """The staff that fits the centres of the lines near a guess; unseen it runs as ``course``, straight on if that is None."""
    straying = 1.0
    for round_number in range(ROUNDS):
        reach = SEARCH_SPACES if round_number == 0 else SEARCH_SPACES / 2
        centres, strength = line_centres(teeth, columns, middle, spacing, reach)
        off = (centres - middle - OFFSETS[:, None] * spacing) / FRAME_INTERLINE
        weight = strength / (1.0 + (off / FORGET_SPACES) ** 2)
        middle, spacing = _fit(centres, weight, middle, spacing, course)
        off = np.abs(centres - middle - OFFSETS[:, None] * spacing)[strength > 0] / FRAME_INTERLINE
        straying = float(np.median(off)) if off.size else 1.0
    return Staff(teeth.places[columns], middle, spacing, LINES, 0.0, straying)


def line_centres(teeth: Teeth, columns: NDArray[np.int_], middle: Curve, spacing: Curve, reach: float) -> tuple[Curve, Curve]:
    """Measured centre of each line in each column and how strong it is there, (lines, columns) each."""
    half = max(2, round(reach * FRAME_INTERLINE))
    expected = middle + OFFSETS[:, None] * spacing
    near = np.round(expected).astype(np.intp)[..., None] + np.arange(-half, half + 1)  # (lines, columns, rows)
    inside = (near >= 0) & (near < len(teeth.cells))
    cells = teeth.cells[np.clip(near, 0, len(teeth.cells) - 1), columns[None, :, None]]
    values = np.where(inside, cells, 0.0).astype(np.float64)
    peak = values.max(axis=2)
    mass = np.maximum(values - 0.5 * peak[..., None], 0.0)  # the foot of a stroke is other ink
    total = mass.sum(axis=2)
    centres = np.where(total > 0, (mass * near).sum(axis=2) / np.maximum(total, 1e-9), expected)
    return centres, np.where(peak >= LEAST_STROKE, peak, 0.0)


def _fit(centres: Curve, weight: Curve, middle: Curve, spacing: Curve, course: Course | None) -> tuple[Curve, Curve]:
    """Middle line and spacing of the lines' centres, one after the other."""
    total = weight.sum(axis=0)
    level = (weight * (centres - OFFSETS[:, None] * spacing)).sum(axis=0) / np.maximum(total, 1e-9)
    level = np.where(total > 0, level, middle)
    if course is None:
        middle = smooth(level, total, MIDDLE_STIFFNESS)
    else:
        middle = course.run + smooth(level - course.run, total, COURSE_STIFFNESS)
    moment = (weight * OFFSETS[:, None] ** 2).sum(axis=0)
    apart = (weight * OFFSETS[:, None] * (centres - middle)).sum(axis=0) / np.maximum(moment, 1e-9)
    apart = np.where(moment > 0, apart, spacing)
    if course is None:
        return middle, smooth(apart, moment, SPACING_STIFFNESS)
    return middle, course.widening * smooth(apart / course.widening, moment, WIDENING_STIFFNESS)


def majority_line(heights: Curve, known: Curve) -> Curve:
    """The nearly straight line that most heights in pixels lie on, where ``known`` is 1, not what went astray, (points,)."""
    line = np.full(len(heights), float(np.median(heights[known > 0])) if known.any() else 0.0)
    for astray_spaces in ASTRAY_SPACES:
        off = (heights - line) / (astray_spaces * FRAME_INTERLINE)
        line = smooth(heights, known / (1.0 + off**2), ALIKE_STIFFNESS)
    return line


def settled(frame: Frame, teeth: Teeth, staff: Staff) -> Staff:
    """The staff moved by a line or two where that meets more ink, as when beams or slurs beside it were taken for a line."""
    x = np.arange(max(0.0, staff.left), min(frame.ink.shape[1] - 1.0, staff.right))
    seen = lined_ink(frame.level, staff, x, np.arange(-4.0, 5.0)).astype(np.float64)
    whole = _fives(seen.mean(axis=1, keepdims=True))[:, 0]
    near = _fives(uniform_filter1d(seen, round(SETTLE_SPACES * FRAME_INTERLINE), axis=1, mode="nearest"))
    if whole.max() >= whole[2] + LEAST_GAIN_OF_ALL:
        moves = np.full(len(x), int(np.argmax(whole)) - 2)
    else:
        moves = np.where(near.max(axis=0) - near[2] >= LEAST_GAIN, np.argmax(near, axis=0) - 2, 0)
    if not moves.any():
        return staff
    place = np.clip(np.round(staff.places - x[0]).astype(np.intp), 0, len(x) - 1)
    clear = (near.max(axis=0) >= LEAST_SETTLED * near.max())[place].astype(np.float64)
    middle = smooth(staff.middle + moves[place] * staff.spacing, clear, GUESS_STIFFNESS)
    moved = fitted(teeth, np.searchsorted(teeth.places, staff.places), middle, staff.spacing)
    better = thin_ink(frame.level, moved, x, OFFSETS).mean() >= thin_ink(frame.level, staff, x, OFFSETS).mean() + LEAST_BETTER
    return moved if better else staff


def _fives(shares: Curve) -> Curve:
    """Ink on five lines in lines, for moves of -2 to 2 lines, of shares at nine heights, (5, columns)."""
    return np.stack([shares[move : move + LINES].sum(axis=0) for move in range(LINES)])
