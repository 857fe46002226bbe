"""Pictures of a sound: what is drawn is what sounds, where it sounds; files whole or not at all."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import librosa
import mido
import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from PIL import Image

import partimento
from corpora.audio import Audio
from corpora.errors import InputError, RequestError
from render import render_to_file
from render.mix.loudness import LoudnessMeter
from render.pictures import (
    PicturePaths,
    StreamedSound,
    draw_loudness,
    draw_notes_over_waveform,
    draw_spectrogram,
    log_spectrogram,
    plot_loudness,
    plot_notes_over_waveform,
    plot_spectrogram,
)
from render.pictures.notes import waveform_extremes
from render.pictures.spectrogram import MAX_COLUMNS, _frame_powers
from render.played import play

Midi: TypeAlias = Callable[..., bytes]
Note: TypeAlias = Callable[..., list[tuple[int, mido.Message]]]

RATE_HZ = 22_050


def tone(freq_hz: float, duration_s: float = 2.0, amplitude: float = 0.5) -> Audio:
    wave = amplitude * np.sin(2 * np.pi * freq_hz * np.arange(round(duration_s * RATE_HZ)) / RATE_HZ)
    return Audio(np.stack([wave, wave]).astype(np.float32), RATE_HZ)


def noise(samples: int, seed: int = 0) -> Audio:
    return Audio(np.random.default_rng(seed).normal(0, 0.1, (2, samples)).astype(np.float32), RATE_HZ)


@pytest.mark.parametrize("freq_hz", [110.0, 440.0, 1_234.5, 7_040.0])
def test_a_tone_stands_at_its_frequency_and_level(freq_hz: float) -> None:
    shown = log_spectrogram(StreamedSound.of_audio(tone(freq_hz)))
    middle = shown.levels_db[:, shown.levels_db.shape[1] // 2]
    off_octaves = np.log2(shown.freq_hz[int(middle.argmax())] / freq_hz)
    assert abs(off_octaves) < max(1 / 36, 0.5 * RATE_HZ / 2048 / freq_hz)
    assert middle.max() == pytest.approx(20 * np.log10(0.5), abs=1.5)  # a Hann window loses 1.42 dB between bins


def test_a_click_stands_at_its_time() -> None:
    samples = np.zeros((1, 10 * RATE_HZ), dtype=np.float32)
    samples[0, 7 * RATE_HZ] = 1.0
    shown = log_spectrogram(StreamedSound.of_audio(Audio(samples, RATE_HZ)))
    column = int(shown.levels_db.max(axis=0).argmax())
    assert (column + 0.5) * shown.duration_s / shown.levels_db.shape[1] == pytest.approx(7.0, abs=0.02)


def test_frames_are_those_of_librosa() -> None:
    audio, size, hop = noise(30_000), 2048, 700
    ours = np.concatenate(list(_frame_powers(StreamedSound.of_audio(audio), size, hop)))
    theirs = np.abs(librosa.stft(audio.samples, n_fft=size, hop_length=hop, window="hann", center=True)) ** 2
    scale = (2.0 / np.hanning(size + 1).sum()) ** 2
    np.testing.assert_allclose(ours, scale * theirs.mean(axis=0).T, rtol=1e-3, atol=1e-9)


def test_blocks_of_any_size_give_one_picture() -> None:
    audio = noise(100_003)

    def pieces() -> Iterator[np.ndarray]:
        rng, start = np.random.default_rng(1), 0
        while start < audio.samples.shape[1]:
            length = int(rng.integers(0, 9_000))
            yield audio.samples[:, start : start + length]
            start += length

    whole = StreamedSound.of_audio(audio)
    cut = StreamedSound(pieces, whole.channels, whole.samples, RATE_HZ)
    np.testing.assert_allclose(log_spectrogram(cut).levels_db, log_spectrogram(whole).levels_db, atol=1e-9)
    np.testing.assert_array_equal(waveform_extremes(cut), waveform_extremes(whole))


def test_the_waveform_has_every_extreme() -> None:
    audio = noise(16_000)
    low, high = waveform_extremes(StreamedSound.of_audio(audio))
    assert len(low) == MAX_COLUMNS
    np.testing.assert_array_equal(low, audio.samples.reshape(2, MAX_COLUMNS, 10).min(axis=(0, 2)))
    np.testing.assert_array_equal(high, audio.samples.reshape(2, MAX_COLUMNS, 10).max(axis=(0, 2)))


def test_half_an_hour_takes_little_memory() -> None:
    block = np.random.default_rng(0).normal(0, 0.1, (2, 60_000)).astype(np.float32)
    sound = StreamedSound(lambda: (block for _ in range(240)), 2, 240 * 60_000, 8_000)
    tracemalloc.start()
    shown = log_spectrogram(sound)
    waveform_extremes(sound)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert shown.levels_db.shape[1] == MAX_COLUMNS
    assert shown.duration_s == 1800
    assert peak < 40e6  # the sound itself has 115 MB


def test_the_loudness_is_that_of_the_meter() -> None:
    audio = tone(997.0, duration_s=6.0)
    meter = LoudnessMeter(RATE_HZ)
    meter.add(audio.samples)
    momentary, short_term, integrated = draw_loudness(meter, audio.duration_s).axes[0].lines
    np.testing.assert_allclose(momentary.get_ydata(), meter.momentary_lufs)
    np.testing.assert_allclose(short_term.get_ydata(), meter.short_term_lufs)
    assert momentary.get_xdata()[0] == pytest.approx(0.2)
    assert short_term.get_xdata()[-1] == pytest.approx(4.5)
    assert integrated.get_ydata()[0] == meter.integrated_lufs
    assert integrated.get_label().startswith("integrated: -6.0 LUFS")


def test_notes_stand_where_they_are_played(midi_file: Midi, note: Note) -> None:
    played = play(midi_file([*note(0, 480, 60, 0), *note(480, 960, 64, 1)]), sample_rate_hz=RATE_HZ)
    roll = draw_notes_over_waveform(StreamedSound.of_audio(tone(440.0)), played).axes[0]
    bars = [
        path.get_extents()
        for collection in roll.collections
        if isinstance(collection, PolyCollection)
        for path in collection.get_paths()
    ]
    assert [(bar.x0, bar.x1) for bar in bars] == [pytest.approx((0.0, 0.5)), pytest.approx((0.5, 1.0))]
    assert [(bar.y0 + bar.y1) / 2 for bar in bars] == pytest.approx([60.0, 64.0])


def test_notes_of_another_rate_are_refused(midi_file: Midi, note: Note) -> None:
    played = play(midi_file(note(0, 480)), sample_rate_hz=44_100)
    with pytest.raises(ValueError, match="notes at 44100 Hz do not fit a sound at 22050 Hz"):
        draw_notes_over_waveform(StreamedSound.of_audio(tone(440.0)), played)


@pytest.mark.parametrize("samples", [np.zeros((2, 1)), np.zeros((1, 3 * RATE_HZ)), np.full((2, 50), 1e-30)])
def test_silence_and_next_to_nothing_can_be_drawn(samples: np.ndarray, tmp_path: Path, midi_file: Midi, note: Note) -> None:
    audio = Audio(samples.astype(np.float32), RATE_HZ)
    plot_spectrogram(audio, tmp_path / "s.png")
    plot_loudness(audio, tmp_path / "l.png")
    plot_notes_over_waveform(audio, play(midi_file(note(0, 480)), sample_rate_hz=RATE_HZ), tmp_path / "n.png")
    for name in "sln":
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.width == 1650


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_one_sound_gives_one_file(tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        plot_spectrogram(tone(440.0), tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        RequestError, match=r"picture of the loudness .*a\.gif: expected a name ending in .png, .svg, .pdf, got .gif"
    ):
        plot_loudness(tone(440.0), tmp_path / "a.gif")


def test_the_colours_reach_from_the_loudest_down() -> None:
    image = draw_spectrogram(log_spectrogram(StreamedSound.of_audio(tone(440.0)))).axes[0].images[0]
    low, high = image.get_clim()
    assert high == image.get_array().max()
    assert high - low == 80.0


@pytest.mark.usefixtures("synthesiser", "wheel_font")
def test_pictures_come_with_the_sound(midi_file: Midi, note: Note, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "song.mid").write_bytes(midi_file([*note(0, 960, 60, 0), *note(480, 1440, 64, 1)]))
    names = [str(tmp_path / name) for name in ("s.png", "l.svg", "n.pdf")]
    words = ["--spectrogram", names[0], "--loudness", names[1], "--notes", names[2]]
    assert partimento.main(["render", str(tmp_path / "song.mid"), "-o", str(tmp_path / "song.wav"), *words]) == 0
    assert capsys.readouterr().out.splitlines()[-3:] == names
    assert all(Path(name).stat().st_size > 1000 for name in names)


@pytest.mark.usefixtures("synthesiser", "wheel_font")
def test_without_a_picture_there_is_no_sound(midi_file: Midi, note: Note, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    with pytest.raises(InputError, match=r"a\.png cannot be written: No space left on device"):
        render_to_file(midi_file(note(0, 480)), tmp_path / "a.wav", pictures=PicturePaths(loudness=tmp_path / "a.png"))
    assert list(tmp_path.iterdir()) == []


def test_picture_names_are_checked_before_any_work(
    midi_file: Midi, note: Note, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("render.pipeline.play", lambda *_: pytest.fail("it went to work"))
    with pytest.raises(RequestError, match=r"picture of the notes .*there is no folder"):
        render_to_file(midi_file(note(0, 480)), tmp_path / "a.wav", pictures=PicturePaths(notes=tmp_path / "none" / "a.png"))
