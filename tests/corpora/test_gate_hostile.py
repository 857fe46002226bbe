"""Every hostile file is refused by its door: soon, in one line that names the file, and for the right reason."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from corpora import gate
from corpora.child import Limits, run_limited
from corpora.errors import InputError

ANSWER_S = 5.0


def load(name: str) -> ModuleType:
    """A module beside this one; there are no packages under tests."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


hostile, doors = load("hostile"), load("hostile_doors")
CASES = hostile.hostile_cases()
LIGHT = [case for case in CASES if not callable(case.content)]
HEAVY = [case for case in CASES if callable(case.content)]


def names_of(cases: list[Any]) -> list[str]:
    return [ascii(case.name)[1:-1] for case in cases]


def assert_refused(case: Any, answer: dict[str, Any]) -> None:
    message = answer["message"]
    assert message is not None, "let in"
    assert re.search(case.words, message), message
    assert gate.safe_text(Path(case.name).name) in message, message
    assert message.isprintable()
    assert answer["seconds"] < ANSWER_S


@pytest.mark.parametrize("case", LIGHT, ids=names_of(LIGHT))
def test_refused(case: Any, tmp_path: Path) -> None:
    path = case.make(tmp_path)
    before = sorted(os.listdir(tmp_path))
    assert_refused(case, doors.answer(case.kind, path))
    assert sorted(os.listdir(tmp_path)) == before


@pytest.fixture(scope="module")
def heavy_answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("heavy")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        arguments = {"names": [case.name for case in HEAVY], "folder": folder}
        limits = Limits(memory_bytes=4 << 30, cpu_s=250, wall_s=250)
        answers: dict[str, Any] = run_limited("hostile_doors:answers", arguments, limits=limits)
    assert not os.listdir(folder)
    return answers


@pytest.mark.parametrize("case", HEAVY, ids=names_of(HEAVY))
def test_refused_though_heavy(case: Any, heavy_answers: dict[str, Any]) -> None:
    assert_refused(case, heavy_answers[case.name])


def test_there_are_enough_of_all_kinds() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    assert len(names) >= 330
    assert {case.kind for case in CASES} == doors.DOORS.keys()


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.mid"
    path.write_bytes(b"MThd")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user reads everything (root)")
    with pytest.raises(InputError, match="Permission denied"):
        gate.open_score(path)
