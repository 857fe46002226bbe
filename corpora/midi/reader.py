"""MIDI bytes to a Piece.

Conventions: divs are the file's ticks. A lane is one channel of one track that has notes, in the order (track, channel), or all
of them (``corpora.midi.lanes``); ``Part.key`` is the track's index and ``Part.staff`` the (lowest) channel (0-15). A note's id is
``t{track}c{channel}n{k}``, k counting the note-ons of its track and channel in file order; the editor finds the events by it. A
note that is never ended lasts to the end of its track. Channel 10 (index 9) is drums, as in General MIDI. A note's pitch is its
key; its cents come from a bend that holds still (``corpora.midi.bends``).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from corpora.errors import InputError
from corpora.midi.bends import Bends
from corpora.midi.events import META, PROGRAM, MidiFile, PairedNote, Track, pair_notes, split_events
from corpora.midi.lanes import DRUM_CHANNEL, lane_channels
from corpora.midi.timeline import bars, read_timeline
from corpora.piece import NOTE_DTYPE, Part, Piece, Source, sort_notes

__all__ = ["MAX_TICK", "MidiReadReport", "note_id", "read_midi", "read_midi_with_report"]

MAX_TICK = 2**31 - 1  # symusic's ticks are 32 bits and wrap silently
TRACK_NAME = 0x03


@dataclass(frozen=True)
class MidiReadReport:
    """What reading had to leave in the file.

    Args:
        bent_notes: Pitched notes under which the bend moves or passes a semitone: their cents are 0.
    """

    bent_notes: int


def note_id(track: int, channel: int, index: int) -> str:
    """Id of the ``index``-th note-on of a channel of a track."""
    return f"t{track}c{channel}n{index}"


def _decode_text(text: bytes) -> str:
    """A text event: UTF-8, else Latin-1; control characters dropped."""
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        decoded = text.decode("latin-1")
    return "".join(char for char in decoded if char.isprintable()).strip()


def _track_name(data: bytes, track: Track) -> str:
    """The first track name in the track, or ""."""
    for event, status in enumerate(track.statuses):
        place = track.starts[event] + 1
        if status == META and data[place] == TRACK_NAME:
            place += 1
            while data[place] & 0x80:
                place += 1
            return _decode_text(data[place + 1 : track.delta_starts[event + 1]])
    return ""


class _Programs:
    """Program changes of a file by channel, for each track and for all tracks together."""

    def __init__(self, file: MidiFile) -> None:
        self._of_track: dict[tuple[int, int], list[tuple[int, int]]] = {}  # (track, channel) -> (tick, program)
        self._of_all: dict[int, list[tuple[int, int]]] = {}
        for index, track in enumerate(file.tracks):
            for event, status in enumerate(track.statuses):
                if status & 0xF0 == PROGRAM:
                    change = (track.ticks[event], file.data[track.delta_starts[event + 1] - 1])
                    self._of_track.setdefault((index, status & 0x0F), []).append(change)
                    self._of_all.setdefault(status & 0x0F, []).append(change)
        for changes in self._of_all.values():
            changes.sort(key=itemgetter(0))

    def at(self, track: int, channel: int, tick: int) -> int:
        """Program of a lane at a tick: its own track's changes go before those of other tracks, 0 where there is none."""
        own = self._of_track.get((track, channel), [])
        for changes in (own, self._of_all.get(channel, [])):
            if found := bisect_right(changes, tick, key=itemgetter(0)):
                return changes[found - 1][1]
        return own[0][1] if own else 0


def _parts_of_track(file: MidiFile, index: int, notes: list[PairedNote], programs: _Programs) -> list[tuple[tuple[int, ...], Part]]:
    """The lanes of a track with their channels, in channel order."""
    first_onsets: dict[int, int] = {}
    for note in notes:
        first_onsets.setdefault(note.channel, note.onset)
    title = _track_name(file.data, file.tracks[index]) or f"Track {index + 1}"
    lanes = lane_channels(file, file.tracks[index], first_onsets)
    return [
        (
            channels,
            Part(
                name=title if len(lanes) == 1 else f"{title} (channel {channels[0] + 1})",
                key=str(index),
                staff=channels[0],
                program=0 if channels[0] == DRUM_CHANNEL else programs.at(index, channels[0], first_onsets[channels[0]]),
                is_drum=channels[0] == DRUM_CHANNEL,
            ),
        )
        for channels in lanes
    ]


def read_midi(data: bytes, name: str = "") -> Piece:
    """A Standard MIDI File of format 0 or 1 as a piece.

    Args:
        data: The whole file, which should have passed the gate.
        name: File name for messages.

    Returns:
        The piece; its ``source`` holds ``data``. A file without notes gives a piece without lanes.

    Raises:
        InputError: the bytes are no such file, a tempo or meter is zero, or there are too many ticks or bars.
    """
    return read_midi_with_report(data, name)[0]


def read_midi_with_report(data: bytes, name: str = "") -> tuple[Piece, MidiReadReport]:
    """As ``read_midi``, with the report of what the note table does not hold."""
    file = split_events(data, name)
    timeline = read_timeline(file, name)
    if timeline.end > MAX_TICK:
        raise InputError(f"{name or 'MIDI'}: expected ticks up to {MAX_TICK}, came {timeline.end}")
    programs = _Programs(file)
    bends = Bends(file)
    bent_notes = 0
    parts: list[Part] = []
    rows: list[tuple[int, int, int, int, int, int, str, float]] = []
    for index, track in enumerate(file.tracks):
        notes, _ = pair_notes(file, track)
        lanes = _parts_of_track(file, index, notes, programs)
        lane_of = {channel: len(parts) + place for place, (channels, _) in enumerate(lanes) for channel in channels}
        parts.extend(part for _, part in lanes)
        counts = dict.fromkeys(lane_of, 0)
        for channel, pitch, velocity, onset, end, _, _ in notes:
            cents = 0.0 if channel == DRUM_CHANNEL else bends.of_note(index, channel, onset, end)
            bent_notes += cents is None
            identity = note_id(index, channel, counts[channel])
            rows.append((onset, end - onset, pitch, velocity, lane_of[channel], 0, identity, cents or 0.0))
            counts[channel] += 1
    table = sort_notes(np.array(rows, dtype=NOTE_DTYPE))
    music_end = int((table["onset_div"] + table["duration_div"]).max()) if len(table) else 0
    piece = Piece(
        notes=table,
        divs_per_quarter=file.ticks_per_quarter,
        parts=tuple(parts),
        measures=bars(timeline.meters, file.ticks_per_quarter, music_end, timeline.end, name),
        tempos=timeline.tempos,
        keys=timeline.keys,
        source=Source("midi", data, name),
    )
    return piece, MidiReadReport(bent_notes)
