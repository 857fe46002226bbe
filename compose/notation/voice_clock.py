"""Exact time within one voice of one bar: what still fits, when a tuplet is whole, and when it must be closed.

Conventions: times are ticks (``compose.notation.token_table``). Written lengths are whole multiples of a 128th note
(``GRID_TICKS``). A tuplet of ``actual`` notes in the time of ``normal`` is *whole* when its written lengths sum to a multiple of
the odd part of ``actual / normal`` (reduced) in 128th notes: then the voice is back on the binary grid, and before that it may
not stop, nor take another ratio. Whatever fits leaves room for what makes its tuplet whole, so that no voice can get stuck.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from compose.notation.names import TYPE_QUARTERS
from compose.notation.token_table import GRID_TICKS, RATIOS, TICKS_PER_QUARTER, TYPES

__all__ = ["NO_TUPLET", "VoiceClock", "written_ticks"]

NO_TUPLET = (1, 1)
_TYPE_TICKS = {name: int(TYPE_QUARTERS[name] * TICKS_PER_QUARTER) for name in TYPES}


def _whole_unit(ratio: tuple[int, int]) -> int:
    """Ticks of written length that a tuplet's sum must be a multiple of."""
    odd = ratio[0] // math.gcd(*ratio)
    while odd % 2 == 0:
        odd //= 2
    return odd * GRID_TICKS


_UNITS = {ratio: _whole_unit(ratio) for ratio in RATIOS}


def written_ticks(type_name: str, dots: int) -> int | None:
    """Ticks that a type and its dots say, None where they say less than a 128th note somewhere."""
    ticks = _TYPE_TICKS[type_name]
    total = ticks
    for _ in range(dots):
        ticks //= 2
        total += ticks
    return total if ticks % GRID_TICKS == 0 else None


@lru_cache(maxsize=1 << 16)
def _fitting_ratios(
    left: int, in_force: tuple[int, int] | None, before: int, is_open: bool, written: int, is_skip: bool
) -> tuple[tuple[int, int], ...]:
    """Of the ratios in force those in which a written length fits into the ticks that are left."""
    found = []
    for ratio in RATIOS if in_force is None else (in_force,):
        unit = _UNITS[ratio]
        whole = -(-(before + written) // unit) * unit
        room = left
        if is_skip and whole == before + written:
            whole += unit * is_open
            room -= GRID_TICKS * (not is_open)
        if _sounding(whole - before, ratio) <= room:
            found.append(ratio)
    return tuple(found)


def _sounding(written: int, ratio: tuple[int, int]) -> int:
    return written * ratio[1] // ratio[0]


@dataclass(slots=True)
class VoiceClock:
    """Where a voice has got to.

    Args:
        length: Ticks of the bar.
        position: Ticks from its start.
        ratio: Of the tuplet that is not whole yet, or that a printed tuplet holds open; None where any may come.
        written: Ticks of written length since that tuplet began, modulo what makes it whole.
        is_open: Whether a printed tuplet has begun and not ended.
    """

    length: int
    position: int = 0
    ratio: tuple[int, int] | None = None
    written: int = 0
    is_open: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether the voice may stop here, as far as tuplets are concerned."""
        return self.written == 0 and not self.is_open

    def fits(self, written: int, ratio: tuple[int, int], is_skip: bool = False) -> bool:
        """Whether a symbol of this written length fits into the bar with all that its tuplet then needs.

        A skip leaves room for something after it.
        """
        return ratio in self.fitting_ratios(written, is_skip)

    def fitting_ratios(self, written: int, is_skip: bool = False) -> tuple[tuple[int, int], ...]:
        """The ratios in which a written length fits."""
        return _fitting_ratios(self.length - self.position, self.ratio, self.written, self.is_open, written, is_skip)

    def must_close(self, written: int, ratio: tuple[int, int]) -> bool:
        """Whether a printed tuplet has to end with this symbol, because nothing more of its ratio would fit."""
        unit = _UNITS[ratio]
        if (self.written + written) % unit:
            return False
        return self.position + _sounding(written + unit, ratio) > self.length

    def advance(self, written: int, ratio: tuple[int, int]) -> None:
        """Take a symbol that fits; printed tuplets are opened and closed by ``is_open`` before."""
        self.position += _sounding(written, ratio)
        self.written = (self.written + written) % _UNITS[ratio]
        self.ratio = ratio if self.written or self.is_open else None
