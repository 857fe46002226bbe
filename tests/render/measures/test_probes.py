"""Onsets and pitches read from sounds that are known, and from the engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from render.engines import find_engine, stem_file
from render.measures import measure_onsets, measure_tuning
from render.measures.probes import first_sounds, steady_pitch_hz
from render.played import PLAYED_DTYPE, PlayedMusic

RATE_HZ = 44_100
ATTACK = 7


def plays(late_samples: int = 0, sharp_cents: float = 0.0, stretch: float = 1.0) -> Callable[[PlayedMusic, Path], None]:
    """An engine of our own: tones of five harmonics that come late and are out of tune."""

    def play(played: PlayedMusic, folder: Path) -> None:
        out = np.zeros(played.end_sample + RATE_HZ)
        for note in played.notes:
            cents = 100.0 * (note["key"] - 69) + stretch * note["cents"] + sharp_cents
            start = int(note["onset_sample"]) + ATTACK + (late_samples if note["onset_sample"] else 0)
            times = np.arange(1, int(note["end_sample"] - note["onset_sample"])) / RATE_HZ
            phase = 2 * np.pi * 440.0 * 2 ** (cents / 1200) * times
            out[start : start + len(times)] += 0.02 * sum(np.sin(k * phase) / k for k in range(1, 6))
        np.repeat(out[:, None], 2, axis=1).astype("<f4").tofile(stem_file(folder, 0))

    return play


@pytest.mark.parametrize("late_samples", [0, 1, 100, -31])
def test_a_shift_is_measured_to_the_sample(late_samples: int) -> None:
    found = measure_onsets(plays(late_samples), sample_rate_hz=RATE_HZ)
    assert found.attack_samples == ATTACK
    assert set(found.isolated) == {late_samples}
    assert set(found.overlapping) == {late_samples}


def test_notes_that_are_not_heard_are_named() -> None:
    notes = np.zeros(2, dtype=PLAYED_DTYPE)
    notes["onset_sample"], notes["end_sample"] = [0, 5_000], [2_000, 7_000]
    samples = np.zeros((1, 8_000))
    samples[0, 12:100] = 0.1
    assert first_sounds(samples, notes).tolist() == [12, -1]


@pytest.mark.parametrize("cents", [0.0, 10.0, -37.5])
@pytest.mark.parametrize("freq_hz", [110.0, 440.0, 1_760.0])
def test_cents_are_measured(cents: float, freq_hz: float) -> None:
    asked_hz = freq_hz * 2 ** (cents / 1200)
    phase = 2 * np.pi * asked_hz * np.arange(RATE_HZ) / RATE_HZ
    found = steady_pitch_hz(np.sin(phase) + 0.5 * np.sin(2 * phase + 1.0), freq_hz, RATE_HZ)
    assert 1200 * np.log2(found / freq_hz) == pytest.approx(cents, abs=0.01)


def test_ten_cents_sharp_is_ten_cents_sharp() -> None:
    found = measure_tuning(plays(sharp_cents=10.0), sample_rate_hz=RATE_HZ)
    assert found.pitch_cents == pytest.approx([10.0] * 16, abs=0.02)
    assert found.interval_cents == pytest.approx([0.0] * 12, abs=0.02)


def test_a_wrong_interval_is_told_from_a_wrong_pitch() -> None:
    found = measure_tuning(plays(stretch=1.1), sample_rate_hz=RATE_HZ)
    assert found.interval_cents == pytest.approx([3.33, -2.15, 5.0] * 4, abs=0.02)


@pytest.mark.usefixtures("wheel_font")
def test_the_sampler_is_right_to_the_sample_and_a_tenth_of_a_cent() -> None:
    sampler = find_engine("sampler")

    def play_raw(played: PlayedMusic, folder: Path) -> None:
        sampler(played, folder, stems=False)

    onsets = measure_onsets(play_raw, sample_rate_hz=RATE_HZ)
    assert set(onsets.isolated) == set(onsets.overlapping) == {0}
    assert max(np.abs(measure_tuning(play_raw, sample_rate_hz=RATE_HZ).interval_cents)) < 0.1


@pytest.mark.usefixtures("wheel_font", "synthesiser")
def test_the_soundfont_engine_is_within_its_grid() -> None:
    soundfont = find_engine("soundfont")
    found = measure_onsets(lambda played, folder: soundfont(played, folder, stems=False), sample_rate_hz=RATE_HZ)
    errors = np.abs([*found.isolated, *found.overlapping])
    assert 0 < errors.max() < 64
