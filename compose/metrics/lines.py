"""How much of a melodic line stands in a set of other pieces: the longest common run of intervals and durations.

Conventions: a line is the highest notes of a lane, one an onset. Its symbols are (interval to the next note, distance to the next
onset): transposition and place do not matter. Runs never go over from one lane to another. Runs are compared by 64-bit hashes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["LineIndex", "line_symbols"]

Hashes = NDArray[np.uint64]
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
LONGEST_STEP = 400  # quarters are 24


def line_symbols(onset: NDArray[np.int64], pitch: NDArray[np.int64]) -> NDArray[np.int64]:
    """Symbols of a line, shape (notes - 1,): one number for interval and distance.

    Args:
        onset: In steps, any order; of notes at one onset the highest counts.
        pitch: MIDI pitches.
    """
    order = np.lexsort((-pitch, onset))
    onset, pitch = onset[order], pitch[order]
    first = np.diff(onset, prepend=-1) != 0
    onset, pitch = onset[first], pitch[first]
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

    def _runs(self, length: int) -> Hashes:
        if length not in self._known:
            found = [_runs(line, length) for line in self._lines]
            self._known[length] = np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.uint64)
        return self._known[length]

    def longest_common(self, line: NDArray[np.int64]) -> int:
        """Symbols of the longest run of this line that is in the index; 0 when there is none."""
        low, high = 0, len(line)
        while low < high:  # every part of a common run is common
            middle = (low + high + 1) // 2
            known, runs = self._runs(middle), _runs(line, middle)
            places = np.searchsorted(known, runs)
            inside = places < len(known)
            if inside.any() and (known[places[inside]] == runs[inside]).any():
                low = middle
            else:
                high = middle - 1
        return low
