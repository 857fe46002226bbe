"""One bar, its meter known or not: which tuplets may be in it, which rests fill it, and the search in two passes.

The first pass looks for what is printed; where that does not come out even, the second looks for tuplets without numbers and for
signs that are missing too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from omr.assembly.chords import SeenEvent
from omr.assembly.costs import ESCAPE, EXPECTED_ESCAPE
from omr.assembly.decoding import BarTask, Reading, decode_bar
from omr.assembly.lengths import DIVS
from omr.assembly.reading_systems import SeenBar
from omr.assembly.tremolos import tremolo_pairs
from omr.assembly.tuplets import TupletGroup, implied_tuplets, printed_tuplets

__all__ = ["Decided", "decide_bar"]

STRICT_WIDTH, LOOSE_WIDTH = 20, 32
GOOD_ENOUGH = 3.5  # nats paid beyond those of lengths, above which the second pass is tried
MAX_READINGS = 5
CENTRED = 3.0  # staff spaces right of the first column from which a whole rest among other signs fills the bar


@dataclass(frozen=True, slots=True)
class Decided:
    """The readings of one bar, cheapest first, what their indices count, and strokes of the tremolos between two chords."""

    readings: tuple[Reading, ...]
    events: tuple[SeenEvent, ...]
    bar_rests: tuple[SeenEvent, ...]
    tuplets: tuple[TupletGroup, ...]
    tremolos: Mapping[TupletGroup, int]


def decide_bar(
    bar: SeenBar, part_of_staff: tuple[int, ...], meter: int | None, escape_expected: bool, known_tuplets: frozenset[int]
) -> Decided:
    """Read one bar.

    Args:
        bar: What stands in it.
        part_of_staff: Part of each staff.
        meter: Divisions that it should last, None where unknown.
        escape_expected: Whether pieces or repeats begin or end here.
        known_tuplets: Numbers of tuplets printed before.
    """
    events, bar_rests = _without_bar_rests(bar, meter)
    strokes = dict(tremolo_pairs(events, bar.signs))
    in_tremolo = {index for group in strokes for index in group.members}
    numbered = [group for group in printed_tuplets(events, bar.signs, known_tuplets) if not in_tremolo.intersection(group.members)]
    printed = [*strokes, *numbered]
    escape = EXPECTED_ESCAPE if escape_expected else ESCAPE
    known = known_tuplets | {group.ratios[0][0] for group in numbered}
    implied = implied_tuplets(events, printed, known, False) if known else []
    tuplets = (*printed, *implied)
    task = BarTask(events, part_of_staff, meter, escape, tuplets, STRICT_WIDTH)
    readings = decode_bar(task)
    if _paid(readings[0]) > GOOD_ENOUGH and meter is not None:
        tuplets = (*printed, *implied_tuplets(events, printed, known, True))
        loose = decode_bar(BarTask(events, part_of_staff, meter, escape, tuplets, LOOSE_WIDTH, True))
        readings = loose if loose[0].cost < readings[0].cost else readings
        if readings is not loose:
            tuplets = (*printed, *implied)
    return Decided(tuple(readings[:MAX_READINGS]), tuple(events), tuple(bar_rests), tuplets, strokes)


def _paid(reading: Reading) -> float:
    """Nats beyond those of the lengths."""
    return reading.cost - sum(placed.length.cost for placed in reading.placed)


def _without_bar_rests(bar: SeenBar, meter: int | None) -> tuple[list[SeenEvent], list[SeenEvent]]:
    """Events, and rests that fill the bar: those alone on their staff, and whole rests of voices that stand in its middle."""
    events = [event for event in bar.events if event.absent >= 0 or event.rows[0].probability >= 0.3]
    rests = list(bar.lone_rests)
    first = min((event.x for event in events if event.rows[0].kind != "rest_whole"), default=None)
    kept: list[SeenEvent] = []
    for event in events:
        is_whole = event.rows[0].kind == "rest_whole" and first is not None
        fills = is_whole and (event.x - (first or 0.0) > CENTRED or (meter is not None and meter < 4 * DIVS))
        (rests if fills else kept).append(event)
    return kept, rests
