"""The notes and rests of a MusicXML measure as the voices of a bar, in canonical order.

Conventions: a voice is what shares a ``<voice>`` and does not overlap in time; what overlaps is another voice. Voices are numbered
from 1 within the bar in the order of the staff of their first event, then of its onset, then of the height of their first chord
(highest first, voices of rests last), then as the file numbers them. A chord stands on the staff of most of its heads (the upper
one of equals). A grace chord stands at the onset of what it leads to and lasts nothing. The one rest of a voice that fills the bar
has no type when it is printed as a bar's rest (or as a whole rest, which looks the same).

Source: MusicXML 4.0 (W3C Music Notation Community Group, 2021), element ``note``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from xml.etree import ElementTree

from compose.notation.names import (
    ACCIDENTALS,
    BEAMS,
    MARKS,
    MICROTONES,
    SHAPES,
    STEPS,
    TYPE_QUARTERS,
)
from compose.notation.reading_directions import read_dynamics
from compose.notation.written import Direction, Event, Head, Voice
from corpora.musicxml.document import Item, MeasureWalk
from corpora.musicxml.notation import symbol_of

__all__ = ["read_voices"]

MIDDLE_LINE_PLACE = 34  # B4, where an unpitched note without place stands
_SAME_SIGNS = {"sharp-sharp": "double-sharp", "natural-sharp": "sharp", "natural-flat": "flat", "double-flat": "flat-flat"}
_SIGNS = ACCIDENTALS.keys() | MICROTONES.keys()
_MARKS = frozenset(MARKS)
_LOWEST_PLACE = -1


def read_voices(
    measure: MeasureWalk, length: Fraction, quarters: Mapping[int, Fraction]
) -> tuple[tuple[Voice, ...], list[Direction]]:
    """The voices of a measure, and the dynamics that stand on its notes as directions.

    Args:
        measure: The walked measure.
        length: Quarters of the bar.
        quarters: Quarters of a time in divs.
    """
    chords: list[list[Item]] = []
    for item in measure.items:
        if item.kind in ("note", "grace", "rest"):
            if not item.chord or not chords:
                chords.append([])
            if item.element.get("print-object") != "no":
                chords[-1].append(item)
    layers: dict[str, _Layers] = {}
    spoken: list[Direction] = []
    for items in chords:
        if items:
            voice = items[0].voice
            layers.setdefault(voice, _Layers()).add(_event(items, quarters, spoken))
    streams = [(_number(voice), stream) for voice, found in layers.items() for stream in found.in_order()]
    streams.sort(key=lambda entry: (*_rank(entry[1]), entry[0]))
    voices = (Voice(number, _with_whole_tuplets(_with_bar_rest(events, length))) for number, (_, events) in enumerate(streams, 1))
    return tuple(voices), spoken


@dataclass(slots=True)
class _Layers:
    """The events of one ``<voice>``, parted where they overlap; the file's order tells which belong together."""

    streams: list[list[Event]] = field(default_factory=list)
    current: int = 0

    def add(self, event: Event) -> None:
        if not self.streams or event.onset < _end(self.streams[self.current][-1]):
            fitting = (index for index, stream in enumerate(self.streams) if _is_free(stream, event))
            self.current = next(fitting, len(self.streams))
            if self.current == len(self.streams):
                self.streams.append([])
        self.streams[self.current].append(event)

    def in_order(self) -> Iterable[tuple[Event, ...]]:
        return (tuple(sorted(stream, key=lambda event: event.onset)) for stream in self.streams)


def _end(event: Event) -> Fraction:
    return event.onset + event.duration


def _is_free(stream: list[Event], event: Event) -> bool:
    """Whether the stream is of this event's staff and silent meanwhile."""
    end = _end(event)
    return stream[0].staff == event.staff and all(_end(other) <= event.onset or end <= other.onset for other in stream)


def _number(voice: str) -> tuple[int, str]:
    return (int(voice) if voice.isdecimal() else 10**6, voice)


def _rank(events: tuple[Event, ...]) -> tuple[int, Fraction, int]:
    """What voices are ordered by; see the module's text."""
    first = events[0]
    top = next((event.heads[-1].place for event in events if event.heads), _LOWEST_PLACE)
    return first.staff, first.onset, -top


def _with_bar_rest(events: tuple[Event, ...], length: Fraction) -> tuple[Event, ...]:
    only = events[0]
    if (
        len(events) == 1
        and not only.heads
        and only.onset == 0
        and (not only.type or (only.type == "whole" and _end(only) == length))
    ):
        return (replace(only, type="", dots=0, duration=length),)
    return tuple(event if event.type or event.heads else _with_type(event) for event in events)


def _with_whole_tuplets(events: tuple[Event, ...]) -> tuple[Event, ...]:
    """The events with those ends of printed tuplets that have each other; the ends of hidden ones and of inner ones go."""
    if not any(event.tuplet_starts or event.tuplet_stops for event in events):
        return events
    start = -1
    pairs: dict[int, int] = {}
    for index, event in enumerate(events):
        if event.tuplet_starts and start < 0:
            start = index
        if event.tuplet_stops and start >= 0:
            pairs[start], start = index, -1
    stops = set(pairs.values())
    return tuple(replace(event, tuplet_starts=i in pairs, tuplet_stops=i in stops) for i, event in enumerate(events))


def _with_type(event: Event) -> Event:
    """A rest that says no type and does not fill its bar: the symbol of its duration, or else a whole rest."""
    name, dots = symbol_of(event.duration * event.actual / event.normal) or ("whole", 0)
    return replace(event, type=name, dots=dots)


def _event(items: list[Item], quarters: Mapping[int, Fraction], spoken: list[Direction]) -> Event:
    first = items[0]
    event = _Symbol()
    heads = []
    for item in items:
        head = event.take(item)
        if head is not None:
            heads.append(head)
    heads.sort(key=lambda head: (head.place, head.accidental))
    onset, duration = quarters[first.onset], quarters[first.duration]
    if not event.type and (heads or not event.is_bar_rest):
        event.type, event.dots = symbol_of(duration * event.actual / event.normal) or ("quarter", 0)
    if event.grace:
        event.actual = event.normal = 1
    staff = first.staff if len(items) == 1 else _staff_of_most(items)
    for kind, value, above in dict.fromkeys(event.spoken):
        spoken.append(Direction(onset, staff, kind, value, above))
    return Event(
        onset,
        duration,
        tuple(heads),
        event.type,
        event.dots,
        event.actual,
        event.normal,
        staff,
        event.stem if heads else "",
        tuple(event.beams) if heads else (),
        event.grace,
        event.tuplet_starts,
        event.tuplet_stops,
        event.slur_starts,
        event.slur_stops,
        tuple(sorted(event.marks)),
    )


def _staff_of_most(items: list[Item]) -> int:
    counts = Counter(item.staff for item in items)
    return min(counts, key=lambda staff: (-counts[staff], staff))


@dataclass(slots=True)
class _Symbol:
    """What the ``<note>`` elements of one chord say of it, gathered one by one."""

    type: str = ""
    dots: int = 0
    actual: int = 1
    normal: int = 1
    stem: str = ""
    beams: list[str] = field(default_factory=list)
    grace: str = ""
    is_bar_rest: bool = False
    tuplet_starts: bool = False
    tuplet_stops: bool = False
    slur_starts: int = 0
    slur_stops: int = 0
    marks: set[str] = field(default_factory=set)
    spoken: list[tuple[str, str, bool]] = field(default_factory=list)
    _has_type: bool = False

    def take(self, item: Item) -> Head | None:
        """Take one element; its head, or None when it is a rest."""
        place, accidental, shape = None, "", ""
        tied: list[str] = []
        dots = 0
        beams: list[tuple[str, str]] = []
        for child in item.element:
            tag = child.tag
            if tag == "pitch":
                place = _place(child, "step", "octave")
            elif tag == "type":
                if not self._has_type:
                    self.type = (child.text or "").strip()
            elif tag == "dot":
                dots += 1
            elif tag == "accidental":
                sign = (child.text or "").strip()
                sign = _SAME_SIGNS.get(sign, sign)
                accidental = sign if sign in _SIGNS else ""
            elif tag == "stem":
                direction = (child.text or "").strip()
                self.stem = self.stem or (direction if direction in ("up", "down") else "")
            elif tag == "beam":
                beams.append((child.get("number", "1"), (child.text or "").strip()))
            elif tag == "notations" and child.get("print-object") != "no":
                self._notations(child, tied)
            elif tag == "time-modification":
                self.actual = int(child.findtext("actual-notes") or 1)
                self.normal = int(child.findtext("normal-notes") or 1)
            elif tag == "notehead":
                shape = (child.text or "").strip()
            elif tag == "rest":
                self.is_bar_rest = child.get("measure") == "yes"
            elif tag == "unpitched":
                place = _place(child, "display-step", "display-octave")
            elif tag == "grace":
                self.grace = "slashed" if child.get("slash") == "yes" else "grace"
        if not self._has_type:
            self.dots = dots
            self._has_type = True
            if self.is_bar_rest or self.type not in TYPE_QUARTERS:
                self.type, self.dots = "", 0
        if beams and not self.beams:
            self.beams = [kind for _, kind in sorted(beams) if kind in BEAMS]
        if place is None:
            return None
        tie_start = "start" in tied if tied else item.tie_start
        tie_stop = "stop" in tied if tied else item.tie_stop
        return Head(place, accidental, tie_start, tie_stop, shape if shape in SHAPES else "")

    def _notations(self, element: ElementTree.Element, tied: list[str]) -> None:
        for mark in element:
            tag, kind = mark.tag, mark.get("type", "")
            if mark.get("print-object") == "no":
                continue
            if tag == "tied":
                tied.append(kind)
            elif tag == "slur":
                self.slur_starts += kind == "start"
                self.slur_stops += kind == "stop"
            elif tag == "tuplet":
                is_hidden = mark.get("show-number") == "none" and mark.get("bracket") == "no"
                self.tuplet_starts |= kind == "start" and not is_hidden
                self.tuplet_stops |= kind == "stop"
            elif tag == "dynamics":
                above = mark.get("placement") == "above"
                self.spoken += [(*said, above) for said in read_dynamics(mark)]
            elif tag in ("articulations", "ornaments", "technical"):
                self.marks.update(name for name in map(_mark, mark) if name in _MARKS)
            else:
                name = _mark(mark)
                if name in _MARKS:
                    self.marks.add(name)


def _mark(element: ElementTree.Element) -> str:
    """The mark's name, with strokes and ends where it has them (``compose.notation.names``)."""
    tag, kind = element.tag, element.get("type", "")
    if tag == "tremolo":
        strokes = (element.text or "").strip() or "3"
        return f"tremolo-{strokes}" if kind in ("", "single") else f"tremolo-{strokes}-{kind}"
    return f"{tag}-{kind}" if tag in ("wavy-line", "glissando", "slide") else tag


def _place(element: ElementTree.Element, step_tag: str, octave_tag: str) -> int:
    step, octave = element.findtext(step_tag), element.findtext(octave_tag)
    if step is None or octave is None:
        return MIDDLE_LINE_PLACE
    return 7 * int(octave) + STEPS.index(step.strip())
