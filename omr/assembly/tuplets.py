"""Tuplets of a bar: which events a printed number counts, and which may be tuplets without one.

A number stands over the middle of its events; a bracket spans them. Of all runs of neighbouring events whose written lengths make
so many equal units, the one that stands best under the sign is taken. Tuplets after the first are often printed without numbers:
beams of three, and threes under longer beams, may be triplets, at a cost that the search pays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from omr.assembly.chords import SeenEvent
from omr.assembly.costs import IMPLIED_TUPLET, REPEATED_TUPLET, UNUSUAL_RATIO, chance_cost
from omr.assembly.lengths import TYPE_DIVS
from omr.assembly.rows import Sign

__all__ = ["TupletGroup", "implied_tuplets", "printed_tuplets"]

# Normal notes by the number printed, most usual first.
RATIOS = {2: (3,), 3: (2,), 4: (3, 6), 5: (4, 6, 3), 6: (4,), 7: (4, 8, 6), 8: (6,), 9: (8, 6)}
OFF_CENTRE = 1.0  # nats for each staff space between the number and the middle of its events
OFF_BRACKET = 0.7  # for each staff space between the ends of the bracket and those of its events
OTHER_SIDE = 1.5
NOT_ONE_BEAM = 0.7
WRONG_COUNT = 0.7
MIXED_LENGTHS = 0.2  # for each halving between the longest and the shortest
WORST_FIT = 9.0
BELIEVED = 0.5  # probability from which a bracket without a number makes a tuplet
SAME_TIME = 0.9  # staff spaces of x within which two events of a stream begin together
LEAST_DOUBT = 7.0  # nats for taking no tuplet where a number was seen for sure
_UNITS = frozenset(TYPE_DIVS.values())


@dataclass(frozen=True, slots=True)
class TupletGroup:
    """Events that may be one tuplet.

    Args:
        members: Indices of events in the bar, in order of ``x``.
        ratios: Actual notes, normal notes, nats.
        absent: Nats if it is none.
        printed: Whether a number or bracket was seen.
    """

    members: tuple[int, ...]
    ratios: tuple[tuple[int, int, float], ...]
    absent: float
    printed: bool


def printed_tuplets(events: Sequence[SeenEvent], signs: Iterable[Sign], known: frozenset[int] = frozenset()) -> list[TupletGroup]:
    """The tuplets that numbers of a bar name, and then those that brackets without a number span, each in their order.

    Args:
        events: Of the bar without grace chords, in order of ``x``.
        signs: Of the bar.
        known: Numbers of tuplets printed before, which brackets without a number may stand for, as for threes.
    """
    signs = list(signs)
    brackets = [sign for sign in signs if sign.kind == "tuplet_bracket"]
    taken: set[int] = set()
    groups = []

    def take(number: int, sign: Sign, members: tuple[int, ...]) -> None:
        taken.update(members)
        ratios = tuple((number, normal, UNUSUAL_RATIO * index) for index, normal in enumerate(RATIOS[number]))
        groups.append(TupletGroup(members, ratios, min(chance_cost(1.0 - sign.probability), LEAST_DOUBT), True))

    for sign in signs:
        if not sign.kind.startswith("tuplet_") or sign.kind == "tuplet_bracket":
            continue
        number = int(sign.kind.removeprefix("tuplet_"))
        bracket = min(
            (other for other in brackets if abs(other.y - sign.y) < 2.0 and other.left < sign.x < other.right),
            key=lambda other: abs(other.x - sign.x),
            default=None,
        )
        brackets = [other for other in brackets if other is not bracket]
        _, members = _best_run(events, number, sign, bracket, taken)
        if members:
            take(number, sign, members)
    for bracket in brackets:
        if bracket.probability >= BELIEVED:
            runs = ((*_best_run(events, number, bracket, bracket, taken), number) for number in sorted(known | {3}))
            _, members, number = min(runs)
            if members:
                take(number, bracket, members)
    return groups


def _best_run(
    events: Sequence[SeenEvent], number: int, sign: Sign, bracket: Sign | None, taken: set[int]
) -> tuple[float, tuple[int, ...]]:
    """The run that fits a number or bracket best, and how badly it does; an empty one where none fits."""
    best: tuple[int, ...] = ()
    best_cost = WORST_FIT
    for stream, side in _streams(events, sign.staff):
        for run in _runs(events, stream, number, taken):
            cost = _misfit(events, run, number, sign, bracket)
            above = sign.place > 4
            if side and (side == "up") != above:
                cost += OTHER_SIDE
            if cost < best_cost:
                best, best_cost = run, cost
    return best_cost, best


def _streams(events: Sequence[SeenEvent], staff: int) -> list[tuple[list[int], str]]:
    """Events that may follow one another in one voice: of each direction of stem, with and without rests, and under each beam."""
    on_staff = [index for index, event in enumerate(events) if event.staff == staff]
    streams: dict[tuple[int, ...], str] = {}
    for beam in dict.fromkeys(events[index].beam_group for index in on_staff if events[index].beam_group >= 0):
        members = [index for index, event in enumerate(events) if event.beam_group == beam]
        inside = [index for index in on_staff if events[index].is_rest and members[0] < index < members[-1]]
        side = events[members[0]].stem
        streams.setdefault(tuple(members), side)
        streams.setdefault(tuple(sorted((*members, *inside))), side)
    for side, other in (("up", "down"), ("down", "up")):
        stream = [index for index in on_staff if events[index].stem != other]
        streams.setdefault(tuple(stream), side)
        streams.setdefault(tuple(index for index in stream if not events[index].is_rest), side)
    if all(events[later].x - events[earlier].x > SAME_TIME for earlier, later in pairwise(on_staff)):
        streams[tuple(on_staff)] = ""
    return [([*stream], side) for stream, side in streams.items()]


def _runs(events: Sequence[SeenEvent], stream: list[int], number: int, taken: set[int]) -> Iterable[tuple[int, ...]]:
    """Runs of neighbours whose written lengths make ``number`` units."""
    for start in range(len(stream)):
        total = 0
        for stop in range(start, min(start + 2 * number, len(stream))):
            if stream[stop] in taken:
                break
            total += events[stream[stop]].lengths[0].divs
            if stop > start and total % number == 0 and total // number in _UNITS:
                yield tuple(stream[start : stop + 1])


def _misfit(events: Sequence[SeenEvent], run: tuple[int, ...], number: int, sign: Sign, bracket: Sign | None) -> float:
    first, last = events[run[0]], events[run[-1]]
    cost = OFF_CENTRE * abs((first.x + last.x) / 2 - sign.x) + WRONG_COUNT * (len(run) != number)
    if bracket is not None:
        cost += OFF_BRACKET * (abs(first.x - bracket.left) + abs(last.x - bracket.right))
    beams = {events[index].beam_group for index in run if not events[index].is_rest}
    lengths = [events[index].lengths[0].divs for index in run]
    return cost + NOT_ONE_BEAM * (len(beams) != 1) + MIXED_LENGTHS * math.log2(max(lengths) / min(lengths))


def implied_tuplets(
    events: Sequence[SeenEvent], printed: Sequence[TupletGroup], known: frozenset[int], anywhere: bool
) -> list[TupletGroup]:
    """Threes that may be triplets though no number says so.

    Args:
        events: As in ``printed_tuplets``.
        printed: Of the bar.
        known: Numbers of tuplets printed before or in the bar.
        anywhere: Whether threes without a beam count too.
    """
    taken = {index for group in printed for index in group.members}
    cost = REPEATED_TUPLET if 3 in known or 6 in known else IMPLIED_TUPLET
    groups = []
    beams: dict[int, list[int]] = {}
    for index, event in enumerate(events):
        if event.beam_group >= 0:
            beams.setdefault(event.beam_group, []).append(index)
    for members in beams.values():
        if taken.intersection(members):
            continue
        groups += [TupletGroup(run, ((3, 2, cost),), 0.0, False) for run in _threes(events, members)]
        for number in sorted(known - {2, 3}):
            ratios = ((number, RATIOS[number][0], REPEATED_TUPLET),)
            groups += [TupletGroup(run, ratios, 0.0, False) for run in _whole_beam(events, members, number, taken)]
    if anywhere:
        found = {group.members for group in groups}
        for staff in {event.staff for event in events}:
            for stream, _ in _streams(events, staff):
                for run in _runs(events, stream, 3, taken):
                    if run not in found:
                        found.add(run)
                        groups.append(TupletGroup(run, ((3, 2, cost + 1.0),), 0.0, False))
    return groups


def _whole_beam(events: Sequence[SeenEvent], members: list[int], number: int, taken: set[int]) -> Iterable[tuple[int, ...]]:
    """Runs of ``number`` units that a beam makes, alone or with the rests in it and the one before and after it."""
    first, last, staff = members[0], members[-1], events[members[0]].staff
    rests = [index for index, event in enumerate(events) if event.is_rest and event.staff == staff]
    inside = [index for index in rests if first < index < last]
    before, after = [index for index in rests if index < first][-1:], [index for index in rests if index > last][:1]
    stream = sorted([*before, *members, *inside, *after])
    for run in _runs(events, stream, number, taken):
        if set(members) <= set(run):
            yield run


def _threes(events: Sequence[SeenEvent], members: list[int]) -> Iterable[tuple[int, ...]]:
    """The members cut from the left in runs of three equal units; none where they do not come out even."""
    runs: list[tuple[int, ...]] = []
    start = 0
    while start < len(members):
        total = 0
        unit = min(events[index].lengths[0].divs for index in members[start:])
        for stop in range(start, len(members)):
            total += events[members[stop]].lengths[0].divs
            if total == 3 * unit and unit in _UNITS:
                runs.append(tuple(members[start : stop + 1]))
                start = stop + 1
                break
        else:
            return ()
    return runs
