"""Any piece as a Standard MIDI File of format 1.

Track 0 holds tempo, meter and key; then comes one track a lane, in lane order, with its name and program. Ticks are divs, or
a multiple of them where those are coarser than MIN_TICKS_PER_QUARTER (and a rounding where they are finer than MIDI allows).

Channels: drums play on channel 10 (index 9), and each other lane has a channel of its own as long as the 15 last. Past that, lanes
share with one of the same program, else with one of the same General MIDI family, else with the least used channel. A piece with
cents is written with pitch bends of two semitones' range and channels for each tuning (``corpora.midi.allotment``).

Grace notes, which last nothing in a piece, are played just before their beat, one after the other in the order of their ids, a
thirty-second each, or what room there is; at the very start of the piece they take it from the first beat. Notes of one
pitch in one lane that overlap so that MIDI could not tell them apart (one inside the other) go to a further track of that name.

Bars that are not as long as their meter says (pickups, bars split by a repeat) are kept by giving the same time signature again
where the next bar starts; ``corpora.midi.timeline`` reads them back so.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from corpora.errors import InputError
from corpora.midi.allotment import MELODIC_CHANNELS, Allotted, Sound, allot
from corpora.midi.bends import bend_of_cents
from corpora.midi.events import CHUNK, END_OF_TRACK, HEADER, META, NOTE_OFF, NOTE_ON, PROGRAM, encode_quantity
from corpora.midi.lanes import DRUM_CHANNEL, ONE_LANE_EVENT
from corpora.midi.reader import MAX_TICK, TRACK_NAME
from corpora.midi.timeline import KEY_SIGNATURE, MICROSECONDS_PER_MINUTE, TEMPO, TIME_SIGNATURE
from corpora.piece import CENTS_PER_SEMITONE, Part, Piece

__all__ = [
    "MAX_TICKS_PER_QUARTER",
    "MIN_TICKS_PER_QUARTER",
    "LaneMessage",
    "TrackEvent",
    "assign_channels",
    "chunk_of",
    "conductor_track",
    "grace_places",
    "lane_sounds",
    "name_event",
    "program_event",
    "tick_scale",
    "write_midi",
]

MIN_TICKS_PER_QUARTER = 96
MAX_TICKS_PER_QUARTER = 0x7FFF
GRACE_NOTES_PER_QUARTER = 8  # thirty-seconds
PROGRAMS_PER_FAMILY = 8  # General MIDI: pianos, chromatic percussion, organs ...
MAX_MICROSECONDS = 0xFFFFFF
RELEASE_VELOCITY = 64
CLOCKS_PER_BEAT, THIRTY_SECONDS_PER_QUARTER = 24, 8


class TrackEvent(NamedTuple):
    """An event of a track; at one tick, lower ranks come first."""

    tick: int
    rank: int
    message: bytes


class LaneMessage(NamedTuple):
    """A controller or program change for a lane: status 0xB0 or 0xC0 without a channel, then its data bytes."""

    onset_div: int
    lane: int
    status: int
    data: bytes


def assign_channels(parts: Iterable[Part]) -> list[int]:
    """A channel (0-15) for each lane, as the module says; lanes earlier in the list choose first."""
    users: dict[int, list[int]] = {}  # channel -> programs of its lanes
    channels: list[int] = []
    for part in parts:
        if part.is_drum:
            channels.append(DRUM_CHANNEL)
            continue
        free = [channel for channel in MELODIC_CHANNELS if channel not in users]
        if free:
            channel = free[0]
        else:
            family = part.program // PROGRAMS_PER_FAMILY
            same = [c for c in MELODIC_CHANNELS if part.program in users[c]]
            kin = [c for c in MELODIC_CHANNELS if any(program // PROGRAMS_PER_FAMILY == family for program in users[c])]
            channel = min(same or kin or MELODIC_CHANNELS, key=lambda c: (len(users[c]), c))
        users.setdefault(channel, []).append(part.program)
        channels.append(channel)
    return channels


def _meta(kind: int, body: bytes) -> bytes:
    return bytes([META, kind]) + encode_quantity(len(body)) + body


def name_event(name: str) -> TrackEvent:
    """The name of a track, at its start."""
    return TrackEvent(0, 0, _meta(TRACK_NAME, name.encode("utf-8")))


def program_event(channel: int, program: int) -> TrackEvent:
    """The program of a channel, at the start."""
    return TrackEvent(0, 1, bytes([PROGRAM | channel, program]))


def chunk_of(events: list[TrackEvent], end: int) -> bytes:
    """A track of these events that ends at ``end`` or at its last event."""
    out = bytearray()
    now = 0
    events.sort()
    last = max(end, events[-1].tick if events else 0)
    for tick, _, message in [*events, TrackEvent(last, 0, _meta(END_OF_TRACK, b""))]:
        out += encode_quantity(tick - now) + message
        now = tick
    return CHUNK.pack(b"MTrk", len(out)) + bytes(out)


def _natural(identity: str) -> tuple[int, str]:
    """Sorts "n9" before "n10"."""
    return len(identity), identity


def lane_sounds(piece: Piece, lane: int, scale: Fraction) -> list[Sound]:
    """The notes of a lane as they are played, grace notes made playable as the module says.

    Args:
        piece: The piece.
        lane: Index into ``piece.parts``.
        scale: Ticks a div (``tick_scale``).

    Returns:
        By onset, times in ticks.

    Raises:
        InputError: A note's cents pass a semitone.
    """
    rows = piece.notes[piece.notes["part"] == lane]
    sounds: list[Sound] = []
    graces: dict[int, list[tuple[str, int, int, int]]] = {}  # onset -> (id, pitch, velocity, bend)
    columns = (rows[name].tolist() for name in ("onset_div", "duration_div", "pitch", "velocity", "id", "cents"))
    for onset_div, duration_div, pitch, velocity, identity, cents in zip(*columns, strict=True):
        if not -CENTS_PER_SEMITONE < cents < CENTS_PER_SEMITONE:
            raise InputError(f"note {identity}: expected between -100 and 100 cents, came {cents:g}")
        bend = 0 if piece.parts[lane].is_drum else bend_of_cents(cents)
        onset, end = round(onset_div * scale), round((onset_div + duration_div) * scale)
        velocity = min(max(velocity, 1), 127)  # 0 would be a note-off
        if duration_div:
            sounds.append(Sound(onset, max(end, onset + 1), pitch, velocity, bend, identity))
        else:
            graces.setdefault(onset, []).append((identity, pitch, velocity, bend))
    for onset, group in graces.items():
        group.sort(key=lambda grace: _natural(grace[0]))
        start, each = grace_places(onset, len(group), round(piece.divs_per_quarter * scale))
        for rank, (identity, pitch, velocity, bend) in enumerate(group):
            sounds.append(Sound(start + rank * each, start + (rank + 1) * each, pitch, velocity, bend, identity))
    return sorted(sounds)


def grace_places(onset: int, count: int, ticks_per_quarter: int) -> tuple[int, int]:
    """Where ``count`` grace notes before ``onset`` begin, and how long each one is, in ticks."""
    length = max(ticks_per_quarter // GRACE_NOTES_PER_QUARTER, 1)
    each = min(length, onset // count)
    return (onset - each * count, each) if each else (onset, length)


def _distinct_layers(sounds: list[Sound]) -> list[list[Sound]]:
    """The notes shared out so that in each layer the first note of a pitch and bend to start is the first to end."""
    layers: list[list[Sound]] = [[]]
    last_ends: list[dict[tuple[int, int], int]] = [{}]  # of each layer: (pitch, bend) -> latest end
    for sound in sounds:
        key = sound.pitch, sound.bend
        fitting = (place for place, ends in enumerate(last_ends) if ends.get(key, 0) <= sound.end)
        place = next(fitting, len(layers))
        if place == len(layers):
            layers.append([])
            last_ends.append({})
        layers[place].append(sound)
        last_ends[place][key] = sound.end
    return layers


def _channel_each(parts: list[Part], layers: list[list[Sound]]) -> list[Allotted]:
    """One channel a track, with its program."""
    out: list[Allotted] = []
    for part, channel, sounds in zip(parts, assign_channels(parts), layers, strict=True):
        setups = [] if part.is_drum else [(0, bytes([PROGRAM | channel, part.program]))]
        out.append(Allotted([channel] * len(sounds), setups))
    return out


def _lane_track(part: Part, sounds: list[Sound], allotted: Allotted, messages: list[tuple[int, LaneMessage]], end: int) -> bytes:
    events = [name_event(part.name)]
    if len(set(allotted.channels)) > 1:
        events.append(TrackEvent(0, 1, ONE_LANE_EVENT))
    # at one tick: names, then note-offs in the order of their note-ons, then programs and bends, then messages, then note-ons
    first_setup = 2 + len(sounds)
    first_message = first_setup + len(allotted.setups)
    first_on = first_message + len(messages)
    used = sorted(set(allotted.channels))
    for rank, (tick, message) in enumerate(messages):
        for channel in used:
            events.append(TrackEvent(tick, first_message + rank, bytes([message.status | channel]) + message.data))
    events += [TrackEvent(tick, first_setup + rank, message) for rank, (tick, message) in enumerate(allotted.setups)]
    for rank, (sound, channel) in enumerate(zip(sounds, allotted.channels, strict=True)):
        events.append(TrackEvent(sound.end, 2 + rank, bytes([NOTE_OFF | channel, sound.pitch, RELEASE_VELOCITY])))
        events.append(TrackEvent(sound.onset, first_on + rank, bytes([NOTE_ON | channel, sound.pitch, sound.velocity])))
    return chunk_of(events, end)


def _meter_events(piece: Piece, scale: Fraction) -> list[TrackEvent]:
    """A time signature wherever the meter changes, or a bar does not start where the last one would have ended."""
    events: list[TrackEvent] = []
    meter: tuple[int, int] | None = None
    expected = 0
    for row in piece.measures:
        start, end = round(int(row["start_div"]) * scale), round(int(row["end_div"]) * scale)
        now = (int(row["beats"]), int(row["beat_type"]))
        whole = Fraction(end - start, 4) / (piece.divs_per_quarter * scale)
        if Fraction(*now) < whole and whole.numerator < 256 and whole.denominator.bit_count() == 1 and whole.denominator <= 64:
            widened = max(whole.denominator, 4)
            now = (whole.numerator * widened // whole.denominator, widened)  # a bar longer than its meter
        if (now != meter or start != expected) and now[1].bit_count() == 1 and 0 < now[0] < 256:
            body = bytes([now[0], now[1].bit_length() - 1, CLOCKS_PER_BEAT, THIRTY_SECONDS_PER_QUARTER])
            events.append(TrackEvent(start, 0, _meta(TIME_SIGNATURE, body)))
            meter = now
        expected = start + round(4 * piece.divs_per_quarter * scale * Fraction(*now))
    return events


def conductor_track(piece: Piece, scale: Fraction, end: int) -> bytes:
    """Tempo, meter and key of a piece as a track that ends at tick ``end``; ``scale`` is ticks a div."""
    events = _meter_events(piece, scale)
    for row in piece.keys:
        fifths, mode = int(row["fifths"]), int(row["mode"])
        if -7 <= fifths <= 7:
            body = bytes([fifths % 256, mode < 0])
            events.append(TrackEvent(round(int(row["onset_div"]) * scale), 1, _meta(KEY_SIGNATURE, body)))
    for row in piece.tempos:
        microseconds = min(max(round(MICROSECONDS_PER_MINUTE / float(row["quarters_per_minute"])), 1), MAX_MICROSECONDS)
        events.append(TrackEvent(round(int(row["onset_div"]) * scale), 2, _meta(TEMPO, microseconds.to_bytes(3, "big"))))
    return chunk_of(events, end)


def tick_scale(divs_per_quarter: int) -> tuple[int, Fraction]:
    """Ticks a quarter in which a piece of this resolution is played, and ticks a div."""
    if divs_per_quarter > MAX_TICKS_PER_QUARTER:
        ticks = 30_240  # 2^5 · 3^3 · 5 · 7: exact for what is written in tuplets of up to nine
        return ticks, Fraction(ticks, divs_per_quarter)
    factor = -(-MIN_TICKS_PER_QUARTER // divs_per_quarter)
    return divs_per_quarter * factor, Fraction(factor)


def write_midi(piece: Piece, messages: Iterable[LaneMessage] = ()) -> bytes:
    """The piece as MIDI.

    Every note keeps its onset, pitch, duration and velocity, and its cents to a fortieth of one (grace notes as the module says;
    a velocity of 0 becomes 1). Tempos below 3.58 quarters a minute, which MIDI cannot say, become that; keys of more than seven
    accidentals and meters past 255 beats or not in powers of two are left out.

    Args:
        piece: Any piece. Its ``source`` is not looked at: to keep the other events of a MIDI file use ``edit_midi``.
        messages: Controllers and programs for its lanes, on all channels of the lane; those of one place stay in order, before
            the notes that begin there.

    Raises:
        InputError: the piece is longer than 2^31 ticks, or silent for longer than 2^28; a note's cents pass a semitone, or more
            than 15 tunings sound together.
    """
    ticks_per_quarter, scale = tick_scale(piece.divs_per_quarter)
    end = round(piece.end_div * scale)
    if end > MAX_TICK:
        raise InputError(f"a piece of {end} ticks is too long for MIDI, which holds {MAX_TICK}")
    of_lane: dict[int, list[tuple[int, LaneMessage]]] = {}
    for message in messages:
        of_lane.setdefault(message.lane, []).append((round(message.onset_div * scale), message))
    parts: list[Part] = []
    lanes: list[int] = []
    layers: list[list[Sound]] = []
    for lane, part in enumerate(piece.parts):
        found = _distinct_layers(lane_sounds(piece, lane, scale))
        layers += found
        parts += [part] * len(found)
        lanes += [lane] * len(found)
    is_tuned = any(sound.bend for layer in layers for sound in layer)
    channels = allot(parts, layers, ticks_per_quarter) if is_tuned else _channel_each(parts, layers)
    try:
        tracks = [conductor_track(piece, scale, end)]
        for part, lane, sounds, allotted in zip(parts, lanes, layers, channels, strict=True):
            tracks.append(_lane_track(part, sounds, allotted, of_lane.get(lane, []), end))
    except ValueError:  # a delta past 2^28
        raise InputError("a gap of more than 2^28 ticks between two events is too long for MIDI") from None
    return HEADER.pack(b"MThd", 6, 1, len(tracks), ticks_per_quarter) + b"".join(tracks)
