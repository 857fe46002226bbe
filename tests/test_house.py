"""What must be true of the house as a whole, whichever room is being worked on."""

import ast
import importlib
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
from jaxtyping import TypeCheckError

import partimento
from compose.muon import orthogonalised

HOUSE = Path(__file__).parent.parent
FLOORS = ("corpora", "compose", "render", "transcribe", "omr")  # a room may import from the rooms before it
BESIDE = {frozenset({"transcribe", "omr"})}  # two rooms on one floor do not import each other
FILE_BYTES_LIMIT = 15 * 2**20
ALL_BYTES_LIMIT = 56 * 2**20


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=HOUSE, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.decode().split("\0") if name and (path := HOUSE / name).is_file()]


def modules() -> list[str]:
    return ["partimento", *(m.name for room in FLOORS for m in pkgutil.walk_packages([str(HOUSE / room)], prefix=f"{room}."))]


def imported_names(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("room", FLOORS)
def test_imports_go_down_only(room: str) -> None:
    above = set(FLOORS[FLOORS.index(room) + 1 :]) | {"partimento"}
    above |= {other for pair in BESIDE if room in pair for other in pair - {room}}
    wrong = [
        f"{path.relative_to(HOUSE)} imports {name}"
        for path in (HOUSE / room).rglob("*.py")
        for name in imported_names(path)
        if name.split(".")[0] in above
    ]
    assert not wrong


def test_partitura_is_imported_by_its_wrapper_only() -> None:
    # With libfluidsynth installed, a bare import of partitura fetches a file over the network.
    importers = {
        path.relative_to(HOUSE).as_posix()
        for room in FLOORS
        for path in (HOUSE / room).rglob("*.py")
        if any(name.split(".")[0] == "partitura" for name in imported_names(path))
    }
    assert importers <= {"corpora/partitura_quietly.py"}


@pytest.mark.parametrize("name", modules())
def test_public_names_exist(name: str) -> None:
    module = importlib.import_module(name)
    public = getattr(module, "__all__", [])
    assert len(set(public)) == len(public)
    missing = [entry for entry in public if not hasattr(module, entry)]
    assert not missing


def test_modules_say_what_they_are() -> None:
    paths = [path for room in FLOORS for path in (HOUSE / room).rglob("*.py") if path.read_text(encoding="utf-8").strip()]
    silent = [str(p.relative_to(HOUSE)) for p in paths if not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))]
    assert not silent


def test_help_does_not_wait_for_heavy_packages() -> None:
    heavy = ("torch", "music21", "matplotlib", "miditok", "symusic", "verovio", "scipy")
    code = f"import sys, partimento; print([name for name in {heavy!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=HOUSE, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_one_version() -> None:
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert partimento.__version__ == project["version"]
    assert re.search(
        rf"^## \[({re.escape(partimento.__version__)}|Unreleased)\]", (HOUSE / "CHANGELOG.md").read_text(), re.MULTILINE
    )


def test_no_paths_of_one_machine() -> None:
    # Spelt so that this file does not find itself.
    private = re.compile(b"/" + b"(work|root|home/[a-z]+|Users/[A-Za-z]+)/|/opt/" + b"(wheels|pypi)")
    found = [str(path.relative_to(HOUSE)) for path in tracked_files() if private.search(path.read_bytes())]
    assert not found


def test_tracked_files_stay_small() -> None:
    sizes = {path.relative_to(HOUSE).as_posix(): path.stat().st_size for path in tracked_files()}
    assert not {name: size for name, size in sizes.items() if size >= FILE_BYTES_LIMIT}
    assert sum(sizes.values()) < ALL_BYTES_LIMIT


def test_tests_are_no_package() -> None:
    # tests/compose/__init__.py would hide compose
    assert not list((HOUSE / "tests").rglob("__init__.py"))


@pytest.mark.parametrize("script", ["setup", ".ci/run"])
def test_scripts_run_in_a_plain_shell(script: str) -> None:
    path = HOUSE / script
    assert os.access(path, os.X_OK)
    assert path.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
    subprocess.run(["sh", "-n", str(path)], check=True)


def test_help_of_make_names_every_target() -> None:
    text = (HOUSE / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony is not None
    described = set(re.findall(r"^([a-z]+):.*## ", text, re.MULTILINE))
    assert described == set(phony[1].split())


def test_shapes_are_checked_in_tests() -> None:
    with pytest.raises(TypeCheckError, match="matrices"):
        orthogonalised(torch.zeros(3, 3))
