"""Adds empty tracks to a MIDI file; every byte that was stays, but for the count of tracks (and format 0, which becomes 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from corpora.errors import RequestError
from corpora.midi.events import CHUNK, HEADER, PROGRAM, split_events
from corpora.midi.lanes import DRUM_CHANNEL
from corpora.midi.writer import chunk_of, name_event, program_event
from corpora.piece import Part, Piece

__all__ = ["add_tracks"]

MAX_TRACKS = 0xFFFF


def add_tracks(piece: Piece, new: Sequence[Part]) -> Piece:
    """The piece with more lanes, each a track of its own after the others; drums on channel 10.

    A pitched lane gets a channel that nothing in the file uses, else one that only plays its program. A reader of the file alone
    does not see lanes without notes: the piece knows them, so that notes can be put there.

    Args:
        piece: A piece that ``read_midi`` gave.
        new: Name, program and whether it is drums; where each lives is found here.

    Raises:
        RequestError: The piece is not from MIDI, or no channel is left.
    """
    if piece.source is None or piece.source.format != "midi":
        raise RequestError("tracks can be added to a piece from MIDI alone")
    file = split_events(piece.source.data, piece.source.name)
    if len(file.tracks) + len(new) > MAX_TRACKS:
        raise RequestError(f"the file has {len(file.tracks)} tracks; MIDI holds {MAX_TRACKS}")
    used: set[int] = set()
    programs: dict[int, set[int]] = {}  # channel -> programs that it plays
    for track in file.tracks:
        for event, status in enumerate(track.statuses):
            if status < 0xF0:
                used.add(status & 0x0F)
            if status & 0xF0 == PROGRAM:
                programs.setdefault(status & 0x0F, set()).add(file.data[track.delta_starts[event + 1] - 1])
    end = max((track.ticks[-1] for track in file.tracks if track.ticks), default=0)
    lanes: list[Part] = []
    chunks: list[bytes] = []
    for part in new:
        channel = DRUM_CHANNEL if part.is_drum else _channel(part, used, programs)
        used.add(channel)
        programs.setdefault(channel, set()).add(part.program)
        lanes.append(replace(part, key=str(len(file.tracks) + len(lanes)), staff=channel))
        events = [name_event(part.name), *([] if part.is_drum else [program_event(channel, part.program)])]
        chunks.append(chunk_of(events, end))
    place = file.tracks[-1].end if file.tracks else CHUNK.size + CHUNK.unpack_from(file.data)[1]
    tag, length, _, count, division = HEADER.unpack_from(file.data)
    head = HEADER.pack(tag, length, 1, count + len(new), division)
    data = head + file.data[HEADER.size : place] + b"".join(chunks) + file.data[place:]
    return replace(piece, parts=(*piece.parts, *lanes), source=replace(piece.source, data=data))


def _channel(part: Part, used: set[int], programs: dict[int, set[int]]) -> int:
    melodic = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    free = [channel for channel in melodic if channel not in used]
    same = [channel for channel in melodic if programs.get(channel) == {part.program}]
    if not free and not same:
        raise RequestError(f"no MIDI channel is left for '{part.name}': the file uses all 15 with other programs")
    return (free or same)[0]
