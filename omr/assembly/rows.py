"""The rows of a system's signs as Python values, because structured arrays are slow to read one by one."""

from __future__ import annotations

from dataclasses import dataclass

from omr.signs import KINDS, SeenSystem

__all__ = ["Sign", "sign_rows"]


@dataclass(frozen=True, slots=True)
class Sign:
    """One row of ``SIGN_DTYPE``; ``row`` is its index, ``kind`` its name, the rest as there."""

    row: int
    kind: str
    probability: float
    x: float
    y: float
    width: float
    height: float
    staff: int
    place: float
    duration: tuple[float, ...]
    dots: tuple[float, ...]
    stem: tuple[float, ...]
    beam: tuple[float, ...]
    grace: tuple[float, ...]
    tie_start: float
    tie_stop: float
    slur_start: float
    slur_stop: float
    chord: int
    beam_group: int

    @property
    def left(self) -> float:
        """Left end of its box."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """Right end of its box."""
        return self.x + self.width / 2


def sign_rows(system: SeenSystem) -> list[Sign]:
    """The signs of a system in order of ``x``; those on no staff of it are left out."""
    rows = []
    for index, values in enumerate(system.signs.tolist()):
        kind, probability, x, y, width, height, staff, place, *arrays = values
        if not 0 <= kind < len(KINDS) or not 0 <= staff < system.staves or not probability > 0:
            continue
        duration, dots, stem, beam, grace = (tuple(array) for array in arrays[:5])
        numbers = (probability, x, y, width, height, staff, place)
        rows.append(Sign(index, KINDS[kind], *numbers, duration, dots, stem, beam, grace, *arrays[5:]))
    return sorted(rows, key=lambda sign: (sign.x, sign.staff, sign.place, sign.row))
