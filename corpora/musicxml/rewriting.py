"""Writes one measure anew: kept elements with their own text, removed notes gone, new notes and rests notated.

The measure is taken apart into voices in the order of their first appearance. A voice that loses or gains nothing keeps its
elements as they are. In a changed voice the gaps that removed notes leave, or that new notes do not fill, get rests. Other
elements (attributes, directions, harmonies, barlines ...) keep their text and their place in time; ``<backup>`` and ``<forward>``
are written anew. Times are exact ``Fraction`` quarters from the measure's start.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction

from corpora.musicxml.accidentals import PitchedNote, accidentals_to_show
from corpora.musicxml.beams import Beamable, beam_groups
from corpora.musicxml.document import Item
from corpora.musicxml.measure_edit import MeasureEdit, MeasureText, NewChord
from corpora.musicxml.measure_writer import GRACE, NOTE, OTHER, Entry, MeasureWriter
from corpora.musicxml.notation import Symbol, Window, notate, tuplet_windows
from corpora.musicxml.signs import sign_of
from corpora.musicxml.spelling import Spelling

__all__ = ["rewrite_measure"]


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
        writer = MeasureWriter(self.edit, self.text, self.strip, *divisions, self._accidentals())
        writer.opening(head)
        for voice in order:
            writer.stream(streams[voice])
        writer.closing(tail)
        return writer.result()

    def _ranges(self) -> tuple[range, range, range]:
        """Children before the first, among, and after the last that takes time."""
        timed = [index for index, item in enumerate(self.items) if item.kind != "other"]
        count = len(self.items)
        if timed:
            return range(timed[0]), range(timed[0], timed[-1] + 1), range(timed[-1] + 1, count)
        first_last = next((i for i, item in enumerate(self.items) if item.element.tag == "barline" and _is_right(item)), count)
        return range(first_last), range(first_last, first_last), range(first_last, count)

    def _streams(self, middle: range) -> tuple[dict[str, list[Entry]], list[str]]:
        """Kept children by voice in file order; other elements go with the notes around them."""
        streams: dict[str, list[Entry]] = {}
        voice_after: dict[int, str] = {}
        voice = ""
        for index in reversed(middle):
            item = self.items[index]
            voice = item.voice if item.ordinal >= 0 else "" if item.kind == "backup" else voice
            voice_after[index] = voice
        last_voice = ""
        chord: Entry | None = None  # the entry that the next <chord/> note belongs to
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
            start = self.edit.quarters(item.onset)
            if item.ordinal < 0:
                stream.append(Entry(start, start, OTHER, [index]))
            elif chord is not None:
                chord.kept.append(index)
            else:
                rank = NOTE if item.duration else GRACE
                chord = Entry(start, start + self.edit.quarters(item.duration), rank, [index], is_rest=item.kind == "rest")
                stream.append(chord)
        return streams, list(streams)

    def _changed_voices(self) -> list[str]:
        gained = [chord.voice for chord in self.edit.chords]
        return list(dict.fromkeys([self.items[index].voice for index in sorted(self.gone)] + gained))

    def _changed_stream(self, voice: str, stream: list[Entry]) -> list[Entry]:
        """The stream of a voice that loses or gains notes: new notes notated, gaps filled, broken tuplets and beams loosened."""
        chords = [chord for chord in self.edit.chords if chord.voice == voice]
        others = [entry for entry in stream if entry.rank == OTHER]
        notes = [entry for entry in stream if entry.rank != OTHER and not entry.is_rest]
        rests = [entry for entry in stream if entry.is_rest]
        for chord in chords:
            if chord.joins is not None:
                entry = next(e for e in notes if any(self.items[i] is chord.joins for i in e.kept))
                entry.new = chord
        fresh = [chord for chord in chords if chord.joins is None]
        sounding = [(e.start, e.end) for e in notes if e.rank == NOTE] + [(c.start, c.end) for c in fresh if c.end > c.start]
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
                entries.append(Entry(start, end, NOTE, voice=voice, staff=staff, is_rest=True, is_whole_measure=True))
            else:
                symbols = notate(start, end, self.edit.meter, windows, is_rest=True)
                entries += [
                    Entry(
                        s.start,
                        s.start + s.duration,
                        NOTE,
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
        self, voice: str, sounding: Iterable[tuple[Fraction, Fraction]], rests: list[Entry], has_notes: bool
    ) -> tuple[list[Entry], list[tuple[Fraction, Fraction]], list[tuple[Fraction, Fraction]]]:
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
        kept: list[Entry] = []
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
        start = self.edit.quarters(item.onset)
        return start, start + self.edit.quarters(item.duration)

    def _fills_bar(self, voice: str, own: list[Item]) -> bool:
        covered = sum((self.edit.quarters(item.duration) for item in own if not item.chord), Fraction(0))
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

    def _new_entries(self, chord: NewChord, windows: Sequence[Window]) -> list[Entry]:
        if chord.start == chord.end:
            symbol = Symbol(chord.start, Fraction(0), "eighth", 0)
            return [Entry(chord.start, chord.end, GRACE, new=chord, symbol=symbol)]
        symbols = notate(chord.start, chord.end, self.edit.meter, windows)
        last = len(symbols) - 1
        return [
            Entry(
                symbol.start,
                symbol.start + symbol.duration,
                NOTE,
                new=chord,
                symbol=symbol,
                tie_stop=chord.tie_from or place > 0,
                tie_start=chord.tie_on or place < last,
            )
            for place, symbol in enumerate(symbols)
        ]

    def _bracket(self, entries: list[Entry], windows: Sequence[Window]) -> None:
        """Tuplet brackets where a whole window is newly written."""
        for window in windows:
            inside = [e for e in entries if e.rank == NOTE and window.start <= e.start < window.end]
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

    def _beam(self, entries: list[Entry]) -> None:
        notes = [entry for entry in entries if entry.rank == NOTE]
        row = [
            Beamable(e.start, e.symbol.type if e.symbol else "quarter", e.symbol is not None and not e.is_rest and not e.kept)
            for e in notes
        ]
        for entry, beams in zip(notes, beam_groups(row, self.edit.meter), strict=True):
            entry.beams = beams

    def _divisions(self, entries: Iterable[Entry]) -> tuple[int, bool]:
        """The divisions to write in, and whether they differ from what the children are written in."""
        in_force = {item.divisions for item in self.items if item.kind != "other"} | {self.edit.final_divisions}
        needed = set()
        for entry in entries:
            needed |= {entry.start.denominator, entry.end.denominator}
        divisions = math.lcm(*in_force, *needed)
        return divisions, in_force != {divisions}

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
            note = PitchedNote(self.edit.quarters(item.onset), item.staff, spelling, item.tie_stop, -1 - index)
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
