"""Notes that were read against notes that are written, bar by bar: a bar too many or too few must not shift all that follows.

Bars are aligned in order so that most notes agree; a bar without a partner has all its notes wrong. Within a pair of bars a note
agrees when its onset in quarters from the bar's start and its pitch do; what a tie continues is no note.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from compose.notation.sounding import played_notes
from compose.notation.written import WrittenScore

__all__ = ["AlignedNotes", "BarNotes", "aligned_bars", "bar_notes", "count_aligned"]

ROUNDED = 4  # decimals of onsets
GAP = 0.6  # cost of a bar without a partner; a pair with nothing in common costs 1

BarNotes = Counter[tuple[float, int]]


@dataclass(frozen=True)
class AlignedNotes:
    """Counts over scores; add them up.

    Args:
        both: Notes of the reference that were read.
        wanted: Notes of the reference.
        got: Notes that were read.
        bars: Bars of the reference.
        exact: Those that were read with all their notes and no others.
    """

    both: int = 0
    wanted: int = 0
    got: int = 0
    bars: int = 0
    exact: int = 0

    def __add__(self, other: AlignedNotes) -> AlignedNotes:
        pairs = zip(self._values(), other._values(), strict=True)
        return AlignedNotes(*(left + right for left, right in pairs))

    def _values(self) -> tuple[int, int, int, int, int]:
        return self.both, self.wanted, self.got, self.bars, self.exact

    @property
    def f1(self) -> float:
        """F measure of the notes; 1 where there are none."""
        return 2 * self.both / (self.wanted + self.got) if self.wanted + self.got else 1.0


def bar_notes(score: WrittenScore) -> list[BarNotes]:
    """For each bar of a score how often each onset (quarters from its start) and pitch sounds in any part."""
    bars: list[BarNotes] = [Counter() for _ in (score.parts[0].bars if score.parts else ())]
    if not bars:
        return bars
    lengths = [float(max(part.bars[index].length for part in score.parts)) for index in range(len(bars))]
    starts = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    notes = played_notes(score)
    indices = np.searchsorted(starts, notes["onset_quarter"] + 1e-6, side="right") - 1
    for index, onset, pitch in zip(indices.tolist(), notes["onset_quarter"].tolist(), notes["pitch"].tolist(), strict=True):
        bars[index][round(onset - float(starts[index]), ROUNDED), pitch] += 1
    return bars


def _common(left: BarNotes, right: BarNotes) -> int:
    return (left & right).total()


def _cost(left: BarNotes, right: BarNotes) -> float:
    total = left.total() + right.total()
    return 1.0 - 2 * _common(left, right) / total if total else 0.0


def aligned_bars(wanted: list[BarNotes], got: list[BarNotes]) -> list[tuple[int, int]]:
    """Pairs of indices in order, the cheapest alignment of all bars."""
    costs = np.zeros((len(wanted) + 1, len(got) + 1))
    costs[:, 0] = GAP * np.arange(len(wanted) + 1)
    costs[0, :] = GAP * np.arange(len(got) + 1)
    for row, bar in enumerate(wanted, 1):
        for column, other in enumerate(got, 1):
            gap = min(costs[row - 1, column], costs[row, column - 1]) + GAP
            costs[row, column] = min(costs[row - 1, column - 1] + _cost(bar, other), gap)
    pairs = []
    row, column = len(wanted), len(got)
    while row and column:
        if costs[row, column] == costs[row - 1, column] + GAP:
            row -= 1
        elif costs[row, column] == costs[row, column - 1] + GAP:
            column -= 1
        else:
            row, column = row - 1, column - 1
            pairs.append((row, column))
    return pairs[::-1]


def count_aligned(wanted: WrittenScore, got: WrittenScore) -> tuple[AlignedNotes, list[tuple[int, int, bool]]]:
    """Counts of two scores, and for each bar that was read and has a partner its index there, here, and whether it is exact.

    Args:
        wanted: The reference.
        got: What was read.
    """
    there, here = bar_notes(wanted), bar_notes(got)
    pairs = aligned_bars(there, here)
    exact = [(left, right, there[left] == here[right]) for left, right in pairs]
    both = sum(_common(there[left], here[right]) for left, right in pairs)
    totals = sum(bar.total() for bar in there), sum(bar.total() for bar in here)
    return AlignedNotes(both, *totals, len(there), sum(same for _, _, same in exact)), exact
