"""The command line's manners: exit status, one line for a mistake, nothing half-written, help with examples."""

import inspect
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import partimento
import render.doctor
from compose.sampler import SamplerSettings
from corpora.errors import InputError
from corpora.process import TRACEBACK_VARIABLE
from render.doctor import Finding

HOUSE = Path(__file__).parent.parent
VERBS = (
    ["infill"],
    ["continue"],
    ["render"],
    ["fit"],
    ["convert"],
    ["doctor"],
    ["corpora", "list"],
    ["corpora", "verify"],
    ["corpora", "stats"],
    ["train", "voices"],
    ["train", "chorale"],
    ["evaluate", "jsb"],
    ["evaluate", "chorale"],
    ["evaluate", "roundtrip"],
    ["evaluate", "compose"],
)


def finding(**changes: object) -> Finding:
    return Finding(**{"name": "lute", "usable": True, "found": "a lute", "costs": "No song", "remedy": "Buy one", **changes})


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert partimento.main(["--version"]) == 0
    assert capsys.readouterr().out == f"partimento {partimento.__version__}\n"


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_has_an_example_that_parses(verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert partimento.main([*verb, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"Example: partimento {' '.join(verb)}" in shown


def test_no_arguments_show_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert partimento.main([]) == 0
    shown = capsys.readouterr().out
    assert all(verb[0] in shown for verb in VERBS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sing"], "No such command 'sing'"),
        (["corpora"], "Missing command"),
        (["infill"], "Missing argument 'PIECE'"),
        (["infill", "a.mid", "--bars", "1-2"], "Missing option '--out'"),
        (["infill", "a.mid", "-o", "b.mid"], "expected one region, --bars, --beats or --seconds, got none"),
        (["infill", "a.mid", "-o", "b.mid", "--bars", "1-2", "--beats", "1:1-2:1"], "got --bars and --beats"),
        (["infill", "a.mid", "-o", "b.mid", "--bars", "1:1-2:1"], "--bars: expected two bar numbers such as 5-8, got '1:1-2:1'"),
        (["infill", "a.mid", "-o", "b.mid", "--beats", "1-2"], "--beats: expected bar:beat twice"),
        (["infill", "a.mid", "-o", "b.mid", "--seconds", "12"], "--seconds: expected two times such as 12.5-20, got '12'"),
        (["infill", "a.mid", "-o", "b.mid", "--bars", "1-2", "-n", "0"], "Invalid value for '--count' / '-n'"),
        (["doctor", "--colour"], "No such option"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert partimento.main(arguments) == 2
    complaint = capfd.readouterr().err
    assert message in complaint
    assert complaint.startswith("partimento")
    assert complaint.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_errors_of_the_house_are_one_safe_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> tuple[Finding, ...]:
        raise InputError("song\x1b[31m.mid holds\na picture")

    monkeypatch.setattr(render.doctor, "examine", refuse)
    assert partimento.main(["doctor"]) == 2
    assert capsys.readouterr() == ("", "partimento: song[31m.mid holds a picture\n")


def test_a_fault_of_ours_is_status_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv(TRACEBACK_VARIABLE, raising=False)

    def fail() -> tuple[Finding, ...]:
        raise ZeroDivisionError("bars\nwithout beats")

    monkeypatch.setattr(render.doctor, "examine", fail)
    assert partimento.main(["doctor"]) == 1
    complaint = capsys.readouterr().err
    assert complaint == "partimento: unexpected ZeroDivisionError: bars without beats (PARTIMENTO_TRACEBACK=1 shows where)\n"
    monkeypatch.setenv(TRACEBACK_VARIABLE, "")  # so that what --traceback sets is undone afterwards
    assert partimento.main(["--traceback", "doctor"]) == 1
    assert "in fail" in capsys.readouterr().err


def test_doctor_tells_what_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(render.doctor, "examine", lambda: (finding(), finding(name="[b]drum", usable=False, found="none")))
    assert partimento.main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "No song. Buy one" in shown
    assert "[b]drum" in shown  # names are text, not markup
    assert partimento.main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [(entry["name"], entry["usable"]) for entry in report] == [("lute", True), ("[b]drum", False)]


def test_doctor_fails_when_nothing_can_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render.doctor, "examine", lambda: (finding(usable=False, needed=True),))
    assert partimento.main(["doctor"]) == 1


SLOW_COMMAND = """
import signal, sys, time
import partimento
from corpora.atomic import atomic_outputs

@partimento.app.command()
def slow():
    with atomic_outputs(["song.mid", "song.flac"]) as paths:
        paths[0].write_bytes(b"half a song")
        print("working", flush=True)
        for _ in range(1200):  # not one long sleep: a signal just before a sleep begins is seen when it ends
            time.sleep(0.05)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell would ignore it
sys.exit(partimento.main(["slow"]))
"""


@pytest.mark.parametrize(
    ("sent", "status", "complaint"),
    [(signal.SIGINT, 130, "partimento: interrupted\n"), (signal.SIGTERM, 143, "")],
    ids=["ctrl-c", "terminate"],
)
def test_an_interrupted_command_leaves_nothing(sent: signal.Signals, status: int, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "song.mid").write_bytes(b"an older song")
    environment = {**os.environ, "PYTHONPATH": str(HOUSE)}
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_COMMAND],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        assert len(list(tmp_path.iterdir())) == 3  # the older song and two temporary files
        started = time.monotonic()
        process.send_signal(sent)
        _, complained = process.communicate(timeout=20)
    assert time.monotonic() - started < 5
    assert process.returncode == status
    assert complained == complaint
    assert [path.name for path in tmp_path.iterdir()] == ["song.mid"]
    assert (tmp_path / "song.mid").read_bytes() == b"an older song"


def test_a_reader_that_leaves_is_no_fault() -> None:
    code = "import sys, partimento; sys.exit(partimento.main(['--version']))"
    with subprocess.Popen([sys.executable, "-c", code], cwd=HOUSE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=20) == 1
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.mark.parametrize("verb", ["infill", "continue_"])
def test_draws_as_the_library_does(verb: str) -> None:
    parameters = inspect.signature(getattr(partimento, verb)).parameters
    for name in ("temperature", "top_p"):
        assert parameters[name].default == getattr(SamplerSettings(), name)


def test_a_plain_folder_becomes_a_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    examples = Path(__file__).parent.parent / "examples"
    arguments = ["corpora", "store", str(tmp_path / "store"), "--folder", str(examples), "--limit", "1", "--json"]
    assert partimento.main(arguments) == 0
    figures = json.loads(capsys.readouterr().out)
    assert list(figures) == ["examples"]
    assert figures["examples"]["pieces"] + figures["examples"]["refused"] == 1
    assert partimento.main([*arguments, "--engine", "spark"]) == 2
    assert "engine 'spark' is not known: expected one of threads, ray" in capsys.readouterr().err
