"""The events of a MIDI file with their places in the bytes, and which of them make a note.

An edit must leave every event but the notes it changes as it was, down to the bytes: mido 1.3 loses the delta time of unknown
meta events, rewrites sysex continuations and refuses unknown chunks, symusic keeps no event order. So this walker keeps the
offsets; it interprets nothing but time, status and length. Reader and editor share it, and with it the one rule of which
note-off ends which note: first on, first off, per track, channel and pitch, in file order (a note-on of velocity 0 is a note-off).

Conventions: times are absolute ticks from the start of the track; channels 0-15. Source: Standard MIDI Files 1.0 (MMA RP-001).
Lenient where players are: running status survives meta and sysex events, chunks that are not tracks are skipped.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from corpora.errors import InputError

__all__ = ["META", "MidiFile", "PairedNote", "Track", "encode_quantity", "pair_notes", "split_events"]

HEADER = struct.Struct(">4sIHHH")
CHUNK = struct.Struct(">4sI")
NOTE_OFF, NOTE_ON, AFTERTOUCH, PROGRAM, CHANNEL_PRESSURE, PITCH_BEND, SYSTEM = 0x80, 0x90, 0xA0, 0xC0, 0xD0, 0xE0, 0xF0
SYSEX, SYSEX_CONTINUED, META = 0xF0, 0xF7, 0xFF
END_OF_TRACK = 0x2F


@dataclass(frozen=True)
class Track:
    """The events of one track chunk; lists are parallel, one entry an event, up to and with the end of track.

    Args:
        chunk_start: Offset of the chunk's 8-byte head.
        end: Offset where the chunk ends; bytes between the last event and here are not looked at.
        ticks: Absolute time of each event.
        delta_starts: Offset of each event's delta time, and one more entry: the offset after the last event.
        starts: Offset of each event after its delta time: its status byte, or its first data byte under running status.
        statuses: Status in force for each event: 0x80-0xEF with channel, or 0xF0, 0xF7, 0xFF.
    """

    chunk_start: int
    end: int
    ticks: list[int]
    delta_starts: list[int]
    starts: list[int]
    statuses: list[int]


@dataclass(frozen=True)
class MidiFile:
    """The head of a file and its tracks.

    Args:
        data: The bytes that all offsets count in.
        format: 0 or 1.
        ticks_per_quarter: Division.
        tracks: The track chunks in file order.
    """

    data: bytes
    format: int
    ticks_per_quarter: int
    tracks: tuple[Track, ...]


class PairedNote(NamedTuple):
    """A note-on with its note-off, as indices of events in their track."""

    channel: int
    pitch: int
    velocity: int
    onset: int  # ticks
    end: int  # ticks; of the end of the track when there is no note-off
    on_event: int
    off_event: int  # -1 when there is none


def encode_quantity(value: int) -> bytes:
    """A variable-length quantity, 0 to 2^28 - 1, most significant seven bits first."""
    if not 0 <= value < 1 << 28:
        raise ValueError(f"a variable-length quantity holds 0 to 2^28 - 1, got {value}")
    encoded = bytes([value & 0x7F])
    while value := value >> 7:
        encoded = bytes([value & 0x7F | 0x80]) + encoded
    return encoded


def _walk_track(data: bytes, chunk_start: int, end: int) -> Track:
    """Events of one chunk; IndexError or ValueError where it is broken."""
    ticks: list[int] = []
    delta_starts: list[int] = []
    starts: list[int] = []
    statuses: list[int] = []
    place = chunk_start + CHUNK.size
    tick = 0
    running = 0
    while place < end:
        delta_starts.append(place)
        byte = data[place]
        place += 1
        delta = byte & 0x7F
        while byte & 0x80:
            byte = data[place]
            place += 1
            delta = delta << 7 | byte & 0x7F
        tick += delta
        ticks.append(tick)
        starts.append(place)
        status = data[place]
        if status < 0x80:
            if not running:
                raise ValueError(f"running status without a status before it at byte {place}")
            status = running
        else:
            place += 1
        statuses.append(status)
        if status < SYSTEM:
            running = status
            place += 1 if status & 0xE0 == PROGRAM else 2  # 0xC0 and 0xD0 carry one data byte
            continue
        if status not in (SYSEX, SYSEX_CONTINUED, META):
            raise ValueError(f"status 0x{status:02X} does not belong in a file, at byte {place - 1}")
        kind = -1
        if status == META:
            kind = data[place]
            place += 1
        byte = data[place]
        place += 1
        length = byte & 0x7F
        while byte & 0x80:
            byte = data[place]
            place += 1
            length = length << 7 | byte & 0x7F
        place += length
        if kind == END_OF_TRACK:
            break
    if place > end:
        raise ValueError(f"the last event passes the end of its track at byte {end}")
    delta_starts.append(place)
    return Track(chunk_start, end, ticks, delta_starts, starts, statuses)


def split_events(data: bytes, name: str = "") -> MidiFile:
    """All events of a Standard MIDI File of format 0 or 1.

    Args:
        data: The whole file.
        name: File name for messages.

    Raises:
        InputError: the bytes are not such a file; the message says where.
    """
    label = name or "MIDI"
    if len(data) < HEADER.size or data[:4] != b"MThd":
        raise InputError(f"{label}: expected a MIDI file, its head is missing")
    _, header_bytes, kind, _, division = HEADER.unpack_from(data)
    if kind > 1:
        raise InputError(f"{label}: expected MIDI format 0 or 1, came {kind} (independent sequences)")
    if not 0 < division < 0x8000:
        raise InputError(f"{label}: expected ticks per quarter note, came division 0x{division:04X}")
    tracks: list[Track] = []
    place = CHUNK.size + header_bytes
    while place + CHUNK.size <= len(data):
        tag, length = CHUNK.unpack_from(data, place)
        end = place + CHUNK.size + length
        if end > len(data):
            raise InputError(f"{label}: the chunk at byte {place} passes the end of the file")
        if tag == b"MTrk":
            try:
                tracks.append(_walk_track(data, place, end))
            except IndexError:
                raise InputError(f"{label}: track {len(tracks)} ends inside an event") from None
            except ValueError as error:
                raise InputError(f"{label}: track {len(tracks)}: {error}") from None
        place = end
    return MidiFile(data, kind, division, tuple(tracks))


def pair_notes(file: MidiFile, track: Track) -> tuple[list[PairedNote], list[int]]:
    """The notes of a track and its stray note-offs.

    Returns:
        The notes in the order of their note-ons, and the event indices of note-offs that end nothing.
    """
    data = file.data
    afters = track.delta_starts
    last_tick = track.ticks[-1] if track.ticks else 0
    sounding: dict[int, deque[int]] = {}
    channels: list[int] = []
    pitches: list[int] = []
    velocities: list[int] = []
    ends: list[int] = []
    on_events: list[int] = []
    off_events: list[int] = []
    strays: list[int] = []
    for event, status in enumerate(track.statuses):
        if status >= AFTERTOUCH:
            continue
        after = afters[event + 1]
        pitch, velocity = data[after - 2], data[after - 1]
        queue = sounding.setdefault((status & 0x0F) << 7 | pitch, deque())
        if status >= NOTE_ON and velocity:
            queue.append(len(ends))
            channels.append(status & 0x0F)
            pitches.append(pitch)
            velocities.append(velocity)
            ends.append(last_tick)
            on_events.append(event)
            off_events.append(-1)
        elif queue:
            note = queue.popleft()
            ends[note] = track.ticks[event]
            off_events[note] = event
        else:
            strays.append(event)
    onsets = [track.ticks[event] for event in on_events]
    return list(map(PairedNote, channels, pitches, velocities, onsets, ends, on_events, off_events)), strays
