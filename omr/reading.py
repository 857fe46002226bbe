"""Pages in, a score out: ``read``.

Pages of vector PDFs that hold glyphs are read from these; all others are pictures, in which layout finds and straightens systems
and a detector finds their signs. Either way assembly makes one score of all systems in their order. A page is held only while it
is read; what is kept of it are its signs, so that the length of a document does not matter, and a new reading under other wishes
(``Reading.again``) does not look at the pages again.

Example:
    >>> from pathlib import Path
    >>> from omr.assembly.wishes import Wishes
    >>> reading = read([Path("page1.png"), Path("page2.png")])  # doctest: +SKIP
    >>> [number for number, bar in enumerate(reading.assembled.bars, 1) if bar.probability < 0.9]  # doctest: +SKIP
    [4, 17]
    >>> reading = reading.again(Wishes(meter=(6, 8), clefs={2: "alto"}))  # doctest: +SKIP
    >>> Path("song.musicxml").write_bytes(reading.musicxml)  # doctest: +SKIP
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from compose.notation.writing import write_written
from corpora.errors import InputError, ToolError
from corpora.gate.files import read_bytes
from corpora.gate.image import MAX_PDF_BYTES
from corpora.safe_text import safe_text
from omr.assembly.assembling import assemble
from omr.assembly.confidence import GLYPHS, PICTURES
from omr.assembly.results import Assembled
from omr.assembly.wishes import Wishes
from omr.detector.reader import SignReader, load_sign_reader
from omr.layout.opening import PagePicture, iter_pages
from omr.layout.page import system_strips
from omr.printed_words import has_tesseract, read_heading, read_words
from omr.signs import SeenSystem
from omr.turning import clef_share, may_lie_on_its_side, turned_back
from omr.vector.reading import read_pdf
from omr.word_signs import with_words

__all__ = ["PageReport", "Reading", "read", "see_page"]

STRIP_INTERLINE_PX = 12.0
Told = Callable[[str, float], None]
Way = Literal["glyphs", "picture"]
SeenPage = tuple[list[SeenSystem], Way, int, int | None]  # its systems, how read, quarter turns, pages of its file where known
LEAST_CLEFS, MORE_CLEFS = 0.5, 0.3  # shares of staves with clefs: with fewer a page is turned, and stays so if that shows more


@dataclass(frozen=True)
class PageReport:
    """How one page was read.

    Args:
        name: File.
        page: Page of the file, from 0.
        way: "glyphs" of a vector PDF, or "picture".
        systems: How many were found.
        seconds: Of work, assembly apart.
        turn: Quarter turns against the clock that brought it upright.
    """

    name: str
    page: int
    way: Way
    systems: int
    seconds: float
    turn: int = 0


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read.

    Args:
        assembled: The score, and how sure each bar is.
        systems: What was seen of every system, in order.
        pages: How each page was read.
        wishes: What the user knew.
    """

    assembled: Assembled
    systems: tuple[SeenSystem, ...]
    pages: tuple[PageReport, ...]
    wishes: Wishes

    def again(self, wishes: Wishes) -> Reading:
        """The same pages under other wishes: assembly alone works anew.

        Raises:
            RequestError: A wish does not fit the pages.
        """
        return replace(self, assembled=_assembled(self.systems, wishes, self.pages), wishes=wishes)

    @property
    def musicxml(self) -> bytes:
        """The score as MusicXML 4.0."""
        return write_written(self.assembled.score)

    def report(self) -> dict[str, Any]:
        """What was read and how sure it is, as JSON values."""
        bars = self.assembled.bars
        return {
            "pages": [
                {
                    "name": page.name,
                    "way": page.way,
                    "systems": page.systems,
                    "seconds": page.seconds,
                    "turned_degrees": 90 * page.turn,
                }
                for page in self.pages
            ],
            "parts": [{"name": part.name, "staves": part.staves} for part in self.assembled.score.parts],
            "bars": [
                {
                    "bar": number,
                    "page": self.systems[bar.system].page + 1,
                    "probability": round(bar.probability, 4),
                    "irregular": bar.readings[bar.taken].irregular,
                    "readings": len(bar.readings),
                }
                for number, bar in enumerate(bars, 1)
            ],
            "escapes": self.assembled.escapes,
            "mean_probability": round(sum(bar.probability for bar in bars) / max(len(bars), 1), 4),
            "notes": [*self.assembled.notes, *_words_not_read(self.pages)],
        }


def read(
    paths: Sequence[Path],
    wishes: Wishes | None = None,
    *,
    reader: SignReader | None = None,
    as_pictures: bool = False,
    told: Told | None = None,
) -> Reading:
    """Read pages of a score.

    Args:
        paths: Pictures (PNG, JPEG, TIFF ...) and PDF documents in the order of the music.
        wishes: What the user knows better: meter, key, clefs, staves, readings of bars.
        reader: Of pictures; None for the one that comes with the package.
        as_pictures: Read PDF documents from their pixels too.
        told: Hears which page has been read, and the share of all that is done (of a file of unknown length, none).

    Raises:
        InputError: A file cannot be opened, or no page has a staff.
        RequestError: A wish does not fit the pages.
        ToolError: A helper program or library failed.
    """
    systems: list[SeenSystem] = []
    pages: list[PageReport] = []
    for found, page, share in _pages(paths, reader, as_pictures):
        systems += [replace(system, page=len(pages)) for system in found]
        pages.append(page)
        if told is not None:
            told(f"read page {len(pages)} of", share)
    if not systems:
        names = ", ".join(safe_text(path.name) for path in paths)
        raise InputError(f"{names}: expected staves of music, found none on {len(pages)} page{'s' * (len(pages) != 1)}")
    wishes = wishes or Wishes()
    return Reading(_assembled(systems, wishes, pages), tuple(systems), tuple(pages), wishes)


def _words_not_read(pages: Sequence[PageReport]) -> list[str]:
    """What is said where pictures had words that nobody could read."""
    if has_tesseract() or all(page.way == "glyphs" for page in pages):
        return []
    return ["words, lyrics and chord symbols on pictures are left out: tesseract, which reads them, is not installed"]


def _assembled(systems: Sequence[SeenSystem], wishes: Wishes, pages: Sequence[PageReport]) -> Assembled:
    """The score; where a network has read a page, bars are as sure as such readings were found to be."""
    by_network = any(page.way == "picture" for page in pages)
    return assemble(systems, wishes, PICTURES if by_network else GLYPHS)


def _pages(
    paths: Sequence[Path], reader: SignReader | None, as_pictures: bool
) -> Iterator[tuple[list[SeenSystem], PageReport, float]]:
    """The systems of each page of each file, and the share of all that is done."""
    for index, path in enumerate(paths):
        started = time.perf_counter()
        name = safe_text(path.name)
        for page, (systems, way, turn, pages) in enumerate(_pages_of(path, reader, as_pictures)):
            report = PageReport(name, page, way, len(systems), round(time.perf_counter() - started, 3), turn)
            yield systems, report, (index + ((page + 1) / pages if pages else 0.0)) / len(paths)
            started = time.perf_counter()


def _pages_of(path: Path, reader: SignReader | None, as_pictures: bool) -> Iterator[SeenPage]:
    """The pages of a file; a page whose glyphs are not music, or cannot be read, is a picture."""
    pictures = iter_pages(path)
    glyphs: Iterator[list[SeenSystem]] = iter(())
    if path.suffix.lower() == ".pdf" and not as_pictures:
        glyphs = _glyphs(path)
    page = -1
    for page, systems in enumerate(glyphs):
        if systems:
            yield systems, "glyphs", 0, None
        else:
            yield from _seen((picture for picture in pictures if picture.page == page), reader, 1)
    yield from _seen((picture for picture in pictures if picture.page > page), reader)


def _glyphs(path: Path) -> Iterator[list[SeenSystem]]:
    """The systems of a PDF by its glyphs, page by page, as far as that goes."""
    with contextlib.suppress(InputError, ToolError):  # what draws its pages says what is wrong with it
        yield from read_pdf(read_bytes(path, MAX_PDF_BYTES), path.name)


def _seen(pictures: Iterator[PagePicture], reader: SignReader | None, count: int | None = None) -> Iterator[SeenPage]:
    """Pages read from their pixels; ``count`` of them, or all."""
    for picture in islice(pictures, count):
        systems, turn = _see_upright(picture.grey, reader)
        yield systems, "picture", turn, picture.pages


def see_page(grey: NDArray[np.uint8], reader: SignReader | None = None, page: int = 0) -> list[SeenSystem]:
    """The systems of a picture with their signs, top first; a page on its head or side is turned.

    Args:
        grey: 0 black to 255 white, shape (height, width).
        reader: Of signs; None for the one that comes with the package.
        page: Number of the page, from 0.
    """
    return _see_upright(grey, reader, page)[0]


def _see_upright(grey: NDArray[np.uint8], reader: SignReader | None, page: int = 0) -> tuple[list[SeenSystem], int]:
    """The systems, and the quarter turns after which they were seen: none, unless these show clearly more clefs."""
    reader = reader or load_sign_reader()
    best, best_turn = _see(grey, reader, page), 0
    share = clef_share(best)
    if share >= LEAST_CLEFS:
        return best, 0
    turns = (2,) if best else (1, 3) if may_lie_on_its_side(grey) else ()
    for turn in turns:
        systems = _see(np.ascontiguousarray(np.rot90(grey, turn)), reader, page)
        if (now := clef_share(systems)) > share + MORE_CLEFS:
            best, best_turn, share = turned_back(systems, turn, (grey.shape[0], grey.shape[1])), turn, now
    return best, best_turn


def _see(grey: NDArray[np.uint8], reader: SignReader, page: int) -> list[SeenSystem]:
    found = []
    for strip in system_strips(grey, page=page, interline_px=STRIP_INTERLINE_PX):
        signs = reader.read(strip.image, strip.interline_px, strip.origin_px, strip.middle_lines)
        found.append(with_words(strip.seen(signs), read_words(strip, signs)))
    return [replace(found[0], heading=read_heading(grey, found[0])), *found[1:]] if found else []
