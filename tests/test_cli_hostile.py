"""Every hostile file through the command line: exit 2, one line that names the file, within 5 s, nothing left behind."""

import importlib.util
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

import partimento

ANSWER_S = 5.0
HOUSE = Path(__file__).parent.parent
HOSTILE = Path(__file__).parent / "corpora" / "hostile.py"


def _cases():
    spec = importlib.util.spec_from_file_location("hostile", HOSTILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault("hostile", module)
    spec.loader.exec_module(module)
    return module.hostile_cases()


CASES = _cases()


def test_there_are_enough() -> None:
    assert len(CASES) >= 300
    assert len({case.name for case in CASES}) == len(CASES)


LIGHT = [case for case in CASES if not callable(case.content)]
HEAVY = [case for case in CASES if callable(case.content)]


def _check(status: int, out: str, err: str, took_s: float) -> None:
    assert status == 2, err
    assert out == ""
    assert len(err.strip().splitlines()) == 1, err
    assert took_s < ANSWER_S  # of processor time: a busy machine is not the file's fault


@pytest.mark.parametrize("case", LIGHT, ids=lambda case: f"{case.kind}-{case.name}")
def test_refused_in_one_line(case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    path = case.make(folder)
    here = sorted(os.listdir(tmp_path))
    started = time.process_time()
    status = partimento.main(["convert", str(path), "-o", str(tmp_path / "out.mid")])
    took_s = time.process_time() - started
    said = capsys.readouterr()
    _check(status, said.out, said.err, took_s)
    assert sorted(os.listdir(tmp_path)) == here


@pytest.mark.parametrize("case", HEAVY, ids=lambda case: f"{case.kind}-{case.name}")
def test_refused_in_one_line_though_heavy(case, tmp_path: Path) -> None:
    """In a process of its own, without the type checks of the tests, which cost more than the reading."""
    folder = tmp_path / "in"
    folder.mkdir()
    path = case.make(folder)
    here = sorted(os.listdir(tmp_path))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "partimento", "convert", str(path), "-o", str(tmp_path / "out.mid")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=HOUSE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    _check(ran.returncode, ran.stdout, ran.stderr, took_s)
    assert sorted(os.listdir(tmp_path)) == here
