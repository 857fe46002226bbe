"""Edits a MusicXML score in its own bytes: only the measures of a part that lose or gain a note change.

Everything else (header, white space, comments, encoding, byte order mark, line ends, other measures and parts) is byte for byte
what it was. Conventions: note ids and times are those of the piece that ``read_musicxml`` made of the same text;
``divs_per_quarter`` of the piece may also be a multiple of what the reader found, for notes on a finer grid.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction
from typing import Literal, TypeAlias

from corpora.errors import RequestError
from corpora.musicxml.document import KeySignature, PartWalk
from corpora.musicxml.elements import add_notation, set_colour
from corpora.musicxml.measure_edit import MeasureEdit, MeasureText, NewChord, NewPitch
from corpora.musicxml.notation import Meter
from corpora.musicxml.percussion import DrumKit
from corpora.musicxml.reader import Chain, tie_chains
from corpora.musicxml.rewriting import rewrite_measure
from corpora.musicxml.signs import sign_of
from corpora.musicxml.spanners import Ending, spanner_ends, unpaired_after
from corpora.musicxml.spans import MeasureSpan, measure_spans, text_codec
from corpora.musicxml.spelling import Spelling, key_alters, spell_between
from corpora.musicxml.spelling_in_context import places_in_context, spelling_at
from corpora.musicxml.voicing import NewNote, assign_voices
from corpora.musicxml.walker import collection_paused, walk
from corpora.piece import CENTS_PER_SEMITONE, Piece, Table, nearest_pitch

__all__ = ["NEW_NOTE_COLOUR", "SIGNS", "NoteSign", "colour_notes", "edit_musicxml", "sign_notes"]

NEW_NOTE_COLOUR = "#c0392b"
NoteSign: TypeAlias = Literal[
    "arpeggiate", "trill-mark", "trill-flat-flat", "trill-flat", "trill-natural", "trill-sharp", "trill-double-sharp"
]


def _trill(accidental: str) -> str:
    """A trill, and an accidental of its upper neighbour."""
    return f'<ornaments><trill-mark/><accidental-mark placement="above">{accidental}</accidental-mark></ornaments>'


SIGNS: Mapping[NoteSign, str] = {
    "arpeggiate": "<arpeggiate/>",
    "trill-mark": "<ornaments><trill-mark/></ornaments>",
    "trill-flat-flat": _trill("flat-flat"),
    "trill-flat": _trill("flat"),
    "trill-natural": _trill("natural"),
    "trill-sharp": _trill("sharp"),
    "trill-double-sharp": _trill("double-sharp"),
}


def edit_musicxml(
    piece: Piece, removed_ids: Collection[str], added: Table, *, keep_voices: bool = False, spell_together: bool = False
) -> bytes:
    """The score's text without some notes and with others.

    Args:
        piece: A piece read from MusicXML.
        removed_ids: Ids of notes of the piece; a tied note goes with all its elements.
        added: NOTE_DTYPE rows in divs of the piece; ``part`` is the lane; ``velocity`` is not used. A row equal to a removed note
            in onset, duration, pitch, cents and lane leaves that note alone. Duration 0 makes a grace note.
        keep_voices: Whether rows with a ``voice`` above 0 get that one of the part, as long as it is free there; else voices are
            found anew.
        spell_together: Whether the added notes are spelled by each other (``spelling_in_context``), as suits a score of which they
            are all; else each by its key and the note after it.

    Returns:
        The new text, from which ``read_musicxml`` gives the notes asked for and no others, each with the pitch nearest to it.

    Raises:
        RequestError: The piece has no MusicXML source, an id or lane is unknown, a time is outside the score or too fine to notate,
            cents are beyond a semitone, or a drum has no instrument in the part.
    """
    if piece.source is None or piece.source.format != "musicxml":
        raise RequestError("only a piece read from MusicXML can be edited as MusicXML")
    with collection_paused():
        return _Edit(piece, set(removed_ids), added, keep_voices=keep_voices, spell_together=spell_together).run(piece.source.data)


def colour_notes(data: bytes, ids: Collection[str], colour: str = NEW_NOTE_COLOUR) -> bytes:
    """A copy of a score's text, for a picture, in which these notes (ids as ``read_musicxml`` gives them) have a colour.

    Raises:
        RequestError: An id is unknown.
    """
    return _retouched(data, ids, lambda text: set_colour(text, colour), also_tied=True)


def sign_notes(data: bytes, ids: Collection[str], sign: NoteSign) -> bytes:
    """A copy of a score's text in which these notes have a sign, which stands where a tied note begins.

    Args:
        data: MusicXML.
        ids: As ``read_musicxml`` gives them; of a rolled chord all notes.
        sign: In ``SIGNS``.

    Raises:
        RequestError: An id is unknown.
    """
    return _retouched(data, ids, lambda text: add_notation(text, SIGNS[sign]), also_tied=False)


def _retouched(data: bytes, ids: Collection[str], change: Callable[[str], str], *, also_tied: bool) -> bytes:
    """The text with the elements of some notes changed: the first of each, or also those that are tied to it."""
    with collection_paused():
        document = walk(data)
        chains = {chain.id: chain for chain in tie_chains(document)[0]}
        found = [_known(chains, name).items for name in ids]
        ordinals = {item.ordinal for items in found for _, item in (items if also_tied else items[:1])}
        codec = text_codec(data)
        changes = []
        for part, spans in zip(document.parts, measure_spans(data), strict=True):
            for measure, span in zip(part.measures, spans, strict=True):
                for item, (start, end) in zip(measure.items, span.children, strict=True):
                    if item.ordinal in ordinals:
                        changes.append((start, end, change(data[start:end].decode(codec)).encode(codec)))
        return _spliced(data, changes)


def _known(chains: dict[str, Chain], name: str) -> Chain:
    if name not in chains:
        raise RequestError(f"the score has no note with the id {name!r}")
    return chains[name]


def _spliced(data: bytes, changes: Sequence[tuple[int, int, bytes]]) -> bytes:
    pieces, reached = [], 0
    for start, end, text in sorted(changes):
        pieces += [data[reached:start], text]
        reached = end
    return b"".join([*pieces, data[reached:]])


class _Edit:
    """One edit: from ids and rows to measures with what each loses and gains."""

    def __init__(self, piece: Piece, removed_ids: set[str], added: Table, *, keep_voices: bool, spell_together: bool) -> None:
        assert piece.source is not None
        self.document = walk(piece.source.data, piece.source.name, multiple_of=piece.divs_per_quarter)
        self.scale = self.document.divs // piece.divs_per_quarter
        chains = {chain.id: chain for chain in tie_chains(self.document)[0]}
        removed = {name: _known(chains, name) for name in removed_ids}
        self.lanes = [(p, staff) for p, part in enumerate(self.document.parts) for staff in range(1, part.num_staves + 1)]
        rows = self._without_unchanged(removed, added, keep_voices=keep_voices)
        self.removed = list(removed.values())
        self.kept = [chain for name, chain in chains.items() if name not in removed]
        self.new = [self._new_note(*row) for row in rows]
        assign_voices(self.document, self.kept, self.removed, self.new)
        if spell_together:
            self._spell_together()

    def _without_unchanged(
        self, removed: dict[str, Chain], added: Table, *, keep_voices: bool
    ) -> list[tuple[int, int, int, float, int, str]]:
        """The added rows (onset, end, pitch, cents, lane, voice) without those that a removed note already is; that note stays."""
        same: dict[tuple[int, int, int, float, int], list[str]] = defaultdict(list)
        lane_of = {place: lane for lane, place in enumerate(self.lanes)}
        for name, chain in removed.items():
            assert chain.head.pitch is not None
            lane = lane_of[chain.part, chain.head.staff]
            same[chain.onset, chain.end, chain.head.pitch, chain.head.cents, lane].append(name)
        rows = []
        for row in added:
            onset, duration = int(row["onset_div"]) * self.scale, int(row["duration_div"]) * self.scale
            key = (onset, onset + duration, *_nearest(int(row["pitch"]), float(row["cents"])), int(row["part"]))
            if same[key]:
                del removed[same[key].pop()]
            else:
                rows.append((*key, str(row["voice"]) if keep_voices and row["voice"] > 0 else ""))
        return sorted(rows)

    def _new_note(self, onset: int, end: int, pitch: int, cents: float, lane: int, voice: str) -> NewNote:
        if not 0 <= lane < len(self.lanes):
            raise RequestError(f"a new note is for lane {lane}, the score has {len(self.lanes)}")
        part_index, staff = self.lanes[lane]
        part = self.document.parts[part_index]
        last = len(part.measures) - 1
        score_end = self.document.starts[last] + self.document.lengths[last] if last >= 0 else 0
        if not (0 <= onset < score_end and onset <= end <= score_end):
            quarters = f"{Fraction(onset, self.document.divs)} to {Fraction(end, self.document.divs)}"
            raise RequestError(
                f"a new note lasts from quarter {quarters}, outside part {part.key} (0 to {score_end // self.document.divs})"
            )
        if not 0 <= pitch <= 127:
            raise RequestError(f"a new note has pitch {pitch}, expected 0 to 127")
        return NewNote(onset, end, pitch, part_index, staff, cents, voice)

    def run(self, data: bytes) -> bytes:
        touched: dict[int, set[int]] = defaultdict(set)
        for chain in self.removed:
            touched[chain.part] |= {measure for measure, _ in chain.items}
        chords: dict[tuple[int, int], list[NewChord]] = defaultdict(list)
        for part_index in {note.part for note in self.new}:
            for measure, chord in self._chords(part_index):
                touched[part_index].add(measure)
                chords[part_index, measure].append(chord)
        changes: list[tuple[int, int, bytes]] = []
        codec = text_codec(data)
        spans = measure_spans(data) if touched else []
        for part_index, measures in touched.items():
            part = self.document.parts[part_index]
            removed = {item.ordinal for chain in self.removed if chain.part == part_index for _, item in chain.items}
            dropped, orphaned = unpaired_after(spanner_ends(self.document, part), removed, measures)
            for lost in orphaned:
                self._hand_over(lost, chords[part_index, lost.measure])
            has_beams = any(part.measures[m].element.find("note/beam") is not None for m in range(len(part.measures)))
            for measure in measures:
                span = spans[part_index][measure]
                edit = MeasureEdit(
                    walk=part.measures[measure],
                    divs=self.document.divs,
                    length=Fraction(self.document.lengths[measure], self.document.divs),
                    meter=self._meter(part, measure),
                    removed=removed,
                    chords=chords[part_index, measure],
                    dropped_marks=dropped,
                    key_of={staff: _alters(part.key_at(measure, 0, staff)) for staff in range(1, part.num_staves + 1)},
                    num_staves=part.num_staves,
                    has_beams=has_beams or not part_has_notes(part),
                )
                changes.append((span.start, span.end, rewrite_measure(edit, _measure_text(data, span, codec)).encode(codec)))
        return _spliced(data, changes)

    def _hand_over(self, lost: Ending, chords: list[NewChord]) -> None:
        """Give the lost end of a mark to the new note nearest to where it stood, in the same voice if possible."""
        place = Fraction(lost.item.onset, self.document.divs)
        able = [chord for chord in chords if chord.joins is None and chord.staff == lost.item.staff]
        if able:
            able.sort(key=lambda chord: (chord.voice != lost.item.voice, abs(chord.start - place)))
            able[0].marks.append(lost.mark)

    def _meter(self, part: PartWalk, measure: int) -> Meter:
        beats, beat_type = part.meter_at(measure)
        meter = Meter(beats, beat_type)
        missing = meter.bar - Fraction(self.document.lengths[measure], self.document.divs)
        is_pickup = measure == 0 or part.measures[measure].implicit
        is_binary = missing.denominator & (missing.denominator - 1) == 0
        return Meter(beats, beat_type, missing) if is_pickup and missing > 0 and is_binary else meter

    def _chords(self, part_index: int) -> list[tuple[int, NewChord]]:
        """The new notes of a part as chords, cut at the barlines."""
        part = self.document.parts[part_index]
        kit = DrumKit(part)
        groups: dict[tuple[str, int, int, int], list[NewNote]] = defaultdict(list)
        for note in self.new:
            if note.part == part_index:
                groups[note.voice, note.staff, note.onset, note.end].append(note)
        instruments = {staff: _usual_instrument(part, staff) for staff in range(1, part.num_staves + 1)}
        following = self._following(part_index)
        chords = []
        for (voice, staff, onset, end), notes in sorted(groups.items(), key=lambda pair: pair[0][2]):
            first = self._measure_at(onset)
            spellings: list[Spelling | None] = []
            for note in notes:
                spellings.append(None if kit.is_percussion else self._spelling(part, first, note, following))
            measure = first
            while True:
                start, length = self.document.starts[measure], self.document.lengths[measure]
                here, there = max(onset, start), min(end, start + length)
                pitches = [
                    NewPitch(spelling, instrument=instruments[staff]) if spelling else NewPitch(None, *kit.drum(note.pitch))
                    for note, spelling in zip(notes, spellings, strict=True)
                ]
                chord = NewChord(
                    start=Fraction(here - start, self.document.divs),
                    end=Fraction(there - start, self.document.divs),
                    voice=voice,
                    staff=staff,
                    pitches=pitches,
                    tie_from=here > onset,
                    tie_on=there < end,
                    joins=notes[0].joins,
                )
                chords.append((measure, chord))
                measure += 1
                if there >= end:
                    break
        return chords

    def _measure_at(self, div: int) -> int:
        return bisect_right(self.document.starts, div) - 1

    def _following(self, part_index: int) -> dict[tuple[str, int], int]:
        """For each place in a voice of the part (voice, end of a note) the pitch that comes there, new or kept."""
        found: dict[tuple[str, int], int] = {}
        for chain in self.kept:
            if chain.part == part_index and chain.head.pitch is not None:
                found[chain.head.voice, chain.onset] = max(chain.head.pitch, found.get((chain.head.voice, chain.onset), 0))
        for note in self.new:
            if note.part == part_index:
                found[note.voice, note.onset] = max(note.pitch, found.get((note.voice, note.onset), 0))
        return found

    def _spell_together(self) -> None:
        """Settle the spelling of the new notes that have no cents, in parts that sound as written."""
        notes: list[NewNote] = []
        fifths: list[int] = []
        is_percussion = [DrumKit(part).is_percussion for part in self.document.parts]
        starts: dict[tuple[int, str, int], list[int]] = defaultdict(list)
        for note in sorted(self.new, key=lambda note: (note.onset, note.part, note.pitch)):
            part, measure = self.document.parts[note.part], self._measure_at(note.onset)
            place = (measure, note.onset - self.document.starts[measure], note.staff)
            if note.cents or is_percussion[note.part] or part.transposition_at(*place).semitones:
                continue
            starts[note.part, note.voice, note.onset].append(len(notes))
            notes.append(note)
            fifths.append(part.key_at(*place).fifths)
        following = {index: starts.get((note.part, note.voice, note.end), []) for index, note in enumerate(notes)}
        places = places_in_context([note.pitch for note in notes], fifths, following).tolist()
        for note, settled in zip(notes, places, strict=True):
            note.place = settled

    def _spelling(self, part: PartWalk, measure: int, note: NewNote, following: dict[tuple[str, int], int]) -> Spelling:
        if note.place is not None:
            return spelling_at(note.pitch, note.place)
        onset = note.onset - self.document.starts[measure]
        key = part.key_at(measure, onset, note.staff)
        moved = part.transposition_at(measure, onset, note.staff).semitones
        after = following.get((note.voice, note.end))
        return spell_between(note.pitch - moved, note.cents, key.fifths, None if after is None else after - moved)


def part_has_notes(part: PartWalk) -> bool:
    """Whether anything sounds in the part at all."""
    return any(item.kind == "note" for measure in part.measures for item in measure.items)


def _usual_instrument(part: PartWalk, staff: int) -> str:
    """The instrument that notes of a staff name, where they do."""
    named: Counter[str] = Counter()
    for measure in part.measures:
        for item in measure.items:
            if item.kind == "note" and item.staff == staff:
                element = item.element.find("instrument")
                if element is not None:
                    named[element.get("id", "")] += 1
    return named.most_common(1)[0][0] if named else ""


def _alters(key: KeySignature) -> dict[str, float]:
    alters = key_alters(key.fifths) if key.alters is None else dict(key.alters)
    return {step: sign_of(float(alter)) for step, alter in alters.items()}


def _nearest(pitch: int, cents: float) -> tuple[int, float]:
    """Pitch and cents as the reader gives them."""
    if not -CENTS_PER_SEMITONE < cents < CENTS_PER_SEMITONE:
        raise RequestError(f"a new note has {cents:g} cents, expected between -100 and 100")
    return nearest_pitch(pitch + cents / CENTS_PER_SEMITONE) if cents else (pitch, 0.0)


def _measure_text(data: bytes, span: MeasureSpan, codec: str) -> MeasureText:
    """A measure's text taken apart at its children."""
    reached = span.children[0][0] if span.children else span.end
    opening = data[span.start : reached].decode(codec)
    if not span.children:
        if opening.rstrip().endswith("/>"):
            return MeasureText(opening.rstrip()[:-2].rstrip() + ">", [], [], "</measure>")
        place = opening.rindex("</")
        return MeasureText(opening[:place].rstrip(), [], [], "</measure>")
    tag_end = opening.index(">") + 1
    gaps, children = [opening[tag_end:]], []
    for index, (start, end) in enumerate(span.children):
        if index:
            gaps.append(data[reached:start].decode(codec))
        children.append(data[start:end].decode(codec))
        reached = end
    return MeasureText(opening[:tag_end], gaps, children, data[reached : span.end].decode(codec))
