"""What a constraint is: written once against musical meanings, so that it serves every vocabulary and every model.

A note under construction has an onset and a lane; a constraint says which (pitch, duration) pairs it may still become, as a
boolean array that broadcasts to (128 pitches, durations). A vocabulary that decides its fields in another order reduces that
array over what it has not decided yet (``compose.constraints.feasible``). The same object afterwards *measures* the finished
music, without using the mask, for the report. Times are ticks of the canvas (``compose.canvas``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compose.canvas import Canvas

__all__ = ["MAX_VELOCITY", "Constraint", "Requirement", "Satisfaction"]

MAX_VELOCITY = 127

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


class Requirement(NamedTuple):
    """A note that must be written: exactly one at this onset and lane, in canonical order."""

    onset: int  # ticks
    lane: int
    duration: int | None = None  # ticks; None leaves it open


@dataclass(frozen=True)
class Satisfaction:
    """What was asked and what holds, measured on the finished notes.

    Args:
        constraint: The constraint's text.
        satisfied: Whether it holds.
        measured: One line of plain words and numbers, for example "all 14 notes in G major".
    """

    constraint: str
    satisfied: bool
    measured: str

    def to_dict(self) -> dict[str, Any]:
        return {"constraint": self.constraint, "satisfied": self.satisfied, "measured": self.measured}


class Constraint:
    """Base of all constraints; by default it allows everything. ``text`` is what the user wrote, or would write.

    Constraints hold no state of a run: all they need is on the canvas. They judge only new notes; kept notes are given.
    """

    text: str = ""
    keeps_times: ClassVar[bool] = False  # whether new notes have the times of removed ones, to the tick
    # Above 0 it has a field ``others``: the constraints in force beside it whose own number is lower (``see_others``).
    looks_ahead: ClassVar[int] = 0
    is_drawn: ClassVar[bool] = True  # whether it bears on what a model draws, and can be a preference
    foresees: ClassVar[bool] = True  # whether what it says of a later place holds whatever is written before that place

    def onsets(self, canvas: Canvas, onsets: IntArray, lane: int) -> BoolArray:
        """Which onsets (ticks) may start a new note of this lane; shape (len(onsets),). Cheap and necessary, not sufficient."""
        return np.ones(len(onsets), dtype=np.bool_)

    def allows(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> BoolArray:
        """Which (pitch, duration) pairs a new note at this onset may be: broadcasts to (128, len(durations))."""
        return np.ones((1, 1), dtype=np.bool_)

    def requirements(self, canvas: Canvas) -> tuple[Requirement, ...]:
        """Notes that must be written, computed once before writing starts."""
        return ()

    def due(self, canvas: Canvas) -> tuple[int, int] | None:
        """Onset (ticks) and lane that writing must not pass before some note stands there; None when nothing is owed."""
        return None

    def loudness(self, canvas: Canvas, lane: int) -> tuple[int, int]:
        """The least and the greatest velocity of a lane's new notes, 1-127."""
        return 1, MAX_VELOCITY

    def may_end(self, canvas: Canvas) -> bool:
        """Whether the region may be left with the notes written so far (canvas.written)."""
        return True

    def exceptions(self, canvas: Canvas, lane: int, more: int) -> tuple[BoolArray, int] | None:
        """Where ``allows`` opens a pitch that only some notes may have: the pitches (128,) that all of a lane's next ``more`` notes
        may have, and how many of these notes may have others; None where it does not."""
        return None

    def conflict(self, canvas: Canvas) -> str | None:
        """A reason, in one line, why this constraint alone cannot be met on this canvas; None when it may be."""
        return None

    def measure(self, canvas: Canvas) -> Satisfaction:
        """Whether the written notes (canvas.written, beside the kept ones) meet it, measured without ``allows``."""
        raise NotImplementedError(f"{type(self).__name__}.measure")
