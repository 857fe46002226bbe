"""Bar lines that are not sure: those seen in doubt are taken where bars add up better with them, and missed ones are put where two
bars stand in the place of one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from omr.assembly.bar_lines import BarLine
from omr.assembly.costs import ESCAPE, chance_cost
from omr.assembly.deciding import Decided, decide_bar
from omr.assembly.lengths import quarters_to_divs
from omr.assembly.reading_systems import SeenBar, SystemSigns, bars_of
from omr.assembly.signatures import common_time

__all__ = ["missed_lines", "settled_lines"]

TAKEN = 0.5  # probability from which a line is taken where the meter is not known
MOST_BARS = 4  # bars that may stand in the place of one
UNSEEN = 0.05  # probability of a line that was not seen


def settled_lines(found: SystemSigns, meter: int | None) -> tuple[list[BarLine], int | None]:
    """The bar lines of a system to take, and the meter in force at its end.

    Args:
        found: The system.
        meter: Divisions of a bar at its start, None where unknown.
    """
    taken = [line for line in found.lines if line.probability >= TAKEN]
    for line in found.lines:
        if line.is_sure:
            continue
        with_line = sorted({*taken, line}, key=lambda other: other.x)
        without = [other for other in with_line if other is not line]
        odds = math.log(line.probability / (1.0 - line.probability))
        costs = [_cost(found, lines, meter, line.x) for lines in (with_line, without)]
        taken = with_line if costs[0] - odds <= costs[1] else without
    for bar in bars_of(found, taken):
        meter = _meter(found, bar, meter)
    return taken, meter


def _meter(found: SystemSigns, bar: SeenBar, before: int | None) -> int | None:
    time = common_time(bar.times, found.system.staves)
    return before if time is None else quarters_to_divs(Fraction(4 * time[0], time[1]))


def _cost(found: SystemSigns, lines: Sequence[BarLine], meter: int | None, x: float) -> float:
    """Nats of the bars that touch ``x``; 0 where the meter is not known."""
    total = 0.0
    for bar in bars_of(found, lines):
        meter = _meter(found, bar, meter)
        if meter is None or not bar.span.left - 0.1 <= x <= bar.span.right + 0.1:
            continue
        if not bar.events and not bar.lone_rests:
            total += ESCAPE  # a bar without a note or rest
        else:
            total += decide_bar(bar, found.layout.part_of_staff, meter, False, frozenset()).readings[0].cost
    return total


def missed_lines(found: SystemSigns, taken: Sequence[BarLine], bar: SeenBar, decided: Decided, meter: int | None) -> list[BarLine]:
    """Bar lines that were not seen in a bar that lasts as long as several: before the columns at which the others would begin.

    Args:
        found: The system.
        taken: Its bar lines.
        bar: The bar.
        decided: What it was read as.
        meter: Divisions that it should last, None where unknown.
    """
    reading = decided.readings[0]
    if meter is None or reading.length % meter or not 2 <= reading.length // meter <= MOST_BARS:
        return []
    lines = []
    for onset in range(meter, reading.length, meter):
        if any(placed.onset < onset < placed.end for placed in reading.placed):
            return []
        starts = [decided.events[placed.event].x for placed in reading.placed if placed.onset == onset]
        before = [decided.events[placed.event].x for placed in reading.placed if placed.onset < onset]
        if not starts or not before or max(before) >= min(starts):
            return []
        lines.append(BarLine(max(max(before) + 0.1, min(starts) - 1.5), "bar_single", UNSEEN))
    middle = (bar.span.left + bar.span.right) / 2
    more = sorted([*taken, *lines], key=lambda line: line.x)
    inside = [other for other in bars_of(found, more) if bar.span.left - 0.1 <= other.span.left < bar.span.right - 0.1]
    cost = sum(decide_bar(other, found.layout.part_of_staff, meter, False, frozenset()).readings[0].cost for other in inside)
    return lines if cost + chance_cost(UNSEEN) * len(lines) < _cost(found, taken, meter, middle) else []
