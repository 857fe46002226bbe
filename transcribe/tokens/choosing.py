"""Which id comes next, from logits and a mask: decisions one at a time, each by more than half of the probability.

The likeliest id is a poor choice where probability is spread over many that mean nearly the same: a velocity over its neighbours,
a time over the ticks around it; and ids in order (times, pitches) are passed over for good once a later one is taken. So it is
decided first whether anything more happens in this tick, then what kind of id comes, and last which: for times and pitches the
first one by which half of the probability is reached, which asks of each in turn whether it is there; for velocities the median.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compose.vocabulary.mt3_events import BEAT, DRUM, EOS, NUM_IDS, PITCH, PROGRAM, SHIFT, VELOCITY

__all__ = ["Choice", "choose"]

NEARBY_TICKS: Final = 3  # a time is moved to the likeliest tick so near
_EDGES: Final = np.array([0, EOS, 2, 3, 4, BEAT, SHIFT, PITCH, DRUM, VELOCITY, VELOCITY + 1, PROGRAM])  # first id of each kind
_ENDS: Final = np.array([*_EDGES[1:], NUM_IDS])
_EOS, _SHIFT, _PITCH, _DRUM, _ON = 1, 6, 7, 8, 10  # kinds
_LATER: Final = np.isin(np.arange(len(_EDGES)), (_EOS, _SHIFT))


class Choice(NamedTuple):
    """An id and how sure it is.

    Args:
        token: The id.
        kind_probability: That an id of this kind comes.
        probability: Of the id among its kind; of a time or a velocity that of its whole kind, 1.
    """

    token: int
    kind_probability: float
    probability: float


def choose(logits: NDArray[np.float32], mask: NDArray[np.bool_]) -> Choice:
    """Choose among the ids that the mask allows.

    Args:
        logits: Shape (824,), finite.
        mask: Shape (824,), with some True.
    """
    allowed = np.where(mask, logits, -np.inf)
    weights = np.exp(allowed - allowed.max())
    weights /= weights.sum()
    kinds = np.add.reduceat(weights, _EDGES)
    later = float(kinds[_LATER].sum())
    side = _LATER if later > 0.5 else ~_LATER
    kind = int(np.argmax(np.where(side, kinds, -1.0)))
    first, end = int(_EDGES[kind]), int(_ENDS[kind])
    inside = weights[first:end]
    if kind in (_SHIFT, _PITCH, _DRUM, _ON):
        place = int(np.searchsorted(np.cumsum(inside), inside.sum() / 2))
        place = min(place, int(np.flatnonzero(inside)[-1]))
        if kind == _SHIFT:
            low = max(place - NEARBY_TICKS, 0)
            place = low + int(np.argmax(inside[low : place + NEARBY_TICKS + 1]))
        elif not mask[first + place]:
            place = int(np.argmax(inside))
    else:
        place = int(np.argmax(inside))
    own = 1.0 if kind in (_SHIFT, _ON) else float(inside[place] / max(inside.sum(), 1e-30))
    return Choice(first + place, float(kinds[kind]), own)
