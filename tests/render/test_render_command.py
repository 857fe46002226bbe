"""``partimento render`` where all is well."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import mido
import pytest

import partimento
from corpora.audio import read_audio
from render.engines import ENGINES
from render.mix import ROOMS

Midi: TypeAlias = Callable[..., bytes]
Note: TypeAlias = Callable[..., list[tuple[int, mido.Message]]]

pytestmark = pytest.mark.usefixtures("synthesiser", "wheel_font")


@pytest.fixture
def song(tmp_path: Path, midi_file: Midi, note: Note) -> Path:
    (tmp_path / "song.mid").write_bytes(midi_file([*note(0, 960, 60, 0), *note(480, 1440, 64, 1)]))
    return tmp_path / "song.mid"


def test_it_says_what_it_made(song: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "song.flac"
    assert partimento.main(["render", str(song), "-o", str(out), "--stems", str(tmp_path / "stems"), "--lufs", "-20"]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0].startswith(f"{out}: ")
    assert "-20.0 LUFS" in lines[0]
    assert lines[1].startswith("played by FluidSynth ")
    assert lines[1].endswith("with TimGM6mb (licence: GPL-2)")
    assert [Path(line).is_file() for line in lines[2:]] == [True, True]
    assert said.err == ""


def test_json_is_for_machines(song: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "--note-map",
        str(tmp_path / "map.json"),
        "--tuning",
        "19-EDO",
        "--room",
        "none",
        "--gain",
        "-6",
        "--sample-rate",
        "22050",
    ]
    assert partimento.main(["render", str(song), "-o", str(tmp_path / "song.ogg"), *words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["file"] == str(tmp_path / "song.ogg")
    assert (report["room"], report["tuning"], report["gain_db"], report["sample_rate_hz"]) == (None, "19-EDO", -6.0, 22_050)
    assert read_audio(tmp_path / "song.ogg").sample_rate_hz == 22_050
    places = json.loads((tmp_path / "map.json").read_text())
    assert [row["first_sample"] for row in places["notes"]] == [0, 11_025]


def test_help_names_every_engine_and_room(capsys: pytest.CaptureFixture[str]) -> None:
    assert partimento.main(["render", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in (*ENGINES, *ROOMS, "none"))


def test_a_gain_leaves_the_loudness_alone(song: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loudness = []
    for gain_db in ("0", "-10"):
        words = ["render", str(song), "-o", str(tmp_path / "song.wav"), "--gain", gain_db, "--json"]
        assert partimento.main(words) == 0
        loudness.append(json.loads(capsys.readouterr().out)["lufs"])
    assert loudness[0] - loudness[1] == pytest.approx(10.0, abs=0.05)
