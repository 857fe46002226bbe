"""The front end against librosa and against sines."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from transcribe.spectra.chroma import chroma
from transcribe.spectra.constant_q import constant_q
from transcribe.spectra.log_frequency import BINS_PER_SEMITONE, NUM_BINS, bin_frequencies_hz, log_frequency
from transcribe.spectra.mel import hz_to_mel, log_mel, mel_filters, mel_to_hz
from transcribe.spectra.stft import power_spectrum, stft
from transcribe.spectra.timing import HOP_SAMPLES, SAMPLE_RATE_HZ, frames_to_seconds, num_frames, seconds_to_frames


def tone(pitch: float, seconds: float = 2.0) -> NDArray[np.float32]:
    time = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time).astype(np.float32)


@pytest.fixture(scope="module")
def sound() -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    chord = sum(tone(pitch, 3.0) * rng.uniform(0.05, 0.2) for pitch in (43, 59, 62, 67, 74.3))
    return (chord + 0.01 * rng.normal(size=len(chord))).astype(np.float32)


@pytest.mark.parametrize("samples", [0, 1, HOP_SAMPLES, HOP_SAMPLES + 1])
def test_the_shortest_sounds_have_as_many_frames_as_they_should(samples: int) -> None:
    sound = torch.ones(2, samples)
    assert stft(sound, 2048).shape == (2, num_frames(samples), 1025)
    assert log_frequency(sound).shape[2] == num_frames(samples)


def test_stft_is_librosas(sound: NDArray[np.float32]) -> None:
    for window in (512, 2048, 8192):
        ours = stft(torch.from_numpy(sound)[None], window)[0].numpy().T
        theirs = librosa.stft(sound, n_fft=window, hop_length=HOP_SAMPLES, pad_mode="constant")[:, : ours.shape[1]]
        np.testing.assert_allclose(ours, theirs, atol=2e-4 * np.abs(theirs).max())


def test_power_of_a_sine_is_one() -> None:
    samples = torch.sin(2 * torch.pi * 1000 * torch.arange(16_000) / SAMPLE_RATE_HZ)[None]
    powers = power_spectrum(samples, 2048)[0, 30]
    assert float(powers.max()) == pytest.approx(1.0, abs=1e-3)
    assert int(powers.argmax()) == 128


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_mel_filters_are_librosas(scale: str) -> None:
    ours = mel_filters(2048, 128, 30.0, 8000.0, scale).numpy().T  # type: ignore[arg-type]
    theirs = librosa.filters.mel(sr=16_000, n_fft=2048, n_mels=128, fmin=30.0, fmax=8000.0, htk=scale == "htk")
    np.testing.assert_allclose(ours, theirs, atol=1e-7)
    hz = torch.tensor([20.0, 440.0, 1000.0, 7000.0], dtype=torch.float64)
    torch.testing.assert_close(mel_to_hz(hz_to_mel(hz, scale), scale), hz)  # type: ignore[arg-type]


def test_log_mel_is_librosas(sound: NDArray[np.float32]) -> None:
    ours = log_mel(torch.from_numpy(sound)[None])[0].numpy()
    theirs = librosa.feature.melspectrogram(
        y=sound, sr=16_000, n_fft=2048, hop_length=256, n_mels=229, fmin=30.0, fmax=8000.0, pad_mode="constant"
    )
    np.testing.assert_allclose(ours, np.log(theirs.T[: len(ours)] + 1e-6), atol=5e-3)


def test_constant_q_is_librosas_in_the_middle_of_a_sound(sound: NDArray[np.float32]) -> None:
    ours = constant_q(torch.from_numpy(sound)[None])[0].numpy()[60:120].mean(0)
    theirs = np.abs(librosa.cqt(sound, sr=16_000, hop_length=256, n_bins=84, sparsity=0.0)).T[60:120].mean(0)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.999
    loud = theirs > 0.1 * theirs.max()
    np.testing.assert_allclose(ours[loud], theirs[loud], rtol=0.05)


def test_constant_q_refuses_bins_that_the_rate_cannot_hold() -> None:
    with pytest.raises(ValueError, match="expected bins below 8000 Hz"):
        constant_q(torch.zeros(1, 100), bins=100)


@pytest.mark.parametrize("pitch", [21, 33, 45, 60, 69, 88, 108])
def test_a_sine_peaks_in_its_own_bin_at_full_scale(pitch: int) -> None:
    spectra = log_frequency(torch.from_numpy(tone(pitch))[None])[0, :, 60]
    assert spectra.shape == (2, NUM_BINS)
    own = BINS_PER_SEMITONE * (pitch - 21) + 1
    assert spectra.argmax(-1).tolist() == [own, own]
    torch.testing.assert_close(spectra[:, own], torch.full((2,), 8.0), atol=0.2, rtol=0)
    assert float(bin_frequencies_hz()[own]) == pytest.approx(440 * 2 ** ((pitch - 69) / 12), rel=1e-9)


def test_sharp_tells_semitones_apart_from_f2_on_and_quick_is_quick() -> None:
    both = log_frequency(torch.from_numpy(0.4 * (tone(41) + tone(42)))[None])[0, 0, 60]
    first, second = BINS_PER_SEMITONE * 20 + 1, BINS_PER_SEMITONE * 21 + 1
    assert float(both[first : second + 1].min()) < float(torch.minimum(both[first], both[second])) - 0.02
    click = torch.zeros(1, 16_000)
    click[0, 8000] = 1.0
    spectra = log_frequency(click)[0, :, :, 200]
    heard = (spectra > 1.0).sum(-1)
    assert int(heard[1]) * 2 < int(heard[0])


def test_silence_is_zero_and_has_no_chroma() -> None:
    spectra = log_frequency(torch.zeros(1, 5000))
    assert float(spectra.abs().max()) == 0.0
    assert float(chroma(spectra).max()) == 0.0


def test_chroma_is_that_of_the_chord() -> None:
    chord = sum(tone(pitch) * 0.2 for pitch in (48, 64, 67))
    values = chroma(log_frequency(torch.from_numpy(chord.astype(np.float32))[None]))[0, 60]
    assert set(values.topk(3).indices.tolist()) == {0, 4, 7}
    assert float(values.max()) == 1.0


def test_chroma_goes_with_librosas(sound: NDArray[np.float32]) -> None:
    ours = chroma(log_frequency(torch.from_numpy(sound)[None]))[0].numpy()[60:120].mean(0)
    theirs = librosa.feature.chroma_cqt(y=sound, sr=16_000, hop_length=256)[:, 60:120].mean(1)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.9


def test_the_clock() -> None:
    assert [num_frames(samples) for samples in (0, 1, 256, 257)] == [0, 1, 1, 2]
    assert frames_to_seconds(125) == 2.0
    assert seconds_to_frames(frames_to_seconds(17.25)) == 17.25
