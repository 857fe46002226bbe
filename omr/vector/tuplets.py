"""Numbers of tuplets, told from fingerings, bar numbers and meters, and their brackets.

A number counts when it stands in the gap of a bracket, over or under the middle of a beam, or is a digit that SMuFL has for them.
Lengths are staff spaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from omr.vector.marks import Mark
from omr.vector.scene import Scene
from omr.vector.stems import Stem
from omr.vector.strokes import Stroke

__all__ = ["Tuplet", "find_tuplets"]

MAX_LINE: Final = 0.3
AT_GAP: Final = 1.6  # from the number's side to the bracket
AT_HEIGHT: Final = 0.8
AT_MIDDLE: Final = 1.6  # from the number to the middle of a beam
AT_BEAM: Final = 3.2
MAX_DIGIT: Final = 2.2  # height


@dataclass(frozen=True, slots=True)
class Tuplet:
    """A number's sign, the number, its staff, and the ends of its bracket if it has one."""

    mark: Mark
    number: int
    staff: int
    bracket: tuple[float, float] | None


def find_tuplets(scene: Scene, stems: Sequence[Stem], taken: set[int]) -> list[Tuplet]:
    """The tuplets of a system in order of ``x``.

    Args:
        scene: The system.
        stems: With their beam groups.
        taken: Ids of digit signs that are something else (of meters).
    """
    lines = [line for line in (*scene.level, *scene.slanted) if line.thickness <= MAX_LINE and line.x1 - line.x0 > 0.3]
    groups: dict[int, list[Stem]] = {}
    for stem in stems:
        if stem.group >= 0:
            groups.setdefault(stem.group, []).append(stem)
    tuplets: list[Tuplet] = []
    for mark, number, is_sure in _digits(scene, taken):
        bracket = _bracket(mark, lines)
        beam = _beam(scene, mark, groups)
        if bracket is None and beam is None and not is_sure:
            continue
        staff = _staff(scene, mark, stems, bracket, beam)
        tuplets.append(Tuplet(mark, number, staff, bracket))
    return sorted(tuplets, key=lambda tuplet: tuplet.mark.x)


def _digits(scene: Scene, taken: set[int]) -> list[tuple[Mark, int, bool]]:
    """Signs that may be a tuplet's number, the number, and whether they can be nothing else."""
    found = []
    for mark in scene.marks:
        if mark.name.startswith("digit_") and id(mark) not in taken and mark.y1 - mark.y0 <= MAX_DIGIT:
            alone = not any(
                other is not mark
                and other.name.startswith("digit_")
                and abs(other.x - mark.x) < 2.0
                and abs(other.y - mark.y) < 0.5
                for other in scene.marks
            )
            if alone and mark.name[-1] in "23456789":
                found.append((mark, int(mark.name[-1]), True))
    for index, letter in enumerate(scene.letters):
        if letter.text not in "23456789" or not letter.text:
            continue
        if not scene.is_alone(index):
            continue
        found.append((Mark(f"digit_{letter.text}", letter.x0, letter.y0, letter.x1, letter.y1), int(letter.text), False))
    return [item for item in found if scene.owns(item[0].y)]


def _bracket(mark: Mark, lines: Sequence[Stroke]) -> tuple[float, float] | None:
    """Ends of the bracket in whose gap the number stands."""
    left = [line for line in lines if 0 <= mark.x0 - line.x1 + 0.2 <= AT_GAP and abs(line.y1 - mark.y) <= AT_HEIGHT]
    right = [line for line in lines if 0 <= line.x0 - mark.x1 + 0.2 <= AT_GAP and abs(line.y0 - mark.y) <= AT_HEIGHT]
    pairs = [
        (abs((mark.x0 - one.x1) - (other.x0 - mark.x1)), one.x0, other.x1)
        for one in left
        for other in right
        if abs((one.x1 - one.x0) - (other.x1 - other.x0)) < 1.5
    ]
    if not pairs:
        return None
    _, x0, x1 = min(pairs)
    return x0, x1


def _beam(scene: Scene, mark: Mark, groups: dict[int, list[Stem]]) -> list[Stem] | None:
    """Stems of the beam that the number belongs to."""
    best, found = AT_MIDDLE, None
    for stems in groups.values():
        first, last = min(stems, key=lambda stem: stem.x), max(stems, key=lambda stem: stem.x)
        if not first.x - 0.5 <= mark.x <= last.x + 0.5:
            continue
        share = (mark.x - first.x) / max(last.x - first.x, 0.1)
        height = first.tip + share * (last.tip - first.tip)
        if abs(mark.y - _outside(scene, stems, height)) > AT_BEAM:
            continue
        away = min(abs((first.x + last.x) / 2 - mark.x), *_parts(stems, mark.x))
        if away < best:
            best, found = away, stems
    return found


def _outside(scene: Scene, stems: list[Stem], height: float) -> float:
    """Height from which a number's distance counts: the beam's, or the edge of the staff that the beam lies in."""
    heads = [head for stem in stems for head in stem.heads]
    staff = scene.staves[heads[0].staff]
    is_below = height > sum(head.mark.y for head in heads) / len(heads)
    return max(height, staff.bottom) if is_below else min(height, staff.top)


def _parts(stems: list[Stem], x: float) -> list[float]:
    """Distances from the middles of three neighbours under a longer beam."""
    xs = sorted(stem.x for stem in stems)
    return [abs((a + b) / 2 - x) for a, b in zip(xs, xs[2:], strict=False)] or [float("inf")]


def _staff(scene: Scene, mark: Mark, stems: Sequence[Stem], bracket: tuple[float, float] | None, beam: list[Stem] | None) -> int:
    """The staff of the notes that a number is nearest to."""
    if beam:
        staves = [head.staff for stem in beam for head in stem.heads]
        return max(set(staves), key=staves.count)
    x0, x1 = bracket if bracket else (mark.x0 - 3, mark.x1 + 3)
    under = [stem for stem in stems if x0 - 1 <= stem.x <= x1 + 1]
    if not under:
        return scene.nearest_staff(mark.y)
    nearest = min(under, key=lambda stem: min(abs(stem.tip - mark.y), *(abs(head.mark.y - mark.y) for head in stem.heads)))
    return nearest.heads[0].staff
