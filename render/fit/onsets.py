"""When each note begins in a recording: a search around where it is expected.

Spectral distances have many minima in time beyond the length of a window, so every place of a grid of hops is tried, note by note,
with all other notes as they stand: the power that the note would add to theirs, against the power of the recording, over the bins
in which the note is heard, around its onset. A parabola through the best place and its neighbours gives what lies between hops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.fit.spectra import Grid, Patch

__all__ = ["REACH_S", "OnsetShifts", "search_onsets"]

REACH_S = 0.03
BEFORE_S, AFTER_S = 0.03, 0.12  # what is looked at around the onset, beside the reach
HEARD_SHARE = 0.1  # of a bin's power, from which on the note is heard in it

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OnsetShifts:
    """Where notes begin.

    Args:
        shifts_s: After where they were expected, (note,).
        gains: How much worse, per bin, the worst place of the reach agrees than the best, in nepers of power, (note,); 0 where the
            note is not heard.
    """

    shifts_s: Floats
    gains: Floats


def search_onsets(
    power: NDArray[np.float32],
    sounds: Sequence[NDArray[np.float32]],
    onsets: NDArray[np.int64],
    factors: Floats,
    shifts_s: Floats,
    floor: NDArray[np.float32],
    grid: Grid,
    *,
    rounds: int,
) -> OnsetShifts:
    """The best place of each note within ``REACH_S`` of where it is expected.

    Args:
        power: Of the recording, (frame, freq).
        sounds: Each note alone.
        onsets: Sample at which each is expected, (note,).
        factors: Of the power of each, (note,).
        shifts_s: Where each stands now, seconds after it is expected, (note,).
        floor: Power that is always there, (frame, freq).
        grid: Of the spectra.
        rounds: How often all notes are gone through.
    """
    rate, hop = grid.sample_rate_hz, grid.hop_samples
    reach = round(REACH_S * rate / hop)
    tried = np.arange(-reach, reach + 1)
    total = floor.copy()
    heads: list[Patch] = []
    for sound, onset, factor, shift_s in zip(sounds, onsets.tolist(), factors.tolist(), shifts_s.tolist(), strict=True):
        # the note's spectrum as if it began at its expected place; moving it is moving frames
        patch = grid.power(sound, onset)
        beginning = patch.values[: round((BEFORE_S + AFTER_S + 2 * REACH_S) * rate / hop) + 2 * reach] * np.float32(factor)
        heads.append(Patch(patch.first, beginning))
        moved = patch.first + round(shift_s * rate / hop)
        _add(total, patch.values * np.float32(factor), moved)
    places = np.round(shifts_s * rate / hop).astype(np.int64)
    gains = np.zeros(len(places))
    fractions = np.zeros(len(places))
    before, after = round(BEFORE_S * rate / hop) + reach, round(AFTER_S * rate / hop) + reach
    for _ in range(rounds):
        for index, head in enumerate(heads):
            centre = round(int(onsets[index]) / hop)
            low, high = max(centre - before, 0), min(centre + after, grid.frames)
            if high - low < 2:
                continue
            others = total[low:high].copy()
            _add(others, -head.values, head.first + int(places[index]) - low)
            np.maximum(others, floor[low:high], out=others)
            costs, heard = _costs(power[low:high], others, head, low, tried)
            if not heard:
                continue
            best = int(costs.argmin())
            gains[index] = float(costs.max() - costs[best])
            fractions[index] = _between(costs, best)
            if tried[best] != places[index]:
                _add(total, -head.values, head.first + int(places[index]))
                _add(total, head.values, head.first + int(tried[best]))
                np.maximum(total, floor, out=total)
                places[index] = tried[best]
    return OnsetShifts((places + fractions) * hop / rate, gains)


def _costs(
    power: NDArray[np.float32], others: NDArray[np.float32], head: Patch, low: int, tried: NDArray[np.int64]
) -> tuple[Floats, bool]:
    """Mean disagreement for each place that is tried, in nepers, and whether the note is heard at all."""
    loudest = head.values.max(axis=0)
    heard = np.flatnonzero(loudest > HEARD_SHARE * (loudest + np.median(others, axis=0)))
    if not len(heard):
        return np.zeros(len(tried)), False
    around, wanted, own = others[:, heard], np.log(power[:, heard] + 1e-20), head.values[:, heard]
    costs = np.empty(len(tried))
    for number, place in enumerate(tried.tolist()):
        total = around.copy()
        _add(total, own, head.first + place - low)
        costs[number] = np.abs(np.log(total) - wanted).mean()
    return costs, True


def _add(total: NDArray[np.float32], values: NDArray[np.float32], first: int) -> None:
    """Adds frames that begin at ``first``, which may be before 0; what is outside is left out."""
    low, high = max(first, 0), min(first + len(values), len(total))
    if high > low:
        total[low:high] += values[low - first : high - first]


def _between(costs: Floats, best: int) -> float:
    """Where the bottom of a parabola through the least cost and its two neighbours is, -0.5 to 0.5 of a step."""
    if not 0 < best < len(costs) - 1:
        return 0.0
    before, least, after = costs[best - 1 : best + 2]
    bend = before - 2.0 * least + after
    return 0.0 if bend <= 0.0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
