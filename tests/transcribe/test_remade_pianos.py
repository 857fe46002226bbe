"""Pianos made of other pianos: every key sounds, in tune, louder when struck harder, and no two are alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from corpora.errors import InputError, RequestError
from render.fonts import font_in_wheel
from render.midi_events import PlayEvent
from render.played import PLAYED_DTYPE, PlayedMusic
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.fluid_voice import PLAYED_RATE_HZ, FontPlayer
from transcribe.training_audio.font_writer import FontSample, Zone, write_font
from transcribe.training_audio.for_runs import TrainingSound
from transcribe.training_audio.remade_pianos import PROGRAMS, has_keyboards, make_remade_font, make_remade_fonts

KEYS = range(24, 106, 9)
NOTE_S, EACH_S = 0.6, 1.0
NEAR_CENTS = 40


@pytest.fixture(scope="module")
def font() -> Path:
    found = font_in_wheel()
    if found is None:
        pytest.skip("needs pretty_midi's SoundFont")
    return found


@pytest.fixture(scope="module")
def remade(font: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pianos") / "pianos.sf2"
    make_remade_font([font], path, seed=3)
    return path


def scale(font: Path, program: int, velocity: int) -> np.ndarray:
    """Each of KEYS alone, (keys, samples)."""
    rows = np.zeros(len(KEYS), dtype=PLAYED_DTYPE)
    rows["onset_sample"] = np.arange(len(KEYS)) * round(EACH_S * PLAYED_RATE_HZ)
    rows["release_sample"] = rows["end_sample"] = rows["onset_sample"] + round(NOTE_S * PLAYED_RATE_HZ)
    rows["key"], rows["velocity"], rows["program"] = list(KEYS), velocity, program
    events = (PlayEvent(0, "program_change", 0, program),)
    music = PlayedMusic(rows, events, ("piano",), (0,), frozenset(), PLAYED_RATE_HZ, "scale")
    each = round(EACH_S * SAMPLE_RATE_HZ)
    return FontPlayer(font).play(music, len(KEYS) * each).reshape(len(KEYS), each)


def level_db(sound: np.ndarray) -> np.ndarray:
    return 20 * np.log10(np.sqrt(np.square(sound[:, : SAMPLE_RATE_HZ // 4]).mean(1)) + 1e-9)


def cents_off(sound: np.ndarray, key: int) -> float:
    """Where the first partials together are loudest, from where they should be."""
    size = 1 << 17
    spectrum = np.abs(np.fft.rfft(sound[800 : 800 + SAMPLE_RATE_HZ // 2] * np.hanning(SAMPLE_RATE_HZ // 2), size))
    f0_hz = 440 * 2 ** ((key - 69) / 12)
    cents = np.arange(-100, 101, 2)
    places = np.rint(f0_hz * np.outer(2 ** (cents / 1200), (1, 2, 3)) * size / SAMPLE_RATE_HZ).astype(int)
    return float(cents[np.argmax(spectrum[np.minimum(places, size // 2)].sum(1))])


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_key_sounds_in_tune_and_louder_when_struck_harder(remade: Path, program: int) -> None:
    soft, hard = scale(remade, program, 40), scale(remade, program, 100)
    assert level_db(soft).min() > -70
    assert ((level_db(hard) - level_db(soft)) > 8).all()  # 15.9 dB, and a layer's own level
    off = [abs(cents_off(sound, key)) for key, sound in zip(KEYS, hard, strict=True)]
    assert np.median(off) < NEAR_CENTS / 2
    assert sum(cents > NEAR_CENTS for cents in off) <= 1  # low notes whose first partials are weak are hard to measure


def test_pianos_differ_and_keys_are_uneven(remade: Path, font: Path) -> None:
    levels = np.array([level_db(scale(remade, program, 80)) for program in PROGRAMS])
    shapes = levels - levels.mean(1, keepdims=True)
    apart = [np.abs(first - second).max() for place, first in enumerate(shapes) for second in shapes[:place]]
    assert min(apart) > 1.0
    assert np.abs(level_db(scale(font, 0, 80)) - levels[0]).max() > 1.0


def test_the_same_seed_gives_the_same_font(font: Path, remade: Path, tmp_path: Path) -> None:
    again, other = tmp_path / remade.name, tmp_path / "other.sf2"
    make_remade_font([font], again, seed=3)
    make_remade_font([font], other, seed=4)
    assert again.read_bytes() == remade.read_bytes()
    assert other.read_bytes()[200:] != remade.read_bytes()[200:]


def test_fonts_that_are_there_stay(font: Path, tmp_path: Path) -> None:
    (tmp_path / "pianos_7.sf2").write_bytes(b"there")
    assert make_remade_fonts([font], tmp_path, 1, seed=7) == [tmp_path / "pianos_7.sf2"]
    assert (tmp_path / "pianos_7.sf2").read_bytes() == b"there"


def test_nothing_is_made_of_fonts_without_keyboards(font: Path, tmp_path: Path) -> None:
    flute = tmp_path / "flute.sf2"
    write_font(flute, "flute", [FontSample(np.zeros(2000, dtype=np.int16), 16_000, 60)], {73: ("flute", [Zone(0, (0, 127))])})
    assert has_keyboards(font)
    assert not has_keyboards(flute)
    with pytest.raises(RequestError, match="keyboard"):
        make_remade_font([flute], tmp_path / "none.sf2", 0)
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(b"RIFF")
    with pytest.raises(InputError):
        make_remade_fonts([broken], tmp_path / "out", 1)


def test_only_training_sound_has_them(font: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played: dict[str, list[str]] = {}

    def made(folder: Path, *, fonts: list[Path], split: str, **others: object) -> None:
        played[split] = [own.name for own in fonts]

    monkeypatch.setattr("transcribe.training_audio.for_runs.make_store", made)
    sound = TrainingSound(5, 1, lambda what: None)
    for split in ("train", "valid"):
        sound.make(tmp_path / split, [font], split, 0.01)
    assert played == {"train": [font.name, "pianos_5.sf2"], "valid": [font.name]}
