"""Staves to parts: the staves under one brace are one part, every other staff is its own.

The number of staves may change from system to system where empty ones are hidden. The systems with the most staves name the parts;
the parts of another are matched to these in order, by their number of staves and their clefs, and what cannot be told is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from corpora.errors import RequestError
from omr.signs import SeenSystem

__all__ = ["Layout", "layouts"]

OTHER_STAFF_COUNT, OTHER_CLEF = 4.0, 1.0


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of one system.

    Args:
        part_of_staff: Part of each staff, counted over the score.
        staff_in_part: Each staff within its part, from 1.
    """

    part_of_staff: tuple[int, ...]
    staff_in_part: tuple[int, ...]


def layouts(
    systems: Sequence[SeenSystem], first_clefs: Sequence[Sequence[str]], wished: tuple[int, ...] | None
) -> tuple[list[Layout], list[int], list[str]]:
    """The layout of each system, the number of staves of each part of the score, and notes on what was not sure.

    Args:
        systems: In order.
        first_clefs: Kind of the first clef of each staff of each system, "" where none was seen.
        wished: Numbers of staves of the parts from above, as the user wants them; None as the braces say.

    Raises:
        RequestError: No system has so many staves as are wished for.
    """
    if wished is not None and sum(wished) not in {system.staves for system in systems}:
        found = ", ".join(map(str, sorted({system.staves for system in systems})))
        raise RequestError(
            f"staves: expected numbers that add up to the staves of a system ({found}), got {'+'.join(map(str, wished))}"
        )
    most = max(system.staves for system in systems)
    votes = Counter(tuple(_braced(system)) for system in systems if system.staves == most)
    sizes = list(wished) if wished is not None else [*min(votes, key=lambda groups: (-votes[groups], len(groups)))]
    grouped = [sizes if system.staves == sum(sizes) else _braced(system) for system in systems]
    fullest = next(index for index, system in enumerate(systems) if system.staves == sum(sizes))
    clefs = _split(first_clefs[fullest], sizes)
    notes, result = [], []
    for index, groups in enumerate(grouped):
        if groups == sizes:
            places, is_sure = list(range(len(sizes))), True
        elif len(groups) > len(sizes):
            places, is_sure = [min(number, len(sizes) - 1) for number in range(len(groups))], False
        else:
            places, is_sure = _matched(groups, _split(first_clefs[index], groups), sizes, clefs)
        if not is_sure:
            notes.append(f"system {index + 1}: {sum(groups)} of {sum(sizes)} staves; which parts are hidden is a guess")
        part_of_staff = [part for part, count in zip(places, groups, strict=True) for _ in range(count)]
        staff_in_part = [
            min(number, sizes[part]) for part, count in zip(places, groups, strict=True) for number in range(1, count + 1)
        ]
        result.append(Layout(tuple(part_of_staff), tuple(staff_in_part)))
    return result, sizes, notes


def _braced(system: SeenSystem) -> list[int]:
    """Numbers of staves of the parts from above, as the braces say."""
    groups, staff = [], 0
    braces = {brace.first: brace.last for brace in system.braces if brace.kind == "brace"}
    while staff < system.staves:
        last = min(braces.get(staff, staff), system.staves - 1)
        groups.append(max(last, staff) - staff + 1)
        staff = max(last, staff) + 1
    return groups


def _split(clefs: Sequence[str], sizes: Sequence[int]) -> list[tuple[str, ...]]:
    result, start = [], 0
    for size in sizes:
        result.append(tuple(clefs[start : start + size]))
        start += size
    return result


def _matched(
    groups: Sequence[int], clefs: Sequence[tuple[str, ...]], sizes: Sequence[int], all_clefs: Sequence[tuple[str, ...]]
) -> tuple[list[int], bool]:
    """Places of the groups among all parts, in order, with the least misfit; and whether no other place fits as well."""
    rows: list[list[tuple[float, int, list[int]]]] = [[(0.0, 1, [])] * (len(sizes) + 1)]  # cost, ways, places
    for number, (size, own) in enumerate(zip(groups, clefs, strict=True)):
        row: list[tuple[float, int, list[int]]] = [(float("inf"), 0, [])] * (len(sizes) + 1)
        for part in range(len(sizes)):
            before = rows[-1][part]
            cost = before[0] + OTHER_STAFF_COUNT * (size != sizes[part])
            cost += OTHER_CLEF * sum(mine != theirs for mine, theirs in zip(own, all_clefs[part], strict=False))
            taken = (cost, before[1], [*before[2], part])
            left = row[part]
            if part < number or taken[0] > left[0]:
                row[part + 1] = left
            elif taken[0] < left[0]:
                row[part + 1] = taken
            else:
                row[part + 1] = (taken[0], taken[1] + left[1], left[2])
        rows.append(row)
    cost, ways, places = rows[-1][-1]
    return places, ways == 1 and cost < OTHER_STAFF_COUNT
