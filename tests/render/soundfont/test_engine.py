"""What is heard of a MIDI file and of a piece through the engine, measured from its sound."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import mido
import numpy as np
import pytest

from corpora.errors import InputError, RequestError, ToolError
from corpora.midi.reader import read_midi
from corpora.piece import Part, Piece
from render import fonts
from render.fluid import load_fluidsynth
from render.played import play
from render.soundfont.engine import render_stems

Midi: TypeAlias = Callable[..., bytes]
Note: TypeAlias = Callable[..., list[tuple[int, mido.Message]]]
Hear: TypeAlias = Callable[..., Any]
MakePiece: TypeAlias = Callable[..., Piece]

RATE_HZ = 44_100
ORGAN = [(0, mido.Message("program_change", program=19))]  # sounds at once, holds its level, stops when let go
FLUTE_PROGRAM = 73
GRID_SAMPLES = 64
ATTACK_SAMPLES = 128  # FluidSynth's grid plus the font's own attack


def control(tick: int, controller: int, value: int, channel: int = 0) -> tuple[int, mido.Message]:
    return tick, mido.Message("control_change", channel=channel, control=controller, value=value)


def cents_between(reference_hz: float, heard_hz: float) -> float:
    return float(1200 * np.log2(heard_hz / reference_hz))


def test_a4_is_440_hz_in_stereo_at_the_right_place(midi_file: Midi, note: Note, hear: Hear) -> None:
    made = hear(midi_file(ORGAN + note(480, 2400)))
    assert made.samples.shape[0] == 2
    assert np.isfinite(made.samples).all()
    assert not made.samples[:, : RATE_HZ // 2 - GRID_SAMPLES].any(), "silence before the first note"
    assert abs(made.onset(0) - RATE_HZ // 2) <= ATTACK_SAMPLES
    assert 2.5 < made.duration_s < 4.5
    assert abs(cents_between(440.0, made.pitch_hz(440.0, 1.0, 2.0))) < 5
    assert made.report.player.startswith("FluidSynth ")
    assert made.report.player.endswith(" with TimGM6mb")
    assert made.report.licence == "GPL-2"
    assert made.report.peak == pytest.approx(made.peak)


def test_the_nth_note_is_at_its_place_through_tempo_changes(midi_file: Midi, note: Note, hear: Hear) -> None:
    tempos = [(960, mido.MetaMessage("set_tempo", tempo=300_000)), (1920, mido.MetaMessage("set_tempo", tempo=900_000))]
    claves = [event for tick in range(0, 3360, 480) for event in note(tick, tick + 60, 75, channel=9)]  # at once, and gone at once
    made = hear(midi_file(tempos, claves))
    for start_s in (0.0, 0.5, 1.0, 1.3, 1.6, 2.5, 3.4):
        place = round(start_s * RATE_HZ)
        assert abs(made.onset(max(place - 2000, 0), place + 4000) - place) <= GRID_SAMPLES


def test_two_renderings_are_the_same_samples(midi_file: Midi, note: Note, hear: Hear) -> None:
    chord = [event for channel, key in enumerate((48, 60, 64, 67, 72)) for event in note(0, 960, key, channel)]
    programs = [
        (0, mido.Message("program_change", channel=channel, program=program)) for channel, program in enumerate((0, 48, 52, 61, 73))
    ]
    data = midi_file(programs + chord)
    # another call of the fixture, so that it plays again
    assert np.array_equal(hear(data).samples, hear(data, sample_rate_hz=RATE_HZ).samples)


def test_the_pedal_prolongs(midi_file: Midi, note: Note, hear: Hear) -> None:
    short = hear(midi_file(ORGAN + note(0, 480)))
    held = hear(midi_file([*ORGAN, control(0, 64, 127), *note(0, 480), control(1920, 64, 0)]))
    assert short.loudness(1.2, 1.9) < 0.01 * short.loudness(0.1, 0.5)
    assert held.loudness(1.2, 1.9) > 0.5 * held.loudness(0.1, 0.5)
    assert held.loudness(2.3, 2.5) < 0.01 * held.loudness(0.1, 0.5)


def test_a_pedal_that_comes_with_the_key_up_does_not_hold(midi_file: Midi, note: Note, hear: Hear) -> None:
    """In the file the key goes up first; played later, the pedal is for the next chord."""
    late = hear(midi_file([*ORGAN, *note(0, 480), control(481, 64, 127), *note(1440, 1920, 57), control(1920, 64, 0)]))
    assert late.loudness(1.0, 1.4) < 0.01 * late.loudness(0.1, 0.5)


def test_a_pedal_never_lifted_ends_with_the_music(midi_file: Midi, note: Note, hear: Hear) -> None:
    assert hear(midi_file([*ORGAN, control(0, 64, 127), *note(0, 480)])).duration_s < 6.0


def test_the_bend_wheel_bends(midi_file: Midi, note: Note, hear: Hear) -> None:
    plain = hear(midi_file(ORGAN + note(0, 1920))).pitch_hz(440.0, 0.25, 1.9)
    bent = hear(midi_file([*ORGAN, (0, mido.Message("pitchwheel", pitch=4096)), *note(0, 1920)]))  # half of two semitones
    assert cents_between(plain, bent.pitch_hz(466.16, 0.25, 1.9)) == pytest.approx(100, abs=0.6)


@pytest.mark.parametrize(
    ("parameter", "value", "bend", "cents"),
    [((0, 0), (12, 0), 8191, 1200), ((0, 1), (64 + 32, 0), 0, 50), ((0, 2), (64 + 3, 0), 0, 300)],
    ids=["bend range", "fine tuning", "coarse tuning"],
)
def test_registered_parameters_tune(
    midi_file: Midi, note: Note, hear: Hear, parameter: tuple[int, int], value: tuple[int, int], bend: int, cents: float
) -> None:
    setup = [control(0, 101, parameter[0]), control(0, 100, parameter[1]), control(0, 6, value[0]), control(0, 38, value[1])]
    wheel = [(0, mido.Message("pitchwheel", pitch=bend))]
    plain = hear(midi_file(ORGAN + note(0, 1920))).pitch_hz(440.0, 0.25, 1.9)
    tuned = hear(midi_file([*ORGAN, *setup, *wheel, *note(0, 1920)]))
    assert cents_between(plain, tuned.pitch_hz(440.0 * 2 ** (cents / 1200), 0.25, 1.9)) == pytest.approx(cents, abs=0.7)


@pytest.mark.parametrize("controller", [7, 11])
def test_volume_and_expression_are_forty_times_the_logarithm(midi_file: Midi, note: Note, hear: Hear, controller: int) -> None:
    """General MIDI level 1, "recommended practice": 40 log10(value / 127) dB, both alike; the attack of the organ is the same."""
    full = hear(midi_file([*ORGAN, control(0, controller, 127), *note(0, 960)])).loudness(0.2, 0.9)
    half = hear(midi_file([*ORGAN, control(0, controller, 64), *note(0, 960)])).loudness(0.2, 0.9)
    assert 20 * np.log10(half / full) == pytest.approx(40 * np.log10(64 / 127), abs=0.2)


def test_a_swell_under_a_held_note_is_heard(midi_file: Midi, note: Note, hear: Hear) -> None:
    swell = [control(480 + 10 * value, 11, value) for value in range(20, 127)]
    made = hear(midi_file([*ORGAN, control(0, 11, 20), *note(0, 2400), *swell]))
    levels = [made.loudness(start_s, start_s + 0.2) for start_s in np.arange(0.7, 1.7, 0.2)]
    assert np.all(np.diff(levels) > 0)
    assert levels[-1] > 3 * levels[0]


def test_pan_is_heard_on_its_side(midi_file: Midi, note: Note, hear: Hear) -> None:
    left, right = hear(midi_file([*ORGAN, control(0, 10, 0), *note(0, 960)])).samples
    assert np.abs(left).max() > 30 * np.abs(right).max()


def test_a_bank_is_selected_by_controller_0(midi_file: Midi, note: Note, hear: Hear, tmp_path: Path) -> None:
    """The flute moved to bank 8, program 0, of a font."""
    font = bytearray(fonts.find_font().path.read_bytes())
    place = font.rindex(b"phdr") + 8
    while (font[place + 20], font[place + 22]) != (FLUTE_PROGRAM, 0):
        place += 38  # bytes of a preset's header
    font[place + 20], font[place + 22] = 0, 8
    moved = tmp_path / "moved.sf2"
    moved.write_bytes(font)
    flute = hear(midi_file([(0, mido.Message("program_change", program=FLUTE_PROGRAM)), *note(0, 480)]))
    banked = hear(midi_file([control(0, 0, 8), (0, mido.Message("program_change", program=0)), *note(0, 480)]), font=moved)
    assert np.array_equal(flute.samples, banked.samples)


def test_drums_are_not_a_pitched_instrument(midi_file: Midi, note: Note, hear: Hear) -> None:
    """Key 42 is a closed hi-hat on channel 10 (noise, gone in a moment) and a low piano note elsewhere."""
    drum = hear(midi_file(note(0, 960, 42, channel=9)))
    piano = hear(midi_file(note(0, 960, 42, channel=0)))
    assert drum.loudness(0.5, 0.9) < 0.02 * drum.loudness(0.0, 0.1)
    assert piano.loudness(0.5, 0.9) > 0.2 * piano.loudness(0.0, 0.1)


def test_drum_sets_are_programs_of_the_drum_channel(midi_file: Midi, note: Note, hear: Hear) -> None:
    standard = hear(midi_file(note(0, 480, 38, channel=9))).samples
    electronic = hear(midi_file([(0, mido.Message("program_change", channel=9, program=24)), *note(0, 480, 38, channel=9)])).samples
    length = min(standard.shape[1], electronic.shape[1], RATE_HZ // 4)
    assert abs(np.corrcoef(standard[0, :length], electronic[0, :length])[0, 1]) < 0.9


def test_a_closing_hi_hat_chokes_the_open_one(midi_file: Midi, note: Note, hear: Hear) -> None:
    ringing = hear(midi_file(note(0, 960, 46, channel=9)))
    choked = hear(midi_file([*note(0, 960, 46, channel=9), *note(120, 240, 42, channel=9)]))
    assert choked.loudness(0.35, 0.45) < 0.2 * ringing.loudness(0.35, 0.45)


def test_drums_of_a_second_port_are_drums_too(midi_file: Midi, note: Note, hear: Hear) -> None:
    second = [(0, mido.MetaMessage("midi_port", port=1)), *note(0, 960, 42, channel=9)]
    assert np.array_equal(hear(midi_file(note(0, 960, 42, channel=9))).samples, hear(midi_file(second)).samples)


def test_programs_sound_different(midi_file: Midi, note: Note, hear: Hear) -> None:
    organ = hear(midi_file(ORGAN + note(0, 480))).samples
    piano = hear(midi_file(note(0, 480))).samples
    length = min(organ.shape[1], piano.shape[1])
    assert abs(np.corrcoef(organ[0, :length], piano[0, :length])[0, 1]) < 0.9


def test_velocity_is_loudness(midi_file: Midi, note: Note, hear: Hear) -> None:
    soft, loud = (hear(midi_file(note(0, 480, velocity=velocity))) for velocity in (30, 120))
    assert loud.peak > 4 * soft.peak


def test_a_usual_note_is_near_18_dbfs(midi_file: Midi, note: Note, hear: Hear) -> None:
    programs = [(0, mido.Message("program_change", program=program)) for program in (0, 40, 60)]
    peaks = [hear(midi_file([program, *note(0, 960, 60)])).peak for program in programs]
    assert -24 < np.median(20 * np.log10(peaks)) < -13


def test_other_rates_keep_pitch_and_place(midi_file: Midi, note: Note, hear: Hear) -> None:
    made = hear(midi_file(ORGAN + note(480, 1920)), sample_rate_hz=22_050)
    assert abs(made.onset(0) - 11_025) <= ATTACK_SAMPLES
    assert abs(cents_between(440.0, made.pitch_hz(440.0, 0.7, 1.9))) < 5


def test_a_midi_piece_plays_its_own_file(midi_file: Midi, note: Note, hear: Hear) -> None:
    """Bends are in the file only, not in the note table: the file must be what plays."""
    data = midi_file([*ORGAN, (0, mido.Message("pitchwheel", pitch=4096)), *note(0, 480)])
    assert np.array_equal(hear(read_midi(data)).samples, hear(data).samples)


def tuned_tone(make_piece: MakePiece, program: int, rows: Sequence[tuple[int, float]]) -> Piece:
    """One long note for each (key, cents), all together in one part."""
    piece = make_piece([(0, 32, key, 0) for key, _ in rows], lanes=["One"])
    for key, cents in rows:
        piece.notes["cents"][piece.notes["pitch"] == key] = cents
    return replace(piece, parts=(Part("One", program=program),))


@pytest.mark.parametrize("program", [19, FLUTE_PROGRAM])
def test_cents_are_heard_to_the_nearest_cent(make_piece: MakePiece, hear: Hear, program: int) -> None:
    """Beside the same key without cents, as the font's own samples are a few cents off."""
    plain_hz = hear(tuned_tone(make_piece, program, [(69, 0.0)])).pitch_hz(440.0, 0.5, 3.5)
    for cents in (50, -30, 33.3333):
        heard_hz = hear(tuned_tone(make_piece, program, [(69, cents)])).pitch_hz(440.0 * 2 ** (cents / 1200), 0.5, 3.5)
        assert cents_between(plain_hz, heard_hz) == pytest.approx(cents, abs=0.52)


def test_nineteen_equal_steps_are_heard_within_a_cent(make_piece: MakePiece, hear: Hear) -> None:
    """One after the other in one part: steps that fall on one key with different cents among them."""
    steps = [(60 + round(step * 12 / 19), step * 1200 / 19 - 100 * round(step * 12 / 19)) for step in range(20)]
    piece = make_piece([(16 * place, 14, key, 0) for place, (key, _) in enumerate(steps)], lanes=["One"], bars=20)
    plain = replace(piece, parts=(Part("One", program=FLUTE_PROGRAM),))
    font = hear(plain)
    tuned = plain.with_notes(plain.notes.copy())
    tuned.notes["cents"] = [cents for _, cents in steps]
    made = hear(tuned)
    for place, (key, cents) in enumerate(steps):
        key_hz = 440.0 * 2 ** ((key - 69) / 12)
        own_hz = font.pitch_hz(key_hz, 2 * place + 0.25, 2 * place + 1.7)
        heard_hz = made.pitch_hz(key_hz * 2 ** (cents / 1200), 2 * place + 0.25, 2 * place + 1.7)
        assert cents_between(own_hz, heard_hz) == pytest.approx(cents, abs=0.52), place


def test_one_key_in_two_tunings_at_once_is_heard_in_both(make_piece: MakePiece, hear: Hear) -> None:
    piece = make_piece([(0, 32, 69, 0), (0, 32, 69, 0)], lanes=["One"])
    piece.notes["cents"] = [0.0, 60.0]
    made = hear(replace(piece, parts=(Part("One", program=19),)))
    spectrum = np.abs(np.fft.rfft(made.part(0.5, 3.5) * np.hanning(3 * RATE_HZ)))
    bins = [round(3 * 440.0 * 2 ** (cents / 1200)) for cents in (0, 30, 60)]
    low, between, high = (spectrum[place - 2 : place + 3].max() for place in bins)
    assert min(low, high) > 10 * between


def test_a_piece_in_a_third_of_a_tone_plays_more_tunings_than_midi_has_channels(make_piece: MakePiece, hear: Hear) -> None:
    """Forty notes of one part, each with cents of its own, four at a time."""
    piece = make_piece([(4 * (place // 4), 4, 50 + place, 0) for place in range(40)], lanes=["One"])
    piece.notes["cents"] = np.linspace(-45, 45, 40)
    assert hear(replace(piece, parts=(Part("One", program=19),))).report.voices >= 4


def test_a_retuned_key_leaves_what_sounds_alone(make_piece: MakePiece, hear: Hear) -> None:
    """The second note retunes the key of the first while that one is dying away."""
    piece = make_piece([(0, 16, 69, 0), (16, 16, 69, 0)], lanes=["One"])
    retuned = piece.with_notes(piece.notes.copy())
    retuned.notes["cents"] = [0.0, 50.0]
    first, second = (hear(replace(one, parts=(Part("One", program=19),))) for one in (piece, retuned))
    assert np.array_equal(first.part(0.0, 1.99), second.part(0.0, 1.99))


def test_a_reset_of_the_controllers_keeps_bends_right_to_a_cent(midi_file: Midi, note: Note, hear: Hear) -> None:
    bent = [(1, mido.Message("pitchwheel", pitch=2048)), *note(1, 2880)]
    reset = [*ORGAN, control(0, 121, 0), *bent]
    assert np.array_equal(hear(midi_file([*ORGAN, *bent])).samples, hear(midi_file(reset)).samples)


def test_a_unison_within_a_part_sounds_until_the_end_of_each(make_piece: MakePiece, hear: Hear) -> None:
    both, alone = (
        hear(replace(make_piece(rows, lanes=["One"]), parts=(Part("One", program=19),)))
        for rows in ([(0, 16, 69, 0), (4, 4, 69, 0)], [(0, 16, 69, 0)])
    )
    difference = both.part(0.6, 0.9) - alone.part(0.6, 0.9)
    assert np.sqrt(np.mean(difference**2)) > 0.3 * alone.loudness(0.6, 0.9), "the second voice is there"
    np.testing.assert_allclose(both.part(1.7, 1.95), alone.part(1.7, 1.95), atol=1e-5, err_msg="the long one goes on as if alone")


def test_stems_are_the_channels_and_sum_to_the_whole(midi_file: Midi, note: Note, hear: Hear) -> None:
    programs = [(0, mido.Message("program_change", channel=channel, program=program)) for channel, program in ((0, 19), (1, 73))]
    data = midi_file([*programs, *note(0, 960, 60, 0), *note(480, 1440, 72, 1), *note(0, 60, 38, 9)])
    whole, split = hear(data), hear(data, stems=True)
    assert len(split.stems) == 3
    assert all(np.abs(stem).max() > 0.001 for stem in split.stems.values())
    assert np.abs(split.samples - whole.samples).max() < 1e-6
    organ = hear(midi_file([*programs, *note(0, 960, 60, 0)]))
    first = next(iter(split.stems.values()))
    np.testing.assert_allclose(first[:, :RATE_HZ], organ.samples[:, :RATE_HZ], atol=1e-7)


def test_a_piece_without_a_file_plays_from_its_notes(make_piece: MakePiece, hear: Hear) -> None:
    made = hear(make_piece([(4, 4, 69, 0), (8, 4, 57, 1)]))
    assert abs(made.onset(0) - RATE_HZ // 2) <= 400  # the piano's attack is slower than the organ's
    assert abs(cents_between(440.0, made.pitch_hz(440.0, 0.5, 1.0))) < 10


def test_system_exclusive_messages_are_told_as_lost(midi_file: Midi, note: Note, hear: Hear) -> None:
    made = hear(midi_file([(0, mido.Message("sysex", data=(0x7E, 0x7F, 0x09, 0x01))), *note(0, 480)]))
    assert made.report.lost == ("1 system exclusive message",)
    assert hear(midi_file(note(0, 480))).report.lost == ()


def test_presets_that_the_font_lacks_are_told(midi_file: Midi, note: Note, hear: Hear) -> None:
    programs = [control(0, 0, 8), (0, mido.Message("program_change", program=40))]
    made = hear(midi_file([*programs, *note(0, 480), *note(480, 960)]))
    assert made.report.lost == ("program 40 of bank 8, 2 notes: the font has program 40 of bank 0",)
    drums = hear(midi_file([(0, mido.Message("program_change", channel=9, program=5)), *note(0, 480, 38, channel=9)]))
    assert drums.report.lost == ("drum set 5, 1 note: the font has drum set 0",)
    assert hear(midi_file([*note(0, 480), *note(0, 480, 38, channel=9)])).report.lost == ()


def test_progress_grows_to_its_end(midi_file: Midi, note: Note, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpora.child.POLL_S", 0.001)
    shares: list[float] = []
    music = play(midi_file([event for tick in range(0, 48_000, 120) for event in note(tick, tick + 110)]), sample_rate_hz=RATE_HZ)
    render_stems(music, tmp_path, stems=False, progress=shares.append)
    assert shares == sorted(shares)
    assert shares
    assert 0.0 <= shares[0] < shares[-1] <= 1.0


def test_a_cut_font_is_one_clear_line(midi_file: Midi, note: Note, hear: Hear, tmp_path: Path) -> None:
    whole = fonts.find_font().path.read_bytes()
    cut = tmp_path / "cut.sf2"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut\.sf2 \(asked for\) is cut off"):
        hear(midi_file(note(0, 480)), font=cut)


def test_a_font_broken_inside_is_one_clear_line(midi_file: Midi, note: Note, hear: Hear, tmp_path: Path) -> None:
    whole = bytearray(fonts.find_font().path.read_bytes())
    whole[12:400] = bytes(388)
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(whole)
    with pytest.raises(InputError, match=r"broken\.sf2 cannot be loaded") as caught:
        hear(midi_file(note(0, 480)), font=broken)
    assert "\n" not in str(caught.value)


def test_a_font_full_of_noise_never_takes_us_down(midi_file: Midi, note: Note, hear: Hear, tmp_path: Path) -> None:
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
            made = hear(midi_file(note(0, 480)), font=path)
        except (InputError, ToolError):
            continue
        assert np.isfinite(made.samples).all()


def test_rates_that_fluidsynth_lacks_are_refused(midi_file: Midi, note: Note, hear: Hear) -> None:
    with pytest.raises(RequestError, match="sample rate: expected 8000 to 96000 Hz for SoundFonts, got 192000"):
        hear(midi_file(note(0, 480)), sample_rate_hz=192_000)


def test_more_notes_at_once_than_voices_are_refused(make_piece: MakePiece, hear: Hear) -> None:
    piece = make_piece([(4, 4, place % 128, 0) for place in range(1025)], lanes=["One"])
    with pytest.raises(InputError, match=r"0\.50 s: expected at most 1024 notes that sound at once, got 1025"):
        hear(piece)


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    with pytest.raises(ToolError, match="apt-get install libfluidsynth3"):
        load_fluidsynth()


def test_the_wrong_python_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fluidsynth", shutil)  # any module without the binding's names
    with pytest.raises(ToolError, match="pip uninstall fluidsynth"):
        load_fluidsynth()
