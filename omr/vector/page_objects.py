"""Glyphs and paths of PDF pages as tables, read in a child process with limits, because PDFs and their fonts come from outside.

The file's structure is parsed by pypdf, fonts by fontTools, the drawing operators by ``omr.vector.drawing``. PDFium is not used
here: it hides the codes of strings, without which glyphs of music fonts that have no Unicode (LilyPond's) cannot be told.
Lengths are points (1/72 inch) from the top left corner of the page as it is shown, y downwards.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pypdf
from numpy.typing import NDArray
from pypdf.errors import PyPdfError

from corpora.child import Limits, run_limited
from corpora.errors import InputError
from omr.vector.drawing import Drawing, Matrix

__all__ = ["GLYPH_DTYPE", "PATH_DTYPE", "GlyphKind", "PageObjects", "iter_page_objects"]

LIMITS: Final = Limits(memory_bytes=2 << 30, cpu_s=120, wall_s=240)
PAGES_PER_CHILD: Final = 4
MAX_PAGES: Final = 2000

GLYPH_DTYPE: Final = np.dtype([("kind", np.int32), ("matrix", np.float64, (6,))])
PATH_DTYPE: Final = np.dtype(
    [
        ("first", np.int32),  # contours
        ("count", np.int32),
        ("filled", np.bool_),
        ("stroked", np.bool_),
        ("width", np.float64),  # of the pen
        ("dashed", np.bool_),
        ("curved", np.bool_),
    ]
)


@dataclass(frozen=True, eq=False)
class GlyphKind:
    """A glyph of a font.

    Args:
        font: Name of the font without its subset tag.
        name: The font maker's name of the glyph, "" when unknown.
        letter: Its Unicode text, "" when unknown.
        contours: Its outline in ems, y upwards, shape (points, 2) each.
    """

    font: str
    name: str
    letter: str
    contours: tuple[NDArray[np.float64], ...]


@dataclass(frozen=True, eq=False)
class PageObjects:
    """What one page draws.

    Args:
        width: Of the page.
        height: Of the page.
        glyphs: Rows of ``GLYPH_DTYPE``: index into ``kinds``, and the matrix (a, b, c, d, e, f) from ems to the page.
        kinds: The glyphs that occur.
        paths: Rows of ``PATH_DTYPE``.
        contours: Contours of all paths, shape (points, 2) each; the first point is repeated at the end of closed ones.
    """

    width: float
    height: float
    glyphs: NDArray[Any]
    kinds: tuple[GlyphKind, ...]
    paths: NDArray[Any]
    contours: tuple[NDArray[np.float64], ...]

    def path_contours(self, path: int) -> tuple[NDArray[np.float64], ...]:
        """The contours of one row of ``paths``."""
        row = self.paths[path]
        return self.contours[int(row["first"]) : int(row["first"]) + int(row["count"])]


def iter_page_objects(data: bytes, name: str = "", pages: range | None = None) -> Iterator[PageObjects]:
    """What each page draws, in order, a few pages in memory at a time.

    Args:
        data: The PDF file.
        name: File name for messages.
        pages: Pages from 0; all when None.

    Raises:
        InputError: The file is no PDF, is encrypted, has no such page, or a page draws more than a page of music could hold.
        ToolError: Reading died or passed its limits.
    """
    wanted = range(_ask(count_pages, data, name)) if pages is None else pages
    for first in range(0, len(wanted), PAGES_PER_CHILD):
        numbers = list(wanted[first : first + PAGES_PER_CHILD])
        for tables in _ask(read_pages, data, name, pages=numbers):
            yield _from_tables(tables)


def _ask(function: Any, data: bytes, name: str, **arguments: Any) -> Any:
    where = f"{function.__module__}:{function.__name__}"
    return run_limited(where, {"data": data, "name": name, **arguments}, limits=LIMITS, tool="the PDF reader", subject=name)


def count_pages(data: bytes, name: str) -> int:
    """Number of pages; for the child process."""
    return len(_open(data, name).pages)


def read_pages(data: bytes, name: str, pages: list[int]) -> list[dict[str, Any]]:
    """Tables of pages as plain values; for the child process."""
    reader = _open(data, name)
    return [_tables_of(reader, number, name) for number in pages]


def _open(data: bytes, name: str) -> pypdf.PdfReader:
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise InputError(f"{name}: expected a PDF that opens without a password, this one is encrypted")
        if len(reader.pages) > MAX_PAGES:
            raise InputError(f"{name}: expected at most {MAX_PAGES} pages, came {len(reader.pages)}")
    except InputError:
        raise
    except (PyPdfError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError, OSError) as error:
        raise InputError(f"{name}: expected a PDF file, it cannot be read: {error}") from None
    except ImportError:
        raise InputError(f"{name}: expected a PDF that opens without a password, this one is encrypted") from None
    return reader


def _tables_of(reader: pypdf.PdfReader, number: int, name: str) -> dict[str, Any]:
    if not 0 <= number < len(reader.pages):
        raise InputError(f"{name}: expected a page of 1 to {len(reader.pages)}, came {number + 1}")
    try:
        page = reader.pages[number]
        matrix, width, height = _shown(page)
        drawing = Drawing(matrix)
        contents = page.get_contents()
        if contents is not None:
            drawing.run(contents.get_data(), page.get("/Resources", {}))
    except InputError as error:
        raise InputError(f"{name}: page {number + 1}: {error}") from None
    except (PyPdfError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(f"{name}: page {number + 1} cannot be read: {error}") from None
    return _to_tables(drawing, width, height)


def _shown(page: Any) -> tuple[Matrix, float, float]:
    """The matrix from user space to the page as shown (crop box, rotation, user unit), its width and height."""
    box = page.cropbox
    left, bottom, right, top = float(box.left), float(box.bottom), float(box.right), float(box.top)
    unit = float(page.get("/UserUnit", 1))
    wide, high = (right - left) * unit, (top - bottom) * unit
    turn = int(page.get("/Rotate", 0)) % 360
    if turn == 90:
        return (0, unit, unit, 0, -bottom * unit, -left * unit), high, wide
    if turn == 180:
        return (-unit, 0, 0, unit, right * unit, -bottom * unit), wide, high
    if turn == 270:
        return (0, -unit, -unit, 0, top * unit, right * unit), high, wide
    return (unit, 0, 0, -unit, -left * unit, top * unit), wide, high


def _to_tables(drawing: Drawing, width: float, height: float) -> dict[str, Any]:
    kinds: dict[tuple[int, int], int] = {}
    glyphs = np.zeros(len(drawing.glyphs), dtype=GLYPH_DTYPE)
    for row, glyph in zip(glyphs, drawing.glyphs, strict=True):
        row["kind"] = kinds.setdefault((glyph.font, glyph.code), len(kinds))
        row["matrix"] = glyph.matrix
    outlines = [drawing.fonts[font].outline(code) for font, code in kinds]
    paths = np.zeros(len(drawing.paths), dtype=PATH_DTYPE)
    first = 0
    for row, path in zip(paths, drawing.paths, strict=True):
        row["first"], row["count"] = first, len(path.contours)
        row["filled"], row["stroked"], row["width"] = path.filled, path.stroked, path.width
        row["dashed"], row["curved"] = path.dashed, path.curved
        first += len(path.contours)
    fonts = drawing.fonts
    return {
        "width": width,
        "height": height,
        "glyphs": glyphs,
        "names": [[fonts[font].name, fonts[font].glyph_name(code), fonts[font].letter(code)] for font, code in kinds],
        "outlines": _ragged([contour for outline in outlines for contour in outline]),
        "outline_contours": np.array([len(outline) for outline in outlines], dtype=np.int64),
        "paths": paths,
        "contours": _ragged([contour for path in drawing.paths for contour in path.contours]),
    }


def _ragged(arrays: list[NDArray[np.float64]]) -> list[Any]:
    """Arrays of points as one, and their lengths."""
    points = np.concatenate(arrays) if arrays else np.zeros((0, 2))
    return [points, np.array([len(array) for array in arrays], dtype=np.int64)]


def _split(ragged: Any) -> list[NDArray[np.float64]]:
    points, lengths = ragged
    ends = np.cumsum(lengths)
    return [points[end - length : end] for end, length in zip(ends, lengths, strict=True)]


def _from_tables(tables: dict[str, Any]) -> PageObjects:
    outlines = _split(tables["outlines"])
    kinds: list[GlyphKind] = []
    first = 0
    for (font, glyph, letter), count in zip(tables["names"], tables["outline_contours"], strict=True):
        kinds.append(GlyphKind(font, glyph, letter, tuple(outlines[first : first + int(count)])))
        first += int(count)
    return PageObjects(
        width=float(tables["width"]),
        height=float(tables["height"]),
        glyphs=tables["glyphs"],
        kinds=tuple(kinds),
        paths=tables["paths"],
        contours=tuple(_split(tables["contours"])),
    )
