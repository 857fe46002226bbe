"""Checks of the names that a user gives to files, before any work is done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from corpora.errors import RequestError
from corpora.safe_text import safe_text

__all__ = ["check_output"]


def check_output(path: Path, suffixes: Sequence[str], kind: str) -> None:
    """Raises RequestError when ``path`` has none of the suffixes, or no folder to be in."""
    shown = safe_text(str(path))
    if path.suffix.lower() not in suffixes:
        raise RequestError(
            f"{kind} {shown}: expected a name ending in {', '.join(suffixes)}, got {safe_text(path.suffix) or 'none'}"
        )
    if not path.parent.is_dir():
        raise RequestError(f"{kind} {shown}: there is no folder {safe_text(str(path.parent))}")
    if path.is_dir():
        raise RequestError(f"{kind} {shown} is a folder, expected a file to write")
