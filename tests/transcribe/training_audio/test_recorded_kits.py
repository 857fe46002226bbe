"""Fonts of recorded drum kits: which sound is which drum, layers by strength, and what lacks comes from elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from corpora.errors import InputError
from render.played import PLAYED_DTYPE, PlayedMusic
from render.sampler.font_file import BANK_OF_DRUMS, read_font
from transcribe.frames.drums import DRUM_CLASS_OF_KEY
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.drums import SETS
from transcribe.training_audio.fluid_voice import PLAYED_RATE_HZ, FontPlayer
from transcribe.training_audio.passages import DRUM_PROGRAM
from transcribe.training_audio.recorded_kits import KEYS, keys_of_name, make_kit_fonts, read_kit

NAMES = {
    "Kick": (36, 35),
    "BassDrum": (36, 35),
    "bd_808": (36, 35),
    "drum_bass_hard": (36, 35),
    "Snare Rimshot": (38, 40),
    "Sabian Hat Closed": (42,),
    "Closed HH": (42,),
    "drum_cymbal_closed": (42,),
    "Pedal HH": (44,),
    "drum_cymbal_pedal": (44,),
    "Hat Open": (46,),
    "VariBreaks Hat 1 Op": (46,),
    "Floor Tom": (41, 43, 45),
    "Tom Low": (41, 43, 45),
    "Tom Mid": (47,),
    "Tom Hi": (48, 50),
    "crash16inch": (49, 57),
    "Splash": (55,),
    "Ride Bell": (53,),
    "Ride Jazz": (51, 59),
    "Hand Clap": (39,),
    "Stick": (37, 31),
    "Cowbell": (56,),
    "Maraca": (70, 69, 82),
    "Tambourine": (54,),
    "Bongo Hi": (60, 61),
    "Clave": (75,),
    "Woodblock Lo": (76, 77),
    "Snare Roll": (),
    "loop_amen": (),
    "Sample: beats_01-40.flac": (),
    "Semi-Open Hat": (),
}
INSTRUMENT = "<instrument><name>{name}</name><volume>{volume}</volume>{layers}</instrument>"
LAYER = "<layer><filename>{file}</filename><min>{low}</min><max>{high}</max><gain>1</gain></layer>"
RATE = 44_100


def tone(hz: float, seconds: float = 0.4, level: float = 0.5, silence_s: float = 0.0) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    sound = level * np.exp(-8 * times) * np.sin(2 * np.pi * hz * times)
    return np.concatenate([np.zeros(round(silence_s * RATE)), sound])


def hit(key: int, velocity: int, set_number: int = 0) -> PlayedMusic:
    notes = np.zeros(1, dtype=PLAYED_DTYPE)
    end = PLAYED_RATE_HZ // 4
    notes[0] = (0, end, end, key, velocity, 0.0, 0, set_number, 0, True, 0, "n")
    return PlayedMusic(notes, (), ("drums",), (0,), frozenset({0}), PLAYED_RATE_HZ, "hit")


def strong_hz(sound: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(sound * np.hanning(len(sound)))).argmax() * SAMPLE_RATE_HZ / len(sound))


@pytest.fixture(scope="module")
def kits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One kit of Hydrogen with soft and loud snares, and one of named sounds after a silence."""
    folder = tmp_path_factory.mktemp("kits")
    told, named = folder / "told", folder / "named"
    told.mkdir()
    named.mkdir()
    for name, hz, level in (("kick", 60, 0.9), ("soft", 300, 0.05), ("loud", 500, 0.8)):
        soundfile.write(told / f"{name}.wav", tone(hz, level=level), RATE)
    snare = LAYER.format(file="soft.wav", low=0, high=0.5) + LAYER.format(file="loud.wav", low=0.5, high=1)
    missing = INSTRUMENT.format(name="Ride", volume=1, layers=LAYER.format(file="gone.wav", low=0, high=1))
    (told / "drumkit.xml").write_text(
        '<drumkit_info xmlns="http://www.hydrogen-music.org/drumkit"><instrumentList>'
        f"<instrument><name>Kick</name><filename>kick.wav</filename><volume>0.9</volume></instrument>"
        f"{INSTRUMENT.format(name='Snare', volume=0.3, layers=snare)}{missing}</instrumentList></drumkit_info>"
    )
    soundfile.write(named / "drum_cowbell.wav", tone(800, silence_s=0.2), RATE)
    soundfile.write(named / "bd_one.wav", tone(70), RATE)
    soundfile.write(named / "elec_beep.wav", tone(900), RATE)
    return told, named


@pytest.fixture(scope="module")
def fonts(kits: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_kit_fonts(kits, tmp_path_factory.mktemp("fonts"), fonts=2)


@pytest.mark.parametrize("name", NAMES)
def test_names_tell_what_sounds_are(name: str) -> None:
    assert keys_of_name(name) == NAMES[name]
    assert set(keys_of_name(name)) <= set(DRUM_CLASS_OF_KEY)


def test_kits_have_the_sounds_that_their_names_tell(kits: tuple[Path, Path]) -> None:
    told, named = (read_kit(kit) for kit in kits)
    assert set(told) == {35, 36, 38, 40}
    assert [(layer.softest, layer.hardest) for layer in told[38][0]] == [(0.0, 0.5), (0.5, 1.0)]
    assert set(named) == {35, 36, 56}
    onset = np.abs(named[56][0][0].sound)
    assert (onset > 0.1 * onset.max()).argmax() < 0.003 * PLAYED_RATE_HZ  # not after the silence


def test_fonts_have_every_drum_at_every_set(fonts: list[Path]) -> None:
    for font in fonts:
        assert sorted(read_font(font).presets) == [(BANK_OF_DRUMS, program) for program in sorted(SETS)]
        assert FontPlayer(font).programs == {DRUM_PROGRAM}
    silent = [key for key in KEYS if np.abs(FontPlayer(fonts[0]).play(hit(key, 110), 8_000)).max() < 1e-3]
    assert not silent


def test_strength_chooses_the_layer_and_not_its_level(fonts: list[Path]) -> None:
    player = FontPlayer(fonts[0])
    soft, loud = (player.play(hit(38, velocity), 6_000) for velocity in (40, 120))
    assert strong_hz(soft) == pytest.approx(300, abs=12)
    assert strong_hz(loud) == pytest.approx(500, abs=12)
    assert 0.02 < np.abs(soft).max() / np.abs(loud).max() < 0.5  # 19 dB are the player's, 24 were the recording's


def test_the_same_seed_gives_the_same_fonts(kits: tuple[Path, Path], fonts: list[Path], tmp_path: Path) -> None:
    again = make_kit_fonts(kits, tmp_path, fonts=2)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in fonts]


@pytest.mark.parametrize(
    "content", [{}, {"drumkit.xml": "<drumkit_info>"}, {"drumkit.xml": "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"}]
)
def test_folders_that_are_no_kits_are_refused(content: dict[str, str], tmp_path: Path) -> None:
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match="expected"):
        read_kit(tmp_path)
