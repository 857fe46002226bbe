"""Staves and systems of a page, from its level and upright strokes.

A staff is five level strokes at even distances with common ends; one stroke between staves of a system, with the same ends, is a
staff of one line. Staves that an upright stroke at their left ends joins are a system. Lengths are points, ``y`` downwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from omr.vector.strokes import PageStrokes, Stroke

__all__ = ["PageSystem", "Staff", "find_systems"]

LINES: Final = 5
MIN_SPACE: Final = 1.5  # points between staff lines
MAX_SPACE: Final = 20.0
EVEN: Final = 0.06  # of the space that a line may deviate
MIN_LENGTH: Final = 8.0  # spaces
COMMON_ENDS: Final = 1.0  # spaces that the ends of a staff's lines may differ by
SMALLEST: Final = 0.5  # of the page's largest space: smaller are beams, cue staves have 0.6 and more
SAME_PEN: Final = 1.5  # times a staff's first line that the others may be thick
MAX_LINE: Final = 0.3  # spaces of thickness
AT_LEFT: Final = 2.5  # spaces beside the left end where systems are joined
AT_EDGE: Final = 0.6  # spaces between the end of a joining stroke and a staff line


@dataclass(frozen=True, slots=True)
class Staff:
    """A staff: ends, height of its middle line, distance of its lines, number of lines (5 or 1)."""

    x0: float
    x1: float
    middle: float
    space: float
    lines: int = LINES

    @property
    def top(self) -> float:
        """Height of the top line (of where it would be)."""
        return self.middle - 2 * self.space

    @property
    def bottom(self) -> float:
        """Height of the bottom line (of where it would be)."""
        return self.middle + 2 * self.space

    def place(self, y: int | float) -> float:
        """Half spaces above the bottom line."""
        return 2 * (self.bottom - y) / self.space


@dataclass(frozen=True, slots=True)
class PageSystem:
    """Staves of a system, top first."""

    staves: tuple[Staff, ...]

    @property
    def space(self) -> float:
        """The unit of the system's lengths: the largest space of its staves."""
        return max(staff.space for staff in self.staves)

    @property
    def left(self) -> float:
        """Left end of its staff lines."""
        return min(staff.x0 for staff in self.staves)

    @property
    def right(self) -> float:
        """Right end of its staff lines."""
        return max(staff.x1 for staff in self.staves)


def find_systems(strokes: PageStrokes) -> list[PageSystem]:
    """The systems of a page from top to bottom, those of one height from left to right."""
    staves = _five_line_staves(strokes.level)
    if not staves:
        return []
    joins = _joins(staves, strokes.upright)
    staves, joins = _with_single_lines(staves, joins, strokes)
    systems: list[list[Staff]] = []
    number = list(range(len(staves)))
    for first, last in joins:
        for index in range(first, last + 1):
            if abs(staves[index].x0 - staves[first].x0) <= AT_LEFT * staves[first].space:
                old, new = number[index], number[first]
                number = [new if value == old else value for value in number]
    for value in dict.fromkeys(number):
        systems.append([staff for staff, own in zip(staves, number, strict=True) if own == value])
    return [PageSystem(tuple(sorted(system, key=lambda staff: staff.middle))) for system in systems]


def _five_line_staves(level: tuple[Stroke, ...]) -> list[Staff]:
    lines = sorted((line for line in level if line.x1 - line.x0 >= MIN_SPACE * MIN_LENGTH), key=lambda line: line.y0)
    taken = [False] * len(lines)
    staves: list[Staff] = []
    heights = np.array([line.y0 for line in lines])
    for index, top in enumerate(lines):
        if taken[index]:
            continue
        below = range(index + 1, int(np.searchsorted(heights, top.y0 + 4 * MAX_SPACE + 1)))
        same = [
            other
            for other in below
            if not taken[other] and _common_ends(top, lines[other]) and lines[other].thickness <= SAME_PEN * top.thickness
        ]
        for second in same:
            space = lines[second].y0 - top.y0
            if not MIN_SPACE <= space <= MAX_SPACE or top.x1 - top.x0 < MIN_LENGTH * space or top.thickness > MAX_LINE * space:
                continue
            found = [index, second]
            for step in (2, 3, 4):
                fits = [other for other in same if abs(lines[other].y0 - top.y0 - step * space) <= EVEN * step * space]
                if not fits:
                    break
                found.append(min(fits, key=lambda other: abs(lines[other].y0 - top.y0 - step * space)))
            else:
                for line in found:
                    taken[line] = True
                last = lines[found[-1]]
                staves.append(Staff(top.x0, top.x1, (top.y0 + last.y0) / 2, (last.y0 - top.y0) / 4))
                break
    longest = max((staff.x1 - staff.x0 for staff in staves), default=0.0)
    space = max((staff.space for staff in staves if staff.x1 - staff.x0 >= longest / 2), default=0.0)
    return sorted((s for s in staves if s.space >= SMALLEST * space), key=lambda staff: (staff.middle, staff.x0))


def _common_ends(first: Stroke, second: Stroke) -> bool:
    slack = COMMON_ENDS * max(MIN_SPACE, min(abs(second.y0 - first.y0), MAX_SPACE))
    return abs(first.x0 - second.x0) <= slack and abs(first.x1 - second.x1) <= slack


def _joins(staves: list[Staff], upright: tuple[Stroke, ...]) -> list[tuple[int, int]]:
    """First and last staff of each upright stroke at the left end of staves that joins some."""
    joins: list[tuple[int, int]] = []
    for stroke in upright:
        near = [
            index
            for index, staff in enumerate(staves)
            if -AT_LEFT * staff.space <= stroke.x0 - staff.x0 <= 0.6 * staff.space and stroke.y0 <= staff.middle <= stroke.y1
        ]
        if len(near) < 2:
            continue
        first, last = staves[near[0]], staves[near[-1]]
        if abs(stroke.y0 - first.top) <= 2 * first.space and abs(stroke.y1 - last.bottom) <= 2 * last.space:
            joins += list(pairwise(near))
    return joins


def _with_single_lines(
    staves: list[Staff], joins: list[tuple[int, int]], strokes: PageStrokes
) -> tuple[list[Staff], list[tuple[int, int]]]:
    """Staves with the one-line staves that upright strokes at their left join to them, and the joins anew."""
    ends = {(round(staff.x0), round(staff.x1)): staff for staff in staves}
    singles: list[Staff] = []
    for line in strokes.level:
        model = next((s for s in ends.values() if abs(s.x0 - line.x0) <= s.space / 2 and abs(s.x1 - line.x1) <= s.space / 2), None)
        if model is None or line.thickness > MAX_LINE * model.space:
            continue
        if all(not staff.top - 1.5 * staff.space <= line.y0 <= staff.bottom + 1.5 * staff.space for staff in (*staves, *singles)):
            crossed = any(
                abs(stroke.x0 - model.x0) <= model.space / 2
                and stroke.y0 < line.y0 - model.space
                and stroke.y1 > line.y0 + model.space
                for stroke in strokes.upright
            )
            if crossed:
                singles.append(Staff(line.x0, line.x1, line.y0, model.space, 1))
    if not singles:
        return staves, joins
    both = sorted((*staves, *singles), key=lambda staff: (staff.middle, staff.x0))
    return both, _joins(both, strokes.upright)
