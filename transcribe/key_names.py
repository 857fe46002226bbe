"""Keys by name: "Eb major", "f# minor", "B flat minor"."""

from __future__ import annotations

import re

from corpora.errors import RequestError
from corpora.safe_text import safe_text

__all__ = ["parse_key"]

FIFTHS = {letter: place - 1 for place, letter in enumerate("FCGDAEB")}
SHARPENED = 7  # fifths that an accidental is worth
MINOR = -3
SIGNS = {"": 0, "#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}
NAME = re.compile(r"([a-g])\s*(#|♯|b|♭|sharp|flat)?\s*(major|minor|maj|min)?", re.IGNORECASE)
MOST = 7


def parse_key(text: str) -> tuple[int, int]:
    """Fifths (-7 to 7) and mode (1 major, -1 minor); a small letter alone is minor.

    >>> parse_key("Eb major"), parse_key("F# minor"), parse_key("d")
    ((-3, 1), (3, -1), (-1, -1))

    Raises:
        RequestError: It is no key, or one with over seven accidentals.
    """
    match = NAME.fullmatch(text.strip())
    if match is None:
        raise RequestError(f"key: expected one such as Eb major or f# minor, got {safe_text(text)!r}")
    letter, sign, mode = match[1], (match[2] or "").lower(), (match[3] or "").lower()
    is_minor = mode.startswith("min") or (not mode and letter.islower())
    fifths = FIFTHS[letter.upper()] + SHARPENED * SIGNS[sign] + (MINOR if is_minor else 0)
    if abs(fifths) > MOST:
        raise RequestError(f"key: expected at most {MOST} sharps or flats, got {safe_text(text)!r}")
    return fifths, -1 if is_minor else 1
