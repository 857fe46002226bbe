"""Loudness against the numbers that the standards give, and against pyloudnorm."""

from __future__ import annotations

import math

import numpy as np
import pyloudnorm
import pytest

from render.mix.loudness import LoudnessMeter, integrated_lufs, k_weighting

RATE_HZ = 48_000


def tone(level_db: float, seconds: float, rate_hz: int = RATE_HZ, frequency_hz: float = 1000.0) -> np.ndarray:
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.stack([10 ** (level_db / 20) * np.sin(2 * np.pi * frequency_hz * times)] * 2)


def music_like(rng: np.random.Generator, seconds: int, rate_hz: int) -> np.ndarray:
    """Noise in steps of level, coloured, differing between channels."""
    steps = np.repeat(rng.uniform(0.001, 0.3, (2, seconds)), rate_hz, axis=1)
    noise = rng.standard_normal((2, seconds * rate_hz))
    return np.asarray(steps * (noise + np.cumsum(noise, axis=1) / 50))


def test_the_filters_are_the_recommendations_at_48_khz() -> None:
    # BS.1770-4, annex 1, tables 1 and 2
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585]
    high_pass = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(k_weighting(48_000), [shelf, high_pass], atol=1e-8)


def test_a_full_tone_in_one_channel_is_at_minus_3() -> None:
    # BS.1770-4, annex 1: "a 0 dB FS 997 Hz sine wave ... applied to the left, centre or right channel input" reads -3.01 LKFS
    both = tone(0.0, 5.0, frequency_hz=997.0)
    assert integrated_lufs(both[:1], RATE_HZ) == pytest.approx(-3.01, abs=0.005)
    both[1] = 0.0
    assert integrated_lufs(both, RATE_HZ) == pytest.approx(-3.01, abs=0.005)


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("level_db", [-23.0, -33.0])
def test_stereo_tones_of_tech_3341(level_db: float, rate_hz: int) -> None:
    # EBU Tech 3341, cases 1 and 2
    assert integrated_lufs(tone(level_db, 20.0, rate_hz), rate_hz) == pytest.approx(level_db, abs=0.1)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(-36.0, 10), (-23.0, 60), (-36.0, 10)], -23.0),  # case 3: the relative gate
        ([(-72.0, 10), (-36.0, 10), (-23.0, 60), (-36.0, 10), (-72.0, 10)], -23.0),  # case 4: the absolute one
        ([(-26.0, 20), (-20.0, 20.1), (-26.0, 20)], -23.0),  # case 5
    ],
)
def test_gates_of_tech_3341(steps: list[tuple[float, float]], expected: float) -> None:
    sound = np.concatenate([tone(level, seconds) for level, seconds in steps], axis=1)
    assert integrated_lufs(sound, RATE_HZ) == pytest.approx(expected, abs=0.1)


def test_short_term_and_momentary_of_a_steady_tone() -> None:
    # EBU Tech 3341, case 9 and 12 in small: a steady tone reads the same on every time scale
    meter = LoudnessMeter(RATE_HZ)
    meter.add(tone(-23.0, 6.0))
    assert len(meter.momentary_lufs) == 57
    assert len(meter.short_term_lufs) == 31
    np.testing.assert_allclose(meter.momentary_lufs[5:], -23.0, atol=0.1)
    np.testing.assert_allclose(meter.short_term_lufs[5:], -23.0, atol=0.1)


@pytest.mark.parametrize(("low_db", "high_db", "expected"), [(-20.0, -30.0, 10.0), (-20.0, -15.0, 5.0), (-40.0, -20.0, 20.0)])
def test_loudness_range_of_tech_3342(low_db: float, high_db: float, expected: float) -> None:
    # EBU Tech 3342, cases 1 to 3: 20 s each
    meter = LoudnessMeter(RATE_HZ)
    meter.add(np.concatenate([tone(low_db, 20.0), tone(high_db, 20.0)], axis=1))
    assert meter.loudness_range_lu == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_it_agrees_with_pyloudnorm(rate_hz: int) -> None:
    rng = np.random.default_rng(rate_hz)
    for _ in range(3):
        sound = music_like(rng, 12, rate_hz)
        theirs = pyloudnorm.Meter(rate_hz, filter_class="DeMan").integrated_loudness(sound.T)
        assert integrated_lufs(sound, rate_hz) == pytest.approx(theirs, abs=0.1)


def test_blocks_of_any_size_are_the_same() -> None:
    sound = music_like(np.random.default_rng(1), 8, 11_025)  # a tenth of a second is no whole number of samples
    whole = LoudnessMeter(11_025)
    whole.add(sound)
    pieces = LoudnessMeter(11_025)
    place, sizes = 0, [1, 0, 7, 1102, 1103, 5000, 3, 44_100]
    for turn in range(10**6):
        size = sizes[turn % len(sizes)]
        pieces.add(sound[:, place : place + size])
        place += size
        if place >= sound.shape[1]:
            break
    np.testing.assert_allclose(pieces.momentary_lufs, whole.momentary_lufs, atol=1e-9)
    assert pieces.integrated_lufs == pytest.approx(whole.integrated_lufs, abs=1e-9)


def test_amplified_afterwards_is_amplified_before() -> None:
    sound = music_like(np.random.default_rng(2), 6, 8_000)
    meter = LoudnessMeter(8_000)
    meter.add(sound[:, :20_001])
    meter.amplify(0.02)
    meter.add(0.02 * sound[:, 20_001:])
    assert meter.integrated_lufs == pytest.approx(integrated_lufs(0.02 * sound, 8_000), abs=1e-9)


def test_silence_and_shortness_have_no_loudness() -> None:
    assert integrated_lufs(np.zeros((2, RATE_HZ)), RATE_HZ) == -math.inf
    assert integrated_lufs(tone(-20.0, 0.39), RATE_HZ) == -math.inf
    assert integrated_lufs(tone(-20.0, 0.41), RATE_HZ) > -21.0
    assert integrated_lufs(np.zeros((2, 0)), RATE_HZ) == -math.inf
    assert LoudnessMeter(RATE_HZ).loudness_range_lu == 0.0
    after_sound = LoudnessMeter(RATE_HZ)
    after_sound.add(np.concatenate([tone(0.0, 1.0), np.zeros((2, 5 * RATE_HZ))], axis=1))
    assert after_sound.momentary_lufs[-1] < -100.0


def test_surround_channels_weigh_more() -> None:
    front, back = np.zeros((5, RATE_HZ)), np.zeros((5, RATE_HZ))
    front[0] = back[3] = tone(-20.0, 1.0)[0]
    assert integrated_lufs(back, RATE_HZ) - integrated_lufs(front, RATE_HZ) == pytest.approx(10 * math.log10(1.41), abs=1e-6)
    with pytest.raises(ValueError, match="1 to 5 channels, got 6"):
        LoudnessMeter(RATE_HZ, 6)
