"""Tremolos between two notes: both are written with the whole length and last half of it.

Their strokes stand between two chords of one length on a staff, where those of a single note cross its stem.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from omr.assembly.chords import SeenEvent
from omr.assembly.rows import Sign
from omr.assembly.tuplets import LEAST_DOUBT, TupletGroup

__all__ = ["between_chords", "tremolo_pairs"]

BELIEVED = 0.5
LEAST_WIDTH = 1.6  # staff spaces of strokes between notes; those on a stem are about one wide
REACH = 16.0


def between_chords(sign: Sign) -> bool:
    """Whether a sign is strokes between two notes."""
    return sign.kind.startswith("tremolo_") and sign.width >= LEAST_WIDTH and sign.probability >= BELIEVED


def tremolo_pairs(events: Sequence[SeenEvent], signs: Iterable[Sign]) -> list[tuple[TupletGroup, int]]:
    """Pairs of chords with strokes between them, and the numbers of strokes.

    Args:
        events: Of a bar without grace chords, in order of ``x``.
        signs: Of the bar.
    """
    pairs: list[tuple[TupletGroup, int]] = []
    taken: set[int] = set()
    for sign in signs:
        if not between_chords(sign):
            continue
        best, best_cost = (-1, -1), REACH
        for first, before in enumerate(events):
            if before.is_rest or before.staff != sign.staff or first in taken or not before.x < sign.x < before.x + REACH:
                continue
            for second in range(first + 1, len(events)):
                after = events[second]
                if after.is_rest or second in taken or after.x <= sign.x or after.staff != before.staff:
                    continue
                if after.lengths[0].type != before.lengths[0].type or after.lengths[0].dots != before.lengths[0].dots:
                    continue
                cost = abs((before.x + after.x) / 2 - sign.x) + 0.3 * (after.x - before.x) + 2.0 * (after.stem != before.stem)
                if cost < best_cost:
                    best, best_cost = (first, second), cost
        if best[0] >= 0:
            taken.update(best)
            group = TupletGroup(best, ((2, 1, 0.0),), LEAST_DOUBT, False)
            pairs.append((group, int(sign.kind.removeprefix("tremolo_"))))
    return pairs
