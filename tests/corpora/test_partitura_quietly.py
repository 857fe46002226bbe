from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True, timeout=120
    ).stdout.strip()


@pytest.mark.skipif(importlib.util.find_spec("fluidsynth") is None, reason="pyfluidsynth is not installed")
def test_fluidsynth_is_hidden_during_the_import_and_given_back() -> None:
    code = (
        "import sys, types\n"
        "fake = sys.modules['fluidsynth'] = types.ModuleType('fluidsynth')\n"  # what partitura would take, network or not
        "fake.Synth = object\n"
        "from corpora.partitura_quietly import partitura\n"
        "from partitura.utils import fluidsynth\n"
        "print(fluidsynth.HAS_FLUIDSYNTH, sys.modules['fluidsynth'] is fake)"
    )
    assert python(code) == "False True"


@pytest.mark.slow
def test_nothing_is_left_where_fluidsynth_was_not_imported() -> None:
    code = "import sys\nfrom corpora.partitura_quietly import partitura\nprint('fluidsynth' in sys.modules, partitura.__name__)"
    assert python(code) == "False partitura"
