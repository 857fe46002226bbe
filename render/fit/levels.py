"""How loud each note is in a recording, from power spectra of the notes alone, and how well the recording tells it.

The model: in each frame and bin the power of the recording is exponentially distributed around the sum of the powers of the notes,
as it is when many partials of unknown phase meet. Its likelihood is the Itakura-Saito divergence (C. Févotte, N. Bertin and
J.-L. Durrieu, "Nonnegative matrix factorization with the Itakura-Saito divergence", Neural Computation 21(3), 2009, section 3), in
which soft notes count as much as loud ones. Notes are raised and lowered by Fisher scoring: the information that the recording has
about each note, and shares between notes that cover each other, comes with the estimate.

Relative to that model: a bin that is ``BOUND`` times louder than the sum counts no more than that, since recordings hold what no
score has; and the levels of a part's notes have a wide prior around their mean, so that a note that cannot be heard stays there.
Levels are natural logarithms of amplitude.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.fit.spectra import Patch

__all__ = ["Levels", "fit_levels", "total_power"]

BOUND = 4.0
PRIOR_LEVEL = 1.15  # standard deviation of a note's level in its part: 10 dB
INDEPENDENT = 0.3  # bins of overlapping Hann windows that are as good as independent ones
LEAST_SPREAD = 0.01  # of ratios of powers, where the exponential distribution has 1
SMALLEST_STEP = 0.01
LARGEST_STEP = 1.5

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Levels:
    """Levels of notes.

    Args:
        levels: Natural logarithm of the factor of each note's amplitude, (note,).
        errors: Their standard errors by the information in the recording, (note,).
    """

    levels: Floats
    errors: Floats


def total_power(patches: Sequence[Patch], levels: Floats, floor: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum of the notes' powers and of a floor, (frame, freq).

    Args:
        patches: Power of each note at level 0.
        levels: Of each.
        floor: (frame, freq).
    """
    total = floor.copy()
    for patch, level in zip(patches, levels, strict=True):
        total[patch.frames] += np.float32(np.exp(2.0 * level)) * patch.values
    return total


def fit_levels(
    power: NDArray[np.float32],
    patches: Sequence[Patch],
    parts: NDArray[np.int64],
    start: Floats,
    floor: NDArray[np.float32],
    *,
    rounds: int,
) -> Levels:
    """The likeliest levels.

    Args:
        power: Of the recording, (frame, freq).
        patches: Power of each note at level 0.
        parts: Part of each note, (note,).
        start: Levels to begin with, (note,).
        floor: Power that is always there, (frame, freq).
        rounds: Steps at most.
    """
    levels = start.copy()
    members = [np.flatnonzero(parts == part) for part in np.unique(parts)]
    neighbours = _neighbours(patches)
    covariance: NDArray[Any] = np.zeros((len(levels), len(levels)))
    spread = 1.0
    for _ in range(rounds):
        total = total_power(patches, levels, floor)
        ratio = np.minimum(power / total, BOUND)
        shares = [
            np.float32(np.exp(2.0 * level)) * patch.values / total[patch.frames]
            for patch, level in zip(patches, levels, strict=True)
        ]
        slope = np.array([float((share * (ratio[patch.frames] - 1.0)).sum()) for share, patch in zip(shares, patches, strict=True)])
        information = _information(patches, shares, neighbours)
        # amplitude levels are half of power levels: slopes double, information fourfold
        slope, information = 2.0 * INDEPENDENT * slope, 4.0 * INDEPENDENT * information
        for member in members:
            mean = levels[member].mean()
            slope[member] -= (levels[member] - mean) / PRIOR_LEVEL**2
        prior = np.eye(len(levels)) / PRIOR_LEVEL**2
        weights = [float(share.sum()) for share in shares]
        misfits = [float((share * (ratio[patch.frames] - 1.0) ** 2).sum()) for share, patch in zip(shares, patches, strict=True)]
        spread = sum(misfits) / max(sum(weights), 1e-9)
        covariance = np.linalg.inv(information / max(spread, LEAST_SPREAD) + prior)
        step = np.clip(np.linalg.solve(information + prior, slope), -LARGEST_STEP, LARGEST_STEP)
        levels += step
        if np.abs(step).max() < SMALLEST_STEP:
            break
    return Levels(levels, np.sqrt(np.diag(covariance)))


def _neighbours(patches: Sequence[Patch]) -> list[list[int]]:
    """For each note the later ones in the list that share frames with it."""
    spans = [(patch.frames.start, patch.frames.stop) for patch in patches]
    return [
        [other for other in range(index + 1, len(spans)) if spans[other][0] < stop and spans[other][1] > start]
        for index, (start, stop) in enumerate(spans)
    ]


def _information(patches: Sequence[Patch], shares: Sequence[NDArray[np.float32]], neighbours: list[list[int]]) -> Floats:
    """Sum over bins of the products of two notes' shares, (note, note)."""
    out = np.zeros((len(patches), len(patches)))
    for index, others in enumerate(neighbours):
        own = patches[index].frames
        out[index, index] = np.vdot(shares[index], shares[index])
        for other in others:
            its = patches[other].frames
            low, high = max(own.start, its.start), min(own.stop, its.stop)
            mine = shares[index][low - own.start : high - own.start]
            out[index, other] = out[other, index] = np.vdot(mine, shares[other][low - its.start : high - its.start])
    return out
