"""Chord symbols as pitch-class sets: ``G``, ``C#m7b5``, ``D7/F#``, ``Bbmaj9``, ``N.C.``.

Conventions: the symbols of lead sheets. A number stacks all thirds below it (13 holds the 9 and the 11); 6/9 is written
``69`` or ``6/9``. A slash adds its bass note to the set; which voice takes it is not said. ``N.C.`` (no chord) is all twelve
pitch classes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from compose.constraints.names import PITCH_CLASS_PATTERN, parse_pitch_class
from corpora.errors import RequestError

__all__ = ["Chord", "parse_chord"]

_NO_CHORD = ("n.c.", "nc", "n.c")

# Longest first: the quality is the first of these that the symbol goes on with. Each: third, fifth, seventh of a bare "7".
_QUALITIES: tuple[tuple[str, tuple[int, int, int]], ...] = (
    ("major", (4, 7, 11)),
    ("minor", (3, 7, 10)),
    ("half-dim", (3, 6, 10)),
    ("maj", (4, 7, 11)),
    ("min", (3, 7, 10)),
    ("dim", (3, 6, 9)),
    ("aug", (4, 8, 10)),
    ("dom", (4, 7, 10)),
    ("ma", (4, 7, 11)),
    ("mi", (3, 7, 10)),
    ("M", (4, 7, 11)),
    ("Δ", (4, 7, 11)),
    ("m", (3, 7, 10)),
    ("-", (3, 7, 10)),
    ("°", (3, 6, 9)),
    ("o", (3, 6, 9)),
    ("ø", (3, 6, 10)),
    ("+", (4, 8, 10)),
    ("", (4, 7, 10)),
)
_SEVENTH_IMPLIED = ("Δ", "ø", "half-dim")
_MAJOR_SEVENTH = re.compile(r"(?:maj|ma|M|Δ)(?=7|9|11|13)")
_NINTH, _ELEVENTH, _THIRTEENTH = 2, 5, 9
_DEGREES = {1: 0, 2: 2, 3: 4, 4: 5, 5: 7, 6: 9, 7: 10, 9: 2, 11: 5, 13: 9}
_SUSPENDED = {"sus": 5, "sus4": 5, "sus2": 2}
_ALTERATION = re.compile(r"(?P<sign>add|no|omit|sus|[#b♯♭+-])(?P<flat>[#b♯♭])?(?P<degree>\d{0,2})|alt")


@dataclass(frozen=True)
class Chord:
    """A chord symbol and what sounds in it.

    Args:
        symbol: As it was written.
        pitch_classes: All its tones and its slash bass, 0-11 from C.
        bass: Pitch class of the bass: the slash bass or the root; None for N.C.
    """

    symbol: str
    pitch_classes: frozenset[int]
    bass: int | None


def _body(text: str) -> set[int] | None:
    """Semitones above the root of all that follows it, or None when it is not understood."""
    quality, (third, fifth, seventh) = next((name, tones) for name, tones in _QUALITIES if text.startswith(name))
    rest = text[len(quality) :].strip("()")
    if (major := _MAJOR_SEVENTH.match(rest.lstrip("("))) is not None:  # mM7, m(maj7), +maj7
        rest, seventh = rest.lstrip("(")[major.end() :], 11
    if quality == "" and rest.startswith("5") and rest != "5":
        return None
    tones: dict[str, int] = {"root": 0, "third": third, "fifth": fifth}
    extra: set[int] = set()
    number = re.match(r"69|6/9|13|11|9|7|6|5", rest)
    figure = number.group() if number else ""
    rest = rest[len(figure) :]
    if figure == "5":
        if quality:
            return None
        del tones["third"]
    elif figure in ("6", "69", "6/9"):
        extra |= {9} if figure == "6" else {9, _NINTH}
    elif figure:
        tones["seventh"] = seventh
        stack = {"7": (), "9": (_NINTH,), "11": (_NINTH, _ELEVENTH), "13": (_NINTH, _ELEVENTH, _THIRTEENTH)}
        extra |= set(stack[figure])
    elif quality in _SEVENTH_IMPLIED:
        tones["seventh"] = seventh
    return _alter(re.sub(r"[(),\s]", "", rest), tones, extra)


def _alter(text: str, tones: dict[str, int], extra: set[int]) -> set[int] | None:
    """The chord with suspensions, additions, omissions and alterations applied, or None when one is not understood."""
    while text:
        found = _ALTERATION.match(text)
        if found is None:
            return None
        text = text[found.end() :]
        if found.group() == "alt":
            if "seventh" not in tones:
                return None
            tones.pop("fifth")
            extra |= {1, 3, 6, 8}
            continue
        sign, flat, degree = found["sign"], found["flat"], found["degree"]
        if sign == "sus":
            if flat or sign + degree not in _SUSPENDED:
                return None
            tones["third"] = _SUSPENDED[sign + degree]
        elif not degree or int(degree) not in _DEGREES or (flat and sign != "add"):
            return None
        elif sign in ("no", "omit"):
            name = {1: "root", 3: "third", 5: "fifth", 7: "seventh"}.get(int(degree))
            if name is None or tones.pop(name, None) is None:
                return None
        else:
            shift = {"#": 1, "♯": 1, "+": 1, "b": -1, "♭": -1, "-": -1}.get(flat if sign == "add" else sign, 0)
            semitones = (_DEGREES[int(degree)] + shift) % 12
            if int(degree) == 5 and sign != "add":
                tones["fifth"] = semitones
            else:
                natural = _DEGREES[int(degree)]
                if sign != "add" and int(degree) in (9, 11, 13):
                    extra.discard(natural)
                extra.add(semitones)
    return set(tones.values()) | extra


def parse_chord(text: str) -> Chord:
    """What a chord symbol holds.

    Raises:
        RequestError: When it is not understood.
    """
    symbol = text.strip()
    if symbol.casefold() in _NO_CHORD:
        return Chord(symbol, frozenset(range(12)), None)
    found = re.match(PITCH_CLASS_PATTERN, symbol)
    slash = re.search(rf"/({PITCH_CLASS_PATTERN})$", symbol)
    if found is not None and symbol[0].isupper():
        root = parse_pitch_class(found.group())
        above = _body(symbol[found.end() : slash.start() if slash else len(symbol)])
        if above is not None:
            bass = parse_pitch_class(slash.group(1)) if slash else root
            tones = {(root + step) % 12 for step in above}
            return Chord(symbol, frozenset(tones | {bass}) if slash else frozenset(tones), bass)
    raise RequestError(
        f"'{symbol}' is not a chord symbol: expected a root and a quality, for example G, F#m7, Bbmaj7, D7/F# or N.C."
    )
