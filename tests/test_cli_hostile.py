"""Every hostile file through the command line: exit 2, one line that names the file, within 5 s, nothing left behind."""

import importlib.util
import os
import sys
import time
from pathlib import Path

import pytest

import partimento

ANSWER_S = 5.0
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


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.name}")
def test_refused_in_one_line(case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    path = case.make(folder)
    here = sorted(os.listdir(tmp_path))
    started = time.process_time()  # of this process: a busy machine is not the file's fault
    status = partimento.main(["convert", str(path), "-o", str(tmp_path / "out.mid")])
    took = time.process_time() - started
    said = capsys.readouterr()
    assert status == 2, said
    assert said.out == ""
    lines = said.err.strip().splitlines()
    assert len(lines) == 1, said.err
    assert took < ANSWER_S
    assert sorted(os.listdir(tmp_path)) == here
