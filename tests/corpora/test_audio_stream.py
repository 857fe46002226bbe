"""Sound files read piece by piece: the same as read whole, at one rate and level, and refused where they cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from corpora.audio import Audio, write_audio
from corpora.audio_stream import LEVEL_DBFS, MOST_GAIN_DB, AudioStream, level_gain
from corpora.errors import InputError


@pytest.fixture
def audio() -> Audio:
    rng = np.random.default_rng(0)
    return Audio((0.02 * rng.normal(size=(2, 44_100 * 5))).astype(np.float32), 44_100)


def whole(stream: AudioStream) -> NDArray[np.float32]:
    return np.concatenate(list(stream.blocks()))


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_a_file_is_one_channel_at_the_wanted_rate(audio: Audio, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"sound{suffix}"
    write_audio(audio, path)
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    wanted = soxr.resample(samples.mean(1), rate, 16_000)
    read = whole(AudioStream.open(path, 16_000))
    assert len(read) == len(wanted) == 80_000
    np.testing.assert_allclose(read, wanted, atol=1e-4)


def test_sound_in_memory_is_read_as_a_file_is(audio: Audio, tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    write_audio(audio, path)
    np.testing.assert_allclose(whole(AudioStream.open(audio, 16_000)), whole(AudioStream.open(path, 16_000)), atol=1e-5)


@pytest.mark.parametrize("gain", [0.2, 0.5, 3.0])
def test_the_level_is_the_same_for_loud_and_soft(audio: Audio, gain: float) -> None:
    stream = AudioStream.open(Audio(audio.samples * np.float32(gain), 44_100), 16_000)
    levelled = np.concatenate(list(stream.levelled()))
    assert 20 * np.log10(levelled.std()) == pytest.approx(LEVEL_DBFS, abs=0.3)


def test_silence_is_left_and_hiss_is_not_blown_up() -> None:
    assert level_gain(np.zeros(10)) == 1.0
    assert level_gain(np.zeros(0)) == 1.0
    assert level_gain(np.full(10, 1e-12)) == pytest.approx(10 ** (MOST_GAIN_DB / 20))
    quiet_for_long = np.concatenate([np.full(90, 1e-8), np.full(10, 1e-2)])
    assert level_gain(quiet_for_long) == pytest.approx(1.0)


def test_progress_is_told_to_the_end(audio: Audio, tmp_path: Path) -> None:
    path, shares = tmp_path / "sound.flac", []
    write_audio(audio, path)
    for _ in AudioStream.open(path, 16_000).blocks(progress=shares.append):
        pass
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_what_is_no_sound_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not a sound")
    (tmp_path / "empty.flac").write_bytes(b"")
    soundfile.write(tmp_path / "slow.wav", np.zeros(100, dtype=np.float32), 4_000)
    soundfile.write(tmp_path / "none.wav", np.zeros(0, dtype=np.float32), 44_100)
    bad = np.zeros(1000, dtype=np.float32)
    bad[700] = np.nan
    soundfile.write(tmp_path / "nan.wav", bad, 44_100, subtype="FLOAT")
    for name, message in {
        "text.wav": "libsndfile says",
        "empty.flac": "libsndfile says",
        "slow.wav": "expected a sample rate of 8000 to 192000 Hz, got 4000",
        "none.wav": "expected sound, got no samples",
        "nan.wav": "sample 700: expected finite samples",
    }.items():
        with pytest.raises(InputError, match=message) as caught:
            whole(AudioStream.open(tmp_path / name, 16_000))
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    for path in (tmp_path / "missing.wav", tmp_path):
        with pytest.raises(InputError, match="expected a sound file, got"):
            AudioStream.open(path, 16_000)
