from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import partimento
from corpora.audio import write_audio
from corpora.midi.writer import write_midi
from render.played import play

pytestmark = pytest.mark.usefixtures("wheel_font")


@pytest.fixture
def folder(small_hidden: Any, tmp_path: Path) -> Path:
    (tmp_path / "score.mid").write_bytes(write_midi(small_hidden.score))
    write_audio(small_hidden.audio, tmp_path / "take.flac")
    return tmp_path


def test_the_verb_writes_a_performance_and_a_report(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, report = folder / "out.mid", folder / "out.json"
    command = ["fit", str(folder / "score.mid"), str(folder / "take.flac"), "-o", str(out), "--report", str(report)]
    assert partimento.main(command) == 0
    shown = capsys.readouterr().out
    assert "12 notes" in shown
    assert str(out) in shown
    assert "Cello" in shown
    told = json.loads(report.read_text())
    assert len(told["notes"]) == 12
    assert told["velocities_told"] == 12
    assert told["notes"][0].keys() >= {"velocity", "score_velocity", "shift_ms", "cents", "velocity_error", "velocity_is_told"}
    assert len(play(out.read_bytes(), sample_rate_hz=44_100).notes) == 12


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-o", "out.flac"], "performance out.flac: expected a name ending in .mid"),
        (["-o", "out.mid", "--report", "out.txt"], "report out.txt: expected a name ending in .json"),
        (["-o", "no/out.mid"], "there is no folder"),
    ],
)
def test_a_mistake_is_one_line(
    folder: Path, options: list[str], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert partimento.main(["fit", "score.mid", "take.flac", *options]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1
    assert not list(folder.glob("out*"))


def test_what_is_no_sound_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "take.flac").write_bytes(b"no sound")
    command = ["fit", str(folder / "score.mid"), str(folder / "take.flac"), "-o", str(folder / "out.mid")]
    assert partimento.main(command) == 2
    assert "take.flac: expected a sound file" in capsys.readouterr().err
    assert not (folder / "out.mid").exists()
