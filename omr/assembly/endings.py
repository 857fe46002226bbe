"""Voltas: first and second endings over bars."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from omr.assembly.bar_lines import BarSpan
from omr.assembly.rows import Sign

__all__ = ["Ending", "seen_endings"]

BELIEVED = 0.5
NEAR = 2.5  # staff spaces between the end of a volta's line and its bar line
_NUMBERS = re.compile(r"\d+")


@dataclass(slots=True)
class Ending:
    """Of one bar: numbers of the volta that begins there ("1", "1, 2"), "" for none, and whether one stops there."""

    numbers: str = ""
    stops: bool = False


def seen_endings(
    systems: Sequence[tuple[Sequence[Sign], dict[int, str]]], spans: Sequence[tuple[int, BarSpan]]
) -> dict[int, Ending]:
    """Endings by bar of the score; numbers that were not read count on from the ending before.

    Args:
        systems: Signs and texts of each system.
        spans: System and place of each bar.
    """
    endings: dict[int, Ending] = {}
    last, open_numbers, was_open = 0, "", False
    for system, (signs, words) in enumerate(systems):
        bars = [(number, span) for number, (where, span) in enumerate(spans) if where == system]
        lines = [sign for sign in signs if sign.kind == "volta" and sign.probability >= BELIEVED]
        seen: list[float] = []
        for line in lines:
            inside = [number for number, span in bars if line.left < (span.left + span.right) / 2 < line.right]
            if not inside or any(abs(line.left - other) < NEAR for other in seen):
                continue
            seen.append(line.left)
            numbers = _NUMBERS.findall(words.get(line.row, ""))
            text = ", ".join(numbers)
            if was_open and inside[0] == bars[0][0] and text in ("", open_numbers):
                endings.setdefault(inside[0] - 1, Ending()).stops = False  # the line goes on
            else:
                numbers = numbers or [str(last + 1)]
                endings.setdefault(inside[0], Ending()).numbers = text = ", ".join(numbers)
                last = int(numbers[-1]) if int(numbers[-1]) < 2 else 0
            endings.setdefault(inside[-1], Ending()).stops = True
            open_numbers, was_open = text or open_numbers, inside[-1] == bars[-1][0]
    return endings
