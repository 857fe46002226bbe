"""Drum lanes: the always-on rules - percussion keys and nothing else, hits that can be written in one voice - and drums by name."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from compose.canvas import NUM_PITCHES, Canvas
from compose.constraints.base import BoolArray, Constraint, IntArray, Satisfaction

__all__ = ["DrumKeys", "OneVoice", "OnlyDrums", "is_one_voice"]


@dataclass(frozen=True)
class DrumKeys(Constraint):
    """New notes of drum lanes are keys of General MIDI percussion that their part can write.

    Args:
        keys: Of each drum lane that is written.
    """

    keys: Mapping[int, frozenset[int]]
    text = "drums play percussion keys"

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """The keys of the lane; shape (128, 1)."""
        column = np.ones((NUM_PITCHES, 1), dtype=np.bool_)
        if lane in self.keys:
            column[:] = False
            column[sorted(self.keys[lane])] = True
        return column

    def conflict(self, canvas: Canvas) -> str | None:
        """A part must have drums to play."""
        empty = [canvas.piece.parts[lane].name for lane in sorted(self.keys) if not self.keys[lane]]
        return f"part '{empty[0]}' has no instrument of General MIDI percussion" if empty else None

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Counts the new hits on their keys."""
        hits = [note for note in canvas.written if note.lane in self.keys]
        good = sum(note.pitch in self.keys[note.lane] for note in hits)
        return Satisfaction(self.text, good == len(hits), f"{good} of {len(hits)} hits on percussion keys")


def is_one_voice(spans: list[tuple[int, int]]) -> bool:
    """Whether notes (onset, end) can be written in one voice: those of one onset end together, and none runs into the next."""
    places = sorted(set(spans))
    return all(end <= following for (_, end), (following, _) in itertools.pairwise(places))


@dataclass(frozen=True)
class OneVoice(Constraint):
    """In these lanes the hits of one onset last alike, and none lasts into the next or past its bar.

    Args:
        lanes: Drum lanes that were so before, or empty.
    """

    lanes: tuple[int, ...]
    text = "drums in one voice"

    def onsets(self, canvas: Canvas, onsets: IntArray, lane: int) -> BoolArray:
        """Where no earlier note of the lane sounds."""
        allowed = np.ones(len(onsets), dtype=np.bool_)
        if lane in self.lanes and len(onsets):
            for note in canvas.overlapping(lane, int(onsets[0]), int(onsets[-1]) + 1):
                allowed &= (onsets <= note.onset) | (onsets >= note.end)
        return allowed

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """As long as what begins there, else at most to the next onset or bar line; shape (1, durations)."""
        if lane not in self.lanes:
            return np.ones((1, 1), dtype=np.bool_)
        sounding = [note for note in canvas.overlapping(lane, onset, onset + 1) if note.duration]
        if any(note.onset < onset for note in sounding):
            return np.zeros((1, 1), dtype=np.bool_)
        if sounding:
            return np.asarray(durations == sounding[0].duration)[None]
        bar = canvas.piece.measure_at(onset // canvas.ticks_per_div)
        until = int(canvas.piece.measures["end_div"][bar]) * canvas.ticks_per_div
        following = canvas.next(lane, onset)
        return np.asarray(durations <= (min(following.onset, until) if following else until) - onset)[None]

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Looks at all notes of the lanes around the new ones."""
        hits = [note for note in canvas.written if note.lane in self.lanes]
        good = all(is_one_voice([(n.onset, n.end) for n in canvas.lane_notes(lane) if n.duration]) for lane in self.lanes)
        return Satisfaction(self.text, good or not hits, f"{len(hits)} hits {'in one voice' if good else 'in several voices'}")


@dataclass(frozen=True)
class OnlyDrums(Constraint):
    """New notes of drum lanes are of these drums; other lanes are free.

    Args:
        text: For example ``pitches: kick, snare`` or ``avoid: crash``.
        keys: That may be played.
    """

    text: str = field()  # the base has a default, this has none
    keys: frozenset[int]

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """The drums; shape (128, 1) or (1, 1)."""
        if not canvas.piece.parts[lane].is_drum:
            return np.ones((1, 1), dtype=np.bool_)
        column = np.zeros((NUM_PITCHES, 1), dtype=np.bool_)
        column[sorted(self.keys)] = True
        return column

    def conflict(self, canvas: Canvas) -> str | None:
        """The region must write drums."""
        parts = canvas.piece.parts
        return None if any(parts[lane].is_drum for lane in canvas.region.lanes) else "the region writes no drums"

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Counts the new hits on these drums."""
        hits = [note for note in canvas.written if canvas.piece.parts[note.lane].is_drum]
        good = sum(note.pitch in self.keys for note in hits)
        return Satisfaction(self.text, good == len(hits), f"{good} of {len(hits)} hits on these drums")
