"""``render_to_file``: names, formats, all files or none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import mido
import numpy as np
import pytest
import soundfile

from corpora.audio import read_audio
from corpora.errors import InputError, RequestError, ToolError
from corpora.files import read_piece
from corpora.piece import Piece
from render import render, render_to_file
from render.sound_files import _stem_paths

Midi: TypeAlias = Callable[..., bytes]
Note: TypeAlias = Callable[..., list[tuple[int, mido.Message]]]

EXAMPLES = Path(__file__).parent.parent.parent / "examples"

pytestmark = pytest.mark.usefixtures("synthesiser", "wheel_font")


@pytest.fixture(scope="module")
def chorale() -> Piece:
    return read_piece(EXAMPLES / "old-hundredth.musicxml")


def test_a_flac_file_holds_what_render_gives(chorale: Piece, tmp_path: Path) -> None:
    made = render_to_file(chorale, tmp_path / "a.flac", sample_rate_hz=22_050)
    back = read_audio(tmp_path / "a.flac")
    np.testing.assert_allclose(back.samples, render(chorale, sample_rate_hz=22_050).audio.samples, atol=2.0**-23)
    assert made.scale == 1.0
    assert made.to_dict()["file"] == str(tmp_path / "a.flac")
    assert made.report.duration_s > 32 * 60 / 84  # 32 quarters at 84 a minute
    json.dumps(made.to_dict(), allow_nan=False)


@pytest.mark.parametrize("suffix", [".wav", ".ogg", ".mp3", ".opus"])
def test_every_format_is_written(midi_file: Midi, note: Note, tmp_path: Path, suffix: str) -> None:
    made = render_to_file(midi_file(note(0, 480)), tmp_path / f"a{suffix}")
    info = soundfile.info(tmp_path / f"a{suffix}")
    assert info.samplerate == made.sample_rate_hz == (48_000 if suffix == ".opus" else 44_100)
    assert info.frames / info.samplerate == pytest.approx(made.report.duration_s, abs=0.08)
    assert any("resampled from 44100 to 48000 Hz" in line for line in made.in_words()) == (suffix == ".opus")


def test_stems_are_files_that_sum_to_the_mix(chorale: Piece, tmp_path: Path) -> None:
    made = render_to_file(chorale, tmp_path / "a.flac", stems_folder=tmp_path / "stems", note_map=tmp_path / "map.json")
    assert [path.name for path in made.stems] == ["01-Soprano.flac", "02-Alto.flac", "03-Tenor.flac", "04-Bass.flac"]
    total = sum(read_audio(path).samples for path in made.stems)
    assert 20 * np.log10(np.abs(total - read_audio(tmp_path / "a.flac").samples).max()) < -90
    notes = json.loads((tmp_path / "map.json").read_text())
    assert notes["sample_rate_hz"] == 44_100
    assert {row["id"] for row in notes["notes"]} == set(chorale.notes["id"].tolist())
    assert {row["stem"] for row in notes["notes"]} == {"Soprano", "Alto", "Tenor", "Bass"}
    assert all(0 <= row["first_sample"] < row["last_sample"] for row in notes["notes"])


def test_stems_beyond_full_scale_keep_their_balance(midi_file: Midi, note: Note, tmp_path: Path) -> None:
    data = midi_file([*note(0, 480, 60, 0), *note(0, 480, 64, 1)])
    made = render_to_file(data, tmp_path / "a.wav", stems_folder=tmp_path / "s", gain_db=40.0, true_peak_dbtp=None, room=None)
    assert made.scale < 1.0
    total = sum(read_audio(path).samples for path in made.stems)
    np.testing.assert_allclose(total, read_audio(tmp_path / "a.wav").samples, atol=1e-6)
    assert any("scaled by" in line for line in made.in_words())


def test_stem_names_are_file_names_everywhere(tmp_path: Path) -> None:
    names = ["Violin I", "../../etc/passwd", "a:b*c?", "   ", "x" * 300, "Flöte", "Part 2"]
    paths = _stem_paths(tmp_path, names, ".wav")
    assert all(path.parent == tmp_path for path in paths)
    assert [path.name for path in paths[:4]] == ["01-Violin I.wav", "02-_.._etc_passwd.wav", "03-a_b_c_.wav", "04-.wav"]
    assert len(set(paths)) == len(paths)
    assert all(len(path.name) < 80 for path in paths)


def test_a_folder_that_was_made_for_stems_goes_with_the_failure(midi_file: Midi, note: Note, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    for name in ("made", "kept"):
        with pytest.raises(InputError):
            render_to_file(midi_file(note(0, 480)), tmp_path / "a.wav", stems_folder=tmp_path / name, font=tmp_path / "none.sf2")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"target": "a.mid"}, r"sound .*a\.mid: expected a name ending in .wav, .flac, .ogg, .mp3, .opus, got .mid"),
        ({"target": "none/a.wav"}, "there is no folder"),
        ({"target": "folder.wav"}, "is a folder"),
        ({"stems_folder": "file"}, "stems: .*file is a file, expected a folder"),
        ({"stems_folder": "none/stems"}, "stems .*there is no folder"),
        ({"note_map": "map.txt"}, r"note map .*expected a name ending in .json, got .txt"),
    ],
)
def test_wrong_names_are_found_before_any_work(
    midi_file: Midi, note: Note, tmp_path: Path, wish: dict, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.setattr("render.pipeline.play", lambda *_: pytest.fail("it went to work"))
    places = {name: tmp_path / value for name, value in ({"target": "a.wav"} | wish).items()}
    with pytest.raises(RequestError, match=words):
        render_to_file(midi_file(note(0, 480)), **places)


def test_a_rate_that_mp3_lacks_is_found_before_any_work(midi_file: Midi, note: Note, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.mp3 holds .* got 96000"):
        render_to_file(midi_file(note(0, 480)), tmp_path / "a.mp3", sample_rate_hz=96_000)
    assert list(tmp_path.iterdir()) == []


def test_what_stands_there_stays_when_it_fails(
    midi_file: Midi, note: Note, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.wav").write_bytes(b"before")

    def fail(*_: object, **__: object) -> None:
        raise ToolError("libsndfile could not write")

    monkeypatch.setattr("render.sound_files.write_blocks", fail)
    with pytest.raises(ToolError):
        render_to_file(midi_file(note(0, 480)), tmp_path / "a.wav", stems_folder=tmp_path / "stems")
    assert (tmp_path / "a.wav").read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
