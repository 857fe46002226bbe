"""A system's signs sorted by bar: events, grace chords, clefs, keys and meters, before anything is decided about time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from omr.assembly.attaching import Attached, attach
from omr.assembly.bar_lines import BarLine, BarSpan, bar_spans, seen_bar_lines
from omr.assembly.beam_groups import number_beams
from omr.assembly.chords import SeenEvent, seen_events
from omr.assembly.parts import Layout
from omr.assembly.rows import Sign, sign_rows
from omr.assembly.shared_heads import shared_heads
from omr.assembly.signatures import SeenClef, clef_of, is_clef, is_key_sign, seen_times
from omr.signs import SeenSystem

__all__ = ["SeenBar", "SystemSigns", "bars_of", "system_signs"]

BAR_RESTS = ("rest_whole", "rest_bars", "rest_breve")


@dataclass(slots=True)
class SystemSigns:
    """A system as assembly sees it; ``clefs`` holds places and clefs of each staff from left to right."""

    system: SeenSystem
    layout: Layout
    signs: list[Sign]
    events: list[SeenEvent]
    attached: Attached
    lines: list[BarLine]
    clefs: list[list[tuple[float, SeenClef]]]


@dataclass(slots=True)
class SeenBar:
    """What stands between two bar lines.

    Args:
        span: Its place.
        signs: All of it.
        events: Chords and rests without graces and rests that fill the bar.
        graces: Grace chords.
        lone_rests: Whole rests that are alone on their staff.
        clefs: Place, staff and clef of those printed in it, or at the end of the bar before.
        keys: Key signs of each staff.
        times: Meters with their probabilities, of all staves.
        is_first: Whether it begins its system.
    """

    span: BarSpan
    signs: list[Sign]
    events: list[SeenEvent]
    graces: list[SeenEvent]
    lone_rests: list[SeenEvent]
    clefs: list[tuple[float, int, SeenClef]] = field(default_factory=list)
    keys: dict[int, list[Sign]] = field(default_factory=dict)
    times: list[tuple[tuple[int, int, str], float]] = field(default_factory=list)
    is_first: bool = False


def system_signs(system: SeenSystem, layout: Layout) -> SystemSigns:
    """Sort out a system."""
    signs = sign_rows(system)
    events = seen_events(signs)
    number_beams(events, [*layout.part_of_staff])
    events += shared_heads(events, signs)
    events.sort(key=lambda event: (event.x, event.staff, event.low))
    for number, event in enumerate(events):
        event.number = number
    clefs: list[list[tuple[float, SeenClef]]] = [[] for _ in range(system.staves)]
    for sign in signs:
        if is_clef(sign):
            staff = clefs[sign.staff]
            if not staff or sign.x - staff[-1][0] > 1.5:  # two on one place are one
                staff.append((sign.x, clef_of(sign)))
    return SystemSigns(system, layout, signs, events, attach(events, signs), seen_bar_lines(system, signs), clefs)


def bars_of(found: SystemSigns, lines: Sequence[BarLine]) -> list[SeenBar]:
    """The bars between the lines that are taken, with what belongs to each."""
    spans = bar_spans(found.system, lines, found.signs)
    if not spans:
        return []
    lefts = [span.left for span in spans]
    bars = [SeenBar(span, [], [], [], []) for span in spans]
    bars[0].is_first = True

    def bar_at(x: float) -> int:
        return max(bisect_right(lefts, x) - 1, 0)

    for sign in found.signs:
        if sign.x <= spans[-1].right + 1.0:
            bars[bar_at(sign.x)].signs.append(sign)
    for event in found.events:
        if event.x <= spans[-1].right:
            bar = bars[bar_at(event.x)]
            (bar.graces if event.grace else bar.events).append(event)
    for bar in bars:
        _part_lone_rests(bar)
    last_music = [max((event.x for event in (*bar.events, *bar.graces)), default=bar.span.left) for bar in bars]

    def bar_from(x: float, staff: int | None = None) -> int:
        """The bar that a clef or signature belongs to: the next one behind the last note, of its staff where that is given."""
        place = bar_at(x)
        own = (*bars[place].events, *bars[place].graces, *bars[place].lone_rests)
        last = max((event.x for event in own if event.staff == staff), default=last_music[place])
        return place if x < last or last == spans[place].left else place + 1

    for staff, clefs in enumerate(found.clefs):
        for x, clef in clefs:
            if (place := bar_from(x, staff)) < len(bars):
                bars[place].clefs.append((x, staff, clef))
    for staff in range(found.system.staves):
        mine = [sign for sign in found.signs if sign.staff == staff]
        for sign in mine:
            if is_key_sign(sign) and (place := bar_from(sign.x)) < len(bars):
                bars[place].keys.setdefault(staff, []).append(sign)
        for x, time, probability in seen_times(mine):
            if (place := bar_from(x)) < len(bars):
                bars[place].times.append((time, probability))
    return bars


def _part_lone_rests(bar: SeenBar) -> None:
    """Take out whole rests that are alone on their staff: they fill the bar, wherever they stand."""
    staves: dict[int, list[SeenEvent]] = {}
    for event in bar.events:
        staves.setdefault(event.staff, []).append(event)
    for events in staves.values():
        if len(events) == 1 and events[0].rows[0].kind in BAR_RESTS:
            bar.lone_rests += events
    bar.events = [event for event in bar.events if all(event is not rest for rest in bar.lone_rests)]
