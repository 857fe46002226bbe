"""Straightens systems: a smooth field through all their staff lines, along which the page is read anew.

In the strip every staff line is level and a space from the next. Across, a strip column runs through the same share of every
staff, so that lines through the staves' left and right ends stand upright; along a staff, steps go with its local spacing, so
that what perspective shortened is as wide as the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.layout.frame import FRAME_INTERLINE, Frame
from omr.layout.ink import Grey, even_light
from omr.layout.staff import OFFSETS, Curve, Staff
from omr.layout.strip import HALF_STAFF, SystemStrip, page_points
from omr.layout.systems import System

__all__ = ["PageSource", "straighten"]

MARGIN_SPACES = 6.0  # above and below the outer lines
LEAST_MARGIN_SPACES = 0.5
SIDE_SPACES = 2.0
GRID_SPACES = 2.0  # columns of the grid of corners
MAP_STEP_PX = 8  # columns of the strip at which the field is worked out; linear between
TRUSTED_ENDS_SPACES = 0.6  # ends that stray less from a straight line tell how upright lines lean
MAX_LEAN = 0.3


@dataclass(frozen=True, eq=False)
class PageSource:
    """The page that strips are read from, under even light, shrunk to about their size so that nothing aliases.

    ``scale`` (x, y) is of small by page.
    """

    image: Grey
    scale: tuple[float, float]

    @classmethod
    def of(cls, grey: Grey, page_interline_px: float, interline_px: int | float) -> PageSource:
        """For strips of this interline, under even light."""
        grey = even_light(grey, page_interline_px)
        shrink = min(1.0, 1.25 * interline_px / page_interline_px)
        if shrink > 0.8:
            return cls(grey, (1.0, 1.0))
        size = max(1, round(grey.shape[1] * shrink)), max(1, round(grey.shape[0] * shrink))
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        return cls(small, (size[0] / grey.shape[1], size[1] / grey.shape[0]))


@dataclass(frozen=True, eq=False)
class _Edge:
    """An upright line through the ends of staves: ``x`` at height ``y``."""

    x: float
    y: float
    lean: float

    def at(self, y: Curve) -> Curve:
        return self.x + self.lean * (y - self.y)


def straighten(
    frame: Frame,
    source: PageSource,
    systems: list[System],
    number: int,
    *,
    page: int = 0,
    interline_px: int | float = 12.0,
    confidence: float = 1.0,
) -> SystemStrip:
    """The strip of one system.

    Args:
        frame: The frame in which the systems were found.
        source: The page.
        systems: All systems of the page: neighbours bound the strip.
        number: Which of them.
        page: Number of the page, from 0.
        interline_px: Distance of staff lines in the strip.
        confidence: To be noted.
    """
    system = systems[number]
    staves = system.staves
    left, right = _edges(staves, right=False), _edges(staves, right=True)
    along, width = _steps_along(staves, left, right)
    middles = _middle_lines(staves, left, right, along)
    counts = np.array([staff.line_count for staff in staves], dtype=np.int64)
    shares = np.linspace(0.0, 1.0, max(2, round(width / GRID_SPACES) + 1))
    corners = np.stack([line for staff in staves for line in _lines(staff, left, right, along, shares)])
    # Frame points are pixel centres; corners are those of pixels' upper left corners.
    on_page = (frame.page_points(corners) + 0.5).astype(np.float32)
    above, below = _margins(systems, number)
    origin = (SIDE_SPACES * interline_px, (above + HALF_STAFF) * interline_px)
    size = (
        round((width + 2 * SIDE_SPACES) * interline_px),
        round((above + below + 2 * HALF_STAFF + float(middles[-1])) * interline_px),
    )
    image = _read(source, on_page, middles, counts, width, origin, size, interline_px)
    return SystemStrip(image, interline_px, origin, middles, counts, width, on_page, system.braces, page, number, confidence)


def _edges(staves: tuple[Staff, ...], *, right: bool) -> _Edge:
    """The upright line through the left or right ends."""
    x = np.array([staff.right if right else staff.left for staff in staves])
    y = np.array([float(staff.middle[-1 if right else 0]) for staff in staves])
    if len(staves) > 1:
        lean, _ = np.polyfit(y - y[0], x, 1).tolist()
        base = float(np.median(x - lean * (y - y[0])))
        if np.abs(x - base - lean * (y - y[0])).max() <= TRUSTED_ENDS_SPACES * FRAME_INTERLINE and abs(lean) <= MAX_LEAN:
            return _Edge(base, float(y[0]), lean)
    middle = np.array([float(np.polyfit(staff.places - staff.left, staff.middle, 1)[0]) for staff in staves])
    lean = -float(np.median(middle))  # upright on the lines
    base = x - lean * (y - y[0])
    return _Edge(float(base.max() if right else base.min()), float(y[0]), lean)


def _steps_along(staves: tuple[Staff, ...], left: _Edge, right: _Edge) -> tuple[Curve, float]:
    """Share of the way across at even steps in spaces, (steps,), and the length in spaces."""
    shares = np.linspace(0.0, 1.0, 201)
    steps = np.zeros(200)
    for staff in staves:
        x = _across(staff, left, right, shares)
        y, spacing = staff.middle_at(x), staff.spacing_at(x)
        steps += np.hypot(np.diff(x), np.diff(y)) / ((spacing[1:] + spacing[:-1]) / 2) / len(staves)
    whole = np.concatenate([[0.0], np.cumsum(steps)])
    return np.interp(np.linspace(0.0, 1.0, 201), whole / whole[-1], shares), float(whole[-1])


def _across(staff: Staff, left: _Edge, right: _Edge, shares: Curve) -> Curve:
    """``x`` on the middle line of a staff at shares of the way from edge to edge; straight on beyond."""
    start = float(left.at(staff.middle[:1])[0])
    stop = float(right.at(staff.middle[-1:])[0])
    return start + shares * (stop - start)


def _lines(staff: Staff, left: _Edge, right: _Edge, along: Curve, shares: Curve) -> list[NDArray[np.float64]]:
    """Frame points of each line of a staff at even shares of its length, (shares, 2) each."""
    across = np.interp(shares, np.linspace(0.0, 1.0, len(along)), along)
    x = _across(staff, left, right, across)
    lean = left.lean + across * (right.lean - left.lean)
    lines = []
    for offset in OFFSETS:
        place = x + lean * offset * staff.spacing_at(x)
        lines.append(np.stack([place, staff.line_at(place, float(offset))], axis=-1))
    return lines


def _middle_lines(staves: tuple[Staff, ...], left: _Edge, right: _Edge, along: Curve) -> NDArray[np.float32]:
    """Heights of the middle lines in spaces, as far apart as they are on the page on average."""
    shares = np.linspace(0.0, 1.0, 33)
    heights = [0.0]
    for upper, lower in pairwise(staves):
        ends = [_lines(staff, left, right, along, shares)[2] for staff in (upper, lower)]
        spacing = (upper.spacing_at(ends[0][:, 0]) + lower.spacing_at(ends[1][:, 0])) / 2
        heights.append(heights[-1] + float(np.mean(np.hypot(*(ends[1] - ends[0]).T) / spacing)))
    return np.array(heights, dtype=np.float32)


def _margins(systems: list[System], number: int) -> tuple[float, float]:
    """Spaces above and below the outer lines, at most half-way to the neighbour systems."""
    own = systems[number].staves
    above = below = MARGIN_SPACES
    for other_number, other in enumerate(systems):
        if other_number == number:
            continue
        for mine, edge, theirs, facing in ((own[0], -2.0, other.staves[-1], 2.0), (own[-1], 2.0, other.staves[0], -2.0)):
            x = mine.places[(mine.places >= theirs.left) & (mine.places <= theirs.right)]
            if not len(x):
                continue
            apart = (mine.line_at(x, edge) - theirs.line_at(x, facing)) / mine.spacing_at(x) / 2
            if edge < 0 and np.median(apart) > 0:
                above = min(above, float(apart.min()))
            elif edge > 0 and np.median(apart) < 0:
                below = min(below, float((-apart).min()))
    return max(above, LEAST_MARGIN_SPACES), max(below, LEAST_MARGIN_SPACES)


def _read(
    source: PageSource,
    corners: NDArray[np.float32],
    middles: NDArray[np.float32],
    counts: NDArray[np.int64],
    width: float,
    origin: tuple[float, float],
    size: tuple[int, int],
    interline_px: int | float,
) -> Grey:
    """The strip's pixels, white where they lie off the page; ``size`` is (width, height)."""
    columns, rows = np.arange(0, size[0] + MAP_STEP_PX, MAP_STEP_PX) + 0.5, np.arange(size[1]) + 0.5
    x, y = (columns - origin[0]) / interline_px, (rows - origin[1]) / interline_px
    points = page_points(corners, middles, counts, width, *np.broadcast_arrays(x[None, :], y[:, None]))
    points = points * np.array(source.scale) - 0.5  # of the small page, pixel centres
    fine = np.arange(size[0]) / MAP_STEP_PX
    index = np.floor(fine).astype(np.intp)
    part = (fine - index).astype(np.float32)[None, :, None]
    steps = points.astype(np.float32)
    maps = steps[:, index] * (1 - part) + steps[:, np.minimum(index + 1, len(columns) - 1)] * part
    image = cv2.remap(
        source.image,
        np.ascontiguousarray(maps[..., 0]),
        np.ascontiguousarray(maps[..., 1]),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=255,
    )
    return image.astype(np.uint8, copy=False)
