"""How much of a melodic line stands in a set of other pieces: the longest common run of intervals and durations, the nearest line.

Conventions: a line is the highest notes of a lane, one an onset. Its symbols are (interval to the next note, distance to the next
onset): transposition and place do not matter. Runs never go over from one lane to another. Runs are compared by 64-bit hashes.
The *likeness* of a line to another is the share of its different runs of ``NGRAM`` symbols that the other has too.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["NGRAM", "LineIndex", "line_symbols", "top_line"]

Hashes = NDArray[np.uint64]
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
LONGEST_STEP = 400  # quarters are 24
NGRAM = 4  # symbols: five notes


def top_line(onset: NDArray[np.int64], pitch: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Onsets and pitches of the highest note at each onset, in order.

    Args:
        onset: From 0, any order.
        pitch: MIDI pitches.
    """
    order = np.lexsort((-pitch, onset))
    onset, pitch = onset[order], pitch[order]
    first = np.diff(onset, prepend=-1) != 0
    return onset[first], pitch[first]


def line_symbols(onset: NDArray[np.int64], pitch: NDArray[np.int64]) -> NDArray[np.int64]:
    """Symbols of a line, shape (notes - 1,): one number for interval and distance.

    Args:
        onset: In steps, any order; of notes at one onset the highest counts.
        pitch: MIDI pitches.
    """
    onset, pitch = top_line(onset, pitch)
    return np.asarray((np.diff(pitch) + 128) * (LONGEST_STEP + 1) + np.minimum(np.diff(onset), LONGEST_STEP))


def _runs(symbols: NDArray[np.int64], length: int) -> Hashes:
    """Hash of each run of ``length`` symbols."""
    count = len(symbols) - length + 1
    if count <= 0:
        return np.zeros(0, dtype=np.uint64)
    hashes = np.zeros(count, dtype=np.uint64)
    for offset in range(length):
        hashes = (hashes ^ (symbols[offset : offset + count].astype(np.uint64) + np.uint64(1))) * MULTIPLIER
        hashes ^= hashes >> np.uint64(31)
    return hashes


class LineIndex:
    """All lines of a set of pieces.

    Args:
        lines: Symbols of each (``line_symbols``).
    """

    def __init__(self, lines: Iterable[NDArray[np.int64]]) -> None:
        self._lines = [line for line in lines if len(line)]
        self._known: dict[int, Hashes] = {}
        self._grams: tuple[Hashes, NDArray[np.int64]] | None = None  # n-grams of all lines in order, and whose they are

    def _runs(self, length: int) -> Hashes:
        if length not in self._known:
            found = [_runs(line, length) for line in self._lines]
            self._known[length] = np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.uint64)
        return self._known[length]

    def _has_run(self, line: NDArray[np.int64], length: int) -> bool:
        known, runs = self._runs(length), _runs(line, length)
        places = np.searchsorted(known, runs)
        inside = places < len(known)
        return bool((known[places[inside]] == runs[inside]).any())

    def longest_common(self, line: NDArray[np.int64]) -> int:
        """Symbols of the longest run of this line that is in the index; 0 when there is none."""
        low, high = 0, 1  # every part of a common run is common
        while high <= len(line) and self._has_run(line, high):
            low, high = high, 2 * high
        high = min(high, len(line) + 1)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._has_run(line, middle) else (low, middle)
        return low

    def likeness(self, line: NDArray[np.int64]) -> float:
        """Share of this line's n-grams that its nearest line of the index has, 0 to 1; 0 for a line too short to have any."""
        runs = np.unique(_runs(line, NGRAM))
        if not len(runs):
            return 0.0
        if self._grams is None:
            every = [np.unique(_runs(known, NGRAM)) for known in self._lines]
            owner = np.repeat(np.arange(len(every)), [len(grams) for grams in every])
            grams = np.concatenate([np.zeros(0, dtype=np.uint64), *every])
            order = np.argsort(grams, kind="stable")
            self._grams = grams[order], owner[order]
        grams, owner = self._grams
        spans = zip(np.searchsorted(grams, runs), np.searchsorted(grams, runs, side="right"), strict=True)
        shared = np.concatenate([owner[first:last] for first, last in spans])
        return float(np.bincount(shared, minlength=1).max() / len(runs))
