"""Windows of arrival-time triples as models read them: a flag and up to 341 triples whose clock starts at 0.

Conventions: tables are EVENT_DTYPE rows in stream order (interleaved, RESTs in), onsets of any size; a window's ids are the
published ones, never past 100 s. ``windows`` cuts one piece and loses nothing; ``pack`` joins pieces to full training windows.

Source: Thickstun et al., arXiv 2306.08620, section 4, and jthickstun/anticipation, ``tokenize.py`` (how pieces are packed).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compose.vocabulary.arrival import (
    ANTICIPATE,
    AUTOREGRESS,
    EVENT_SIZE,
    MAX_TIME_TICKS,
    SEPARATOR,
    Events,
    empty_events,
    read_triples,
    write_triples,
)

__all__ = ["CONTEXT_SIZE", "EVENTS_PER_WINDOW", "Packed", "Window", "flag_of", "join_windows", "pack", "windows"]

EVENTS_PER_WINDOW: Final = 341
CONTEXT_SIZE: Final = 1 + EVENT_SIZE * EVENTS_PER_WINDOW
assert CONTEXT_SIZE == 1024

Ids = NDArray[np.int64]


class Window(NamedTuple):
    """A stretch of one piece.

    Args:
        ids: Flag and triples, shape (1 + 3 * events,).
        base_tick: What was taken from every onset, in ticks.
    """

    ids: Ids
    base_tick: int


class Packed(NamedTuple):
    """Full training windows.

    Args:
        ids: Shape (windows, 1 + 3 * size).
        dropped: How many windows were left out because their clock would reach 100 s.
        left_over: How many triples at the end did not fill a window.
    """

    ids: Ids
    dropped: int
    left_over: int


def flag_of(stream: Events) -> int:
    """The flag of a stream: ANTICIPATE when it holds controls, else AUTOREGRESS."""
    return ANTICIPATE if stream["control"].any() else AUTOREGRESS


def windows(stream: Events, size: int = EVENTS_PER_WINDOW) -> list[Window]:
    """Cut a piece into windows, the first to the last event; one ends early when its clock would reach 100 s.

    Args:
        stream: EVENT_DTYPE rows in stream order, onsets of any size.
        size: Most events a window holds.
    """
    flag = flag_of(stream)
    cut: list[Window] = []
    start = 0
    while start < len(stream):
        stretch = stream[start : start + size].copy()
        late = np.flatnonzero(stretch["onset_tick"] - stretch["onset_tick"].min() >= MAX_TIME_TICKS)
        if late.size:
            stretch = stretch[: max(int(late[0]), 1)]
        base = int(stretch["onset_tick"].min())
        stretch["onset_tick"] -= base
        cut.append(Window(np.concatenate([[flag], write_triples(stretch)]), base))
        start += len(stretch)
    return cut


def join_windows(cut: Sequence[Window]) -> Events:
    """The stream that was cut; inverse of ``windows``."""
    tables = [empty_events()]
    for window in cut:
        (table,) = read_triples(window.ids)
        table["onset_tick"] += window.base_tick
        tables.append(table)
    return np.concatenate(tables)


def pack(streams: Iterable[Events], size: int = EVENTS_PER_WINDOW) -> Packed:
    """Join pieces, each after a SEPARATOR triple, and cut the whole into full windows.

    In a window the least onset before its first SEPARATOR is taken from the onsets up to there; later pieces start near 0
    already. The flag is that of the first piece in the window. Shuffle the windows of all pieces together before training: the
    authors found local shuffling not to be enough.

    Args:
        streams: Interleaved EVENT_DTYPE rows, one table a piece or augmented copy.
        size: Triples in a window, SEPARATORs among them.
    """
    rows: list[Ids] = [np.zeros((0, 4), dtype=np.int64)]  # onset in ticks; ids of the triple with onset 0
    flags: list[Ids] = [np.zeros(0, dtype=np.int64)]
    for stream in streams:
        bare = stream.copy()
        bare["onset_tick"] = 0
        triples = write_triples(bare).reshape(-1, EVENT_SIZE)
        rows.append(np.array([[0, SEPARATOR, SEPARATOR, SEPARATOR]], dtype=np.int64))
        rows.append(np.column_stack([stream["onset_tick"], triples]))
        flags.append(np.full(len(stream) + 1, flag_of(stream), dtype=np.int64))
    table, flag = np.concatenate(rows), np.concatenate(flags)
    packed: list[Ids] = []
    count = len(table) // size
    for start in range(0, count * size, size):
        window = table[start : start + size].copy()
        separators = np.flatnonzero(window[:, 1] == SEPARATOR)
        first = window[: separators[0] if separators.size else size]
        if len(first):
            first[:, 0] -= first[:, 0].min()
        if window[:, 0].max() < MAX_TIME_TICKS:
            window[:, 1] += window[:, 0]
            packed.append(np.concatenate([flag[start : start + 1], window[:, 1:].ravel()]))
    ids = np.stack(packed) if packed else np.zeros((0, 1 + EVENT_SIZE * size), dtype=np.int64)
    return Packed(ids, count - len(packed), len(table) - count * size)
