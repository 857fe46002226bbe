"""Take notes out of a MIDI file and put others in, leaving every other event as it was, down to its bytes.

New notes go to the track and channel of their lane; one with cents brings its own bend and takes it back, where its channel is
not tuned so and nothing else sounds on it (``corpora.midi.retuning``). At one tick, new note-offs come before, and new note-ons
after, what is there already: a repeated note sounds twice, and a program change or controller at that tick counts for the new
note. Tracks that gain or lose nothing are byte for byte the same; in the others only the deltas beside the changed events, and a
status byte where running status would have been broken, are written anew. The end of a track moves back only if a new note
outlasts it.

MIDI tells notes of one pitch on one channel apart only by their order: the first on is the first off. Two such notes may
overlap as long as the one that starts first ends first; where a new note lies inside another one of its pitch the edit is refused.
A stray note-off (one that ends nothing) that would cut a new note short is the one other event that goes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from corpora.errors import InputError
from corpora.midi.bends import Bends
from corpora.midi.events import (
    CHUNK,
    END_OF_TRACK,
    META,
    NOTE_OFF,
    NOTE_ON,
    MidiFile,
    PairedNote,
    Track,
    encode_quantity,
    pair_notes,
    split_events,
)
from corpora.midi.lanes import lane_channels
from corpora.midi.reader import MAX_TICK, note_id
from corpora.midi.retuning import BendEvent, Retuning
from corpora.piece import CENTS_PER_SEMITONE, Piece, Table

__all__ = ["edit_midi"]

RELEASE_VELOCITY = 64


class _Sound(NamedTuple):
    """A note as the file will tell it; times in ticks. Tuple order is the order of insertion."""

    onset: int
    end: int
    channel: int
    pitch: int
    velocity: int


class _Insertion(NamedTuple):
    """Where an inserted event goes: before or after the kept events of its tick, in order of ``rank``."""

    tick: int
    after_kept: bool
    rank: int
    message: bytes


def _check_added(piece: Piece, added: Table, label: str) -> None:
    for row in added:
        lane, pitch, velocity = int(row["part"]), int(row["pitch"]), int(row["velocity"])
        onset, duration, cents = int(row["onset_div"]), int(row["duration_div"]), float(row["cents"])
        if not -CENTS_PER_SEMITONE < cents < CENTS_PER_SEMITONE:
            raise InputError(f"{label}: a new note has {cents:g} cents, expected between -100 and 100")
        if not 0 <= lane < len(piece.parts):
            raise InputError(f"{label}: expected a lane 0-{len(piece.parts) - 1} for a new note, came {lane}")
        if not (0 <= pitch < 128 and 1 <= velocity < 128 and onset >= 0 and duration >= 0 and onset + duration <= MAX_TICK):
            values = f"pitch {pitch}, velocity {velocity}, tick {onset}, length {duration}"
            raise InputError(f"{label}: a new note does not fit in MIDI: {values}")


def _insertions(new: list[_Sound], kept: list[PairedNote], bends: list[BendEvent]) -> list[_Insertion]:
    """The note-ons and note-offs of new notes and the bends that they need, in the order of insertion."""
    longest: dict[tuple[int, int, int], int] = {}  # (channel, pitch, onset) -> latest end of the kept notes
    for held in kept:
        key = (held.channel, held.pitch, held.onset)
        longest[key] = max(longest.get(key, 0), held.end)
    insertions: list[_Insertion] = []
    for rank, note in enumerate(sorted(new)):
        on = bytes([NOTE_ON | note.channel, note.pitch, note.velocity])
        off = bytes([NOTE_OFF | note.channel, note.pitch, RELEASE_VELOCITY])
        # in unison with a longer kept note the shorter one must start first, for it will be ended first
        after_kept = longest.get((note.channel, note.pitch, note.onset), 0) <= note.end
        ons_rank = len(new) + 2 + 2 * rank  # after all note-offs and bends of the tick
        insertions.append(_Insertion(note.onset, after_kept, ons_rank, on))
        if note.end == note.onset:
            insertions.append(_Insertion(note.end, after_kept, ons_rank + 1, off))
        else:
            insertions.append(_Insertion(note.end, False, rank, off))
    for bend in bends:
        insertions.append(_Insertion(bend.tick, bend.is_start, len(new) + bend.is_start, bend.message))
    return sorted(insertions)


def _strays_in_the_way(file: MidiFile, track: Track, strays: list[int], new: list[_Sound]) -> set[int]:
    """Note-offs that end nothing now but would end a new note."""
    of_key: dict[tuple[int, int], list[int]] = {}  # (channel, pitch) -> events, by time
    for event in strays:
        pitch = file.data[track.delta_starts[event + 1] - 2]
        of_key.setdefault((track.statuses[event] & 0x0F, pitch), []).append(event)
    found: set[int] = set()
    for note in new:
        events = of_key.get((note.channel, note.pitch), [])
        start = bisect_right(events, note.onset, key=track.ticks.__getitem__)
        for event in events[start:]:
            if track.ticks[event] >= note.end:
                break
            found.add(event)
    return found


def _rewrite(file: MidiFile, track: Track, dropped: set[int], insertions: list[_Insertion]) -> bytes:
    """The chunk of a track without the dropped events and with the new ones."""
    data = file.data
    out = bytearray()
    now = 0  # tick of the last event written
    running = 0
    place = 0  # next insertion

    def insert(insertion: _Insertion) -> None:
        nonlocal now, running
        out.extend(encode_quantity(insertion.tick - now))
        out.extend(insertion.message)
        now, running = insertion.tick, insertion.message[0]

    previous = 0  # tick of the event before in the file
    for event, (tick, status) in enumerate(zip(track.ticks, track.statuses, strict=True)):
        start, after = track.starts[event], track.delta_starts[event + 1]
        at_end = status == META and data[start + 1] == END_OF_TRACK
        while place < len(insertions) and (at_end or (insertions[place].tick, insertions[place].after_kept) < (tick, True)):
            insert(insertions[place])
            place += 1
        if event in dropped:
            previous = tick
            continue
        if now == previous:
            out.extend(data[track.delta_starts[event] : start])
        else:
            out.extend(encode_quantity(max(tick - now, 0)))  # the end of the track moves when a new note outlasts it
        previous, now = tick, max(tick, now)
        if data[start] < 0x80 and status != running:
            out.append(status)
        running = status if status < 0xF0 else 0
        out.extend(data[start:after])
    for insertion in insertions[place:]:  # a track without its end event
        insert(insertion)
    out.extend(data[track.delta_starts[-1] : track.end])
    return CHUNK.pack(b"MTrk", len(out)) + bytes(out)


def _sound(note: PairedNote) -> _Sound:
    """The note as the file tells it; the end of one that is never ended is the track's matter, here -1."""
    return _Sound(note.onset, note.end if note.off_event >= 0 else -1, note.channel, note.pitch, note.velocity)


def _check_notes(file: MidiFile, index: int, expected: Counter[_Sound], label: str) -> None:
    """Whether the notes of a rewritten track, read again, are the expected ones; if not, some cannot be told apart."""
    came = Counter(map(_sound, pair_notes(file, file.tracks[index])[0]))
    if wrong := expected - came:
        onset, end, channel, pitch, _ = min(wrong)
        raise InputError(
            f"{label}: track {index}, tick {onset}: a note of pitch {pitch} until tick {end} overlaps another one of this pitch on "
            f"channel {channel + 1} so that MIDI cannot tell them apart"
        )


def _tuned(bends: Bends, track: int, notes: Iterable[_Sound]) -> Counter[tuple[_Sound, float | None]]:
    """Notes of a track with their cents."""
    return Counter((note, bends.of_note(track, note.channel, note.onset, note.end)) for note in notes)


def _check_tunings(file: MidiFile, expected: Sequence[Counter[tuple[_Sound, float | None]]], label: str) -> None:
    """Whether the bends of an edit left every other note its tuning, and gave the new ones theirs."""
    bends = Bends(file)
    for index, track in enumerate(file.tracks):
        came = _tuned(bends, index, map(_sound, pair_notes(file, track)[0]))
        if wrong := expected[index] - came:
            note = min(note for note, _ in wrong)
            raise InputError(
                f"{label}: track {index}, tick {note.onset}: a note of pitch {note.pitch} cannot keep its tuning on channel "
                f"{note.channel + 1} beside the bends of the file"
            )


def edit_midi(piece: Piece, removed_ids: Collection[str], added: Table) -> bytes:
    """The piece's MIDI file with some notes taken out and others put in.

    Args:
        piece: A piece that ``read_midi`` gave: its ``source`` is the file.
        removed_ids: Ids of notes to take out.
        added: NOTE_DTYPE rows in divs (the file's ticks); ``part`` is the lane. Ids and voices are not looked at. A row of 0 cents
            sounds as its channel is bent.

    Returns:
        The new file. Reading it gives the old notes less the removed ones and with the added ones (ids count anew; cents are
        right to half a step of the bend wheel).

    Raises:
        InputError: the piece has no MIDI source, an id is unknown, a new note is outside MIDI's values, notes of one
            pitch on one channel would overlap so that MIDI cannot tell them apart, or no channel can be tuned as a note asks.
    """
    if piece.source is None or piece.source.format != "midi":
        raise InputError("expected a piece that was read from MIDI")
    label = piece.source.name or "MIDI"
    _check_added(piece, added, label)
    file = split_events(piece.source.data, label)
    unknown = set(removed_ids)
    kept: list[list[PairedNote]] = []
    dropped: list[set[int]] = []
    strays: list[list[int]] = []
    lanes: list[list[tuple[int, ...]]] = []
    for index, track in enumerate(file.tracks):
        notes, of_track = pair_notes(file, track)
        strays.append(of_track)
        lanes.append(lane_channels(file, track, (note.channel for note in notes)))
        kept.append([])
        dropped.append(set())
        counts: Counter[int] = Counter()
        for note in notes:
            identity = note_id(index, note.channel, counts[note.channel])
            counts[note.channel] += 1
            if identity in unknown:
                unknown.discard(identity)
                dropped[index] |= {note.on_event, note.off_event}
            else:
                kept[index].append(note)
    if unknown:
        raise InputError(f"{label}: there is no note {min(unknown)}")
    bends = Bends(file)
    retuning = Retuning(bends, kept, label)
    new: list[list[_Sound]] = [[] for _ in file.tracks]
    asked: list[Counter[tuple[_Sound, float | None]]] = [Counter() for _ in file.tracks]
    for row in added:
        part = piece.parts[int(row["part"])]
        index = int(part.key)
        channels = next((lane for lane in lanes[index] if part.staff in lane), (part.staff,))  # a new track has no notes yet
        onset, end = int(row["onset_div"]), int(row["onset_div"] + row["duration_div"])
        wanted = 0.0 if part.is_drum else float(row["cents"])
        channel, cents = retuning.place(index, channels, onset, end, wanted)
        sound = _Sound(onset, end, channel, int(row["pitch"]), int(row["velocity"]))
        new[index].append(sound)
        asked[index][sound, cents] += 1
    inserted_bends = retuning.events()
    chunks: list[bytes] = []
    copied = 0  # offset up to which the file has been handed on
    changed = [index for index in range(len(file.tracks)) if dropped[index] or new[index]]
    for index in changed:
        track = file.tracks[index]
        dropped[index] |= _strays_in_the_way(file, track, strays[index], new[index])
        own_bends = [bend for bend in inserted_bends if bend.track == index]
        try:
            chunk = _rewrite(file, track, dropped[index], _insertions(new[index], kept[index], own_bends))
        except ValueError as error:  # a gap between events that is too long
            raise InputError(f"{label}: track {index}: {error}") from None
        chunks += [file.data[copied : track.chunk_start], chunk]
        copied = track.end
    result = b"".join([*chunks, file.data[copied:]])
    edited = split_events(result, label)
    for index in changed:
        _check_notes(edited, index, Counter([*map(_sound, kept[index]), *new[index]]), label)
    if inserted_bends:
        _check_tunings(edited, [_tuned(bends, index, map(_sound, kept[index])) + asked[index] for index in range(len(kept))], label)
    return result
