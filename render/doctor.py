"""What this machine has for the work from score to sound and picture, and what each missing thing costs.

Each check uses the thing as the work itself does where that takes no more than a moment; none raises, all run.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from corpora.checkpoints import list_weights
from corpora.datasets.folder import DATA_VARIABLE, data_dir
from corpora.errors import PartimentoError
from render.fluid import fluidsynth_version
from render.fonts import find_font

__all__ = ["Finding", "examine"]

OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that the work may need.

    Args:
        name: What it is.
        usable: Whether it is there and works.
        found: Which one, or why it cannot be used.
        costs: What does not work without it.
        remedy: How to get it.
        needed: Whether nothing works without it.
    """

    name: str
    usable: bool
    found: str
    costs: str
    remedy: str
    needed: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON values."""
        return asdict(self)


def _version(distribution: str) -> str:
    """Name and version of an installed distribution.

    Raises:
        LookupError: It is not installed.
    """
    try:
        return f"{distribution} {importlib.metadata.version(distribution)}"
    except importlib.metadata.PackageNotFoundError as error:
        raise LookupError("not installed") from error


def _python() -> str:
    if sys.version_info < OLDEST_PYTHON:
        raise LookupError(f"Python {platform.python_version()} at {sys.executable}")
    return f"Python {platform.python_version()} at {sys.executable}"


def _torch() -> str:
    import torch  # a second of loading, wanted only here

    if torch.cuda.is_available():
        device = f"CUDA, {torch.cuda.get_device_name()}"
    elif torch.backends.mps.is_available():
        device = "Apple GPU"
    else:
        device = "CPU"
    return f"torch {torch.__version__} on {device}, {torch.get_num_threads()} threads"


def _fluidsynth() -> str:
    return f"FluidSynth {fluidsynth_version()}"


def _font() -> str:
    font = find_font()
    return f"{font.name} ({font.origin}, licence {font.licence}) at {font.path}"


def _verovio() -> str:
    return _version("verovio")


def _resvg() -> str:
    folder = importlib.util.find_spec("matplotlib")
    if folder is None or not any(Path(folder.origin or "").parent.glob("mpl-data/fonts/ttf/DejaVuSerif.ttf")):
        raise LookupError("the DejaVu Serif font of matplotlib is missing: pictures would have no text")
    return _version("resvg_py")


def _sound_files() -> str:
    import soundfile  # loads libsndfile, which may be broken

    return f"libsndfile {soundfile.__libsndfile_version__}"


def _tesseract() -> str:
    path = shutil.which("tesseract")
    if path is None:
        raise LookupError("tesseract is not installed")
    return f"tesseract at {path}"


def _packs() -> str:
    folder = data_dir()
    packs = sorted(path.name.removesuffix(".tar.gz") for path in folder.glob("*.tar.gz"))
    chorales = ["jsb-chorales-16th"] if (folder / "jsb-chorales-16th.json").is_file() else []
    if not packs and not chorales:
        raise LookupError(f"{folder} holds none")
    return ", ".join(chorales + packs)


def _weights() -> str:
    names = sorted(list_weights())
    if not names:
        raise LookupError("none")
    return ", ".join(names)


def _finding(name: str, look: Callable[[], str], costs: str, remedy: str, needed: bool = False) -> Finding:
    try:
        return Finding(name=name, usable=True, found=look(), costs=costs, remedy=remedy, needed=needed)
    except (PartimentoError, LookupError, ImportError, OSError, AttributeError) as error:
        found = str(error) or type(error).__name__
        return Finding(name=name, usable=False, found=found, costs=costs, remedy=remedy, needed=needed)


def examine() -> tuple[Finding, ...]:
    """Look at everything that the commands use on this machine."""
    packages = "Run ./setup, or pip install -e ."
    return (
        _finding("Python", _python, "Nothing works", "Install Python 3.11 or newer", needed=True),
        _finding("torch", _torch, "No model runs: infill, continue, train, evaluate", packages, needed=True),
        _finding(
            "synthesiser",
            _fluidsynth,
            "No sound: render, --audio",
            "apt-get install libfluidsynth3 (Debian, Ubuntu), brew install fluid-synth (macOS)",
        ),
        _finding(
            "SoundFont", _font, "No sound: render, --audio", "apt-get install fluid-soundfont-gm, or set PARTIMENTO_SOUNDFONT"
        ),
        _finding("sound files", _sound_files, "No sound files: render, --audio", packages),
        _finding("engraver", _verovio, "No engraving: --image, convert to .svg and .png", packages),
        _finding("rasteriser", _resvg, "No .png pictures of scores; .svg still works", packages),
        _finding(
            "words of pictures",
            _tesseract,
            "No lyrics, titles and chord symbols from pictures of scores; those of PDFs are read",
            "apt-get install tesseract-ocr (Debian, Ubuntu), brew install tesseract (macOS)",
        ),
        _finding("weights", _weights, "No model to write with but your own", "They come with the repository: clone it again"),
        _finding(
            "data packs",
            _packs,
            "No training or evaluation on the packs; infill, continue and render work",
            f"Set {DATA_VARIABLE} to the folder that holds them",
        ),
    )
