"""Heard music as segments of ``mt3`` ids and back; and what joins segments that were decoded each on its own.

Conventions: seconds in ``HeardMusic``, ticks of 10 ms in the ids, segments of 4 s (250 frames of 16 ms). A family's notes are
written with the family's own program. What is tied at the start of a segment but did not sound before has no onset: a join leaves
it out, and with it its note off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from compose.vocabulary.arrival import TICKS_PER_SECOND
from compose.vocabulary.mt3_events import (
    DRUM,
    DRUM_PROGRAM,
    EOS,
    PEDAL_OFF,
    PEDAL_ON,
    PITCH,
    PROGRAM,
    SEGMENT_TICKS,
    SHIFT,
    TICK_BEAT_DTYPE,
    TICK_NOTE_DTYPE,
    TICK_PEDAL_DTYPE,
    TIE,
    VELOCITY,
    TickMusic,
    bin_velocity,
    segments_of,
    sort_ticks,
    velocity_bin,
)
from compose.vocabulary.mt3_grammar import Carried
from compose.vocabulary.mt3_reader import SegmentReader
from corpora.piece import Table
from transcribe.families import FAMILIES, FAMILY_OF_PROGRAM
from transcribe.heard import BEAT_DTYPE, DRUMS, HEARD_DTYPE, PEDAL_DTYPE, HeardMusic, sort_heard

__all__ = ["SEGMENT_S", "heard_of", "join", "prelude", "retied", "segment_count", "segments_of_heard", "tick_music", "tied"]

SEGMENT_S: Final = SEGMENT_TICKS / TICKS_PER_SECOND

Integers = NDArray[np.int64]


def segment_count(duration_s: float) -> int:
    """How many segments a recording has, at least one."""
    return max(int(np.ceil(round(duration_s / SEGMENT_S, 6))), 1)


def _ticks(seconds: NDArray[np.float64]) -> Integers:
    return np.rint(seconds * TICKS_PER_SECOND).astype(np.int64)


def tick_music(heard: HeardMusic) -> TickMusic:
    """Heard music on the grid; notes of one program and pitch that overlap are cut where the next begins, doubles merged.

    Args:
        heard: Notes past the end of the recording are left out, and what sounds on is cut there.
    """
    num_segments = segment_count(heard.duration_s)
    last = num_segments * SEGMENT_TICKS
    rows = np.zeros(len(heard.notes), dtype=TICK_NOTE_DTYPE)
    drums = heard.notes["family"] == DRUMS
    programs = np.array([family.program for family in FAMILIES] + [DRUM_PROGRAM], dtype=np.int64)
    rows["onset_tick"] = _ticks(heard.notes["onset_s"])
    rows["end_tick"] = np.maximum(_ticks(heard.notes["offset_s"]), rows["onset_tick"] + 1)
    rows["end_tick"][drums] = rows["onset_tick"][drums] + 1
    rows["program"] = programs[heard.notes["family"]]  # DRUMS is -1, the last
    rows["pitch"] = heard.notes["pitch"]
    rows["velocity_bin"] = velocity_bin(heard.notes["velocity"].astype(np.int64))
    rows = rows[(rows["onset_tick"] >= 0) & (rows["onset_tick"] < last)]
    rows["end_tick"] = np.minimum(rows["end_tick"], last)
    return TickMusic(_without_overlaps(rows), num_segments, _pedals(heard.pedals, last), _beats(heard.beats, last))


def _without_overlaps(rows: Table) -> Table:
    rows = rows[np.lexsort((-rows["end_tick"], rows["onset_tick"], rows["pitch"], rows["program"]))]
    same = (np.diff(rows["program"]) == 0) & (np.diff(rows["pitch"]) == 0)
    double = np.zeros(len(rows), dtype=np.bool_)
    double[1:] = same & (np.diff(rows["onset_tick"]) == 0)
    rows = rows[~double]
    same = (np.diff(rows["program"]) == 0) & (np.diff(rows["pitch"]) == 0)
    before = np.flatnonzero(same)
    rows["end_tick"][before] = np.minimum(rows["end_tick"][before], rows["onset_tick"][before + 1])
    return sort_ticks(rows)


def _pedals(pedals: Table, last: int) -> Table:
    rows = np.zeros(len(pedals), dtype=TICK_PEDAL_DTYPE)
    rows["onset_tick"] = np.clip(_ticks(pedals["onset_s"]), 0, last)
    rows["end_tick"] = np.clip(_ticks(pedals["offset_s"]), 0, last)
    rows["end_tick"][:-1] = np.minimum(rows["end_tick"][:-1], rows["onset_tick"][1:])
    return rows[rows["onset_tick"] < rows["end_tick"]]


def _beats(beats: Table, last: int) -> Table:
    ticks = _ticks(beats["time_s"])
    first = np.concatenate([[True], np.diff(ticks) > 0]) if len(ticks) else np.zeros(0, dtype=np.bool_)
    rows = np.zeros(len(beats), dtype=TICK_BEAT_DTYPE)
    rows["tick"], rows["is_downbeat"] = ticks, beats["number"] == 1
    return rows[first & (ticks >= 0) & (ticks < last)]


def segments_of_heard(heard: HeardMusic) -> list[Integers]:
    """The ids of each segment of heard music, tie sections and EOS included."""
    return segments_of(tick_music(heard))


def heard_of(
    music: TickMusic, duration_s: float, confidence: Mapping[tuple[int, int, int], float] | None = None, name: str = ""
) -> HeardMusic:
    """Music on the grid as heard music; what sounds past the end of the recording is cut there.

    Args:
        music: Of the whole recording; programs of families alone. Drums last a tick.
        duration_s: Of the recording.
        confidence: Of notes by onset tick, program and pitch; 1 where there is none.
        name: Of the recording.
    """
    notes = music.notes[music.notes["onset_tick"] < duration_s * TICKS_PER_SECOND]
    rows = np.zeros(len(notes), dtype=HEARD_DTYPE)
    programs = notes["program"]
    rows["onset_s"] = notes["onset_tick"] / TICKS_PER_SECOND
    shortest = (notes["onset_tick"] + 1) / TICKS_PER_SECOND
    rows["offset_s"] = np.maximum(np.minimum(notes["end_tick"] / TICKS_PER_SECOND, duration_s), shortest)
    rows["pitch"] = notes["pitch"]
    rows["velocity"] = bin_velocity(notes["velocity_bin"])
    rows["family"] = [DRUMS if program == DRUM_PROGRAM else FAMILY_OF_PROGRAM[program] for program in programs.tolist()]
    rows["program"] = np.where(programs == DRUM_PROGRAM, 0, programs)
    keys = zip(notes["onset_tick"].tolist(), programs.tolist(), notes["pitch"].tolist(), strict=True)
    rows["confidence"] = [(confidence or {}).get(key, 1.0) for key in keys]
    pedals = np.zeros(len(music.pedals), dtype=PEDAL_DTYPE)
    pedals["onset_s"] = music.pedals["onset_tick"] / TICKS_PER_SECOND
    pedals["offset_s"] = music.pedals["end_tick"] / TICKS_PER_SECOND
    beats = np.zeros(len(music.beats), dtype=BEAT_DTYPE)
    beats["time_s"] = music.beats["tick"] / TICKS_PER_SECOND
    beats["number"] = _beat_numbers(music.beats["is_downbeat"])
    return HeardMusic(sort_heard(rows), duration_s, pedals, beats, name=name)


def _beat_numbers(is_downbeat: NDArray[np.bool_]) -> Integers:
    """Numbers in the bar; beats before the first downbeat are the last ones of a bar as long as the first whole one."""
    downbeats = np.flatnonzero(is_downbeat)
    places = np.arange(len(is_downbeat))
    if not len(downbeats):
        return places + 2
    length = int(downbeats[1] - downbeats[0]) if len(downbeats) > 1 else int(downbeats[0])
    last = downbeats[np.maximum(np.searchsorted(downbeats, places, side="right") - 1, 0)]
    return np.where(places >= last, places - last + 1, np.maximum(length - (last - places) + 1, 2))


def tied(ids: Integers) -> Carried:
    """What a segment's tie section says."""
    notes, program = [], -1
    section = ids[: int(np.argmax(ids == TIE))].tolist()
    for token in section:
        if token >= PROGRAM:
            program = token - PROGRAM
        elif token >= PITCH:
            notes.append((program, token - PITCH))
    return Carried(frozenset(notes), PEDAL_ON in section)


def prelude(carried: Carried) -> list[int]:
    """The ids of a tie section, TIE included."""
    ids, last = [], -1
    for program, pitch in sorted(carried.notes):
        if program != last:
            ids.append(PROGRAM + program)
            last = program
        ids.append(PITCH + pitch)
    return [*ids, PEDAL_ON, TIE] if carried.pedal else [*ids, TIE]


def retied(ids: Integers, carried: Carried) -> Integers:
    """A segment with another tie section: a note off of what is tied no more goes, and what thereby says nothing.

    Args:
        ids: Of the segment.
        carried: What the tie section is to say; a part of what it says now.
    """
    before = tied(ids)
    gone = before.notes - carried.notes
    pedal_gone = before.pedal and not carried.pedal
    if not gone and not pedal_gone:
        return ids
    events: list[tuple[int, int, int, int]] = []  # time, id, program, velocity: every event with its state
    time, program, velocity = -1, -1, -1
    for token in ids[int(np.argmax(ids == TIE)) + 1 : -1].tolist():
        if token >= PROGRAM:
            program = token - PROGRAM
        elif token >= VELOCITY:
            velocity = token - VELOCITY
        elif SHIFT <= token < PITCH:
            time = token
        elif PITCH <= token < DRUM:
            key = (program, token - PITCH)
            is_lost_off = key in gone and not velocity
            gone = gone - {key}
            if not is_lost_off:
                events.append((time, token, program, velocity))
        elif token == PEDAL_OFF and pedal_gone:
            pedal_gone = False
        else:
            events.append((time, token, program, velocity))
    out = prelude(carried)
    time, program, velocity = -1, -1, -1
    for event_time, token, event_program, event_velocity in events:
        if event_time != time:
            time = event_time
            out.append(time)
        if PITCH <= token < DRUM and event_program != program:
            program = event_program
            out.append(PROGRAM + program)
        if PITCH <= token < VELOCITY and event_velocity != velocity:
            velocity = event_velocity
            out.append(VELOCITY + velocity)
        out.append(token)
    return np.array([*out, EOS], dtype=np.int64)


def join(segments: Sequence[Integers]) -> TickMusic:
    """Segments that were decoded each on its own as one music: only what sounded may be tied.

    Args:
        segments: Ids of each, tie section and EOS included, as the grammar of a segment allows them.
    """
    reader = SegmentReader()
    for ids in segments:
        says = tied(ids)
        kept = Carried(frozenset(says.notes & reader.open_notes.keys()), says.pedal and reader.pedal_onset >= 0)
        reader.read(retied(ids, kept))
    return reader.music()
