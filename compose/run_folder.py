"""The folder of a training run: what lies there, and whether a run may begin in it or go on.

``compose.training`` keeps ``STATE_FILE`` there while it trains; nothing else is needed to go on.
"""

from __future__ import annotations

from pathlib import Path

import torch

from corpora.errors import RequestError
from corpora.safe_text import safe_text

__all__ = ["STATE_FILE", "check_run_folder", "steps_done"]

STATE_FILE = "state.pt"


def check_run_folder(folder: Path, *, resume: bool, parts: tuple[str, ...] = ()) -> None:
    """Whether a run can begin in the folder, or go on there.

    Args:
        folder: Need not be there.
        resume: Whether the run is to go on.
        parts: Folders within it whose runs belong to this one.

    Raises:
        RequestError: It is a file, or it holds a run and ``resume`` is false, or the other way round.
    """
    shown = safe_text(str(folder))
    if folder.exists() and not folder.is_dir():
        raise RequestError(f"{shown} is a file, expected a folder for the run")
    begun = any((place / STATE_FILE).exists() for place in (folder, *(folder / part for part in parts)))
    if begun and not resume:
        raise RequestError(f"{shown} holds a run: go on with it by --resume, or name another folder")
    if resume and not begun:
        raise RequestError(f"{shown} holds no run to go on with")


def steps_done(folder: Path) -> int:
    """Steps of the run in the folder; 0 where none has begun."""
    path = folder / STATE_FILE
    return int(torch.load(path, map_location="cpu", weights_only=True)["step"]) if path.exists() else 0
