"""Varied sound keeps its length and its labels; degradations do what they are called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corpora.errors import RequestError
from transcribe.heard import BEAT_DTYPE, HEARD_DTYPE, PEDAL_DTYPE
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.augmentation import augment, changed_pitch, mix, room_response
from transcribe.training_audio.clips import Clip, make_clip
from transcribe.training_audio.degradations import DEGRADATIONS, degrade, slower, speech_like_noise
from transcribe.training_audio.fluid_voice import PLAYED_RATE_HZ, FontPlayer
from transcribe.training_audio.random_music import random_passage
from transcribe.training_audio.synthetic_voice import SyntheticVoice

NO_PEDALS, NO_BEATS = np.zeros(0, dtype=PEDAL_DTYPE), np.zeros(0, dtype=BEAT_DTYPE)


def clip_of_random_music(seed: int = 0, duration_s: float = 6.0) -> Clip:
    rng = np.random.default_rng(seed)
    wishes = {"split": "test", "piece": "random", "voice_name": "synthetic", "played_rate_hz": PLAYED_RATE_HZ}
    clip = make_clip(random_passage(rng, duration_s, (0,)), SyntheticVoice(rng).play, rng, **wishes)
    assert clip is not None
    return clip


@pytest.fixture(scope="module")
def clip() -> Clip:
    return clip_of_random_music()


def clicks(places_s: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """A click of 4 ms at each note."""
    sound = np.zeros(4 * SAMPLE_RATE_HZ, dtype=np.float32)
    notes = np.zeros(len(places_s), dtype=HEARD_DTYPE)
    for row, place_s in zip(range(len(places_s)), places_s, strict=True):
        first = round(place_s * SAMPLE_RATE_HZ)
        sound[first : first + 64] += 0.5 * np.hanning(64).astype(np.float32)
        notes[row]["onset_s"], notes[row]["offset_s"], notes[row]["pitch"] = place_s, place_s + 0.1, 60 + row
    return sound, notes


@pytest.mark.parametrize("seed", range(12))
def test_clicks_stay_where_the_labels_are(seed: int) -> None:
    sound, notes = clicks([0.5, 1.5, 2.5, 3.5])
    varied, labels, _, _ = augment(sound, notes, NO_PEDALS, NO_BEATS, np.random.default_rng(seed))
    assert varied.dtype == np.float32
    assert len(varied) == len(sound)
    assert np.isfinite(varied).all()
    assert np.abs(varied).max() <= 1.0001
    for onset_s in labels["onset_s"].tolist():
        place = round(onset_s * SAMPLE_RATE_HZ)
        window = np.abs(varied[max(place - 1600, 0) : place + 1600])
        assert abs(int(window.argmax()) + max(place - 1600, 0) - place - 32) < 0.003 * SAMPLE_RATE_HZ


def test_the_same_seed_varies_alike_and_another_one_does_not(clip: Clip) -> None:
    sound = clip.samples.astype(np.float32) / 32_768
    made = [augment(sound, clip.notes, clip.pedals, clip.beats, np.random.default_rng(seed))[0] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(made[0], made[1])
    assert np.abs(made[0] - made[2]).max() > 0.01


def test_silence_stays_silent() -> None:
    silence = np.zeros(16_000, dtype=np.float32)
    for seed in range(8):
        made, *_ = augment(silence, np.zeros(0, dtype=HEARD_DTYPE), NO_PEDALS, NO_BEATS, np.random.default_rng(seed))
        assert not made.any()


@pytest.mark.parametrize("cents", [-20.0, 7.0, 30.0])
def test_pitch_moves_by_cents_and_labels_with_time(cents: float) -> None:
    seconds = np.arange(4 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    tone = np.sin(2 * np.pi * 1000 * seconds).astype(np.float32)
    _, notes = clicks([1.0, 3.99])
    beats = np.array([(0.5, 1), (3.995, 2)], dtype=BEAT_DTYPE)
    made, labels, _, counted = changed_pitch(tone, notes, NO_PEDALS, beats, cents)
    spectrum = np.abs(np.fft.rfft(made[8_000:40_000] * np.hanning(32_000), 1 << 20))
    measured = 1200 * np.log2(spectrum.argmax() * SAMPLE_RATE_HZ / (1 << 20) / 1000)
    assert abs(measured - cents) < 0.1
    np.testing.assert_allclose(labels["onset_s"][0], 1.0 / 2 ** (cents / 1200))
    assert len(labels) == len(counted) == (1 if cents < -5 else 2)


@pytest.mark.parametrize("rt60_s", [0.2, 0.8, 1.4])
def test_a_room_dies_away_in_its_time(rt60_s: float) -> None:
    response = room_response(rt60_s, 0.0, 0.0, 0.01, np.random.default_rng(0))
    tail = response[161:].astype(np.float64)
    decay_db = 10 * np.log10(np.cumsum(tail[::-1] ** 2)[::-1])  # Schroeder's backward integration
    first, last = (int(np.argmax(decay_db - decay_db[0] <= level)) for level in (-5, -25))
    assert abs(3 * (last - first) / SAMPLE_RATE_HZ - rt60_s) < 0.12 * rt60_s
    np.testing.assert_allclose((tail**2).sum(), 1.0, rtol=1e-3)


def test_mixtures_have_the_notes_of_both(clip: Clip) -> None:
    other = clip_of_random_music(9)
    length = min(len(clip.samples), len(other.samples))
    sounds = [one.samples[:length].astype(np.float32) / 32_768 for one in (clip, other)]
    made, notes = mix(sounds[0], clip.notes, sounds[1], other.notes, np.random.default_rng(0))
    assert len(made) == length
    assert np.abs(made).max() <= 1.0
    assert {(note["pitch"]) for note in clip.notes} | {note["pitch"] for note in other.notes} == {note["pitch"] for note in notes}
    for pitch in set(notes["pitch"].tolist()):
        own = notes[notes["pitch"] == pitch]
        assert (own["offset_s"][:-1] <= own["onset_s"][1:] + 1e-9).all()


def test_noise_is_20_db_down(clip: Clip) -> None:
    noisy = degrade(clip, "noise 20 dB")
    before, after = clip.samples.astype(np.float64), noisy.samples.astype(np.float64)
    scale = (before @ after) / (before @ before)
    rest = after - scale * before
    assert abs(10 * np.log10((scale * before).var() / rest.var()) - 20) < 0.1


def test_mp3_keeps_time(clip: Clip) -> None:
    worse = degrade(clip, "mp3 64 kbit/s").samples.astype(np.float64)
    sound = clip.samples.astype(np.float64)
    size = 2 * len(sound)
    lag = int(np.fft.irfft(np.fft.rfft(worse, size) * np.conj(np.fft.rfft(sound, size)), size).argmax())
    assert lag == 0
    error_db = 10 * np.log10(((worse - sound) ** 2).sum() / (sound**2).sum())
    assert -60 < error_db < -10


def test_detuned_by_30_cents(clip: Clip) -> None:
    seconds = np.arange(len(clip.samples)) / SAMPLE_RATE_HZ
    tone = replace(clip, samples=np.rint(10_000 * np.sin(2 * np.pi * 440 * seconds)).astype(np.int16))
    spectrum = np.abs(np.fft.rfft(degrade(tone, "detune 30 cents").samples[:64_000] * np.hanning(64_000), 1 << 20))
    assert abs(abs(1200 * np.log2(spectrum.argmax() * SAMPLE_RATE_HZ / (1 << 20) / 440)) - 30) < 0.2


def test_degraded_clips_are_whole_and_repeatable(clip: Clip) -> None:
    for name in DEGRADATIONS:
        made, again = degrade(clip, name, seed=3), degrade(clip, name, seed=3)
        np.testing.assert_array_equal(made.samples, again.samples)
        assert len(made.samples) == len(clip.samples)
        assert made.samples.dtype == np.int16
    with pytest.raises(RequestError, match="expected one of noise 20 dB"):
        degrade(clip, "fire")


def test_half_tempo_plays_the_same_notes_twice_as_slowly(synthesiser: None, wheel_font: Path, clip: Clip) -> None:
    half = slower(clip, 2.0, FontPlayer(wheel_font).play)
    assert half.notes["pitch"].tolist() == clip.notes["pitch"].tolist()
    assert half.notes["velocity"].tolist() == clip.notes["velocity"].tolist()
    shift = half.notes["onset_s"] - 2 * clip.notes["onset_s"]
    assert np.ptp(shift) < 2e-3
    assert half.duration_s > 2 * clip.duration_s


def test_speech_like_noise_has_syllables_and_no_pitch() -> None:
    sound = speech_like_noise(10.0, np.random.default_rng(2))
    assert len(sound) == 10 * SAMPLE_RATE_HZ
    level = np.sqrt((sound.reshape(-1, 160) ** 2).mean(axis=1))
    assert np.percentile(level, 90) > 4 * np.percentile(level, 10)
    own = np.fft.irfft(np.abs(np.fft.rfft(sound, 1 << 19)) ** 2)
    assert np.abs(own[40:1600]).max() < 0.6 * own[0]  # of 10 to 400 Hz, no period stands out
