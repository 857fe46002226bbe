"""The shape of a line: up, down and same as the notes that go. Times are ticks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from compose.canvas import NUM_PITCHES, Canvas, Note
from compose.constraints.base import BoolArray, Constraint, IntArray, Requirement, Satisfaction
from compose.constraints.ending import EndOn
from compose.constraints.joins import Glue
from compose.constraints.occurrence import Require, Wanted
from compose.constraints.pitch import PitchConstraint

__all__ = ["KeepContour", "endings", "owed_alone", "top_line"]


def top_line(notes: tuple[Note, ...] | list[Note], lane: int) -> list[Note]:
    """The highest note of a lane at each onset, by onset."""
    top: dict[int, Note] = {}
    for note in sorted(notes):
        if note.lane == lane and note.duration:
            top[note.onset] = note
    return [top[onset] for onset in sorted(top)]


def endings(others: tuple[Constraint, ...], canvas: Canvas, lane: int) -> BoolArray:
    """Pitches (128,) that a lane of single notes may end on."""
    open_pitches = np.ones(NUM_PITCHES, dtype=np.bool_)
    for other in others:
        if isinstance(other, EndOn):
            for target in other.targets:
                if target.lane(canvas) == lane:
                    open_pitches &= np.isin(np.arange(NUM_PITCHES), sorted(target.pitches))
        elif isinstance(other, Glue):
            open_pitches &= other.near_after(canvas, lane)
    return open_pitches


def owed_alone(others: tuple[Constraint, ...], canvas: Canvas, lane: int) -> list[Wanted]:
    """What must still come in a lane and can come in no other."""
    return [
        wanted
        for other in others
        if isinstance(other, Require)
        for wanted in other.owed(canvas)
        if wanted.lanes_of(canvas) == (lane,)
    ]


@dataclass(frozen=True)
class KeepContour(Constraint):
    """The new notes have the onsets and durations of the notes that go, one for each, and rise, fall and stay as they did.

    For lanes that sing one note at a time: where the removed notes are chords it cannot be asked for. Looks ahead: a pitch is
    open only when the rest of the line can still be drawn within the pitch constraints in force.

    Args:
        text: ``contour: keep``.
        others: The constraints asked for beside it (``see_others``); no part of what it says.
    """

    keeps_times: ClassVar[bool] = True
    looks_ahead: ClassVar[int] = 3
    foresees: ClassVar[bool] = False
    text: str = "contour: keep"
    others: tuple[Constraint, ...] = field(default=(), compare=False, repr=False)

    def onsets(self, canvas: Canvas, onsets: IntArray, lane: int) -> BoolArray:
        """Onsets of removed notes that are not there again."""
        there = {note.onset for note in canvas.written if note.lane == lane}
        return np.isin(onsets, [note.onset for note in top_line(canvas.removed, lane) if note.onset not in there])

    def open_pitches(self, canvas: Canvas, lane: int, onset: int) -> BoolArray:
        """Pitches (128,) from which the rest of the line can be drawn at an onset; none where the line has no note."""
        return self._open(canvas, lane).get(onset, np.zeros(NUM_PITCHES, dtype=np.bool_))

    def _open(self, canvas: Canvas, lane: int) -> dict[int, BoolArray]:
        """For each onset of the line, the pitches (128,) from which the rest of it can be drawn and has what is owed."""
        plain = self._reach(canvas, lane, None)
        reaches = [
            self._reach(canvas, lane, np.isin(np.arange(NUM_PITCHES), sorted(wanted.pitches)))
            for wanted in owed_alone(self.others, canvas, lane)
        ]
        return {onset: np.logical_and.reduce([here, *(reach[onset] for reach in reaches)]) for onset, here in plain.items()}

    def _reach(self, canvas: Canvas, lane: int, owed: BoolArray | None) -> dict[int, BoolArray]:
        """For each onset, the pitches (128,) from which the line can be drawn to its end, with an ``owed`` pitch here or later."""
        line = top_line(canvas.removed, lane)
        above = np.triu(np.ones((NUM_PITCHES, NUM_PITCHES), dtype=np.bool_), 1)  # [p, q]: q above p
        ways = {1: above, -1: above.T, 0: np.eye(NUM_PITCHES, dtype=np.bool_)}
        out: dict[int, BoolArray] = {}
        following: tuple[int, BoolArray, BoolArray] | None = None
        for note in reversed(line):
            here = np.ones(NUM_PITCHES, dtype=np.bool_)
            durations = np.array([note.duration], dtype=np.int64)
            for other in self.others:
                if isinstance(other, PitchConstraint):
                    here &= np.broadcast_to(other.allows(canvas, note.onset, lane, durations), (NUM_PITCHES, 1))[:, 0]
            if following is None:
                here &= endings(self.others, canvas, lane)
            else:
                way = int(np.sign(following[0] - note.pitch))
                paid = here & (ways[way] & following[2][None, :]).any(axis=1)
                here &= (ways[way] & following[1][None, :]).any(axis=1)
                paid |= here if owed is None else here & owed
            if following is None:
                paid = here if owed is None else here & owed
            out[note.onset] = paid
            following = (note.pitch, here, paid)
        return out

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """The removed note's duration, and pitches that move as it did; shape (128, durations)."""
        line = top_line(canvas.removed, lane)
        index = next((i for i, note in enumerate(line) if note.onset == onset), None)
        if index is None:
            return np.zeros((1, 1), dtype=np.bool_)
        pitches = self._open(canvas, lane)[onset].copy()
        if index:
            before = next((n for n in canvas.written if n.lane == lane and n.onset == line[index - 1].onset), None)
            if before is None:
                return np.zeros((1, 1), dtype=np.bool_)
            pitches &= np.sign(np.arange(NUM_PITCHES) - before.pitch) == np.sign(line[index].pitch - line[index - 1].pitch)
        return np.asarray(pitches[:, None] & (durations == line[index].duration)[None, :])

    def requirements(self, canvas: Canvas) -> tuple[Requirement, ...]:
        """One for each note of the lines."""
        return tuple(
            Requirement(note.onset, lane, note.duration) for lane in canvas.region.lanes for note in top_line(canvas.removed, lane)
        )

    def may_end(self, canvas: Canvas) -> bool:
        """When all are there again."""
        there = {(note.onset, note.lane) for note in canvas.written}
        return all((r.onset, r.lane) in there for r in self.requirements(canvas))

    def conflict(self, canvas: Canvas) -> str | None:
        """Chords have no contour; the pitches may not reach."""
        for lane in canvas.region.lanes:
            mine = [note for note in canvas.removed if note.lane == lane and note.duration]
            line = top_line(mine, lane)
            name = canvas.piece.parts[lane].name
            if len(mine) > len(line):
                return f"{name} has chords there: a contour is of single notes"
            if line and not self._open(canvas, lane)[line[0].onset].any():
                return f"the pitches open to {name} are too few for its line"
        return None

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Compares rhythm, and the sign of every step."""
        same = total = 0
        rhythm = True
        for lane in canvas.region.lanes:
            old, new = top_line(canvas.removed, lane), [note for note in sorted(canvas.written) if note.lane == lane]
            rhythm &= [(n.onset, n.duration) for n in old] == [(n.onset, n.duration) for n in new]
            if len(old) == len(new):
                moves = [np.sign(np.diff([note.pitch for note in line])) for line in (old, new)]
                same, total = same + int((moves[0] == moves[1]).sum()), total + len(moves[0])
        return Satisfaction(self.text, rhythm and same == total, f"{same} of {total} steps move as before")
