from __future__ import annotations

import functools
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

from corpora.errors import InputError, RequestError, ToolError
from corpora.piece import Part, Piece, Source
from render import fonts
from render.fluid import fluidsynth_version, load_fluidsynth
from render.soundfont import Rendering, render_soundfont

RATE_HZ = 44_100
ORGAN = [(0, mido.Message("program_change", program=19))]  # sounds at once, holds its level, stops when let go
GRID_SAMPLES = 64
ATTACK_SAMPLES = 128  # FluidSynth's grid plus the font's own attack


@pytest.fixture(scope="module", autouse=True)
def synthesiser() -> None:
    """Every test here plays; where the library is not installed the reason is printed."""
    try:
        fluidsynth_version()
    except ToolError as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def wheel_font(monkeypatch: pytest.MonkeyPatch) -> None:
    """The font that is on every machine, whatever else is installed on this one."""
    monkeypatch.delenv(fonts.FONT_VARIABLE, raising=False)
    monkeypatch.setattr(fonts, "FONT_FOLDERS", ())


@functools.cache
def play(data: bytes, **wishes: Any) -> Rendering:
    """``render_soundfont``, done once for the tests that hear the same music."""
    return render_soundfont(data, **wishes)


def onset(samples: np.ndarray, start: int, end: int | None = None) -> int:
    """First sample from ``start`` on that is louder than a hundredth of the peak."""
    level = np.abs(samples).max(axis=0)
    found = np.flatnonzero(level[start:end] > 0.01 * level.max())
    assert len(found), "nothing sounds"
    return start + int(found[0])


def loudness(rendering: Rendering, start_s: float, end_s: float) -> float:
    """Root mean square between two times."""
    part = rendering.audio.samples[:, int(start_s * RATE_HZ) : int(end_s * RATE_HZ)]
    return float(np.sqrt(np.mean(part.astype(np.float64) ** 2)))


def pitch_hz(samples: np.ndarray, near_hz: float) -> float:
    """The strongest partial within a semitone of ``near_hz``."""
    size = 1 << 20
    spectrum = np.abs(np.fft.rfft(samples.mean(axis=0) * np.hanning(samples.shape[1]), size))
    frequency = np.fft.rfftfreq(size, 1 / RATE_HZ)
    close = np.abs(np.log2(frequency[1:] / near_hz)) < 1 / 12
    return float(frequency[1:][close][spectrum[1:][close].argmax()])


def test_a4_is_440_hz_in_stereo_at_the_right_place(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    made = play(midi_file(ORGAN + note(480, 2400)), reverb=False)
    samples = made.audio.samples
    assert samples.shape[0] == 2
    assert np.isfinite(samples).all()
    assert not samples[:, : RATE_HZ // 2 - GRID_SAMPLES].any(), "silence before the first note"
    assert abs(onset(samples, 0) - RATE_HZ // 2) <= ATTACK_SAMPLES
    assert 2.5 < made.audio.duration_s < 4.5
    cents = 1200 * np.log2(pitch_hz(samples[:, RATE_HZ : 2 * RATE_HZ], 440.0) / 440.0)
    assert abs(cents) < 5
    assert made.audio.peak == pytest.approx(10 ** (-1 / 20), rel=1e-4)
    assert made.font.name == "TimGM6mb"
    assert made.synth.startswith("FluidSynth ")


def test_the_nth_note_is_at_its_place_through_tempo_changes(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    tempos = [(960, mido.MetaMessage("set_tempo", tempo=300_000)), (1920, mido.MetaMessage("set_tempo", tempo=900_000))]
    claves = [event for tick in range(0, 3360, 480) for event in note(tick, tick + 60, 75, channel=9)]  # at once, and gone at once
    samples = play(midi_file(tempos, claves), reverb=False).audio.samples
    for start_s in (0.0, 0.5, 1.0, 1.3, 1.6, 2.5, 3.4):
        place = round(start_s * RATE_HZ)
        assert abs(onset(samples, max(place - 2000, 0), place + 4000) - place) <= GRID_SAMPLES


def test_two_renderings_are_the_same_samples(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    chord = [event for channel, key in enumerate((48, 60, 64, 67, 72)) for event in note(0, 960, key, channel)]
    programs = [
        (0, mido.Message("program_change", channel=channel, program=program)) for channel, program in enumerate((0, 48, 52, 61, 73))
    ]
    data = midi_file(programs + chord)
    first, second = render_soundfont(data), render_soundfont(data)
    assert np.array_equal(first.audio.samples, second.audio.samples)
    assert first.gain_db == second.gain_db


def test_the_pedal_prolongs(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    def pedal(tick: int, value: int) -> tuple[int, mido.Message]:
        return tick, mido.Message("control_change", control=64, value=value)

    dry = play(midi_file(ORGAN + note(0, 480)), reverb=False)
    held = play(midi_file([*ORGAN, pedal(0, 127), *note(0, 480), pedal(1920, 0)]), reverb=False)
    assert loudness(dry, 1.2, 1.9) < 0.01 * loudness(dry, 0.1, 0.5)
    assert loudness(held, 1.2, 1.9) > 0.5 * loudness(held, 0.1, 0.5)
    assert held.audio.duration_s > dry.audio.duration_s + 1.0


def test_a_pedal_never_lifted_ends_with_the_music(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    data = midi_file([*ORGAN, (0, mido.Message("control_change", control=64, value=127)), *note(0, 480)])
    assert play(data).audio.duration_s < 6.0


def test_the_bend_wheel_bends(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    data = midi_file([*ORGAN, (0, mido.Message("pitchwheel", pitch=4096)), *note(0, 1920)])  # half of two semitones
    samples = play(data, reverb=False).audio.samples[:, RATE_HZ // 4 : RATE_HZ]
    assert abs(1200 * np.log2(pitch_hz(samples, 466.16) / 466.16)) < 6


def test_drums_are_not_a_pitched_instrument(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    """Key 42 is a closed hi-hat on channel 10 (noise, gone in a moment) and a low piano note elsewhere."""
    drum = play(midi_file(note(0, 960, 42, channel=9)), reverb=False)
    piano = play(midi_file(note(0, 960, 42, channel=0)), reverb=False)
    assert loudness(drum, 0.5, 0.9) < 0.02 * loudness(drum, 0.0, 0.1)
    assert loudness(piano, 0.5, 0.9) > 0.2 * loudness(piano, 0.0, 0.1)


def test_drums_of_a_second_port_are_drums_too(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    second = [(0, mido.MetaMessage("midi_port", port=1)), *note(0, 960, 42, channel=9)]
    one = play(midi_file(note(0, 960, 42, channel=9)), reverb=False)
    two = play(midi_file(second), reverb=False)
    assert np.array_equal(one.audio.samples, two.audio.samples)


def test_programs_sound_different(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    organ = play(midi_file(ORGAN + note(0, 480)), reverb=False).audio.samples
    piano = play(midi_file(note(0, 480)), reverb=False).audio.samples
    length = min(organ.shape[1], piano.shape[1])
    assert abs(np.corrcoef(organ[0, :length], piano[0, :length])[0, 1]) < 0.9


def test_velocity_is_loudness(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    soft, loud = (play(midi_file(note(0, 480, velocity=velocity)), gain_db=0.0) for velocity in (30, 120))
    assert loud.audio.peak > 4 * soft.audio.peak


def test_gain_is_in_decibels_and_may_pass_full_scale(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    data = midi_file(ORGAN + note(0, 480))
    even, high = play(data), play(data, gain_db=40.0)
    np.testing.assert_allclose(high.audio.samples, even.audio.samples * 10 ** ((40.0 - even.gain_db) / 20), rtol=1e-4, atol=1e-7)
    assert high.audio.peak > 1.0


def test_reverb_leaves_a_room_behind(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    data = midi_file(ORGAN + note(0, 480))
    room, dry = play(data), play(data, reverb=False)
    assert loudness(room, 0.8, 1.2) > 3 * loudness(dry, 0.8, 1.2)
    assert loudness(room, 0.8, 1.2) < 0.3 * loudness(room, 0.1, 0.5)


def test_other_rates_keep_pitch_and_place(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    made = play(midi_file(ORGAN + note(480, 1920)), sample_rate_hz=22_050, reverb=False)
    assert made.audio.sample_rate_hz == 22_050
    assert abs(onset(made.audio.samples, 0) - 11_025) <= ATTACK_SAMPLES


def test_a_midi_piece_plays_its_own_file(
    midi_file: Callable[..., bytes], note: Callable[..., list], make_piece: Callable[..., Piece]
) -> None:
    """Bends are in the file only, not in the note table: the file must be what plays."""
    data = midi_file([*ORGAN, (0, mido.Message("pitchwheel", pitch=4096)), *note(0, 480)])
    piece = make_piece([(0, 4, 69, 0)], lanes=["Organ"])
    sourced = piece.with_notes(piece.notes, Source("midi", data, "bent.mid"))
    assert np.array_equal(render_soundfont(sourced).audio.samples, render_soundfont(data).audio.samples)


@pytest.mark.parametrize("program", [19, 73])  # a church organ and a flute
def test_cents_are_heard_to_the_nearest_cent(make_piece: Callable[..., Piece], program: int) -> None:
    """Beside the same key without cents, as the font's own samples are a few cents off."""

    def heard_hz(cents: float) -> float:
        piece = make_piece([(0, 32, 69, 0)], lanes=["One"])
        piece.notes["cents"] = cents
        piece = replace(piece, parts=(Part("One", program=program),))
        samples = render_soundfont(piece, reverb=False).audio.samples
        return pitch_hz(samples[:, RATE_HZ // 2 : 7 * RATE_HZ // 2], 440.0 * 2 ** (cents / 1200))

    plain_hz = heard_hz(0)
    for cents in (50, -30, 33.3333):
        assert abs(1200 * np.log2(heard_hz(cents) / plain_hz) - cents) < 0.6  # half a cent, and half a bin of the spectrum


def test_two_tunings_at_once_are_both_heard(make_piece: Callable[..., Piece]) -> None:
    piece = make_piece([(0, 32, 69, 0), (0, 32, 81, 0)], lanes=["One"])
    piece.notes["cents"][piece.notes["pitch"] == 81] = 50
    piece = replace(piece, parts=(Part("One", program=73),))
    samples = render_soundfont(piece, reverb=False).audio.samples[:, RATE_HZ // 2 : 7 * RATE_HZ // 2]
    high_hz = 880.0 * 2 ** (50 / 1200)
    assert abs(1200 * np.log2(pitch_hz(samples, high_hz) / high_hz)) < 20  # the flute is 13 cents sharp
    assert abs(1200 * np.log2(pitch_hz(samples, 440.0) / 440.0)) < 20


def test_a_reset_of_the_controllers_keeps_bends_right_to_a_cent(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    bent = [(1, mido.Message("pitchwheel", pitch=2048)), *note(1, 2880)]
    reset = [*ORGAN, (0, mido.Message("control_change", control=121, value=0)), *bent]
    assert np.array_equal(play(midi_file([*ORGAN, *bent])).audio.samples, play(midi_file(reset)).audio.samples)


def test_a_piece_without_a_file_plays_from_its_notes(make_piece: Callable[..., Piece]) -> None:
    made = render_soundfont(make_piece([(4, 4, 69, 0), (8, 4, 57, 1)]), reverb=False)
    assert abs(onset(made.audio.samples, 0) - RATE_HZ // 2) <= 400  # the piano's attack is slower than the organ's
    assert abs(1200 * np.log2(pitch_hz(made.audio.samples[:, RATE_HZ // 2 : RATE_HZ], 440.0) / 440.0)) < 10


def test_a_cut_font_is_one_clear_line(midi_file: Callable[..., bytes], note: Callable[..., list], tmp_path: Path) -> None:
    whole = fonts.find_font().path.read_bytes()
    cut = tmp_path / "cut.sf2"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut\.sf2 \(asked for\) is cut off"):
        render_soundfont(midi_file(note(0, 480)), font=cut)


def test_a_font_broken_inside_is_one_clear_line(midi_file: Callable[..., bytes], note: Callable[..., list], tmp_path: Path) -> None:
    whole = bytearray(fonts.find_font().path.read_bytes())
    whole[12:400] = bytes(388)
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(whole)
    with pytest.raises(InputError, match=r"broken\.sf2 cannot be loaded") as caught:
        render_soundfont(midi_file(note(0, 480)), font=broken)
    assert "\n" not in str(caught.value)


def test_a_font_full_of_noise_never_takes_us_down(
    midi_file: Callable[..., bytes], note: Callable[..., list], tmp_path: Path
) -> None:
    """Preset tables overwritten at random: the child may die, we get an error or some sound."""
    whole = fonts.find_font().path.read_bytes()
    tables = whole.rindex(b"pdta")
    rng = np.random.default_rng(3)
    for attempt in range(2):
        spoiled = bytearray(whole)
        for place in rng.integers(tables + 12, len(whole), 2000):
            spoiled[place] = rng.integers(256)
        path = tmp_path / f"noise{attempt}.sf2"
        path.write_bytes(spoiled)
        try:
            made = render_soundfont(midi_file(note(0, 480)), font=path)
        except (InputError, ToolError):
            continue
        assert np.isfinite(made.audio.samples).all()


def test_hostile_midi_is_one_clear_line(midi_file: Callable[..., bytes], note: Callable[..., list]) -> None:
    with pytest.raises(InputError, match=r"song\.mid: expected a Standard MIDI File"):
        render_soundfont(b"MThd\x00\x00", name="song.mid")
    with pytest.raises(InputError, match="at most 7200 s of music"):
        render_soundfont(midi_file(note(0, 2**27)), name="song.mid")
    with pytest.raises(InputError, match="got no notes"):
        render_soundfont(midi_file([(0, mido.Message("program_change", program=3))]), name="song.mid")


@pytest.mark.parametrize(
    ("wish", "words"),
    [({"sample_rate_hz": 7_999}, "sample rate"), ({"gain_db": float("nan")}, "gain"), ({"gain_db": 61.0}, "gain")],
)
def test_wishes_out_of_range_are_refused(
    midi_file: Callable[..., bytes], note: Callable[..., list], wish: dict, words: str
) -> None:
    with pytest.raises(RequestError, match=words):
        render_soundfont(midi_file(note(0, 480)), **wish)


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    with pytest.raises(ToolError, match="apt-get install libfluidsynth3"):
        load_fluidsynth()


def test_the_wrong_python_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fluidsynth", shutil)  # any module without the binding's names
    with pytest.raises(ToolError, match="pip uninstall fluidsynth"):
        load_fluidsynth()


def test_no_sample_files_are_left_behind(
    midi_file: Callable[..., bytes], note: Callable[..., list], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    render_soundfont(midi_file(note(0, 480)))
    with pytest.raises(InputError):
        render_soundfont(b"no midi")
    assert list(tmp_path.iterdir()) == []
