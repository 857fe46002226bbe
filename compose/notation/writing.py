"""A ``WrittenScore`` as MusicXML 4.0, partwise; ``read_written`` of it gives the same score again.

Conventions: alterations are what the signs say (``compose.notation.sounding``); heads under a percussion clef have no pitch.
The voices of a bar are written one after another; what a voice leaves unprinted is a ``<forward>``. Directions stand in the first
voice of their staff, clefs within a bar where some voice has a note that begins. A first bar that is shorter than its meter
has the number 0.

music21, partitura and verovio open it, but for one thing: partitura 1.9 fails on chords of unpitched notes.

Source: MusicXML 4.0 (W3C Music Notation Community Group, 2021).
"""

from __future__ import annotations

import math
from fractions import Fraction
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from compose.notation.slurs import NO_SLURS, slur_numbers
from compose.notation.sounding import divisions_of, sounding_heads, steps
from compose.notation.writing_directions import add_direction
from compose.notation.writing_events import add_event
from compose.notation.written import Bar, Clef, Direction, Event, Part, Voice, WrittenScore
from corpora.errors import InputError

__all__ = ["write_written"]

MAX_DIVISIONS = 1_000_000  # of a quarter, as the gate has it
_HEADER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">\n'
)


def write_written(score: WrittenScore) -> bytes:
    """The score as a MusicXML text in UTF-8.

    Raises:
        InputError: It has no part or no bar, its parts have unequal numbers of bars, or its times need too fine a division.
    """
    counts = [len(part.bars) for part in score.parts]
    if not counts or not counts[0] or len(set(counts)) > 1:
        raise InputError(f"written score: expected parts of equally many bars, at least one, got {counts}")
    divisions = math.lcm(*(divisions_of(part) for part in score.parts))
    if divisions > MAX_DIVISIONS:
        raise InputError(
            f"written score: its times need {divisions} divisions of a quarter, at most {MAX_DIVISIONS} can be written"
        )
    root = Element("score-partwise", version="4.0")
    if score.title:
        SubElement(SubElement(root, "work"), "work-title").text = score.title
    heads = SubElement(root, "part-list")
    for number, part in enumerate(score.parts, 1):
        head = SubElement(heads, "score-part", id=f"P{number}")
        SubElement(head, "part-name").text = part.name
    for number, part in enumerate(score.parts, 1):
        _Writer(score, part, divisions, number == 1).write(SubElement(root, "part", id=f"P{number}"))
    ElementTree.indent(root)
    return f"{_HEADER}{ElementTree.tostring(root, encoding='unicode')}\n".encode()


class _Writer:
    """Writes the bars of one part; holds what is in force."""

    def __init__(self, score: WrittenScore, part: Part, divisions: int, is_first: bool) -> None:
        self.part = part
        self.divisions = divisions
        self.systems = frozenset(score.systems[1:]) if is_first else frozenset()
        self.pages = frozenset(score.pages[1:]) if is_first else frozenset()
        self.clefs: dict[int, Clef] = {}
        self.alters = {(note.bar, note.voice, note.event, note.head): note.alter for note in sounding_heads(part)}
        self.slurs = slur_numbers(part)

    def write(self, element: Element) -> None:
        """Write all bars into the ``<part>``."""
        first_number = 0 if _is_pickup(self.part.bars[0]) else 1
        for index, (bar, ending) in enumerate(zip(self.part.bars, _ending_numbers(self.part.bars), strict=True)):
            measure = SubElement(element, "measure", number=str(first_number + index))
            if first_number + index == 0:
                measure.set("implicit", "yes")
            self._bar(measure, index, bar)
            _add_right_line(measure, bar, ending)
            self.clefs |= {clef.staff: clef for clef in bar.clefs}

    def _bar(self, measure: Element, index: int, bar: Bar) -> None:
        if index in self.pages:
            SubElement(measure, "print", {"new-page": "yes"})
        elif index in self.systems:
            SubElement(measure, "print", {"new-system": "yes"})
        self._attributes(measure, index, bar)
        _add_left_line(measure, bar)
        later = [clef for clef in bar.clefs if clef.onset > 0]
        cursor = reached = Fraction(0)
        for place, voice in enumerate(bar.voices):
            self._move(measure, cursor, Fraction(0))
            directions = [said for said in bar.directions if _voice_of(bar.voices, said.staff) == place]
            cursor = self._voice(measure, (index, place), voice, directions, later)
            reached = max(reached, cursor)
        if not bar.voices:
            for said in bar.directions:
                self._direction(measure, said, cursor)
        for clef in later:  # no voice of its staff has anything that begins there
            self._move(measure, cursor, clef.onset)
            _add_clef(SubElement(measure, "attributes"), clef)
            cursor = clef.onset
        if reached < bar.length:
            self._move(measure, cursor, bar.length)

    def _attributes(self, measure: Element, index: int, bar: Bar) -> None:
        first = [clef for clef in bar.clefs if clef.onset == 0]
        if index and not (bar.key or bar.time or first):
            return
        attributes = SubElement(measure, "attributes")
        if index == 0:
            SubElement(attributes, "divisions").text = str(self.divisions)
        if bar.key:
            SubElement(SubElement(attributes, "key"), "fifths").text = str(bar.key.fifths)
        if bar.time:
            time = SubElement(attributes, "time", {"symbol": bar.time.symbol} if bar.time.symbol else {})
            SubElement(time, "beats").text = str(bar.time.beats)
            SubElement(time, "beat-type").text = str(bar.time.beat_type)
        if index == 0 and self.part.staves > 1:
            SubElement(attributes, "staves").text = str(self.part.staves)
        for clef in first:
            _add_clef(attributes, clef)

    def _voice(
        self, measure: Element, place: tuple[int, int], voice: Voice, directions: list[Direction], later: list[Clef]
    ) -> Fraction:
        """Write a voice from the start of its bar on; returns where it ends. What it could place of ``later`` is taken out."""
        cursor = Fraction(0)
        for index, event in enumerate(voice.events):
            self._move(measure, cursor, event.onset)
            cursor = event.onset
            for clef in [clef for clef in later if (clef.onset, clef.staff) == (cursor, event.staff)]:
                _add_clef(SubElement(measure, "attributes"), clef)
                later.remove(clef)
            while directions and directions[0].onset < cursor + event.duration:
                self._direction(measure, directions.pop(0), cursor)
            alters = [self.alters[(*place, index, number)] for number in range(len(event.heads))]
            is_unpitched = self._clef_sign(place[0], event) == "percussion"
            duration = steps(event.duration, self.divisions)
            add_event(measure, event, voice.number, alters, is_unpitched, duration, self.slurs.get((*place, index), NO_SLURS))
            cursor += event.duration
        for said in directions:
            self._direction(measure, said, cursor)
        return cursor

    def _direction(self, measure: Element, said: Direction, cursor: Fraction) -> None:
        add_direction(measure, said, steps(said.onset, self.divisions) - steps(cursor, self.divisions))

    def _clef_sign(self, bar: int, event: Event) -> str:
        """The sign of the clef in force where an event stands, "" before any."""
        here = [clef for clef in self.part.bars[bar].clefs if clef.staff == event.staff and clef.onset <= event.onset]
        clef = here[-1] if here else self.clefs.get(event.staff)
        return clef.sign if clef else ""

    def _move(self, measure: Element, start: Fraction, end: Fraction) -> None:
        """Write what brings the reader from one place of the bar to another."""
        if start != end:
            mover = SubElement(measure, "backup" if end < start else "forward")
            SubElement(mover, "duration").text = str(abs(steps(end, self.divisions) - steps(start, self.divisions)))


def _add_clef(attributes: Element, clef: Clef) -> None:
    element = SubElement(attributes, "clef", number=str(clef.staff))
    SubElement(element, "sign").text = clef.sign
    if clef.sign != "percussion":
        SubElement(element, "line").text = str(clef.line)
    if clef.octaves:
        SubElement(element, "clef-octave-change").text = str(clef.octaves)


def _is_pickup(bar: Bar) -> bool:
    quarters = Fraction(4 * bar.time.beats, bar.time.beat_type) if bar.time else Fraction(4)
    return bar.irregular and bar.length < quarters


def _voice_of(voices: tuple[Voice, ...], staff: int) -> int:
    """The voice among which a staff's directions are written: the first that begins on it, else the first of all."""
    return next((index for index, voice in enumerate(voices) if voice.events[0].staff == staff), 0)


def _ending_numbers(bars: tuple[Bar, ...]) -> list[str]:
    """The numbers of the ending that is open in each bar, "" where none is."""
    numbers: list[str] = []
    is_open = False
    for bar in bars:
        numbers.append(bar.ending_start or (numbers[-1] if is_open else ""))
        is_open = bool(numbers[-1]) and not bar.ending_stop
    return numbers


def _add_left_line(measure: Element, bar: Bar) -> None:
    if not (bar.left or bar.repeat_start or bar.ending_start):
        return
    line = SubElement(measure, "barline", location="left")
    if bar.left:
        SubElement(line, "bar-style").text = bar.left
    if bar.ending_start:
        ending = SubElement(line, "ending", number=bar.ending_start, type="start")
        ending.text = f"{bar.ending_start}."
    if bar.repeat_start:
        SubElement(line, "repeat", direction="forward")


def _add_right_line(measure: Element, bar: Bar, ending: str) -> None:
    if not (bar.right or bar.repeat_end or bar.ending_stop):
        return
    line = SubElement(measure, "barline", location="right")
    if bar.right:
        SubElement(line, "bar-style").text = bar.right
    if bar.ending_stop:
        SubElement(line, "ending", number=ending or "1", type="stop" if bar.repeat_end else "discontinue")
    if bar.repeat_end:
        SubElement(line, "repeat", direction="backward")
