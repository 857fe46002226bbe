"""A plain folder of score files as a source of pieces, like a pack without a manifest.

What a manifest would say is made from the paths: the title is the file's name, the work is the path without suffix (a piece in two
formats is one work), and the sha256 of the work decides its split, so that it stays where it is when others come: one work in
twenty is for validation, one for test. Files are read one at a time, in the order of their paths.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

from corpora.datasets.packs import MAX_FILE_BYTES, PackFile
from corpora.errors import InputError
from corpora.files import READ_SUFFIXES
from corpora.gate.files import read_bytes
from corpora.safe_text import safe_text

__all__ = ["iter_folder", "split_of"]

SPLIT_PARTS = 20  # one each for validation and test


def split_of(work: str) -> str:
    """The split of a work, by its sha256."""
    part = int.from_bytes(hashlib.sha256(work.encode("utf-8", "surrogateescape")).digest()[:8], "big") % SPLIT_PARTS
    return {0: "valid", 1: "test"}.get(part, "train")


def _score_paths(folder: Path) -> list[str]:
    """Relative paths of the score files below a folder, sorted; links to folders are not followed."""
    found = []
    for place, _, names in os.walk(folder):
        inside = Path(place).relative_to(folder)
        found += [(inside / name).as_posix() for name in names if name.lower().endswith(READ_SUFFIXES)]
    return sorted(found)


def iter_folder(folder: Path, *, limit: int | None = None, seed: int = 0) -> Iterator[tuple[PackFile, bytes | InputError]]:
    """The score files below a folder, each with a row as a manifest would have it; an InputError in place of what cannot be read.

    Args:
        folder: Searched with all its folders for the suffixes that the house reads.
        limit: At most so many files, a random sample.
        seed: Of the sample.

    Raises:
        InputError: There is no such folder, or no score in it.
    """
    shown = safe_text(str(folder))
    if not folder.is_dir():
        raise InputError(f"{shown} is no folder, expected one with score files")
    paths = _score_paths(folder)
    if not paths:
        raise InputError(f"{shown} holds no score file: expected names ending in {', '.join(READ_SUFFIXES)}")
    if limit is not None and limit < len(paths):
        paths = sorted(random.Random(seed).sample(paths, limit))
    for path in paths:
        work = os.path.splitext(path)[0]
        data: bytes | InputError
        try:
            data = read_bytes(folder / path, MAX_FILE_BYTES)
        except InputError as error:
            data = error
        content = data if isinstance(data, bytes) else b""
        yield (
            PackFile(
                path, "", Path(work).name, work, "", "", "", hashlib.sha256(content).hexdigest(), len(content), split_of(work)
            ),
            data,
        )
