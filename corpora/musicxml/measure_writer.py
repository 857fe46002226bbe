"""Puts the voices of a measure down as text, with the backups and forwards between them: ``MeasureWriter``, for ``rewriting``."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from corpora.musicxml.elements import NoteText, add_accidental, drop_elements, drop_marks, pitch_lines, rescale
from corpora.musicxml.measure_edit import MeasureEdit, MeasureText, NewChord
from corpora.musicxml.notation import Symbol

__all__ = ["GRACE", "NOTE", "OTHER", "Entry", "MeasureWriter"]

OTHER, GRACE, NOTE = range(3)  # ranks: the order at one place


@dataclass
class Entry:
    """Something in a voice's stream: a chord of kept notes, new notes, a rest, or another element."""

    start: Fraction
    end: Fraction
    rank: int
    kept: list[int] = field(default_factory=list)  # indices of children
    new: NewChord | None = None
    symbol: Symbol | None = None
    voice: str = ""  # of rests to be written
    staff: int = 1
    is_rest: bool = False
    is_hidden: bool = False
    is_whole_measure: bool = False
    tie_stop: bool = False
    tie_start: bool = False
    tuplet: str = ""
    beams: Sequence[str] = ()


class MeasureWriter:
    """Puts the pieces down one after another, with the backups and forwards between them.

    Args:
        edit: What changes.
        text: The measure as it was.
        strip: Names of elements to take out of kept children, by child index.
        divisions: What to write in.
        is_rescaled: Whether that differs from what the children are written in.
        accidentals: To show: by ``id`` of a NewPitch, or by minus one minus the child index of a kept note.
    """

    def __init__(
        self,
        edit: MeasureEdit,
        text: MeasureText,
        strip: Mapping[int, Collection[str]],
        divisions: int,
        is_rescaled: bool,
        accidentals: Mapping[int, float | None],
    ) -> None:
        self.edit = edit
        self.text = text
        self.items = edit.walk.items
        self.strip = strip
        self.divisions = divisions
        self.is_rescaled = is_rescaled
        self.accidentals = accidentals
        self.cursor = Fraction(0)
        self.furthest = Fraction(0)
        self.out: list[str] = []
        self.indent = text.indent

    def opening(self, head: range) -> None:
        """What stands before all notes."""
        stated = any(self.items[i].element.find("divisions") is not None for i in head)
        if self.is_rescaled and not stated:
            self._state_divisions(self.divisions)
        for index in head:
            self._kept(index)

    def stream(self, entries: list[Entry]) -> None:
        """One voice; other elements that stand in the middle of a note come after it, reached by a backup."""
        edges = {time for entry in entries if entry.rank != OTHER for time in (entry.start, entry.end)}
        late = [entry for entry in entries if entry.rank == OTHER and entry.start not in edges]
        for entry in entries:
            if entry not in late:
                self._entry(entry)
        for entry in late:
            self._entry(entry)

    def closing(self, tail: range) -> None:
        """What stands after them, from where the measure ended before, if that is later."""
        old_reach = self.edit.quarters(self.edit.walk.length)
        if self.furthest < old_reach:  # or all later measures would come earlier
            self._go_to(old_reach)
        for index in tail:
            self._go_to(self.edit.quarters(self.items[index].onset))
            self._kept(index)
        if self.is_rescaled and self.edit.final_divisions != self.divisions:
            self._go_to(self.furthest)
            self._state_divisions(self.edit.final_divisions)

    def result(self) -> str:
        """The whole measure."""
        return self.text.open_tag + "".join(self.out) + self.text.closing

    def _put(self, lines: Sequence[str]) -> None:
        """New elements, in the file's own indentation."""
        if self.indent is None:
            self.out += [line.strip("\t") for line in lines]
            return
        outer = re.search(r"((?:\r\n|\r|\n)[ \t]*)</", self.text.closing)
        unit = self.indent.removeprefix(outer.group(1)) if outer else "  "
        self.out += [self.indent + line.replace("\t", unit) for line in lines]

    def _kept(self, index: int, drop_chord: bool = False) -> None:
        """A child with its own text, and the comments that stood before it."""
        item = self.items[index]
        text = self.text.children[index]
        if self.is_rescaled:
            text = rescale(
                text, Fraction(self.divisions, item.divisions), self.divisions if item.element.tag == "attributes" else None
            )
        for tag in self.strip.get(index, ()):
            text = drop_elements(text, tag)
        if drop_chord:
            text = drop_elements(text, "chord")
        unwanted = self.edit.dropped_marks.get(item.ordinal)
        if unwanted:
            text = drop_marks(text, unwanted)
        sign = self.accidentals.get(-1 - index)
        if sign is not None:
            text = add_accidental(text, sign)
        gap = self.text.gaps[index]
        self.out.append((gap if "<" in gap or self.indent is None else self.indent) + text)

    def _entry(self, entry: Entry) -> None:
        self._go_to(entry.start)
        for place, index in enumerate(entry.kept):
            self._kept(index, drop_chord=place == 0 and self.items[index].chord)
        if entry.new is not None:
            self._new_notes(entry, entry.new)
        elif entry.is_rest and not entry.kept:
            self._rest(entry)
        self.cursor = entry.end
        self.furthest = max(self.furthest, entry.end)

    def _new_notes(self, entry: Entry, chord: NewChord) -> None:
        is_first_piece = entry.start == chord.start
        is_last_piece = entry.end == chord.end
        copied: list[str] = []
        if chord.joins is not None:
            index = entry.kept[0]
            copied = _copied_type(self.text.children[index])
        duration = None if chord.start == chord.end else self._length(entry.end - entry.start)
        for place, pitch in enumerate(chord.pitches):
            marks = [m for m in chord.marks if place == 0 and (is_last_piece if m.type == "stop" else is_first_piece)]
            tie_stop = entry.tie_stop or (chord.joins is not None and chord.tie_from)
            note = NoteText(
                pitch=pitch_lines(pitch.spelling) if pitch.spelling else pitch.unpitched,
                duration=duration,
                voice=chord.voice,
                staff=chord.staff if self.edit.num_staves > 1 else None,
                symbol=entry.symbol if chord.joins is None else None,
                copied_type=copied,
                chord=place > 0 or chord.joins is not None,
                tie_stop=tie_stop,
                tie_start=entry.tie_start,
                instrument=pitch.instrument,
                notehead=pitch.notehead,
                accidental=self.accidentals.get(id(pitch)) if is_first_piece else None,
                beams=entry.beams if place == 0 else (),
                tuplet=entry.tuplet if place == 0 else "",
                marks=marks,
                attributes=pitch.attributes,
            )
            self._put(note.lines())

    def _rest(self, entry: Entry) -> None:
        assert entry.symbol or entry.is_whole_measure
        note = NoteText(
            pitch=['<rest measure="yes"/>' if entry.is_whole_measure else "<rest/>"],
            duration=self._length(entry.end - entry.start),
            voice=entry.voice,
            staff=entry.staff if self.edit.num_staves > 1 else None,
            symbol=entry.symbol,
            tuplet=entry.tuplet,
            attributes={"print-object": "no"} if entry.is_hidden else {},
        )
        self._put(note.lines())

    def _length(self, quarters: Fraction) -> int:
        value = quarters * self.divisions
        assert value.denominator == 1, f"{quarters} quarters in {self.divisions} divisions"
        return value.numerator

    def _go_to(self, place: Fraction) -> None:
        if place != self.cursor:
            tag = "forward" if place > self.cursor else "backup"
            self._put([f"<{tag}>", f"\t<duration>{self._length(abs(place - self.cursor))}</duration>", f"</{tag}>"])
        self.cursor = place
        self.furthest = max(self.furthest, place)

    def _state_divisions(self, value: int) -> None:
        self._put(["<attributes>", f"\t<divisions>{value}</divisions>", "</attributes>"])


def _copied_type(text: str) -> list[str]:
    """Lines of type, dots and time-modification of a note's text."""
    lines: list[str] = []
    for tag in ("type", "dot", "time-modification"):
        pattern = rf"<{tag}(?=[\s/>])(?:[^>]*?/>|[^>]*>.*?</{tag}\s*>)"
        lines += [re.sub(r">\s+<", "><", found) for found in re.findall(pattern, text, flags=re.DOTALL)]
    return lines
