"""Fonts of recorded notes: as the specification has them, in tune, and going round without a click; fonts that lack sounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from corpora.errors import InputError
from render.midi_events import PlayEvent
from render.played import PLAYED_DTYPE, PlayedMusic
from render.sampler.font_file import read_font
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.fluid_voice import PLAYED_RATE_HZ, FontPlayer
from transcribe.training_audio.font_writer import FontSample, Zone, write_font
from transcribe.training_audio.passages import DRUM_PROGRAM
from transcribe.training_audio.recorded_font import Recording, make_recorded_font, zones_of
from transcribe.training_audio.varied_voice import VariedVoice

HELD, STRUCK = 73, 0
KEYS = (60, 66)
LONG_S = 1.5


def hz(key: float) -> float:
    return float(440 * 2 ** ((key - 69) / 12))


def strong_hz(sound: np.ndarray) -> float:
    size = 8 * len(sound)
    return float(np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size)).argmax() * SAMPLE_RATE_HZ / size)


def music(program: int, key: int, seconds: float, velocity: int = 100) -> PlayedMusic:
    notes = np.zeros(1, dtype=PLAYED_DTYPE)
    end = round(seconds * PLAYED_RATE_HZ)
    notes[0] = (0, end, end, key, velocity, 0.0, 0, program, 0, False, 0, "n")
    told = (PlayEvent(0, "control_change", 0, 7, 100), PlayEvent(0, "program_change", 0, program, 0))
    return PlayedMusic(notes, told, ("part",), (0,), frozenset(), PLAYED_RATE_HZ, "music")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sines of 1.5 s after a silence: "flute" goes on at one level, "piano" dies away, soft and loud."""
    folder = tmp_path_factory.mktemp("packages")
    times = np.arange(round(LONG_S * 44_100)) / 44_100
    for name, decay, loud in (("flute", 0.0, 0.3), ("piano2", 3.0, 0.05), ("piano16", 3.0, 0.8)):
        inner = folder / f"{name}-1.0" / "package"
        inner.mkdir(parents=True)
        for key, label in zip(KEYS, ("C4", "F#4"), strict=True):
            partials = np.sin(2 * np.pi * hz(key) * times) + (0.5 * np.sin(6 * np.pi * hz(key) * times) if name == "piano16" else 0)
            tone = loud * np.exp(-decay * times) * partials / 1.5
            soundfile.write(inner / f"{label}.wav", np.concatenate([np.zeros(4_410), tone]), 44_100)
    return folder


RECORDINGS = (
    Recording("flute-", (HELD,), is_held=True),
    Recording("piano2-", (STRUCK,), layer=2),
    Recording("piano16-", (STRUCK,), layer=16),
)


@pytest.fixture(scope="module")
def font(packages: Path) -> Path:
    path = packages / "recorded.sf2"
    make_recorded_font(packages, path, RECORDINGS)
    return path


def test_the_tables_are_as_written(font: Path) -> None:
    found = read_font(font)
    assert sorted(found.presets) == [(0, STRUCK), (0, HELD)]
    assert len(found.tables["shdr"]) == 2 * 3 + 1
    assert sorted(set(found.tables["shdr"]["key"][:-1].tolist())) == list(KEYS)


@pytest.mark.parametrize("key", [54, 60, 63, 64, 66, 70])
def test_it_plays_in_tune_between_and_beyond_its_keys(synthesiser: None, font: Path, key: int) -> None:
    sound = FontPlayer(font).play(music(HELD, key, 1.0), SAMPLE_RATE_HZ)
    assert abs(1200 * np.log2(strong_hz(sound[4_000:14_000]) / hz(key))) < 5


def test_a_held_tone_goes_on_and_a_struck_one_dies_away(synthesiser: None, font: Path) -> None:
    seconds = 3 * LONG_S
    for program, lasts in ((HELD, True), (STRUCK, False)):
        sound = FontPlayer(font).play(music(program, 60, seconds, 120), round(seconds * SAMPLE_RATE_HZ))
        early, late = (float(np.abs(sound[place : place + 8_000]).max()) for place in (4_000, len(sound) - 9_000))
        assert early > 0.001
        assert (late > 0.7 * early) if lasts else (late < 0.01 * early)


def test_a_loop_has_no_click(synthesiser: None, font: Path) -> None:
    sound = FontPlayer(font).play(music(HELD, 60, 4.0), 4 * SAMPLE_RATE_HZ)[4_000:-8_000]
    bends = np.abs(np.diff(sound, 2))
    assert bends.max() < 1.1 * (2 * np.pi * hz(60) / SAMPLE_RATE_HZ) ** 2 * np.abs(sound).max()


def test_strengths_have_timbres_of_their_own(synthesiser: None, font: Path) -> None:
    shares = []
    for velocity in (10, 120):
        sound = FontPlayer(font).play(music(STRUCK, 60, 0.6, velocity), SAMPLE_RATE_HZ // 2)
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
        first, third = (round(hz(60) * number * len(sound) / SAMPLE_RATE_HZ) for number in (1, 3))
        shares.append(spectrum[third - 3 : third + 4].max() / spectrum[first - 3 : first + 4].max())
    assert shares[0] < 0.05
    assert shares[1] > 0.2


@pytest.mark.parametrize("keys", [[60], [0, 127], [21, 22, 30, 31, 90]])
def test_zones_have_every_key_once(keys: list[int]) -> None:
    zones = zones_of(keys, 5, velocities=(0, 127), release_s=0.2)
    covered = [key for zone in zones for key in range(zone.keys[0], zone.keys[1] + 1)]
    assert covered == list(range(max(keys[0] - 7, 0), min(keys[-1] + 7, 127) + 1))
    assert [zone.sample for zone in zones] == list(range(5, 5 + len(keys)))
    for zone, key in zip(zones, keys, strict=True):
        assert all(
            abs(other - key) <= min(abs(other - any_key) for any_key in keys) for other in range(zone.keys[0], zone.keys[1] + 1)
        )


def test_a_missing_package_is_named(packages: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a folder that begins with oboe-"):
        make_recorded_font(packages, tmp_path / "none.sf2", [Recording("oboe-", (68,))])
    assert not list(tmp_path.iterdir())


def a_font(path: Path, programs: tuple[int, ...]) -> FontPlayer:
    """Nothing but a short click at every key."""
    click = FontSample(np.full(64, 9_000, dtype=np.int16), 32_000, 60)
    write_font(path, path.stem, [click], {program: ("click", [Zone(0, (0, 127))]) for program in programs})
    return FontPlayer(path)


def test_a_font_says_what_it_has(tmp_path: Path, wheel_font: Path) -> None:
    assert a_font(tmp_path / "two.sf2", (40, 73)).programs == {40, 73}
    assert FontPlayer(wheel_font).programs == {DRUM_PROGRAM, *range(128)}


def test_parts_are_played_by_fonts_that_have_them(synthesiser: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = a_font(tmp_path / "first.sf2", (40,)), a_font(tmp_path / "second.sf2", (73,))
    asked: list[tuple[str, set[int]]] = []

    def watched(name: str, own: Callable) -> Callable:
        def play_apart(played: PlayedMusic, samples: int, generators):
            asked.append((name, set(played.notes["program"].tolist())))
            return own(played, samples, generators)

        return play_apart

    for name, player in (("first", first), ("second", second)):
        monkeypatch.setattr(player, "play_apart", watched(name, player.play_apart))
    for seed in range(12):
        for program in (40, 73, 11):
            VariedVoice([first, second], np.random.default_rng(seed)).play(music(program, 64, 0.3), 8_000)
    assert {name for name, _ in asked} == {"first", "second"}
    assert all(programs == {40 if name == "first" else 73} for name, programs in asked)  # nobody has the mallets
