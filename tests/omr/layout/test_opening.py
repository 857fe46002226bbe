"""The door: pictures of every kind give the same page; what cannot be read is refused soon, in one line."""

from __future__ import annotations

import io
import os
import random
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from corpora.child import Limits
from corpora.errors import InputError, ToolError
from omr.layout import pdf_pages
from omr.layout.opening import iter_pages
from omr.layout.page import layout_page

Draw = Callable[..., Any]
ANSWER_S = 5.0


@pytest.fixture
def page(drawn_page: Draw) -> NDArray[np.uint8]:
    image: NDArray[np.uint8] = drawn_page(((150.0, 290.0), (480.0, 620.0)), size=(1200, 760)).image
    return image


def saved(image: Image.Image, fmt: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, fmt, **options)
    return buffer.getvalue()


def pdf(pages: list[bytes], box: str = "0 0 600 380", *, extra: str = "", compress: bool = False) -> bytes:
    """A document of these content streams."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{3 + 2 * index} 0 R" for index in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode())
    for index, content in enumerate(pages):
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] /Contents {4 + 2 * index} 0 R >>".encode())
        body, filters = (zlib.compress(content), " /Filter /FlateDecode") if compress else (content, "")
        objects.append(f"<< /Length {len(body)}{filters} >>\nstream\n".encode() + body + b"\nendstream")
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    return out + f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R {extra}>>\nstartxref\n{table}\n%%EOF\n".encode()


def staves_content(interline: float = 5.0, count: int = 2) -> bytes:
    """Empty staves as strokes, points."""
    lines = [
        f"40 {300 - 120 * staff - interline * line} m 560 {300 - 120 * staff - interline * line} l S"
        for staff in range(count)
        for line in range(5)
    ]
    return ("0.6 w\n" + "\n".join(lines)).encode()


def kinds(page: NDArray[np.uint8]) -> dict[str, tuple[str, bytes]]:
    """The page in every kind of picture: suffix and content."""
    grey = Image.fromarray(page)
    clear = Image.new("RGBA", grey.size, (0, 0, 0, 0))
    clear.putalpha(Image.fromarray(255 - page))
    spotted = grey.convert("P")
    pair = Image.merge("LA", (Image.new("L", grey.size, 0), Image.fromarray(255 - page)))
    return {
        "grey": ("png", saved(grey, "PNG")),
        "colour": ("png", saved(grey.convert("RGB"), "PNG")),
        "palette": ("png", saved(spotted, "PNG")),
        "one bit": ("png", saved(grey.point(lambda value: 255 * (value > 127)).convert("1"), "PNG")),
        "16 bits": ("png", saved(Image.fromarray(page.astype(np.uint16) * 257), "PNG")),
        "black on nothing": ("png", saved(clear, "PNG")),
        "grey on nothing": ("png", saved(pair, "PNG")),
        "white on black": ("png", saved(Image.fromarray(255 - page), "PNG")),
        "JPEG": ("jpg", saved(grey, "JPEG", quality=80)),
        "CMYK": ("jpg", saved(grey.convert("CMYK"), "JPEG", quality=90)),
        "CMYK, lossless": ("tif", saved(grey.convert("CMYK"), "TIFF", compression="tiff_lzw")),
        "16-bit TIFF": ("tiff", saved(Image.fromarray(page.astype(np.uint16) * 257), "TIFF")),
        "fax": ("tif", saved(grey.point(lambda value: 255 * (value > 127)).convert("1"), "TIFF", compression="group4")),
        "WebP": ("webp", saved(grey.convert("RGB"), "WEBP", quality=80)),
        "BMP": ("bmp", saved(grey, "BMP")),
        "GIF": ("gif", saved(grey, "GIF")),
    }


NAMES = list(kinds(np.zeros((4, 4), dtype=np.uint8)))


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_picture_gives_the_page(name: str, page: NDArray[np.uint8], tmp_path: Path) -> None:
    suffix, content = kinds(page)[name]
    path = tmp_path / f"page.{suffix}"
    path.write_bytes(content)
    (opened,) = iter_pages(path)
    assert opened.grey.dtype == np.uint8
    assert opened.grey.shape == page.shape
    assert np.abs(opened.grey.astype(float) - page).mean() < 4
    assert (opened.page, opened.name) == (0, str(path))


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_pictures_are_turned_as_their_camera_says(orientation: int, page: NDArray[np.uint8], tmp_path: Path) -> None:
    turns = {3: 2, 6: 1, 8: -1}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "photo.jpg"
    path.write_bytes(saved(Image.fromarray(np.ascontiguousarray(np.rot90(page, turns))), "JPEG", exif=exif, quality=95))
    (opened,) = iter_pages(path)
    assert np.abs(opened.grey.astype(float) - page).mean() < 4


def test_pages_of_a_tiff_come_in_order_without_previews(tmp_path: Path) -> None:
    shades = [Image.new("L", (60, 50), shade) for shade in (250, 200, 180)]
    small = Image.new("L", (6, 5), 255)
    buffer = io.BytesIO()
    shades[0].save(buffer, "TIFF", save_all=True, append_images=[small, *shades[1:]], tiffinfo={254: 0})
    path = tmp_path / "pages.tif"
    path.write_bytes(buffer.getvalue())
    assert [int(opened.grey[0, 0]) for opened in iter_pages(path)] == [250, 255, 200, 180]
    assert [opened.page for opened in iter_pages(path)] == [0, 1, 2, 3]


def test_dark_pictures_without_strokes_stay_dark(tmp_path: Path) -> None:
    path = tmp_path / "night.png"
    path.write_bytes(saved(Image.new("L", (300, 200), 9), "PNG"))
    assert next(iter_pages(path)).grey.max() == 9


def test_pdf_pages_are_drawn_so_that_lines_are_twenty_pixels_apart(tmp_path: Path) -> None:
    path = tmp_path / "score.pdf"
    path.write_bytes(pdf([staves_content(5.0), b"", staves_content(7.0), staves_content(3.0, 3), staves_content(5.0)]))
    drawn = list(iter_pages(path))
    assert [(opened.page, opened.pages) for opened in drawn] == [(number, 5) for number in range(5)]
    for opened, interline, staves in zip(drawn, (5.0, 0, 7.0, 3.0, 5.0), (2, 0, 2, 3, 2), strict=True):
        layout = layout_page(opened.grey)
        assert len(layout.systems) == staves
        assert opened.dpi == pytest.approx(20 * 72 / interline if interline else 300, rel=0.05)
        if layout.spacing is not None:
            assert layout.spacing.interline_px == pytest.approx(20, rel=0.06)


def test_a_scan_in_a_pdf(page: NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "scan.pdf"
    path.write_bytes(saved(Image.fromarray(page), "PDF", resolution=200))
    (opened,) = iter_pages(path)
    assert [len(system.staves) for system in layout_page(opened.grey).systems] == [2, 2]


# --- hostile files ------------------------------------------------------------------------------------------


def png(width: int, height: int, data: bytes | None = None, bits: int = 8, colour: int = 0) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    if data is None:
        data = zlib.compress(bytes((1 + (width * bits + 7) // 8) * height), 1)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def plain(fmt: str, **options: Any) -> bytes:
    shades = np.arange(80 * 60, dtype=np.uint8).reshape(60, 80)
    return saved(Image.fromarray(shades), fmt, **options)


def moving(fmt: str) -> bytes:
    frames = [Image.new("L", (20, 20), shade) for shade in (0, 100, 200)]
    return saved(frames[0], fmt, save_all=True, append_images=frames[1:])


def patched(data: bytes, place: int, new: bytes) -> bytes:
    return data[:place] + new + data[place + len(new) :]


def tiff_with(tag: int, value: int) -> bytes:
    data = plain("TIFF")
    first = struct.unpack_from("<I", data, 4)[0]
    for index in range(struct.unpack_from("<H", data, first)[0]):
        place = first + 2 + 12 * index
        if struct.unpack_from("<H", data, place)[0] == tag:
            return patched(data, place, struct.pack("<HHII", tag, 4, 1, value))
    raise AssertionError(tag)


def endless_tiff() -> bytes:
    """The directory of its first page names itself as the next."""
    data = plain("TIFF")
    first = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, first)[0]
    return patched(data, first + 2 + 12 * entries, struct.pack("<I", first))


ENCRYPTED = "/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <" + "5a" * 32 + "> /U <" + "a5" * 32 + "> >> /ID [<00><00>] "
GOOD_PDF = pdf([staves_content()])

REFUSED: dict[str, tuple[str, bytes]] = {  # file name: words, content
    "empty.png": ("is empty", b""),
    "noise.png": ("holds nothing that is known", random.Random(1).randbytes(500)),
    "text.png": ("holds", b"Dear composer,\n"),
    "midi.png": ("holds a MIDI file", b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0"),
    "pdf-as.png": ("holds a PDF document", GOOD_PDF),
    "png-as.pdf": ("holds a PNG image", plain("PNG")),
    "page.svg": ("holds MusicXML", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "200-megapixels.png": ("at most 100,000,000 pixels", png(20_000, 10_000, b"", bits=1)),
    "bomb.png": ("at most 100,000,000 pixels", png(10_050, 10_000, zlib.compress(bytes(10_000_000), 9), bits=1)),
    "2-31-square.png": ("pixels|decoded|damaged", png(2**31 - 1, 2**31 - 1, b"")),
    "very-wide.png": ("20,000 a side", png(20_001, 2)),
    "no-width.png": ("pixels|decoded|damaged", png(0, 10, b"")),
    "no-height.png": ("pixels|decoded|damaged", png(10, 0, b"")),
    "no-data.png": ("decoded|damaged", png(100, 100, b"")),
    "short-data.png": ("decoded", png(100, 100, zlib.compress(bytes(40)))),
    "bad-depth.png": ("decoded|damaged", png(10, 10, bits=3)),
    "animated.png": ("a still picture, came one that moves", moving("PNG")),
    "animated.gif": ("a still picture, came one that moves", moving("GIF")),
    "animated.webp": ("a still picture, came one that moves", moving("WEBP")),
    "cut.png": ("decoded|damaged", plain("PNG")[:100]),
    "cut.jpg": ("decoded|damaged", plain("JPEG")[:500]),
    "cut.tif": ("decoded|damaged", plain("TIFF")[:2000]),
    "cut.webp": ("decoded|damaged", plain("WEBP")[:200]),
    "cut.bmp": ("decoded|damaged", plain("BMP")[:2000]),
    "cut.gif": ("decoded|damaged", plain("GIF")[:500]),
    "no-size.bmp": ("pixels|decoded|damaged", patched(plain("BMP"), 18, bytes(8))),
    "huge.bmp": ("pixels|decoded|damaged", patched(plain("BMP"), 18, b"\xff\xff\xff\x7f\xff\xff\xff\x7f")),
    "65535-square.jpg": (
        "pixels|decoded",
        patched(plain("JPEG"), plain("JPEG").index(b"\xff\xc0") + 5, b"\xff\xff\xff\xff"),
    ),
    "wide.tif": ("pixels|decoded|damaged", tiff_with(256, 2**31 - 1)),
    "strip-outside.tif": ("decoded|damaged", tiff_with(273, 2**31 - 1)),
    "directory-outside.tif": ("decoded|damaged", patched(plain("TIFF"), 4, b"\xff\xff\xff\x7f")),
    "floating.tif": ("whole numbers, came floating-point", saved(Image.fromarray(np.ones((20, 20), np.float32)), "TIFF")),
    "32-bit.tif": ("at most 16 bits", saved(Image.fromarray(np.full((20, 20), 70_000, np.int32)), "TIFF")),
    "empty.pdf": ("is empty", b""),
    "head-only.pdf": ("truncated", b"%PDF-1.7\n"),
    "cut.pdf": ("truncated", GOOD_PDF[: len(GOOD_PDF) // 2]),
    "nothing.pdf": ("can be read", b"%PDF-1.7\n" + bytes(100) + b"\n%%EOF\n"),
    "no-pages.pdf": ("pages|can be read", pdf([])),
    "encrypted.pdf": ("without a password, came an encrypted one", pdf([b""], extra=ENCRYPTED)),
    "city-sized.pdf": ("can be read", pdf([b""], box="0 0 1000000 1000000")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, tmp_path: Path) -> None:
    words, content = REFUSED[name]
    path = tmp_path / name
    path.write_bytes(content)
    started = time.process_time()
    with pytest.raises(InputError, match=words) as error:
        list(iter_pages(path))
    assert time.process_time() - started < ANSWER_S
    assert name in str(error.value)
    assert str(error.value).isprintable()
    assert os.listdir(tmp_path) == [name]


def test_there_are_enough() -> None:
    assert len(REFUSED) >= 40


ODD: dict[str, bytes] = {  # let in, without systems
    "one-pixel.png": png(1, 1),
    "no-box.pdf": pdf([b""], box="0 0 0 0"),
    "deep.pdf": pdf([b"q " * 20_000 + b"0 0 m 9 9 l S"]),
    "nonsense.pdf": pdf([random.Random(3).randbytes(3000)]),
    "many-strokes.pdf": pdf([b"0 0 m 600 380 l S\n" * 2_000], compress=True),
    "slanting.jpg": plain("JPEG"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files_have_no_systems(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(ODD[name])
    assert [layout_page(opened.grey).systems for opened in iter_pages(path)] == [[]]


def test_a_tiff_without_end_ends(tmp_path: Path) -> None:
    path = tmp_path / "endless.tif"
    path.write_bytes(endless_tiff())
    assert len(list(iter_pages(path))) == 1


def test_a_pdf_of_a_million_objects_is_stopped() -> None:
    """Curves that cross each other everywhere take PDFium minutes."""
    rng = random.Random(5)
    strokes = " ".join(f"{rng.randrange(600)} {rng.randrange(380)} l" for _ in range(20_000))
    content = b"40 w 0 0 m " + strokes.encode() + b" S\n"
    data = pdf([content * 50], compress=True)
    started = time.monotonic()
    with pytest.raises(ToolError, match=r"PDFium was stopped.*million\.pdf"):
        list(pdf_pages.iter_pdf_pictures(data, "million.pdf", limits=Limits(wall_s=3, cpu_s=2)))
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("name", ["missing.png", "folder.png"])
def test_what_is_no_file_is_refused(name: str, tmp_path: Path) -> None:
    if name == "folder.png":
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=r"no such file|a folder"):
        list(iter_pages(tmp_path / name))


def test_memory_does_not_grow_with_pages() -> None:
    """Each child draws a few pages and no more are kept."""
    assert pdf_pages.LIMITS.result_bytes >= pdf_pages.PAGES_PER_CHILD * pdf_pages.MAX_PDF_PIXELS
