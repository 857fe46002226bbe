"""The items of a wish's value: pitches, numbers and names with or without a part in front of them."""

from __future__ import annotations

import re

from compose.constraints.parts import find_lanes, quote
from corpora.errors import RequestError
from corpora.piece import Piece

__all__ = ["capital", "named", "no_doubles"]


def named(piece: Piece, item: str, value: str) -> tuple[tuple[int, ...] | None, str, re.Match[str]] | None:
    """Splits "Alto G3-E5" by the value's pattern: lanes (None without a name), the name in normal form, the value's match."""
    found = re.fullmatch(rf"(?:(?P<part>.*\S)\s+)?(?P<value>{value})", item)
    if found is None:
        return None
    if found["part"] is None:
        return None, "", found
    lanes = find_lanes(piece, found["part"])
    return lanes, quote(piece.parts[lanes[0]].name) + " ", found


def no_doubles(kind: str, names: list[str]) -> None:
    """Each part, or none, at most once."""
    for name in names:
        if names.count(name) > 1:
            raise RequestError(f"{kind}: {name.strip() or 'a value for all parts'} is given twice")


def capital(name: str) -> str:
    """A note name with its letter in upper case."""
    return name[0].upper() + name[1:]
