"""Dots: those behind heads and rests lengthen them, those over or under heads are staccato.

A dot behind a head stands in the head's space, or in the next one when the head is on a line; further dots follow at its height.
All heads on a stem have the dots of the one with most. Lengths are staff spaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from omr.signs import MAX_DOTS
from omr.vector.marks import Mark
from omr.vector.stems import Head

__all__ = ["Rest", "find_dots"]

CLOSE: Final = 1.1  # from the head's right side to a dot that is surely its
FAR: Final = 3.0
IN_SPACE: Final = 0.68  # upright distance
CROWDED: Final = 1.15
NEXT_DOT: Final = 1.0
SAME_HEIGHT: Final = 0.15
CENTRED: Final = 0.35
STACCATO_NEAR: Final = 0.6  # upright distance from the head's centre
STACCATO_FAR: Final = 4.5


class Rest:
    """A rest and its dots."""

    __slots__ = ("dots", "mark", "name", "staff")

    def __init__(self, mark: Mark, name: str, staff: int) -> None:
        self.mark, self.name, self.staff, self.dots = mark, name, staff, 0


def find_dots(dots: Sequence[Mark], heads: Sequence[Head], rests: Sequence[Rest]) -> list[Mark]:
    """Give heads and rests their dots.

    Args:
        dots: Without those of repeats, in order of ``x``.
        heads: Changed in place.
        rests: Changed in place.

    Returns:
        The dots that are staccato.
    """
    staccato: list[Mark] = []
    last: list[tuple[Mark, Head | Rest, int]] = []  # a dot, whose it is, the how manieth
    for dot in dots:
        before = next(
            (item for item in reversed(last) if abs(item[0].y - dot.y) < SAME_HEIGHT and 0.2 < dot.x - item[0].x < NEXT_DOT), None
        )
        if before is not None:
            owner, count = before[1], min(before[2] + 1, MAX_DOTS)
        else:
            close = _owner(dot, heads, rests, CLOSE, IN_SPACE)
            found = close
            if found is None and _is_over_head(dot, heads):
                staccato.append(dot)
                continue
            if found is None:
                found = _owner(dot, heads, rests, CLOSE, CROWDED) or _owner(dot, heads, rests, FAR, IN_SPACE)
            if found is None:
                continue
            owner, count = found, 1
        last.append((dot, owner, count))
        owner.dots = max(owner.dots, count)
    for head in heads:
        if head.stem is not None:
            head.dots = max(other.dots for other in head.stem.heads)
    return staccato


def _owner(dot: Mark, heads: Sequence[Head], rests: Sequence[Rest], reach: float, height: float) -> Head | Rest | None:
    """The head or rest that a dot stands behind: the one nearest in height, of two the lower one (dots go up)."""
    best: tuple[float, float] | None = None
    owner: Head | Rest | None = None
    candidates: list[Head | Rest] = [*heads, *rests]
    for candidate in candidates:
        mark = candidate.mark
        gap = dot.x0 - mark.x1
        if not -0.1 <= gap <= reach:
            continue
        if isinstance(candidate, Rest):
            away = max(mark.y0 - dot.y, dot.y - mark.y1, 0.0)
            cost = (away + 0.3, gap)
        else:
            away = abs(mark.y - dot.y)
            cost = (round(away, 1) + (0.05 if mark.y < dot.y else 0.0) + 0.2 * candidate.dots, gap)
        if away <= height and (best is None or cost < best):
            best, owner = cost, candidate
    return owner


def _is_over_head(dot: Mark, heads: Sequence[Head]) -> bool:
    for head in heads:
        aligned = abs(head.mark.x - dot.x) <= CENTRED or (head.stem is not None and abs(head.stem.x - dot.x) <= CENTRED / 2)
        if aligned and STACCATO_NEAR <= abs(head.mark.y - dot.y) <= STACCATO_FAR:
            return True
    return False
