"""All levels, onsets and tunings together, by the gradient of a spectral loss of the whole sound.

The rendering is a sum of notes: what the loss changes by with a note's level, onset and pitch is the product of its gradient at the
sound with the note itself, with the slope of the note over time, and with that slope times the time since its onset. So one
gradient of the loss serves all notes, and no note is rendered again while notes move by whole samples and grow or shrink.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.fit.loss import SpectralLoss

__all__ = ["Mixture", "Refined", "refine"]

LEVEL_STEP = 0.03  # a step of Adam at first, in nepers of amplitude
ONSET_STEP_S = 0.0001
DECAY_1, DECAY_2, TINY = 0.8, 0.95, 1e-12

Floats = NDArray[np.float64]
Samples = NDArray[np.float32]


class Mixture:
    """The sum of notes.

    Args:
        sounds: Each note alone at level 0.
        samples: Length of the sum.
    """

    def __init__(self, sounds: Sequence[Samples], samples: int) -> None:
        self._sounds = sounds
        self._slopes = [np.gradient(sound) if len(sound) > 1 else np.zeros_like(sound) for sound in sounds]
        self._samples = samples

    def _span(self, index: int, onset: float) -> tuple[int, int, int]:
        """First and one past the last sample in the sum, and the first in the note."""
        start = round(onset)
        low, high = max(start, 0), min(start + len(self._sounds[index]), self._samples)
        return low, max(high, low), low - start

    def sound(self, levels: Floats, onsets: Floats) -> Samples:
        """The sum, with notes at levels (natural logarithms of amplitude) and onsets (samples, rounded), (sample,)."""
        out = np.zeros(self._samples, dtype=np.float32)
        for index, (gain, onset) in enumerate(zip(np.exp(levels).tolist(), onsets.tolist(), strict=True)):
            low, high, skip = self._span(index, onset)
            out[low:high] += np.float32(gain) * self._sounds[index][skip : skip + high - low]
        return out

    def slopes(self, gradient: Samples, levels: Floats, onsets: Floats) -> tuple[Floats, Floats]:
        """What a function of the sum with this gradient changes by with each level, and with each onset in samples."""
        by_level, by_onset = np.zeros(len(levels)), np.zeros(len(levels))
        for index, (gain, onset) in enumerate(zip(np.exp(levels).tolist(), onsets.tolist(), strict=True)):
            low, high, skip = self._span(index, onset)
            by_level[index] = gain * float(gradient[low:high] @ self._sounds[index][skip : skip + high - low])
            by_onset[index] = -gain * float(gradient[low:high] @ self._slopes[index][skip : skip + high - low])
        return by_level, by_onset


@dataclass(frozen=True, eq=False)
class Refined:
    """Where the descent ended.

    Args:
        levels: (note,).
        onsets: Samples, (note,).
        losses: Before each step and at the end.
    """

    levels: Floats
    onsets: Floats
    losses: tuple[float, ...]


def refine(
    mixture: Mixture,
    loss: SpectralLoss,
    levels: Floats,
    onsets: Floats,
    level_reach: Floats,
    onset_reach: Floats,
    *,
    sample_rate_hz: int,
    steps: int,
) -> Refined:
    """Descend from levels and onsets, and give the best place passed.

    Args:
        mixture: The notes.
        loss: Against the recording.
        levels: Where to begin, (note,).
        onsets: Samples, (note,).
        level_reach: How far a level may move, (note,).
        onset_reach: How many samples an onset may move, (note,).
        sample_rate_hz: Samples a second.
        steps: Of Adam (arXiv:1412.6980), whose length falls in a straight line to a tenth.
    """
    start = np.stack([levels, onsets])
    unit = np.array([[LEVEL_STEP], [ONSET_STEP_S * sample_rate_hz]])
    reach = np.stack([level_reach, onset_reach])
    low, high = start - reach, start + reach
    place = start.copy()
    first, second = np.zeros_like(place), np.zeros_like(place)
    losses: list[float] = []
    best, least = place.copy(), np.inf
    for step in range(1, steps + 1):
        value, gradient = loss.gradient(mixture.sound(place[0], place[1]))
        losses.append(value)
        if value < least:
            best, least = place.copy(), value
        slope = np.stack(mixture.slopes(gradient, place[0], place[1]))
        first = DECAY_1 * first + (1.0 - DECAY_1) * slope
        second = DECAY_2 * second + (1.0 - DECAY_2) * slope**2
        moved = (first / (1.0 - DECAY_1**step)) / (np.sqrt(second / (1.0 - DECAY_2**step)) + TINY)
        place = np.clip(place - unit * (1.0 - 0.9 * (step - 1) / steps) * moved, low, high)
    value = loss.value(mixture.sound(place[0], place[1]))
    losses.append(value)
    if value < least:
        best = place
    return Refined(best[0], best[1], tuple(losses))
