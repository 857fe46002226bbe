"""Rests of several bars: the number over a bar without notes says how many there are.

Source: E. Gould, *Behind Bars* (2011), "Multibar rests": the number stands centred above the staff.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from omr.assembly.bar_lines import BarLine
from omr.assembly.reading_systems import SeenBar
from omr.assembly.rows import Sign

__all__ = ["spread_long_rests"]

ABOVE = 9.0  # half spaces over the bottom line from which a number stands over the staff
NEXT_DIGIT = 2.4  # staff spaces between the centres of two digits
OFF_CENTRE = 0.2  # of the bar's width
LEAST = 0.4  # probability of a digit
MOST_BARS = 400


def spread_long_rests(bars: list[SeenBar]) -> list[SeenBar]:
    """The bars of a system, those of each long rest side by side where it stands."""
    return [part for bar in bars for part in _spread(bar, _bars_in(bar))]


def _bars_in(bar: SeenBar) -> int:
    """How many bars the rest in a bar lasts; 1 without a number, and for bars with notes."""
    if bar.events or bar.graces:
        return 1
    digits = [sign for sign in bar.signs if _is_digit(sign) and sign.place >= ABOVE and sign.probability >= LEAST]
    top = [digit for digit in digits if digit.staff == min(digit.staff for digit in digits)]
    top.sort(key=lambda digit: digit.x)
    if not top or any(right.x - left.x > NEXT_DIGIT for left, right in pairwise(top)):
        return 1
    width = bar.span.right - bar.span.left
    if abs((top[0].x + top[-1].x) / 2 - (bar.span.left + bar.span.right) / 2) > OFF_CENTRE * width and not bar.is_first:
        return 1
    return min(max(int("".join(digit.kind[-1] for digit in top)), 1), MOST_BARS)


def _is_digit(sign: Sign) -> bool:
    return sign.kind.startswith("time_") and sign.kind[-1].isdigit()


def _spread(bar: SeenBar, count: int) -> list[SeenBar]:
    if count == 1:
        return [bar]
    span = bar.span
    edges = [span.left + (span.right - span.left) * number / count for number in range(count + 1)]
    lines = [span.left_line, *(BarLine(x, "bar_single", 1.0) for x in edges[1:-1]), span.right_line]
    parts = []
    for number in range(count):
        place = replace(
            span, left=edges[number], right=edges[number + 1], left_line=lines[number], right_line=lines[number + 1]
        )  # fmt: skip
        parts.append(replace(bar, span=place) if number == 0 else SeenBar(place, [], [], [], bar.lone_rests))
    return parts
