from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from corpora.musicxml.mxl import score_member


@pytest.fixture(scope="session")
def corpus_folder() -> Path:
    """The folder of the packs; the test skips where there is none."""
    folder = os.environ.get("PARTIMENTO_DATA")
    if not folder:
        pytest.skip("PARTIMENTO_DATA is unset: the packs are not here")
    return Path(folder)


@pytest.fixture(scope="session")
def chorale_texts() -> list[tuple[str, bytes]]:
    """Names and MusicXML texts of 24 chorales out of music21, spread over its folder."""
    import music21.corpus

    paths = sorted(path for path in map(Path, music21.corpus.getPaths(fileExtensions=["mxl"])) if path.parent.name == "bach")
    return [(path.name, score_text(path.read_bytes())) for path in paths[:: len(paths) // 24][:24]]


@pytest.fixture(scope="session")
def pack_texts(corpus_folder: Path) -> Callable[[str, int, int], list[tuple[str, bytes]]]:
    """Names and MusicXML texts of some scores of a pack: ``pack_texts(pack, count, largest)``, none beyond ``largest`` bytes."""

    def texts(pack: str, count: int, largest: int) -> list[tuple[str, bytes]]:
        found = []
        with tarfile.open(corpus_folder / f"{pack}.tar.gz") as archive:
            for number, member in enumerate(archive):
                if number % 7 or not member.name.endswith(".mxl"):
                    continue
                stored = archive.extractfile(member)
                assert stored is not None
                text = score_text(stored.read())
                if len(text) <= largest:
                    found.append((member.name, text))
                if len(found) == count:
                    break
        return found

    return texts


def score_text(container: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(container)) as archive:
        return archive.read(score_member(container))
