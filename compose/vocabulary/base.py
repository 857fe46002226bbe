"""What a vocabulary is: a reversible map between a piece and ids, with a grammar and an honest report of what it cannot hold.

Conventions: ids are int64, shape ``(steps,)`` for flat vocabularies or ``(steps, fields)`` where a step has several fields, each
with its own range of ids. A grammar is fed one id at a time, in reading order (field after field inside a step), and says before
each which ids may come. Every encode returns a ``LossReport``: what a report does not name was kept, within the vocabulary's grid.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Piece

__all__ = ["Encoding", "GrammarState", "Grid", "Loss", "LossKind", "LossReport", "Meaning", "Tokens", "Vocabulary"]

MAX_EXAMPLES = 3


class LossKind(StrEnum):
    """What can get lost or changed between a piece and its tokens; the value is the wording of the report."""

    NOTES_DROPPED = "notes dropped"
    NOTES_MERGED = "notes merged into another note of the same onset and pitch"
    ONSETS_MOVED = "onsets moved to the grid"
    DURATIONS_ROUNDED = "durations rounded to the grid"
    DURATIONS_CLIPPED = "durations clipped"
    DURATIONS_EMPTIED = "sounding notes rounded to no duration"
    DURATIONS_EXCHANGED = "durations exchanged with another note of the same pitch"
    CENTS_IGNORED = "notes whose cents are ignored"
    GRACE_NOTES = "grace notes not told apart"
    VELOCITIES_QUANTISED = "velocities quantised"
    VELOCITIES_IGNORED = "velocities ignored"
    VOICES_IGNORED = "notes whose voice number is ignored"
    LANES_MERGED = "lanes merged"
    INSTRUMENTS_IGNORED = "lanes whose instrument is ignored"
    LANES_EMPTY = "lanes without notes left out"
    NAMES_IGNORED = "part names ignored"
    CONTROLLERS_IGNORED = "controllers, pedals and bends ignored"
    TEMPOS_IGNORED = "tempo changes ignored"
    TEMPOS_ROUNDED = "tempos rounded"
    METERS_IGNORED = "bars whose lines or meter are ignored"
    KEYS_IGNORED = "key signatures ignored"


@dataclass(frozen=True)
class Grid:
    """A time grid.

    Args:
        step: Distance of neighbouring grid points.
        unit: What ``step`` counts: seconds, or quarter notes.
    """

    step: Fraction
    unit: Literal["seconds", "quarters"]


@dataclass(frozen=True)
class Loss:
    """One kind of loss in one encode.

    Args:
        kind: What was lost or changed.
        count: How many notes, lanes, bars or events it touched, exactly.
        largest: Largest change among them in ``unit`` (0 where it has no size).
        unit: Unit of ``largest``, for example "s" or "quarters".
        examples: A few of them in plain words.
    """

    kind: LossKind
    count: int
    largest: float = 0.0
    unit: str = ""
    examples: tuple[str, ...] = ()

    def line(self) -> str:
        """The loss in one line, for example "3 durations clipped (largest change 2.5 s): C4 at 1.2 s"."""
        size = f" (largest change {self.largest:.4g} {self.unit})" if self.unit else ""
        more = ", ..." if self.count > len(self.examples) else ""
        examples = f": {', '.join(self.examples)}{more}" if self.examples else ""
        return f"{self.count} {self.kind.value}{size}{examples}"


@dataclass(frozen=True)
class LossReport:
    """All that an encode lost or changed; kinds that do not occur are left out.

    Args:
        losses: One entry a kind, count above 0.
    """

    losses: tuple[Loss, ...] = ()

    @classmethod
    def of(cls, losses: Iterable[Loss]) -> LossReport:
        """The report of these losses without the empty ones."""
        return cls(tuple(loss for loss in losses if loss.count))

    def get(self, kind: LossKind) -> Loss:
        """The entry of a kind, with count 0 when nothing of the kind was lost."""
        return next((loss for loss in self.losses if loss.kind is kind), Loss(kind, 0))

    def count(self, kind: LossKind) -> int:
        """How many were touched by a kind of loss."""
        return self.get(kind).count

    @property
    def lost_notes(self) -> int:
        """How many (onset, pitch) of the piece are in the tokens no more: dropped or merged notes, exactly."""
        return self.count(LossKind.NOTES_DROPPED) + self.count(LossKind.NOTES_MERGED)

    def lines(self) -> tuple[str, ...]:
        """The report as one line a kind, for people."""
        return tuple(loss.line() for loss in self.losses)

    def to_dict(self) -> dict[str, Any]:
        """The report for machines: kind -> count, largest, unit, examples; and ``lost_notes``."""
        kinds = {
            loss.kind.name.lower(): {
                "count": loss.count,
                "largest": loss.largest,
                "unit": loss.unit,
                "examples": list(loss.examples),
            }
            for loss in self.losses
        }
        return {"lost_notes": self.lost_notes, **kinds}


@dataclass(frozen=True, eq=False)
class Tokens:
    """Ids with the vocabulary that they belong to.

    Args:
        ids: int64, shape (steps,) or (steps, fields).
        vocabulary: What the ids mean.
    """

    ids: NDArray[np.int64]
    vocabulary: Vocabulary

    def __len__(self) -> int:
        return len(self.ids)

    def decode(self) -> Piece:
        """The piece that these ids say; see ``Vocabulary.decode``."""
        return self.vocabulary.decode(self.ids)


@dataclass(frozen=True)
class Encoding:
    """Tokens of a piece and the report of what they do not hold."""

    tokens: Tokens
    report: LossReport = field(default_factory=LossReport)


class Meaning(StrEnum):
    """What the slot under construction decides."""

    START = "start"  # how the stream begins (mode flags, header)
    ONSET = "onset"  # when, absolute or relative
    DURATION = "duration"
    PITCH = "pitch"
    INSTRUMENT = "instrument"
    INSTRUMENT_PITCH = "instrument and pitch"  # one id for both
    LANE = "lane"
    VELOCITY = "velocity"
    TIME_STATE = "time state"  # meter, key, tempo, bar line
    END = "end"  # nothing may follow


class GrammarState(ABC):
    """Which ids may come next, kept up to date one id at a time."""

    @property
    @abstractmethod
    def meaning(self) -> Meaning:
        """What the slot under construction decides."""

    @property
    def field(self) -> int:
        """Which field of the step is under construction, 0 for flat vocabularies."""
        return 0

    @property
    @abstractmethod
    def may_end(self) -> bool:
        """Whether the ids pushed so far are complete: the stream may stop here."""

    @abstractmethod
    def mask(self) -> NDArray[np.bool_]:
        """Which ids of this slot may come next, shape (ids of the field,). A fresh array; the caller may change it."""

    @abstractmethod
    def push(self, token: int) -> None:
        """Take the next id.

        Raises:
            ValueError: The grammar does not allow this id here; names the id, the slot and what may come.
        """

    def push_all(self, tokens: Sequence[int] | NDArray[np.int64]) -> None:
        """Take ids one by one, in reading order.

        Raises:
            ValueError: As ``push``.
        """
        for token in np.asarray(tokens, dtype=np.int64).ravel().tolist():
            self.push(token)


class Vocabulary(ABC):
    """A reversible map between pieces and ids."""

    name: ClassVar[str]

    @property
    @abstractmethod
    def field_sizes(self) -> tuple[int, ...]:
        """How many ids each field of a step has; one entry for flat vocabularies."""

    @property
    @abstractmethod
    def grid(self) -> Grid:
        """The time grid of onsets; every onset that is kept moves by half a step at most."""

    @abstractmethod
    def encode(self, piece: Piece) -> Encoding:
        """The piece as tokens, with the report of all that they do not hold."""

    @abstractmethod
    def decode(self, ids: NDArray[np.int64]) -> Piece:
        """The piece that ids say.

        Raises:
            ValueError: Ids that are no music in this vocabulary; names the step and what was expected.
        """

    @abstractmethod
    def grammar(self) -> GrammarState:
        """The grammar at the start of a stream."""
