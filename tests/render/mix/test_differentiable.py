"""The torch twins against the streams they stand for, and whether a mix can be fitted with them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import signal

from render.mix.differentiable import amplify, balance, convolve, equalize, loudness_lufs
from render.mix.equalizer import Band, Equalizer, EqualizerSettings
from render.mix.levels import balance_gains, db_to_ratio
from render.mix.loudness import integrated_lufs
from render.mix.rooms import find_room, impulse_response

RATE_HZ = 44_100
BANDS = {
    "low_shelf": (120.0, 4.0, 0.8),
    "low_bell": (400.0, -9.0, 5.0),
    "high_bell": (2_500.0, 6.0, 1.0),
    "high_shelf": (8_000.0, -3.0, 0.6),
}


@pytest.fixture
def sound() -> np.ndarray:
    rng = np.random.default_rng(13)
    return np.asarray(rng.standard_normal((2, 2 * RATE_HZ)) * np.repeat([0.3, 0.003, 0.1, 0.2], RATE_HZ // 2), dtype=np.float32)


def test_gain_and_balance(sound: np.ndarray) -> None:
    np.testing.assert_allclose(amplify(torch.from_numpy(sound), -7.0).numpy(), sound * db_to_ratio(-7.0), atol=1e-6)
    for pan in (-1.0, 0.3, 1.0):
        np.testing.assert_allclose(
            balance(torch.from_numpy(sound), pan).numpy(), sound * np.array(balance_gains(pan))[:, None], atol=1e-6
        )


def test_tone_control_is_the_streams(sound: np.ndarray) -> None:
    settings = EqualizerSettings(**{name: Band(frequency_hz=f, gain_db=gain, q=q) for name, (f, gain, q) in BANDS.items()})
    found = equalize(torch.from_numpy(sound), BANDS, RATE_HZ).numpy()
    np.testing.assert_allclose(found, Equalizer(settings, RATE_HZ).process(sound), atol=2e-6)


def test_convolution_is_scipys(sound: np.ndarray) -> None:
    response = impulse_response(find_room("studio"), RATE_HZ)
    found = convolve(torch.from_numpy(sound), torch.from_numpy(response.copy()))
    np.testing.assert_allclose(found.numpy(), signal.fftconvolve(sound, response, axes=1), atol=1e-5)


@pytest.mark.parametrize("rate_hz", [11_025, 44_100, 48_000])
def test_loudness_is_the_meters(sound: np.ndarray, rate_hz: int) -> None:
    found = float(loudness_lufs(torch.from_numpy(sound), rate_hz))
    assert found == pytest.approx(integrated_lufs(sound, rate_hz), abs=1e-3)
    with pytest.raises(ValueError, match="silence to a loudness meter"):
        loudness_lufs(torch.zeros(2, rate_hz), rate_hz)


def test_gradients_are_those_of_small_differences() -> None:
    rng = np.random.default_rng(14)
    tone = torch.from_numpy(rng.standard_normal((2, 4_000)))
    numbers = torch.tensor([300.0, 3.0, 1.2, -2.0, 0.2], dtype=torch.float64, requires_grad=True)

    def mixed(values: torch.Tensor) -> torch.Tensor:
        shaped = equalize(tone, {"low_bell": (values[0], values[1], values[2])}, 8_000)
        return loudness_lufs(balance(amplify(shaped, values[3]), values[4]), 8_000)

    assert torch.autograd.gradcheck(mixed, (numbers,), eps=1e-4, atol=1e-5)


def test_a_mix_is_found_again(sound: np.ndarray) -> None:
    dry = torch.from_numpy(sound[:, :4_000])
    target = balance(amplify(equalize(dry, {"high_shelf": (8_000.0, -6.0, 0.7)}, RATE_HZ), -4.0), 0.5)
    gain_db, pan, shelf_db = (torch.zeros((), requires_grad=True) for _ in range(3))
    optimizer = torch.optim.Adam([{"params": [gain_db, shelf_db], "lr": 0.5}, {"params": [pan], "lr": 0.05}])
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.95)
    for _ in range(100):
        optimizer.zero_grad()
        made = balance(amplify(equalize(dry, {"high_shelf": (8_000.0, shelf_db, 0.7)}, RATE_HZ), gain_db), pan)
        loss = torch.log(torch.mean((made - target) ** 2) + 1e-9)
        loss.backward()
        optimizer.step()
        schedule.step()
    assert gain_db.item() == pytest.approx(-4.0, abs=0.2)
    assert shelf_db.item() == pytest.approx(-6.0, abs=0.3)
    assert pan.item() == pytest.approx(0.5, abs=0.03)
