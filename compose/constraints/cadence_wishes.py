"""Cadences in text."""

from __future__ import annotations

import re

from compose.constraints.base import Constraint
from compose.constraints.cadence import CADENCES, Cadence, Key
from compose.constraints.names import PITCH_CLASS_PATTERN, parse_pitch_class
from compose.constraints.places import find_beat
from compose.constraints.wish_items import capital
from corpora.errors import RequestError
from corpora.piece import Piece

__all__ = ["cadence"]

_CADENCE = re.compile(
    rf"(?P<kind>{'|'.join(CADENCES)})"
    rf"(?:\s+in\s+(?P<tonic>{PITCH_CLASS_PATTERN})\s+(?P<mode>major|minor))?"
    r"(?:\s+at\s+(?P<bar>\S+):(?P<beat>\d+(?:\.\d+)?))?",
    re.IGNORECASE,
)


def cadence(value: str, piece: Piece) -> Constraint:
    """``perfect``, ``half in E minor``, ``plagal at 8:3``.

    Raises:
        RequestError: Not understood, or no such place.
    """
    found = _CADENCE.fullmatch(value)
    if found is None:
        kinds = ", ".join(CADENCES)
        raise RequestError(f"cadence: '{value}' is not understood: expected {kinds}, for example 'perfect in G major at 8:1'")
    text, key, at_div = f"cadence: {found['kind'].casefold()}", None, None
    if found["tonic"]:
        key = Key(parse_pitch_class(found["tonic"]), found["mode"].casefold() == "minor")
        text += f" in {capital(found['tonic'])} {found['mode'].casefold()}"
    if found["bar"]:
        at_div = find_beat(piece, found["bar"], found["beat"])
        text += f" at {found['bar']}:{found['beat']}"
    return Cadence(text, found["kind"].casefold(), key, at_div)
