from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import partimento
from corpora.files import read_piece
from corpora.piece import Piece

Text = Callable[..., str]


@pytest.fixture
def source(score: Callable[..., Piece], note: Text, mark: Text, words: Text, tmp_path: Path) -> Path:
    piece = score({"Piano": [mark("p") + note("C4") * 4, words("mit Humor") + note("D4") * 4, mark("f") + note("E4", "whole")]})
    assert piece.source is not None
    path = tmp_path / "song.musicxml"
    path.write_bytes(piece.source.data)
    return path


def test_midi_match_picture_and_report(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, match, plot = tmp_path / "song.mid", tmp_path / "song.match", tmp_path / "song.png"
    arguments = ["perform", str(source), "-o", str(out), "--match", str(match), "--plot", str(plot), "--seed", "3", "--json"]
    assert partimento.main([*arguments, "--rule", "phrase arch=0.5", "--without", "pedal"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["files"] == [str(out), str(match), str(plot)]
    assert report["not_understood"] == {"mit Humor": 1}
    by_name = {row["rule"]: row for row in report["rules"]}
    assert by_name["phrase arch"]["strength"] == 0.5
    assert "pedal" not in by_name
    assert by_name["dynamics"]["notes_softer"] == 8
    assert len(read_piece(out).notes) == report["notes"] == 9
    assert match.read_text().startswith("info(matchFileVersion,1")
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_strengths_from_a_file_and_the_table(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "rules.json"
    settings.write_text('{"all": 0, "dynamics": 1}')
    assert partimento.main(["perform", str(source), "-o", str(tmp_path / "a.mid"), "--settings", str(settings)]) == 0
    shown = capsys.readouterr()
    assert "8 softer" in shown.out
    assert "pedal" not in shown.out
    assert "not understood: mit Humor" in shown.err
    assert partimento.main(["perform", "--list-rules"]) == 0
    assert "final ritard" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "a.txt"], "expected a name ending in .mid"),
        (["-o", "a.mid", "--rule", "rubato=1"], "there is no rule 'rubato'"),
        (["-o", "a.mid", "--rule", "pedal=nan"], "expected a strength from 0 to 5"),
        (["-o", "a.mid", "--match", "a.txt"], "expected a name ending in .match"),
        (["-o", "a.mid", "--plot", "a.svg"], "expected a name ending in .png"),
        (["-o", "a.mid", "--trill-start", "lower"], "--trill-start: expected main or upper"),
        (["-o", "a.mid", "--settings", "bad.json"], "expected a number as strength of 'pedal'"),
        (["-o", "a.mid", "--settings", "none.json"], "none.json"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    options: list[str],
    message: str,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.json").write_text('{"pedal": "much"}')
    before = sorted(tmp_path.iterdir())
    assert partimento.main(["perform", str(source), *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_sound(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("fluidsynth")
    out = tmp_path / "song.flac"
    assert partimento.main(["perform", str(source), "-o", str(out)]) == 0
    assert out.read_bytes().startswith(b"fLaC")
