from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from render.fit.levels import fit_levels, total_power
from render.fit.spectra import Patch

FRAMES, BINS = 60, 40
PARTS = np.array([0, 0, 1])


def patches(rng: np.random.Generator) -> list[Patch]:
    return [Patch(first, rng.gamma(0.3, 1.0, (30, BINS)).astype(np.float32)) for first in (0, 10, 25)]


def floor() -> NDArray[np.float32]:
    return np.full((FRAMES, BINS), 1e-6, dtype=np.float32)


def test_levels_are_found() -> None:
    notes = patches(np.random.default_rng(0))
    hidden = np.array([-1.0, 0.7, 0.2])
    found = fit_levels(total_power(notes, hidden, floor()), notes, PARTS, np.zeros(3), floor(), rounds=20)
    assert found.levels == pytest.approx(hidden, abs=0.02)


def test_errors_are_as_large_as_they_say() -> None:
    misses = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        notes = patches(rng)
        hidden = rng.normal(0.0, 0.5, 3)
        heard = (total_power(notes, hidden, floor()) * rng.exponential(1.0, (FRAMES, BINS))).astype(np.float32)
        found = fit_levels(heard, notes, PARTS, np.zeros(3), floor(), rounds=20)
        misses += ((found.levels - hidden) / found.errors).tolist()
    # bins here are independent, as those of overlapping windows are not, so that errors are overstated
    assert 0.3 < np.sqrt(np.mean(np.square(misses))) < 1.2


def test_a_covered_note_is_not_told() -> None:
    rng = np.random.default_rng(1)
    first, _, third = patches(rng)
    notes = [first, Patch(first.first, first.values * np.float32(1e-7)), third]
    found = fit_levels(total_power(notes, np.zeros(3), floor()), notes, PARTS, np.zeros(3), floor(), rounds=20)
    assert found.errors[1] > 10 * found.errors[0]
    assert found.levels[1] == pytest.approx(found.levels[0], abs=0.1)  # it stays with its part
