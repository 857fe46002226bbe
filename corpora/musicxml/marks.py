"""The performance marks of a MusicXML score: directions in their places, what stands on each note, slurs, and the road map.

A ``Piece`` knows only notes, bars and tempos; what tells a player how to play them is read here, uninterpreted: names are those
of MusicXML elements. Conventions: places are divs of the score as written, the same as ``read_musicxml`` gives for the same text
(``Document.divs``), a direction's ``<offset>`` included. Note ids are those of the reader: a chain of tied notes has the marks of
all its elements. Staves count from 1, 0 stands for all staves of the part; measures count from 0.

Source: MusicXML 4.0 (W3C Music Notation Community Group, 2021), elements ``direction``, ``sound``, ``notations``, ``barline``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree import ElementTree

from corpora.musicxml.document import Document, Item, PartWalk
from corpora.musicxml.reader import Chain, tie_chains
from corpora.musicxml.walker import collection_paused, walk

__all__ = ["BarMarks", "Direction", "Hold", "Marks", "NoteMarks", "Span", "read_marks"]

SPANS = frozenset({"slur", "wavy-line"})
SOUNDS = ("dacapo", "dalsegno", "segno", "coda", "tocoda", "fine", "pizzicato", "dynamics", "tempo")  # attributes of <sound>
MAX_REPEATS = 32
MAX_TREMOLO_MARKS = 8  # the schema's own limit
_ENDS_CLAUSE = re.compile(r"[,.;:!?…][\"'»”’)]*$")
_WORDS_OF_JUMPS = (
    (re.compile(r"\b(d\.?\s*s\.|dal segno)", re.IGNORECASE), "dalsegno"),
    (re.compile(r"\b(d\.?\s*c\.|da capo)", re.IGNORECASE), "dacapo"),
    (re.compile(r"^\s*(to|alla)\s+coda", re.IGNORECASE), "tocoda"),
    (re.compile(r"^\s*fine\.?\s*$", re.IGNORECASE), "fine"),
)


@dataclass(frozen=True, slots=True)
class Direction:
    """A mark that stands at a place and not on a note.

    Args:
        kind: dynamics, words, wedge, dashes, pedal, octave-shift, swing, or an attribute of ``<sound>`` (dacapo, tempo ...).
        onset: Place in divs.
        measure: Index of its measure.
        part: Index of its part in score order (not a lane).
        staff: Staff that it names, 0 for none.
        text: What it says: "pp", "cresc.", the ``type`` of a wedge or pedal, the value of an attribute.
        number: Tells apart spans that overlap.
    """

    kind: str
    onset: int
    measure: int
    part: int
    staff: int
    text: str
    number: str = "1"


@dataclass(frozen=True, slots=True)
class Span:
    """A slur or wavy line between two notes of a part; ``end`` is the end of its last note, None where it never closes."""

    kind: str
    part: int
    start: int
    end: int | None
    first_id: str
    last_id: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A fermata: over what it stands, in divs (a note or rest; nothing of length for one on a barline), and in which part."""

    start: int
    end: int
    part: int
    measure: int


@dataclass(slots=True)
class NoteMarks:
    """What stands on a note.

    Args:
        part, measure, staff, voice: Where the note is; the measure is that of its first element.
        step, alter, octave: The pitch as written.
        type: The note value as written, "eighth" for example; "" where the file does not say.
        grace: "" for a main note, else "plain" or "slashed".
        chord: Whether it sounds together with the note before it in the file.
        articulations, ornaments: Element names, in the order of the file.
        ornament_alters: Of a neighbour note, above and below the note, where an accidental mark says it.
        tremolo: Number of marks, 0 for none; ``tremolo_pair`` is "start" or "stop" for one between two notes.
        arpeggio: "" or "up" or "down"; numbers tell apart arpeggios of one place and are left out of account.
        dynamics: A dynamic on the note itself, for example "sf".
        breath: "", "breath-mark" or "caesura" after the note.
        ends_clause: Whether its syllable ends with a sign of punctuation.
        tied_in, tied_out: A tie that comes from, or goes to, no note that is next to it as written.
    """

    part: int
    measure: int
    staff: int
    voice: str
    step: str = ""
    alter: float = 0.0
    octave: int = 0
    type: str = ""
    grace: str = ""
    chord: bool = False
    articulations: tuple[str, ...] = ()
    ornaments: tuple[str, ...] = ()
    ornament_alters: tuple[str, str] = ("", "")
    tremolo: int = 0
    tremolo_pair: str = ""
    arpeggio: str = ""
    dynamics: str = ""
    breath: str = ""
    ends_clause: bool = False
    tied_in: bool = False
    tied_out: bool = False


@dataclass(slots=True)
class BarMarks:
    """The road map of a measure.

    Args:
        forward: A repeat begins with it.
        times: How often what a repeat at its end closes is played in all; 0 where none closes.
        ending: Numbers of the ending (volta) that begins with it.
        ending_stops: An ending stops with it.
        jumps: dacapo, dalsegno, segno, coda, tocoda, fine.
        double: A double, final or other heavy bar line closes it.
        first_of_movement: Bars are counted from the start again.
    """

    forward: bool = False
    times: int = 0
    ending: tuple[int, ...] = ()
    ending_stops: bool = False
    jumps: frozenset[str] = frozenset()
    double: bool = False
    first_of_movement: bool = False


@dataclass(frozen=True)
class Marks:
    """All marks of a score.

    Args:
        directions: By place.
        notes: By note id.
        spans: Slurs and wavy lines by start.
        holds: Fermatas by start.
        bars: One a measure.
        document: The walked score, with parts, meters, keys and transpositions.
    """

    directions: tuple[Direction, ...]
    notes: dict[str, NoteMarks]
    spans: tuple[Span, ...]
    holds: tuple[Hold, ...]
    bars: tuple[BarMarks, ...]
    document: Document = field(repr=False)


def read_marks(data: bytes, name: str = "") -> Marks:
    """The marks of a MusicXML text that has passed the gate.

    Args:
        data: The text, the one that the piece was read from (``Piece.source``).
        name: File name for messages.

    Raises:
        InputError: As ``read_musicxml``.
    """
    with collection_paused():
        document = walk(data, name)
        chains, _ = tie_chains(document)
        directions = [found for part in range(len(document.parts)) for found in _directions(document, part)]
        directions.sort(key=lambda direction: direction.onset)
        holds = [hold for part in range(len(document.parts)) for hold in _holds(document, part)]
        return Marks(
            directions=tuple(directions),
            notes={chain.id: _note_marks(chain) for chain in chains},
            spans=tuple(sorted(_spans(document, chains), key=lambda span: span.start)),
            holds=tuple(sorted(holds, key=lambda hold: hold.start)),
            bars=_bars(document, directions),
            document=document,
        )


def _directions(document: Document, part_index: int) -> Iterator[Direction]:
    for measure, walked in enumerate(document.parts[part_index].measures):
        for item in walked.items:
            element = item.element
            if item.kind != "other" or element.tag not in ("direction", "sound"):
                continue
            onset = document.starts[measure] + item.onset + _offset(element, item, document.divs)
            staff = (element.findtext("staff") or "0").strip()
            place = (max(onset, 0), measure, part_index, int(staff) if staff.isdecimal() else 0)
            for kind, text, number in _said(element):
                yield Direction(kind, *place, text, number)


def _offset(element: ElementTree.Element, item: Item, divs: int) -> int:
    text = (element.findtext("offset") or "").strip()
    return round(Fraction(text) * divs / item.divisions) if text else 0


def _said(element: ElementTree.Element) -> Iterator[tuple[str, str, str]]:
    """Kind, text and number of everything that a direction (or a sound of its own) says."""
    for child in element.iterfind("direction-type/*"):
        number = child.get("number", "1")
        text = " ".join((child.text or "").split())
        if child.tag == "dynamics":
            for mark in child:
                other = " ".join((mark.text or "").split())
                yield ("dynamics", mark.tag, number) if mark.tag != "other-dynamics" else ("words", other, number)
        elif child.tag == "words":
            if text:
                yield "words", text, number
        elif child.tag in ("wedge", "dashes", "pedal", "octave-shift"):
            yield child.tag, child.get("type", ""), number
        elif child.tag in ("segno", "coda"):
            yield child.tag, "", number
    sound = element if element.tag == "sound" else element.find("sound")
    if sound is not None:
        for name in SOUNDS:
            if sound.get(name):
                yield name, sound.get(name, ""), "1"
        if (swing := sound.find("swing")) is not None:
            yield "swing", "straight" if swing.find("straight") is not None else swing.findtext("swing-type") or "eighth", "1"


def _holds(document: Document, part_index: int) -> Iterator[Hold]:
    for measure, walked in enumerate(document.parts[part_index].measures):
        start = document.starts[measure]
        seen: set[tuple[int, int]] = set()
        for item in walked.items:
            at = start + item.onset
            if item.ordinal >= 0 and item.kind != "cue" and item.element.find("notations/fermata") is not None:
                seen.add((at, at + item.duration))
            elif item.kind == "other" and item.element.tag == "barline" and item.element.find("fermata") is not None:
                seen.add((at, at))
        for hold in sorted(seen):
            yield Hold(*hold, part_index, measure)


def _note_marks(chain: Chain) -> NoteMarks:
    measure, head = chain.items[0]
    marks = NoteMarks(chain.part, measure, head.staff, head.voice)
    pitch = head.element.find("pitch")
    if pitch is not None:
        marks.step = (pitch.findtext("step") or "").strip()
        marks.alter = float(pitch.findtext("alter") or 0)
        marks.octave = int(pitch.findtext("octave") or 0)
    marks.chord = head.chord
    marks.type = (head.element.findtext("type") or "").strip()
    grace = head.element.find("grace")
    if grace is not None:
        marks.grace = "slashed" if grace.get("slash") == "yes" else "plain"
    marks.tied_in, marks.tied_out = head.tie_stop, chain.items[-1][1].tie_start
    for _, item in chain.items:
        for notations in item.element.iterfind("notations"):
            for mark in notations:
                _add_mark(marks, mark)
        for lyric in item.element.iterfind("lyric"):
            text = (lyric.findtext("text") or "").strip()
            marks.ends_clause |= bool(_ENDS_CLAUSE.search(text))
    return marks


def _add_mark(marks: NoteMarks, mark: ElementTree.Element) -> None:
    if mark.tag == "articulations":
        for child in mark:
            if child.tag in ("breath-mark", "caesura"):
                marks.breath = child.tag
            else:
                marks.articulations += (child.tag,)
    elif mark.tag == "ornaments":
        for child in mark:
            if child.tag == "tremolo":
                text = (child.text or "").strip()
                count = min(int(text), MAX_TREMOLO_MARKS) if text.isdecimal() else 3
                kind = child.get("type", "single")
                marks.tremolo, marks.tremolo_pair = count, "" if kind in ("single", "unmeasured") else kind
            elif child.tag == "accidental-mark":
                above, below = marks.ornament_alters
                named = (child.text or "").strip()
                marks.ornament_alters = (above, named) if child.get("placement") == "below" else (named, below)
            elif child.tag != "wavy-line":
                marks.ornaments += (child.tag,)
    elif mark.tag == "arpeggiate":
        marks.arpeggio = "down" if mark.get("direction") == "down" else "up"
    elif mark.tag == "dynamics":
        marks.dynamics = next((child.tag for child in mark if child.tag != "other-dynamics"), marks.dynamics)


def _spans(document: Document, chains: list[Chain]) -> Iterator[Span]:
    """Slurs and wavy lines, ends paired by kind and number in the order of time, as long as both stand in one part."""
    for part_index in range(len(document.parts)):
        ends: list[tuple[int, bool, int, int, str, str, Chain]] = []
        for chain in chains:
            if chain.part != part_index:
                continue
            for measure, item in chain.items:
                at = document.starts[measure] + item.onset
                for mark in (*item.element.iterfind("notations/*"), *item.element.iterfind("notations/ornaments/*")):
                    if mark.tag in SPANS and mark.get("type") in ("start", "stop"):
                        is_start = mark.get("type") == "start"
                        # A slur that ends on a note is closed before the next one opens there; a wavy line may fill one note.
                        order = int(is_start) if mark.tag == "slur" else int(not is_start)
                        main = item.kind != "grace"  # grace notes come before the note of their place
                        ends.append((at, main, order, item.ordinal, mark.tag, mark.get("number", "1"), chain))
        ends.sort(key=lambda end: end[:4])
        open_ones: dict[tuple[str, str], tuple[int, Chain]] = {}
        for at, _, order, _, tag, number, chain in ends:
            is_start = bool(order) if tag == "slur" else not order
            if is_start:
                if (tag, number) in open_ones:
                    yield Span(tag, part_index, open_ones[tag, number][0], None, open_ones[tag, number][1].id, "")
                open_ones[tag, number] = (at, chain)
            elif (tag, number) in open_ones:
                start, first = open_ones.pop((tag, number))
                yield Span(tag, part_index, start, chain.end, first.id, chain.id)
        for (tag, _), (start, first) in open_ones.items():
            yield Span(tag, part_index, start, None, first.id, "")


def _bars(document: Document, directions: list[Direction]) -> tuple[BarMarks, ...]:
    bars = [BarMarks() for _ in document.starts]
    longest = max(document.parts, key=lambda part: len(part.measures))
    for index, walked in enumerate(longest.measures):
        number, before = walked.number, longest.measures[index - 1].number if index else ""
        bars[index].first_of_movement = index > 0 and (number == "0" or (number == "1" and before != "0"))
    for part in document.parts:
        _read_barlines(part, bars)
    for direction in directions:
        kind = direction.kind
        if kind == "words":
            kind = next((jump for pattern, jump in _WORDS_OF_JUMPS if pattern.search(direction.text)), "")
        if kind in ("dacapo", "dalsegno", "segno", "coda", "tocoda", "fine"):
            bars[direction.measure].jumps |= {kind}
    return tuple(bars)


def _read_barlines(part: PartWalk, bars: list[BarMarks]) -> None:
    for bar, walked in zip(bars, part.measures, strict=False):
        for item in walked.items:
            if item.element.tag != "barline":
                continue
            if (item.element.findtext("bar-style") or "").strip() in ("light-light", "light-heavy", "heavy-heavy", "heavy"):
                bar.double |= item.element.get("location", "right") == "right"
            repeat, ending = item.element.find("repeat"), item.element.find("ending")
            if repeat is not None and repeat.get("direction") == "forward":
                bar.forward = True
            elif repeat is not None:
                times = repeat.get("times", "2")
                bar.times = min(max(int(times), 1), MAX_REPEATS) if times.isdecimal() else 2
            if ending is not None and ending.get("type") == "start":
                bar.ending = tuple(int(number) for number in re.findall(r"\d+", ending.get("number", "")))
            elif ending is not None:
                bar.ending_stops = True
