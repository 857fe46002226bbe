"""Straight strokes, slender curves and other outlines of a page, told from its paths.

Engravers draw one thing in several ways: a stem as a line or as a thin rectangle, or as both on top of each other; staff lines bar
by bar. Here all of them are strokes, pieces that touch are joined, and what lies under a thicker stroke is left out. Lengths are
points, ``y`` downwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from omr.vector.page_objects import PageObjects

__all__ = ["Curve", "Outline", "PageStrokes", "Stroke", "find_strokes"]

STRAIGHT: Final = 0.004  # of its length that a level or upright stroke may deviate
SAME_POINT: Final = 0.05  # points
TOUCHING: Final = 0.3
SAME_THICKNESS: Final = 1.3  # ratio
MOST_PENS: Final = 16  # thicknesses at one height that are told apart
SLENDER: Final = 0.12  # mean thickness of a slur or tie, as a share of its width, at most
THIN: Final = 0.3  # points that short ties may be thicker by
MIN_CURVE: Final = 3.0  # points of width


@dataclass(frozen=True, slots=True)
class Stroke:
    """A straight stroke by its centre line: from left to right, or from top to bottom when upright.

    ``thickness`` is measured upright for level and slanted strokes, sideways for upright ones.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    thickness: float
    dashed: bool = False

    def y_at(self, x: int | float) -> float:
        """Height of the centre line at ``x``, going on beyond its ends."""
        return self.y0 + (self.y1 - self.y0) * (x - self.x0) / (self.x1 - self.x0)


@dataclass(frozen=True, slots=True)
class Curve:
    """A slur or tie: its left and right end, and the highest and lowest ``y`` on it."""

    x0: float
    y0: float
    x1: float
    y1: float
    top: float
    bottom: float


@dataclass(frozen=True, eq=False, slots=True)
class Outline:
    """A filled outline: contours of shape (points, 2) each, and its box."""

    contours: tuple[NDArray[np.float64], ...]
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, eq=False)
class PageStrokes:
    """Level, upright and slanted strokes, each in order of their first point; curves; outlines of anything else."""

    level: tuple[Stroke, ...]
    upright: tuple[Stroke, ...]
    slanted: tuple[Stroke, ...]
    curves: tuple[Curve, ...]
    outlines: tuple[Outline, ...]


def find_strokes(page: PageObjects) -> PageStrokes:
    """Sort the paths of a page."""
    strokes: list[Stroke] = []
    curves: list[Curve] = []
    outlines: list[Outline] = []
    for index, row in enumerate(page.paths):
        contours = page.path_contours(index)
        pen = float(row["width"]) if row["stroked"] else 0.0
        if not row["curved"]:
            strokes += _straight(contours, bool(row["filled"]), pen, bool(row["dashed"]), outlines)
        elif len(contours) == 1 and (curve := _slender(contours[0], bool(row["filled"]))):
            curves.append(curve)
        elif row["filled"]:
            outlines.append(_outline(contours))
    level = [stroke for stroke in strokes if _is_level(stroke)]
    upright = [stroke for stroke in strokes if _is_upright(stroke)]
    slanted = [stroke for stroke in strokes if not _is_level(stroke) and not _is_upright(stroke)]
    return PageStrokes(
        level=tuple(_joined(level)),
        upright=tuple(_turned(stroke) for stroke in _joined(map(_turned, upright))),
        slanted=tuple(_uncovered(sorted(slanted, key=lambda s: (s.x0, s.y0)))),
        curves=tuple(_distinct(curves)),
        outlines=tuple(outlines),
    )


def _straight(
    contours: tuple[NDArray[np.float64], ...], filled: bool, pen: float, dashed: bool, outlines: list[Outline]
) -> list[Stroke]:
    """Strokes of a path without curves; filled polygons that are no quadrangles go to ``outlines``."""
    strokes: list[Stroke] = []
    if filled and len(contours) > 1 and any(len(_corners(points)) > 4 for points in contours):
        outlines.append(_outline(contours))
        return []
    for points in contours:
        corners = _corners(points)
        is_closed = len(points) > 2 and bool(np.all(np.abs(points[0] - points[-1]) < SAME_POINT))
        if len(corners) == 4 and (filled or (is_closed and _narrow(corners) <= 2 * pen)):
            strokes.append(_quadrangle(corners, pen, dashed))
        elif filled and len(corners) > 2:
            outlines.append(_outline((points,)))
        else:
            ends = points if not is_closed else np.concatenate((corners, corners[:1]))
            strokes += [_segment(a, b, pen, dashed) for a, b in pairwise(ends) if np.any(a != b)]
    return strokes


def _corners(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points without repetitions and without those on a straight line between their neighbours."""
    kept = [point for index, point in enumerate(points) if index == 0 or np.abs(point - points[index - 1]).max() > 1e-6]
    if len(kept) > 1 and np.abs(kept[0] - kept[-1]).max() < SAME_POINT:
        kept.pop()
    if len(kept) < 5:
        return np.asarray(kept)
    corners = []
    for index, point in enumerate(kept):
        before, after = kept[index - 1], kept[(index + 1) % len(kept)]
        u, v = point - before, after - point
        if abs(u[0] * v[1] - u[1] * v[0]) > 0.02 * float(np.hypot(*u)) * float(np.hypot(*v)):
            corners.append(point)
    return np.asarray(corners).reshape(-1, 2)


def _narrow(corners: NDArray[np.float64]) -> float:
    sides = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    return float(min(sides[0], sides[1]))


def _quadrangle(corners: NDArray[np.float64], pen: float, dashed: bool) -> Stroke:
    """The stroke between the middles of the two shorter opposite sides."""
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(*sides.T)
    first = 0 if lengths[0] + lengths[2] <= lengths[1] + lengths[3] else 1
    a, b = corners[first], corners[(first + 1) % 4]
    c, d = corners[(first + 2) % 4], corners[(first + 3) % 4]
    stroke = _segment((a + b) / 2, (c + d) / 2, pen, dashed)
    long = np.hypot(*(((c + d) - (a + b)) / 2))
    cross = abs(float(np.cross(np.append(corners[2] - corners[0], 0), np.append(corners[3] - corners[1], 0))[2])) / 2
    across = cross / max(float(long), 1e-9)  # area over length
    if not _is_level(stroke) and not _is_upright(stroke):
        across *= float(long) / max(abs(stroke.x1 - stroke.x0), 1e-9)
    return replace(stroke, thickness=across + pen)


def _segment(a: NDArray[np.float64], b: NDArray[np.float64], pen: float, dashed: bool) -> Stroke:
    (x0, y0), (x1, y1) = a.tolist(), b.tolist()
    upright = abs(x1 - x0) <= STRAIGHT * abs(y1 - y0)
    if (y1 < y0) if upright else (x1 < x0):
        x0, y0, x1, y1 = x1, y1, x0, y0
    return Stroke(x0, y0, x1, y1, pen, dashed)


def _is_level(stroke: Stroke) -> bool:
    return abs(stroke.y1 - stroke.y0) <= STRAIGHT * (stroke.x1 - stroke.x0)


def _is_upright(stroke: Stroke) -> bool:
    return abs(stroke.x1 - stroke.x0) <= STRAIGHT * abs(stroke.y1 - stroke.y0)


def _turned(stroke: Stroke) -> Stroke:
    """With ``x`` and ``y`` exchanged."""
    return Stroke(stroke.y0, stroke.x0, stroke.y1, stroke.x1, stroke.thickness, stroke.dashed)


def _joined(strokes: Iterable[Stroke]) -> list[Stroke]:
    """Level strokes of one height and thickness joined where they touch, those under thicker ones left out."""
    joined: list[Stroke] = []
    rows: list[list[Stroke]] = []
    for stroke in sorted(strokes, key=lambda s: (s.y0 + s.y1, s.x0)):
        height = (stroke.y0 + stroke.y1) / 2
        if rows and abs(height - (rows[-1][-1].y0 + rows[-1][-1].y1) / 2) <= SAME_POINT:
            rows[-1].append(stroke)
        else:
            rows.append([stroke])
    for row in rows:
        pens: list[list[Stroke]] = []  # runs of one thickness: beams at a staff line's height do not part its pieces
        for stroke in sorted(row, key=lambda s: (s.x0, s.x1)):
            runs = next((runs for runs in pens[:MOST_PENS] if _same_pen(runs[-1], stroke)), None)
            if runs is None:
                pens.append([stroke])
                continue
            for place in range(len(runs) - 1, max(-1, len(runs) - 8), -1):
                run = runs[place]
                if stroke.x0 <= run.x1 + TOUCHING and _same_pen(run, stroke):
                    end, thickness = max(run.x1, stroke.x1), max(run.thickness, stroke.thickness)
                    runs[place] = replace(run, x1=end, y1=stroke.y1 if stroke.x1 == end else run.y1, thickness=thickness)
                    break
            else:
                runs.append(stroke)
        joined += [run for runs in pens for run in runs]
    return _uncovered(sorted(joined, key=lambda s: (s.x0, s.y0)))


def _same_pen(one: Stroke, other: Stroke) -> bool:
    thinner, thicker = sorted((one.thickness, other.thickness))
    return thicker <= SAME_THICKNESS * thinner + 1e-6 and one.dashed == other.dashed


def _uncovered(strokes: list[Stroke]) -> list[Stroke]:
    """Strokes without those that lie within another one, or again in its place."""
    if not strokes:
        return []
    table = np.array([(s.x0, s.y0, s.x1, s.y1, s.thickness) for s in strokes])
    kept = []
    for index, stroke in enumerate(strokes):
        x0, y0, x1, y1, thickness = table[index]
        near = (
            (table[:, 0] <= x0 + SAME_POINT + table[:, 4] / 2)
            & (table[:, 2] >= x1 - SAME_POINT - table[:, 4] / 2)
            & (np.abs(table[:, 1] - y0) + thickness / 2 <= table[:, 4] / 2 + SAME_POINT)
            & (np.abs(table[:, 3] - y1) + thickness / 2 <= table[:, 4] / 2 + SAME_POINT)
        )
        near[index] = False
        # of two alike the first stays
        others = np.flatnonzero(near)
        longer = table[others, 2] - table[others, 0] >= x1 - x0 - SAME_POINT
        others = others[longer]
        if not any(table[o, 4] > thickness + 1e-3 or o < index for o in others):
            kept.append(stroke)
    return kept


def _outline(contours: tuple[NDArray[np.float64], ...]) -> Outline:
    points = np.concatenate(contours)
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return Outline(contours, x0, y0, x1, y1)


def _slender(points: NDArray[np.float64], filled: bool) -> Curve | None:
    """The slur that a contour is, None when it is something else."""
    left, right = points[np.argmin(points[:, 0])], points[np.argmax(points[:, 0])]
    width = float(right[0] - left[0])
    if width < MIN_CURVE:
        return None
    x, y = points[:, 0], points[:, 1]
    area = abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2
    if filled and area / width > SLENDER * width + THIN:
        return None
    slope = (right[1] - left[1]) / width
    sag = y - (left[1] + slope * (x - left[0]))
    if filled and (
        max(sag.max(), -sag.min()) < 1.2 * area / width or min(sag.max(), -sag.min()) > 0.4 * max(sag.max(), -sag.min())
    ):
        return None  # it does not bend to one side
    return Curve(float(left[0]), float(left[1]), float(right[0]), float(right[1]), float(y.min()), float(y.max()))


def _distinct(curves: list[Curve]) -> list[Curve]:
    """Without those drawn twice."""
    kept: list[Curve] = []
    for curve in sorted(curves, key=lambda c: (c.x0, c.y0)):
        again = any(
            abs(curve.x0 - other.x0) + abs(curve.y0 - other.y0) + abs(curve.x1 - other.x1) + abs(curve.y1 - other.y1) < 4 * TOUCHING
            and abs(curve.top - other.top) + abs(curve.bottom - other.bottom) < 2 * TOUCHING
            for other in kept[-8:]
        )
        if not again:
            kept.append(curve)
    return kept
