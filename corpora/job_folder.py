"""A folder whose files grow job by job, and which goes on where a killed run stopped: ``JobFolder``.

``jobs.jsonl`` has a line for every piece of work that is done, written after all that it gave; ``settings.json`` is what the folder
was asked for. What a run left behind that was killed in the middle of a job is cut off by whoever writes next.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corpora.atomic import atomic_write
from corpora.errors import RequestError

__all__ = ["JobFolder", "whole_lines"]

JOBS, SETTINGS = "jobs.jsonl", "settings.json"


def whole_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON lines of a file, none where it is missing; one that is just being written is left out."""
    return [json.loads(line) for line in _lines(path)]


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1] if path.is_file() else []


class JobFolder:
    """The writer's side.

    Args:
        folder: Made when missing.
        settings: JSON values that decide what is in it.

    Attributes:
        jobs_done: How many jobs are done; the number of the next one.

    Raises:
        RequestError: The folder holds a store of other settings.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        told = json.dumps(dict(settings), sort_keys=True)
        known = folder / SETTINGS
        if known.is_file():
            if known.read_text() != told:
                raise RequestError(f"{folder} holds a store of other settings: expected {known.read_text()}, got {told}")
        else:
            atomic_write(known, told)
        self._folder = folder
        self.jobs_done = len(_lines(folder / JOBS))
        self.cut_lines(JOBS, self.jobs_done)

    def cut(self, name: str, length: int) -> None:
        """Make a file so many bytes long, which it was at least; it is made when missing."""
        with (self._folder / name).open("ab") as file:
            file.truncate(length)

    def cut_lines(self, name: str, count: int) -> None:
        """Keep so many lines of a file."""
        self.cut(name, sum(len(line) + 1 for line in _lines(self._folder / name)[:count]))

    def append(self, name: str, data: bytes) -> None:
        """Add to a file, down to the disk."""
        with (self._folder / name).open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def finish_job(self, figures: Mapping[str, Any]) -> None:
        """The next job is done; its figures are JSON values."""
        self.append(JOBS, (json.dumps(dict(figures)) + "\n").encode())
        self.jobs_done += 1
