"""Bar lines of a system, and the bars between them.

A bar line is drawn through the staves of a group, so that a system has several signs at one ``x``: they are one line. What stands
between two lines is a bar where music stands there; signs of clef, key and meter alone are the head of the next bar.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from omr.assembly.rows import Sign
from omr.signs import BAR_LINES, HEADS, RESTS, SeenSystem

__all__ = ["BarLine", "BarSpan", "bar_spans", "seen_bar_lines"]

SAME_LINE = 1.6  # staff spaces between the centres of signs of one line
SYSTEM_START = 0.8  # a line so near to the left end belongs to the system
SURE = 0.97
LEAST = 0.15
EMPTY_BAR = 9.0  # staff spaces that a bar without a sign needs to be one
_STYLES = {"bar_single": "", "bar_double": "light-light", "bar_final": "light-heavy", "bar_dashed": "dashed"}


@dataclass(frozen=True, slots=True)
class BarLine:
    """A bar line over all staves: ``x``, its kind of ``BAR_LINES``, the probability that it is there."""

    x: float
    kind: str
    probability: float

    @property
    def style(self) -> str:
        """MusicXML's name of it as a right bar line."""
        return "light-heavy" if self.kind in ("bar_repeat_end", "bar_repeat_both") else _STYLES.get(self.kind, "")

    @property
    def is_sure(self) -> bool:
        """Whether the arithmetic of bars cannot speak against it."""
        return self.probability >= SURE


@dataclass(frozen=True, slots=True)
class BarSpan:
    """A bar's place: from ``left`` to ``right`` in staff spaces, and the lines there (None at an end of the system without one)."""

    left: float
    right: float
    left_line: BarLine | None
    right_line: BarLine | None


def seen_bar_lines(system: SeenSystem, signs: Iterable[Sign]) -> list[BarLine]:
    """The bar lines from left to right.

    The probability of a line is the mean over the staves: where no sign crosses a staff, it speaks against the line.
    """
    groups: list[list[Sign]] = []
    for sign in signs:
        if sign.kind not in BAR_LINES or sign.probability < LEAST:
            continue
        if groups and sign.x - groups[-1][0].x <= SAME_LINE:
            groups[-1].append(sign)
        else:
            groups.append([sign])
    lines = []
    for group in groups:
        covered = [0.0] * system.staves
        weights: dict[str, float] = {}
        for sign in group:
            staves = _crossed(system, sign)
            for staff in staves:
                covered[staff] = max(covered[staff], sign.probability)
            weights[sign.kind] = weights.get(sign.kind, 0.0) + sign.probability * len(staves)
        probability = sum(covered) / system.staves
        if probability >= LEAST:
            lines.append(BarLine(sum(sign.x for sign in group) / len(group), max(weights, key=weights.__getitem__), probability))
    return lines


def _crossed(system: SeenSystem, sign: Sign) -> list[int]:
    """Staves that the sign of a bar line crosses."""
    half = sign.height / 2
    crossed = [
        staff for staff, middle in enumerate(system.middle_lines.tolist()) if sign.y - half - 0.5 <= middle <= sign.y + half + 0.5
    ]
    return crossed if sign.staff in crossed else [sign.staff, *crossed]


def bar_spans(system: SeenSystem, lines: Sequence[BarLine], signs: Sequence[Sign]) -> list[BarSpan]:
    """The bars between the lines that are taken.

    Args:
        system: The system.
        lines: Those taken, from left to right.
        signs: Of the system.
    """
    music = sorted(sign.x for sign in signs if sign.kind in HEADS or sign.kind in RESTS)
    spans: list[BarSpan] = []
    left, left_line = 0.0, None
    for line in lines:
        if line.x <= SYSTEM_START:
            left, left_line = line.x, line
            continue
        is_bar = any(left < x < line.x for x in music)
        if not is_bar and (line.x - left < EMPTY_BAR or not spans):
            if left_line is None or line.kind != "bar_single":
                left_line = line  # a repeat sign after the head of the line
            continue
        spans.append(BarSpan(left, line.x, left_line, line))
        left, left_line = line.x, line
    if any(x > left for x in music):
        spans.append(BarSpan(left, max(system.width, max(music)), left_line, None))
    if spans:
        spans[0] = replace(spans[0], left=min(spans[0].left, 0.0))
    return spans
