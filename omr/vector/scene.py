"""One system with all that is drawn in and around it, in the units of ``omr.signs``: staff spaces from left end and first staff.

A head may stand on ledger lines far from its staff, nearer to another one; so it goes to the staff whose ledger lines it stands
on. Anything else goes to the nearest staff.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from omr.vector.marks import Letter, Mark
from omr.vector.staves import PageSystem, Staff
from omr.vector.strokes import Curve, PageStrokes, Stroke

__all__ = ["Scene", "make_scenes"]

BAND: Final = 14.0  # spaces above and below a system in which its strokes may lie
OUTSIDE: Final = 3.0  # and beside it
MAX_LEDGER: Final = 0.35  # thickness of a ledger line
ON_LATTICE: Final = 0.2  # spaces between a ledger line and where the staff's next line would be


@dataclass(frozen=True, eq=False)
class Scene:
    """A system and what is around it.

    Args:
        staves: With all lengths in units of the system; the first has its middle at 0.
        width: Of the staff lines.
        marks: Signs of this system alone, in order of ``x``.
        home: Staff of each mark.
        letters: Letters of this system alone.
        level: Level strokes in the system's neighbourhood; some may be a neighbour's. So are ``upright``, ``slanted``.
        curves: Curves in the neighbourhood.
        top: Height above which things are the system's above.
        bottom: Height below which things are the system's below.
    """

    staves: tuple[Staff, ...]
    width: float
    marks: tuple[Mark, ...]
    home: tuple[int, ...]
    letters: tuple[Letter, ...]
    level: tuple[Stroke, ...]
    upright: tuple[Stroke, ...]
    slanted: tuple[Stroke, ...]
    curves: tuple[Curve, ...]
    top: float
    bottom: float

    def owns(self, y: float) -> bool:
        """Whether something at this height is this system's and not a neighbour's."""
        return self.top <= y < self.bottom

    def nearest_staff(self, y: float) -> int:
        """Index of the staff nearest to a height."""
        return min(range(len(self.staves)), key=lambda index: abs(self.staves[index].middle - y))

    def is_alone(self, index: int) -> bool:
        """Whether no other letters stand beside one of ``letters``."""
        letter = self.letters[index]
        return not any(
            other is not letter
            and other.text.strip()
            and abs(other.base - letter.base) < 0.3 * letter.size
            and other.x0 < letter.x1 + 0.6 * letter.size
            and other.x1 > letter.x0 - 0.6 * letter.size
            for other in self.letters
        )


def make_scenes(
    systems: Sequence[PageSystem], marks: Sequence[Mark], letters: Sequence[Letter], strokes: PageStrokes
) -> list[Scene]:
    """Divide what is on a page among its systems."""
    ledgers = [line for line in strokes.level if systems and line.x1 - line.x0 < 6 * systems[0].space]
    homes = [_home(systems, mark, ledgers) for mark in marks]
    letter_homes = [_nearest(systems, letter.x, letter.base - letter.size / 4)[0] for letter in letters]
    scenes = []
    for number, system in enumerate(systems):
        scenes.append(
            _scene(
                systems,
                number,
                [(mark, staff) for mark, (own, staff) in zip(marks, homes, strict=True) if own == number],
                [letter for letter, own in zip(letters, letter_homes, strict=True) if own == number],
                strokes,
                system.space,
            )
        )
    return scenes


def _scene(
    systems: Sequence[PageSystem],
    number: int,
    marks: list[tuple[Mark, int]],
    letters: list[Letter],
    strokes: PageStrokes,
    space: float,
) -> Scene:
    system = systems[number]
    left, middle = system.left, system.staves[0].middle
    low, high = system.staves[0].top, system.staves[-1].bottom
    beside = [other for other in systems if other is not system and other.left < system.right and system.left < other.right]
    above = max((other.staves[-1].bottom for other in beside if other.staves[-1].bottom <= low), default=None)
    below = min((other.staves[0].top for other in beside if other.staves[0].top >= high), default=None)

    def x(value: float) -> float:
        return (value - left) / space

    def y(value: float) -> float:
        return (value - middle) / space

    def near(x0: float, y0: float, x1: float, y1: float) -> bool:
        return (
            y1 >= low - BAND * space
            and y0 <= high + BAND * space
            and x1 >= left - OUTSIDE * space
            and x0 <= system.right + OUTSIDE * space
        )

    def moved(stroke: Stroke) -> Stroke:
        return Stroke(x(stroke.x0), y(stroke.y0), x(stroke.x1), y(stroke.y1), stroke.thickness / space, stroke.dashed)

    def those(lines: Sequence[Stroke]) -> tuple[Stroke, ...]:
        return tuple(moved(s) for s in lines if near(min(s.x0, s.x1), min(s.y0, s.y1), max(s.x0, s.x1), max(s.y0, s.y1)))

    placed = sorted(
        ((replace(mark, x0=x(mark.x0), y0=y(mark.y0), x1=x(mark.x1), y1=y(mark.y1)), staff) for mark, staff in marks),
        key=lambda pair: (pair[0].x, pair[0].y),
    )
    return Scene(
        staves=tuple(Staff(x(s.x0), x(s.x1), y(s.middle), s.space / space, s.lines) for s in system.staves),
        width=(system.right - left) / space,
        marks=tuple(mark for mark, _ in placed),
        home=tuple(staff for _, staff in placed),
        letters=tuple(
            replace(
                letter,
                x=x(letter.x),
                base=y(letter.base),
                size=letter.size / space,
                x0=x(letter.x0),
                y0=y(letter.y0),
                x1=x(letter.x1),
                y1=y(letter.y1),
            )
            for letter in letters
        ),
        level=those(strokes.level),
        upright=those(strokes.upright),
        slanted=those(strokes.slanted),
        curves=tuple(
            Curve(x(c.x0), y(c.y0), x(c.x1), y(c.y1), y(c.top), y(c.bottom))
            for c in strokes.curves
            if near(c.x0, c.top, c.x1, c.bottom)
        ),
        top=-float("inf") if above is None else y((above + low) / 2),
        bottom=float("inf") if below is None else y((below + high) / 2),
    )


def _nearest(systems: Sequence[PageSystem], x: float, y: float) -> tuple[int, int]:
    """System and staff nearest to a point."""
    best = (float("inf"), 0, 0)
    for number, system in enumerate(systems):
        aside = max(system.left - OUTSIDE * system.space - x, x - system.right - OUTSIDE * system.space, 0.0)
        for index, staff in enumerate(system.staves):
            away = max(staff.top - y, y - staff.bottom, 0.0) + 4 * aside
            best = min(best, (away, number, index))
    return best[1], best[2]


def _home(systems: Sequence[PageSystem], mark: Mark, ledgers: Sequence[Stroke]) -> tuple[int, int]:
    """System and staff of a sign."""
    nearest = _nearest(systems, mark.x, mark.y)
    if not mark.name.startswith("head_"):
        return nearest
    staff = systems[nearest[0]].staves[nearest[1]]
    if staff.top - 0.8 * staff.space <= mark.y <= staff.bottom + 0.8 * staff.space:
        return nearest
    around = [line for line in ledgers if line.x0 < mark.x < line.x1 and line.thickness <= MAX_LEDGER * staff.space]
    best = (-_ledger_fit(staff, mark, around), 0.0, *nearest)
    for number, system in enumerate(systems):
        for index, other in enumerate(system.staves):
            away = max(other.top - mark.y, mark.y - other.bottom)
            if (number, index) != nearest and 0 < away < BAND * other.space and other.x0 <= mark.x <= other.x1:
                best = min(best, (-_ledger_fit(other, mark, around), away, number, index))
    return best[2], best[3]


def _ledger_fit(staff: Staff, mark: Mark, ledgers: Sequence[Stroke]) -> float:
    """Share of the ledger lines between a staff and a head that are there."""
    away, sign = (staff.top - mark.y, -1) if mark.y < staff.middle else (mark.y - staff.bottom, 1)
    edge = staff.top if sign < 0 else staff.bottom
    needed = int(away / staff.space + 0.25)
    if needed == 0:
        return 1.0
    found = 0
    for step in range(1, needed + 1):
        height = edge + sign * step * staff.space
        found += any(abs(line.y0 - height) <= ON_LATTICE * staff.space for line in ledgers)
    return found / needed
