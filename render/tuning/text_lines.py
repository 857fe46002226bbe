"""The lines of Scala's text files, bounded before anything is made of them.

Both formats are lines of ISO 8859-1 text; a line that begins with "!" is a comment.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from corpora.gate.refusal import refusal

__all__ = ["MAX_TUNING_BYTES", "Line", "content_lines", "number", "whole_number"]

MAX_TUNING_BYTES = 1 << 20
MAX_LINE_CHARACTERS = 2_000
MAX_DIGITS = 30
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
WHOLE = re.compile(r"[+-]?\d+")
DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")


class Line(NamedTuple):
    """A line that is no comment."""

    number: int  # from 1
    text: str


def content_lines(data: bytes, name: str) -> Iterator[Line]:
    """All lines but comments, one after another; those before a broken one still come.

    Raises:
        InputError: Over 1 MiB, or a line over 2,000 characters or with control characters.
    """
    if len(data) > MAX_TUNING_BYTES:
        raise refusal(name, "", f"at most {MAX_TUNING_BYTES:,} bytes", f"{len(data):,}")
    text = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    for place, line in enumerate(text.removesuffix("\n").split("\n") if text else [], 1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise refusal(name, f"line {place}", f"at most {MAX_LINE_CHARACTERS:,} characters", f"{len(line):,}")
        control = CONTROLS.search(line)
        if control:
            raise refusal(name, f"line {place}", "text", f"control character {ord(control[0]):#04x}")
        if not line.startswith("!"):
            yield Line(place, line)


def whole_number(line: Line, what: str, low: int, high: int, name: str) -> int:
    """The whole number that a line begins with; what comes after white space is a remark.

    Raises:
        InputError: It is none, or is outside ``low`` to ``high``.
    """
    word = (line.text.split() or [""])[0]
    if not WHOLE.fullmatch(word) or len(word) > MAX_DIGITS or not low <= int(word) <= high:
        raise refusal(name, f"line {line.number}", f"{what} ({low:,} to {high:,})", f"'{line.text.strip()}'")
    return int(word)


def number(line: Line, what: str, low: float, high: float, name: str) -> float:
    """The number that a line begins with; what comes after white space is a remark.

    Raises:
        InputError: It is none, or is outside ``low`` to ``high``.
    """
    word = (line.text.split() or [""])[0]
    value = float(word) if DECIMAL.fullmatch(word) and len(word) <= MAX_DIGITS else math.nan
    if not low <= value <= high:
        raise refusal(name, f"line {line.number}", f"{what} ({low:g} to {high:g})", f"'{line.text.strip()}'")
    return value
