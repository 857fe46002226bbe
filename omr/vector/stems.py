"""Heads and the stems that they hang on.

A stem ends at the head farthest from its tip, which is on the stem's left when the stem goes up and on its right when it goes
down; heads a second apart may be on the other side. A head with a stem up at its right and a stem down at its left is two notes.
Lengths are staff spaces.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from omr.vector.marks import Mark
from omr.vector.scene import Scene
from omr.vector.strokes import Stroke

__all__ = ["Head", "Stem", "find_heads"]

MAX_STEM: Final = 0.4  # thickness
MIN_STEM: Final = 0.7  # length
AT_SIDE: Final = 0.25  # between stem and side of the head
PAST_END: Final = 0.55  # from the centre of the outermost head to the stem's end
SAME_HEAD: Final = 0.12
SIDE_BY_SIDE: Final = 1.7
SMALL: Final = 0.82  # heads lower than this share of a space are grace or cue heads
FREE_TIP: Final = 0.6  # least length of a stem beyond its last head


@dataclass(eq=False, slots=True)
class Stem:
    """A stem: its ``x``, highest and lowest ``y``, whether it goes up, the heads on it, and how many beams or flags it has."""

    x: float
    top: float
    bottom: float
    up: bool
    heads: list[Head] = field(default_factory=list)
    strokes: int = 0
    group: int = -1

    @property
    def tip(self) -> float:
        """Height of the end without heads."""
        return self.top if self.up else self.bottom


@dataclass(eq=False, slots=True)
class Head:
    """A head of a note; a head that two stems share is two of them, each ``shared``."""

    mark: Mark
    staff: int
    place: int
    small: bool
    stem: Stem | None = None
    dots: int = 0
    tie_start: bool = False
    tie_stop: bool = False
    slur_start: bool = False
    slur_stop: bool = False
    slashed: bool = False
    shared: bool = False


def find_heads(scene: Scene) -> tuple[list[Head], list[Stem]]:
    """Heads in order of ``x`` and the stems with heads."""
    heads = []
    for mark, staff in zip(scene.marks, scene.home, strict=True):
        if mark.name.startswith("head_"):
            own = scene.staves[staff]
            small = mark.y1 - mark.y0 < SMALL * own.space
            heads.append(Head(mark, staff, round(own.place(mark.y)), small))
    uprights = [line for line in scene.upright if line.thickness <= MAX_STEM and line.y1 - line.y0 >= MIN_STEM]
    stems: list[tuple[Stem, list[tuple[Head, bool]]]] = []
    for line in uprights:
        best = max((_hypothesis(line, heads, up) for up in (True, False)), key=lambda pair: pair[0])
        if best[0] > 0:
            stem = Stem(line.x0, line.y0, line.y1, best[1])
            stems.append((stem, best[2]))
    return _assign(heads, stems)


def _hypothesis(line: Stroke, heads: list[Head], up: bool) -> tuple[float, bool, list[tuple[Head, bool]]]:
    """How far the stem would stick out, were it to go up or down, and its heads with whether each is on the usual side."""
    x, base, tip = line.x0, (line.y1 if up else line.y0), (line.y0 if up else line.y1)
    sign = 1.0 if up else -1.0
    touching: list[tuple[Head, bool]] = []
    for head in heads:  # they come in order of x, but few are near
        mark = head.mark
        if abs(mark.x - x) > 1.6 or not line.y0 - PAST_END <= mark.y <= line.y1 + PAST_END:
            continue
        usual, other = (mark.x1, mark.x0) if up else (mark.x0, mark.x1)
        if abs(usual - x) <= AT_SIDE:
            touching.append((head, True))
        elif abs(other - x) <= AT_SIDE:
            touching.append((head, False))
    ends = [head.mark.y for head, usual in touching if usual and abs(head.mark.y - base) <= PAST_END]
    if not ends:
        return 0.0, up, []
    end = max(ends) if up else min(ends)
    kept = [
        (head, usual) for head, usual in touching if sign * (end - head.mark.y) >= -0.05 and sign * (head.mark.y - tip) >= FREE_TIP
    ]
    free = min((sign * (head.mark.y - tip) for head, _ in kept), default=0.0)
    return free, up, kept


def _assign(heads: list[Head], stems: list[tuple[Stem, list[tuple[Head, bool]]]]) -> tuple[list[Head], list[Stem]]:
    """Give every head its stem, and a second head to a second stem."""
    claims: dict[int, list[tuple[Stem, bool]]] = {}
    for stem, own in stems:
        for head, usual in own:
            claims.setdefault(id(head), []).append((stem, usual))
    result: list[Head] = []
    for index, head in enumerate(heads):
        wishes = claims.get(id(head), [])
        proper = [stem for stem, usual in wishes if usual]
        again = [
            other
            for other in heads[max(0, index - 8) : index]
            if abs(other.mark.x - head.mark.x) < SAME_HEAD and abs(other.mark.y - head.mark.y) < SAME_HEAD
        ]
        taken = {id(other.stem) for other in result if any(other.mark is twin.mark for twin in again)}
        free = [stem for stem in proper if id(stem) not in taken] or (proper if not again else [])
        if not proper:
            free = [stem for stem, _ in wishes if id(stem) not in taken]
        if again and not free:
            continue  # the same head printed twice for one chord
        choice: list[Stem | None] = [*free[:1]]
        doubled = _printed_again(heads, index)
        if not again and len({stem.up for stem in free}) == 2 and not doubled:
            choice = [next(stem for stem in free if stem.up), next(stem for stem in free if not stem.up)]
        for its in choice or [None]:
            twin = Head(head.mark, head.staff, head.place, head.small, its, shared=len(choice) > 1 or bool(again) or doubled)
            if its is not None:
                its.heads.append(twin)
            result.append(twin)
    _mark_unisons(result)
    return result, [stem for stem, _ in stems if stem.heads]


def _mark_unisons(heads: list[Head]) -> None:
    """Mark heads of one place side by side with opposite stems as shared: some engravers repeat the one head for each voice."""
    for index, head in enumerate(heads):
        for other in heads[index + 1 : index + 9]:
            if (head.staff, head.place, head.mark.name) != (other.staff, other.place, other.mark.name):
                continue
            if head.stem and other.stem and head.stem.up != other.stem.up and abs(other.mark.x - head.mark.x) <= SIDE_BY_SIDE:
                head.shared = other.shared = True


def _printed_again(heads: list[Head], index: int) -> bool:
    mark = heads[index].mark
    return any(
        abs(other.mark.x - mark.x) < SAME_HEAD and abs(other.mark.y - mark.y) < SAME_HEAD for other in heads[index + 1 : index + 9]
    )
