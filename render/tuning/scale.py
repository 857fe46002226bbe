"""Scales: Scala's .scl files, and equal divisions of the octave.

Conventions: a scale is its steps in cents above its first one (which is 0 and not listed); the last step is the period, after which
it repeats. Steps need not rise. Equal divisions and ratios are held in float64 cents.

Source: M. Op de Coul, "Scala scale file format", https://www.huygens-fokker.org/scala/scl_format.html.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from corpora.gate.refusal import refusal
from corpora.safe_text import safe_text
from render.tuning.text_lines import MAX_DIGITS, Line, content_lines, whole_number

__all__ = ["CENTS_PER_OCTAVE", "MAX_STEPS", "Scale", "equal_division", "read_scl"]

CENTS_PER_OCTAVE = 1200.0
MAX_STEPS = 4_096
MAX_CENTS = 120_000.0  # a hundred octaves
RATIO = re.compile(r"(\d+)(?:/(\d+))?")
CENTS = re.compile(r"[+-]?(?:\d+\.\d*|\.\d+)")


@dataclass(frozen=True)
class Scale:
    """A scale.

    Args:
        name: As the user knows it.
        steps_cents: Height of each step above the first one, the period last; at least the period.
    """

    name: str
    steps_cents: tuple[float, ...]

    def __post_init__(self) -> None:
        assert self.steps_cents, "a scale has a period"
        assert self.period_cents > 0.0, "a period rises"

    @property
    def size(self) -> int:
        """Steps in a period."""
        return len(self.steps_cents)

    @property
    def period_cents(self) -> float:
        """After which it repeats, an octave as a rule."""
        return self.steps_cents[-1]

    def degree_cents(self, degree: int) -> float:
        """Height of any degree above degree 0, in cents; degrees go on below 0 and beyond the period.

        >>> equal_division(19).degree_cents(19 + 1) - 1200
        63.15789473684208
        """
        periods, step = divmod(degree, self.size)
        return periods * self.period_cents + (self.steps_cents[step - 1] if step else 0.0)

    def nearest_cents(self, cents: float) -> float:
        """The height of the scale, in any period, that is nearest; of two as near, the lower one."""
        periods, rest = divmod(cents, self.period_cents)
        base = periods * self.period_cents
        inside = [step % self.period_cents for step in self.steps_cents]
        candidates = [base + shift + step for shift in (-self.period_cents, 0.0, self.period_cents) for step in inside]
        return min(candidates, key=lambda height: (round(abs(height - base - rest), 9), height))


def equal_division(count: int) -> Scale:
    """The octave in ``count`` equal steps.

    Args:
        count: 1 to 4,096.
    """
    assert 1 <= count <= MAX_STEPS
    steps = (float(Fraction(1200 * step, count)) for step in range(1, count + 1))
    return Scale(f"{count}-EDO", tuple(steps))


def read_scl(data: bytes, name: str) -> Scale:
    """A Scala scale file.

    Strict where Scala is lenient: the number of steps must be right, the period must rise, and nothing may follow but empty lines.

    Args:
        data: The whole file.
        name: File name for messages; the scale's name too.

    Raises:
        InputError: Not such a file, cut off, over 4,096 steps, a step beyond a hundred octaves, a ratio of or over 0.

    Example:
        >>> read_scl(b"! a.scl\\n!\\nPythagorean fifth\\n 2\\n!\\n 3/2\\n 2/1\\n", "a.scl").steps_cents
        (701.9550008653874, 1200.0)
    """
    lines = content_lines(data, name)
    if next(lines, None) is None:
        raise refusal(name, "", "a description and a number of notes", "no lines but comments")
    count = whole_number(_next(lines, name, "the number of notes"), "a number of notes", 1, MAX_STEPS, name)
    steps = [_step_cents(_next(lines, name, f"{count} pitches"), name) for _ in range(count)]
    for line in lines:
        if line.text.strip():
            raise refusal(name, f"line {line.number}", f"{count} pitches and no more", f"'{line.text.strip()}'")
    if steps[-1] <= 0.0:
        raise refusal(name, "", "a last pitch above the first (the period)", f"{steps[-1]:g} cents")
    return Scale(safe_text(name), tuple(steps))


def _next(lines: Iterator[Line], name: str, expected: str) -> Line:
    line = next(lines, None)
    if line is None or not line.text.strip():
        place = f"line {line.number}" if line else ""
        raise refusal(name, place, expected, "an empty line" if line else "the end of the file (truncated?)")
    return line


def _step_cents(line: Line, name: str) -> float:
    """A pitch in cents, if it has a point, or as a ratio."""
    word = line.text.split()[0]
    place = f"line {line.number}"
    cents = math.nan
    if CENTS.fullmatch(word) and len(word) <= 2 * MAX_DIGITS:
        cents = float(word)
    elif (ratio := RATIO.fullmatch(word)) and len(word) <= 2 * MAX_DIGITS:
        above, below = int(ratio[1]), int(ratio[2] or 1)
        if not above or not below:
            raise refusal(name, place, "a ratio of numbers above 0", f"'{word}'")
        cents = CENTS_PER_OCTAVE * (math.log2(above) - math.log2(below))
    if not abs(cents) <= MAX_CENTS:
        raise refusal(name, place, f"a pitch in cents (with a point) or as a ratio, within {MAX_CENTS:g} cents", f"'{word}'")
    return cents
