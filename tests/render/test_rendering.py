"""``render``: the laws of the whole way from music to a finished mix, measured from the sound."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import mido
import numpy as np
import pyloudnorm
import pytest
from numpy.typing import NDArray
from scipy.signal import resample_poly

from corpora.errors import InputError, PartimentoError, RequestError, ToolError
from corpora.files import read_piece
from corpora.midi.reader import read_midi
from corpora.piece import Piece
from render import fonts, render
from render.mix import CompressorSettings, MixSettings, StemSettings
from render.rendering import Rendering

Midi: TypeAlias = Callable[..., bytes]
Note: TypeAlias = Callable[..., list[tuple[int, mido.Message]]]

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
RATE_HZ = 44_100
CLAVES = 75  # a drum that sounds at once, and is gone at once

pytestmark = pytest.mark.usefixtures("synthesiser", "wheel_font")


@pytest.fixture(scope="module")
def chorale() -> Piece:
    return read_piece(EXAMPLES / "old-hundredth.musicxml")


@pytest.fixture(scope="module")
def finished(chorale: Piece, synthesiser: None) -> Rendering:
    """The chorale with everything."""
    return render(chorale, stems=True, font=fonts.font_in_wheel())


def true_peak_dbtp(samples: NDArray[np.float32]) -> float:
    """Of the sound at eight times its rate."""
    return float(20 * np.log10(np.abs(resample_poly(samples.astype(np.float64), 8, 1, axis=1)).max()))


def loudness_lufs(samples: NDArray[np.float32]) -> float:
    return float(pyloudnorm.Meter(RATE_HZ).integrated_loudness(samples.T.astype(np.float64)))


def dbfs(samples: NDArray[np.float32]) -> float:
    return float(20 * np.log10(np.abs(samples).max()))


def test_stems_sum_to_the_mix(finished: Rendering, chorale: Piece) -> None:
    assert list(finished.stems) == [part.name for part in chorale.parts]
    total = sum((stem.samples for stem in finished.stems.values()), start=np.zeros_like(finished.audio.samples))
    assert dbfs(total - finished.audio.samples) < -90
    assert all(dbfs(stem.samples) > -40 for stem in finished.stems.values())


def test_stems_sum_to_the_mix_where_the_limiter_works(chorale: Piece) -> None:
    made = render(chorale, stems=True, lufs=-7.0, sample_rate_hz=22_050)
    assert made.report.mix.limiter_reduction_db > 1
    total = sum((stem.samples for stem in made.stems.values()), start=np.zeros_like(made.audio.samples))
    assert dbfs(total - made.audio.samples) < -90


@pytest.mark.parametrize(("lufs", "ceiling_dbtp"), [(-16.0, -1.0), (-23.0, -2.0), (-9.0, -1.5)])
def test_loudness_and_true_peak_are_what_was_asked_for(chorale: Piece, lufs: float, ceiling_dbtp: float) -> None:
    made = render(chorale, lufs=lufs, true_peak_dbtp=ceiling_dbtp)
    assert loudness_lufs(made.audio.samples) == pytest.approx(lufs, abs=0.1)
    measured = true_peak_dbtp(made.audio.samples)
    assert measured <= ceiling_dbtp + 0.1
    assert made.report.mix.true_peak_dbtp == pytest.approx(measured, abs=0.1)
    if made.report.mix.limiter_reduction_db > 0.5:
        assert measured == pytest.approx(ceiling_dbtp, abs=0.1)


def test_a_gain_is_in_decibels_in_place_of_a_loudness(chorale: Piece) -> None:
    even, high = (render(chorale, gain_db=gain_db, true_peak_dbtp=None, sample_rate_hz=22_050) for gain_db in (0.0, 40.0))
    np.testing.assert_allclose(high.audio.samples, even.audio.samples * 100, rtol=1e-4, atol=1e-5)
    assert high.audio.peak > 1.0, "nothing limits it"


def test_a_room_is_left_behind_the_last_note(chorale: Piece) -> None:
    wet, dry = (render(chorale, room=room, sample_rate_hz=22_050) for room in ("hall", None))
    end = int(dry.note_map["last_sample"].max())
    early, late = slice(end - 22_050, end), slice(end + 11_025, end + 22_050)
    fall = [np.sqrt(np.mean(made.audio.samples[:, late] ** 2) / np.mean(made.audio.samples[:, early] ** 2)) for made in (wet, dry)]
    assert fall[0] > 2 * fall[1]
    assert wet.report.room == "hall"


def test_two_renderings_are_the_same_samples(finished: Rendering, chorale: Piece) -> None:
    again = render(chorale, stems=True)
    assert np.array_equal(finished.audio.samples, again.audio.samples)
    assert all(np.array_equal(finished.stems[name].samples, again.stems[name].samples) for name in finished.stems)


def test_the_note_map_names_every_note_of_the_piece(finished: Rendering, chorale: Piece) -> None:
    table = finished.note_map
    assert sorted(table["id"].tolist()) == sorted(chorale.notes["id"].tolist())
    first = dict(zip(table["id"].tolist(), table["first_sample"].tolist(), strict=True))
    seconds = chorale.div_to_seconds(chorale.notes["onset_div"])
    for name, second in zip(chorale.notes["id"].tolist(), seconds.tolist(), strict=True):
        assert abs(first[name] - second * RATE_HZ) <= 0.5
    assert np.all(table["last_sample"] > table["first_sample"])


def test_180_tempo_changes_over_ten_minutes_do_not_drift(midi_file: Midi, note: Note) -> None:
    """Claves on every fourth beat; tempos between 60 and 200 beats a minute, kept in whole microseconds a beat as MIDI has them."""
    rng = np.random.default_rng(11)
    beats = 7
    tempos_us = np.rint(60e6 / rng.uniform(60, 200, 180)).astype(int)
    changes = [(480 * beats * place, mido.MetaMessage("set_tempo", tempo=int(tempo))) for place, tempo in enumerate(tempos_us)]
    ticks = list(range(0, 480 * beats * 180, 480 * 4))
    strokes = [event for tick in ticks for event in note(tick, tick + 120, CLAVES, channel=9)]
    starts_us = np.concatenate([[0], np.cumsum(beats * tempos_us)]).tolist()  # exact whole numbers
    exact = []
    for tick in ticks:
        place, rest = divmod(tick, 480 * beats)
        exact.append((starts_us[place] * 480 + rest * int(tempos_us[min(place, 179)])) * RATE_HZ / 480e6)
    assert 540 < exact[-1] / RATE_HZ < 720
    made = render(read_midi(midi_file(changes, strokes)), room=None, lufs=None)
    assert np.abs(made.note_map["first_sample"] - np.array(exact)).max() <= 0.5, "the map is exact"
    level = np.abs(made.audio.samples).max(axis=0)
    threshold = 0.02 * level.max()
    heard = []
    for place in np.rint(exact).astype(int).tolist():
        start = max(place - 4000, 0)
        heard.append(start + int(np.argmax(level[start : place + 4000] > threshold)))
    late = np.array(heard) - np.array(exact)
    own_attack = np.median(late)  # of the font's sample
    assert abs(own_attack) < 64
    assert np.abs(late).max() < 64
    assert np.abs(late - own_attack).max() <= 36, "FluidSynth's grid of 64 samples, the nearest place"


def test_a_part_can_be_turned_down_and_to_the_side(chorale: Piece) -> None:
    wish = {"room": None, "gain_db": 0.0, "true_peak_dbtp": None, "sample_rate_hz": 22_050}
    plain = render(chorale, stems=True, **wish)
    placed = render(
        chorale, stems=True, stem_settings={"Bass": StemSettings(gain_db=-20.0), "Soprano": StemSettings(pan=-1.0)}, **wish
    )
    np.testing.assert_allclose(placed.stems["Bass"].samples, 0.1 * plain.stems["Bass"].samples, atol=1e-6)
    assert np.array_equal(placed.stems["Alto"].samples, plain.stems["Alto"].samples)
    assert np.abs(placed.stems["Soprano"].samples[1]).max() < 1e-6
    together = render(chorale, stem_settings={"Bass": StemSettings(gain_db=-20.0), "Soprano": StemSettings(pan=-1.0)}, **wish)
    assert np.array_equal(together.audio.samples, placed.audio.samples)
    assert together.stems == {}
    with pytest.raises(RequestError, match=r"expected a part \(Soprano, Alto, Tenor, Bass\), got 'Viola'"):
        render(chorale, stem_settings={"Viola": StemSettings()}, **wish)


def test_all_of_the_mix_can_be_said(chorale: Piece) -> None:
    made = render(chorale, mix=MixSettings(room=None, lufs=-20.0, compressor=CompressorSettings()), sample_rate_hz=22_050)
    assert made.report.room is None
    assert made.report.mix.integrated_lufs == pytest.approx(-20.0, abs=0.1)


def test_an_option_that_the_engine_lacks_is_named(chorale: Piece) -> None:
    with pytest.raises(RequestError, match=r"engine soundfont: expected options of its own \(none\), got 'bank'"):
        render(chorale, options={"bank": "mine"})
    with pytest.raises(RequestError, match="got 'folder'"):
        render(chorale, options={"folder": "/tmp"})


def test_a_tuning_is_told(chorale: Piece) -> None:
    made = render(chorale, tuning="19-EDO", sample_rate_hz=22_050)
    assert made.report.tuning == made.report.to_dict()["tuning"] == "19-EDO"
    assert made.note_map.tolist() == render(chorale, sample_rate_hz=22_050).note_map.tolist(), "places stay"


def test_any_midi_bytes_or_piece_will_do(midi_file: Midi, note: Note) -> None:
    data = midi_file(note(0, 480))
    assert np.array_equal(render(data).audio.samples, render(read_midi(data)).audio.samples)


def test_the_report_says_who_played_and_how_fast(finished: Rendering) -> None:
    report = finished.report.to_dict()
    assert report["engine"] == "soundfont"
    assert report["player"].endswith("with TimGM6mb")
    assert report["licence"] == "GPL-2"
    assert report["lufs"] == pytest.approx(-16.0, abs=0.1)
    assert report["notes"] == len(finished.note_map)
    assert report["duration_s"] == pytest.approx(finished.audio.duration_s)
    assert report["speed"] > 0
    assert "<audio" in finished._repr_html_()


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"engine": "organ"}, "engine: expected soundfont.*, got 'organ'"),
        ({"engine": "soundfont\n"}, "engine: expected"),
        ({"room": "garage"}, "room.*garage"),
        ({"sample_rate_hz": 7_999}, "sample rate: expected 8000"),
        ({"sample_rate_hz": 192_000}, "8000 to 96000 Hz for SoundFonts"),
        ({"lufs": 3.0}, "loudness .*got 3"),
        ({"lufs": float("nan")}, "loudness .*got nan"),
        ({"true_peak_dbtp": 6.0}, "true peak .*got 6"),
        ({"gain_db": float("inf")}, "gain .*got inf"),
    ],
)
def test_wishes_out_of_range_are_refused(midi_file: Midi, note: Note, wish: dict, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        render(midi_file(note(0, 480)), **wish)


def test_no_raw_files_are_left_behind(midi_file: Midi, note: Note, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    render(midi_file(note(0, 480)), stems=True)
    with pytest.raises(PartimentoError):
        render(b"no midi")
    with pytest.raises(InputError):
        render(midi_file(note(0, 480)), font=tmp_path / "none.sf2")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_found_before_any_work(midi_file: Midi, note: Note, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("render.pipeline.shutil.disk_usage", lambda folder: type("Usage", (), {"free": 1 << 20})())
    with pytest.raises(ToolError, match=r"the sound needs \d+ MB for a while in .*, which has 1 MB left"):
        render(midi_file(note(0, 480)))
