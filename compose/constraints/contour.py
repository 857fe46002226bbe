"""The shape of a line: up, down and same as the notes that go. Times are ticks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

import numpy as np

from compose.canvas import NUM_PITCHES, Canvas, Note
from compose.constraints.base import BoolArray, Constraint, IntArray, Requirement, Satisfaction
from compose.constraints.counterpoint import NoCrossing
from compose.constraints.ending import EndOn
from compose.constraints.joins import Glue
from compose.constraints.occurrence import Require, Tessitura, Wanted
from compose.constraints.others import foreseen

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
    open only when the rest of all lines can still be drawn within the constraints in force (parallels between lanes left out).

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

    def leads(self, canvas: Canvas, lane: int, onset: int, later: dict[int, BoolArray]) -> BoolArray:
        """Pitches (128,) from which the line can be drawn when it has these pitches at later onsets."""
        return self._domains(canvas, {(lane, place): pitches for place, pitches in later.items()})[lane].get(
            onset, np.zeros(NUM_PITCHES, dtype=np.bool_)
        )

    def _open(self, canvas: Canvas, lane: int) -> dict[int, BoolArray]:
        """For each onset of the line, the pitches (128,) from which the rest of it can be drawn and has what is owed."""
        plain = canvas.passing(self, "domains", lambda: self._domains(canvas))[lane]
        owed = [np.isin(np.arange(NUM_PITCHES), sorted(wanted.pitches)) for wanted in owed_alone(self.others, canvas, lane)]
        reaches = [self._reach(canvas, lane, plain, pitches) for pitches in owed]
        return {onset: np.logical_and.reduce([here, *(reach[onset] for reach in reaches)]) for onset, here in plain.items()}

    def _domains(self, canvas: Canvas, given: Mapping[tuple[int, int], BoolArray] | None = None) -> dict[int, dict[int, BoolArray]]:
        """For each lane and onset of its line the pitches (128,) with which all lines can be drawn together.

        The notes of a line are above, below or at the one before, those of a lower lane not above a higher one's where lanes must
        not cross. For such relations of order arc consistency is exact: every pitch it leaves is part of a solution.
        """
        for inside in (True, False):
            lines = {lane: top_line(canvas.removed, lane) for lane in canvas.region.lanes}
            domains = {lane: {n.onset: self._alone(canvas, n, n is mine[-1], inside) for n in mine} for lane, mine in lines.items()}
            for (lane, onset), pitches in (given or {}).items():
                domains[lane][onset] &= pitches
            relations = [
                (domains[lane][one.onset], domains[lane][two.onset], int(np.sign(two.pitch - one.pitch)), True)
                for lane, mine in lines.items()
                for one, two in pairwise(mine)
            ]
            relations += [
                (domains[low][one.onset], domains[high][two.onset], 1, False)
                for low, high in self._uncrossed(canvas)
                for one in lines[low]
                for two in lines[high]
                if one.onset < two.end and two.onset < one.end
            ]
            _settle(relations)
            if all(here.any() for mine in domains.values() for here in mine.values()):
                break  # a line wholly inside its tessitura, where there is one, else any
        return domains

    def _uncrossed(self, canvas: Canvas) -> list[tuple[int, int]]:
        """Pairs of lanes being written, lower and higher, that must not cross."""
        rules = [other for other in self.others if isinstance(other, NoCrossing)]
        lanes = canvas.region.lanes
        return [(low, high) for low in lanes for high in lanes if low != high and any(r.side(canvas, high, low) > 0 for r in rules)]

    def _alone(self, canvas: Canvas, note: Note, is_last: bool, inside: bool) -> BoolArray:
        """The pitches (128,) open to one note, beside all that is kept and written."""
        written = [n.pitch for n in canvas.written if n.lane == note.lane and n.onset == note.onset]
        here = np.isin(np.arange(NUM_PITCHES), written) if written else np.ones(NUM_PITCHES, dtype=np.bool_)
        durations = np.array([note.duration], dtype=np.int64)
        for other in [] if written else foreseen(self.others):
            if isinstance(other, Tessitura):
                here &= other.inside(note.lane) if inside else True
            else:
                here &= np.broadcast_to(other.allows(canvas, note.onset, note.lane, durations), (NUM_PITCHES, 1))[:, 0]
        return here & endings(self.others, canvas, note.lane) if is_last else here

    def _reach(self, canvas: Canvas, lane: int, plain: dict[int, BoolArray], owed: BoolArray) -> dict[int, BoolArray]:
        """For each onset, the pitches (128,) from which the line can be drawn to its end with an ``owed`` pitch here or later."""
        above = np.triu(np.ones((NUM_PITCHES, NUM_PITCHES), dtype=np.bool_), 1)  # [p, q]: q above p
        ways = {1: above, -1: above.T, 0: np.eye(NUM_PITCHES, dtype=np.bool_)}
        out: dict[int, BoolArray] = {}
        following: Note | None = None
        for note in reversed(top_line(canvas.removed, lane)):
            out[note.onset] = plain[note.onset] & owed
            if following is not None:
                way = ways[int(np.sign(following.pitch - note.pitch))]
                out[note.onset] |= plain[note.onset] & (way & out[following.onset][None, :]).any(axis=1)
            following = note
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


def _settle(relations: list[tuple[BoolArray, BoolArray, int, bool]]) -> None:
    """Narrow pairs of pitch sets in place until each pitch has its match: the second above (1), below (-1) or at (0) the first."""
    left = -1
    while (now := sum(int(one.sum()) + int(two.sum()) for one, two, _, _ in relations)) != left:
        left = now
        for one, two, way, strict in (*relations, *reversed(relations)):
            if way == 0:
                one &= two
                two &= one
                continue
            low, high = (one, two) if way > 0 else (two, one)
            if not low.any() or not high.any():
                low[:], high[:] = False, False
                continue
            high[: int(low.argmax()) + strict] = False
            if high.any():
                low[NUM_PITCHES - int(high[::-1].argmax()) - strict :] = False
