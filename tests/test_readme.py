"""What the README says can be done, done."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from compose.evaluation_tables import PACK_TITLES, PLAIN_ROWS, TASK_ROWS
from corpora.checkpoints import list_weights

HOUSE = Path(__file__).parent.parent
README = (HOUSE / "README.md").read_text(encoding="utf-8")
COMMAND_LIMIT_S = 240

needs_weights = pytest.mark.skipif("chorale" not in list_weights(), reason="the chorale weights are not in this checkout")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """An empty folder with the examples in it."""
    shutil.copytree(HOUSE / "examples", tmp_path / "examples")
    return tmp_path


def run(arguments: list[str], folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(HOUSE)}
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_LIMIT_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def partimento_commands() -> list[list[str]]:
    joined = "\n".join(blocks("sh")).replace("\\\n", " ")
    lines = [shlex.split(line, comments=True) for line in joined.splitlines()]
    return [words[1:] for words in lines if words and Path(words[0]).name == "partimento"]


@needs_weights
def test_the_command_writes_what_it_says(workplace: Path) -> None:
    (arguments,) = partimento_commands()
    reports = json.loads(run(["-m", "partimento", *arguments, "--json"], workplace))
    assert len(reports) == 3
    names = {path.name for path in workplace.iterdir()} - {"examples"}
    assert names == {f"out{rank}{suffix}" for rank in ("", "-2", "-3") for suffix in (".musicxml", ".flac", ".png")}
    for report in reports:
        assert all(asked["satisfied"] for asked in report["satisfied"])


@needs_weights
def test_the_snippet_runs(workplace: Path) -> None:
    snippets = blocks("python")  # later ones go on from the earlier
    shown = run(["-c", "\n".join(snippets)], workplace)
    assert shown.count("True") >= 2
    assert "False" not in shown
    assert (workplace / "out.musicxml").is_file()


def test_make_targets_exist() -> None:
    makefile = (HOUSE / "Makefile").read_text(encoding="utf-8")
    for document in (README, (HOUSE / "CONTRIBUTING.md").read_text(encoding="utf-8")):
        for target in re.findall(r"(?:`|^)make ([a-z]+)", document, re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_verbs_in_the_table_exist() -> None:
    helped = run(["-m", "partimento", "--help"], HOUSE)
    section = README.partition("\n## Command line\n")[2].partition("\n### ")[0]
    verbs = re.findall(r"^\| `([a-z]+)[ `]", section, re.MULTILINE)
    assert len(verbs) >= 8
    assert all(re.search(rf"\b{verb}\b", helped) for verb in verbs)


def test_places_for_tables_are_paired() -> None:
    opened = re.findall(r"^<!-- table:([a-z]+) -->$", README, re.MULTILINE)
    closed = re.findall(r"^<!-- /table:([a-z]+) -->$", README, re.MULTILINE)
    assert opened == closed
    assert len(set(opened)) == len(opened) >= 5


def test_the_general_model_has_the_rows_that_its_command_makes() -> None:
    section = README.partition("<!-- table:compose -->\n")[2].partition("<!-- /table:compose -->")[0]
    titles = re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)
    packs = [title for title in titles if title in PACK_TITLES.values()]
    assert packs
    assert titles == [title for title, _ in PLAIN_ROWS] + [title for title, _ in TASK_ROWS] + packs


def test_files_that_are_named_exist() -> None:
    names = re.findall(r"`((?:examples|compose|corpora|render|tests)/[\w./-]+|LICENSE)`", README)
    assert names
    missing = [name for name in names if not (HOUSE / name).exists()]
    assert missing in ([], ["compose/weights"] if not list_weights() else [])
