"""What is said to the players, with its time from where it stands: dynamics, hairpins, words, pedals, octave lines, segno and coda.

A sign stands at the column of notes that it is nearest to; the ends of hairpins and lines may be in later bars. Words are chord
symbols where the whole score has such (``omr.assembly.chord_names``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from compose.notation.written import Direction
from omr.assembly.chord_names import are_chords, chord_names
from omr.assembly.parts import Layout
from omr.assembly.rows import Sign

__all__ = ["Columns", "system_directions"]

BELIEVED = 0.5
AT_END = 1.0  # staff spaces before a bar line from which an end of a hairpin belongs to the bar's end
BEHIND_LAST = 2.0  # behind the last column, likewise
BEFORE_FIRST = 0.8  # before the first column from which an end belongs to the bar before
AT_SYSTEM_END = 2.5
LINES = ("hairpin_crescendo", "hairpin_diminuendo", "ottava_8", "ottava_15")
# A metronome mark: what is before it, a note, dots, a number, what is after it.
_METRONOME = re.compile(
    r"^(.*?)\(?\s*(♩|♪|𝅗𝅥|𝅘𝅥|𝅘𝅥𝅮|\ue1d3|\ue1d5|\ue1d7|\ueca3|\ueca5|\ueca7)\s*(\.*|♩)\s*=\s*([0-9][0-9 .–-]*)\)?(.*)$"
)
_UNITS = {"♪": "eighth", "𝅘𝅥𝅮": "eighth", "\ue1d7": "eighth", "\ueca7": "eighth", "𝅗𝅥": "half", "\ue1d3": "half", "\ueca3": "half"}


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


@dataclass(slots=True)
class _Line:
    """A hairpin or octave line of one system, and whether it reaches its ends."""

    sign: Sign
    from_before: bool = False
    goes_on: bool = False


def system_directions(
    systems: Sequence[tuple[Sequence[Sign], dict[int, str], Sequence[Columns], Layout, Sequence[float]]],
) -> list[list[tuple[int, int, Direction]]]:
    """Directions of each system: bar within the system, part, direction.

    Args:
        systems: Signs, texts by row, columns of the bars, parts, and ``y`` of the staves' middle lines.
    """
    lines = [_lines(signs, bars) for signs, _, bars, _, _ in systems]
    for earlier, later in pairwise(lines):
        for line in earlier:
            if line.goes_on:
                following = [other for other in later if other.from_before and other.sign.kind == line.sign.kind]
                nearest = min(following, key=lambda other: abs(other.sign.staff - line.sign.staff), default=None)
                line.goes_on = nearest is not None
                if nearest is not None:
                    nearest.from_before = False
                    nearest.sign = replace(nearest.sign, staff=-1 - nearest.sign.staff)  # continued: only its end counts
    above = [words[sign.row] for signs, words, _, _, middles in systems for sign in signs if _is_above(sign, words, middles)]
    has_chords = are_chords(above)
    found = []
    for (signs, words, bars, layout, middles), own in zip(systems, lines, strict=True):
        collector = _Collector(bars, layout, middles, has_chords)
        if bars:
            for line in own:
                collector.add_line(line)
            for sign in signs:
                if sign.probability >= BELIEVED:
                    collector.add_sign(sign, words.get(sign.row, ""))
        found.append(collector.found)
    return found


def _is_above(sign: Sign, words: dict[int, str], middles: Sequence[float]) -> bool:
    """Whether it is a text above its staff."""
    return sign.kind == "words" and sign.y < middles[sign.staff] and bool(words.get(sign.row, "").strip())


def _lines(signs: Sequence[Sign], bars: Sequence[Columns]) -> list[_Line]:
    """Hairpins and octave lines, and which of them touch the ends of their system."""
    lines = []
    for sign in signs:
        if bars and sign.probability >= BELIEVED and sign.kind in LINES:
            first = min((x for columns in bars for x in columns.xs), default=bars[0].left)
            at_head, at_end = sign.left < first - 1.0, sign.right > bars[-1].right - AT_SYSTEM_END
            lines.append(_Line(sign, at_head, at_end))
    return lines


class _Collector:
    """Directions of one system."""

    def __init__(self, bars: Sequence[Columns], layout: Layout, middles: Sequence[float], has_chords: bool) -> None:
        self.has_chords = has_chords
        self.bars = bars
        self.layout = layout
        self.middles = middles
        self.found: list[tuple[int, int, Direction]] = []

    def _staff(self, sign: Sign) -> int:
        """Its staff; what stands between two staves of one part belongs to the upper one."""
        parts = self.layout.part_of_staff
        between = [staff for staff in range(1, len(parts)) if self.middles[staff - 1] < sign.y < self.middles[staff]]
        if between and parts[between[0] - 1] == parts[between[0]] and not sign.kind.startswith("pedal"):
            return between[0] - 1
        return sign.staff

    def _bar(self, x: float) -> int:
        return next((index for index, columns in enumerate(self.bars) if x < columns.right), len(self.bars) - 1)

    def _add(self, staff: int, bar: int, onset: Fraction, kind: str, value: str, y: float) -> None:
        number = self.layout.staff_in_part[staff]
        said = Direction(onset, number, kind, value, y < self.middles[staff])
        self.found.append((bar, self.layout.part_of_staff[staff], said))

    def _add_end(self, staff: int, x: float, kind: str, value: str, y: float) -> None:
        """An end: at a column, or at the end of the bar where it stands behind all, or before the next bar's first."""
        bar = self._bar(x)
        columns = self.bars[bar]
        if bar and columns.xs and x < columns.xs[0] - BEFORE_FIRST:
            bar -= 1
            onset = self.bars[bar].length
        elif x > columns.right - AT_END or (columns.xs and x > columns.xs[-1] + BEHIND_LAST):
            onset = columns.length
        else:
            onset = columns.onset_at(x)
        self._add(staff, bar, onset, kind, value, y)

    def add_line(self, line: _Line) -> None:
        """A hairpin or an octave line."""
        sign, is_continued = line.sign, line.sign.staff < 0
        if is_continued:
            sign = replace(sign, staff=-1 - sign.staff)
        staff = self._staff(sign)
        if sign.kind.startswith("hairpin_"):
            kind, value = "wedge", sign.kind.removeprefix("hairpin_")
        else:
            kind = "octave-shift"
            value = f"{sign.kind.removeprefix('ottava_')} {'down' if sign.place > 4 else 'up'}"
        if not is_continued:
            bar = self._bar(sign.left)
            self._add(staff, bar, self.bars[bar].onset_at(sign.left), kind, value, sign.y)
        if not line.goes_on:
            self._add_end(staff, sign.right, kind, "stop", sign.y)

    def add_sign(self, sign: Sign, text: str) -> None:
        """A dynamic, pedal, segno, coda or word."""
        staff, bar = self._staff(sign), self._bar(sign.x)
        onset = self.bars[bar].onset_at(sign.x)
        if sign.kind.startswith("dynamic_"):
            self._add(staff, bar, onset, "dynamics", sign.kind.removeprefix("dynamic_"), sign.y)
        elif sign.kind == "pedal_down":
            self._add(staff, bar, onset, "pedal", "start", sign.y)
        elif sign.kind == "pedal_up":
            self._add_end(staff, sign.x, "pedal", "stop", sign.y)
        elif sign.kind in ("segno", "coda"):
            self._add(staff, bar, onset, sign.kind, sign.kind, sign.y)
        elif sign.kind == "words" and self.has_chords and sign.y < self.middles[staff] and chord_names(text):
            self._add_chords(staff, sign, chord_names(text))
        elif sign.kind == "words" and text.strip():
            bar = self._bar(sign.left)
            for kind, value in _said(" ".join(text.split())):
                self._add(staff, bar, self.bars[bar].onset_at(sign.left), kind, value, sign.y)

    def _add_chords(self, staff: int, sign: Sign, names: Sequence[str]) -> None:
        """Chords of one text, each at the column that it begins over."""
        for number, name in enumerate(names):
            x = sign.left + number * (sign.right - sign.left) / len(names)
            bar = self._bar(x)
            self._add(staff, bar, self.bars[bar].onset_at(x), "harmony", name, sign.y)


def _said(text: str) -> list[tuple[str, str]]:
    """Words and metronome marks ("quarter=72") of a text."""
    found = _METRONOME.match(text)
    if found is None:
        return [("words", text)]
    before, unit, dots, number, after = found.groups()
    mark = f"{_UNITS.get(unit, 'quarter')}{dots.replace('♩', '.')}={number.strip()}"
    words = " ".join(f"{before} {after}".split())
    return [("words", words), ("tempo", mark)] if words else [("tempo", mark)]
