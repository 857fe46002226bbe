"""MusicXML into what is printed: ``read_written`` makes the one canonical ``WrittenScore`` of a file.

What a page shows is kept and what it does not show is left out: ``print-object="no"`` (notes, rests, clefs, keys, meters), cue
notes (they are another player's), lyrics, fingerings, and layout but for the breaks of systems and pages. One picture has one
reading: chords go from low to high, voices are numbered by one rule (``compose.notation.reading_events``), directions and marks
have a fixed order, a bar line between two bars is the right one of the first, a clef at the end of a bar stands at the start of
the next, and an ending stops only where one has begun. A rest over several bars is as many bars, each with its own. Bars are as
long as the longest part's and every part has as many; where they depart from the last printed meter they are irregular.

Places are those of MusicXML's pitches: octaves of clefs and of octave lines are counted in (what stands under "8va" has the
octave that sounds), the transposition of an instrument is not. A key that changes within a bar is printed at its start here.

Source: MusicXML 4.0 (W3C Music Notation Community Group, 2021).
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree

from compose.notation.names import BAR_STYLES, CLEF_SIGNS
from compose.notation.reading_directions import read_direction, read_harmony
from compose.notation.reading_events import read_voices
from compose.notation.written import Bar, Clef, Direction, Key, Part, Time, WrittenScore, in_order
from corpora.errors import InputError
from corpora.gate.score import check_score
from corpora.musicxml.document import Document, MeasureWalk, PartWalk
from corpora.musicxml.walker import collection_paused, walk

__all__ = ["read_checked", "read_written"]

DEFAULT_BAR_QUARTERS = Fraction(4)
_DEFAULT_LINES = {"G": 2, "F": 4, "C": 3, "percussion": 3}
_STYLES_OF_REPEATS = {"left": "heavy-light", "right": "light-heavy"}
_SAME_STYLES = {"regular": "", "heavy-heavy": "heavy", "tick": "", "short": ""}


def read_written(musicxml: bytes, name: str = "") -> WrittenScore:
    """Read a MusicXML file, compressed or not.

    Args:
        musicxml: The file.
        name: File name for messages.

    Raises:
        InputError: The gate refuses it, it is no MusicXML, or something in it cannot be understood.
    """
    label = name or "MusicXML"
    score = check_score(musicxml, label)
    if score.format != "musicxml":
        raise InputError(f"{label}: expected MusicXML, got {score.format}")
    return read_checked(score.data, label)


def read_checked(data: bytes, name: str = "") -> WrittenScore:
    """As ``read_written``, for a MusicXML text that has passed the gate.

    Raises:
        InputError: As ``read_written``.
    """
    with collection_paused():
        document = walk(data, name)
        quarters = Quarters(document.divs)
        parts = tuple(_part(document, part, quarters) for part in document.parts)
        systems, pages = _breaks(document)
    return WrittenScore(parts, _title(document.root), systems, pages)


class Quarters(dict[int, Fraction]):
    """Quarters of a time in divs; the few that occur are made once."""

    def __init__(self, divs_per_quarter: int) -> None:
        self.divs_per_quarter = divs_per_quarter

    def __missing__(self, divs: int) -> Fraction:
        value = self[divs] = Fraction(divs, self.divs_per_quarter)
        return value


def _title(root: ElementTree.Element) -> str:
    titles = (_text(root.findtext(path)) for path in ("work/work-title", "movement-title"))
    return next((title for title in titles if title), "")


def _text(value: str | None) -> str:
    return " ".join((value or "").split())


def _part_name(root: ElementTree.Element, key: str) -> str:
    head = next((head for head in root.iterfind("part-list/score-part") if head.get("id", "") == key), None)
    element = None if head is None else head.find("part-name")
    return "" if element is None or element.get("print-object") == "no" else _text(element.text)


def _breaks(document: Document) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Bars that begin a system and those that begin a page; none of a kind that the file does not break."""
    systems, pages = set(), set()
    for index, measure in enumerate(document.parts[0].measures):
        for element in measure.element.iterfind("print"):
            if index and element.get("new-page") == "yes":
                pages.add(index)
            if index and "yes" in (element.get("new-page"), element.get("new-system")):
                systems.add(index)
    return tuple(sorted({0, *systems})) if systems else (), tuple(sorted({0, *pages})) if pages else ()


def _part(document: Document, part: PartWalk, quarters: Quarters) -> Part:
    bars: list[Bar] = []
    meter_length = DEFAULT_BAR_QUARTERS
    late_clefs: tuple[Clef, ...] = ()
    is_open = False  # an ending
    for index, divs in enumerate(document.lengths):
        length = quarters[divs]
        bar = _bar(part.measures[index], length, quarters) if index < len(part.measures) else Bar((), length)
        here = tuple(clef for clef in bar.clefs if clef.onset < length)
        early = {clef.staff for clef in here if clef.onset == 0}
        clefs = (*(replace(clef, onset=Fraction(0)) for clef in late_clefs if clef.staff not in early), *here)
        late_clefs = tuple(clef for clef in bar.clefs if clef.onset >= length)
        if bar.time:
            meter_length = Fraction(4 * bar.time.beats, bar.time.beat_type)
        bar = replace(bar, clefs=_ordered(clefs), irregular=length != meter_length)
        if bar.left and bars and not bar.repeat_start:
            if not bars[-1].right:
                bars[-1] = replace(bars[-1], right=bar.left)
            bar = replace(bar, left="")
        is_open = is_open or bool(bar.ending_start)
        bars.append(replace(bar, ending_stop=bar.ending_stop and is_open))
        is_open = is_open and not bar.ending_stop
    return Part(tuple(bars), part.num_staves, _part_name(document.root, part.key))


def _ordered(clefs: tuple[Clef, ...]) -> tuple[Clef, ...]:
    """In order of time and staff; of two on one place the last counts."""
    places = {(clef.onset, clef.staff): clef for clef in clefs}
    return tuple(places[place] for place in sorted(places))


def _bar(measure: MeasureWalk, length: Fraction, quarters: Quarters) -> Bar:
    voices, spoken = read_voices(measure, length, quarters)
    clefs: list[Clef] = []
    keys: list[Key] = []
    times: list[Time] = []
    directions: list[Direction] = list(spoken)
    lines: dict[str, ElementTree.Element] = {}
    for item in measure.items:
        if item.kind != "other":
            continue
        tag, onset = item.element.tag, quarters[item.onset]
        if tag == "attributes":
            for child in item.element:
                if child.get("print-object") == "no":
                    continue
                if child.tag == "clef":
                    clefs += _clef(child, onset)
                elif child.tag == "key":
                    keys += _key(child)
                elif child.tag == "time":
                    times += _time(child)
        elif tag in ("direction", "harmony"):
            offset = Fraction((item.element.findtext("offset") or "0").strip()) / item.divisions
            place = min(max(onset + offset, Fraction(0)), length)
            read = read_direction if tag == "direction" else read_harmony
            directions += read(item.element, place)
        elif tag == "barline":
            lines[item.element.get("location", "right")] = item.element
    left, repeat_start, ending_start, _ = _bar_line(lines.get("left"), "left")
    right, repeat_end, _, ending_stop = _bar_line(lines.get("right"), "right")
    return Bar(
        voices,
        length,
        tuple(clefs),
        keys[0] if keys else None,
        times[0] if times else None,
        in_order(directions),
        left,
        right,
        repeat_start,
        repeat_end,
        ending_start,
        ending_stop,
    )


def _clef(element: ElementTree.Element, onset: Fraction) -> list[Clef]:
    sign = _text(element.findtext("sign"))
    if sign not in CLEF_SIGNS:
        return []
    line = int(element.findtext("line") or _DEFAULT_LINES[sign])
    octaves = int(element.findtext("clef-octave-change") or 0)
    if sign == "percussion":
        line, octaves = _DEFAULT_LINES[sign], 0
    return [Clef(onset, int(element.get("number", 1)), sign, line, octaves)]


def _key(element: ElementTree.Element) -> list[Key]:
    fifths = element.findtext("fifths")
    return [] if fifths is None else [Key(int(fifths))]


def _time(element: ElementTree.Element) -> list[Time]:
    pairs = []
    for beats, beat_type in zip(element.iterfind("beats"), element.iterfind("beat-type"), strict=False):
        pairs.append((sum(int(term) for term in (beats.text or "").split("+")), int(beat_type.text or "")))
    if not pairs:
        return []
    common = max(beat_type for _, beat_type in pairs)
    symbol = element.get("symbol", "")
    beats_ = sum(Fraction(beats * common, beat_type) for beats, beat_type in pairs)
    if beats_.denominator != 1:
        return []
    return [Time(beats_.numerator, common, symbol if symbol in ("common", "cut") else "")]


def _bar_line(element: ElementTree.Element | None, side: str) -> tuple[str, bool, str, bool]:
    """Style, whether a repeat is at it, the numbers of the ending that begins there, and whether one stops there."""
    if element is None:
        return "", False, "", False
    style = _text(element.findtext("bar-style"))
    style = _SAME_STYLES.get(style, style)
    direction = {"left": "forward", "right": "backward"}[side]
    repeats = any(repeat.get("direction") == direction for repeat in element.iterfind("repeat"))
    numbers, stops = "", False
    for ending in element.iterfind("ending"):
        if ending.get("print-object") == "no":
            continue
        if ending.get("type") == "start":
            numbers = ", ".join(re.findall(r"\d+", ending.get("number", "")))
        else:
            stops = True
    if repeats:
        style = _STYLES_OF_REPEATS[side]
    return style if style in BAR_STYLES else "", repeats, numbers, stops
