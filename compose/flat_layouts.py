"""What a model of a flat vocabulary reads and decides: every step as table look-ups, and the fields that are to be predicted.

A *layout* turns ids into ``Columns``: ``inputs``, one look-up a column, and ``targets``, one class a field, -1 where a step does
not decide the field (it is given, or not of this kind of step). Fields of a step are decided in order, each seeing those before
it. Both depend on the ids up to their step alone. Ids stay those of the vocabulary; a layout factors them, so that no table has
the vocabulary's size.

``performance`` and ``remi``: a step is an id, read and decided as it is; meters, tempos and velocities of ``remi`` are given.

``anticipation``: a step is a third of a note. A time is read as the wait since the event before it and as the window's clock, in
seconds and hundredths, and decided as the wait: at the place where it stands that says the same as the id, and RESTs keep it
short. A note is decided as instrument, then pitch. Flags, SEPARATORs and controls are given.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from compose.vocabulary import remi
from compose.vocabulary.anticipation import Anticipation
from compose.vocabulary.arrival import (
    ANTICIPATE,
    AUTOREGRESS,
    CONTROL_OFFSET,
    DURATION_OFFSET,
    MAX_DURATION_TICKS,
    NOTE_OFFSET,
    NUM_INSTRUMENTS,
    NUM_PITCHES,
    REST,
    SEPARATOR,
    TICKS_PER_SECOND,
)
from compose.vocabulary.performance import NOTE_OFF, NOTE_ON, NUM_EVENTS, Performance

__all__ = ["LAYOUTS", "NOT_DECIDED", "AnticipationLayout", "Columns", "FlatLayout", "PerformanceLayout", "RemiLayout"]

NOT_DECIDED: Final = -1

Ints = NDArray[np.int64]


class Columns(NamedTuple):
    """Ids as a model sees them.

    Args:
        inputs: Shape (steps, columns), 0 where a step has nothing to say in a column.
        targets: Shape (steps, fields), ``NOT_DECIDED`` where the step does not decide a field.
    """

    inputs: Ints
    targets: Ints


class FlatLayout(ABC):
    """How the ids of one vocabulary are read and decided; see the module's text."""

    vocabulary: ClassVar[str]
    columns: ClassVar[tuple[int, ...]]  # ids of each input column
    fields: ClassVar[tuple[int, ...]]  # classes of each decided field
    names: ClassVar[tuple[str, ...]]  # of the fields
    note: ClassVar[tuple[int, int, int]]  # a field, and from and below which class it says that there is a note

    @classmethod
    def is_note(cls, targets: Tensor) -> Tensor:
        """Which steps of ``targets`` (..., steps, fields) decide a note, shape (..., steps)."""
        field, first, below = cls.note
        chosen = targets[..., field]
        return (chosen >= first) & (chosen < below)

    @classmethod
    @abstractmethod
    def read(cls, ids: Ints) -> Columns:
        """The columns of a stream from its beginning.

        Args:
            ids: Shape (steps,) or (steps, fields of the vocabulary).
        """


class AnticipationLayout(FlatLayout):
    """Windows of arrival-time triples with their flag (``compose.vocabulary.arrival_windows``).

    Example:
        >>> AnticipationLayout.read(np.array([AUTOREGRESS, 30, DURATION_OFFSET + 50, NOTE_OFFSET + 60])).targets.tolist()
        [[-1, -1, -1, -1], [30, -1, -1, -1], [-1, 50, -1, -1], [-1, -1, 0, 60]]
    """

    vocabulary: ClassVar[str] = Anticipation.name
    max_wait: ClassVar[int] = 10 * TICKS_PER_SECOND  # longer waits are read and decided as this one
    kinds: ClassVar[int] = 10
    columns: ClassVar[tuple[int, ...]] = (
        kinds,  # event time, duration, note, REST; control time, duration, note; SEPARATOR; the flags
        2 + max_wait,  # of an event, since the event before it
        2 + max_wait,  # of a control, ahead of the event before it
        1 + TICKS_PER_SECOND,  # the clock's seconds
        1 + TICKS_PER_SECOND,  # its hundredths
        1 + MAX_DURATION_TICKS,
        1 + NUM_INSTRUMENTS,
        1 + NUM_PITCHES,
    )
    fields: ClassVar[tuple[int, ...]] = (1 + max_wait, MAX_DURATION_TICKS, NUM_INSTRUMENTS + 1, NUM_PITCHES)
    names: ClassVar[tuple[str, ...]] = ("time", "duration", "instrument", "pitch")
    note: ClassVar[tuple[int, int, int]] = (3, 0, NUM_PITCHES)
    rest: ClassVar[int] = NUM_INSTRUMENTS  # the class of field "instrument" that is a REST

    @classmethod
    def read(cls, ids: Ints) -> Columns:
        inputs = np.zeros((len(ids), len(cls.columns)), dtype=np.int64)
        targets = np.full((len(ids), len(cls.fields)), NOT_DECIDED, dtype=np.int64)
        separator, plain, flagged = ids == SEPARATOR, ids == AUTOREGRESS, ids == ANTICIPATE
        special = separator | plain | flagged
        control = (ids >= CONTROL_OFFSET) & ~special
        value = np.where(special, -1, ids - CONTROL_OFFSET * control)
        time, rest = (value >= 0) & (value < DURATION_OFFSET), value == REST
        duration = (value >= DURATION_OFFSET) & (value < NOTE_OFFSET)
        note = (value >= NOTE_OFFSET) & ~rest
        kind = np.select([time, duration, note, rest, separator, plain, flagged], [0, 1, 2, 3, 7, 8, 9])
        inputs[:, 0] = kind + 4 * (control & (kind < 3))
        # The clock before a step is the last event's time, and 0 from a SEPARATOR on.
        sets = (time & ~control) | separator
        places = np.maximum.accumulate(np.where(sets, np.arange(len(ids)), -1))
        clock = np.where(places >= 0, np.where(separator, 0, value)[places], 0)
        wait = np.clip(value - np.concatenate([[0], clock[:-1]]), 0, cls.max_wait)
        event = ~control
        inputs[time & event, 1] = 1 + wait[time & event]
        inputs[time & control, 2] = 1 + wait[time & control]
        inputs[time, 3], inputs[time, 4] = 1 + value[time] // TICKS_PER_SECOND, 1 + value[time] % TICKS_PER_SECOND
        inputs[duration, 5] = 1 + value[duration] - DURATION_OFFSET
        inputs[note, 6] = 1 + (value[note] - NOTE_OFFSET) // NUM_PITCHES
        inputs[note, 7] = 1 + (value[note] - NOTE_OFFSET) % NUM_PITCHES
        targets[time & event, 0] = wait[time & event]
        targets[duration & event, 1] = value[duration & event] - DURATION_OFFSET
        targets[rest, 2] = cls.rest
        targets[note & event, 2] = inputs[note & event, 6] - 1
        targets[note & event, 3] = inputs[note & event, 7] - 1
        return Columns(inputs, targets)


class PerformanceLayout(FlatLayout):
    """The 388 events; all of them are decided.

    Example:
        >>> PerformanceLayout.read(np.array([376, 60])).targets.tolist()
        [[376], [60]]
    """

    vocabulary: ClassVar[str] = Performance.name
    columns: ClassVar[tuple[int, ...]] = (NUM_EVENTS,)
    fields: ClassVar[tuple[int, ...]] = (NUM_EVENTS,)
    names: ClassVar[tuple[str, ...]] = ("event",)
    note: ClassVar[tuple[int, int, int]] = (0, NOTE_ON, NOTE_OFF)

    @classmethod
    def read(cls, ids: Ints) -> Columns:
        return Columns(ids[:, None], ids[:, None])


class RemiLayout(FlatLayout):
    """The ids of REMI.

    Example:
        >>> RemiLayout.read(np.array([remi.BAR, remi.METER + 1])).targets.tolist()
        [[0], [-1]]
    """

    vocabulary: ClassVar[str] = remi.Remi.name
    columns: ClassVar[tuple[int, ...]] = (remi.NUM_IDS,)
    fields: ClassVar[tuple[int, ...]] = (remi.NUM_IDS,)
    names: ClassVar[tuple[str, ...]] = ("id",)
    note: ClassVar[tuple[int, int, int]] = (0, remi.PITCH, remi.VELOCITY)

    @classmethod
    def read(cls, ids: Ints) -> Columns:
        given = np.zeros(len(ids), dtype=np.bool_)
        for first, below in ((remi.METER, remi.POSITION), (remi.TEMPO, remi.PROGRAM), (remi.VELOCITY, remi.DURATION)):
            given |= (ids >= first) & (ids < below)
        return Columns(ids[:, None], np.where(given, NOT_DECIDED, ids)[:, None])


LAYOUTS: dict[str, type[FlatLayout]] = {layout.vocabulary: layout for layout in (AnticipationLayout, PerformanceLayout, RemiLayout)}
