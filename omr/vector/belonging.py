"""Which staff a sign between staves belongs to: that of the note that it stands at. Lengths are staff spaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from omr.vector.marks import Mark
from omr.vector.scene import Scene
from omr.vector.stems import Head, Stem
from omr.vector.strokes import Stroke

__all__ = ["join_arpeggios", "slash_graces", "staff_of_accidental", "staff_of_mark"]

ACCIDENTAL_REACH: Final = 4.5
SAME_HEIGHT: Final = 0.3
ALIGNED: Final = 0.8
MARK_REACH: Final = 5.0
SLASH_LENGTH: Final = (0.6, 4.5)
MAX_SLASH: Final = 0.3


def staff_of_accidental(y: float, mark: Mark, home: int, heads: Sequence[Head]) -> int:
    """Staff of the head behind an accidental at its height ``y``; ``home`` without one."""
    behind = [head for head in heads if abs(head.mark.y - y) <= SAME_HEIGHT and -0.3 <= head.mark.x0 - mark.x1 <= ACCIDENTAL_REACH]
    return min(behind, key=lambda head: head.mark.x0).staff if behind else home


def staff_of_mark(mark: Mark, home: int, heads: Sequence[Head]) -> int:
    """Staff of the note over or under which a mark stands; ``home`` without one."""
    best, staff = MARK_REACH, home
    for head in heads:
        aligned = abs(head.mark.x - mark.x) <= ALIGNED or (head.stem is not None and abs(head.stem.x - mark.x) <= ALIGNED / 2)
        if not aligned:
            continue
        away = abs(head.mark.y - mark.y)
        if head.stem is not None:
            away = min(away, abs(head.stem.tip - mark.y))
        if away < best:
            best, staff = away, head.staff
    return staff


def join_arpeggios(scene: Scene) -> list[tuple[Mark, int]]:
    """Arpeggio signs, the pieces of one joined, with the staff of their middle."""
    joined: list[Mark] = []
    for mark in sorted((mark for mark in scene.marks if mark.name == "arpeggio"), key=lambda mark: (round(mark.x, 1), mark.y0)):
        last = joined[-1] if joined else None
        if last is not None and abs(last.x - mark.x) < 0.3 and mark.y0 - last.y1 < 0.6:
            joined[-1] = Mark("arpeggio", min(last.x0, mark.x0), last.y0, max(last.x1, mark.x1), max(last.y1, mark.y1))
        else:
            joined.append(mark)
    return [(mark, scene.nearest_staff(mark.y)) for mark in joined]


def slash_graces(scene: Scene, stems: Sequence[Stem]) -> None:
    """Mark grace heads whose stem a slash crosses."""
    slashes: list[Stroke | Mark] = [
        line
        for line in scene.slanted
        if line.thickness <= MAX_SLASH and SLASH_LENGTH[0] <= line.x1 - line.x0 <= SLASH_LENGTH[1] and line.y1 < line.y0
    ]
    slashes += [mark for mark in scene.marks if mark.name == "grace_slash"]
    for stem in stems:
        if not all(head.small for head in stem.heads):
            continue
        for slash in slashes:
            middle = (slash.y0 + slash.y1) / 2
            if slash.x0 - 0.1 <= stem.x <= slash.x1 + 0.1 and stem.top - 0.3 <= middle <= stem.bottom + 0.3:
                for head in stem.heads:
                    head.slashed = True
