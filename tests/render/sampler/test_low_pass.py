from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.signal import freqz, lfilter

from render.sampler.low_pass import STEP, low_pass

RATE_HZ = 44_100.0


def coefficients(cutoff_hz: float, q_db: float) -> tuple[list[float], list[float]]:
    """The cookbook's low pass, its gain lowered by half the resonance."""
    omega = 2 * math.pi * min(cutoff_hz, 0.45 * RATE_HZ) / RATE_HZ
    alpha = math.sin(omega) / (2 * 10 ** ((q_db - 3.010299956639812) / 20))
    feed = 10 ** (-q_db / 40) * (1 - math.cos(omega)) / 2 / (1 + alpha)
    return [feed, 2 * feed, feed], [1.0, -2 * math.cos(omega) / (1 + alpha), (1 - alpha) / (1 + alpha)]


@pytest.mark.parametrize("cutoff_hz", [5.0, 200.0, 3_000.0, 12_000.0, 19_900.0])
@pytest.mark.parametrize("q_db", [0.0, 6.0, 40.0, 96.0])
def test_it_is_scipys_filter(cutoff_hz: float, q_db: float, rng_noise: torch.Tensor) -> None:
    steps = rng_noise.shape[1] // STEP
    got, _ = low_pass(rng_noise, torch.full((2, steps), cutoff_hz), torch.full((2,), q_db), RATE_HZ)
    wanted = lfilter(*coefficients(cutoff_hz, q_db), rng_noise.numpy())
    assert np.abs(got.numpy() - wanted).max() < 1e-6 * np.abs(wanted).max()


def test_a_moving_cutoff_is_scipys_filter_step_by_step(rng_noise: torch.Tensor) -> None:
    steps = rng_noise.shape[1] // STEP
    cutoffs = torch.linspace(200.0, 9_000.0, steps).expand(2, -1)
    got, _ = low_pass(rng_noise, cutoffs, torch.full((2,), 12.0), RATE_HZ)
    sound, wanted = rng_noise[0].numpy(), np.zeros(steps * STEP)
    for place in range(len(sound)):
        b, a = coefficients(float(cutoffs[0, place // STEP]), 12.0)
        before = [sound[place - back] if place >= back else 0.0 for back in range(3)]
        out = [wanted[place - back] if place >= back else 0.0 for back in (1, 2)]
        wanted[place] = np.dot(b, before) - a[1] * out[0] - a[2] * out[1]
    assert np.abs(got[0].numpy() - wanted).max() < 1e-9


def test_blocks_are_the_whole(rng_noise: torch.Tensor) -> None:
    steps = rng_noise.shape[1] // STEP
    cutoffs, q_db = torch.linspace(100.0, 5_000.0, steps).expand(2, -1), torch.full((2,), 20.0)
    whole, last = low_pass(rng_noise, cutoffs, q_db, RATE_HZ)
    state, parts = None, []
    for first in range(0, steps, 7):
        part, state = low_pass(rng_noise[:, first * STEP : (first + 7) * STEP], cutoffs[:, first : first + 7], q_db, RATE_HZ, state)
        parts.append(part)
    assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-12)
    assert state is not None
    assert torch.allclose(state, last, atol=1e-12)


@pytest.mark.parametrize("q_db", [0.0, 10.0, 30.0])
def test_the_resonance_is_as_specified(q_db: float) -> None:
    _, response = freqz(*coefficients(1_000.0, q_db), worN=[1e-6, 2 * math.pi * 1_000 / RATE_HZ])
    bottom, top = 20 * np.log10(np.abs(response))
    assert bottom == pytest.approx(-q_db / 2, abs=1e-3)
    assert top - bottom == pytest.approx(q_db - 3.01, abs=1e-2)  # at the cutoff; the peak of a high resonance is there


@pytest.fixture
def rng_noise() -> torch.Tensor:
    return torch.randn(2, 40 * STEP, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
