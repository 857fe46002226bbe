"""Pieces to be measured with: folders that hold ``NAME.musicxml`` and its pages ``NAME-1.png``, ``NAME-2.png`` ... or ``NAME.pdf``.

``tests/bench/make_test_pages.py`` makes such folders; so can a user, of any scores and scans.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from compose.notation.reading import read_written
from compose.notation.written import WrittenScore
from corpora.errors import InputError
from corpora.safe_text import safe_text

__all__ = ["TestPiece", "iter_pieces"]

MOST_BYTES = 64 << 20


@dataclass(frozen=True, eq=False)
class TestPiece:
    """One piece.

    Args:
        name: Of its files.
        reference: What its pages say.
        pictures: Its pages in order; none where there are none.
        pdf: The document, where there is one.
    """

    name: str
    reference: WrittenScore
    pictures: tuple[Path, ...]
    pdf: Path | None


def _page_number(path: Path) -> int:
    found = re.search(r"-(\d+)$", path.stem)
    return int(found[1]) if found else 0


def iter_pieces(folder: Path, limit: int = 0) -> Iterator[TestPiece]:
    """The pieces of a folder in the order of their names.

    Args:
        folder: See the module.
        limit: At most so many; 0 for all.

    Raises:
        InputError: It is no folder, holds no piece, or a piece cannot be read.
    """
    scores = sorted(folder.glob("*.musicxml")) if folder.is_dir() else []
    if not scores:
        raise InputError(
            f"{safe_text(str(folder))}: expected a folder with NAME.musicxml and NAME-1.png or NAME.pdf, found no score"
        )
    for score in scores[: limit or None]:
        pictures = [path for path in folder.glob(f"{score.stem}-*.png") if re.fullmatch(rf"{re.escape(score.stem)}-\d+", path.stem)]
        pdf = score.with_suffix(".pdf")
        yield TestPiece(
            score.stem,
            read_written(score.read_bytes(), score.name),
            tuple(sorted(pictures, key=_page_number)),
            pdf if pdf.exists() else None,
        )
