"""Expression measured from known curves."""

import numpy as np
import pytest

from corpora.errors import RequestError
from render.ddsp.controls import NUM_HARMONICS
from render.ddsp.measures import NoteExpression, brightness_of, measure_note, vibrato_of


@pytest.mark.parametrize(("depth", "rate"), [(12.0, 4.5), (35.0, 6.2), (80.0, 5.0)])
def test_vibrato_of_a_sine(depth, rate):
    time = np.arange(250) / 125
    found = vibrato_of(700 + 5 * time + depth * np.sin(2 * np.pi * rate * time))
    assert found[0] == pytest.approx(depth, rel=0.05)
    assert found[1] == pytest.approx(rate, abs=0.1)


def test_short_notes_have_no_vibrato():
    assert vibrato_of(np.sin(np.arange(40))) == (0.0, 0.0)


def test_brightness_is_the_mean_harmonic():
    amplitudes = np.zeros((2, NUM_HARMONICS))
    amplitudes[0, 0] = 1.0
    amplitudes[1, [0, 2]] = 0.5
    np.testing.assert_allclose(brightness_of(amplitudes), [1.0, 2.0])


def test_level_noise_and_peak():
    frames = 200
    amplitudes = np.zeros((frames, NUM_HARMONICS))
    swell = np.concatenate([np.linspace(-2, 2, 150), np.linspace(2, -2, 50)])
    amplitudes[:, 0] = np.sqrt(2) * 10 ** ((-20 + swell) / 20)
    bands = np.full((frames, 65), 0.0)
    bands[:10] = np.sqrt(3) * 10 ** (-50 / 20)
    found = measure_note(np.full(frames, 440.0), amplitudes, bands)
    assert found.volume_db == pytest.approx(-20.0 + swell[10:-10].mean(), abs=0.02)
    assert found.peak_position == pytest.approx(0.75, abs=0.01)
    assert found.fluctuation_db == pytest.approx(swell[10:-10].std(), abs=0.02)
    assert found.attack_noise_db == pytest.approx(-50.0 - found.volume_db, abs=0.1)


def test_values_out_of_range_are_refused():
    with pytest.raises(RequestError, match="vibrato_cents: expected 0 to 200, got 900"):
        NoteExpression(volume_db=-20.0, vibrato_cents=900.0)
    with pytest.raises(RequestError, match="articulation: expected"):
        NoteExpression(volume_db=-20.0, articulation="spiccato")
    assert NoteExpression(volume_db=-20.0).limited(vibrato_cents=900.0).vibrato_cents == 200.0
