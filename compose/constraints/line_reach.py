"""From where the shape of a line can still be drawn, and where it can come: step by step over the places open to it.

Conventions: a line stands at a pitch with so many of its ways begun, an entry of an array of shape (ways + 1, 128). A place has a
note of the line or, where notes need not come, is passed by. Moves: 1 up, -1 down, 0 none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from compose.canvas import NUM_PITCHES
from compose.constraints.base import BoolArray, IntArray

__all__ = ["DOWN", "UP", "Reach", "advance", "draw_back", "draw_on", "moved", "moving_to"]

UP, DOWN = 1, -1


@dataclass(frozen=True)
class Reach:
    """From where a shape can still be drawn.

    Args:
        places: Onsets, ascending, at which a note may or must start.
        open: Pitches open at each place, shape (places, 128).
        must: Whether every place must have a note.
        fine: Where the line may stand before place i so that the rest can be drawn: shape (places + 1, ways + 1, 128).
        begin: Whether the line can be drawn when it begins at place i or later, shape (places + 1,).
    """

    places: IntArray
    open: BoolArray
    must: bool
    fine: BoolArray
    begin: BoolArray


def advance(ways: tuple[int, ...], state: int, move: int) -> int | None:
    """How many of the ways have begun after a move when ``state`` had; None when the shape forbids it."""
    if move == 0 or (state and ways[state - 1] == move):
        return state
    return state + 1 if state < len(ways) and ways[state] == move else None


@lru_cache(maxsize=256)
def _steps(ways: tuple[int, ...]) -> tuple[tuple[int, list[int], list[int]], ...]:
    """Each move, the states in which it may be made, and the states that follow."""
    out = []
    for move in (DOWN, 0, UP):
        pairs = [(state, after) for state in range(len(ways) + 1) if (after := advance(ways, state, move)) is not None]
        out.append((move, [state for state, _ in pairs], [after for _, after in pairs]))
    return tuple(out)


def moving_to(ways: tuple[int, ...], after: BoolArray) -> BoolArray:
    """Where a line may stand that one move takes to ``after`` (both (ways + 1, 128))."""
    out = np.zeros_like(after)
    for move, states, following in _steps(ways):
        out[states] |= _shifted(after[following], -move)
    return out


def moved(ways: tuple[int, ...], at: BoolArray) -> BoolArray:
    """Where one move takes a line that stands at ``at`` (both (ways + 1, 128))."""
    out = np.zeros_like(at)
    for move, states, following in _steps(ways):
        np.logical_or.at(out, following, _shifted(at[states], move))
    return out


def _shifted(rows: BoolArray, move: int) -> BoolArray:
    """Pitches above (1), below (-1) or among (0) those of each row (rows, 128)."""
    if move == 0:
        return rows
    turned = rows if move == UP else rows[:, ::-1]
    out = np.zeros_like(rows)
    out[:, 1:] = np.logical_or.accumulate(turned, axis=1)[:, :-1]
    return out if move == UP else out[:, ::-1]


def draw_back(
    ways: tuple[int, ...],
    opened: BoolArray,
    must: bool,
    last: tuple[BoolArray, bool],
    owed: tuple[BoolArray, BoolArray] | None = None,
) -> tuple[BoolArray, BoolArray]:
    """``fine`` and ``begin`` of a ``Reach``, from the end backwards.

    Args:
        ways: Of the shape.
        opened: Pitches open at each place, (places, 128).
        must: Whether every place must have a note.
        last: Where the line may stand behind the last place, (ways + 1, 128), and whether it may begin there.
        owed: Pitches (128,) one of which must come, and ``fine`` for when it has come; None where nothing is owed.
    """
    fine = np.zeros((len(opened) + 1, len(ways) + 1, NUM_PITCHES), dtype=np.bool_)
    begin = np.zeros(len(opened) + 1, dtype=np.bool_)
    fine[-1], begin[-1] = last
    for i in reversed(range(len(opened))):
        rest = fine[i + 1] if owed is None else np.where(owed[0], owed[1][i + 1], fine[i + 1])
        after = opened[i] & rest  # where a note here may lie
        begin[i] = after[0].any() or (begin[i + 1] and not must)
        fine[i] = moving_to(ways, after)
        if not must:
            fine[i] |= fine[i + 1]
    return fine, begin


def draw_on(ways: tuple[int, ...], opened: BoolArray, must: bool, at: BoolArray, unbegun: bool) -> tuple[BoolArray, bool]:
    """Where a line may stand behind the last place, and whether it may still be without a note.

    Args:
        ways: Of the shape.
        opened: Pitches open at each place, (places, 128).
        must: Whether every place must have a note.
        at: Where it stands now, (ways + 1, 128).
        unbegun: Whether it has no note.
    """
    for here in opened:
        taken = moved(ways, at) & here
        if unbegun:
            taken[0] |= here
        at = taken if must else at | taken
        unbegun = unbegun and not must
    return at, unbegun
