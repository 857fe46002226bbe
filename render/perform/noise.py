"""Nobody is a machine: ``timing noise`` and ``level noise``.

Timing noise has two sources, as the KTH rule Performance noise (Friberg, Bresin & Sundberg 2006; Juslin, Friberg & Bresin,
"Toward a computational model of expression in music performance", Musicae Scientiae 5(2), 2001): an inner clock that drifts as
1/f noise (Gilden, Thornton & Mallon, "1/f noise in human cognition", Science 267, 1995, 1837-1839) and fingers that scatter
independently. The clock is shared by all players and moves the tempo; the fingers move single notes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.perform.draft import Draft, beat_quarters

__all__ = ["apply_level_noise", "apply_timing_noise", "pink_noise"]

CLOCK_SHARE = 0.01  # standard deviation of a beat's length
FINGER_S, MOST_FINGERS = 0.003, 2.5  # standard deviation, and where it is cut off, in standard deviations
LEVEL_DB, SINGLE_LEVEL_DB = 0.5, 0.4


def pink_noise(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """1/f noise of mean 0 and standard deviation 1, shape (count,): white noise with its spectrum divided by the root of
    frequency."""
    if count < 2:
        return np.zeros(count)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum[0] = 0.0
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    noise = np.fft.irfft(spectrum, count)
    return np.asarray(noise / max(float(noise.std()), 1e-12))


def apply_timing_noise(draft: Draft, strength: float) -> None:
    """Beats drift together, notes scatter one by one; notes of one key and place stay together."""
    rng = draft.rng("timing noise")
    edges = _beat_places(draft)
    clock = pink_noise(rng, len(edges)) * CLOCK_SHARE * strength
    draft.log_tempo += clock[np.clip(np.searchsorted(edges, draft.middles, side="right") - 1, 0, None)]
    fingers = np.clip(rng.standard_normal(len(draft.notes)), -MOST_FINGERS, MOST_FINGERS)
    draft.onset_shift_s += strength * FINGER_S * fingers
    draft.end_shift_s += strength * FINGER_S * fingers


def apply_level_noise(draft: Draft, strength: float) -> None:
    """Every lane wavers slowly, every note a little more."""
    rng = draft.rng("level noise")
    for lane in range(len(draft.piece.parts)):
        rows = np.flatnonzero(draft.notes["part"] == lane)
        draft.level_db[rows] += strength * LEVEL_DB * pink_noise(rng, len(rows))
    draft.level_db += strength * SINGLE_LEVEL_DB * np.clip(rng.standard_normal(len(draft.notes)), -MOST_FINGERS, MOST_FINGERS)


def _beat_places(draft: Draft) -> NDArray[np.float64]:
    places = []
    for row in draft.piece.measures:
        step = beat_quarters(int(row["beats"]), int(row["beat_type"])) * draft.piece.divs_per_quarter
        places.append(np.arange(float(row["start_div"]), float(row["end_div"]), step))
    return np.concatenate(places)
