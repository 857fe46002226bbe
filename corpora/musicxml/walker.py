"""Walks a MusicXML text once and places every element in time (``corpora.musicxml.document`` says what comes out).

Source: the MusicXML 4.0 specification (W3C Music Notation Community Group, 2021), elements ``divisions``, ``backup``, ``forward``,
``chord``, ``grace``, ``cue``, ``tie``, ``transpose``, ``unpitched``, ``time``, ``key``. A fractional ``alter`` gives the nearest
pitch and cents. The text has passed the gate, so plain ElementTree meets no entities here.
"""

from __future__ import annotations

import gc
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import accumulate
from xml.etree import ElementTree

from corpora.errors import InputError
from corpora.musicxml.document import (
    ALL_STAVES,
    Document,
    Instrument,
    Item,
    KeySignature,
    MeasureWalk,
    PartWalk,
    Transposition,
)
from corpora.piece import nearest_pitch

__all__ = ["STEP_SEMITONES", "collection_paused", "meter_of_score", "walk"]

STEP_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
MAX_DIVS_PER_QUARTER = 10_000_000
MAX_PITCH = 127
_MODES = {"major": 1, "ionian": 1, "minor": -1, "aeolian": -1}


def walk(data: bytes, name: str = "", multiple_of: int = 1) -> Document:
    """Walk a MusicXML text.

    Args:
        data: The text, in any encoding that expat reads.
        name: File name for messages.
        multiple_of: ``Document.divs`` becomes a multiple of this too.

    Raises:
        InputError: The text is no ``score-partwise``, or a note or number in it cannot be understood; names part and measure.
    """
    label = name or "MusicXML"
    with collection_paused():
        return _walk(data, label, multiple_of)


@contextmanager
def collection_paused() -> Iterator[None]:
    """No garbage collection meanwhile: a big score makes a million lasting objects, and to search them takes most of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _walk(data: bytes, label: str, multiple_of: int) -> Document:
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{label}: not well-formed XML: {error}") from error
    if root.tag != "score-partwise":
        raise InputError(f"{label}: expected a score-partwise, got <{root.tag}>")
    divs = _common_divs(root, label, multiple_of)
    heads = {part.get("id", ""): part for part in root.iterfind("part-list/score-part")}
    walker = _Walker(label, divs)
    parts = [walker.part(element, heads.get(element.get("id", ""))) for element in root.iterfind("part")]
    if not parts:
        raise InputError(f"{label}: the score has no part")
    lengths = []
    for index in range(max(len(part.measures) for part in parts)):
        length = max(part.measures[index].length for part in parts if index < len(part.measures))
        if length == 0:
            beats, beat_type = meter_of_score(parts, index)
            length = 4 * divs * beats // beat_type
        lengths.append(length)
    starts = [0, *accumulate(lengths)][:-1]
    return Document(root, divs, parts, starts, lengths, walker.num_notes)


def meter_of_score(parts: list[PartWalk], measure: int) -> tuple[int, int]:
    """Beats and beat type in force in a measure, from the first part that has a meter at all."""
    return next((part for part in parts if part.meters), parts[0]).meter_at(measure)


def _common_divs(root: ElementTree.Element, label: str, multiple_of: int) -> int:
    """Least resolution in which every divisions value and every (perhaps decimal) duration is whole."""
    divs, decimals = multiple_of, 1
    try:
        for text in {element.text or "" for element in root.iter("divisions")}:
            value = Fraction(text.strip())
            if value <= 0:
                raise ValueError(text)
            divs = math.lcm(divs, value.numerator)
        for tag in ("duration", "offset"):
            for element in root.iter(tag):
                if element.text and "." in element.text:
                    decimals = math.lcm(decimals, Fraction(element.text.strip()).denominator)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"{label}: divisions and durations must be positive numbers, got {error}") from error
    if divs * decimals > MAX_DIVS_PER_QUARTER:
        raise InputError(
            f"{label}: the divisions need more than {MAX_DIVS_PER_QUARTER} steps a quarter together, namely {divs * decimals}"
        )
    return divs * decimals


class _Walker:
    """Walks the parts one after another; holds what is counted over the whole file."""

    def __init__(self, label: str, divs: int) -> None:
        self.label = label
        self.divs = divs
        self.num_notes = 0

    def part(self, element: ElementTree.Element, head: ElementTree.Element | None) -> PartWalk:
        key = element.get("id", "")
        part = PartWalk(key, _part_name(head, key), _instruments(head))
        self._part = part
        self._divisions = 1
        self._num_staves = 1
        # What is in force for the measure being walked, by staff; a look-up in the lists for every note would be slow.
        self._transpositions: dict[int, Transposition] = {}
        for index, measure in enumerate(element.iterfind("measure")):
            self._measure = index
            part.measures.append(self._walk_measure(measure))
        part.num_staves = self._num_staves
        return part

    def _fail(self, what: str) -> InputError:
        return InputError(f"{self.label}: part {self._part.key}, measure {self._number}: {what}")

    def _int(self, text: str | None, what: str) -> int:
        try:
            return int((text or "").strip())
        except ValueError:
            raise self._fail(f"expected a whole number as {what}, got {text!r}") from None

    def _duration(self, text: str | None) -> int:
        if text and text.isdecimal():  # nearly all of them
            whole, rest = divmod(int(text) * self.divs, self._divisions)
            if rest == 0:
                return whole
        try:
            value = Fraction((text or "").strip()) * self.divs / self._divisions
        except (ValueError, ZeroDivisionError):
            raise self._fail(f"expected a number as duration, got {text!r}") from None
        if value < 0 or value.denominator != 1:
            raise self._fail(f"expected a duration of zero or more, got {text!r}")
        return value.numerator

    def _walk_measure(self, element: ElementTree.Element) -> MeasureWalk:
        self._number = element.get("number", str(self._measure + 1))
        implicit = element.get("implicit") == "yes"
        measure = MeasureWalk(element, self._number, implicit, self._divisions, [], 0)
        cursor = main_onset = 0
        for child in element:
            tag = child.tag
            if tag == "note":
                item = self._note(child, cursor, main_onset)
                if not item.chord:
                    main_onset = cursor
                    cursor += item.duration
            elif tag in ("backup", "forward"):
                length = self._duration(child.findtext("duration"))
                item = Item(child, tag, cursor, length, self._divisions)
                cursor = max(0, cursor - length) if tag == "backup" else cursor + length
            else:
                if tag == "attributes":
                    self._attributes(child, cursor)
                item = Item(child, "other", cursor, 0, self._divisions)
            measure.items.append(item)
            measure.length = max(measure.length, cursor)
        return measure

    def _note(self, element: ElementTree.Element, cursor: int, main_onset: int) -> Item:
        item = Item(element, "note", cursor, 0, self._divisions, self.num_notes)
        self.num_notes += 1
        pitch = unpitched = duration = None
        instrument = ""
        tied: list[str | None] = []
        for child in element:
            tag = child.tag
            if tag == "pitch":
                pitch = child
            elif tag == "duration":
                duration = child.text
            elif tag == "chord":
                item.chord = True
                item.onset = main_onset
            elif tag == "voice":
                item.voice = (child.text or "1").strip()
            elif tag == "staff":
                item.staff = self._int(child.text, "staff")
            elif tag == "tie":
                item.tie_start |= child.get("type") == "start"
                item.tie_stop |= child.get("type") == "stop"
            elif tag in ("rest", "grace", "cue"):
                # A cue is shown and never heard, whatever else it is; a grace note has no time of its own.
                if item.kind != "cue":
                    item.kind = tag
            elif tag == "unpitched":
                unpitched = child
            elif tag == "instrument":
                instrument = child.get("id", "")
            elif tag == "notations":
                tied += [mark.get("type") for mark in child if mark.tag == "tied"]
        if not (item.tie_start or item.tie_stop):
            item.tie_start, item.tie_stop = "start" in tied, "stop" in tied
        if not 1 <= item.staff <= 100:
            raise self._fail(f"expected a staff from 1 to 100, got {item.staff}")
        self._num_staves = max(self._num_staves, item.staff)
        is_grace = element.find("grace") is not None
        if not is_grace:
            if duration is None:
                raise self._fail("a note has no duration")
            item.duration = self._duration(duration)
        if item.kind in ("note", "grace"):
            item.pitch, item.cents = self._pitch(pitch, unpitched, instrument, item.staff)
        return item

    def _pitch(
        self, pitch: ElementTree.Element | None, unpitched: ElementTree.Element | None, instrument: str, staff: int
    ) -> tuple[int, float]:
        """Sounding pitch and cents of a note."""
        if pitch is not None:
            moved = self._transpositions.get(staff) or self._transpositions.get(ALL_STAVES)
            return self._sounding(pitch, "step", "octave", moved.semitones if moved else 0)
        if unpitched is None:
            raise self._fail("a note has neither pitch, unpitched nor rest")
        known = self._part.instruments
        played = known.get(instrument) if instrument else next(iter(known.values())) if len(known) == 1 else None
        if played and played.unpitched is not None:
            return played.unpitched, 0.0
        if unpitched.find("display-step") is None:
            return 71, 0.0  # the middle line, where an unpitched note without display stands
        return self._sounding(unpitched, "display-step", "display-octave", 0)

    def _sounding(self, element: ElementTree.Element, step_tag: str, octave_tag: str, semitones: int) -> tuple[int, float]:
        step = (element.findtext(step_tag) or "").strip()
        if step not in STEP_SEMITONES:
            raise self._fail(f"expected a step from A to G, got {step!r}")
        octave = self._int(element.findtext(octave_tag), octave_tag)
        alter_text = element.findtext("alter")
        alter, cents = 0, 0.0
        if alter_text:
            try:
                alter, cents = nearest_pitch(float(alter_text))
            except (ValueError, OverflowError):
                raise self._fail(f"expected a number as alter, got {alter_text!r}") from None
        value = 12 * (octave + 1) + STEP_SEMITONES[step] + alter + semitones
        if not 0 <= value <= MAX_PITCH:
            raise self._fail(f"expected a sounding pitch of MIDI 0 to 127, got {value}")
        return value, cents

    def _attributes(self, element: ElementTree.Element, cursor: int) -> None:
        place = (self._measure, cursor)
        for child in element:
            if child.tag == "divisions":
                value = Fraction((child.text or "").strip())
                if value.denominator != 1:
                    raise self._fail(f"expected whole divisions, got {child.text!r}")
                self._divisions = value.numerator
            elif child.tag == "staves":
                self._num_staves = max(self._num_staves, min(100, self._int(child.text, "staves")))
            elif child.tag == "key":
                self._part.keys.append((*place, int(child.get("number", ALL_STAVES)), self._key(child)))
            elif child.tag == "time":
                meter = self._meter(child)
                if meter:
                    self._part.meters.append((self._measure, *meter))
            elif child.tag == "transpose":
                staff = int(child.get("number", ALL_STAVES))
                octaves = int(child.findtext("octave-change") or 0)
                chromatic = round(float(child.findtext("chromatic") or 0))
                diatonic = child.findtext("diatonic")
                value_ = Transposition(chromatic + 12 * octaves, int(diatonic) + 7 * octaves if diatonic else None)
                if staff == ALL_STAVES:
                    self._transpositions.clear()
                self._transpositions[staff] = value_
                self._part.transpositions.append((*place, staff, value_))

    def _key(self, element: ElementTree.Element) -> KeySignature:
        fifths = element.findtext("fifths")
        if fifths is not None:
            mode = (element.findtext("mode") or "").strip()
            return KeySignature(self._int(fifths, "fifths"), _MODES.get(mode, 0))
        steps = [(step.text or "").strip() for step in element.iterfind("key-step")]
        alters = [float(alter.text or 0) for alter in element.iterfind("key-alter")]
        return KeySignature(0, 0, tuple(zip(steps, alters, strict=False)))

    def _meter(self, element: ElementTree.Element) -> tuple[int, int] | None:
        """Beats and beat type; composite and additive meters are summed over their common beat type."""
        if element.find("senza-misura") is not None:
            return None
        pairs = []
        for beats, beat_type in zip(element.iterfind("beats"), element.iterfind("beat-type"), strict=False):
            terms = re.split(r"\+", beats.text or "")
            pairs.append((sum(self._int(term, "beats") for term in terms), self._int(beat_type.text, "beat-type")))
        if not pairs:
            return None
        if any(beats < 1 or beat_type < 1 for beats, beat_type in pairs):
            raise self._fail(f"expected a meter of positive numbers, got {pairs}")
        common = math.lcm(*(beat_type for _, beat_type in pairs))
        return sum(beats * common // beat_type for beats, beat_type in pairs), common


def _part_name(head: ElementTree.Element | None, key: str) -> str:
    if head is None:
        return key
    for path in ("part-name", "score-instrument/instrument-name"):
        text = " ".join((head.findtext(path) or "").split())
        if text:
            return text
    return key


def _instruments(head: ElementTree.Element | None) -> dict[str, Instrument]:
    if head is None:
        return {}
    found = {element.get("id", ""): Instrument() for element in head.iterfind("score-instrument")}
    for element in head.iterfind("midi-instrument"):
        values = {}
        for name in ("midi-channel", "midi-program", "midi-unpitched"):
            text = (element.findtext(name) or "").strip()
            values[name] = int(text) - 1 if text.isdecimal() and 1 <= int(text) <= 128 else None  # MusicXML counts from 1
        found[element.get("id", "")] = Instrument(values["midi-channel"], values["midi-program"], values["midi-unpitched"])
    return found
