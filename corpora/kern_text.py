"""What kern texts say of bars and tempi that their readers lose: ``kern_meters``, ``kern_words``, ``has_metronome``.

Bars are counted from 0 as they follow one another in the text; what has no notes or rests before the next line is no bar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["KernWords", "Meter", "has_metronome", "kern_meters", "kern_words"]

METER = re.compile(r"\*M([1-9]\d?)/([1-9]\d?)")
METRONOME = re.compile(r"\*MM\d")
BEAT_TYPES = frozenset({1, 2, 4, 8, 16, 32})
DESIGNATION = re.compile(r"!!!OMD(-mod)?:(.*)")  # original movement designation, and its modern spelling
PRINTED = re.compile(r"!LO:TX(?::[^:\t]*)*?:t=([^:\t]*)")
REMARKS = frozenset({"P", "problem"})  # of editors, in the place of a printed text

Meter = tuple[int, int]  # beats in a bar, and the note that has one


class KernWords(NamedTuple):
    """Words before the first note or rest of a bar.

    Args:
        bar: Its index.
        text: As it is written, without what surrounds it.
        is_heading: Whether they designate a movement, such as "Allegro moderato", and are not words over a staff.
    """

    bar: int
    text: str
    is_heading: bool


def _lines(text: str) -> Iterator[tuple[int, bool, str]]:
    """Index of the bar, whether it has begun, and the line, of all lines but bar lines."""
    bar, has_data = 0, False
    for line in text.splitlines():
        if line.startswith("="):
            bar += has_data
            has_data = False
            continue
        has_data |= bool(line) and line[0] not in "*!"
        yield bar, has_data, line


def kern_meters(text: str) -> list[Meter | None]:
    """The meter of each bar of a kern text, None before one is told."""
    meters: list[Meter | None] = []
    meter: Meter | None = None
    for bar, has_data, line in _lines(text):
        if line.startswith("*"):
            told = [(int(found[1]), int(found[2])) for token in line.split("\t") if (found := METER.fullmatch(token))]
            meter = next((one for one in told if one[1] in BEAT_TYPES), meter)
        if has_data:
            meters[bar:] = [meter]
    return meters


def kern_words(text: str) -> list[KernWords]:
    """Words at the beginnings of bars, in the order of the text, each once a bar; of a heading in two spellings the modern one."""
    found: dict[KernWords, None] = {}
    for bar, has_data, line in _lines(text):
        if has_data or not line.startswith("!"):
            continue
        heading = DESIGNATION.fullmatch(line)
        said = [heading[2]] if heading else PRINTED.findall(line)
        if heading and heading[1]:
            found = {words: None for words in found if not (words.bar == bar and words.is_heading)}
        for words in said:
            plain = words.replace("&colon;", ":").strip()
            if plain and plain not in REMARKS:
                found[KernWords(bar, plain, heading is not None)] = None
    return list(found)


def has_metronome(text: str) -> bool:
    """Whether a tempo is told in numbers (``*MM``)."""
    return any(METRONOME.match(token) for line in text.splitlines() if line.startswith("*") for token in line.split("\t"))
