"""MIDI bytes to a Piece.

Conventions: divs are the file's ticks. A lane is one channel of one track that has notes, in the order (track, channel);
``Part.key`` is the track's index and ``Part.staff`` the channel (0-15). A note's id is ``t{track}c{channel}n{k}``, k counting
the note-ons of its track and channel in file order; the editor finds the events by it. A note that is never ended lasts to
the end of its track. Channel 10 (index 9) is drums, as in General MIDI.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import itemgetter

import numpy as np

from corpora.errors import InputError
from corpora.midi.events import META, PROGRAM, MidiFile, PairedNote, Track, pair_notes, split_events
from corpora.midi.timeline import bars, read_timeline
from corpora.piece import NOTE_DTYPE, Part, Piece, Source, sort_notes

__all__ = ["DRUM_CHANNEL", "MAX_TICK", "note_id", "read_midi"]

DRUM_CHANNEL = 9
MAX_TICK = 2**31 - 1  # symusic's ticks are 32 bits and wrap silently
TRACK_NAME = 0x03


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


def _parts_of_track(file: MidiFile, index: int, notes: list[PairedNote], programs: _Programs) -> dict[int, Part]:
    """The lanes of a track by channel, in channel order."""
    first_onsets: dict[int, int] = {}
    for note in notes:
        first_onsets.setdefault(note.channel, note.onset)
    title = _track_name(file.data, file.tracks[index]) or f"Track {index + 1}"
    return {
        channel: Part(
            name=title if len(first_onsets) == 1 else f"{title} (channel {channel + 1})",
            key=str(index),
            staff=channel,
            program=0 if channel == DRUM_CHANNEL else programs.at(index, channel, first_onsets[channel]),
            is_drum=channel == DRUM_CHANNEL,
        )
        for channel in sorted(first_onsets)
    }


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
    file = split_events(data, name)
    timeline = read_timeline(file, name)
    if timeline.end > MAX_TICK:
        raise InputError(f"{name or 'MIDI'}: expected ticks up to {MAX_TICK}, came {timeline.end}")
    programs = _Programs(file)
    parts: list[Part] = []
    rows: list[tuple[int, int, int, int, int, int, str, float]] = []
    for index, track in enumerate(file.tracks):
        notes, _ = pair_notes(file, track)
        of_channel = _parts_of_track(file, index, notes, programs)
        lane_of = {channel: len(parts) + place for place, channel in enumerate(of_channel)}
        parts.extend(of_channel.values())
        counts = dict.fromkeys(of_channel, 0)
        for channel, pitch, velocity, onset, end, _, _ in notes:
            identity = note_id(index, channel, counts[channel])
            rows.append((onset, end - onset, pitch, velocity, lane_of[channel], 0, identity, 0.0))
            counts[channel] += 1
    table = sort_notes(np.array(rows, dtype=NOTE_DTYPE))
    music_end = int((table["onset_div"] + table["duration_div"]).max()) if len(table) else 0
    return Piece(
        notes=table,
        divs_per_quarter=file.ticks_per_quarter,
        parts=tuple(parts),
        measures=bars(timeline.meters, file.ticks_per_quarter, music_end, timeline.end, name),
        tempos=timeline.tempos,
        keys=timeline.keys,
        source=Source("midi", data, name),
    )
