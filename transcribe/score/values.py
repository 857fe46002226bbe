"""How long each note is written, without a learned model: ``plain_value_scores``.

Conventions: scores are log probabilities up to a constant, nats, of VALUES in quarters, shape (notes, values).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpora.musicxml.notation import symbol_of
from transcribe.score.slots import VALUES, value_of
from transcribe.score.view import NoteView

__all__ = ["plain_value_scores"]

Array = NDArray[np.float64]
NEAR = 40
NEAR_SEMITONES = 12
RATIO_NOISE = 0.45  # octaves of length: articulation shortens notes
DOT_COST, TIE_COST, TUPLET_COST = 0.7, 2.5, 1.2
NEXT_ONSET_BONUS = 2.5  # nats: most notes last until the next one of their line
_QUARTERS = np.array([float(value) for value in VALUES])


def _complexity() -> Array:
    costs = []
    for value in VALUES:
        plain = value
        cost = 0.0
        while plain.denominator % 3 == 0 or plain.denominator % 5 == 0:
            plain *= 3 if plain.denominator % 3 == 0 else 5
            cost += TUPLET_COST
        found = symbol_of(plain)
        costs.append(cost + (TIE_COST if found is None else DOT_COST * found[1]))
    return np.array(costs)


_COMPLEXITY = _complexity()


def plain_value_scores(view: NoteView, places: Array) -> Array:
    """Scores of the values from lengths and the onsets that follow.

    Args:
        view: The notes, by onset.
        places: Where they are written, in beats, shape (notes,).
    """
    tactus = view.tactus_quarters
    until = np.full(len(view), np.inf)
    for step in range(1, min(NEAR, len(view) - 1) + 1):
        gap = places[step:] - places[:-step]
        fits = (gap > 1e-6) & (view.family[step:] == view.family[:-step])
        fits &= np.abs(view.pitch[step:] - view.pitch[:-step]) <= NEAR_SEMITONES
        np.minimum(until[:-step], np.where(fits, gap * tactus, np.inf), out=until[:-step])
    played = np.maximum((view.end - places) * tactus, 1 / 32)
    meant = np.minimum(played, until)  # what the pedal holds on is not written
    off = np.log2(_QUARTERS[None] / meant[:, None]) / RATIO_NOISE
    scores = -0.5 * off**2 - _COMPLEXITY[None]
    has_next = np.isfinite(until)
    rows = np.flatnonzero(has_next)
    classes = value_of(until[rows])
    exact = np.abs(_QUARTERS[classes] - until[rows]) < 1e-6
    scores[rows[exact], classes[exact]] += NEXT_ONSET_BONUS
    return np.asarray(scores)
