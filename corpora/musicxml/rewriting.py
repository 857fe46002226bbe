"""Writes one measure anew: kept elements with their own text, removed notes gone, new notes and rests notated.

The measure is taken apart into voices in the order of their first appearance. A voice that loses or gains nothing keeps its
elements as they are. In a changed voice the gaps that removed notes leave, or that new notes do not fill, get rests. Other
elements (attributes, directions, harmonies, barlines ...) keep their text and their place in time; ``<backup>`` and ``<forward>``
are written anew. Times are exact ``Fraction`` quarters from the measure's start.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from corpora.musicxml.accidentals import PitchedNote, accidentals_to_show
from corpora.musicxml.beams import Beamable, beam_groups
from corpora.musicxml.document import Item, MeasureWalk
from corpora.musicxml.elements import (
    Mark,
    NoteText,
    add_accidental,
    drop_elements,
    drop_marks,
    pitch_lines,
    rescale,
)
from corpora.musicxml.notation import Meter, Symbol, Window, notate, tuplet_windows
from corpora.musicxml.signs import sign_of
from corpora.musicxml.spelling import Spelling

__all__ = ["MeasureEdit", "MeasureText", "NewChord", "NewPitch", "rewrite_measure"]


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


@dataclass
class _Entry:
    """Something in a voice's stream: a chord of kept notes, new notes, a rest, or another element."""

    start: Fraction
    end: Fraction
    rank: int  # order at one place: others, grace notes, notes
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


_OTHER, _GRACE, _NOTE = range(3)


def rewrite_measure(edit: MeasureEdit, text: MeasureText) -> str:
    """The measure's new text.

    Raises:
        RequestError: A new time is too fine for any note symbol.
    """
    return _Rewriter(edit, text).run()


class _Rewriter:
    def __init__(self, edit: MeasureEdit, text: MeasureText) -> None:
        self.edit = edit
        self.text = text
        self.items = edit.walk.items
        self.gone = {index for index, item in enumerate(self.items) if item.ordinal in edit.removed}
        self.strip: dict[int, set[str]] = {}  # child index -> element names to take out

    def run(self) -> str:
        head, middle, tail = self._ranges()
        streams, order = self._streams(middle)
        for voice in self._changed_voices():
            if voice not in streams:
                streams[voice] = []
                order.append(voice)
            streams[voice] = self._changed_stream(voice, streams[voice])
        divisions = self._divisions(entry for voice in order for entry in streams[voice])
        writer = _Writer(self, divisions, self._accidentals())
        writer.opening(head)
        for voice in order:
            writer.stream(streams[voice])
        writer.closing(tail)
        return writer.result()

    def quarters(self, divs: int) -> Fraction:
        return Fraction(divs, self.edit.divs)

    def _ranges(self) -> tuple[range, range, range]:
        """Children before the first, among, and after the last that takes time."""
        timed = [index for index, item in enumerate(self.items) if item.kind != "other"]
        count = len(self.items)
        if timed:
            return range(timed[0]), range(timed[0], timed[-1] + 1), range(timed[-1] + 1, count)
        first_last = next((i for i, item in enumerate(self.items) if item.element.tag == "barline" and _is_right(item)), count)
        return range(first_last), range(first_last, first_last), range(first_last, count)

    def _streams(self, middle: range) -> tuple[dict[str, list[_Entry]], list[str]]:
        """Kept children by voice in file order; other elements go with the notes around them."""
        streams: dict[str, list[_Entry]] = {}
        voice_after: dict[int, str] = {}
        voice = ""
        for index in reversed(middle):
            item = self.items[index]
            voice = item.voice if item.ordinal >= 0 else "" if item.kind == "backup" else voice
            voice_after[index] = voice
        last_voice = ""
        chord: _Entry | None = None  # the entry that the next <chord/> note belongs to
        for index in middle:
            item = self.items[index]
            if item.kind in ("backup", "forward"):
                continue
            if item.ordinal >= 0:
                last_voice = item.voice
                chord = chord if item.chord else None
            stream = streams.setdefault(item.voice if item.ordinal >= 0 else voice_after[index] or last_voice or "1", [])
            if index in self.gone:
                continue
            start = self.quarters(item.onset)
            if item.ordinal < 0:
                stream.append(_Entry(start, start, _OTHER, [index]))
            elif chord is not None:
                chord.kept.append(index)
            else:
                rank = _NOTE if item.duration else _GRACE
                chord = _Entry(start, start + self.quarters(item.duration), rank, [index], is_rest=item.kind == "rest")
                stream.append(chord)
        return streams, list(streams)

    def _changed_voices(self) -> list[str]:
        gained = [chord.voice for chord in self.edit.chords]
        return list(dict.fromkeys([self.items[index].voice for index in sorted(self.gone)] + gained))

    def _changed_stream(self, voice: str, stream: list[_Entry]) -> list[_Entry]:
        """The stream of a voice that loses or gains notes: new notes notated, gaps filled, broken tuplets and beams loosened."""
        chords = [chord for chord in self.edit.chords if chord.voice == voice]
        others = [entry for entry in stream if entry.rank == _OTHER]
        notes = [entry for entry in stream if entry.rank != _OTHER and not entry.is_rest]
        rests = [entry for entry in stream if entry.is_rest]
        for chord in chords:
            if chord.joins is not None:
                entry = next(e for e in notes if any(self.items[i] is chord.joins for i in e.kept))
                entry.new = chord
        fresh = [chord for chord in chords if chord.joins is None]
        sounding = [(e.start, e.end) for e in notes if e.rank == _NOTE] + [(c.start, c.end) for c in fresh if c.end > c.start]
        kept_rests, holes, hidden = self._gaps(voice, sounding, rests, has_notes=bool(notes or fresh))
        self.gone |= {index for rest in rests if rest not in kept_rests for index in rest.kept}
        times = [time for span in [*sounding, *holes, *hidden] for time in span]
        times += [self.edit.length] + [time for rest in kept_rests for time in (rest.start, rest.end)]
        spans = [(c.start, c.end) for c in fresh] + holes + hidden
        windows = tuplet_windows(times, spans, self.edit.meter, self.edit.length)
        staff = self._staff_of(voice)
        entries = notes + kept_rests
        for chord in fresh:
            entries += self._new_entries(chord, windows)
        # Some programs read a whole-measure rest as a full bar, which a pickup is not.
        is_full_bar = self.edit.length == self.edit.meter.bar
        for start, end in holes + hidden:
            if start == 0 and end == self.edit.length and is_full_bar and not entries:
                entries.append(_Entry(start, end, _NOTE, voice=voice, staff=staff, is_rest=True, is_whole_measure=True))
            else:
                symbols = notate(start, end, self.edit.meter, windows, is_rest=True)
                entries += [
                    _Entry(
                        s.start,
                        s.start + s.duration,
                        _NOTE,
                        symbol=s,
                        voice=voice,
                        staff=staff,
                        is_rest=True,
                        is_hidden=(start, end) in hidden,
                    )
                    for s in symbols
                ]
        entries.sort(key=lambda entry: (entry.start, entry.rank))
        self._bracket(entries, windows)
        self._loosen(voice)
        if self.edit.has_beams:
            self._beam(entries)
        return sorted(others + entries, key=lambda entry: (entry.start, entry.rank))

    def _gaps(
        self, voice: str, sounding: Iterable[tuple[Fraction, Fraction]], rests: list[_Entry], has_notes: bool
    ) -> tuple[list[_Entry], list[tuple[Fraction, Fraction]], list[tuple[Fraction, Fraction]]]:
        """The rests of a voice that may stay, and the stretches that need new ones, shown and hidden.

        A stretch of silence that no change touches stays as it was. The voice that fills the bar, or stands first or alone on its
        staff, gets rests everywhere; another voice shows them only between its notes. A voice that has lost all its notes shows
        none beside one that goes on through the bar, and of several without notes the first alone does.
        """
        length = self.edit.length
        silent: list[tuple[Fraction, Fraction]] = []
        reached = Fraction(0)
        for start, end in sorted(sounding):
            if start > reached:
                silent.append((reached, start))
            reached = max(reached, end)
        last_sound = reached
        if reached < length:
            silent.append((reached, length))
        own = [item for item in self.items if item.ordinal >= 0 and item.voice == voice]
        lost = [self._span(self.items[i]) for i in self.gone if self.items[i].voice == voice and self.items[i].duration]
        fills = self._fills_bar(voice, own) and (has_notes or not self._gives_way(voice))
        kept: list[_Entry] = []
        holes: list[tuple[Fraction, Fraction]] = []
        hidden: list[tuple[Fraction, Fraction]] = []
        for start, end in silent:
            inside = [rest for rest in rests if start <= rest.start and rest.end <= end]
            partly = [rest for rest in rests if rest.start < end and rest.end > start and rest not in inside]
            touched = partly or any(a < end and b > start for a, b in lost) or not own
            if not touched:
                kept += inside
            elif fills or (has_notes and start > 0 and end <= last_sound):
                holes.append((start, end))
            elif has_notes:
                hidden.append((start, end))
        return kept, holes, hidden

    def _span(self, item: Item) -> tuple[Fraction, Fraction]:
        start = self.quarters(item.onset)
        return start, start + self.quarters(item.duration)

    def _fills_bar(self, voice: str, own: list[Item]) -> bool:
        covered = sum((self.quarters(item.duration) for item in own if not item.chord), Fraction(0))
        if own and covered >= self.edit.length:
            return True
        staff = self._staff_of(voice)
        first = next((item.voice for item in self.items if item.ordinal >= 0 and item.staff == staff), voice)
        return first == voice

    def _gives_way(self, voice: str) -> bool:
        """Whether a voice without notes leaves its staff to others: to one that has notes and fills the bar, else to the first."""
        staff = self._staff_of(voice)
        own: dict[str, list[Item]] = {}
        for item in self.items:
            if item.ordinal >= 0:
                own.setdefault(item.voice, []).append(item)
        fellows = [other for other in own if self._staff_of(other) == staff]
        live = {item.voice for index, item in enumerate(self.items) if item.kind == "note" and index not in self.gone}
        live |= {chord.voice for chord in self.edit.chords}
        others = [other for other in fellows if other != voice and other in live]
        return any(self._fills_bar(other, own[other]) for other in others) if others else fellows[:1] != [voice]

    def _staff_of(self, voice: str) -> int:
        staves = Counter(chord.staff for chord in self.edit.chords if chord.voice == voice)
        staves.update(item.staff for item in self.items if item.ordinal >= 0 and item.voice == voice)
        return staves.most_common(1)[0][0]

    def _new_entries(self, chord: NewChord, windows: Sequence[Window]) -> list[_Entry]:
        if chord.start == chord.end:
            symbol = Symbol(chord.start, Fraction(0), "eighth", 0)
            return [_Entry(chord.start, chord.end, _GRACE, new=chord, symbol=symbol)]
        symbols = notate(chord.start, chord.end, self.edit.meter, windows)
        last = len(symbols) - 1
        return [
            _Entry(
                symbol.start,
                symbol.start + symbol.duration,
                _NOTE,
                new=chord,
                symbol=symbol,
                tie_stop=chord.tie_from or place > 0,
                tie_start=chord.tie_on or place < last,
            )
            for place, symbol in enumerate(symbols)
        ]

    def _bracket(self, entries: list[_Entry], windows: Sequence[Window]) -> None:
        """Tuplet brackets where a whole window is newly written."""
        for window in windows:
            inside = [e for e in entries if e.rank == _NOTE and window.start <= e.start < window.end]
            is_new = all(e.symbol and not e.kept and e.symbol.actual == window.actual and e.end <= window.end for e in inside)
            if len(inside) > 1 and is_new and sum(e.end - e.start for e in inside) == window.end - window.start:
                inside[0].tuplet = "start"
                inside[-1].tuplet = "stop"

    def _loosen(self, voice: str) -> None:
        """Take tuplet brackets and beams from kept notes whose group lost a member."""
        members = [(i, item) for i, item in enumerate(self.items) if item.ordinal >= 0 and item.voice == voice]
        for tag, path in (("tuplet", "notations/tuplet"), ("beam", "beam")):
            group: list[int] = []
            for index, item in members:
                marks = list(item.element.iterfind(path))
                if tag == "beam":
                    kinds = {(mark.text or "").strip() for mark in marks if mark.get("number", "1") == "1"}
                    opens, closes, inside = "begin" in kinds, "end" in kinds, bool(marks) or item.chord or item.duration == 0
                else:
                    kinds = {mark.get("type", "") for mark in marks}
                    opens, closes, inside = "start" in kinds, "stop" in kinds, True
                if opens and not group:
                    group = [index]
                elif group and inside:
                    group.append(index)
                # The other notes of the last chord come after the one that closes the group.
                if group and closes and not (opens and len(group) == 1):
                    chord = [i for i, other in members if i > index and other.chord and other.onset == item.onset]
                    self._loosen_group(tag, group + chord)
                    group = []
            self._loosen_group(tag, group)

    def _loosen_group(self, tag: str, group: Iterable[int]) -> None:
        indices = list(group)
        if any(index in self.gone for index in indices):
            for index in indices:
                self.strip.setdefault(index, set()).add(tag)

    def _beam(self, entries: list[_Entry]) -> None:
        notes = [entry for entry in entries if entry.rank == _NOTE]
        row = [
            Beamable(e.start, e.symbol.type if e.symbol else "quarter", e.symbol is not None and not e.is_rest and not e.kept)
            for e in notes
        ]
        for entry, beams in zip(notes, beam_groups(row, self.edit.meter), strict=True):
            entry.beams = beams

    def _divisions(self, entries: Iterable[_Entry]) -> tuple[int, bool]:
        """The divisions to write in, and whether they differ from what the children are written in."""
        in_force = {item.divisions for item in self.items if item.kind != "other"} | {self.final_divisions}
        needed = set()
        for entry in entries:
            needed |= {entry.start.denominator, entry.end.denominator}
        divisions = math.lcm(*in_force, *needed)
        return divisions, in_force != {divisions}

    @property
    def final_divisions(self) -> int:
        """What is in force when the next measure starts, as walked."""
        last = self.items[-1] if self.items else None
        if last is None:
            return self.edit.walk.divisions
        stated = last.element.findtext("divisions") if last.element.tag == "attributes" else None
        return int(stated) if stated else last.divisions

    def _accidentals(self) -> dict[int, float | None]:
        """Accidentals to show: by ``id`` of a NewPitch, or by minus one minus the child index of a kept note."""
        staves = {self.items[i].staff for i in self.gone} | {chord.staff for chord in self.edit.chords}
        before: list[PitchedNote] = []
        after: list[PitchedNote] = []
        for index, item in enumerate(self.items):
            pitch = item.element.find("pitch") if item.ordinal >= 0 and item.kind != "rest" else None
            if pitch is None or item.staff not in staves:
                continue
            alter = sign_of(float(pitch.findtext("alter") or 0))
            spelling = Spelling((pitch.findtext("step") or "").strip(), alter, int(pitch.findtext("octave") or 4))
            note = PitchedNote(self.quarters(item.onset), item.staff, spelling, item.tie_stop, -1 - index)
            before.append(note)
            if index not in self.gone:
                after.append(note)
        for chord in self.edit.chords:
            after += [
                PitchedNote(
                    chord.start,
                    chord.staff,
                    pitch.spelling._replace(alter=sign_of(float(pitch.spelling.alter))),
                    chord.tie_from,
                    id(pitch),
                )
                for pitch in chord.pitches
                if pitch.spelling is not None
            ]
        needed_before = accidentals_to_show(before, self.edit.key_of)
        needed_after = accidentals_to_show(after, self.edit.key_of)
        # A kept note that needed a sign already, written or not, is left as its file has it.
        return {key: alter for key, alter in needed_after.items() if key >= 0 or key not in needed_before}


def _is_right(item: Item) -> bool:
    return item.element.get("location", "right") == "right"


class _Writer:
    """Puts the pieces down one after another, with the backups and forwards between them."""

    def __init__(self, owner: _Rewriter, divisions: tuple[int, bool], accidentals: Mapping[int, float | None]) -> None:
        self.owner = owner
        self.edit = owner.edit
        self.text = owner.text
        self.divisions, self.is_rescaled = divisions
        self.accidentals = accidentals
        self.cursor = Fraction(0)
        self.furthest = Fraction(0)
        self.out: list[str] = []
        self.indent = owner.text.indent

    def opening(self, head: range) -> None:
        stated = any(self.owner.items[i].element.find("divisions") is not None for i in head)
        if self.is_rescaled and not stated:
            self._state_divisions(self.divisions)
        for index in head:
            self._kept(index)

    def stream(self, entries: list[_Entry]) -> None:
        """One voice; other elements that stand in the middle of a note come after it, reached by a backup."""
        edges = {time for entry in entries if entry.rank != _OTHER for time in (entry.start, entry.end)}
        late = [entry for entry in entries if entry.rank == _OTHER and entry.start not in edges]
        for entry in entries:
            if entry not in late:
                self._entry(entry)
        for entry in late:
            self._entry(entry)

    def closing(self, tail: range) -> None:
        old_reach = self.owner.quarters(self.edit.walk.length)
        if self.furthest < old_reach:  # or all later measures would come earlier
            self._go_to(old_reach)
        for index in tail:
            self._go_to(self.owner.quarters(self.owner.items[index].onset))
            self._kept(index)
        if self.is_rescaled and self.owner.final_divisions != self.divisions:
            self._go_to(self.furthest)
            self._state_divisions(self.owner.final_divisions)

    def result(self) -> str:
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
        item = self.owner.items[index]
        text = self.text.children[index]
        if self.is_rescaled:
            text = rescale(
                text, Fraction(self.divisions, item.divisions), self.divisions if item.element.tag == "attributes" else None
            )
        for tag in self.owner.strip.get(index, ()):
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

    def _entry(self, entry: _Entry) -> None:
        self._go_to(entry.start)
        for place, index in enumerate(entry.kept):
            self._kept(index, drop_chord=place == 0 and self.owner.items[index].chord)
        if entry.new is not None:
            self._new_notes(entry, entry.new)
        elif entry.is_rest and not entry.kept:
            self._rest(entry)
        self.cursor = entry.end
        self.furthest = max(self.furthest, entry.end)

    def _new_notes(self, entry: _Entry, chord: NewChord) -> None:
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

    def _rest(self, entry: _Entry) -> None:
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
