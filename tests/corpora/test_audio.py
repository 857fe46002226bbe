from __future__ import annotations

import base64
import errno
import io
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from corpora import audio as audio_module
from corpora.audio import Audio, audio_bytes, rate_in_file, read_audio, write_audio, write_blocks
from corpora.errors import InputError

RATE_HZ = 44_100


def tone(channels: int = 2, seconds: float = 0.5, level: float = 0.5, rate_hz: int = RATE_HZ) -> Audio:
    time_s = np.arange(int(seconds * rate_hz)) / rate_hz
    rows = [level * np.sin(2 * np.pi * 440.0 * (channel + 1) * time_s) for channel in range(channels)]
    return Audio(np.array(rows, dtype=np.float32), rate_hz)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_lossless_files_give_back_every_24_bit_sample(tmp_path: Path, suffix: str) -> None:
    sound = tone(level=0.9)
    assert write_audio(sound, tmp_path / f"a{suffix}") == 1.0
    back = read_audio(tmp_path / f"a{suffix}")
    assert back.sample_rate_hz == RATE_HZ
    np.testing.assert_allclose(back.samples, sound.samples, atol=2.0**-23)
    assert soundfile.info(tmp_path / f"a{suffix}").subtype == "PCM_24"


@pytest.mark.parametrize(("suffix", "most"), [(".ogg", 0.02), (".mp3", 0.02)])
def test_lossy_files_sound_the_same(tmp_path: Path, suffix: str, most: float) -> None:
    sound = tone(seconds=2.0)
    write_audio(sound, tmp_path / f"a{suffix}")
    back = read_audio(tmp_path / f"a{suffix}")
    assert back.channels == 2
    assert abs(back.duration_s - sound.duration_s) < 0.1
    middle = slice(RATE_HZ // 2, RATE_HZ // 2 + 32_768)  # whole spectra agree, so no frame is lost and the level is right
    ours, theirs = (np.abs(np.fft.rfft(a.samples[0, middle] * np.hanning(32_768))) for a in (sound, back))
    assert np.linalg.norm(ours - theirs) < most * np.linalg.norm(ours)


def test_sound_beyond_full_scale_is_scaled_and_said_not_clipped(tmp_path: Path) -> None:
    sound = tone(level=2.5)
    scale = write_audio(sound, tmp_path / "loud.wav")
    assert scale == pytest.approx(0.4, rel=1e-4)
    np.testing.assert_allclose(read_audio(tmp_path / "loud.wav").samples, sound.samples * scale, atol=2e-7)
    assert sound.peak == pytest.approx(2.5, rel=1e-4), "the sound in memory is left alone"


def test_full_scale_itself_passes_unscaled_below_one_step(tmp_path: Path) -> None:
    sound = Audio(np.array([[1.0, -1.0, 0.0, 0.25]], dtype=np.float32), RATE_HZ)
    assert 0.999999 < write_audio(sound, tmp_path / "a.wav") < 1.0
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav").samples, sound.samples, atol=3e-7)


def test_long_vorbis_is_written_whole(tmp_path: Path) -> None:
    """libsndfile's Vorbis encoder has overrun its stack on single writes of this length."""
    noise = np.random.default_rng(7).uniform(-0.1, 0.1, (1, 8_000 * 120)).astype(np.float32)
    write_audio(Audio(noise, 8_000), tmp_path / "a.ogg")
    assert soundfile.info(tmp_path / "a.ogg").frames == noise.shape[1]


@pytest.mark.parametrize(
    ("name", "sound", "words"),
    [
        ("a.aiff", tone(), r"a\.aiff: expected a sound file name ending in .wav, .flac, .ogg, .mp3, .opus, got '.aiff'"),
        ("a", tone(), "got 'no suffix'"),
        ("a.mp3", tone(channels=3), "at most 2 channels, got 3"),
        ("a.mp3", tone(rate_hz=96_000), "got 96000"),
        ("a.wav", Audio(np.array([[0.0, np.nan]], dtype=np.float32), RATE_HZ), "NaN or infinity"),
        ("a.flac", Audio(np.array([[0.0, -np.inf]], dtype=np.float32), RATE_HZ), "NaN or infinity"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_and_leaves_nothing(tmp_path: Path, name: str, sound: Audio, words: str) -> None:
    with pytest.raises(InputError, match=words):
        write_audio(sound, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    write_audio(tone(), path)
    before = path.read_bytes()

    def interrupted(*_: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(audio_module, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_audio(tone(level=0.1), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.wav"]


def wav(samples: np.ndarray, rate_hz: int, subtype: str = "FLOAT") -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate_hz, subtype, format="WAV")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "expected a sound file"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt ", "expected a sound file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "expected a sound file"),
        (wav(np.zeros((100, 9)), RATE_HZ), "1 to 8 channels, got 9"),
        (wav(np.zeros((100, 1)), 1), "8000 to 192000 Hz, got 1"),
        (wav(np.zeros((0, 1)), RATE_HZ), "got no samples"),
        (wav(np.array([[0.0], [0.0], [np.nan]]), RATE_HZ), "sample 2: expected finite samples"),
        (wav(np.array([[0.0], [np.inf]]), RATE_HZ), "sample 1: expected finite samples"),
    ],
    ids=["empty", "cut", "picture", "nine channels", "1 Hz", "no samples", "NaN", "infinity"],
)
def test_hostile_files_are_refused_in_one_line(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "take.wav"
    path.write_bytes(data)
    with pytest.raises(InputError, match=rf"take\.wav: .*{words}|take\.wav: {words}") as caught:
        read_audio(path)
    assert "\n" not in str(caught.value)


def test_folders_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got a folder or device"):
        read_audio(tmp_path)
    with pytest.raises(InputError, match="nothing there"):
        read_audio(tmp_path / "a.wav")


def test_too_long_a_recording_is_refused_while_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_module, "MAX_DURATION_S", 0.25)
    write_audio(tone(seconds=0.5), tmp_path / "a.wav")
    with pytest.raises(InputError, match="at most 0 s of sound, got more"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("samples", "rate_hz", "words"),
    [
        (np.zeros(4, dtype=np.float32), RATE_HZ, "float32"),
        (np.zeros((9, 4), dtype=np.float32), RATE_HZ, "1 to 8 channels, got 9"),
        (np.zeros((1, 4), dtype=np.float32), 7_999, "sample rate"),
    ],
)
def test_audio_checks_its_own_form(samples: np.ndarray, rate_hz: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Audio(samples, rate_hz)


def test_the_notebook_player_holds_the_sound() -> None:
    sound = tone(seconds=0.1)
    found = re.search(r"base64,([^\"]+)\"", sound._repr_html_())
    assert found is not None
    assert base64.b64decode(found.group(1)) == audio_bytes(sound, ".flac")
    assert Audio(np.zeros((1, 0), dtype=np.float32), RATE_HZ).peak == 0.0


def test_opus_is_resampled_to_a_rate_that_it_has(tmp_path: Path) -> None:
    assert [rate_in_file(".opus", rate) for rate in (8_000, 11_025, 44_100, 48_000, 96_000)] == [
        8_000,
        12_000,
        48_000,
        48_000,
        48_000,
    ]
    assert rate_in_file(".wav", 44_100) == 44_100
    sound = tone(seconds=2.0)
    write_audio(sound, tmp_path / "a.opus")
    back = read_audio(tmp_path / "a.opus")
    assert back.sample_rate_hz == 48_000
    assert back.duration_s == pytest.approx(2.0, abs=0.03)
    spectrum = np.abs(np.fft.rfft(back.samples[0, 24_000:72_000] * np.hanning(48_000)))
    assert spectrum.argmax() == 440  # bins of 1 Hz


def test_blocks_of_any_size_make_one_file() -> None:
    sound = tone(seconds=1.0)
    whole = audio_bytes(sound, ".wav")
    for sizes in ([1, 7, 44_092], [44_100]):
        places = np.cumsum([0, *sizes])
        blocks = [sound.samples[:, start:end] for start, end in itertools.pairwise(places)]
        file = io.BytesIO()
        write_blocks(file, blocks, suffix=".wav", channels=2, sample_rate_hz=RATE_HZ, name="a.wav")
        assert file.getvalue() == whole


class _FullDisk(io.BytesIO):
    def write(self, data: object) -> int:
        if self.tell() > 30_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3", ".opus"])
def test_a_full_disk_is_one_line_in_every_format(suffix: str) -> None:
    noise = np.random.default_rng(7).uniform(-0.5, 0.5, (2, 480_000)).astype(np.float32)
    with pytest.raises(InputError, match=r"a\..* cannot be written: No space left on device"):
        write_blocks(_FullDisk(), [noise], suffix=suffix, channels=2, sample_rate_hz=48_000, name=f"a{suffix}")
