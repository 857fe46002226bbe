"""The door for MusicXML: well formed, a partwise score, every number in range, musical extent within limits.

``check_musicxml`` reads the document once as a stream (see ``xml_events``) and never builds a tree. ``clean_musicxml`` writes
it out again for libraries that should meet no DOCTYPE, processing instruction, comment or byte order mark (Verovio refuses a
file with one).

Conventions follow the W3C MusicXML 4.0 schema (https://www.w3.org/2021/06/musicxml40/). Time is in quarter notes from the start of
the measure or of the score as written; repeats are not unfolded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from corpora.errors import InputError
from corpora.gate.midi import MAX_MUSIC_S
from corpora.gate.musicxml_numbers import (
    ATTRIBUTES,
    CHECKED_ATTRIBUTE_ELEMENTS,
    CHECKED_ELEMENTS,
    MAX_ATTRIBUTE_NUMBER,
    Rule,
    looks_numeric,
    to_number,
)
from corpora.gate.refusal import refusal
from corpora.gate.xml_events import MAX_TEXT_BYTES, XmlReader
from corpora.safe_text import safe_text

__all__ = ["MAX_MEASURES", "MAX_NOTES", "MAX_PARTS", "MusicXmlExtent", "check_musicxml", "clean_musicxml"]

MAX_PARTS: Final = 128
MAX_MEASURES: Final = 5_000  # in a part
MAX_NOTES: Final = 200_000  # Beethoven's Ninth, fourth movement, full score: 78,000
MAX_MEASURE_QUARTERS: Final = 1_000.0
DEFAULT_QUARTERS_PER_MINUTE: Final = 120.0
FREE_ATTRIBUTES: Final = frozenset({"id", "name", "number", "value", "text"})  # words or names, whatever they look like
NUMBERS_KEPT: Final = 50_000
TIMED_ELEMENTS: Final = frozenset({"note", "backup", "forward", "chord", "grace", "measure", "part", "score-part"})
WANTED_ELEMENTS: Final = frozenset({*TIMED_ELEMENTS, *CHECKED_ELEMENTS})


@dataclass(frozen=True)
class MusicXmlExtent:
    """What a checked MusicXML score holds.

    Args:
        parts: The ids of its parts, in score order.
        measures: Measures in the longest part.
        notes: ``note`` elements in all parts, rests and grace notes included.
        quarters: Length of the longest part in quarter notes, as written.
        seconds: The same in time by the tempos of the first part, each measure taken at the slowest tempo in it.
    """

    parts: tuple[str, ...]
    measures: int
    notes: int
    quarters: float
    seconds: float


def check_musicxml(data: bytes, name: str) -> MusicXmlExtent:
    """Check a MusicXML document (not compressed) and return its extent.

    Args:
        data: The whole document, UTF-8 or UTF-16, with or without a byte order mark.
        name: File name for messages.

    Raises:
        InputError: It is not well formed, declares entities, is not a ``score-partwise``, holds a number out of range, or passes
            a limit: 40 MiB, 64 levels, 1.2 million elements, 128 parts, 5,000 measures a part, 200,000 notes, 1,000 quarters a
            measure, 2 hours.
    """
    checker = _Checker(data, name)
    checker.reader.read(checker.start, checker.end, WANTED_ELEMENTS)
    return checker.extent()


def clean_musicxml(data: bytes, name: str = "MusicXML") -> bytes:
    """The document again as plain UTF-8: same elements, attributes and texts; no DOCTYPE, comment, instruction or byte order mark.

    Raises:
        InputError: As ``check_musicxml``, for form only; the numbers are not looked at again.
    """
    out: list[str] = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    is_open = False  # whether the last start tag still wants its ">"

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal is_open
        written = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
        out.append(f"{'>' if is_open else ''}<{tag}{written}")
        is_open = True

    def end(tag: str) -> None:
        nonlocal is_open
        out.append("/>" if is_open else f"</{tag}>")
        is_open = False

    def text(characters: str) -> None:
        nonlocal is_open
        out.append(f"{'>' if is_open else ''}{escape(characters, {chr(13): '&#13;'})}")
        is_open = False

    reader = XmlReader(data, name)
    reader.hear_text(text)
    reader.read(start, end)
    out.append("\n")
    return "".join(out).encode("utf-8")


class _Checker:
    """Follows the document and sums up; handlers are called for every element, so they do little."""

    def __init__(self, data: bytes, name: str) -> None:
        self.reader = XmlReader(data, name)
        self.name = name
        self.has_root = False
        self.notes = 0
        self.declared: dict[str, None] = {}  # ids in the part list, in order
        self.parts: dict[str, None] = {}  # ids of the parts met
        self.part = ""
        self.measure = ""
        self.measures = 0
        self.most_measures = 0
        self.divisions = 0.0
        self.cursor = 0.0  # quarters from the start of the measure
        self.measure_quarters = 0.0
        self.part_quarters = 0.0
        self.most_quarters = 0.0
        self.tempo = self.slowest_tempo = DEFAULT_QUARTERS_PER_MINUTE
        self.seconds = 0.0
        self.collected: list[str] = []
        self.duration: float | None = None
        self.is_chord = self.is_grace = False
        self.good_numbers: set[tuple[str, str]] = set()  # element and text; most come again and again
        self.good_attributes: set[str] = set()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Before the content of an element."""
        if not self.has_root:
            self.root(tag)
        if attributes:
            self.attributes(tag, attributes)
        if tag in CHECKED_ELEMENTS:
            self.collected = []
            self.reader.hear_text(self.collected.append)
        elif tag in ("note", "backup", "forward"):
            self.duration, self.is_chord, self.is_grace = None, False, False
        elif tag == "chord":
            self.is_chord = True
        elif tag == "grace":
            self.is_grace = True
        elif tag == "measure":
            self.start_measure(attributes)
        elif tag == "part":
            self.start_part(attributes)
        elif tag == "score-part":
            self.score_part(attributes)

    def end(self, tag: str) -> None:
        """After the content of an element."""
        rule = CHECKED_ELEMENTS.get(tag)
        if rule is not None:
            self.reader.hear_text(None)
            self.number(tag, "".join(self.collected).strip(), rule)
        elif tag == "note":
            self.end_note()
        elif tag == "forward":
            self.move(self.duration, tag)
        elif tag == "backup":
            self.move(None if self.duration is None else -self.duration, tag)
        elif tag == "measure":
            self.end_measure()
        elif tag == "part":
            self.most_measures = max(self.most_measures, self.measures)
            self.most_quarters = max(self.most_quarters, self.part_quarters)
            self.part = ""

    def extent(self) -> MusicXmlExtent:
        """The sums, once the document has ended."""
        if not self.parts:
            raise refusal(self.name, "", "at least one part", "none")
        missing = [part for part in self.declared if part not in self.parts]
        if missing:
            raise refusal(self.name, "", "a part for each entry of the part list", f"none for {missing[0]}")
        if not self.most_measures:
            raise refusal(self.name, "", "at least one measure", "none")
        return MusicXmlExtent(tuple(self.parts), self.most_measures, self.notes, self.most_quarters, self.seconds)

    def root(self, tag: str) -> None:
        self.has_root = True
        if tag == "score-timewise":
            raise self.refuse("a partwise score (score-partwise)", "a timewise one; most notation programs can export it partwise")
        if tag != "score-partwise":
            raise self.refuse("MusicXML (score-partwise)", f"an XML document of {tag}")

    def score_part(self, attributes: dict[str, str]) -> None:
        identity = attributes.get("id", "")
        if not identity or identity in self.declared:
            raise self.refuse("a part id of its own", f"'{identity}' in the part list")
        self.declared[identity] = None
        if len(self.declared) > MAX_PARTS:
            raise self.refuse(f"at most {MAX_PARTS} parts", "more")

    def start_part(self, attributes: dict[str, str]) -> None:
        self.part = attributes.get("id", "")
        if self.part not in self.declared:
            raise self.refuse("a part that the part list names", f"'{self.part}'")
        if self.part in self.parts:
            raise self.refuse("each part once", f"{self.part} again")
        self.parts[self.part] = None
        self.measures, self.divisions, self.part_quarters = 0, 0.0, 0.0

    def start_measure(self, attributes: dict[str, str]) -> None:
        if not self.part:
            raise self.refuse("measures inside a part", "one outside")
        self.measures += 1
        self.measure = attributes.get("number", str(self.measures))
        self.cursor = self.measure_quarters = 0.0
        self.slowest_tempo = self.tempo
        if self.measures > MAX_MEASURES:
            raise self.refuse(f"at most {MAX_MEASURES:,} measures a part", "more")

    def end_measure(self) -> None:
        self.part_quarters += self.measure_quarters
        if len(self.parts) == 1:
            self.seconds += self.measure_quarters * 60 / self.slowest_tempo
            if self.seconds > MAX_MUSIC_S:
                raise self.refuse(f"at most {MAX_MUSIC_S:g} s of music", "more")
        self.measure = ""

    def end_note(self) -> None:
        self.notes += 1
        if self.notes > MAX_NOTES:
            raise self.refuse(f"at most {MAX_NOTES:,} notes", "more")
        if not self.measure:
            raise self.refuse("notes inside a measure", "one outside")
        if self.is_grace:
            return
        if self.is_chord:
            self.in_quarters(self.duration, "note")
        else:
            self.move(self.duration, "note")

    def move(self, duration: float | None, tag: str) -> None:
        """Move the place in the measure by a duration in divisions."""
        self.cursor += self.in_quarters(duration, tag)
        if self.cursor < -1e-6:
            raise self.refuse("a backup no further than the start of the measure", f"{-self.cursor:g} quarters before it")
        self.measure_quarters = max(self.measure_quarters, self.cursor)
        if self.cursor > MAX_MEASURE_QUARTERS:
            raise self.refuse(f"a measure of at most {MAX_MEASURE_QUARTERS:g} quarters", f"{self.cursor:g}")

    def in_quarters(self, duration: float | None, tag: str) -> float:
        if duration is None:
            raise self.refuse(f"a duration in {tag}", "none")
        if not self.divisions:
            raise self.refuse("divisions before the first duration", "none")
        if abs(duration) > MAX_MEASURE_QUARTERS * self.divisions:
            raise self.refuse(f"a duration of at most {MAX_MEASURE_QUARTERS:g} quarters", f"{abs(duration) / self.divisions:g}")
        return duration / self.divisions

    def number(self, tag: str, text: str, rule: Rule) -> None:
        """Check an element's number, and keep those that time is made of."""
        if (tag, text) not in self.good_numbers:
            expected, holds = rule
            if not holds(text):
                raise self.refuse(f"{expected} in {tag}", f"'{text}'")
            if len(self.good_numbers) < NUMBERS_KEPT:
                self.good_numbers.add((tag, text))
        if tag == "duration":
            self.duration = to_number(text)
        elif tag == "divisions":
            self.divisions = to_number(text)

    def attributes(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in CHECKED_ATTRIBUTE_ELEMENTS:
            for key, text in attributes.items():
                rule = ATTRIBUTES.get((tag, key))
                if rule is not None and not rule[1](text):
                    raise self.refuse(f"{rule[0]} as {key} of {tag}", f"'{text}'")
            if tag == "sound" and "tempo" in attributes:
                self.tempo = to_number(attributes["tempo"])
                self.slowest_tempo = min(self.slowest_tempo, self.tempo)
        good = self.good_attributes
        for key, text in attributes.items():
            if text in good or key in FREE_ATTRIBUTES:
                continue
            if len(text) > MAX_TEXT_BYTES:
                raise self.refuse(f"at most {MAX_TEXT_BYTES:,} characters as {key} of {tag}", f"{len(text):,}")
            if looks_numeric(text):
                value = to_number(text)
                if math.isnan(value) or abs(value) > MAX_ATTRIBUTE_NUMBER:
                    raise self.refuse(f"a plain number up to {MAX_ATTRIBUTE_NUMBER:g} as {key} of {tag}", f"'{text}'")
            if len(good) < NUMBERS_KEPT:
                good.add(text)

    def refuse(self, expected: str, came: object) -> InputError:
        place = f"line {self.reader.line}"
        if self.part:
            place += f", part {safe_text(self.part, 20)}"
        if self.measure:
            place += f", measure {safe_text(self.measure, 20)}"
        return refusal(self.name, place, expected, came)
