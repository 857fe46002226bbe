"""True peaks of signals whose peak is known, and of others by a far finer resampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import signal

from render.mix.true_peak import PEAK_DELAY_SAMPLES, PeakEnvelope, TruePeakMeter, true_peak_dbtp

LENGTH = 4000


def faded_tone(cycles_per_sample: float, phase: float = 0.0) -> np.ndarray:
    """A sine under a Hann window whose top is 1 between the samples too, within 0.001 dB."""
    return np.sin(2 * np.pi * cycles_per_sample * np.arange(LENGTH) + phase)[None] * np.hanning(LENGTH)


def fine_peak_db(sound: np.ndarray, factor: int = 16) -> float:
    padded = np.pad(sound, ((0, 0), (500, 500)))
    return float(20 * np.log10(np.abs(signal.resample(padded, factor * padded.shape[1], axis=1)).max()))


def test_a_quarter_rate_sine_at_45_degrees_peaks_3_db_above_its_samples() -> None:
    sound = faded_tone(0.25, np.pi / 4)
    assert 20 * math.log10(np.abs(sound).max()) == pytest.approx(-3.01, abs=0.01)
    assert true_peak_dbtp(sound) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("cycles", [0.003, 0.05, 0.11, 1 / 6, 0.2, 0.27, 1 / 3, 0.37, 0.41, 0.45, 0.47])
def test_sines_of_any_phase(cycles: float) -> None:
    readings = [true_peak_dbtp(faded_tone(cycles, phase)) for phase in np.linspace(0.0, np.pi, 24)]
    assert max(np.abs(readings)) < 0.05


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_noise_up_to_20_khz_against_sixteenfold_resampling(rate_hz: int) -> None:
    rng = np.random.default_rng(3)
    filtered = signal.sosfiltfilt(signal.butter(8, 19_000, fs=rate_hz, output="sos"), rng.standard_normal((2, 30_000)), axis=1)
    filtered *= np.hanning(30_000)
    assert true_peak_dbtp(filtered) == pytest.approx(fine_peak_db(filtered), abs=0.1)


def test_an_impulse_at_either_end_counts() -> None:
    for place in (0, 1, LENGTH - 2, LENGTH - 1):
        sound = np.zeros((2, LENGTH))
        sound[1, place] = 0.5
        assert true_peak_dbtp(sound) == pytest.approx(-6.02, abs=0.02)
    step = np.full((1, 100), 0.5)  # cut off at full level: overshoots after the last sample
    assert true_peak_dbtp(step) == pytest.approx(fine_peak_db(step), abs=0.15)


def test_blocks_of_any_size_are_the_same() -> None:
    sound = np.random.default_rng(4).standard_normal((2, 20_000)).astype(np.float32)
    pieces = TruePeakMeter()
    place = 0
    for size in (1, 30, 31, 32, 33, 64, 65, 5000, 20_000):
        pieces.add(sound[:, place : place + size])
        place += size
    assert pieces.peak_dbtp == pytest.approx(true_peak_dbtp(sound), abs=1e-5)
    assert pieces.peak_dbtp == pieces.peak_dbtp  # asking changes nothing


def test_the_envelope_says_where_the_peak_is() -> None:
    sound = np.zeros((1, 300), dtype=np.float32)
    sound[0, 100] = sound[0, 101] = 0.5
    envelope = PeakEnvelope(1).process(sound, 0.1)
    assert int(envelope.argmax()) == 100 + PEAK_DELAY_SAMPLES  # the top lies between samples 100 and 101
    assert float(envelope.max()) == pytest.approx(2 / np.pi, abs=0.01)


def test_silence_has_no_peak() -> None:
    assert true_peak_dbtp(np.zeros((2, 100))) == -math.inf
    assert TruePeakMeter().peak_dbtp == -math.inf
    assert true_peak_dbtp(np.full((1, 200), 1e-30)) < -500.0
