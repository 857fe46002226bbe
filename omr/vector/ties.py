"""Ties and slurs: which heads the ends of a curve belong to.

A tie joins two heads of one place with no other note of their voice between them; its ends are close to both and between their
centres. Any other curve is a slur. At a system's ends a curve that is level and close to its one head is half a tie. Lengths are
staff spaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from omr.vector.scene import Scene
from omr.vector.stems import Head
from omr.vector.strokes import Curve

__all__ = ["find_ties"]

NEAR_HEAD: Final = 1.15  # upright distance from a tie's end to its head's centre
BEHIND_HEAD: Final = 1.9  # from the head's right side to the beginning of its tie; dots may lie between
BEFORE_HEAD: Final = 1.5
OFF_CENTRE: Final = 0.1  # between the two heads' centres; slurs begin and end at the centre
LEVEL: Final = 0.5
OPEN_LEVEL: Final = 0.35
OPEN_NEAR: Final = 1.0
ONE_COLUMN: Final = 0.9
SLUR_REACH: Final = 2.2
AT_RIGHT_END: Final = 2.0


def find_ties(scene: Scene, heads: Sequence[Head]) -> list[tuple[Curve, str, int]]:
    """Mark heads with the ties and slurs that begin and end there.

    Args:
        scene: The system.
        heads: Changed in place; in order of ``x``.

    Returns:
        Curves of this system with "tie" or "slur", and their staff.
    """
    found: list[tuple[Curve, str, int]] = []
    first_x = min((head.mark.x0 for head in heads), default=0.0)
    for curve in sorted(scene.curves, key=lambda curve: curve.x1 - curve.x0):
        if curve.x1 < 0 or curve.x0 > scene.width + 1:
            continue
        starts = [head for head in heads if _begins_at(curve, head)]
        stops = [head for head in heads if _ends_at(curve, head)]
        pairs = [
            (abs(curve.y0 - start.mark.y) + abs(curve.y1 - stop.mark.y) + (start.tie_start or stop.tie_stop), start, stop)
            for start in starts
            for stop in stops
            if start.staff == stop.staff
            and start.place == stop.place
            and start.mark.x + 0.5 < stop.mark.x
            and start.small == stop.small
            and not _note_between(start, stop, heads)
        ]
        pairs = [pair for pair in pairs if not (pair[1].tie_start and pair[2].tie_stop)]
        if pairs and abs(curve.y1 - curve.y0) <= LEVEL:
            _, start, stop = min(pairs, key=lambda pair: pair[0])
            start.tie_start = stop.tie_stop = True
            found.append((curve, "tie", start.staff))
            continue
        if not scene.owns((curve.y0 + curve.y1) / 2):
            continue
        half = _half_tie(scene, curve, starts, stops, heads, first_x)
        if half is not None:
            found.append((curve, "tie", half.staff))
            continue
        start_head, stop_head = _slur_head(curve.x0, curve.y0, heads), _slur_head(curve.x1, curve.y1, heads)
        if start_head is not None and start_head is not stop_head:
            start_head.slur_start = True
        if stop_head is not None and start_head is not stop_head:
            stop_head.slur_stop = True
        home = start_head or stop_head
        if home is not None:
            found.append((curve, "slur", home.staff))
    return found


def _begins_at(curve: Curve, head: Head) -> bool:
    inside = head.mark.x + OFF_CENTRE <= curve.x0 <= head.mark.x1 + BEHIND_HEAD
    return inside and abs(curve.y0 - head.mark.y) <= NEAR_HEAD


def _ends_at(curve: Curve, head: Head) -> bool:
    inside = head.mark.x0 - BEFORE_HEAD <= curve.x1 <= head.mark.x - OFF_CENTRE
    return inside and abs(curve.y1 - head.mark.y) <= NEAR_HEAD


def _note_between(start: Head, stop: Head, heads: Sequence[Head]) -> bool:
    """Whether a note that may be of their voice stands between two heads."""
    sides = {head.stem.up for head in (start, stop) if head.stem is not None}
    for head in heads:
        if head.staff != start.staff or head.small != start.small:
            continue
        if not start.mark.x + ONE_COLUMN < head.mark.x < stop.mark.x - ONE_COLUMN:
            continue
        if head.place == start.place or (head.stem is not None and head.stem.up in sides and len(sides) == 1):
            return True
    return False


def _half_tie(
    scene: Scene, curve: Curve, starts: list[Head], stops: list[Head], heads: Sequence[Head], first_x: float
) -> Head | None:
    """The head of a tie whose other end is on another system."""
    if abs(curve.y1 - curve.y0) > OPEN_LEVEL:
        return None
    if starts and not stops and curve.x1 >= scene.width - AT_RIGHT_END:
        start = min(starts, key=lambda head: (head.tie_start, abs(curve.y0 - head.mark.y)))
        later = any(head.staff == start.staff and head.mark.x > start.mark.x1 + ONE_COLUMN for head in heads)
        if not later and abs(curve.y0 - start.mark.y) <= OPEN_NEAR:
            start.tie_start = True
            return start
    if stops and not starts and curve.x0 < first_x:
        stop = min(stops, key=lambda head: (head.tie_stop, abs(curve.y1 - head.mark.y)))
        earlier = any(head.staff == stop.staff and head.mark.x < stop.mark.x0 - ONE_COLUMN for head in heads)
        if not earlier and abs(curve.y1 - stop.mark.y) <= OPEN_NEAR:
            stop.tie_stop = True
            return stop
    return None


def _slur_head(x: float, y: float, heads: Sequence[Head]) -> Head | None:
    """The head that a slur's end is nearest to, directly or by its stem."""
    best, found = 4.0, None
    for head in heads:
        aside = abs(head.mark.x - x)
        if aside > SLUR_REACH:
            continue
        away = abs(head.mark.y - y)
        if head.stem is not None:
            away = min(away, abs(head.stem.tip - y) + 0.5, 0.8 if head.stem.top <= y <= head.stem.bottom else away)
        if aside + 0.5 * away < best:
            best, found = aside + 0.5 * away, head
    return found
