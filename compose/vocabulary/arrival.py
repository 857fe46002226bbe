"""The arrival-time layout of the Anticipatory Music Transformer: 55,028 ids, three a note, and the event table behind them.

Conventions: a *tick* is 10 ms. An event is (onset, duration, note) where note = 128 * instrument + pitch and instrument is the
General MIDI program, or 128 for drums. A *control* is an event that is given rather than to be predicted; its ids are the event's
ids + 27,513. A REST triple (duration 0) marks time that passes without a note. Three SEPARATOR ids part two pieces; the clock
starts at 0 again after them. Tables (EVENT_DTYPE) hold whole pieces with onsets of any size; only ids are bounded.

Time ids reach 100 s. Relative to the published conversion, which lets the onsets of long pieces run into the ids of controls, the
clock here runs on from 9,999 to 0: as events come in time order, an id below its predecessor says that 100 s more have passed.
Pieces of up to 100 s, and windows (``compose.vocabulary.arrival_windows``), have exactly the published ids.

Source: Thickstun, Hall, Donahue, Liang, "Anticipatory Music Transformer", TMLR 2024, arXiv 2306.08620, and the reference
implementation's vocabulary (jthickstun/anticipation, ``vocab.py``).
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ANTICIPATE",
    "AUTOREGRESS",
    "CONTROL_OFFSET",
    "DRUM_INSTRUMENT",
    "DURATION_OFFSET",
    "EVENT_DTYPE",
    "EVENT_SIZE",
    "MAX_DURATION_TICKS",
    "MAX_TIME_TICKS",
    "NOTE_OFFSET",
    "NUM_IDS",
    "NUM_INSTRUMENTS",
    "NUM_NOTES",
    "NUM_PITCHES",
    "REST",
    "REST_NOTE",
    "SEPARATOR",
    "TICKS_PER_SECOND",
    "TIME_OFFSET",
    "Events",
    "bridge_gaps",
    "empty_events",
    "events_to_ids",
    "ids_to_events",
    "read_triples",
    "sort_events",
    "write_triples",
]

TICKS_PER_SECOND: Final = 100
EVENT_SIZE: Final = 3  # ids of one event

MAX_TIME_TICKS: Final = 100 * TICKS_PER_SECOND
MAX_DURATION_TICKS: Final = 10 * TICKS_PER_SECOND  # durations lie below it
NUM_PITCHES: Final = 128
NUM_INSTRUMENTS: Final = 129
DRUM_INSTRUMENT: Final = 128
NUM_NOTES: Final = NUM_PITCHES * NUM_INSTRUMENTS
REST_NOTE: Final = NUM_NOTES  # the note value of a REST in a table

TIME_OFFSET: Final = 0
DURATION_OFFSET: Final = TIME_OFFSET + MAX_TIME_TICKS
NOTE_OFFSET: Final = DURATION_OFFSET + MAX_DURATION_TICKS
REST: Final = NOTE_OFFSET + REST_NOTE
CONTROL_OFFSET: Final = REST + 1
SEPARATOR: Final = CONTROL_OFFSET + REST
AUTOREGRESS: Final = SEPARATOR + 1
ANTICIPATE: Final = SEPARATOR + 2
NUM_IDS: Final = SEPARATOR + 3
assert NUM_IDS == 55_028

EVENT_DTYPE = np.dtype([("onset_tick", np.int64), ("duration_tick", np.int64), ("note", np.int64), ("control", np.bool_)])
_OFFSETS = np.array([TIME_OFFSET, DURATION_OFFSET, NOTE_OFFSET], dtype=np.int64)
_SIZES = np.array([MAX_TIME_TICKS, MAX_DURATION_TICKS, NUM_NOTES + 1], dtype=np.int64)
_COLUMNS = ("time", "duration", "note")

Events: TypeAlias = NDArray[Any]  # EVENT_DTYPE rows (type checkers at run time take no structured dtype)
Ids = NDArray[np.int64]


def empty_events(count: int = 0) -> Events:
    """An event table of ``count`` zeroed rows, dtype EVENT_DTYPE."""
    return np.zeros(count, dtype=EVENT_DTYPE)


def sort_events(events: Events) -> Events:
    """The rows by onset, then note, then duration: one order for one set of events."""
    return events[np.lexsort((events["duration_tick"], events["note"], events["onset_tick"]))]


def bridge_gaps(events: Events) -> Events:
    """The events with as few RESTs as it takes that no two neighbours (or the start, 0) lie 100 s apart or more.

    Args:
        events: EVENT_DTYPE rows by onset, without controls.
    """
    longest = MAX_TIME_TICKS - 1
    gaps = np.diff(events["onset_tick"], prepend=0)
    counts = np.maximum(gaps - 1, 0) // longest
    if not counts.any():
        return events
    rests = empty_events(int(counts.sum()))
    before = np.repeat(np.arange(len(events)), counts)  # the event that each REST precedes
    rank = np.arange(len(rests)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    rests["onset_tick"] = (events["onset_tick"] - gaps)[before] + rank * longest
    rests["note"] = REST_NOTE
    return np.insert(events, before, rests)


def events_to_ids(events: Events) -> Ids:
    """The ids of a table, three a row, without flag.

    Args:
        events: EVENT_DTYPE rows in stream order; durations 0-999 ticks, notes 0-16,512.

    Raises:
        ValueError: Events that go back in time or lie 100 s apart or more (see ``bridge_gaps``), controls further than
            50 s from the event before them, or durations or notes out of range.
    """
    steps = np.diff(events["onset_tick"][~events["control"]], prepend=0)
    if steps.size and (steps.min() < 0 or steps.max() >= MAX_TIME_TICKS):
        place = int(np.flatnonzero((steps < 0) | (steps >= MAX_TIME_TICKS))[0])
        raise ValueError(f"event {place}: expected 0 to {MAX_TIME_TICKS - 1} ticks after the event before, got {steps[place]}")
    controls = events["onset_tick"][events["control"]]
    far = np.flatnonzero(_control_onsets(events) != controls)
    if far.size:
        raise ValueError(f"control at tick {controls[far[0]]}: expected within 50 s of the event before it")
    clock = events.copy()
    clock["onset_tick"] %= MAX_TIME_TICKS
    return write_triples(clock)


def write_triples(events: Events) -> Ids:
    """The ids of rows whose onsets are clock readings, three a row.

    Args:
        events: EVENT_DTYPE rows; onsets 0-9,999 ticks, durations 0-999 ticks, notes 0-16,512.

    Raises:
        ValueError: Values out of these ranges.
    """
    triples = np.empty((len(events), EVENT_SIZE), dtype=np.int64)
    for index, (column, size) in enumerate(zip(("onset_tick", "duration_tick", "note"), _SIZES.tolist(), strict=True)):
        values = events[column]
        if len(values) and not (values.min() >= 0 and values.max() < size):
            raise ValueError(f"{column}: expected values 0 to {size - 1}, got {values.min()} to {values.max()}")
        triples[:, index] = values
    triples += _OFFSETS + CONTROL_OFFSET * events["control"][:, np.newaxis]
    return triples.ravel()


def ids_to_events(ids: Ids) -> list[Events]:
    """The tables that ids say, one for each piece (SEPARATOR triples part pieces), rows in stream order, RESTs and controls kept.

    Args:
        ids: As ``read_triples``.

    Raises:
        ValueError: As ``read_triples``.
    """
    tables = read_triples(ids)
    for table in tables:
        _unwrap_clock(table)
    return tables


def read_triples(ids: Ids) -> list[Events]:
    """As ``ids_to_events``, with onsets as the clock reads them, 0-9,999.

    Args:
        ids: Shape (steps,): triples, with or without the flag AUTOREGRESS or ANTICIPATE in front.

    Raises:
        ValueError: Ids that are no whole triples of this layout; names the triple and what was expected.
    """
    if ids.ndim != 1:
        raise ValueError(f"ids: expected shape (steps,), got {ids.shape}")
    if len(ids) and ids[0] in (AUTOREGRESS, ANTICIPATE):
        ids = ids[1:]
    if len(ids) % EVENT_SIZE:
        raise ValueError(f"expected whole triples of ids, got {len(ids)} ids: the last {len(ids) % EVENT_SIZE} are over")
    triples = ids.reshape(-1, EVENT_SIZE)
    separators = (triples == SEPARATOR).all(axis=1)
    control = (triples >= CONTROL_OFFSET).all(axis=1) & ~separators
    values = triples - _OFFSETS - CONTROL_OFFSET * control[:, np.newaxis]
    wrong = ((values < 0) | (values >= _SIZES)) & ~separators[:, np.newaxis]
    wrong[:, 1] |= (values[:, 2] == REST_NOTE) & (values[:, 1] != 0)
    wrong[:, 2] |= (values[:, 2] == REST_NOTE) & control
    if wrong.any():
        row, column = (int(x) for x in np.argwhere(wrong)[0])
        raise ValueError(f"triple {row}: expected a {_COLUMNS[column]} id, got {triples[row].tolist()}")
    events = empty_events(len(triples))
    for index, name in enumerate(("onset_tick", "duration_tick", "note")):
        events[name] = values[:, index]
    events["control"] = control
    places = np.flatnonzero(separators)
    parts = np.split(events, places)
    tables = [parts[0], *(part[1:] for part in parts[1:])]
    if len(tables) > 1 and not len(tables[0]):
        del tables[0]  # a leading SEPARATOR opens the first piece
    return tables


def _unwrap_clock(events: Events) -> None:
    """Turn clock readings into onsets, in place: events never go back; controls as ``_control_onsets``."""
    is_event = ~events["control"]
    clock = events["onset_tick"][is_event]
    events["onset_tick"][is_event] = clock + MAX_TIME_TICKS * np.cumsum(np.diff(clock, prepend=0) < 0)
    events["onset_tick"][~is_event] = _control_onsets(events)


def _control_onsets(events: Events) -> NDArray[np.int64]:
    """Onsets of the controls, known up to whole turns of the clock: within 50 s of the event before, but not below 0."""
    is_event = ~events["control"]
    reference = np.concatenate([[0], events["onset_tick"][is_event]])[np.cumsum(is_event)][~is_event]
    clock = events["onset_tick"][~is_event] % MAX_TIME_TICKS
    half = MAX_TIME_TICKS // 2
    nearest: NDArray[np.int64] = reference + (clock - reference + half) % MAX_TIME_TICKS - half
    nearest[nearest < 0] = clock[nearest < 0]
    return nearest
