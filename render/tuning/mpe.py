"""A piece as MIDI polyphonic expression: every note on a channel of its own, bent to its pitch.

Each lane is a track with a port and a lower zone of its own: channel 1 is the zone's master, and its 15 member channels take a
note each. Channel 10 is a member but stays empty, since players without MPE have drums there; so 14 notes sound at once. Past
that, notes of one bend share a channel. A drum lane is plain MIDI on channel 10. The members' bend range is said (RPN 0) and the
program is given on every channel in use, so that players without MPE play the same.

The wheel has 14 bits over the bend range: with the MPE default of 48 semitones a step is 0.586 cents (a note is at most 0.29 off),
with 2 semitones 0.024 (0.012 off).

Source: MIDI Polyphonic Expression 1.0 (MMA M1-100-UM, 2018): section 2.1 (zone configuration, RPN 6), 2.4 (pitch bend sensitivity),
A.3 (a channel that has been silent longest comes first).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from corpora.errors import InputError, RequestError
from corpora.midi.allotment import Sound
from corpora.midi.bends import bend_message, bend_of_cents
from corpora.midi.events import HEADER, META, NOTE_OFF, NOTE_ON, PROGRAM
from corpora.midi.lanes import DRUM_CHANNEL, ONE_LANE_EVENT
from corpora.midi.reader import MAX_TICK
from corpora.midi.writer import TrackEvent, chunk_of, conductor_track, lane_sounds, name_event, tick_scale
from corpora.piece import CENTS_PER_SEMITONE, Part, Piece
from corpora.safe_text import safe_text

__all__ = ["DEFAULT_BEND_RANGE_SEMITONES", "write_mpe"]

DEFAULT_BEND_RANGE_SEMITONES = 48
MAX_BEND_RANGE_SEMITONES = 96
MASTER_CHANNEL, MEMBERS = 0, 15
NOTE_CHANNELS = tuple(channel for channel in range(1, 1 + MEMBERS) if channel != DRUM_CHANNEL)
MAX_PORTS = 16
PORT = 0x21
CONTROLLER, DATA_ENTRY, DATA_ENTRY_FINE, RPN_FINE, RPN = 0xB0, 6, 38, 100, 101
BEND_RANGE, ZONE_CONFIGURATION, NO_PARAMETER = (0, 0), (0, 6), (127, 127)
RELEASE_VELOCITY = 64


@dataclass
class _Member:
    """A channel, and what sounds on it."""

    channel: int
    bend: int = 0
    end: int = 0
    sounding: list[Sound] = field(default_factory=list)

    def takes(self, sound: Sound) -> bool:
        """Whether a note of the same bend can join those that sound: its key must not sound already."""
        return self.bend == sound.bend and all(other.end <= sound.onset or other.pitch != sound.pitch for other in self.sounding)

    def add(self, sound: Sound) -> None:
        self.sounding = [other for other in self.sounding if other.end > sound.onset]
        self.sounding.append(sound)
        self.bend, self.end = sound.bend, max(self.end, sound.end)


def write_mpe(piece: Piece, *, bend_range_semitones: int = DEFAULT_BEND_RANGE_SEMITONES) -> bytes:
    """The piece as an MPE file of format 1.

    Onsets, durations, velocities, tempo, meter and keys are those of ``corpora.midi.writer.write_midi``; the piece's own file and
    its controllers are not looked at.

    Args:
        piece: Any piece of at most 16 lanes; ``render.tuning.retuned_piece`` puts it in a tuning.
        bend_range_semitones: Of the member channels, 1 to 96.

    Raises:
        InputError: Too many lanes, more than 14 notes of different bends at once in a lane, or too long for MIDI.
        RequestError: A bend range outside 1 to 96.
    """
    if not 1 <= bend_range_semitones <= MAX_BEND_RANGE_SEMITONES:
        raise RequestError(f"bend range: expected 1 to {MAX_BEND_RANGE_SEMITONES} semitones, got {bend_range_semitones}")
    if len(piece.parts) > MAX_PORTS:
        raise InputError(f"MPE: expected at most {MAX_PORTS} staves, one for each MIDI port, got {len(piece.parts)}")
    ticks_per_quarter, scale = tick_scale(piece.divs_per_quarter)
    end = round(piece.end_div * scale)
    if end > MAX_TICK:
        raise InputError(f"a piece of {end} ticks is too long for MIDI, which holds {MAX_TICK}")
    cents = dict(zip(piece.notes["id"].tolist(), piece.notes["cents"].tolist(), strict=True))
    range_cents = bend_range_semitones * CENTS_PER_SEMITONE
    try:
        tracks = [conductor_track(piece, scale, end)]
        for lane, part in enumerate(piece.parts):
            sounds = [sound._replace(bend=bend_of_cents(cents[sound.id], range_cents)) for sound in lane_sounds(piece, lane, scale)]
            channels = [DRUM_CHANNEL] * len(sounds) if part.is_drum else _channels(sounds, part, ticks_per_quarter)
            port = lane if len(piece.parts) > 1 else None
            tracks.append(_track(part, sounds, channels, port, bend_range_semitones, end))
    except ValueError:  # a delta past 2^28
        raise InputError("a gap of more than 2^28 ticks between two events is too long for MIDI") from None
    return HEADER.pack(b"MThd", 6, 1, len(tracks), ticks_per_quarter) + b"".join(tracks)


def _channels(sounds: Sequence[Sound], part: Part, ticks_per_quarter: int) -> list[int]:
    """A member channel for every note, in order of onset."""
    members = [_Member(channel) for channel in NOTE_CHANNELS]
    out = []
    for sound in sounds:
        free = min(members, key=lambda member: (member.end, member.channel))
        if free.end > sound.onset:
            shared = [member for member in members if member.takes(sound)]
            if not shared:
                place = float(Fraction(sound.onset, ticks_per_quarter))
                raise InputError(
                    f"part {safe_text(part.name)}, quarter {place:g}: expected at most {len(NOTE_CHANNELS)} notes of different "
                    "bends at once, one for each member channel, came more"
                )
            free = shared[0]
        free.add(sound)
        out.append(free.channel)
    return out


def _parameter(channel: int, number: tuple[int, int], coarse: int, fine: int | None) -> list[bytes]:
    """Sets a registered parameter, then none."""
    settings = [(RPN, number[0]), (RPN_FINE, number[1]), (DATA_ENTRY, coarse)]
    settings += [] if fine is None else [(DATA_ENTRY_FINE, fine)]
    settings += [(RPN, NO_PARAMETER[0]), (RPN_FINE, NO_PARAMETER[1])]
    return [bytes([CONTROLLER | channel, controller, value]) for controller, value in settings]


def _setup(part: Part, channels: Sequence[int], port: int | None, bend_range_semitones: int) -> list[bytes]:
    """What a track says before its first note."""
    messages = [] if port is None else [bytes([META, PORT, 1, port])]
    if part.is_drum:
        return messages
    messages.append(ONE_LANE_EVENT)
    messages += _parameter(MASTER_CHANNEL, ZONE_CONFIGURATION, MEMBERS, None)
    messages.append(bytes([PROGRAM | MASTER_CHANNEL, part.program]))
    for channel in sorted(set(channels)):
        messages += _parameter(channel, BEND_RANGE, bend_range_semitones, 0)
        messages.append(bytes([PROGRAM | channel, part.program]))
    return messages


def _track(part: Part, sounds: Sequence[Sound], channels: Sequence[int], port: int | None, bend_range: int, end: int) -> bytes:
    setup = _setup(part, channels, port, bend_range)
    events = [name_event(part.name), *(TrackEvent(0, 1 + rank, message) for rank, message in enumerate(setup))]
    # at one tick: setup, then note-offs in the order of their note-ons, then each note's bend and the note
    first_off = 1 + len(setup)
    first_on = first_off + len(sounds)
    bends: dict[int, int] = {}
    for rank, (sound, channel) in enumerate(zip(sounds, channels, strict=True)):
        events.append(TrackEvent(sound.end, first_off + rank, bytes([NOTE_OFF | channel, sound.pitch, RELEASE_VELOCITY])))
        if not part.is_drum and bends.get(channel, 0) != sound.bend:
            bends[channel] = sound.bend
            events.append(TrackEvent(sound.onset, first_on + 2 * rank, bend_message(channel, sound.bend)))
        events.append(TrackEvent(sound.onset, first_on + 2 * rank + 1, bytes([NOTE_ON | channel, sound.pitch, sound.velocity])))
    return chunk_of(events, end)
