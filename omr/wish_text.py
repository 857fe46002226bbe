"""What the user says of a page, in words: "6/8", "2 flats", "2=alto", "1,2", "12=2"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from corpora.errors import RequestError
from corpora.safe_text import safe_text

__all__ = ["parse_clefs", "parse_key", "parse_meter", "parse_readings", "parse_staves"]

_MAJORS = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")
_MINORS = ("Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#")


def _refused(what: str, expected: str, got: str) -> RequestError:
    return RequestError(f"{what}: expected {expected}, got {safe_text(got)!r}")


def parse_meter(text: str) -> tuple[int, int] | None:
    """ "6/8", "C" or "C|" as beats and beat type; None for an empty text.

    Raises:
        RequestError: Another text.
    """
    if not text:
        return None
    if text in ("C", "C|"):
        return (4, 4) if text == "C" else (2, 2)
    found = re.fullmatch(r"\s*(\d{1,2})\s*/\s*(\d{1,2})\s*", text)
    if found is None:
        raise _refused("meter", 'beats and beat type, "6/8"', text)
    return int(found[1]), int(found[2])


def parse_key(text: str) -> int | None:
    """ "2 flats", "1 sharp", "none", "Eb major" or "f# minor" as fifths (-7 to 7); None for an empty text.

    Raises:
        RequestError: Another text.
    """
    if not text:
        return None
    words = text.strip()
    if words.lower() == "none":
        return 0
    if found := re.fullmatch(r"([0-7])\s*(flat|sharp)s?", words.lower()):
        return int(found[1]) * (1 if found[2] == "sharp" else -1)
    if found := re.fullmatch(r"([A-Ga-g][b#]?)\s+(major|minor)", words):
        names = _MAJORS if found[2] == "major" else _MINORS
        tonic = found[1][0].upper() + found[1][1:]
        if tonic in names:
            return names.index(tonic) - 7
    raise _refused("key", '"2 flats", "3 sharps", "none" or "Eb major"', text)


def _pairs(texts: Sequence[str], what: str, expected: str) -> dict[int, str]:
    pairs = {}
    for text in texts:
        number, equals, value = text.partition("=")
        if not equals or not number.strip().isdecimal():
            raise _refused(what, expected, text)
        pairs[int(number)] = value.strip()
    return pairs


def parse_clefs(texts: Sequence[str]) -> dict[int, str]:
    """ "2=alto" and the like as clef by staff, from 1.

    Raises:
        RequestError: Another text.
    """
    return _pairs(texts, "clef", 'staff and clef, "2=alto"')


def parse_readings(texts: Sequence[str]) -> dict[int, int]:
    """ "12=2" and the like as number of the reading by bar, both from 1.

    Raises:
        RequestError: Another text.
    """
    expected = 'bar and reading, "12=2"'
    pairs = _pairs(texts, "bar", expected)
    for bar, value in pairs.items():
        if not value.isdecimal():
            raise _refused("bar", expected, f"{bar}={value}")
    return {bar: int(value) for bar, value in pairs.items()}


def parse_staves(text: str) -> tuple[int, ...] | None:
    """ "1,2" as staves of the parts from above; None for an empty text.

    Raises:
        RequestError: Another text.
    """
    if not text:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise _refused("staves", 'numbers with commas, "1,2"', text)
    return tuple(int(part) for part in parts)
