"""Ids of the ``mt3`` vocabulary, and music on its grid: notes, pedal and beats in ticks of 10 ms, cut into segments of 4 s.

Layout: PAD 0, EOS 1, TIE 2, PEDAL_OFF 3, PEDAL_ON 4, BEAT 5, DOWNBEAT 6, then SHIFT (400 times of a segment), PITCH (128), DRUM
(128 keys), VELOCITY (0 for note off, then 32 bins of 4) and PROGRAM (128). A segment is

::

    PROGRAM PITCH+ ... PEDAL_ON? TIE    what sounds on from the segment before, by program and pitch, and whether the pedal is down
    SHIFT                               a time in ticks since the start of the segment, always later than the last
      PEDAL_OFF? PEDAL_ON?
      BEAT | DOWNBEAT
      PROGRAM                           programs upwards; inside one the note offs (VELOCITY 0), then the note ons, by pitch
        VELOCITY PITCH
      VELOCITY DRUM                     keys upwards; they have no note off
    ...
    EOS

PROGRAM and VELOCITY hold until another one comes, and stand only where they change; both are forgotten at TIE. A note that is not
tied over a boundary ends there, and a note on of what sounds ends it too: neither has a note off. So the same music has one text.

Source: Gardner et al., "MT3: Multi-Task Multitrack Music Transcription" (arXiv 2111.03017), section 3.2. Relative to the original:
32 velocities with any number of instruments, pedal and beats, note ons always after note offs of their program, and the rule above
for notes that follow each other without a gap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from compose.vocabulary.arrival import NUM_PITCHES, TICKS_PER_SECOND
from corpora.piece import Table

__all__ = [
    "BEAT",
    "DOWNBEAT",
    "DRUM",
    "DRUM_PROGRAM",
    "EOS",
    "NUM_IDS",
    "NUM_PROGRAMS",
    "PAD",
    "PEDAL_OFF",
    "PEDAL_ON",
    "PITCH",
    "PROGRAM",
    "SEGMENT_TICKS",
    "SHIFT",
    "TICK_BEAT_DTYPE",
    "TICK_NOTE_DTYPE",
    "TICK_PEDAL_DTYPE",
    "TIE",
    "VELOCITY",
    "VELOCITY_BINS",
    "VELOCITY_WIDTH",
    "TickMusic",
    "bin_velocity",
    "segments_of",
    "sort_ticks",
    "velocity_bin",
]

SEGMENT_TICKS: Final = 4 * TICKS_PER_SECOND
VELOCITY_BINS: Final = 32
VELOCITY_WIDTH: Final = 4
NUM_PROGRAMS: Final = 128
DRUM_PROGRAM: Final = NUM_PROGRAMS  # in the field ``program``

PAD, EOS, TIE, PEDAL_OFF, PEDAL_ON, BEAT, DOWNBEAT = range(7)
SHIFT: Final = 7
PITCH: Final = SHIFT + SEGMENT_TICKS
DRUM: Final = PITCH + NUM_PITCHES
VELOCITY: Final = DRUM + NUM_PITCHES
PROGRAM: Final = VELOCITY + 1 + VELOCITY_BINS
NUM_IDS: Final = PROGRAM + NUM_PROGRAMS

TICK_NOTE_DTYPE = np.dtype(
    [
        ("onset_tick", np.int64),
        ("end_tick", np.int64),
        ("program", np.int64),  # DRUM_PROGRAM for drums
        ("pitch", np.int64),
        ("velocity_bin", np.int64),  # 0 to 31
    ]
)
TICK_PEDAL_DTYPE = np.dtype([("onset_tick", np.int64), ("end_tick", np.int64)])
TICK_BEAT_DTYPE = np.dtype([("tick", np.int64), ("is_downbeat", np.bool_)])

Integers = NDArray[np.int64]
_PEDAL_OFF, _PEDAL_ON, _BEAT, _NOTE, _DRUM = range(5)  # order inside a tick


@dataclass(frozen=True, eq=False)
class TickMusic:
    """Music as the ids can say it. What they cannot say is an error of the caller (``check``).

    Args:
        notes: TICK_NOTE_DTYPE rows as ``sort_ticks`` orders them. Notes of one program and pitch do not overlap; drums last a tick.
        num_segments: Length, in segments of 4 s; all lies before their end.
        pedals: TICK_PEDAL_DTYPE rows that do not overlap.
        beats: TICK_BEAT_DTYPE rows, at most one a tick.
    """

    notes: Table
    num_segments: int
    pedals: Table = field(default_factory=lambda: np.zeros(0, dtype=TICK_PEDAL_DTYPE))
    beats: Table = field(default_factory=lambda: np.zeros(0, dtype=TICK_BEAT_DTYPE))

    @property
    def end_tick(self) -> int:
        """The end of the last segment."""
        return self.num_segments * SEGMENT_TICKS

    def check(self) -> None:
        """That this can be written.

        Raises:
            ValueError: Something overlaps, is empty or lies outside; names the first such row.
        """
        by_key = self.notes[np.lexsort((self.notes["onset_tick"], self.notes["pitch"], self.notes["program"]))]
        same = (np.diff(by_key["program"]) == 0) & (np.diff(by_key["pitch"]) == 0)
        overlaps = np.flatnonzero(same & (by_key["onset_tick"][1:] < by_key["end_tick"][:-1]))
        if overlaps.size:
            raise ValueError(f"note {by_key[overlaps[0] + 1]} begins before the last of its program and pitch ends")
        for table in (self.notes, self.pedals):
            wrong = (table["end_tick"] <= table["onset_tick"]) | (table["onset_tick"] < 0) | (table["end_tick"] > self.end_tick)
            if wrong.any():
                raise ValueError(f"{table[np.flatnonzero(wrong)[0]]} is empty or outside 0 to {self.end_tick}")
        if (self.pedals["onset_tick"][1:] < self.pedals["end_tick"][:-1]).any() or (np.diff(self.beats["tick"]) <= 0).any():
            raise ValueError("pedals overlap, or two beats are in one tick")


def velocity_bin(velocity: Integers) -> Integers:
    """Bins 0-31 of MIDI velocities; 1-4 is the first, 0 counts as 1."""
    return np.asarray((np.clip(velocity, 1, 127) - 1) // VELOCITY_WIDTH)


def bin_velocity(bins: Integers) -> Integers:
    """The MIDI velocity in the middle of a bin, 3 to 127."""
    return np.asarray(VELOCITY_WIDTH * bins + 3)


def sort_ticks(notes: Table) -> Table:
    """Rows by onset, program, pitch."""
    return notes[np.lexsort((notes["pitch"], notes["program"], notes["onset_tick"]))]


def _events(music: TickMusic) -> list[tuple[int, int, int, int, int, int]]:
    """All that is said after the TIEs, in order: tick, kind, program, whether it is an on, pitch, bin."""
    notes = music.notes
    drums = notes["program"] == DRUM_PROGRAM
    pitched, kit = notes[~drums], notes[drums]
    begins = set(zip(pitched["program"].tolist(), pitched["pitch"].tolist(), pitched["onset_tick"].tolist(), strict=True))
    events = []
    for onset, end, program, pitch, loudness in pitched.tolist():
        events.append((onset, _NOTE, program, 1, pitch, loudness))
        if end % SEGMENT_TICKS and (program, pitch, end) not in begins:
            events.append((end, _NOTE, program, 0, pitch, -1))
    events += [(onset, _DRUM, 0, 1, pitch, loudness) for onset, _, _, pitch, loudness in kit.tolist()]
    for onset, end in music.pedals.tolist():
        events.append((onset, _PEDAL_ON, 0, 0, 0, 0))
        if end % SEGMENT_TICKS:
            events.append((end, _PEDAL_OFF, 0, 0, 0, 0))
    events += [(tick, _BEAT, 0, 0, 0, int(downbeat)) for tick, downbeat in music.beats.tolist()]
    return sorted(events)


def _ties(music: TickMusic) -> dict[int, list[tuple[int, int]]]:
    """Program and pitch of what sounds over the start of each segment."""
    ties: dict[int, list[tuple[int, int]]] = {}
    for onset, end, program, pitch, _ in music.notes.tolist():
        if program < DRUM_PROGRAM:
            for segment in range(onset // SEGMENT_TICKS + 1, -(-end // SEGMENT_TICKS)):
                ties.setdefault(segment, []).append((program, pitch))
    return ties


def segments_of(music: TickMusic) -> list[Integers]:
    """The ids of each segment, EOS included.

    Args:
        music: Anything that passes its ``check``.

    Example:
        >>> notes = np.array([(10, 50, 0, 60, 20)], dtype=TICK_NOTE_DTYPE)
        >>> segments_of(TickMusic(notes, 1))[0].tolist() == [
        ...     TIE, SHIFT + 10, PROGRAM, VELOCITY + 21, PITCH + 60, SHIFT + 50, VELOCITY, PITCH + 60, EOS]
        True
    """
    ties = _ties(music)
    held = {
        segment for onset, end in music.pedals.tolist() for segment in range(onset // SEGMENT_TICKS + 1, -(-end // SEGMENT_TICKS))
    }
    ids: list[list[int]] = []
    for segment in range(music.num_segments):
        start: list[int] = []
        for program, notes in groupby(sorted(ties.get(segment, [])), itemgetter(0)):
            start += [PROGRAM + program, *(PITCH + pitch for _, pitch in notes)]
        ids.append([*start, PEDAL_ON, TIE] if segment in held else [*start, TIE])
    last_tick, state_program, state_velocity, current = -1, -1, -1, -1
    for tick, kind, program, is_on, pitch, value in _events(music):
        segment, place = divmod(tick, SEGMENT_TICKS)
        out = ids[segment]
        if segment != current:
            current, state_program, state_velocity = segment, -1, -1
        if tick != last_tick:
            out.append(SHIFT + place)
            last_tick = tick
        if kind < _NOTE:
            out.append((PEDAL_OFF, PEDAL_ON, BEAT + value)[kind])
            continue
        if kind == _NOTE and program != state_program:
            out.append(PROGRAM + program)
            state_program = program
        velocity = value + 1 if is_on else 0
        if velocity != state_velocity:
            out.append(VELOCITY + velocity)
            state_velocity = velocity
        out.append((PITCH if kind == _NOTE else DRUM) + pitch)
    return [np.array([*out, EOS], dtype=np.int64) for out in ids]
