"""A Standard MIDI File as one list of events at sample places, ready to be played offline.

Conventions: sample 0 is tick 0. Places come from whole-number arithmetic over the whole tempo map, so there is no drift.
Ports become blocks of 16 channels. Where several tracks share a channel, a key sounds until the last of them lets it go.
"""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from dataclasses import dataclass

import mido

from corpora.errors import InputError
from corpora.midi.reader import note_id
from render.sample_clock import SampleClock

__all__ = ["ALL_NOTES_OFF", "ALL_SOUND_OFF", "MAX_MUSIC_S", "PlayEvent", "midi_clock", "midi_to_events"]

MAX_MUSIC_S = 2 * 3600
CHANNELS_OF_A_PORT = 16
MAX_PORTS = 16  # FluidSynth has at most 256 channels
ALL_SOUND_OFF, ALL_NOTES_OFF = 120, 123
PLAYED = frozenset({"note_on", "note_off", "control_change", "program_change", "pitchwheel", "aftertouch", "polytouch", "sysex"})


@dataclass(frozen=True, slots=True)
class PlayEvent:
    """One thing to tell the synthesiser.

    Args:
        sample: When, in samples from the start.
        kind: mido's message type: note_on (velocity above 0), note_off, control_change, program_change, pitchwheel, aftertouch,
            polytouch or sysex.
        channel: 0-255, ports included; 0 for sysex.
        first: Key, controller, program, pressure, or bend from -8192 to 8191.
        second: Velocity, controller value or key pressure; else 0.
        data: The bytes of a sysex message between F0 and F7.
        id: Of a note_on: the note's id in the piece (``corpora.midi.reader``); else empty.
    """

    sample: int
    kind: str
    channel: int
    first: int = 0
    second: int = 0
    data: bytes = b""
    id: str = ""


@dataclass(frozen=True, slots=True)
class _Placed:
    tick: int
    track: int
    port: int
    message: mido.Message
    id: str = ""


def midi_to_events(data: bytes, sample_rate_hz: int, name: str = "MIDI") -> list[PlayEvent]:
    """The sounding events of a MIDI file in playing order.

    Args:
        data: A Standard MIDI File of type 0 or 1, counted in ticks a quarter note.
        sample_rate_hz: Samples a second.
        name: For messages.

    Returns:
        Events by sample; those of one tick in the order of tracks, and within a track as in the file.

    Raises:
        InputError: Not such a file, without a note, or longer than two hours.
    """
    file = _read(data, name)
    played, tempos = _place(file)
    if not any(item.message.type == "note_on" and item.message.velocity for item in played):
        raise InputError(f"{name}: expected music to play, got no notes")
    clock = SampleClock(tempos, file.ticks_per_beat, sample_rate_hz)
    last = max(item.tick for item in played)
    if clock.seconds(last) > MAX_MUSIC_S:
        raise InputError(f"{name}: tick {last}: expected at most {MAX_MUSIC_S} s of music, got {clock.seconds(last):.0f} s")
    events = [_event(clock.sample(item.tick), item) for item in played]
    return list(_without_early_offs(events, played))


def midi_clock(data: bytes, sample_rate_hz: int, name: str = "MIDI") -> SampleClock:
    """The tempo map of a MIDI file; arguments and errors as ``midi_to_events``, notes or not."""
    file = _read(data, name)
    return SampleClock(_place(file)[1], file.ticks_per_beat, sample_rate_hz)


def _read(data: bytes, name: str) -> mido.MidiFile:
    try:
        file = mido.MidiFile(file=io.BytesIO(data))
    except (OSError, EOFError, ValueError, KeyError, IndexError, LookupError, MemoryError) as error:
        raise InputError(f"{name}: expected a Standard MIDI File, mido says: {error or type(error).__name__}") from error
    if file.type == 2 or file.ticks_per_beat <= 0:
        raise InputError(f"{name}: expected MIDI of type 0 or 1 in ticks a quarter note, got type {file.type}")
    return file


def _place(file: mido.MidiFile) -> tuple[list[_Placed], list[tuple[int, int]]]:
    """All played messages sorted by tick, and the tempo changes as (tick, microseconds a quarter)."""
    played: list[_Placed] = []
    tempos: list[tuple[int, int]] = []
    for index, track in enumerate(file.tracks):
        tick = port = 0
        notes: Counter[int] = Counter()
        for message in track:
            tick += message.time
            if message.type == "set_tempo":
                tempos.append((tick, message.tempo))
            elif message.type == "midi_port":
                port = message.port % MAX_PORTS
            elif message.type in PLAYED:
                identity = ""
                if message.type == "note_on" and message.velocity:
                    identity = note_id(index, message.channel, notes[message.channel])
                    notes[message.channel] += 1
                played.append(_Placed(tick, index, port, message, identity))
    played.sort(key=lambda item: item.tick)  # stable: track order, then file order
    return played, tempos


def _event(sample: int, item: _Placed) -> PlayEvent:
    message = item.message
    if message.type == "sysex":
        return PlayEvent(sample, "sysex", 0, data=bytes(message.data))
    channel = message.channel + CHANNELS_OF_A_PORT * item.port
    match message.type:
        case "note_on" if message.velocity:
            return PlayEvent(sample, "note_on", channel, message.note, message.velocity, id=item.id)
        case "note_on" | "note_off":
            return PlayEvent(sample, "note_off", channel, message.note)
        case "control_change":
            return PlayEvent(sample, "control_change", channel, message.control, message.value)
        case "program_change":
            return PlayEvent(sample, "program_change", channel, message.program)
        case "pitchwheel":
            return PlayEvent(sample, "pitchwheel", channel, message.pitch)
        case "aftertouch":
            return PlayEvent(sample, "aftertouch", channel, message.value)
        case _:
            return PlayEvent(sample, "polytouch", channel, message.note, message.value)


def _without_early_offs(events: list[PlayEvent], played: list[_Placed]) -> list[PlayEvent]:
    """Drops each note-off that would cut a key which another voice still holds.

    Two voices in unison on one channel are two note-ons and two note-offs of one key; a synthesiser would stop at the first.
    Within a track this is trusted only where its note-ons and note-offs of the key balance, so that a file with stray note-ons
    does not leave notes hanging.
    """
    surplus: Counter[tuple[int, int, int]] = Counter()
    for event, item in zip(events, played, strict=True):
        if event.kind in ("note_on", "note_off"):
            surplus[item.track, event.channel, event.first] += 1 if event.kind == "note_on" else -1
    held: defaultdict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    kept = []
    for event, item in zip(events, played, strict=True):
        key = event.channel, event.first
        if event.kind == "note_on":
            balanced = surplus[item.track, *key] == 0
            held[key][item.track] = held[key][item.track] + 1 if balanced else 1
        elif event.kind == "note_off":
            held[key][item.track] = max(held[key][item.track] - 1, 0)
            if held[key].total():
                continue
        elif event.kind == "control_change" and event.first in (ALL_SOUND_OFF, ALL_NOTES_OFF):
            for holders in (holders for (channel, _), holders in held.items() if channel == event.channel):
                holders.clear()
        kept.append(event)
    return kept
