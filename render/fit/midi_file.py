"""Played music as a Standard MIDI File of format 1 that plays the same.

Time is that of the performance: a fixed tempo of 120 and ``TICKS_PER_QUARTER``, so that a tick is 52 microseconds. Each channel is
a track; past 16 channels there are ports. The tuning of the whole is fine tuning (registered parameter 1) on every channel; what a
note sounds beside it is the pitch wheel at its onset (two semitones' range), for all notes of its channel that sound from there on.
A channel that the music itself bends keeps its bends and no others. Source: MIDI 1.0 Detailed Specification (MMA), "Registered
Parameter Numbers" and "Pitch Bend Change".
"""

from __future__ import annotations

import io
from typing import TypeAlias

import mido
import numpy as np

from corpora.midi.bends import BEND_CENTRE, bend_of_cents
from corpora.midi.lanes import DRUM_CHANNEL
from corpora.piece import CENTS_PER_SEMITONE, Table
from render.midi_events import CHANNELS_OF_A_PORT
from render.played import PlayedMusic

__all__ = ["TICKS_PER_QUARTER", "played_to_midi"]

TICKS_PER_QUARTER = 9_600
TICKS_PER_S = 2 * TICKS_PER_QUARTER  # at 120
RPN, RPN_FINE, DATA_ENTRY, DATA_ENTRY_FINE = 101, 100, 6, 38
FINE_TUNING, NO_PARAMETER = (0, 1), (127, 127)
FINE_CENTRE, LARGEST = 8192, 16383
OFF, TOLD, BENT, ON = range(4)  # order of events at one tick

_Timed: TypeAlias = "tuple[int, int, mido.Message | mido.MetaMessage]"


def played_to_midi(played: PlayedMusic, *, tuning_cents: float = 0.0) -> bytes:
    """A MIDI file of the music.

    Args:
        played: The music; the cents of its notes include the tuning.
        tuning_cents: What all melodic notes sound above their keys, -100 to 100.
    """
    homes = _homes(played)
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_QUARTER)
    conductor: list[_Timed] = [(0, TOLD, mido.MetaMessage("set_tempo", tempo=500_000))]
    for event in played.events:
        if event.kind == "sysex":
            conductor.append((_tick(event.sample, played), TOLD, mido.Message("sysex", data=event.data)))
    file.tracks.append(_track(conductor))
    many = max((port for port, _ in homes.values()), default=0) > 0
    for channel, (port, number) in homes.items():
        name = played.stems[played.stem_of_channel[channel]]
        head: list[_Timed] = [(0, TOLD, mido.MetaMessage("track_name", name=name.encode("latin-1", "replace").decode("latin-1")))]
        if many:
            head.append((0, TOLD, mido.MetaMessage("midi_port", port=port)))
        is_drum = channel in played.drum_channels
        tuned = 0.0 if is_drum else tuning_cents
        file.tracks.append(_track(head + _events(played, channel, number, tuned)))
    stream = io.BytesIO()
    file.save(file=stream)
    return stream.getvalue()


def _homes(played: PlayedMusic) -> dict[int, tuple[int, int]]:
    """Port and channel of a MIDI file for each channel with notes; drums are on channel 10 of a port."""
    used = sorted(set(played.notes["channel"].tolist()))
    drums = [channel for channel in used if channel in played.drum_channels]
    melodic = [number for number in range(CHANNELS_OF_A_PORT) if number != DRUM_CHANNEL]
    homes = {channel: (rank, DRUM_CHANNEL) for rank, channel in enumerate(drums)}
    for rank, channel in enumerate(channel for channel in used if channel not in played.drum_channels):
        homes[channel] = (rank // len(melodic), melodic[rank % len(melodic)])
    return dict(sorted(homes.items()))


def _tick(sample: int, played: PlayedMusic) -> int:
    return (2 * sample * TICKS_PER_S + played.sample_rate_hz) // (2 * played.sample_rate_hz)


def _events(played: PlayedMusic, channel: int, number: int, tuning_cents: float) -> list[_Timed]:
    """Everything on a channel."""
    own = [event for event in played.events if event.channel == channel and event.kind != "sysex"]
    notes = played.notes[played.notes["channel"] == channel]
    events: list[_Timed] = []
    if tuning_cents:
        value = min(max(round(FINE_CENTRE + tuning_cents * FINE_CENTRE / CENTS_PER_SEMITONE), 0), LARGEST)
        settings = (RPN, FINE_TUNING[0]), (RPN_FINE, FINE_TUNING[1]), (DATA_ENTRY, value >> 7), (DATA_ENTRY_FINE, value & 0x7F)
        for controller, setting in (*settings, (RPN, NO_PARAMETER[0]), (RPN_FINE, NO_PARAMETER[1])):
            events.append((0, TOLD, _control(number, controller, setting)))
    for event in own:
        events.append((_tick(event.sample, played), TOLD, _message(event.kind, number, event.first, event.second)))
    for note in _told_apart(notes):
        on, off = _tick(int(note["onset_sample"]), played), _tick(int(note["release_sample"]), played)
        key, velocity = int(note["key"]), int(note["velocity"])
        events.append((on, ON, mido.Message("note_on", channel=number, note=key, velocity=velocity)))
        events.append((max(off, on + 1), OFF, mido.Message("note_off", channel=number, note=key)))
    is_bent = any(event.kind == "pitchwheel" for event in own)
    if not is_bent and channel not in played.drum_channels:
        events += _bends(played, notes, number, tuning_cents)
    return events


def _told_apart(notes: Table) -> Table:
    """The notes, where a key is struck again let go just before."""
    rows = notes.copy()
    for key in set(rows["key"].tolist()):
        mine = np.flatnonzero(rows["key"] == key)
        again = rows["onset_sample"][mine][1:]
        rows["release_sample"][mine[:-1]] = np.minimum(rows["release_sample"][mine[:-1]], again)
    return rows


def _bends(played: PlayedMusic, notes: Table, number: int, tuning_cents: float) -> list[_Timed]:
    """The wheel at each onset: what the notes that begin there sound beside the tuning, in the mean."""
    events: list[_Timed] = []
    stands = 0
    for onset in sorted(set(notes["onset_sample"].tolist())):
        cents = float(notes["cents"][notes["onset_sample"] == onset].mean()) - tuning_cents
        bend = min(max(bend_of_cents(cents), -BEND_CENTRE), BEND_CENTRE - 1)
        if bend != stands:
            events.append((_tick(int(onset), played), BENT, mido.Message("pitchwheel", channel=number, pitch=bend)))
            stands = bend
    return events


def _control(channel: int, controller: int, value: int) -> mido.Message:
    return mido.Message("control_change", channel=channel, control=controller, value=value)


def _message(kind: str, channel: int, first: int, second: int) -> mido.Message:
    """A channel's event as mido's message."""
    if kind == "control_change":
        return _control(channel, first, second)
    if kind == "program_change":
        return mido.Message("program_change", channel=channel, program=first)
    if kind == "pitchwheel":
        return mido.Message("pitchwheel", channel=channel, pitch=first)
    if kind == "aftertouch":
        return mido.Message("aftertouch", channel=channel, value=first)
    return mido.Message("polytouch", channel=channel, note=first, value=second)


def _track(events: list[_Timed]) -> mido.MidiTrack:
    track = mido.MidiTrack()
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    return track
