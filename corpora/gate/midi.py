"""The door for Standard MIDI Files: a scan of the whole file before any library sees it.

Bounds musical extent, not file size: a file of 60 bytes can hold 2^28 ticks. Sums are Python integers, so nothing wraps.
Follows "Standard MIDI File Format Specification 1.1" (MMA RP-001); departs from it in two points: running status goes on after
a meta event, as files in the wild and all players have it, and NUL bytes after the last track are padding.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from corpora.errors import InputError
from corpora.gate.refusal import refusal

__all__ = ["MAX_EVENTS", "MAX_MIDI_BYTES", "MAX_MUSIC_S", "MAX_TRACKS", "MidiExtent", "check_midi"]

MAX_MIDI_BYTES: Final = 16 << 20
MAX_TRACKS: Final = 256
MAX_EVENTS: Final = 500_000
MAX_MUSIC_S: Final = 7200.0
TICK_LIMIT: Final = 1 << 31  # symusic counts ticks in 32 bits and wraps silently
MAX_BEAT_TYPE_POWER: Final = 6  # sixty-fourths
MICROSECONDS_PER_QUARTER: Final = 500_000  # until a tempo is set

HEADER_BYTES: Final = 14
META, SYSEX, SYSEX_ESCAPE = 0xFF, 0xF0, 0xF7
END_OF_TRACK, SET_TEMPO, TIME_SIGNATURE, KEY_SIGNATURE = 0x2F, 0x51, 0x58, 0x59
META_LENGTHS: Final[dict[int, tuple[int, ...]]] = {
    0x00: (0, 2),  # sequence number
    0x20: (1,),  # channel prefix
    0x21: (1,),  # port
    END_OF_TRACK: (0,),
    SET_TEMPO: (3,),
    0x54: (5,),  # SMPTE offset
    TIME_SIGNATURE: (4,),
    KEY_SIGNATURE: (2,),
}


@dataclass(frozen=True)
class MidiExtent:
    """What a checked MIDI file holds.

    Args:
        format: 0 or 1.
        tracks: Number of tracks.
        ticks_per_quarter: Time resolution.
        events: Number of events of all kinds.
        notes: Number of note-ons with a velocity above 0.
        last_tick: Where the longest track ends.
        seconds: The same place in time, through the tempo map.
    """

    format: int
    tracks: int
    ticks_per_quarter: int
    events: int
    notes: int
    last_tick: int
    seconds: float


def check_midi(data: bytes, name: str) -> MidiExtent:
    """Scan a MIDI file and return its extent.

    Args:
        data: The whole file.
        name: File name for messages.

    Raises:
        InputError: The file breaks the format (truncated, bad chunk or event, track count), is in SMPTE time or format 2, or
            passes a limit: 256 tracks, 500,000 events, 2^31 ticks, 2 hours.
    """
    if len(data) > MAX_MIDI_BYTES:
        raise refusal(name, "", f"at most {MAX_MIDI_BYTES:,} bytes", f"{len(data):,}")
    format_number, track_count, ticks_per_quarter = _check_header(data, name)
    scan = _Scan(name)
    place = HEADER_BYTES
    while place < len(data):
        if not data[place:].strip(b"\0") if len(data) - place < 4096 else False:
            break  # padding
        if len(data) - place < 8:
            raise refusal(name, f"byte {place}", "a chunk or the end of the file", f"{len(data) - place} bytes")
        kind, length = struct.unpack_from(">4sI", data, place)
        start, end = place + 8, place + 8 + length
        if end > len(data):
            raise refusal(name, f"byte {place}", f"a chunk of {length:,} bytes", f"{len(data) - start:,} (truncated?)")
        if kind == b"MTrk":
            if scan.tracks == track_count:
                raise refusal(name, f"byte {place}", f"{track_count} tracks, as the header says", "one more")
            scan.track(data[start:end], start)
        elif not all(0x20 <= letter < 0x7F for letter in kind):
            raise refusal(name, f"byte {place}", "a chunk name", repr(kind))
        place = end
    if scan.tracks < track_count:
        raise refusal(name, f"byte {len(data)}", f"{track_count} tracks, as the header says", scan.tracks)
    seconds = _seconds(scan.tempos, scan.last_tick, ticks_per_quarter)
    if seconds > MAX_MUSIC_S:
        raise refusal(name, f"tick {scan.last_tick}", f"at most {MAX_MUSIC_S:g} s of music", f"{seconds:.0f} s")
    return MidiExtent(format_number, scan.tracks, ticks_per_quarter, scan.events, scan.notes, scan.last_tick, seconds)


def _check_header(data: bytes, name: str) -> tuple[int, int, int]:
    """Format, number of tracks and ticks per quarter."""
    if not data.startswith(b"MThd"):
        raise refusal(name, "byte 0", "MThd, the start of a MIDI file", repr(data[:4]))
    if len(data) < HEADER_BYTES:
        raise refusal(name, "", f"a header of {HEADER_BYTES} bytes", f"{len(data)} (truncated?)")
    length, format_number, tracks, division = struct.unpack_from(">IHHH", data, 4)
    if length != 6:
        raise refusal(name, "byte 4", "a header length of 6", length)
    if format_number > 1:
        raise refusal(name, "byte 8", "MIDI format 0 or 1", format_number)
    if not 1 <= tracks <= MAX_TRACKS:
        raise refusal(name, "byte 10", f"1 to {MAX_TRACKS} tracks", tracks)
    if format_number == 0 and tracks != 1:
        raise refusal(name, "byte 10", "one track in format 0", tracks)
    if division >= 0x8000:
        raise refusal(name, "byte 12", "ticks per quarter note", f"SMPTE time ({division:#x})")
    if division == 0:
        raise refusal(name, "byte 12", "at least 1 tick per quarter note", 0)
    return format_number, tracks, division


class _Scan:
    """Walks the events of all tracks and sums up."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tracks = 0
        self.events = 0
        self.notes = 0
        self.last_tick = 0
        self.tempos: list[tuple[int, int]] = []  # tick, microseconds per quarter

    def track(self, data: bytes, start: int) -> None:
        """Check one track; ``start`` is where its data begins in the file."""
        self.tracks += 1
        try:
            self._track(data, start)
        except IndexError:
            raise self.refuse(start + len(data), "a whole event before the track ends", "the end (truncated?)") from None

    def _track(self, data: bytes, start: int) -> None:
        size, place, tick, running = len(data), 0, 0, 0
        while place < size:
            delta = data[place]
            place += 1
            if delta >= 0x80:
                delta, place = self.variable_length(data, place - 1, start)
            tick += delta
            if tick >= TICK_LIMIT:
                raise self.refuse(start + place, f"fewer than {TICK_LIMIT} ticks", tick)
            self.events += 1
            if self.events > MAX_EVENTS:
                raise self.refuse(start + place, f"at most {MAX_EVENTS:,} events", "more")
            status = data[place]
            if status < 0x80:
                if not running:
                    raise self.refuse(start + place, "a status byte", f"{status:#04x} without running status")
                status = running
            else:
                place += 1
            if status < SYSEX:
                running = status
                first = data[place]
                second = 0 if 0xC0 <= status < 0xE0 else data[place + 1]
                if first > 0x7F or second > 0x7F:
                    raise self.refuse(start + place, "data bytes below 128", f"{max(first, second)}")
                place += 1 if 0xC0 <= status < 0xE0 else 2
                if 0x90 <= status < 0xA0 and second:
                    self.notes += 1
            elif status == META:
                kind = data[place]
                length, body = self.variable_length(data, place + 1, start)
                if body + length > size:
                    raise self.refuse(start + place, f"a meta event of {length:,} bytes inside its track", f"{size - body} left")
                self.meta(kind, data[body : body + length], tick, start + place)
                place = body + length
                if kind == END_OF_TRACK:
                    if place != size:
                        raise self.refuse(start + place, "nothing after the end of the track", f"{size - place} bytes")
                    self.last_tick = max(self.last_tick, tick)
                    return
            elif status in (SYSEX, SYSEX_ESCAPE):
                running = 0
                length, body = self.variable_length(data, place, start)
                if body + length > size:
                    raise self.refuse(start + place, f"a sysex of {length:,} bytes inside its track", f"{size - body} left")
                place = body + length
            else:
                raise self.refuse(start + place - 1, "a channel, sysex or meta event", f"{status:#04x}")
        raise self.refuse(start + size, "an end-of-track event", "the end of the track's bytes")

    def meta(self, kind: int, body: bytes, tick: int, place: int) -> None:
        """Check the meta events whose numbers matter."""
        lengths = META_LENGTHS.get(kind)
        if kind > 0x7F:
            raise self.refuse(place, "a meta event type below 128", kind)
        if lengths is None:
            return
        if len(body) not in lengths:
            raise self.refuse(place, f"a meta event {kind:#04x} of {' or '.join(map(str, lengths))} bytes", len(body))
        if kind == SET_TEMPO:
            microseconds = int.from_bytes(body, "big")
            if microseconds == 0:
                raise self.refuse(place, "a tempo above 0 microseconds per quarter", 0)
            self.tempos.append((tick, microseconds))
        elif kind == TIME_SIGNATURE:
            if body[0] == 0:
                raise self.refuse(place, "a time signature of at least 1 beat", 0)
            if body[1] > MAX_BEAT_TYPE_POWER:
                raise self.refuse(place, f"a beat type of at most 2^{MAX_BEAT_TYPE_POWER}", f"2^{body[1]}")
        elif kind == KEY_SIGNATURE:
            fifths = body[0] - 256 if body[0] > 0x7F else body[0]
            if not -7 <= fifths <= 7 or body[1] > 1:
                raise self.refuse(place, "a key of 7 flats to 7 sharps, major or minor", f"{fifths} sharps, mode {body[1]}")
        elif kind == 0x54 and body[0] > 0x7F:
            raise self.refuse(place, "an SMPTE offset with a known frame rate", f"{body[0]:#04x}")

    def variable_length(self, data: bytes, place: int, start: int) -> tuple[int, int]:
        """A variable-length quantity of at most 4 bytes, and the place after it."""
        value = 0
        for index in range(place, place + 4):
            byte = data[index]
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value, index + 1
        raise self.refuse(start + place, "a variable-length number of at most 4 bytes", "a longer one")

    def refuse(self, place: int, expected: str, came: object) -> InputError:
        return refusal(self.name, f"track {self.tracks}, byte {place}", expected, came)


def _seconds(tempos: list[tuple[int, int]], last_tick: int, ticks_per_quarter: int) -> float:
    """Time of ``last_tick`` through the tempo map."""
    knots = [(0, MICROSECONDS_PER_QUARTER), *sorted(tempos, key=lambda knot: knot[0]), (last_tick, 0)]
    total = sum(max(0, after - before) * microseconds for (before, microseconds), (after, _) in pairwise(knots))
    return total / ticks_per_quarter / 1e6
