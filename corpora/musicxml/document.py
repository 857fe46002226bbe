"""A MusicXML score after one walk (``corpora.musicxml.walker``): every note in its place, and the signatures in force.

The reader makes a note table of it, the editor finds in it which elements to change. Conventions: times are integer divs,
``Document.divs`` to the quarter (the least common multiple of all ``<divisions>`` of the file, so every place is exact). An
item's onset counts from the start of its measure; measures with the same index start together in all parts, and last as long
as in the longest part. Pitches are sounding MIDI numbers, cents what sounds above them. A note element's *ordinal* is its rank
among all ``<note>`` of the file.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TypeVar
from xml.etree import ElementTree

__all__ = [
    "ALL_STAVES",
    "DEFAULT_METER",
    "Document",
    "Instrument",
    "Item",
    "KeySignature",
    "MeasureWalk",
    "PartWalk",
    "Transposition",
]

DEFAULT_METER = (4, 4)
ALL_STAVES = 0  # the staff number of a change that counts for all staves of a part

_T = TypeVar("_T")


@dataclass(frozen=True)
class KeySignature:
    """A written key: fifths and mode (1 major, -1 minor, 0 unknown); ``alters`` holds a non-traditional key by step instead."""

    fifths: int = 0
    mode: int = 0
    alters: tuple[tuple[str, float], ...] | None = None


@dataclass(frozen=True)
class Transposition:
    """Semitones and diatonic steps from written to sounding pitch, octaves included in both."""

    semitones: int = 0
    steps: int | None = 0  # None where the file does not say


@dataclass(frozen=True)
class Instrument:
    """A ``score-instrument`` with its MIDI settings, zero-based; None where the file does not say."""

    channel: int | None = None
    program: int | None = None
    unpitched: int | None = None


@dataclass(slots=True)
class Item:
    """One child element of a measure with its place.

    ``kind`` is note, rest, grace, cue, backup, forward or other. ``ordinal`` is -1 for what is no ``<note>``. ``divisions`` is
    the value in force. ``pitch`` is None where nothing sounds.
    """

    element: ElementTree.Element
    kind: str
    onset: int
    duration: int
    divisions: int
    ordinal: int = -1
    voice: str = "1"
    staff: int = 1
    chord: bool = False
    pitch: int | None = None
    cents: float = 0.0
    tie_start: bool = False
    tie_stop: bool = False


@dataclass
class MeasureWalk:
    """One measure of one part: its items in file order and how far its content reaches (divs)."""

    element: ElementTree.Element
    number: str
    implicit: bool
    divisions: int  # in force when the measure starts
    items: list[Item]
    length: int


@dataclass
class PartWalk:
    """One part: measures, instruments, and the changes of key, transposition and meter, each at (measure, onset, staff)."""

    key: str
    name: str
    instruments: dict[str, Instrument]
    measures: list[MeasureWalk] = field(default_factory=list)
    num_staves: int = 1
    keys: list[tuple[int, int, int, KeySignature]] = field(default_factory=list)
    transpositions: list[tuple[int, int, int, Transposition]] = field(default_factory=list)
    meters: list[tuple[int, int, int]] = field(default_factory=list)  # measure, beats, beat type

    def key_at(self, measure: int, onset: int, staff: int) -> KeySignature:
        """The written key in force for a staff at a place."""
        return _in_force(self.keys, measure, onset, staff, KeySignature())

    def transposition_at(self, measure: int, onset: int, staff: int) -> Transposition:
        """The transposition in force for a staff at a place."""
        return _in_force(self.transpositions, measure, onset, staff, Transposition())

    def meter_at(self, measure: int) -> tuple[int, int]:
        """Beats and beat type in force in a measure."""
        found = bisect_right(self.meters, (measure, math.inf, math.inf)) - 1
        return self.meters[found][1:] if found >= 0 else DEFAULT_METER


@dataclass
class Document:
    """A whole score: ``starts`` and ``lengths`` are the measures' places in divs, common to all parts."""

    root: ElementTree.Element
    divs: int
    parts: list[PartWalk]
    starts: list[int]
    lengths: list[int]
    num_notes: int

    @property
    def first_lanes(self) -> list[int]:
        """Index of each part's first lane; one lane a staff, in score order."""
        return [0, *accumulate(part.num_staves for part in self.parts)][:-1]


def _in_force(changes: list[tuple[int, int, int, _T]], measure: int, onset: int, staff: int, default: _T) -> _T:
    found = default
    for at_measure, at_onset, at_staff, value in changes:
        if (at_measure, at_onset) > (measure, onset):
            break
        if at_staff in (ALL_STAVES, staff):
            found = value
    return found
