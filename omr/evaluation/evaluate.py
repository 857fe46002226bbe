"""``partimento evaluate omr``: reading measured on folders of pieces with their pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compose.evaluation_tables import Section
from corpora.errors import PartimentoError, RequestError
from omr.assembly.assembling import assemble
from omr.assembly.confidence import GLYPHS as GLYPH_CALIBRATION
from omr.assembly.confidence import PICTURES, expected_calibration_error
from omr.detector.reader import SignReader
from omr.evaluation.comparing import Comparison, compare
from omr.evaluation.pieces import TestPiece, iter_pieces
from omr.layout.opening import iter_pages
from omr.pages.recipes import LEVELS, degraded_page
from omr.reading import see_page
from omr.signs import SeenSystem
from omr.vector.reading import read_pdf

__all__ = ["GLYPHS", "evaluate_omr", "omr_sections"]

GLYPHS = "glyphs"  # a way to read: of PDF documents, no pixels
CLEAN = "clean"
TOGETHER = "all together"  # name of the sum over sets
INTERLINE_PX = 12.0  # about that of the pages that are worn
ABOUT = (
    "Symbol error rates (SER) are edits of the notation tokens by tokens of the reference; a note is right by its onset in the bar"
    " and its pitch; ECE is the calibration error of the probabilities of bars; seconds are of the processor."
)
COLUMNS = ("set", "way", "pages", "systems", "SER", "SER of notes", "note F1", "bars exact", "escapes", "ECE", "s a page")


def evaluate_omr(
    sets: Mapping[str, Path],
    ways: Sequence[str],
    reader: SignReader,
    *,
    limit: int = 0,
    seed: int = 0,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Read sets of pieces and compare with what their pages say.

    Args:
        sets: Folders (``omr.evaluation.pieces``) by name.
        ways: "clean" or another of ``omr.pages.recipes.LEVELS`` for pictures, worn by that recipe; "glyphs" for PDF documents.
        reader: Of pictures.
        limit: At most so many pieces of each set; 0 for all.
        seed: Of the wear.
        say: Hears what is being done.

    Returns:
        JSON values: for each set and way its figures, and for several sets those of all pieces.

    Raises:
        RequestError: No such way.
        InputError: A folder holds no pieces.
    """
    known = (GLYPHS, *LEVELS)
    for way in ways:
        if way not in known:
            raise RequestError(f"way: expected one of {', '.join(known)}, got {way!r}")
    found = {name: list(iter_pieces(folder, limit)) for name, folder in sets.items()}
    told = say or (lambda what: None)
    rows = []
    together = {way: _Measured() for way in ways}
    for name, pieces in found.items():
        for way in ways:
            if any(piece.pdf if way == GLYPHS else piece.pictures or piece.pdf for piece in pieces):
                measured = _Measured()
                for number, piece in enumerate(pieces, 1):
                    told(f"{name}, {way}: {number} of {len(pieces)}")
                    measured += _measured(piece, way, reader, np.random.default_rng([seed, number]))
                together[way] += measured
                rows.append({"set": name, "way": way, **measured.figures()})
    if len(sets) > 1:
        rows += [{"set": TOGETHER, "way": way, **measured.figures()} for way, measured in together.items() if measured.pieces]
    return {"weights": reader.name, "seed": seed, "rows": rows}


@dataclass
class _Measured:
    """Figures of pieces, which add up: those that were refused count as pieces alone."""

    counts: Comparison = field(default_factory=Comparison)
    pieces: int = 0
    pages: int = 0
    systems: int = 0
    seconds: float = 0.0
    refused: list[str] = field(default_factory=list)

    def __add__(self, other: _Measured) -> _Measured:
        return _Measured(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))

    def figures(self) -> dict[str, Any]:
        """As JSON values."""
        counts = self.counts
        return {
            "pieces": self.pieces,
            "pages": self.pages,
            "systems": self.systems,
            "ser": round(counts.symbols.rate, 4),
            "ser_notes": round(counts.note_symbols.rate, 4),
            "note_f1": round(counts.notes.f1, 4),
            "bars": counts.notes.bars,
            "bars_exact": round(counts.notes.exact / max(counts.notes.bars, 1), 4),
            "escapes": counts.escapes,
            "ece": round(expected_calibration_error(np.array(counts.chances), np.array(counts.right)), 4),
            "seconds_per_page": round(self.seconds / max(self.pages, 1), 2),
            "recall": counts.recall(),
            "refused": self.refused,
        }


def _measured(piece: TestPiece, way: str, reader: SignReader, rng: np.random.Generator) -> _Measured:
    """One piece, read and compared; seconds of the processor are those of reading."""
    counts = Comparison()
    started = time.process_time()
    seen, pages = _seen(piece, way, reader, rng)
    try:
        read = assemble(seen, calibration=GLYPH_CALIBRATION if way == GLYPHS else PICTURES)
    except PartimentoError as error:
        return _Measured(counts, 1, refused=[f"{piece.name}: {error}"])
    seconds = time.process_time() - started
    compare(counts, piece.reference, read)
    return _Measured(counts, 1, pages, len(seen), seconds)


def _pictures(piece: TestPiece) -> list[NDArray[np.uint8]]:
    paths = piece.pictures or ((piece.pdf,) if piece.pdf else ())
    return [picture.grey for path in paths for picture in iter_pages(path)]


def _seen(piece: TestPiece, way: str, reader: SignReader, rng: np.random.Generator) -> tuple[list[SeenSystem], int]:
    """The systems of all pages, and how many pages there are."""
    if way == GLYPHS:
        assert piece.pdf is not None
        found = list(read_pdf(piece.pdf.read_bytes(), piece.pdf.name))
        return [system for page in found for system in page], len(found)
    systems = []
    pictures = _pictures(piece)
    for page, picture in enumerate(pictures):
        worn = picture if way == CLEAN else degraded_page(picture, way, rng, INTERLINE_PX).image
        systems += see_page(worn, reader, page)
    return systems, len(pictures)


def omr_sections(figures: Mapping[str, Any]) -> list[Section]:
    """The tables of ``evaluate_omr``."""
    measured = figures["rows"]
    rows = tuple(
        (
            row["set"],
            row["way"],
            str(row["pages"]),
            str(row["systems"]),
            f"{row['ser']:.3f}",
            f"{row['ser_notes']:.3f}",
            f"{row['note_f1']:.3f}",
            f"{row['bars_exact']:.2f}",
            str(row["escapes"]),
            f"{row['ece']:.3f}",
            f"{row['seconds_per_page']:.1f}",
        )
        for row in measured
    )
    classes = sorted({name for row in measured for name in row["recall"]})
    recall = tuple((name, *(f"{row['recall'][name]:.3f}" if name in row["recall"] else "" for row in measured)) for name in classes)
    heads = ("class", *(f"{row['set']}, {row['way']}" for row in measured))
    return [Section(ABOUT, COLUMNS, rows), Section("Share of the symbols that were read, by class.", heads, recall)]
