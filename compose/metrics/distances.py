"""How like two pieces of music are in what they use: pitch classes, places in the bar, durations; and how they differ note by note.

Histogram distances are total variation, 0 (the same shares) to 1 (nothing in common). Notes are ``compose.canvas.Note``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import combinations

from compose.canvas import Note

__all__ = ["diversity", "histogram_distance", "key_distance", "pitch_class_distance", "rhythm_distance"]


def histogram_distance(left: Iterable[Hashable], right: Iterable[Hashable]) -> float:
    """Total variation between the shares of what occurs; 1 when one side is empty and the other is not, 0 when both are."""
    a, b = Counter(left), Counter(right)
    if not a or not b:
        return float(bool(a) != bool(b))
    total_a, total_b = a.total(), b.total()
    return 0.5 * sum(abs(a[key] / total_a - b[key] / total_b) for key in a.keys() | b.keys())


def pitch_class_distance(left: Sequence[Note], right: Sequence[Note]) -> float:
    """Of pitch classes."""
    return histogram_distance((note.pitch % 12 for note in left), (note.pitch % 12 for note in right))


def key_distance(left: Sequence[Note], right: Sequence[Note]) -> float:
    """Of keys, as drums have them instead of pitch classes."""
    return histogram_distance((note.pitch for note in left), (note.pitch for note in right))


def rhythm_distance(left: Sequence[Note], right: Sequence[Note], place: Callable[[int], int]) -> float:
    """Of (place in the bar, duration).

    Args:
        left, right: Notes.
        place: The place in its bar of an onset.
    """
    return histogram_distance(*(((place(note.onset), note.duration) for note in notes) for notes in (left, right)))


def diversity(variations: Sequence[Sequence[Note]]) -> float:
    """Mean over all pairs of the share of notes (onset, lane, pitch) that stand in one of the two alone; 0 when all are equal."""
    sets = [{(note.onset, note.lane, note.pitch) for note in notes} for notes in variations]
    shares = [len(a ^ b) / max(len(a | b), 1) for a, b in combinations(sets, 2)]
    return sum(shares) / len(shares) if shares else 0.0
