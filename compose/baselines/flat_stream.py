"""Plain ``measured`` streams as one sequence of ids, so that language models of any kind are scored on the same decisions.

A note is four ids (place, lane, pitch, duration), a bar line one that is scored and two that are given (meter, key); the header
gives the program of each lane. Every field has a range of ids of its own, and what field comes next is always known: a model's
probabilities are over the ids of that field (``FIELD_OF``). No notes are known ahead: this is plain continuation.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compose.measured_examples import Example
from compose.vocabulary.measured import DURATION, KEY, LANE, METER, NEXT, PITCH, PROGRAM
from compose.vocabulary.measured_fields import BAR, CHUNK_STEPS, END, FIELD_SIZES, PART, START

__all__ = ["FIELD_OF", "FIELD_START", "NUM_IDS", "FlatStream", "field_ranges", "flatten", "flatten_rows", "transposed"]

_COLUMNS = (NEXT, LANE, PITCH, DURATION, METER, KEY, PROGRAM)
_SIZES = np.array([FIELD_SIZES[column] for column in _COLUMNS])
FIELD_START: NDArray[np.int64] = np.concatenate([[0], np.cumsum(_SIZES)])
NUM_IDS = int(FIELD_START[-1])
FIELD_OF: NDArray[np.int64] = np.repeat(np.arange(len(_COLUMNS)), _SIZES)  # field of each id
_NEXT, _LANE, _PITCH, _DURATION, _METER, _KEY, _PROGRAM = range(len(_COLUMNS))


class FlatStream(NamedTuple):
    """Ids (ids,) int16, which of them are scored (ids,) bool, and how many notes those make."""

    ids: NDArray[np.int16]
    scored: NDArray[np.bool_]
    notes: int


def field_ranges() -> list[tuple[int, int]]:
    """First id and the id after the last, of each field."""
    return list(pairwise(FIELD_START.tolist()))


def flatten(example: Example) -> FlatStream:
    """The ids of a plain question's stream; ``Raises`` as ``flatten_rows``.

    Args:
        example: Without controls: every lane asked for, nothing known ahead.
    """
    predicted = np.zeros(len(example.rows), dtype=np.bool_)
    predicted[example.places] = True
    return flatten_rows(example.rows.astype(np.int64), predicted)


def flatten_rows(rows: NDArray[np.int64], predicted: NDArray[np.bool_]) -> FlatStream:
    """The ids of a stream.

    Args:
        rows: (steps, 11), as in ``Example``.
        predicted: (steps,) which steps are asked for.

    Raises:
        ValueError: The stream has controls.
    """
    head = rows[:, NEXT]
    is_note, is_bar, is_part = head < CHUNK_STEPS, head == BAR, head == PART
    if not (is_note | is_bar | is_part | (head == START) | (head == END)).all():
        raise ValueError("the stream has controls: expected a plain question")
    width = np.select([is_note, is_bar, is_part, head == END], [4, 3, 1, 1], 0)
    first = np.cumsum(width) - width
    ids = np.zeros(int(width.sum()), dtype=np.int64)
    scored = np.zeros(len(ids), dtype=np.bool_)

    def put(chosen: NDArray[np.bool_], offset: int, field: int, score: bool) -> None:
        places = first[chosen] + offset
        ids[places] = FIELD_START[field] + rows[chosen, _COLUMNS[field]]
        scored[places] = score & predicted[chosen]

    for offset, field in enumerate((_NEXT, _LANE, _PITCH, _DURATION)):
        put(is_note, offset, field, True)
    put(is_bar | (head == END), 0, _NEXT, True)
    put(is_bar, 1, _METER, False)
    put(is_bar, 2, _KEY, False)
    put(is_part, 0, _PROGRAM, False)
    return FlatStream(ids.astype(np.int16), scored, int((is_note & predicted).sum()))


def transposed(ids: NDArray[np.int16], semitones: int) -> NDArray[np.int16]:
    """The same music ``semitones`` higher, its key with it; the caller keeps pitches inside 0..127."""
    out = ids.astype(np.int64)
    field = FIELD_OF[out]
    out[field == _PITCH] += semitones
    keys = field == _KEY
    value = out[keys] - FIELD_START[_KEY]
    fifths = value - 8 + 7 * semitones
    out[keys] = FIELD_START[_KEY] + np.where(value > 0, (fifths + 5) % 12 - 5 + 8, 0)
    return out.astype(np.int16)
