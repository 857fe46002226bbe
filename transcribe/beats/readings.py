"""In which meters and tempi the same music may stand: ``likely_readings``.

Whether a waltz is written in 3/4 or in 3/8, and whether its beat is the quarter or the whole bar, cannot always be heard. What else
is likely is told beside what was chosen, so that a user who knows better names it (``--meter 3/8``, ``--tempo 50-70``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from transcribe.beats.note_model import METERS, PERIODS_S
from transcribe.beats.wishes import BeatWishes
from transcribe.heard import BeatReadings

__all__ = ["likely_readings"]

LEAST_SHARE = 0.1
APART = 1.4  # a tempo is another one from this ratio on
MOST_TEMPI = 3


def likely_readings(tempo_meter: NDArray[np.float32], wishes: BeatWishes | None = None) -> BeatReadings:
    """What is likely by the network's opinions, and as the user has it.

    Args:
        tempo_meter: Log probabilities (periods, meters) of ``PERIODS_S`` and ``METERS`` together.
        wishes: What is known: of a meter that is given there are no others.
    """
    wishes = wishes or BeatWishes()
    shares = np.exp(tempo_meter.astype(np.float64))
    meter_shares = shares.sum(axis=0)
    order = np.argsort(-meter_shares, kind="stable")
    meters = tuple((METERS[i], float(meter_shares[i])) for i in order.tolist() if meter_shares[i] >= LEAST_SHARE and METERS[i][1])
    tempi = _tempi(shares.sum(axis=1))
    return BeatReadings(
        () if wishes.meter else meters, tuple(pair for pair in tempi if wishes.slowest_bpm <= pair[0] <= wishes.fastest_bpm)
    )


def _tempi(shares: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    """Peaks, each with the probability of all periods that are nearest to it."""
    inner = np.pad(shares, 1)
    peaks = np.flatnonzero((inner[1:-1] > inner[:-2]) & (inner[1:-1] >= inner[2:]))
    kept: list[int] = []
    for peak in peaks[np.argsort(-shares[peaks], kind="stable")].tolist():
        if all(abs(np.log(PERIODS_S[peak] / PERIODS_S[other])) >= np.log(APART) for other in kept):
            kept.append(peak)
    nearest = np.argmin(np.abs(np.log(PERIODS_S)[:, None] - np.log(PERIODS_S[kept])), axis=1)
    found = []
    for index, peak in enumerate(kept):
        near = slice(max(peak - 1, 0), peak + 2)
        middle = np.exp(np.average(np.log(PERIODS_S[near]), weights=shares[near]))
        found.append((float(60.0 / middle), float(shares[nearest == index].sum())))
    likely = sorted((pair for pair in found if pair[1] >= LEAST_SHARE), key=lambda pair: -pair[1])
    return tuple(likely[:MOST_TEMPI])
