"""Scales by name, as pitch-class sets.

Conventions: "minor" is natural minor; "melodic minor" is its ascending form; "pentatonic" is the major one, "blues" the minor
hexatonic; "octatonic" starts with a half step (half-whole), "diminished" with a whole step.
"""

from __future__ import annotations

import difflib
import re

from compose.constraints.names import PITCH_CLASS_PATTERN, parse_pitch_class
from corpora.errors import RequestError

__all__ = ["SCALES", "parse_scale"]

_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_MINOR = (0, 2, 3, 5, 7, 8, 10)

SCALES: dict[str, tuple[int, ...]] = {
    "major": _MAJOR,
    "minor": _MINOR,
    "natural minor": _MINOR,
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic minor": (0, 2, 3, 5, 7, 9, 11),
    "ionian": _MAJOR,
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "aeolian": _MINOR,
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "whole tone": (0, 2, 4, 6, 8, 10),
    "octatonic": (0, 1, 3, 4, 6, 7, 9, 10),
    "diminished": (0, 2, 3, 5, 6, 8, 9, 11),
    "chromatic": tuple(range(12)),
}


def parse_scale(text: str) -> tuple[str, frozenset[int]]:
    """The scale's name in its usual form ("F# harmonic minor") and its pitch classes.

    Raises:
        RequestError: When tonic or mode is not known.
    """
    words = text.split()
    if words and " ".join(words).casefold() == "chromatic":
        return "chromatic", frozenset(range(12))
    if len(words) < 2 or not re.fullmatch(PITCH_CLASS_PATTERN, words[0]):
        raise RequestError(
            f"'{' '.join(words)}' is not a scale: expected a tonic and a mode, for example G major or F# harmonic minor"
        )
    tonic = words[0][0].upper() + words[0][1:]
    mode = " ".join(words[1:]).replace("-", " ").casefold()
    if mode not in SCALES:
        near = difflib.get_close_matches(mode, SCALES, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise RequestError(f"'{mode}' is not a known mode: expected one of {', '.join(SCALES)}{hint}")
    root = parse_pitch_class(tonic)
    return f"{tonic} {mode}", frozenset((root + step) % 12 for step in SCALES[mode])
