from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from corpora.errors import ToolError
from render.engines import EngineReport, stem_file
from render.midi_events import PlayEvent
from render.played import PlayedMusic
from render.sampler.engine import render_stems
from render.sampler.settings import OUTPUT_GAIN
from render.tuning.retune import retuned
from render.tuning.wishes import parse_tuning

RATE_HZ = 44_100
CENTRE = math.sqrt(0.5)
PEAK = 0.5 * OUTPUT_GAIN * CENTRE  # of the test's sine at full velocity, volume and expression, on one side
Music = Callable[..., PlayedMusic]
Render = Callable[..., NDArray[np.float32]]
SineFont = Callable[..., Path]


def pitch_hz(sound: NDArray[np.float32], about_hz: float) -> float:
    """Frequency of a steady tone: slope of the phase against a sine near it."""
    times = np.arange(len(sound)) / RATE_HZ
    window = RATE_HZ // 10
    smooth = np.hanning(window)
    beat = np.convolve(sound * np.exp(-2j * np.pi * about_hz * times), smooth, mode="valid")
    return about_hz + np.polyfit(times[: len(beat)], np.unwrap(np.angle(beat)), 1)[0] / (2 * np.pi)


@pytest.mark.parametrize("onset", [0, 1, 63, 64, 12_345, 300_000])
def test_the_first_sample_sounds_at_the_onset(onset: int, make_music: Music, render: Render, sine_font: SineFont) -> None:
    font = sine_font()
    sound = render(make_music([(onset, onset + 2_000, 69, 127, 0.0, 0)]), font)
    assert np.flatnonzero(sound[0])[0] == onset
    assert not sound[:, :onset].any()


def test_a_click_sounds_at_the_very_sample(
    make_font: Callable[..., bytes], tmp_path: Path, make_music: Music, render: Render
) -> None:
    click = np.zeros(200, dtype=np.int16)
    click[0] = 16_384
    font = tmp_path / "click.sf2"
    font.write_bytes(make_font([click], [({34: -12_000, 54: 0}, 0, ())]))
    onsets = (0, 1_000, 2_063, 300_001)
    sound = render(make_music([(onset, onset + 150, 69, 127, 0.0, 0) for onset in onsets]), font)[0]
    for onset in onsets:
        assert np.abs(sound[onset]) > 1e-3
        assert not sound[max(onset - 200, 0) : onset].any()


@pytest.mark.parametrize(("key", "cents"), [(69, 0.0), (69, 13.7), (69, -49.0), (57, 63.16), (81, -0.05), (48, 99.0), (93, 33.3)])
def test_pitch_is_right_to_a_hundredth_of_a_cent(
    key: int, cents: float, make_music: Music, render: Render, sine_font: SineFont
) -> None:
    sound = render(make_music([(0, 3 * RATE_HZ, key, 127, cents, 0)]), sine_font())
    wanted = 441.0 * 2 ** ((key - 69 + cents / 100) / 12)
    got = pitch_hz(sound[0, 4_410 : 3 * RATE_HZ - 100], wanted)
    assert abs(1200 * math.log2(got / wanted)) < 0.01


def test_bends_are_cents_too(make_music: Music, render: Render, sine_font: SineFont) -> None:
    wheel = [PlayEvent(RATE_HZ, "pitchwheel", 0, 4_096)]
    sound = render(make_music([(0, 4 * RATE_HZ, 69, 127, 0.0, 0)], wheel), sine_font())
    for start, semitones in ((0, 0.0), (RATE_HZ, 1.0)):
        wanted = 441.0 * 2 ** (semitones / 12)
        got = pitch_hz(sound[0, start + 500 : start + RATE_HZ - 500], wanted)
        assert abs(1200 * math.log2(got / wanted)) < 0.05


def test_nineteen_equal_steps(make_music: Music, render: Render, sine_font: SineFont) -> None:
    steps = [1200 * step / 19 for step in range(20)]
    rows = []
    for step, cents in enumerate(steps):
        key = round(cents / 100)
        rows.append((step * RATE_HZ, (step + 1) * RATE_HZ - 100, 69 + key, 127, cents - 100 * key, 0))
    sound = render(make_music(rows), sine_font({38: -12_000}))
    for step, cents in enumerate(steps):
        wanted = 441.0 * 2 ** (cents / 1200)
        got = pitch_hz(sound[0, step * RATE_HZ + 2_000 : (step + 1) * RATE_HZ - 2_000], wanted)
        assert abs(1200 * math.log2(got / wanted)) < 0.1


def test_a_loop_goes_on_without_a_seam(make_music: Music, render: Render, sine_font: SineFont) -> None:
    sound = render(make_music([(0, 2 * RATE_HZ, 69, 127, 0.0, 0)]), sine_font(loops=[(1_000, 1_100)]))[0]
    places = np.arange(100, 2 * RATE_HZ - 10)
    assert np.abs(sound[places] - PEAK * np.sin(2 * np.pi * places / 100)).max() < 2e-4 * PEAK


@pytest.mark.parametrize("ratio_key", [57, 62, 76])
def test_transposed_loops_too(ratio_key: int, make_music: Music, render: Render, sine_font: SineFont) -> None:
    sound = render(make_music([(0, RATE_HZ, ratio_key, 127, 0.0, 0)]), sine_font(loops=[(1_000, 1_300)]))[0]
    places = np.arange(200, RATE_HZ - 10)
    wanted = PEAK * np.sin(2 * np.pi * places / 100 * 2 ** ((ratio_key - 69) / 12))
    assert np.abs(sound[places] - wanted).max() < 5e-4 * PEAK


def test_velocity_volume_and_expression_go_by_the_square(make_music: Music, render: Render, sine_font: SineFont) -> None:
    font = sine_font()
    for velocity, volume, expression in ((127, 127, 127), (64, 127, 127), (127, 100, 127), (100, 90, 80)):
        told = [PlayEvent(0, "control_change", 0, 7, volume), PlayEvent(0, "control_change", 0, 11, expression)]
        sound = render(make_music([(0, 20_000, 69, velocity, 0.0, 0)], told), font)
        wanted = PEAK * (velocity * volume * expression / 127**3) ** 2
        assert np.abs(sound[0, 1_000:15_000]).max() == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("pan", [0, 32, 64, 100, 127])
def test_pan_keeps_the_power(pan: int, make_music: Music, render: Render, sine_font: SineFont) -> None:
    sound = render(make_music([(0, 20_000, 69, 127, 0.0, 0)], [PlayEvent(0, "control_change", 0, 10, pan)]), sine_font())
    left, right = np.abs(sound[:, 1_000:15_000]).max(1)
    angle = math.pi / 2 * pan / 128 if pan < 127 else math.pi / 4 * (1 + 127 / 128)
    assert left == pytest.approx(PEAK / CENTRE * math.cos(angle), abs=2e-3 * PEAK)
    assert right == pytest.approx(PEAK / CENTRE * math.sin(angle), abs=2e-3 * PEAK)
    assert left**2 + right**2 == pytest.approx((PEAK / CENTRE) ** 2, rel=2e-3)


def level_db(sound: NDArray[np.float32], place: int) -> float:
    """Level of a period about a place, re the plain sine."""
    return 20 * math.log10(math.sqrt(2) * float(np.sqrt(np.mean(sound[place - 50 : place + 50].astype(np.float64) ** 2))) / PEAK)


def test_the_envelope_is_the_one_that_is_written(make_music: Music, render: Render, sine_font: SineFont) -> None:
    # delay 1/4 s, attack 1/2 s, hold 1/4 s, decay 2 s for 100 dB down to -30 dB, release 1 s for 100 dB
    font = sine_font({33: -2_400, 34: -1_200, 35: -2_400, 36: 1_200, 37: 300, 38: 0})
    sound = render(make_music([(0, 3 * RATE_HZ, 69, 127, 0.0, 0)]), font)[0]
    assert not sound[: RATE_HZ // 4 - 1].any()
    assert level_db(sound, RATE_HZ // 2) == pytest.approx(20 * math.log10(0.5), abs=0.1)
    assert level_db(sound, round(0.9 * RATE_HZ)) == pytest.approx(0.0, abs=0.05)
    assert level_db(sound, round(1.3 * RATE_HZ)) == pytest.approx(-15.0, abs=0.1)
    assert level_db(sound, round(2.5 * RATE_HZ)) == pytest.approx(-30.0, abs=0.1)
    assert level_db(sound, round(3.2 * RATE_HZ)) == pytest.approx(-50.0, abs=0.2)


def test_a_release_in_the_attack_goes_on_from_where_it_is(make_music: Music, render: Render, sine_font: SineFont) -> None:
    sound = render(make_music([(0, RATE_HZ // 2, 69, 127, 0.0, 0)]), sine_font({34: 0}))[0]
    assert level_db(sound, RATE_HZ // 2 - 60) == pytest.approx(20 * math.log10(0.5), abs=0.1)
    assert level_db(sound, round(0.6 * RATE_HZ)) == pytest.approx(20 * math.log10(0.5) - 10.0, abs=0.1)


def test_stems_sum_to_the_mix_and_no_stretch_length_changes_a_bit(make_music: Music, tmp_path: Path, sine_font: SineFont) -> None:
    bends = [PlayEvent(9_000 * step, "pitchwheel", 1, 500 * step) for step in range(5)]
    bends += [PlayEvent(7_000 * step, "control_change", 0, 11, 40 + 9 * step) for step in range(9)]
    rows = [(3_000 * index, 3_000 * index + 25_000, 60 + index, 40 + index, 3.0 * index, index % 3) for index in range(12)]
    music = make_music(rows, bends)
    font = sine_font({8: 9_000, 11: 1_200, 28: -1_200, 29: 500, 9: 60, 13: 30})
    made = []
    for segment in (1 << 18, 16_384, 17_011):
        folder = tmp_path / str(segment)
        folder.mkdir()
        render_stems(music, folder, stems=True, font=font, segment_samples=segment)
        made.append([stem_file(folder, stem).read_bytes() for stem in range(3)])
    assert made[0] == made[1] == made[2]
    mix = render_stems(music, tmp_path, stems=False, font=font)
    total = sum(np.frombuffer(stem, dtype="<f4").astype(np.float64) for stem in made[0])
    assert np.abs(total - np.fromfile(stem_file(tmp_path, 0), dtype="<f4")).max() < 10 ** (-120 / 20)
    assert mix.peak == pytest.approx(np.abs(total).max(), rel=1e-5)


def test_a_controllers_step_does_not_click_and_is_over_at_its_event(make_music: Music, render: Render, sine_font: SineFont) -> None:
    told = [PlayEvent(20_000, "control_change", 0, 11, 10)]
    sound = render(make_music([(0, 40_000, 69, 127, 0.0, 0)], told), sine_font())[0]
    wanted = PEAK * (10 / 127) ** 2
    places = np.arange(20_000, 39_000)
    assert np.abs(sound[places] - wanted * np.sin(2 * np.pi * places / 100)).max() < 1e-3 * PEAK
    assert np.abs(np.diff(sound[19_000:21_000])).max() < 1.1 * PEAK * 2 * np.pi / 100


def test_an_exclusive_class_chokes_its_own_only(make_music: Music, render: Render, sine_font: SineFont) -> None:
    rows = [(0, 60_000, 69, 127, 0.0, 0), (20_000, 21_000, 81, 1, 0.0, 0)]
    choked = render(make_music(rows, drums=True), sine_font({57: 1, 38: 1_200}, bank=128))[0]
    assert np.abs(choked[24_000:30_000]).max() < 1e-3 * PEAK
    apart = render(make_music([rows[0], (20_000, 21_000, 81, 1, 0.0, 1)], drums=True), sine_font({57: 1, 38: 1_200}, bank=128))[0]
    assert np.abs(apart[24_000:30_000]).max() > 0.9 * PEAK


def test_mode_three_leaves_its_loop_at_the_release(
    make_font: Callable[..., bytes], make_sine: Callable[..., NDArray[np.int16]], tmp_path: Path, make_music: Music, render: Render
) -> None:
    frames = np.concatenate([make_sine(2_000), make_sine(20_000, 25)])  # two octaves higher after the loop
    font = tmp_path / "leaves.sf2"
    font.write_bytes(make_font([frames], [({54: 3, 38: 3_600}, 0, ())], loops=[(1_000, 2_000)]))
    sound = render(make_music([(0, 40_000, 69, 127, 0.0, 0)]), font)[0]
    assert pitch_hz(sound[10_000:39_000], 441.0) == pytest.approx(441.0, abs=0.05)
    assert pitch_hz(sound[42_000:58_000], 1_764.0) == pytest.approx(1_764.0, abs=0.2)
    assert not sound[62_000:].any()


def test_nothing_folds_over_when_a_sample_is_read_faster(
    make_font: Callable[..., bytes], make_sine: Callable[..., NDArray[np.int16]], tmp_path: Path, make_music: Music, render: Render
) -> None:
    font = tmp_path / "high.sf2"
    font.write_bytes(make_font([make_sine(44_100, 44_100 / 15_000)], [({54: 0}, 0, ())]))
    rising = render(make_music([(0, 20_000, 81, 127, 0.0, 0)]), font)[0]  # 30 kHz would fold to 14.1 kHz
    assert 20 * math.log10(np.abs(rising[200:19_000]).max() / PEAK) < -70


def test_the_sample_of_the_nearest_sounding_pitch_is_played(
    make_font: Callable[..., bytes], make_sine: Callable[..., NDArray[np.int16]], tmp_path: Path, make_music: Music, render: Render
) -> None:
    low, high = make_sine(), (make_sine() // 4).astype(np.int16)
    zones = [({43: 0 | 69 << 8, 54: 1}, 0, ()), ({43: 70 | 127 << 8, 54: 1}, 1, ())]
    font = tmp_path / "split.sf2"
    font.write_bytes(make_font([low, high], zones))
    for cents, share in ((0.0, 1.0), (49.0, 1.0), (51.0, 0.25), (180.0, 0.25)):
        sound = render(make_music([(0, 20_000, 69, 127, cents, 0)]), font)[0]
        assert np.abs(sound[1_000:15_000]).max() == pytest.approx(PEAK * share, rel=1e-2)


def test_a_long_note_takes_no_memory_by_its_length(make_music: Music, sine_font: SineFont, tmp_path: Path) -> None:
    font = sine_font({11: 1_200, 8: 9_000})
    most = []
    for seconds in (8, 60):
        tracemalloc.start()
        report = render_stems(make_music([(0, seconds * RATE_HZ, 69, 127, 0.0, 0)]), tmp_path, stems=False, font=font)
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert report.samples >= seconds * RATE_HZ
    assert most[1] < most[0] + (4 << 20)  # 52 s are 18 MiB


def test_the_report_is_that_of_an_engine(make_music: Music, sine_font: SineFont, tmp_path: Path) -> None:
    told: list[float] = []
    rows = [(0, 900, 69, 127, 0.0, 0), (500, 1_900, 69, 127, 0.0, 0)]
    music = make_music(rows, [PlayEvent(3, "sysex", 0, data=b"\x7e")], program=7)
    report = render_stems(music, tmp_path, stems=True, font=sine_font(), progress=told.append)
    assert isinstance(report, EngineReport)
    assert (report.player, report.voices) == ("sampler with sine", 2)
    assert report.lost == ("program 7 of bank 0, 2 notes: the font has program 0 of bank 0", "1 system exclusive message")
    assert told[-1] == 1.0
    assert report.to_dict()["samples"] == report.samples


def test_a_silent_font_and_a_missing_folder_are_a_line(
    make_font: Callable[..., bytes], make_music: Music, sine_font: SineFont, tmp_path: Path
) -> None:
    music = make_music([(0, 900, 69, 127, 0.0, 0)])
    silent = tmp_path / "silent.sf2"
    silent.write_bytes(make_font([np.zeros(100, dtype=np.int16)], [({}, 0, ())]))
    with pytest.raises(ToolError, match="music: SoundFont silent gave only silence"):
        render_stems(music, tmp_path, stems=False, font=silent)
    with pytest.raises(ToolError, match=r"music: the sound cannot be written to .*nowhere: No such file or directory"):
        render_stems(music, tmp_path / "nowhere", stems=False, font=sine_font())


C_MAJOR = (60, 62, 64, 65, 67, 69, 71, 72)
RAST = ("9/8", "355.0", "4/3", "3/2", "906.0", "1057.0", "2/1")


@pytest.mark.parametrize("scale", ["19-EDO", "rast"])
def test_tunings_are_heard_to_a_tenth_of_a_cent(
    make_music: Music, render: Render, sine_font: SineFont, tmp_path: Path, scale: str
) -> None:
    """Intervals above the first note, beside the scale's definition."""
    (tmp_path / "rast.scl").write_text("! rast.scl\n!\nRast\n 7\n!\n" + "\n".join(f" {step}" for step in RAST) + "\n")
    if scale == "rast":
        degrees = [0.0, *(float(step) if "." in step else float(1200 * np.log2(float(Fraction(step)))) for step in RAST)]
    else:
        degrees = [step * 1200 / 19 for step in (0, 3, 6, 8, 11, 14, 17, 19)]
    tuning = parse_tuning(str(tmp_path / "rast.scl") if scale == "rast" else scale)
    font, heard = sine_font(), []
    for key in C_MAJOR:
        music = retuned(make_music([(0, RATE_HZ, key, 100, 0.0, 0)]), tuning)
        sound = render(music, font)[0, RATE_HZ // 10 : RATE_HZ - 100]
        about_hz = 441.0 * 2 ** ((key - 69) / 12)
        heard.append(1200 * np.log2(pitch_hz(sound, about_hz * 2 ** ((degrees[len(heard)] - 100 * (key - 60)) / 1200)) / 441.0))
    np.testing.assert_allclose(np.array(heard) - heard[0], degrees, atol=0.1)
