"""Which numbers MusicXML may hold: one table of elements, one of attributes.

Ranges are those of the MusicXML 4.0 schema where it has one, narrowed to what scores hold and what parsers survive: Verovio
dies of a beat type of 0, a staff number of 10^9 or a tempo of 1e300, and does not end on a million repeats.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Final

__all__ = [
    "ATTRIBUTES",
    "CHECKED_ATTRIBUTE_ELEMENTS",
    "CHECKED_ELEMENTS",
    "MAX_ATTRIBUTE_NUMBER",
    "Rule",
    "looks_numeric",
    "to_number",
]

DECIMAL: Final = re.compile(r"[+-]?(?:\d{1,15}(?:\.\d{0,20})?|\.\d{1,20})", re.ASCII)
INTEGER: Final = re.compile(r"[+-]?\d{1,15}", re.ASCII)
NUMERIC: Final = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|nan|inf(?:inity)?)", re.IGNORECASE | re.ASCII)
MAX_ATTRIBUTE_NUMBER: Final = 1e7

Check = Callable[[str], bool]
Rule = tuple[str, Check]


def to_number(text: str) -> float:
    """A plain decimal number, as the schema writes it; NaN for anything else (an exponent, "inf", words)."""
    return float(text) if DECIMAL.fullmatch(text) else math.nan


def looks_numeric(text: str) -> bool:
    """Whether some parser might take ``text`` for a number, "nan" and exponents included."""
    return NUMERIC.fullmatch(text) is not None


def _decimal(low: int | float, high: int | float) -> Rule:
    return f"a number from {low:g} to {high:g}", lambda text: low <= to_number(text) <= high


def _integer(low: int, high: int) -> Rule:
    def check(text: str) -> bool:
        return INTEGER.fullmatch(text) is not None and low <= int(text) <= high

    return f"a whole number from {low} to {high}", check


def _beats(text: str) -> bool:
    parts = text.replace(" ", "").split("+")
    return len(parts) <= 16 and all(part.isascii() and part.isdigit() and 1 <= int(part[:4]) <= 128 for part in parts)


def _number_or_words(rule: Rule, limit_characters: int) -> Rule:
    expected, check = rule
    return expected, lambda text: check(text) if looks_numeric(text) else len(text) <= limit_characters


BEAT_TYPE: Final[Rule] = ("a beat type of 1, 2, 4 ... 64", lambda text: text in {"1", "2", "4", "8", "16", "32", "64"})
TEMPO: Final[Rule] = _decimal(1, 2000)

CHECKED_ELEMENTS: Final[Mapping[str, Rule]] = {
    "divisions": ("a number above 0 to 1000000", lambda text: 0 < to_number(text) <= 1e6),
    "duration": _decimal(0, 1e9),
    "beats": ("beats from 1 to 128", _beats),
    "beat-type": BEAT_TYPE,
    "octave": _integer(0, 9),
    "display-octave": _integer(0, 9),
    "step": ("a step A to G", lambda text: len(text) == 1 and text in "ABCDEFG"),
    "alter": _decimal(-4, 4),
    "fifths": _integer(-7, 7),
    "key-alter": _decimal(-4, 4),
    "key-octave": _integer(0, 9),
    "staves": _integer(1, 16),
    "staff": _integer(1, 16),
    "voice": _number_or_words(_integer(0, 1000), 32),
    "actual-notes": _integer(1, 512),
    "normal-notes": _integer(1, 512),
    "tuplet-number": _integer(0, 512),
    "per-minute": _number_or_words(TEMPO, 100),
    "multiple-rest": _integer(1, 1000),
    "line": _integer(-10, 40),
    "staff-lines": _integer(0, 40),
    "clef-octave-change": _integer(-4, 4),
    "chromatic": _decimal(-72, 72),
    "diatonic": _integer(-42, 42),
    "octave-change": _integer(-6, 6),
    "tremolo": _integer(0, 8),
    "capo": _integer(0, 36),
    "fret": _integer(0, 100),
    "string": _integer(0, 100),
    "root-alter": _decimal(-4, 4),
    "bass-alter": _decimal(-4, 4),
    "degree-value": _integer(1, 100),
    "degree-alter": _decimal(-4, 4),
    "midi-channel": _integer(1, 16),
    "midi-program": _integer(1, 128),
    "midi-bank": _integer(1, 16384),
    "midi-unpitched": _integer(1, 128),
    "volume": _decimal(0, 200),
    "pan": _decimal(-180, 180),
    "elevation": _decimal(-180, 180),
    "millimeters": _decimal(0.01, 1000),
    "tenths": _decimal(0.01, 10000),
    "page-width": _decimal(1, 100_000),
    "page-height": _decimal(1, 100_000),
    "staff-distance": _decimal(-100_000, 100_000),
    "system-distance": _decimal(-100_000, 100_000),
    "top-system-distance": _decimal(-100_000, 100_000),
    "left-margin": _decimal(-100_000, 100_000),
    "right-margin": _decimal(-100_000, 100_000),
    "top-margin": _decimal(-100_000, 100_000),
    "bottom-margin": _decimal(-100_000, 100_000),
    "staff-size": _decimal(0, 10_000),
}

ATTRIBUTES: Final[Mapping[tuple[str, str], Rule]] = {
    ("sound", "tempo"): TEMPO,
    ("sound", "dynamics"): _decimal(0, 1000),
    ("sound", "divisions"): CHECKED_ELEMENTS["divisions"],
    ("note", "dynamics"): _decimal(0, 1000),
    ("repeat", "times"): _integer(1, 32),
    ("measure-repeat", "slashes"): _integer(1, 16),
    ("octave-shift", "size"): _integer(8, 29),
    ("octave-shift", "number"): _integer(1, 16),
    ("tremolo", "number"): _integer(1, 16),
    ("beam", "number"): _integer(1, 8),
    ("clef", "number"): CHECKED_ELEMENTS["staff"],
    ("key", "number"): CHECKED_ELEMENTS["staff"],
    ("time", "number"): CHECKED_ELEMENTS["staff"],
    ("staff-details", "number"): CHECKED_ELEMENTS["staff"],
    ("staff-layout", "number"): CHECKED_ELEMENTS["staff"],
    ("transpose", "number"): CHECKED_ELEMENTS["staff"],
    ("slur", "number"): _integer(1, 16),
    ("tied", "number"): _integer(1, 16),
    ("tuplet", "number"): _integer(1, 16),
    ("wedge", "number"): _integer(1, 16),
    ("bracket", "number"): _integer(1, 16),
    ("dashes", "number"): _integer(1, 16),
    ("glissando", "number"): _integer(1, 16),
    ("slide", "number"): _integer(1, 16),
}
CHECKED_ATTRIBUTE_ELEMENTS: Final = frozenset(element for element, _ in ATTRIBUTES)
