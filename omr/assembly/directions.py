"""What is said to the players, with its time from where it stands: dynamics, hairpins, words, pedals, octave lines, segno and coda.

A sign stands at the column of notes that it is nearest to; the ends of hairpins and lines may be in later bars.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from compose.notation.written import Direction
from omr.assembly.parts import Layout
from omr.assembly.rows import Sign

__all__ = ["Columns", "system_directions"]

BELIEVED = 0.5
AT_END = 1.0  # staff spaces before a bar line from which an end of a hairpin belongs to the bar's end
_TEMPO = re.compile(r"[♩♪𝅗]|=\s*\d+")


@dataclass(frozen=True, slots=True)
class Columns:
    """Times of one bar by place: ``xs`` and ``onsets`` of its columns from left to right, its left and right ends, its length."""

    left: float
    right: float
    xs: tuple[float, ...]
    onsets: tuple[Fraction, ...]
    length: Fraction

    def onset_at(self, x: float) -> Fraction:
        """Onset of the nearest column, 0 in a bar without columns."""
        if not self.xs:
            return Fraction(0)
        return self.onsets[min(range(len(self.xs)), key=lambda index: abs(self.xs[index] - x))]

    def onset_from(self, x: float) -> Fraction:
        """Onset of the first column right of ``x``, the bar's length where there is none."""
        return next((onset for place, onset in zip(self.xs, self.onsets, strict=True) if place > x), self.length)


def system_directions(
    signs: Sequence[Sign], words: dict[int, str], bars: Sequence[Columns], layout: Layout
) -> list[tuple[int, int, Direction]]:
    """Directions of a system: bar within the system, part, direction.

    Args:
        signs: Of the system.
        words: Texts by row.
        bars: Columns of its bars.
        layout: Its parts.
    """
    found: list[tuple[int, int, Direction]] = []
    if not bars:
        return found

    def add(sign: Sign, x: float, kind: str, value: str, is_end: bool = False) -> None:
        bar = next((index for index, columns in enumerate(bars) if x < columns.right), len(bars) - 1)
        columns = bars[bar]
        onset = columns.onset_at(x)
        if is_end and (x > columns.right - AT_END or (columns.xs and x > columns.xs[-1] + 2.0)):
            onset = columns.length
        staff = layout.staff_in_part[sign.staff]
        found.append((bar, layout.part_of_staff[sign.staff], Direction(onset, staff, kind, value, sign.place > 4)))

    for sign in signs:
        if sign.probability < BELIEVED:
            continue
        if sign.kind.startswith("dynamic_"):
            add(sign, sign.x, "dynamics", sign.kind.removeprefix("dynamic_"))
        elif sign.kind.startswith("hairpin_"):
            add(sign, sign.left, "wedge", sign.kind.removeprefix("hairpin_"))
            add(sign, sign.right, "wedge", "stop", True)
        elif sign.kind in ("pedal_down", "pedal_up"):
            add(sign, sign.x, "pedal", "start" if sign.kind == "pedal_down" else "stop")
        elif sign.kind in ("ottava_8", "ottava_15"):
            size = sign.kind.removeprefix("ottava_")
            add(sign, sign.left, "octave-shift", f"{size} down" if sign.place > 4 else f"{size} up")
            add(sign, sign.right, "octave-shift", "stop")
        elif sign.kind in ("segno", "coda"):
            add(sign, sign.x, sign.kind, sign.kind)
        elif sign.kind == "words" and words.get(sign.row, "").strip():
            text = " ".join(words[sign.row].split())
            add(sign, sign.left, "tempo" if _TEMPO.search(text) else "words", text)
    return found
