"""Ids of the ``mt3`` vocabulary back to music: segment after segment, notes carried over the boundaries by their tie sections.

Conventions: those of ``compose.vocabulary.mt3_events``. What is tied but did not sound before is an error, because its onset would
be unknown; a join of segments that were decoded on their own settles that first (``transcribe.tokens.segments``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compose.vocabulary.mt3_events import (
    BEAT,
    DOWNBEAT,
    DRUM,
    DRUM_PROGRAM,
    EOS,
    NUM_IDS,
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
    sort_ticks,
)

__all__ = ["SegmentReader", "split_segments"]

Integers = NDArray[np.int64]


def split_segments(ids: Integers) -> list[Integers]:
    """A stream cut after each EOS.

    Args:
        ids: Shape (steps,).

    Raises:
        ValueError: The last segment has no EOS.
    """
    ends = np.flatnonzero(ids == EOS) + 1
    if len(ids) and (not ends.size or ends[-1] != len(ids)):
        raise ValueError(f"the stream of {len(ids)} ids does not end with EOS")
    return np.split(ids, ends)[:-1] if ends.size else []


class SegmentReader:
    """Reads segments one after another; ``music`` gives what they say."""

    def __init__(self) -> None:
        self.num_segments = 0
        self._start = self._place = 0  # tick of the segment's start, and which of its ids is read
        self._tick = self._program = self._velocity = -1  # in force, -1 before the first of a segment
        self.open_notes: dict[tuple[int, int], tuple[int, int]] = {}  # program and pitch: onset and bin
        self.pedal_onset = -1  # -1: up
        self._notes: list[tuple[int, int, int, int, int]] = []
        self._pedals: list[tuple[int, int]] = []
        self._beats: list[tuple[int, bool]] = []

    def read(self, ids: Integers) -> None:
        """Take the ids of the next segment, with its EOS.

        Raises:
            ValueError: They are no segment that may follow here; names the place and what was expected.
        """
        steps = ids.tolist()
        if not steps or steps[-1] != EOS or TIE not in steps:
            raise ValueError(f"segment {self.num_segments}: expected a TIE, and EOS at the end")
        try:
            first = self._read_ties(steps)
            for self._place, token in enumerate(steps[first:-1], first):
                self._read_event(token)
        except _UnreadableError as wrong:
            raise ValueError(f"segment {self.num_segments}, id {self._place}: {wrong}") from None
        self.num_segments += 1

    def music(self) -> TickMusic:
        """All that was read; what still sounds ends with the last segment."""
        end = self.num_segments * SEGMENT_TICKS
        notes = self._notes + [(onset, end, *key, loudness) for key, (onset, loudness) in self.open_notes.items()]
        pedals = self._pedals + ([(self.pedal_onset, end)] if self.pedal_onset >= 0 else [])
        return TickMusic(
            sort_ticks(np.array(notes, dtype=TICK_NOTE_DTYPE)),
            self.num_segments,
            np.array(pedals, dtype=TICK_PEDAL_DTYPE),
            np.array(self._beats, dtype=TICK_BEAT_DTYPE),
        )

    def _end_note(self, key: tuple[int, int], tick: int) -> None:
        onset, loudness = self.open_notes.pop(key)
        if tick <= onset:
            raise _UnreadableError(f"pitch {key[1]} of program {key[0]} ends where it begins")
        self._notes.append((onset, tick, *key, loudness))

    def _end_pedal(self, tick: int) -> None:
        if tick <= self.pedal_onset:
            raise _UnreadableError("the pedal goes up where it goes down")
        self._pedals.append((self.pedal_onset, tick))
        self.pedal_onset = -1

    def _read_ties(self, steps: list[int]) -> int:
        """Read up to TIE, then end what is not tied; gives the place after it."""
        self._start = self.num_segments * SEGMENT_TICKS
        self._tick, self._program, self._velocity = -1, -1, -1
        program, tied, pedal = -1, set(), False
        for self._place, token in enumerate(steps):
            if PROGRAM <= token < NUM_IDS:
                program = token - PROGRAM
            elif PITCH <= token < DRUM:
                key = (program, token - PITCH)
                if key not in self.open_notes:
                    raise _UnreadableError(f"pitch {key[1]} of program {program} is tied, but does not sound")
                tied.add(key)
            elif token == PEDAL_ON:
                if self.pedal_onset < 0:
                    raise _UnreadableError("the pedal is tied, but is not down")
                pedal = True
            elif token == TIE:
                break
            else:
                raise _UnreadableError(f"expected the notes that sound on, then TIE, got {token}")
        for key in sorted(self.open_notes.keys() - tied):
            self._end_note(key, self._start)
        if self.pedal_onset >= 0 and not pedal:
            self._end_pedal(self._start)
        return self._place + 1

    def _read_event(self, token: int) -> None:
        """Take an id between TIE and EOS."""
        if SHIFT <= token < PITCH:
            tick = self._start + token - SHIFT
            if tick <= self._tick:
                raise _UnreadableError(f"expected a time after tick {self._tick - self._start}, got {token - SHIFT}")
            self._tick = tick
        elif self._tick < 0:
            raise _UnreadableError(f"expected a SHIFT or EOS, got {token}")
        elif PROGRAM <= token < NUM_IDS:
            self._program = token - PROGRAM
        elif VELOCITY <= token < PROGRAM:
            self._velocity = token - VELOCITY
        elif PITCH <= token < DRUM:
            self._read_pitch((self._program, token - PITCH))
        elif DRUM <= token < VELOCITY and self._velocity > 0:
            self._notes.append((self._tick, self._tick + 1, DRUM_PROGRAM, token - DRUM, self._velocity - 1))
        elif token in (BEAT, DOWNBEAT):
            self._beats.append((self._tick, token == DOWNBEAT))
        elif token == PEDAL_ON and self.pedal_onset < 0:
            self.pedal_onset = self._tick
        elif token == PEDAL_OFF and self.pedal_onset >= 0:
            self._end_pedal(self._tick)
        else:
            raise _UnreadableError(f"got {token}, which says nothing here")

    def _read_pitch(self, key: tuple[int, int]) -> None:
        """A note off or on."""
        if key[0] < 0 or self._velocity < 0:
            raise _UnreadableError(f"pitch {key[1]} before any PROGRAM or VELOCITY")
        if key in self.open_notes:
            self._end_note(key, self._tick)
        elif not self._velocity:
            raise _UnreadableError(f"pitch {key[1]} of program {key[0]} does not sound")
        if self._velocity:
            self.open_notes[key] = (self._tick, self._velocity - 1)


class _UnreadableError(Exception):
    """What is wrong with an id; ``read`` adds where."""
