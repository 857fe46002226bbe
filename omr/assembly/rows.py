"""The rows of a system's signs as Python values, because structured arrays are slow to read one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from omr.signs import KINDS, SIGN_DTYPE, SeenSystem

__all__ = ["Sign", "sign_rows"]

SIGN_NAMES = SIGN_DTYPE.names or ()
ARRAYS = tuple(name for name in SIGN_NAMES if SIGN_DTYPE[name].shape)


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
    columns = {name: system.signs[name].tolist() for name in SIGN_NAMES}
    for name in ARRAYS:
        columns[name] = [tuple(values) for values in columns[name]]
    kinds, probabilities, staves = columns.pop("kind"), columns["probability"], columns["staff"]
    rows = [
        Sign(row, KINDS[kind], *values)
        for row, (kind, *values) in enumerate(zip(kinds, *columns.values(), strict=True))
        if 0 <= kind < len(KINDS) and 0 <= staves[row] < system.staves and probabilities[row] > 0
    ]
    rows = [_on_the_staff_below(sign, system) if sign.kind.startswith("ottava_") else sign for sign in rows]
    return sorted(rows, key=lambda sign: (sign.x, sign.staff, sign.place, sign.row))


def _on_the_staff_below(sign: Sign, system: SeenSystem) -> Sign:
    """An octave line between two staves: nearly always 8va of the lower one rather than 8vb of the upper one."""
    middles = system.middle_lines.tolist()
    gaps = ((lower, middles[lower - 1] + 2.0, middles[lower] - 2.0) for lower in range(1, len(middles)))
    staff = next((lower for lower, top, bottom in gaps if top < sign.y < bottom), sign.staff)
    return sign if staff == sign.staff else replace(sign, staff=staff, place=4.0 + 2.0 * (middles[staff] - sign.y))
