"""What a writer is: a vocabulary at work on a canvas, asking one slot at a time and turning answers into notes.

A writer knows its vocabulary's order of fields and its ids; constraints come in as masks over musical meanings
(``compose.constraints.feasible``). The sampler sees only slots: it asks, a model scores, the writer takes the answer. Cheap tests
stand in ``Slot.mask``; the exact ones are asked for the id about to be taken (``admits``), which saves work on ids nobody draws.
Every answer can be taken back (``rewind``), so the sampler may search.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low

import numpy as np
from numpy.typing import NDArray

from compose.canvas import Canvas, Note
from compose.constraints.base import Constraint
from compose.constraints.feasible import Feasible
from compose.vocabulary.base import Meaning
from corpora.errors import RequestError
from corpora.piece import DEFAULT_VELOCITY

__all__ = ["Slot", "Writer", "refuse_soft"]

NEAREST = 8  # notes that say how loud a new one is


@dataclass(frozen=True)
class Slot:
    """One decision.

    Args:
        meaning: What it decides.
        mask: Which ids pass the grammar and the cheap tests, shape (ids,).
        prices: Nats by which soft wishes make ids less likely, shape (ids,); None where there are none.
    """

    meaning: Meaning
    mask: NDArray[np.bool_]
    prices: NDArray[np.float64] | None = None


def refuse_soft(writer: Writer) -> None:
    """For writers whose order of fields has no place for prices.

    Raises:
        RequestError: There are soft wishes.
    """
    if writer.feasible.soft:
        raise RequestError(f"'{writer.feasible.soft[0].text}': soft wishes need a model of the measured vocabulary")


class Writer(ABC):
    """Base of the writers; keeps the journal of answers and the dead ends' culprits.

    Args:
        canvas: What is kept and where to write.
        constraints: All that hold, always-on rules included.
        durations: Lengths in ticks that the vocabulary can write, ascending.
    """

    def __init__(self, canvas: Canvas, constraints: Sequence[Constraint], durations: NDArray[np.int64]) -> None:
        self.canvas = canvas
        self.feasible = Feasible(canvas, constraints, durations)
        self.depth = 0  # answers taken so far
        self._heard: dict[int, list[Note]] = {}  # each lane's notes before writing, as they are asked for

    @abstractmethod
    def slot(self) -> Slot | None:
        """The next decision, or None when the region is written."""

    @abstractmethod
    def admits(self, token: int) -> bool:
        """Whether an id that the slot's mask lets through passes the exact test too."""

    @abstractmethod
    def push(self, token: int) -> None:
        """Take an id for the current slot."""

    @abstractmethod
    def rewind(self, depth: int) -> None:
        """Take answers back until ``depth`` are left."""

    def restart(self) -> None:
        """Take every answer back: what is written next is what a new writer would write."""
        if self.depth:
            self.rewind(0)

    def blame(self) -> tuple[str, ...]:
        """Texts of the constraints in conflict at the place where writing stands."""
        pending = self.feasible.pending()
        if pending is not None and pending[0] >= self.canvas.region.start:
            guilty = self.feasible.blame(*pending)
            if guilty:
                return guilty
        unfinished = tuple(dict.fromkeys(c.text for c in self.feasible.constraints if not c.may_end(self.canvas)))
        if unfinished:
            return unfinished
        last = self.canvas.written[-1].onset if self.canvas.written else self.canvas.region.start
        found = (self.feasible.blame(last, lane) for lane in self.canvas.region.lanes)
        return next((guilty for guilty in found if guilty), ())

    def _velocity(self, onset: int, lane: int) -> int:
        """How loud: as loud as the eight notes of the lane nearest to the onset, lost ones counted, within what is asked for."""
        if lane not in self._heard:
            self._heard[lane] = sorted(n for n in (*self.canvas.removed, *self.canvas.fixed) if n.lane == lane)
        notes = self._heard[lane]
        here = bisect_left(notes, (onset,))
        first = bisect_left(notes, (notes[here - NEAREST].onset,)) if here >= NEAREST else 0  # a chord as a whole
        near = notes[first : here + NEAREST]
        nearest = sorted(near, key=lambda n: (abs(n.onset - onset), n.onset, n.pitch))[:NEAREST]
        around = median_low([n.velocity for n in nearest]) if nearest else DEFAULT_VELOCITY
        low, high = self.feasible.loudness(lane)
        return min(max(around, low), high)

    def _after_last(self, onset: int, lane: int) -> bool:
        """Whether a note here keeps the canonical order of writing (onset, lane, then pitch)."""
        return not self.canvas.written or (onset, lane) >= self.canvas.written[-1][:2]

    def _keeps_promises(self, onset: int, lane: int) -> bool:
        """Whether writing here leaves no required note behind."""
        pending = self.feasible.pending()
        return pending is None or (onset, lane) <= pending

    def _may_start(self, onset: int, lane: int) -> bool:
        return self._after_last(onset, lane) and self._keeps_promises(onset, lane) and self.feasible.may_start(onset, lane)

    def _write(self, note: Note) -> None:
        self.canvas.write(note)
