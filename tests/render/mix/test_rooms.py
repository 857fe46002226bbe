from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from corpora.errors import RequestError
from render.mix.rooms import BAND_CENTRES_HZ, ROOMS, RoomSend, find_room, impulse_response

RATE_HZ = 44_100


def schroeder_rt60(response: np.ndarray, rate_hz: int) -> float:
    """Backward integration (Schroeder 1965), a line through -5 to -35 dB (T30, ISO 3382-1)."""
    energy = np.cumsum(response[::-1] ** 2)[::-1]
    level = 10 * np.log10(energy / energy[0] + 1e-30)
    fit = (level < -5) & (level > -35)
    slope, _ = np.polyfit(np.flatnonzero(fit) / rate_hz, level[fit], 1)
    return float(-60 / slope)


@pytest.mark.parametrize("name", ROOMS)
def test_every_band_dies_away_as_documented(name: str) -> None:
    room = ROOMS[name]
    response = impulse_response(room, RATE_HZ)
    for centre, ratio in zip(BAND_CENTRES_HZ[1:7], room.rt60_ratios[1:7], strict=True):
        band = signal.butter(6, [centre * 2**-0.35, centre * 2**0.35], "bandpass", fs=RATE_HZ, output="sos")
        measured = np.mean([schroeder_rt60(signal.sosfilt(band, channel), RATE_HZ) for channel in response.astype(float)])
        assert measured == pytest.approx(room.rt60_s * ratio, rel=0.15 if centre < 500 else 0.06), centre


@pytest.mark.parametrize("name", ROOMS)
def test_nothing_comes_before_the_pre_delay_and_the_energy_is_one(name: str) -> None:
    room = ROOMS[name]
    response = impulse_response(room, RATE_HZ)
    start = round(room.pre_delay_s * RATE_HZ)
    assert not response[:, :start].any()
    assert abs(response[0, start]) > 0.0
    np.testing.assert_allclose(np.square(response, dtype=np.float64).sum(axis=1), 1.0, atol=1e-5)
    assert np.abs(response[:, -50:]).max() < 1e-3 * np.abs(response).max()
    assert abs(np.corrcoef(response)[0, 1]) < 0.15  # wide


def test_a_room_is_the_same_every_time_and_at_every_rate_alike() -> None:
    hall = find_room("hall")
    first = impulse_response(hall, 8_000)
    impulse_response.cache_clear()
    np.testing.assert_array_equal(first, impulse_response(hall, 8_000))
    assert len(ROOMS) >= 6
    assert first.shape == (2, round(hall.length_s * 8_000))
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 1.0


def test_a_sound_from_the_left_is_answered_from_everywhere() -> None:
    rng = np.random.default_rng(5)
    sound = np.zeros((2, RATE_HZ), dtype=np.float32)
    sound[0] = rng.standard_normal(RATE_HZ)
    answer = RoomSend(find_room("salon"), RATE_HZ).process(sound)
    left, right = np.square(answer.astype(np.float64)).sum(axis=1)
    assert 10 * np.log10(left / right) == pytest.approx(20 * np.log10(0.8 / 0.6), abs=1.0)


def test_an_unknown_room_is_refused_by_name() -> None:
    with pytest.raises(RequestError, match=r"room: expected one of studio, .*plate, got 'garage'"):
        find_room("garage")
