"""The door of the reading room: a file of pictures or a PDF document in, grey pages out, one at a time.

PNG, JPEG, TIFF of many pages, WebP, BMP and GIF go through ``corpora.gate``; PDF pages are drawn in a child process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from corpora.gate.files import read_bytes
from corpora.gate.image import MAX_IMAGE_BYTES, MAX_PDF_BYTES, iter_images
from corpora.gate.sniff import sniff
from omr.layout.grey import dark_on_white, grey_of
from omr.layout.ink import Grey
from omr.layout.pdf_pages import iter_pdf_pictures

__all__ = ["PagePicture", "iter_pages"]


@dataclass(frozen=True, eq=False)
class PagePicture:
    """One page to be read.

    Args:
        grey: Pixels, 0 black to 255 white, dark signs on white paper, (height, width).
        name: The file, as the user named it.
        page: Page of the file, from 0.
        pages: Pages of the file; None while that is not known.
        dpi: Pixels to an inch of a PDF page, None for a picture.
    """

    grey: Grey
    name: str
    page: int
    pages: int | None = None
    dpi: float | None = None


def iter_pages(path: str | os.PathLike[str]) -> Iterator[PagePicture]:
    """The pages of a file, in order.

    Args:
        path: A PNG, JPEG, TIFF, WebP, BMP, GIF or PDF file.

    Raises:
        InputError: There is no such file, or ``corpora.gate.image.iter_images``, ``grey_of`` or ``iter_pdf_pictures`` refuse it.
        ToolError: PDFium died or passed its limits.
    """
    name = os.fspath(path)
    data = read_bytes(path, max(MAX_IMAGE_BYTES, MAX_PDF_BYTES))
    kind = sniff(data)
    if kind == "pdf" or name.lower().endswith(".pdf"):
        for picture in iter_pdf_pictures(data, name):
            yield PagePicture(dark_on_white(picture.grey), name, picture.page, picture.pages, picture.dpi)
        return
    for page, image in enumerate(iter_images(data, name)):
        yield PagePicture(dark_on_white(grey_of(image, name)), name, page, None if kind == "tiff" else 1)
