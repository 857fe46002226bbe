from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from render.fit.spectra import Grid
from render.fit.tuning import NoteTunings, global_tuning, note_tunings, own_tunings

RATE_HZ, SECONDS = 22_050, 3


def tones(cents: float, *keys: int) -> NDArray[np.float32]:
    times = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    hz = [440.0 * 2.0 ** ((key - 69 + cents / 100) / 12) * partial for key in keys for partial in (1, 2, 3, 4)]
    return np.asarray(sum(np.sin(2 * np.pi * f * times) / (1 + f / 440) for f in hz), dtype=np.float32)


@pytest.mark.parametrize("cents", [-47.0, -30.0, 0.0, 12.3, 55.0])
def test_the_tuning_of_the_whole(cents: float) -> None:
    grid = Grid(RATE_HZ, 8_192, 2_048, SECONDS * RATE_HZ // 2_048, 8_000.0)
    found, alike = global_tuning(grid.power(tones(cents, 57, 64, 72), 0).values, grid.power(tones(0.0, 57, 64, 72), 0).values, grid)
    assert found == pytest.approx(cents, abs=2.0)
    assert alike > 0.8


@pytest.mark.parametrize("cents", [-15.0, -2.0, 0.3, 20.0])
def test_the_tuning_of_notes(cents: float) -> None:
    grid = Grid(RATE_HZ, 2_048, 256, SECONDS * RATE_HZ // 256, 8_000.0)
    alone = [grid.spectrum(tones(0.0, key), 0) for key in (57, 76)]
    total = sum(np.abs(spectrum) ** 2 for _, spectrum in alone).astype(np.float32)
    heard = grid.spectrum(tones(0.0, 57) + tones(cents, 76), 0)[1]
    found = note_tunings(heard, alone, np.ones(2), total, grid)
    assert found.cents == pytest.approx([0.0, cents], abs=0.5)
    assert np.isfinite(found.errors).all()


def test_what_is_no_more_than_error_is_not_a_notes_own() -> None:
    rng = np.random.default_rng(0)
    found = own_tunings(NoteTunings(5.0 + rng.normal(0, 1, 200), np.ones(200)), np.ones(200, dtype=np.bool_))
    assert found.common == pytest.approx(5.0, abs=0.3)
    assert np.abs(found.cents).mean() < 0.3
    wide = own_tunings(NoteTunings(5.0 + rng.normal(0, 10, 200), np.ones(200)), np.ones(200, dtype=np.bool_))
    assert np.std(wide.cents) == pytest.approx(10.0, rel=0.2)
    nothing = own_tunings(NoteTunings(np.zeros(3), np.full(3, np.inf)), np.ones(3, dtype=np.bool_))
    assert nothing.common == 0.0
    assert np.isinf(nothing.errors).all()
