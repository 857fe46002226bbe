"""Swung eighths: ``swing``.

The first of two eighths in a beat is lengthened by a ratio that falls as tempo rises: about 3 to 1 in slow tempos, even at 300
beats a minute (Friberg & Sundström, "Swing ratios and ensemble timing in jazz performance", Music Perception 19(3), 2002,
333-349, figure 2: a nearly straight line); the strength scales its logarithm. Everything inside the beat is stretched with it, so
that nothing changes its order.

It applies where the score says so (a "Swing" over the music, or ``<swing>``), up to a "Straight", or from the start when asked.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from render.perform.draft import Draft
from render.perform.words import parse_words

__all__ = ["apply_swing", "swing_ratio"]

SLOW_RATE, SLOW_RATIO, FAST_RATE = 100.0, 3.0, 300.0


def swing_ratio(beats_per_minute: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length of the first eighth in lengths of the second, at each tempo."""
    share = np.clip((FAST_RATE - beats_per_minute) / (FAST_RATE - SLOW_RATE), 0.0, 1.0)
    return np.asarray(1.0 + (SLOW_RATIO - 1.0) * share)


def _swung(draft: Draft) -> list[tuple[int, int]]:
    """Played spans to swing."""
    if draft.swing_throughout:
        return [(0, draft.piece.end_div + 1)]
    if draft.marks is None:
        return []
    switches: dict[int, bool] = {}
    for direction in draft.marks.directions:
        kinds = {meaning.kind for meaning in parse_words(direction.text)} if direction.kind == "words" else set()
        if direction.kind == "swing":
            kinds = {"straight" if direction.text == "straight" else "swing"}
        if kinds & {"swing", "straight"}:
            for place in draft.score.played_places(direction.onset, direction.measure):
                switches[place] = "swing" in kinds
    return [(place, end) for place, end in pairwise([*sorted(switches), draft.piece.end_div + 1]) if switches[place]]


def apply_swing(draft: Draft, strength: float) -> None:
    """Moves what lies between the beats."""
    for start, end in _swung(draft):
        for places in (draft.onset, draft.end):
            inside = (places >= start) & (places < end)
            places[inside] = _warped(draft, places[inside], strength)


def _warped(draft: Draft, places: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    quarter = float(draft.piece.divs_per_quarter)
    starts = draft.piece.measures["start_div"][draft.bar_of(places)]
    beat = np.floor((places - starts) / quarter + 1e-9)
    phase = (places - starts) / quarter - beat
    rate = 60.0 / (draft.seconds_per_div(places) * quarter)
    ratio = swing_ratio(rate) ** strength
    middle = ratio / (1 + ratio)
    warped = np.where(phase < 0.5, phase * 2 * middle, middle + (phase - 0.5) * 2 * (1 - middle))
    return np.asarray(starts + (beat + warped) * quarter)
