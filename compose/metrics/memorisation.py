"""How much of a piece stands in a set of other pieces: the longest common run, whatever the transposition.

Conventions: frame arrays (``compose.metrics.frames``) with repeated frames collapsed. A run of n transitions is n + 1
successive distinct frames; two runs are the same when one is the other transposed: equal vertical structure at the start and
equal melodic steps in every voice, rests in the same places. Lengths are in transitions; a single common chord is a run of 0,
nothing in common -1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from compose.metrics.frames import REST, Frames, collapse_repeats

__all__ = ["NGramIndex", "longest_common_ngram"]

Symbol = tuple[int | None, ...]


def _symbols(piece: Frames) -> tuple[list[Symbol], list[Symbol]]:
    """Per distinct frame its structure, and its step from the frame before.

    The structure is the pitches above the lowest voice that sounds (its base), None for rests; the step is how far the base
    moved since something last sounded, and the structure it came to. First structure and steps determine a run up to
    transposition.
    """
    chords: list[Symbol] = []
    steps: list[Symbol] = []
    last_base = 0
    for frame in collapse_repeats(np.asarray(piece, dtype=np.int64)).tolist():
        base = next((pitch for pitch in reversed(frame) if pitch != REST), last_base)
        chords.append(tuple(None if pitch == REST else pitch - base for pitch in frame))
        steps.append((base - last_base, *chords[-1]))
        last_base = base
    return chords, steps


class NGramIndex:
    """All runs of a set of pieces, for quick look-up of the longest one shared with another piece.

    Runs are looked up by hash of their symbols, length by length on demand, and compared in full, so nothing is found by accident.

    Args:
        pieces: Frame arrays (frames, voices), all of as many voices.
    """

    def __init__(self, pieces: Iterable[Frames]) -> None:
        self._ids: dict[Symbol, int] = {}
        encoded = [self._encode(piece, add=True) for piece in pieces]
        self._chords = [chords for chords, _ in encoded]
        self._steps = [steps for _, steps in encoded]
        self._runs: dict[int, set[bytes]] = {}

    def _encode(self, piece: Frames, add: bool) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Structures and steps of a piece as numbers; -1 for what the index has never seen."""
        arrays = []
        for symbols in _symbols(piece):
            if add:
                numbers = [self._ids.setdefault(symbol, len(self._ids)) for symbol in symbols]
            else:
                numbers = [self._ids.get(symbol, -1) for symbol in symbols]
            arrays.append(np.array(numbers, dtype=np.int32))
        return arrays[0], arrays[1]

    def _known(self, length: int) -> set[bytes]:
        """All runs of this many transitions."""
        if length not in self._runs:
            self._runs[length] = {
                run for chords, steps in zip(self._chords, self._steps, strict=True) for run in _runs(chords, steps, length)
            }
        return self._runs[length]

    def longest_common(self, piece: Frames) -> int:
        """Transitions of the longest run of this piece that is in the index; -1 when they share not even a chord."""
        chords, steps = self._encode(piece, add=False)
        # Every part of a common run is common: bisection finds the longest.
        low, high = -1, len(chords) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if any(run in self._known(middle) for run in _runs(chords, steps, middle)):
                low = middle
            else:
                high = middle - 1
        return low


def _runs(chords: NDArray[np.int32], steps: NDArray[np.int32], length: int) -> list[bytes]:
    """Every run of this many transitions: the structure it starts with, then its steps."""
    starts = range(len(chords) - length)
    return [chords[at : at + 1].tobytes() + steps[at + 1 : at + 1 + length].tobytes() for at in starts]


def longest_common_ngram(piece: Frames, reference: NGramIndex | Sequence[Frames]) -> int:
    """Transitions of the longest run that a piece shares with a set of pieces, whatever the transposition.

    Args:
        piece: Frames (frames, voices).
        reference: An index, or the pieces; build the index once for many questions.
    """
    index = reference if isinstance(reference, NGramIndex) else NGramIndex(reference)
    return index.longest_common(piece)
