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
ON_STEM = 0.9  # staff spaces between a stem and the middle of strokes that cross it, at most
STEM_SIDE = {"up": 0.6, "down": -0.6, "": 0.0}  # of a stem from the middle of its head
REACH = 16.0


def between_chords(sign: Sign, events: Iterable[SeenEvent]) -> bool:
    """Whether a sign is strokes between two notes.

    Args:
        sign: The sign.
        events: Of its bar or system.
    """
    if not sign.kind.startswith("tremolo_") or sign.probability < BELIEVED:
        return False
    return not any(abs(_stem_x(event) - sign.x) < ON_STEM for event in events if event.staff == sign.staff)


def _stem_x(event: SeenEvent) -> float:
    return event.x + STEM_SIDE[event.stem]


def tremolo_pairs(events: Sequence[SeenEvent], signs: Iterable[Sign]) -> list[tuple[TupletGroup, int]]:
    """Pairs of chords with strokes between them, and the numbers of strokes.

    Args:
        events: Of a bar without grace chords, in order of ``x``.
        signs: Of the bar.
    """
    pairs: list[tuple[TupletGroup, int]] = []
    taken: set[int] = set()
    for sign in signs:
        if not between_chords(sign, events):
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
                cost = (
                    abs((_stem_x(before) + _stem_x(after)) / 2 - sign.x)
                    + 0.3 * (after.x - before.x)
                    + 2.0 * (after.stem != before.stem)
                )
                if cost < best_cost:
                    best, best_cost = (first, second), cost
        if best[0] >= 0:
            taken.update(best)
            group = TupletGroup(best, ((2, 1, 0.0),), LEAST_DOUBT, False)
            pairs.append((group, int(sign.kind.removeprefix("tremolo_"))))
    return pairs
