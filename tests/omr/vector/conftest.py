"""Pages drawn by hand: `page_of` makes the PDF of a content stream, `staff_page` one with a staff and notes of known place."""

from __future__ import annotations

import io
from collections.abc import Callable

import pypdf
import pytest
from pypdf.generic import DecodedStreamObject, NameObject

WIDTH, HEIGHT = 400, 300


def make_pdf(content: bytes, *, rotate: int = 0, shift: float = 0.0) -> bytes:
    """A PDF of one page that draws ``content``; ``shift`` moves its boxes."""
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(WIDTH, HEIGHT)
    stream = DecodedStreamObject()
    stream.set_data(content)
    page[NameObject("/Contents")] = writer._add_object(stream)
    if shift:
        box = pypdf.generic.RectangleObject((shift, shift, WIDTH + shift, HEIGHT + shift))
        page.mediabox = page.cropbox = box
    if rotate:
        page.rotate(rotate)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


@pytest.fixture
def page_of() -> Callable[..., bytes]:
    return make_pdf


@pytest.fixture
def staff_lines() -> bytes:
    """Five lines 5 points apart from (50, 200) upwards, 300 long, with bar lines at both ends."""
    lines = b"".join(b"50 %d m 350 %d l S\n" % (200 + 5 * line, 200 + 5 * line) for line in range(5))
    return b"0.5 w\n" + lines + b"50 200 m 50 220 l S\n350 200 m 350 220 l S\n"
