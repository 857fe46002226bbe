"""Bar lines: upright strokes from a staff's top line to a staff's bottom line that are no stems, in groups, with repeat dots.

Between two staves of a system a bar line may be broken, to make room for a sign.

Lengths are staff spaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from omr.vector.marks import Mark
from omr.vector.scene import Scene
from omr.vector.staves import Staff
from omr.vector.stems import Stem
from omr.vector.strokes import Stroke

__all__ = ["BarLine", "find_bar_lines"]

AT_EDGE: Final = 0.45  # between a stroke's end and a staff's outer line
SINGLE_LINE_REACH: Final = 2.6  # how far bar lines of one-line staves go above and below at most
SHORTEST: Final = 0.8
OUTSIDE: Final = 1.0  # right of the staff lines
LEFT_OUTSIDE: Final = 0.35  # left of them, where brackets are
THICK: Final = 0.3
ONE_GROUP: Final = 1.4  # from one line of a group to the next
REPEAT_DOT: Final = 1.9  # from the group to its dots
SAME_X: Final = 0.15


@dataclass(frozen=True, slots=True)
class BarLine:
    """A bar line: its kind in ``omr.signs.KINDS``, its box, first and last staff crossed."""

    kind: str
    x0: float
    x1: float
    y0: float
    y1: float
    first: int
    last: int


def find_bar_lines(scene: Scene, stems: list[Stem], dots: list[Mark]) -> tuple[list[BarLine], list[Mark]]:
    """Bar lines in order of ``x``, and the dots that are not of repeats.

    Args:
        scene: The system.
        stems: Those found.
        dots: All dots of the system.
    """
    taken = {(stem.x, stem.top, stem.bottom) for stem in stems}
    lines: list[tuple[Stroke, int, int]] = []
    for line in scene.upright:
        if (line.x0, line.y0, line.y1) in taken or not -LEFT_OUTSIDE <= line.x0 <= scene.width + OUTSIDE:
            continue
        crossed = _crossed(line, scene.staves)
        if crossed:
            lines.append((line, crossed[0], crossed[-1]))
    lines.sort(key=lambda item: (item[1], item[2], item[0].x0))
    groups: list[list[tuple[Stroke, int, int]]] = []
    for item in lines:
        if groups and groups[-1][-1][1:] == item[1:] and item[0].x0 - groups[-1][-1][0].x0 <= ONE_GROUP:
            if item[0].x0 - groups[-1][-1][0].x0 > SAME_X:
                groups[-1].append(item)
        else:
            groups.append([item])
    found: list[BarLine] = []
    repeat_dots: set[int] = set()
    for group in groups:
        strokes = [line for line, _, _ in group]
        first, last = group[0][1], group[0][2]
        x0 = strokes[0].x0 - strokes[0].thickness / 2
        x1 = strokes[-1].x0 + strokes[-1].thickness / 2
        staves = scene.staves[first : last + 1]
        before = _pair_of_dots(staves, dots, x0 - REPEAT_DOT, x0)
        after = _pair_of_dots(staves, dots, x1, x1 + REPEAT_DOT)
        thick = [line.thickness >= THICK for line in strokes]
        if any(thick):
            repeat_dots.update(before, after)
        kind = _kind(strokes, thick, bool(before), bool(after))
        found.append(BarLine(kind, x0, x1, min(s.y0 for s in strokes), max(s.y1 for s in strokes), first, last))
    found.sort(key=lambda line: (line.x0, line.first))
    return found, [dot for dot in dots if id(dot) not in repeat_dots]


def _crossed(line: Stroke, staves: tuple[Staff, ...]) -> list[int]:
    """Staves from whose first to whose last line a stroke goes; its ends are at such lines or between two staves."""
    reach = [SINGLE_LINE_REACH * staff.space if staff.lines == 1 else AT_EDGE * staff.space for staff in (staves[0], staves[-1])]
    tops = [staff.middle if staff.lines == 1 else staff.top for staff in staves]
    bottoms = [staff.middle if staff.lines == 1 else staff.bottom for staff in staves]
    if line.y0 < tops[0] - reach[0] or line.y1 > bottoms[-1] + reach[1]:
        return []
    crossed = [
        index
        for index in range(len(staves))
        if line.y0 <= tops[index] + AT_EDGE * (staves[index].lines > 1)
        and line.y1 >= bottoms[index] - AT_EDGE * (staves[index].lines > 1)
    ]
    inside = any(
        top + AT_EDGE < end < bottom - AT_EDGE for top, bottom in zip(tops, bottoms, strict=True) for end in (line.y0, line.y1)
    )
    return [] if inside or line.y1 - line.y0 < SHORTEST else crossed


def _pair_of_dots(staves: tuple[Staff, ...], dots: list[Mark], left: float, right: float) -> list[int]:
    """Ids of the dots in the two middle spaces of a staff between ``left`` and ``right``."""
    found: list[int] = []
    for staff in staves:
        near = [
            dot for dot in dots if left <= dot.x <= right and abs(abs(dot.y - staff.middle) - staff.space / 2) < 0.2 * staff.space
        ]
        if any(dot.y < staff.middle for dot in near) and any(dot.y > staff.middle for dot in near):
            found += [id(dot) for dot in near]
    return found


def _kind(strokes: list[Stroke], thick: list[bool], before: bool, after: bool) -> str:
    if any(thick):
        if before and after:
            return "bar_repeat_both"
        if before:
            return "bar_repeat_end"
        if after:
            return "bar_repeat_start"
        return "bar_final" if thick[-1] else "bar_double"
    if len(strokes) > 1:
        return "bar_double"
    return "bar_dashed" if strokes[0].dashed else "bar_single"
