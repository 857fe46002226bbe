"""Notes of a recording to places and value scores: what is learned, or what is plain, behind one door."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from transcribe.score.features import place_features, value_features
from transcribe.score.hands import plain_odds
from transcribe.score.network import KINDS, Quantiser
from transcribe.score.placing import gaussian_scores, place_notes
from transcribe.score.slots import SLOTS
from transcribe.score.values import plain_value_scores
from transcribe.score.view import NoteView

__all__ = ["Quantised", "quantise"]

MAIN = 0
_NO_FIFTHS_OR_NINTHS = np.array([slot.denominator not in (5, 9) for slot in SLOTS])
_NO_FIFTHS = np.array([slot.denominator != 5 for slot in SLOTS])


@dataclass(frozen=True, eq=False)
class Quantised:
    """What is written of each note.

    Args:
        places: In beats, exact.
        kinds: Main note (0), grace note (1) or stroke of an ornament (2), shape (notes,).
        values: Scores of VALUES in nats, shape (notes, values).
        upper_odds: Log odds of a keyboard's upper staff, shape (notes,).
    """

    places: list[Fraction]
    kinds: NDArray[np.int64]
    values: NDArray[np.float64]
    upper_odds: NDArray[np.float64]


def quantise(view: NoteView, model: Quantiser | None) -> Quantised:
    """Quantise.

    Args:
        view: The notes, by onset.
        model: None for the plain way: normal timing noise and priors.
    """
    # Fifths of a dotted beat cannot be read, and ninths belong to it alone.
    is_compound = view.tactus_quarters * 2 % 3 == 0
    allow = _NO_FIFTHS if is_compound else np.array([slot.denominator != 9 for slot in SLOTS])
    if model is None:
        places = place_notes(view, gaussian_scores(view), allow=allow & _NO_FIFTHS_OR_NINTHS)
        exact = np.array([float(place) for place in places])
        kinds = np.zeros(len(view), dtype=np.int64)
        return Quantised(places, kinds, plain_value_scores(view, exact), plain_odds(view.pitch))
    slots, kind_scores = model.place_scores(place_features(view))
    assert kind_scores.shape[1] == KINDS
    places = place_notes(view, slots, allow=allow)
    exact = np.array([float(place) for place in places])
    values, odds = model.value_scores(value_features(view, exact))
    return Quantised(places, kind_scores.argmax(axis=1).astype(np.int64), values, odds)
