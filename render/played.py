"""Music as it is played: every note with its sample places, and all other events. The same for every engine.

A piece that was read from MIDI plays from that very file, with its controllers, pedals, bends and tempo map; its channels are those
of the file, 16 a port. Any other piece has a channel a lane, and the cents of its notes beside them.

Sample 0 is the start of the piece. A note begins at ``onset_sample``; the key goes up at ``release_sample``, and ``end_sample`` is
where the key or the pedal lets go (the sustain pedal, controller 64 from 64 on; the sostenuto pedal, 66, for the keys that are
down when it goes down); a key that is struck again under the pedal ends there. A *stem* is what can be heard alone: a part of the
score, or a channel of MIDI with all that shares it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from corpora.errors import InputError
from corpora.midi.lanes import DRUM_CHANNEL
from corpora.midi.reader import read_midi
from corpora.midi.writer import lane_sounds, tick_scale
from corpora.piece import Piece, Table
from render.controllers import SOSTENUTO, SUSTAIN, Curve, bend_curve, controller_curve
from render.midi_events import (
    ALL_NOTES_OFF,
    ALL_SOUND_OFF,
    CHANNELS_OF_A_PORT,
    MAX_MUSIC_S,
    PlayEvent,
    midi_clock,
    midi_to_events,
)

__all__ = ["MAX_CHANNELS", "NOTE_MAP_DTYPE", "PLAYED_DTYPE", "PlayedMusic", "play"]

PLAYED_DTYPE = np.dtype(
    [
        ("onset_sample", np.int64),
        ("release_sample", np.int64),  # after onset_sample
        ("end_sample", np.int64),  # not before release_sample
        ("key", np.int32),
        ("velocity", np.int32),  # 1-127
        ("cents", np.float32),  # above the key, beside the channel's bend; 0 for drums
        ("channel", np.int32),
        ("program", np.int32),  # in force at the onset
        ("bank", np.int32),  # controller 0 at the last program change; 0 where there is none
        ("is_drum", np.bool_),
        ("stem", np.int32),  # index into PlayedMusic.stems
        ("id", "U24"),  # of the piece's note
    ]
)
NOTE_MAP_DTYPE = np.dtype([("id", "U24"), ("first_sample", np.int64), ("last_sample", np.int64), ("stem", np.int32)])
MAX_CHANNELS = 256
BANK, PEDAL_DOWN = 0, 64


@dataclass(frozen=True, eq=False)
class PlayedMusic:
    """Any music, ready for an engine.

    Args:
        notes: PLAYED_DTYPE rows by onset, then channel, then key.
        events: Everything else (controllers, programs, bends, pressure, system exclusive), by sample.
        stems: Names, unique.
        stem_of_channel: Index into ``stems`` for each channel; -1 for channels without notes.
        drum_channels: Channels whose keys are drums.
        sample_rate_hz: Samples a second.
        name: For messages.
    """

    notes: Table
    events: tuple[PlayEvent, ...]
    stems: tuple[str, ...]
    stem_of_channel: tuple[int, ...]
    drum_channels: frozenset[int]
    sample_rate_hz: int
    name: str

    @property
    def channels(self) -> int:
        """Channels are 0 to this, exclusive; at most ``MAX_CHANNELS``."""
        return len(self.stem_of_channel)

    @property
    def end_sample(self) -> int:
        """Where the last note is let go."""
        return int(self.notes["end_sample"].max())

    @cached_property
    def _by_channel(self) -> dict[int, list[PlayEvent]]:
        return _by_channel(self.events)

    def curve(self, channel: int, controller: int) -> Curve:
        """A controller (0-127) of a channel, 0-127."""
        return controller_curve(self._by_channel.get(channel, []), controller)

    def bend_cents(self, channel: int) -> Curve:
        """What a channel sounds above its keys, in cents: wheel, fine and coarse tuning."""
        return bend_curve(self._by_channel.get(channel, []))

    def note_map(self) -> Table:
        """Where each note is in the sound: NOTE_MAP_DTYPE rows by onset; ``last_sample`` is exclusive."""
        rows = np.zeros(len(self.notes), dtype=NOTE_MAP_DTYPE)
        for field, source in (("id", "id"), ("first_sample", "onset_sample"), ("last_sample", "end_sample"), ("stem", "stem")):
            rows[field] = self.notes[source]
        return rows


def _by_channel(events: Iterable[PlayEvent]) -> dict[int, list[PlayEvent]]:
    out: defaultdict[int, list[PlayEvent]] = defaultdict(list)
    for event in events:
        if event.kind != "sysex":
            out[event.channel].append(event)
    return dict(out)


def play(music: Piece | bytes, *, sample_rate_hz: int, name: str = "") -> PlayedMusic:
    """Any music as it is played.

    Args:
        music: A piece, or a Standard MIDI File that has passed ``corpora.gate``.
        sample_rate_hz: Samples a second.
        name: Of the music, for messages; a piece's own name when empty.

    Raises:
        InputError: The music has no notes, lasts over two hours, has too many channels, or is no MIDI.
    """
    if isinstance(music, bytes):
        music = read_midi(music, name or "MIDI")
    shown = name or (music.source.name if music.source else "") or "piece"
    if not len(music.notes):
        raise InputError(f"{shown}: expected music to play, got no notes")
    if music.source is not None and music.source.format == "midi":
        return _play_midi(music, music.source.data, sample_rate_hz, shown)
    return _play_lanes(music, sample_rate_hz, shown)


def _play_midi(piece: Piece, data: bytes, sample_rate_hz: int, name: str) -> PlayedMusic:
    events = midi_to_events(data, sample_rate_hz, name)
    clock = midi_clock(data, sample_rate_hz, name)
    starts = {event.id: event for event in events if event.kind == "note_on"}
    others = tuple(event for event in events if event.kind not in ("note_on", "note_off"))
    rows = np.zeros(len(piece.notes), dtype=PLAYED_DTYPE)
    lane_channels: defaultdict[int, set[int]] = defaultdict(set)
    for row, note in zip(rows, piece.notes, strict=True):
        start = starts[str(note["id"])]
        row["onset_sample"], row["channel"], row["id"] = start.sample, start.channel, start.id
        row["key"], row["velocity"] = start.first, start.second
        row["release_sample"] = max(clock.sample(int(note["onset_div"] + note["duration_div"])), start.sample + 1)
        row["is_drum"] = start.channel % CHANNELS_OF_A_PORT == DRUM_CHANNEL
        lane_channels[int(note["part"])].add(start.channel)
    used = sorted(set(rows["channel"].tolist()))
    channels = CHANNELS_OF_A_PORT * (used[-1] // CHANNELS_OF_A_PORT + 1)
    names, stem_of_channel = _stems([(piece.parts[lane].name, own) for lane, own in sorted(lane_channels.items())], channels)
    drums = frozenset(range(DRUM_CHANNEL, channels, CHANNELS_OF_A_PORT))
    heard = tuple(event for event in others if event.channel < channels)
    return _finished(rows, heard, names, stem_of_channel, drums, sample_rate_hz, name)


def _play_lanes(piece: Piece, sample_rate_hz: int, name: str) -> PlayedMusic:
    if len(piece.parts) > MAX_CHANNELS:
        raise InputError(f"{name}: expected at most {MAX_CHANNELS} staves to play, got {len(piece.parts)}")
    _, scale = tick_scale(piece.divs_per_quarter)
    cents = dict(zip(piece.notes["id"].tolist(), piece.notes["cents"].tolist(), strict=True))
    rows = np.zeros(len(piece.notes), dtype=PLAYED_DTYPE)
    filled = 0
    for lane, part in enumerate(piece.parts):
        sounds = lane_sounds(piece, lane, scale)
        ticks = np.array([(sound.onset, sound.end) for sound in sounds], dtype=np.float64).reshape(-1, 2)
        seconds = piece.div_to_seconds(ticks / float(scale))
        if len(sounds) and seconds.max() > MAX_MUSIC_S:
            raise InputError(f"{name}: expected at most {MAX_MUSIC_S} s of music, got {seconds.max():.0f} s")
        places = np.floor(seconds * sample_rate_hz + 0.5).astype(np.int64)
        for sound, (onset, release) in zip(sounds, places.tolist(), strict=True):
            row = rows[filled]
            row["onset_sample"], row["release_sample"] = onset, max(release, onset + 1)
            row["key"], row["velocity"], row["id"] = sound.pitch, sound.velocity, sound.id
            row["cents"] = 0.0 if part.is_drum else cents[sound.id]
            row["channel"], row["is_drum"] = lane, part.is_drum
            filled += 1
    programs = tuple(
        PlayEvent(0, "program_change", lane, part.program) for lane, part in enumerate(piece.parts) if not part.is_drum
    )
    lanes_of: defaultdict[str, set[int]] = defaultdict(set)
    for lane in sorted(set(rows["channel"].tolist())):
        lanes_of[piece.parts[lane].key or f"lane {lane}"].add(lane)
    groups = [(piece.parts[min(lanes)].name, lanes) for lanes in lanes_of.values()]
    names, stem_of_channel = _stems(groups, len(piece.parts))
    drums = frozenset(lane for lane, part in enumerate(piece.parts) if part.is_drum)
    return _finished(rows, programs, names, stem_of_channel, drums, sample_rate_hz, name)


def _stems(groups: Sequence[tuple[str, set[int]]], channels: int) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names, and the stem of each channel; groups that share a channel are one stem with the first one's name."""
    merged: list[tuple[str, set[int]]] = []
    for name, own in groups:
        shared = [group for group in merged if group[1] & own]
        if not shared:
            merged.append((name, set(own)))
            continue
        for group in shared[1:]:
            merged.remove(group)
        shared[0][1].update(own, *(group[1] for group in shared[1:]))
    names: list[str] = []
    stem_of_channel = [-1] * channels
    for stem, (name, own) in enumerate(merged):
        wanted = name or "Part"
        rank = 2
        unique = wanted
        while unique in names:
            unique, rank = f"{wanted} {rank}", rank + 1
        names.append(unique)
        for channel in own:
            stem_of_channel[channel] = stem
    return tuple(names), tuple(stem_of_channel)


def _finished(
    rows: Table,
    events: tuple[PlayEvent, ...],
    stems: tuple[str, ...],
    stem_of_channel: tuple[int, ...],
    drum_channels: frozenset[int],
    sample_rate_hz: int,
    name: str,
) -> PlayedMusic:
    """Sets what follows from channel and place: stem, program, bank and end."""
    rows = rows[np.lexsort((rows["key"], rows["channel"], rows["onset_sample"]))]
    rows["stem"] = np.array(stem_of_channel)[rows["channel"]]
    told = _by_channel(events)
    for channel in set(rows["channel"].tolist()):
        mine = np.flatnonzero(rows["channel"] == channel)
        own = told.get(channel, [])
        rows["program"][mine], rows["bank"][mine] = _programs(own, rows["onset_sample"][mine])
        rows["release_sample"][mine], rows["end_sample"][mine] = _ends(rows[mine], own)
    return PlayedMusic(rows, events, stems, stem_of_channel, drum_channels, sample_rate_hz, name)


def _programs(events: Sequence[PlayEvent], onsets: Table) -> tuple[Table, Table]:
    """Program and bank at each onset."""
    bank, places, found = 0, [-1], [(0, 0)]
    for event in events:
        if event.kind == "control_change" and event.first == BANK:
            bank = event.second
        elif event.kind == "program_change":
            places.append(event.sample)
            found.append((event.first, bank))
    chosen = np.array(found)[np.searchsorted(places, onsets, side="right") - 1]
    return chosen[:, 0], chosen[:, 1]


def _down_spans(curve: Curve) -> list[tuple[int, int | None]]:
    """Where a pedal is down: (down, up), up None when it stays down."""
    spans: list[tuple[int, int | None]] = []
    down: int | None = None
    for sample, value in zip(curve.samples.tolist(), curve.values.tolist(), strict=True):
        if value >= PEDAL_DOWN and down is None:
            down = sample
        elif value < PEDAL_DOWN and down is not None:
            spans.append((down, sample))
            down = None
    if down is not None:
        spans.append((down, None))
    return spans


def _ends(notes: Table, events: Sequence[PlayEvent]) -> tuple[Table, Table]:
    """Where the key of each note of a channel goes up, and where key or pedal lets it go."""
    onsets, releases = notes["onset_sample"], notes["release_sample"].copy()
    offs = [event for event in events if event.kind == "control_change" and event.first in (ALL_NOTES_OFF, ALL_SOUND_OFF)]
    for event in offs:
        releases[(onsets < event.sample) & (releases > event.sample)] = event.sample
    last = int(releases.max())
    ends = releases.copy()
    for down, up in _down_spans(controller_curve(events, SUSTAIN)):
        until = last if up is None else up
        ends[(releases >= down) & (releases < until)] = until
    for down, up in _down_spans(controller_curve(events, SOSTENUTO)):
        until = last if up is None else up
        held = (onsets <= down) & (ends > down)
        ends[held] = np.maximum(ends[held], until)
    for key in set(notes["key"].tolist()):  # struck again under the pedal
        mine = np.flatnonzero(notes["key"] == key)
        again = np.append(onsets[mine][1:], np.iinfo(np.int64).max)
        ends[mine] = np.maximum(np.minimum(ends[mine], again), releases[mine])
    for event in offs:
        if event.first == ALL_SOUND_OFF:
            ends[(onsets < event.sample) & (ends > event.sample)] = event.sample
    return releases, ends
