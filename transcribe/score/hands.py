"""Which staff of a keyboard each note goes to: dynamic programming over the pitch that divides the hands.

At every place where notes begin, those from the dividing pitch on go to the upper staff. What each note says (log odds of the upper
staff: learned, or from its pitch), how far a hand must stretch, and how far the dividing pitch moves are weighed together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["plain_odds", "upper_staff"]

Array = NDArray[np.float64]
LOWEST, HIGHEST = 30, 92  # dividing pitches that are tried
MIDDLE_C = 60
SEMITONES_PER_NAT = 5.0
WIDEST_HAND = 14  # semitones of a ninth
STRETCH_COST = 0.8  # nats for each semitone beyond
MOVE_COST = 0.06  # nats for each semitone that the dividing pitch moves
_SPLITS = np.arange(LOWEST, HIGHEST + 1)


def plain_odds(pitches: NDArray[np.int64]) -> Array:
    """Log odds of the upper staff from the pitch alone."""
    return np.asarray((pitches - MIDDLE_C + 0.5) / SEMITONES_PER_NAT)


def upper_staff(places: Sequence[object], pitches: NDArray[np.int64], odds: Array) -> NDArray[np.bool_]:
    """Whether each note goes to the upper staff.

    Args:
        places: Where the notes are written; equal ones are struck together. In order.
        pitches: MIDI, shape (notes,).
        odds: Log odds of the upper staff, shape (notes,).
    """
    if not len(pitches):
        return np.zeros(0, dtype=np.bool_)
    edges = [index for index in range(len(places)) if index == 0 or places[index] != places[index - 1]]
    groups = [slice(first, after) for first, after in zip(edges, [*edges[1:], len(places)], strict=True)]
    moves = MOVE_COST * np.abs(_SPLITS[:, None] - _SPLITS[None])
    total = np.zeros(len(_SPLITS))
    back: list[NDArray[np.int64]] = []
    for group in groups:
        reached = total[:, None] + moves
        back.append(reached.argmin(axis=0))
        total = reached.min(axis=0) + _cost(pitches[group], odds[group])
    split = int(total.argmin())
    upper = np.zeros(len(pitches), dtype=np.bool_)
    for group, sources in zip(reversed(groups), reversed(back), strict=True):
        upper[group] = pitches[group] >= _SPLITS[split]
        split = int(sources[split])
    return upper


def _cost(pitches: NDArray[np.int64], odds: Array) -> Array:
    """Cost of each dividing pitch for notes struck together, shape (splits,)."""
    is_upper = pitches[:, None] >= _SPLITS[None]
    cost = np.logaddexp(0.0, np.where(is_upper, -odds[:, None], odds[:, None])).sum(axis=0)
    for hand in (is_upper, ~is_upper):
        high = np.where(hand, pitches[:, None], -1000).max(axis=0)
        low = np.where(hand, pitches[:, None], 1000).min(axis=0)
        cost += STRETCH_COST * np.maximum(high - low - WIDEST_HAND, 0)
    return np.asarray(cost)
