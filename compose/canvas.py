"""What is known while music is being written: the kept notes, the notes written so far, the region, its bars and lanes.

Conventions: time here is integer *ticks*, ``ticks_per_quarter`` = lcm(divs of the piece, 24), so that every kept note and every
new note has an exact place. New notes start and end on the writing grid of 24 steps a quarter (triplets and thirty-seconds
are exact). Lanes index ``Piece.parts``. Constraints (``compose.constraints``) read a canvas, writers add to it.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import numpy as np

from corpora.piece import NOTE_DTYPE, Piece, Table

__all__ = ["NUM_PITCHES", "STEPS_PER_QUARTER", "Canvas", "Note", "Region"]

STEPS_PER_QUARTER = 24
NUM_PITCHES = 128

Fact = TypeVar("Fact")


class Note(NamedTuple):
    """One note on the canvas; times in ticks. Tuple order is the canonical writing order."""

    onset: int
    lane: int
    pitch: int
    duration: int
    velocity: int = 80

    @property
    def end(self) -> int:
        return self.onset + self.duration


@dataclass(frozen=True)
class Region:
    """The place to write: ``start <= onset < end`` in ticks, in these lanes. New notes end at ``end`` at the latest."""

    start: int
    end: int
    lanes: tuple[int, ...]


@dataclass
class Canvas:
    """Kept and written notes with quick look-up by lane and time.

    Args:
        piece: The piece before the change.
        region: Where new notes go.
        removed: The notes that the region loses, in canonical order (their rhythm may be asked for again), on the writing grid.
        fixed: All notes that stay, of all lanes, in canonical order.
        originals: The removed notes with the times that they had, in the order of ``removed``; empty when those are the same.
    """

    piece: Piece
    region: Region
    removed: tuple[Note, ...]
    fixed: tuple[Note, ...]
    written: list[Note] = field(default_factory=list)
    originals: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        lanes = len(self.piece.parts)
        self._by_lane: list[list[Note]] = [[] for _ in range(lanes)]
        for note in sorted(self.fixed):
            self._by_lane[note.lane].append(note)
        # Longest duration per lane bounds the backward search in `sounding`.
        self._longest = [max((n.duration for n in notes), default=0) for notes in self._by_lane]
        self._lasting: dict[tuple[int, Hashable], tuple[object, Any]] = {}
        self._passing: dict[tuple[int, Hashable], tuple[object, Any]] = {}
        self._come_to: int | None = None
        for note in self.written:
            self._insert(note)

    def lasting(self, owner: object, key: Hashable, make: Callable[[], Fact]) -> Fact:
        """What ``make`` gives, found once for an owner: a fact that no written note changes."""
        return _remembered(self._lasting, owner, key, make)

    def passing(self, owner: object, key: Hashable, make: Callable[[], Fact]) -> Fact:
        """What ``make`` gives, found again once a note has been written or taken back."""
        return _remembered(self._passing, owner, key, make)

    @property
    def ticks_per_quarter(self) -> int:
        return math.lcm(self.piece.divs_per_quarter, STEPS_PER_QUARTER)

    @property
    def ticks_per_step(self) -> int:
        """Ticks of one step of the writing grid."""
        return self.ticks_per_quarter // STEPS_PER_QUARTER

    @property
    def ticks_per_div(self) -> int:
        return self.ticks_per_quarter // self.piece.divs_per_quarter

    def _insert(self, note: Note) -> None:
        self._passing.clear()
        insort(self._by_lane[note.lane], note)
        self._longest[note.lane] = max(self._longest[note.lane], note.duration)

    def come_to(self, tick: int) -> None:
        """Say how far a writer has come that lets notes grow: those that end there or later may go on."""
        if tick != self._come_to:
            self._passing.clear()
            self._come_to = tick

    def may_grow(self, note: Note) -> bool:
        """Whether a written note may still become longer: never, where a writer decides the whole of a note at once."""
        return self._come_to is not None and note.end >= self._come_to

    def write(self, note: Note) -> None:
        """Add a new note."""
        self.written.append(note)
        self._insert(note)

    def erase(self) -> Note:
        """Take the last written note back."""
        self._passing.clear()
        note = self.written.pop()
        row = self._by_lane[note.lane]
        del row[bisect_left(row, note)]
        return note

    def replace(self, old: Note, new: Note) -> None:
        """Exchange a written note for another of the same onset and lane."""
        self.written[self.written.index(old)] = new
        row = self._by_lane[old.lane]
        del row[bisect_left(row, old)]
        self._insert(new)

    def restore(self, written: list[Note]) -> None:
        """Go back to an earlier state of ``written``."""
        while self.written:
            self.erase()
        for note in written:
            self.write(note)

    def with_original_times(self) -> Canvas:
        """A copy whose written notes have the times of removed notes of the same rhythm: performed time, tuplets of any kind.

        Each removed note gives its times once, in canonical order. A note ends where another of its lane and pitch begins.
        """
        if not self.originals:
            return self
        times: dict[tuple[int, int, int], list[Note]] = {}
        for note, original in zip(self.removed, self.originals, strict=True):
            times.setdefault((note.onset, note.lane, note.duration), []).append(original)
        written = []
        for note in sorted(self.written):
            found = times.get((note.onset, note.lane, note.duration))
            original = found.pop(0) if found else note
            written.append(note._replace(onset=original.onset, duration=original.duration))
        starts: dict[tuple[int, int], list[int]] = {}
        for note in sorted((*written, *self.fixed)):
            starts.setdefault((note.lane, note.pitch), []).append(note.onset)
        for index, note in enumerate(written):
            later = starts[note.lane, note.pitch]
            following = bisect_right(later, note.onset)
            if following < len(later) and later[following] < note.end:
                written[index] = note._replace(duration=later[following] - note.onset)
        return Canvas(self.piece, self.region, self.originals, self.fixed, written)

    def lane_notes(self, lane: int) -> list[Note]:
        """Kept and written notes of a lane by onset, then pitch. Do not change the list."""
        return self._by_lane[lane]

    def overlapping(self, lane: int, start: int, end: int) -> list[Note]:
        """Notes of a lane that sound somewhere in ``start <= t < end`` (grace notes never sound)."""
        notes = self._by_lane[lane]
        first = bisect_left(notes, (start - self._longest[lane],))
        last = bisect_left(notes, (end,))
        return [n for n in notes[first:last] if n.end > start]

    def sounding(self, tick: int, lane: int) -> list[Note]:
        """Notes of a lane that sound at a tick (onset <= tick < end)."""
        return self.overlapping(lane, tick, tick + 1)

    def previous(self, lane: int, tick: int) -> Note | None:
        """The last note of a lane that starts before a tick (highest pitch of a chord), or None."""
        notes = self._by_lane[lane]
        found = bisect_left(notes, (tick,))
        return notes[found - 1] if found else None

    def next(self, lane: int, tick: int) -> Note | None:
        """The first note of a lane that starts after a tick (lowest pitch of a chord), or None."""
        notes = self._by_lane[lane]
        found = bisect_right(notes, (tick, math.inf))
        return notes[found] if found < len(notes) else None

    def table(self) -> Table:
        """The written notes as NOTE_DTYPE rows in divs; raises ValueError where a tick is not a whole div."""
        rows = np.zeros(len(self.written), dtype=NOTE_DTYPE)
        for index, note in enumerate(sorted(self.written)):
            onset, off_onset = divmod(note.onset, self.ticks_per_div)
            duration, off_duration = divmod(note.duration, self.ticks_per_div)
            if off_onset or off_duration:
                raise ValueError(f"note at tick {note.onset} does not fall on a div ({self.ticks_per_div} ticks)")
            rows[index] = (onset, duration, note.pitch, note.velocity, note.lane, 0, f"new{index}", 0)
        return rows


def _remembered(
    facts: dict[tuple[int, Hashable], tuple[object, Any]], owner: object, key: Hashable, make: Callable[[], Fact]
) -> Fact:
    """Look-up by the owner's identity; keeping the owner keeps its identity its own."""
    place = (id(owner), key)
    if place not in facts:
        facts[place] = (owner, make())
    fact: Fact = facts[place][1]
    return fact
