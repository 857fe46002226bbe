"""Systems that fell apart on a page whose other systems did not: what is faint between two staves, the page's own order tells.

Music is printed in systems of one size for pages on end. Where most staves of a page stand in systems of one size, neighbours that
are smaller and have that many staves together are one system too, if they stand as far apart as the staves of the others do, and
clearly nearer to each other than to what is above and below them. Staves are given by their numbers on the page, as in
``omr.layout.systems``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from omr.layout.staff import Staff

__all__ = ["regrouped"]

LIKE_THE_OTHERS = 1.35  # a gap may be so much wider than that of the whole systems
APART = 1.12  # gaps around a system are at least so much wider than those that were taken for such


def regrouped(groups: Sequence[tuple[int, ...]], staves: Sequence[Staff], below: Mapping[int, int]) -> list[tuple[int, ...]]:
    """The groups of staves, those that fell apart put together.

    Args:
        groups: Numbers of the staves of each system, from the top.
        staves: Of the page.
        below: For each staff the next that lies under it.
    """
    usual = _usual_size(groups)
    whole = [group for group in groups if len(group) == usual]
    if usual < 2 or len(whole) == len(groups):
        return list(groups)
    inner = [float(np.median([_gap(staves, group[place], group[place + 1]) for group in whole])) for place in range(usual - 1)]
    out: list[tuple[int, ...]] = []
    at = 0
    while at < len(groups):
        parts = _parts(groups, at, usual, below)
        if parts > 1 and _stands_alone(groups[at : at + parts], inner, staves, below):
            out.append(tuple(staff for part in groups[at : at + parts] for staff in part))
            at += parts
        else:
            out.append(groups[at])
            at += 1
    return out


def _usual_size(groups: Sequence[tuple[int, ...]]) -> int:
    """How many staves the systems have in which most staves stand; the larger size of two."""
    counts = Counter(len(group) for group in groups)
    return max(counts, key=lambda size: (size * counts[size], size), default=0)


def _parts(groups: Sequence[tuple[int, ...]], first: int, usual: int, below: Mapping[int, int]) -> int:
    """How many groups from one on, each under the one before, have the usual number of staves together; 0 for none."""
    total = 0
    for at in range(first, len(groups)):
        if at > first and below.get(groups[at - 1][-1]) != groups[at][0]:
            return 0
        total += len(groups[at])
        if total >= usual:
            return at - first + 1 if total == usual else 0
    return 0


def _stands_alone(
    parts: Sequence[tuple[int, ...]], inner: Sequence[float], staves: Sequence[Staff], below: Mapping[int, int]
) -> bool:
    """Whether the gaps in the system of these parts are like those of the others, and those between parts less than around."""
    system = tuple(staff for part in parts for staff in part)
    gaps = [_gap(staves, upper, lower) for upper, lower in pairwise(system)]
    between = [_gap(staves, upper[-1], lower[0]) for upper, lower in pairwise(parts)]
    above = next((upper for upper, lower in below.items() if lower == system[0]), None)
    under = below.get(system[-1])
    around = [_gap(staves, above, system[0])] if above is not None else []
    around += [_gap(staves, system[-1], under)] if under is not None else []
    alike = all(gap <= LIKE_THE_OTHERS * usual for gap, usual in zip(gaps, inner, strict=True))
    return alike and bool(around) and min(around) >= APART * max(between)


def _gap(staves: Sequence[Staff], upper: int, lower: int) -> float:
    """From the middle of one staff to that of another below it, where they lie under each other."""
    one, other = staves[upper], staves[lower]
    across = np.array([0.5 * (max(one.left, other.left) + min(one.right, other.right))])
    return float((other.middle_at(across) - one.middle_at(across))[0])
