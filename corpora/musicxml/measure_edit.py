"""What one measure is made of as text, and what an edit changes in it: the words of ``rewriting``.

Times are exact ``Fraction`` quarters from the measure's start.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from corpora.musicxml.document import Item, MeasureWalk
from corpora.musicxml.elements import Mark
from corpora.musicxml.notation import Meter
from corpora.musicxml.spelling import Spelling

__all__ = ["MeasureEdit", "MeasureText", "NewChord", "NewPitch"]


@dataclass
class NewPitch:
    """One new note of a chord: how it is written, and whether it goes on from or into another measure."""

    spelling: Spelling | None  # None for percussion
    unpitched: Sequence[str] = ()
    instrument: str = ""
    notehead: str = ""  # the ready element, or nothing
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass
class NewChord:
    """New notes of one voice with one onset and end (quarters from the measure's start); equal ends make a grace chord."""

    start: Fraction
    end: Fraction
    voice: str
    staff: int
    pitches: list[NewPitch]
    tie_from: bool = False  # goes on from the measure before
    tie_on: bool = False  # goes on in the next measure
    joins: Item | None = None
    marks: list[Mark] = field(default_factory=list)


@dataclass
class MeasureText:
    """A measure's text taken apart: start tag, the text before each child, the children, and the rest."""

    open_tag: str
    gaps: list[str]
    children: list[str]
    closing: str  # from the last child's end, with the end tag

    @property
    def indent(self) -> str | None:
        """White space before a child, from its line break on; None when the file has no line breaks there."""
        for gap in self.gaps:
            found = re.search(r"((?:\r\n|\r|\n)[ \t]*)\Z", gap)
            if found:
                return found.group(1)
        return None


@dataclass
class MeasureEdit:
    """What a measure loses and gains, and what is in force in it.

    Args:
        walk: The measure as walked.
        divs: Divs per quarter of the walk.
        length: Quarters that the measure lasts (the longest part's).
        meter: The meter, with the shift of a pickup.
        removed: Ordinals of the note elements that go.
        chords: What comes.
        dropped_marks: Slur ends and the like to take from kept notes, by ordinal.
        key_of: Alterations of the written key of each staff.
        num_staves: Staves of the part; notes name theirs when there are several.
        has_beams: Whether the part writes beams at all.
    """

    walk: MeasureWalk
    divs: int
    length: Fraction
    meter: Meter
    removed: Collection[int]
    chords: list[NewChord]
    dropped_marks: Mapping[int, Collection[Mark]]
    key_of: Mapping[int, Mapping[str, float]]
    num_staves: int
    has_beams: bool

    def quarters(self, divs: int) -> Fraction:
        """Divs of the walk as quarters."""
        return Fraction(divs, self.divs)

    @property
    def final_divisions(self) -> int:
        """What is in force when the next measure starts, as walked."""
        last = self.walk.items[-1] if self.walk.items else None
        if last is None:
            return self.walk.divisions
        stated = last.element.findtext("divisions") if last.element.tag == "attributes" else None
        return int(stated) if stated else last.divisions
