"""Pages of PDF documents as grey pictures, drawn by PDFium in child processes with limits, a few pages in each.

A page is drawn twice: small, to see how far apart its staff lines are, then so large that they are ``WANTED_INTERLINE_PX`` apart,
within ``MIN_DPI`` and ``MAX_DPI`` (pages without staff lines at ``PLAIN_DPI``). PDFium (pypdfium2) reads the document anew in
every child, so that memory does not grow with its length.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from corpora.child import Limits, run_limited
from corpora.errors import InputError
from corpora.gate.image import MAX_PIXELS, check_pdf
from corpora.gate.refusal import refusal
from omr.layout.ink import Grey

__all__ = ["PdfPicture", "iter_pdf_pictures"]

LIMITS: Final = Limits(memory_bytes=3 << 30, cpu_s=60, wall_s=120)
PAGES_PER_CHILD: Final = 4
MAX_PDF_PAGES: Final = 2000
POINTS_PER_INCH: Final = 72.0
LOOK_DPI: Final = 150.0
WANTED_INTERLINE_PX: Final = 20.0
MIN_DPI, MAX_DPI, PLAIN_DPI = 100.0, 600.0, 300.0
LEAST_DPI: Final = 20.0  # a page so large that it gets less cannot be read
MAX_PDF_PIXELS: Final = 40_000_000
LIKELY_SHARE: Final = 0.02  # of the runs, that a distance of lines must have to be one


@dataclass(frozen=True, eq=False)
class PdfPicture:
    """A page drawn: its pixels, its number from 0, how many there are, and pixels to an inch."""

    grey: Grey
    page: int
    pages: int
    dpi: float


def iter_pdf_pictures(data: bytes, name: str, *, limits: Limits = LIMITS) -> Iterator[PdfPicture]:
    """The pages of a PDF, in order.

    Args:
        data: The file.
        name: File name for messages.
        limits: Of each child process, which draws up to four pages.

    Raises:
        InputError: It is no PDF document, is cut off, damaged or encrypted, has no pages or over 2,000, or a page of no size.
        ToolError: PDFium died or passed its limits.
    """
    check_pdf(data, name)
    page, pages = 0, 1
    while page < pages:
        arguments = {"data": data, "name": name, "first": page}
        drawn: dict[str, Any] = run_limited(
            "omr.layout.pdf_pages:draw_pages", arguments, limits=limits, tool="PDFium", subject=name
        )
        pages = int(drawn["pages"])
        for picture in drawn["pictures"]:
            yield PdfPicture(picture["grey"], page, pages, float(picture["dpi"]))
            page += 1


def draw_pages(data: bytes, name: str, first: int) -> dict[str, Any]:
    """The child's side: up to four pages from ``first`` on, and how many there are; errors as ``iter_pdf_pictures``."""
    import pypdfium2  # type: ignore[import-untyped]  # here, because only the child needs it

    try:
        document = pypdfium2.PdfDocument(io.BytesIO(data))
        pages = len(document)
    except pypdfium2.PdfiumError as error:
        if "assword" in str(error):
            raise refusal(name, "", "a PDF document that opens without a password", "an encrypted one") from None
        raise refusal(name, "", "a PDF document that can be read", f"'{error}'") from None
    if not 1 <= pages <= MAX_PDF_PAGES:
        raise refusal(name, "", f"1 to {MAX_PDF_PAGES:,} pages", f"{pages:,}")
    pictures = []
    for number in range(first, min(first + PAGES_PER_CHILD, pages)):
        try:
            page = document[number]
            width, height = page.get_size()
            grey, dpi = _drawn(page, width, height, f"{name}: page {number + 1}")
            page.close()
        except pypdfium2.PdfiumError as error:
            raise refusal(name, f"page {number + 1}", "a page that can be drawn", f"'{error}'") from None
        pictures.append({"grey": grey, "dpi": dpi})
    return {"pages": pages, "pictures": pictures}


def _drawn(page: Any, width: float, height: float, place: str) -> tuple[Grey, float]:
    """A page's pixels and their dpi."""
    from omr.layout.spacing import line_spacings  # here, so that the parent need not load OpenCV

    inches = width * height / POINTS_PER_INCH**2
    if not (math.isfinite(inches) and width > 0 and height > 0):
        raise InputError(f"{place}: expected a page of some size, came {width:g} by {height:g} points")
    most = math.sqrt(MAX_PDF_PIXELS / inches)
    if most < LEAST_DPI:
        raise InputError(f"{place}: expected a page that can be read, came {width:g} by {height:g} points")
    look_dpi = min(LOOK_DPI, most)
    look = _pixels(page, look_dpi)
    spacings = [spacing for spacing in line_spacings(look) if spacing.share >= LIKELY_SHARE]
    wanted = look_dpi * WANTED_INTERLINE_PX / spacings[0].interline_px if spacings else PLAIN_DPI
    dpi = min(max(wanted, MIN_DPI), MAX_DPI, most)
    return _pixels(page, dpi), dpi


def _pixels(page: Any, dpi: float) -> Grey:
    bitmap = page.render(scale=dpi / POINTS_PER_INCH, grayscale=True, may_draw_forms=False)
    pixels: Grey = bitmap.to_numpy().reshape(bitmap.height, bitmap.width).copy()
    bitmap.close()
    return pixels


assert MAX_PDF_PIXELS <= MAX_PIXELS
