"""The rows of a system's signs as Python values, because structured arrays are slow to read one by one."""

from __future__ import annotations

from dataclasses import dataclass

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
    return sorted(rows, key=lambda sign: (sign.x, sign.staff, sign.place, sign.row))
