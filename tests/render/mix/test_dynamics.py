"""Compressor and limiter against a slow loop that follows the definition sample by sample."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import signal

from corpora.errors import RequestError
from render.mix.compressor import Compressor, CompressorSettings, gain_reduction_db
from render.mix.envelopes import PeakHold
from render.mix.limiter import Limiter
from render.mix.true_peak import true_peak_dbtp

RATE_HZ = 44_100


def bursts(seed: int, seconds: float = 4.0, most: float = 1.5) -> np.ndarray:
    """Noise up to 19 kHz in steps of level."""
    rng = np.random.default_rng(seed)
    length = int(seconds * RATE_HZ)
    noise = signal.sosfilt(signal.butter(8, 19_000, fs=RATE_HZ, output="sos"), rng.standard_normal((2, length)), axis=1)
    return np.asarray(noise * np.repeat(rng.uniform(0.005, most, 40), length // 40 + 1)[:length], dtype=np.float32)


@pytest.mark.parametrize("decay", [0.5, 0.999, 0.9999999])
def test_peak_hold_is_its_definition(decay: float) -> None:
    rng = np.random.default_rng(8)
    values = np.where(rng.random(5000) < 0.01, rng.exponential(10.0, 5000), 0.0)
    expected, last = [], 0.0
    for value in values:
        last = max(value, decay * last)
        expected.append(last)
    hold = PeakHold(decay)
    found = np.concatenate([hold.process(part) for part in np.split(values, [1, 2, 999])])
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_the_gain_computer_is_the_tutorials_equation_4() -> None:
    settings = CompressorSettings(threshold_db=-20.0, ratio=4.0, knee_db=10.0)
    levels = np.array([-60.0, -25.0, -20.0, -15.0, 0.0])
    knee = (1 / 4 - 1) * (np.array([0.0, 5.0, 10.0]) ** 2) / 20.0
    outputs = np.array([-60.0, -25.0 + knee[0], -20.0 + knee[1], -15.0 + knee[2], -20.0 + 20.0 / 4])
    np.testing.assert_allclose(levels - gain_reduction_db(levels, settings), outputs, atol=1e-12)
    hard = CompressorSettings(threshold_db=-20.0, ratio=4.0, knee_db=0.0)
    np.testing.assert_allclose(gain_reduction_db(levels, hard), [0.0, 0.0, 0.0, 3.75, 15.0], atol=1e-12)


def test_the_compressor_is_its_definition() -> None:
    settings = CompressorSettings(threshold_db=-30.0, ratio=3.0, attack_s=0.003, release_s=0.05, makeup_db=2.0)
    sound = bursts(9, 0.5)
    attack, release = math.exp(-1 / (0.003 * RATE_HZ)), math.exp(-1 / (0.05 * RATE_HZ))
    held = smooth = 0.0
    expected = []
    for sample in np.abs(sound).max(axis=0).tolist():
        too_loud = float(gain_reduction_db(np.array([20 * math.log10(max(sample, 1e-6))]), settings)[0])
        held = max(too_loud, release * held)
        smooth = attack * smooth + (1 - attack) * held
        expected.append(10 ** ((2.0 - smooth) / 20))
    compressor = Compressor(settings, RATE_HZ)
    found = np.concatenate([compressor.process(part) for part in np.split(sound, [1, 3, 5000], axis=1)], axis=1)
    np.testing.assert_allclose(found, sound * np.array(expected), atol=2e-6)


def test_a_steady_tone_comes_out_where_the_curve_says() -> None:
    settings = CompressorSettings(threshold_db=-20.0, ratio=4.0, knee_db=0.0, attack_s=0.01, release_s=1.0)
    tone = np.stack([np.sin(2 * np.pi * 1000 * np.arange(4 * RATE_HZ) / RATE_HZ)] * 2).astype(np.float32)
    out = Compressor(settings, RATE_HZ).process(tone)
    assert 20 * np.log10(np.abs(out[:, -RATE_HZ:]).max()) == pytest.approx(-15.0, abs=0.1)
    np.testing.assert_array_equal(out[0], out[1])


@pytest.mark.parametrize("ceiling_dbtp", [-1.0, -9.0])
def test_the_limiter_holds_the_true_peak(ceiling_dbtp: float) -> None:
    limiter = Limiter(ceiling_dbtp, RATE_HZ)
    sound = bursts(10)
    out = limiter.process(np.pad(sound, ((0, 0), (0, limiter.delay_samples))))[:, limiter.delay_samples :]
    fine = 20 * np.log10(
        np.abs(signal.resample(np.pad(out, ((0, 0), (200, 200))).astype(float), 16 * (out.shape[1] + 400), axis=1)).max()
    )
    assert true_peak_dbtp(sound) > ceiling_dbtp + 6.0
    assert true_peak_dbtp(out) <= ceiling_dbtp + 0.01
    assert fine <= ceiling_dbtp + 0.1  # independently of our own meter
    assert fine >= ceiling_dbtp - 0.2  # and no lower than need be
    assert limiter.greatest_reduction_db > 6.0


def test_the_limiter_leaves_alone_what_is_low_enough() -> None:
    sound = bursts(11, 1.0, most=0.05)
    limiter = Limiter(-1.0, RATE_HZ)
    out = limiter.process(sound)
    np.testing.assert_array_equal(out[:, limiter.delay_samples :], sound[:, : -limiter.delay_samples])
    assert limiter.greatest_reduction_db == 0.0


def test_the_limiter_brings_its_gain_down_before_a_click_and_lets_it_rise_after() -> None:
    sound = np.full((2, RATE_HZ), 0.1, dtype=np.float32)
    sound[:, 10_000] = 4.0
    limiter = Limiter(-1.0, RATE_HZ)
    gains = limiter.gains(sound)[limiter.delay_samples :]
    down = 20 * np.log10(gains[10_000])
    assert down == pytest.approx(-13.07, abs=0.1)
    assert gains[9_700] == 1.0
    assert np.all(np.diff(gains[9_700:10_000]) <= 0.0)
    assert np.all(np.diff(gains[10_005:30_000]) >= 0.0)
    assert 20 * np.log10(gains[10_000 + round(0.13 * RATE_HZ)]) == pytest.approx(down / math.e, abs=0.3)


@pytest.mark.parametrize("frequency_hz", [55.0, 110.0, 1_000.0])
def test_a_tone_that_is_too_loud_stays_a_tone(frequency_hz: float) -> None:
    times = np.arange(2 * RATE_HZ) / RATE_HZ
    tone = np.stack([2.0 * np.sin(2 * np.pi * frequency_hz * times)] * 2).astype(np.float32)
    out = Limiter(-1.0, RATE_HZ).process(tone)[0, RATE_HZ:].astype(np.float64)  # a whole number of periods
    spectrum = np.abs(np.fft.rfft(out)) ** 2
    own = spectrum[int(frequency_hz)]
    assert 10 * np.log10((spectrum.sum() - own) / own) < -60.0
    assert 20 * np.log10(np.abs(out).max()) == pytest.approx(-1.0, abs=0.1)


def test_limiter_blocks_of_any_size_are_the_same() -> None:
    sound = bursts(12, 1.0)
    whole, pieces = Limiter(-3.0, RATE_HZ), Limiter(-3.0, RATE_HZ)
    cut = [pieces.process(part) for part in np.split(sound, [1, 2, 60, 61, 9_000, 40_000], axis=1)]
    assert np.abs(np.concatenate(cut, axis=1) - whole.process(sound)).max() < 1e-6


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ratio": 0.5}, "compressor: ratio: expected 1 to 100, got 0.5"),
        ({"attack_s": 0.0}, "attack_s: expected 0.0001 to 1"),
        ({"threshold_db": float("nan")}, "threshold_db: .*got nan"),
    ],
)
def test_absurd_compressors_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        CompressorSettings(**values)
