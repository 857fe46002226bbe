"""Which place of its beat each note gets: dynamic programming over the notes of a beat, jointly with how the beat is divided.

Conventions: scores are log probabilities (nats) of SLOTS, relative to the beat that a note was played in. Within a beat places do
not go back, in the order of onsets; each way of dividing a beat (``FAMILIES_OF_SLOTS``) has its price, so that the fewest and
plainest divisions that explain the times are taken (a description length, as in Temperley, "Music and Probability", MIT Press 2007,
chapter 3, where the prior is on the same terms).

``gaussian_scores`` is what serves without a learned model, and beside it in tables: timing noise is normal, and plainer places are
likelier.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from transcribe.score.slots import FAMILIES_OF_SLOTS, SLOTS
from transcribe.score.view import NoteView

__all__ = ["gaussian_scores", "place_notes"]

Array = NDArray[np.float64]
TIMING_NOISE_S = 0.028
CLUSTER_S = 0.035
_PRIOR = {1: 0.0, 2: -1.0, 3: -2.0, 4: -2.0, 6: -3.0, 8: -4.5, 12: -6.0, 9: -7.0, 5: -6.0}
_PRIORS = np.array([_PRIOR[slot.denominator] for slot in SLOTS])
_PLACES = np.array([float(slot) for slot in SLOTS])
BACKWARD_COST = 6.0  # nats for a note that stands before one that was played earlier


def gaussian_scores(view: NoteView) -> Array:
    """Scores of the slots from the times alone, shape (notes, slots); notes struck within 35 ms count as one."""
    times = view.onset.copy()
    start = 0
    for index in range(1, len(times) + 1):
        if index == len(times) or view.onset_s[index] - view.onset_s[start] > CLUSTER_S:
            times[start:index] = times[start:index].mean()
            start = index
    off_s = (times - np.floor(view.onset))[:, None] - _PLACES[None]
    off_s *= view.beat_s[:, None]
    return np.asarray(-0.5 * (off_s / TIMING_NOISE_S) ** 2 + _PRIORS[None])


def place_notes(view: NoteView, scores: Array, *, allow: NDArray[np.bool_] | None = None) -> list[Fraction]:
    """The place of every note in beats.

    Args:
        view: The notes, by onset.
        scores: Of the slots, shape (notes, slots).
        allow: Slots that may be used at all, shape (slots,).
    """
    places: list[Fraction] = [Fraction(0)] * len(view)
    beats = np.floor(view.onset).astype(np.int64)
    edges = np.flatnonzero(np.append(True, np.diff(beats) != 0)).tolist() if len(view) else []
    families = [(mask if allow is None else mask & allow, cost) for mask, cost in FAMILIES_OF_SLOTS]
    for first, after in zip(edges, [*edges[1:], len(view)], strict=True):
        part = scores[first:after]
        best = max((_path(np.where(mask, part, -np.inf), cost) for mask, cost in families), key=lambda found: found[0])
        for row, slot in enumerate(best[1], first):
            places[row] = int(beats[row]) + SLOTS[slot]
    return places


def _path(scores: Array, cost: float) -> tuple[float, list[int]]:
    """Score and slots of the best way through the notes of a beat."""
    total = scores[0]
    back: list[NDArray[np.int64]] = []
    for row in scores[1:]:
        reached = np.maximum.accumulate(total)
        source = np.maximum.accumulate(np.where(total >= reached, np.arange(len(total)), 0))
        top = int(total.argmax())
        behind = total[top] - BACKWARD_COST
        goes_back = behind > reached
        back.append(np.where(goes_back, top, source))
        total = np.where(goes_back, behind, reached) + row
    slot = int(total.argmax())
    score, path = float(total[slot]) - cost, [slot]
    for sources in reversed(back):
        path.append(int(sources[path[-1]]))
    return score, path[::-1]
