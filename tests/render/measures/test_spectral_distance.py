"""The distance of two sounds: identities, symmetry, known changes, parity of spectra and mel bands with librosa."""

from __future__ import annotations

import math

import librosa
import numpy as np
import pytest

from corpora.audio import Audio
from render.measures import log_mel_embedding, mel_filters, spectral_distance
from render.measures.frames import magnitude_frames

RATE_HZ = 22_050


def noise(seed: int = 0, amplitude: float = 0.1, seconds: float = 1.0) -> Audio:
    samples = np.random.default_rng(seed).normal(0, amplitude, (2, round(seconds * RATE_HZ)))
    return Audio(samples.astype(np.float32), RATE_HZ)


def scaled(sound: Audio, ratio: float) -> Audio:
    return Audio((sound.samples * np.float32(ratio)).astype(np.float32), RATE_HZ)


def test_a_sound_is_nowhere_from_itself() -> None:
    found = spectral_distance(noise(), noise())
    assert (found.log_magnitude_db, found.convergence) == (0.0, 0.0)


def test_a_gain_is_what_it_is() -> None:
    found = spectral_distance(noise(), scaled(noise(), 2.0))
    assert found.log_magnitude_db == pytest.approx(20 * math.log10(2.0), abs=1e-4)
    assert found.convergence == pytest.approx(1.0, abs=1e-6)


def test_levels_are_symmetric_and_convergence_is_re_the_reference() -> None:
    first, second = noise(0), noise(1, amplitude=0.2)
    there, back = spectral_distance(first, second), spectral_distance(second, first)
    assert there.log_magnitude_db == pytest.approx(back.log_magnitude_db, rel=1e-12)
    assert there.convergence == pytest.approx(2.0 * back.convergence, rel=0.05)


def test_phase_does_not_count() -> None:
    sound = noise()
    found = spectral_distance(sound, scaled(sound, -1.0))
    assert found.log_magnitude_db == pytest.approx(0.0, abs=1e-9)


def test_more_noise_is_farther() -> None:
    tone = Audio(np.sin(2 * np.pi * 440 / RATE_HZ * np.arange(RATE_HZ))[None].astype(np.float32), RATE_HZ)
    mixed = [Audio(tone.samples + noise(amplitude=level).samples[:1], RATE_HZ) for level in (0.001, 0.01, 0.1)]
    found = [spectral_distance(tone, sound) for sound in mixed]
    assert found[0].log_magnitude_db < found[1].log_magnitude_db < found[2].log_magnitude_db
    assert found[0].convergence < found[1].convergence < found[2].convergence


def test_silence_has_a_floor() -> None:
    silence = Audio(np.zeros((1, RATE_HZ), dtype=np.float32), RATE_HZ)
    assert spectral_distance(silence, silence).convergence == 0.0
    assert spectral_distance(silence, noise()).convergence == math.inf
    assert spectral_distance(noise(), silence).convergence == pytest.approx(1.0)
    assert 0 < spectral_distance(noise(), silence).log_magnitude_db < 100


def test_the_shorter_sound_goes_on_in_silence() -> None:
    sound = noise()
    longer = Audio(np.pad(sound.samples, ((0, 0), (0, 5_000))), RATE_HZ)
    assert spectral_distance(longer, sound).log_magnitude_db == 0.0


def test_other_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="must share a sample rate, got 22050 and 44100"):
        spectral_distance(noise(), Audio(noise().samples, 44_100))


@pytest.mark.parametrize("size", [4096, 1024, 128])
def test_spectra_are_those_of_librosa(size: int) -> None:
    mono = noise().samples[0].astype(np.float64)
    ours = np.concatenate(list(magnitude_frames(mono, size, size // 4)))
    theirs = np.abs(librosa.stft(mono, n_fft=size, hop_length=size // 4, center=True)).T
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


@pytest.mark.parametrize("bands", [24, 128])
def test_mel_bands_are_those_of_librosa(bands: int) -> None:
    ours = mel_filters(44_100, 2048, bands, 50.0, 16_000.0)
    theirs = librosa.filters.mel(sr=44_100, n_fft=2048, n_mels=bands, fmin=50.0, fmax=16_000.0, htk=False, norm="slaney")
    np.testing.assert_allclose(ours, theirs, atol=1e-7)


def test_points_follow_gain_and_steadiness() -> None:
    sound = noise(seconds=3.5)
    points, louder = log_mel_embedding(sound), log_mel_embedding(scaled(sound, 10.0))
    assert points.shape == (3, 48)
    np.testing.assert_allclose(louder - points, np.repeat([[20.0, 0.0]], 24, axis=1).repeat(3, axis=0), atol=1e-4)


def test_less_than_a_second_has_no_point() -> None:
    assert log_mel_embedding(noise(seconds=0.9)).shape == (0, 48)
