"""Recordings that are out of tune: how far, and times put right."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from corpora.audio import Audio
from corpora.audio_stream import AudioStream
from transcribe.heard import BEAT_DTYPE, HEARD_DTYPE, PEDAL_DTYPE, HeardMusic
from transcribe.spectra.tuning import tuning_cents
from transcribe.tuned import LEAST_CENTS, in_real_time, in_tune


def chords(cents: float, seconds: float = 6.0) -> NDArray[np.float32]:
    """Plucked chords of six partials, so far above A = 440."""
    time = np.arange(round(seconds * 16_000)) / 16_000
    sound = np.zeros(len(time))
    for start, pitches in ((0.0, (48, 64, 67)), (2.0, (53, 57, 72)), (4.0, (55, 59, 74))):
        since = time - start
        heard = since >= 0
        for pitch in pitches:
            hz = 440 * 2 ** ((pitch - 69) / 12 + cents / 1200)
            for partial in range(1, 7):
                sound[heard] += np.sin(2 * np.pi * partial * hz * since[heard]) * np.exp(-2 * since[heard]) / partial
    return (sound / np.abs(sound).max() * 0.5).astype(np.float32)


@pytest.mark.parametrize("cents", [-42.0, -30.0, -7.0, 0.0, 15.0, 30.0, 45.0])
def test_the_tuning_is_found_within_five_cents(cents: float) -> None:
    assert tuning_cents([chords(cents)]) == pytest.approx(cents, abs=5.0)


def test_what_has_no_pitch_has_no_tuning() -> None:
    rng = np.random.default_rng(0)
    noise = (0.1 * rng.normal(size=16_000 * 4)).astype(np.float32)
    clicks = (noise * (np.arange(len(noise)) % 4000 < 300)).astype(np.float32)
    for sound in (noise, clicks, np.zeros(16_000, dtype=np.float32)):
        assert tuning_cents([sound]) == 0.0


@pytest.mark.parametrize("cents", [-30.0, 30.0])
def test_a_stream_is_brought_in_tune(cents: float) -> None:
    stream, stretch = in_tune(AudioStream.open(Audio(chords(cents)[None], 16_000), 16_000))
    assert stretch == pytest.approx(2 ** (cents / 1200), rel=0.004)
    assert abs(tuning_cents(stream.levelled())) < 5.0
    assert len(np.concatenate(list(stream.blocks()))) == pytest.approx(6.0 * 16_000 * stretch, abs=2)


def test_a_stream_that_is_in_tune_is_left_as_it_is() -> None:
    stream = AudioStream.open(Audio(chords(LEAST_CENTS / 3)[None], 16_000), 16_000)
    assert in_tune(stream) == (stream, 1.0)


def test_times_are_those_of_the_recording_again() -> None:
    notes = np.array([(1.0, 2.0, 60, 80, 0, 0, 1.0)], dtype=HEARD_DTYPE)
    pedals, beats = np.array([(0.5, 1.5)], dtype=PEDAL_DTYPE), np.array([(1.0, 1)], dtype=BEAT_DTYPE)
    logits = np.stack([np.arange(100), np.arange(100)[::-1]], 1).astype(np.float32)
    music, told = in_real_time(HeardMusic(notes, 2.0, pedals, beats), logits, 1.25)
    assert music.notes["onset_s"][0] == pytest.approx(0.8)
    assert music.pedals["offset_s"][0] == pytest.approx(1.2)
    assert music.beats["time_s"][0] == pytest.approx(0.8)
    assert music.duration_s == pytest.approx(1.6)
    assert told.shape == (80, 2)
    np.testing.assert_allclose(told[40], [50.0, 49.0])
