"""What is taken apart is what was put together; amplitudes agree with least squares."""

import numpy as np
import pytest

from render.ddsp.analysis import analyse_note
from render.ddsp.pitch_refinement import refine_pitch
from render.ddsp.synthesis import synthesise

RATE_HZ, HOP = 44_100, 353


@pytest.mark.parametrize("f0_hz", [65.4, 220.0, 880.0, 1760.0])
def test_a_made_note_is_taken_apart_again(make_controls, f0_hz):
    controls = make_controls(f0_hz, depth_cents=25.0)
    sound = synthesise(controls).samples[0].astype(np.float64)
    found = analyse_note(sound, f0_hz * 1.008)
    inner = slice(15, 105)
    cents = 1200 * np.log2(found.f0_hz[inner] / controls.f0_hz[inner])
    assert np.abs(cents).max() < 2.0
    count = min(10, int(18_000 / f0_hz))
    wanted = (controls.harmonics * controls.gains()[:, None])[inner, :count]
    assert np.abs(20 * np.log10(found.amplitudes[inner, :count] / wanted)).max() < 1.0
    noise = 20 * np.log10(found.bands[inner, 2:60] / (controls.noise * controls.gains()[:, None])[inner, 2:60])
    assert abs(noise.mean()) < 1.0
    assert np.abs(found.level_db()[inner] - controls.level_db[inner]).max() < 0.2
    assert found.voiced_share > 0.9


def test_amplitudes_agree_with_least_squares(make_controls):
    controls = make_controls(311.0, 0.5, noise_gain=0.0)
    sound = synthesise(controls).samples[0].astype(np.float64)
    found = analyse_note(sound, 311.0)
    frame = 30
    place = np.arange(frame * HOP - 1000, frame * HOP + 1000)
    angles = 2 * np.pi * 311.0 * np.outer(place / RATE_HZ, np.arange(1, 31))
    fitted, *_ = np.linalg.lstsq(np.hstack([np.cos(angles), np.sin(angles)]), sound[place], rcond=None)
    np.testing.assert_allclose(found.amplitudes[frame, :30], np.hypot(fitted[:30], fitted[30:]), rtol=0.02)


def test_another_pitch_than_the_one_said_has_little_of_the_energy():
    sound = np.sin(2 * np.pi * 300 * np.arange(RATE_HZ) / RATE_HZ)
    assert analyse_note(sound, 300.0).voiced_share > 0.95
    assert analyse_note(sound, 210.0).voiced_share < 0.25


def test_pitch_is_right_to_a_cent_under_vibrato():
    time = np.arange(RATE_HZ) / RATE_HZ
    pitch = 330 * 2 ** (40 / 1200 * np.sin(2 * np.pi * 6 * time))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    curve, _ = refine_pitch(np.sin(phase) + 0.5 * np.sin(2 * phase), 325.0, RATE_HZ, HOP)
    wanted = pitch[np.arange(len(curve)) * HOP]
    inner = slice(10, -10)
    # the smoothing over 20 ms flattens a vibrato of 6 Hz by two parts in a hundred
    assert np.abs(1200 * np.log2(curve[inner] / wanted[inner])).max() < 3.0
