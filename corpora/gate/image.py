"""The door for pictures of pages: PNG, JPEG, TIFF, WebP, BMP or GIF, at most 100 million pixels a page, whole.

Pixels are counted from the header before anything is decoded; Pillow by itself only warns until 179 million. TIFF files may have
many pages, of which small previews are passed over; others are one still picture. Of a PDF only the ends are looked at here:
what reads it runs in a child process.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from PIL import Image, UnidentifiedImageError

from corpora.errors import InputError
from corpora.gate.refusal import refusal
from corpora.gate.sniff import FileKind, expect_kind
from corpora.safe_text import safe_text

__all__ = [
    "MAX_IMAGE_BYTES",
    "MAX_IMAGE_PAGES",
    "MAX_PDF_BYTES",
    "MAX_PIXELS",
    "ImageExtent",
    "check_image",
    "check_pdf",
    "iter_images",
]

MAX_IMAGE_BYTES: Final = 256 << 20
MAX_PDF_BYTES: Final = 512 << 20
MAX_PIXELS: Final = 100_000_000
MAX_SIDE: Final = 20_000
MAX_IMAGE_PAGES: Final = 2000
KINDS: Final[tuple[FileKind, ...]] = ("png", "jpeg", "tiff", "webp", "bmp", "gif")
PDF_KINDS: Final[tuple[FileKind, ...]] = ("pdf",)
FORMATS: Final = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")
PDF_END: Final = b"%%EOF"
PDF_END_BYTES: Final = 4096  # the end is looked for in so many last bytes
SUBFILE_TAG: Final = 254  # TIFF's NewSubfileType; bit 0: a smaller version of another page
DECODE_ERRORS: Final = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, ZeroDivisionError, RuntimeError,
    MemoryError, NotImplementedError, AttributeError, AssertionError, struct.error, Warning,
)  # fmt: skip


@dataclass(frozen=True)
class ImageExtent:
    """What a checked picture holds.

    Args:
        format: "PNG", "JPEG", "MPO" (a camera's JPEG with further pictures behind the first), "TIFF", "WEBP", "BMP" or "GIF".
        width: Pixels of the first page.
        height: Pixels of the first page.
        mode: Pillow's name of its pixel type, for example "L" or "RGB".
        pages: At least 1.
    """

    format: str
    width: int
    height: int
    mode: str
    pages: int = 1


def check_image(data: bytes, name: str) -> ImageExtent:
    """Check a picture, decoding every page of it once, and return its extent; arguments and errors as ``iter_images``."""
    first: ImageExtent | None = None
    pages = 0
    for image in iter_images(data, name):
        first = first or ImageExtent(str(image.format), image.width, image.height, image.mode)
        pages += 1
    assert first is not None
    return ImageExtent(first.format, first.width, first.height, first.mode, pages)


def iter_images(data: bytes, name: str) -> Iterator[Image.Image]:
    """The pages of a picture file, decoded one at a time; use each before taking the next.

    Args:
        data: The whole file.
        name: File name for messages.

    Raises:
        InputError: It is none of the formats, a page has over 100 million pixels or a side over 20,000, it moves, has over 2,000
            pages, or cannot be decoded to its end.
    """
    if len(data) > MAX_IMAGE_BYTES:
        raise refusal(name, "", f"at most {MAX_IMAGE_BYTES:,} bytes", f"{len(data):,}")
    kind = expect_kind(data, name, KINDS)
    page, shown = 0, 0
    while True:
        image = _page(data, name, kind, page)
        if image is None:
            break
        if not (kind == "tiff" and _is_preview(image)):
            shown += 1
            yield image
        page += 1
    if not shown:
        raise refusal(name, "", "a page", "previews only")


def check_pdf(data: bytes, name: str) -> None:
    """Check that a PDF document begins and ends as one.

    Args:
        data: The whole file.
        name: File name for messages.

    Raises:
        InputError: It is too long, no PDF document, or cut off.
    """
    if len(data) > MAX_PDF_BYTES:
        raise refusal(name, "", f"at most {MAX_PDF_BYTES:,} bytes", f"{len(data):,}")
    expect_kind(data, name, PDF_KINDS)
    if PDF_END not in data[-PDF_END_BYTES:]:
        raise refusal(name, f"byte {len(data):,}", "the end of a PDF document", "the end of the file (truncated?)")


def _page(data: bytes, name: str, kind: FileKind, page: int) -> Image.Image | None:
    """One page, decoded; None past the last."""
    place = f"page {page + 1}" if page else ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Pillow warns about damaged metadata
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is the one that counts
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            if page:
                if image.format != "TIFF":
                    return None
                try:
                    image.seek(page)
                except EOFError:
                    return None
                if page >= MAX_IMAGE_PAGES:
                    raise refusal(name, "", f"at most {MAX_IMAGE_PAGES:,} pages", "more")
            elif kind not in ("tiff", "jpeg") and getattr(image, "is_animated", False):
                raise refusal(name, "", "a still picture", f"one that moves, of {getattr(image, 'n_frames', 2)} frames")
            width, height = image.size
            if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE or min(width, height) < 1:
                raise refusal(name, place, f"at most {MAX_PIXELS:,} pixels and {MAX_SIDE:,} a side", f"{width} x {height}")
            image.load()
            return image
        except InputError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise refusal(name, place, f"at most {MAX_PIXELS:,} pixels", f"'{error}'") from None
        except UnidentifiedImageError:
            raise refusal(name, place, "a PNG, JPEG, TIFF, WebP, BMP or GIF image", "a damaged one") from None
        except DECODE_ERRORS as error:
            came = f"'{safe_text(str(error)) or type(error).__name__}'"
            raise refusal(name, place, "a picture that can be decoded", came) from None


def _is_preview(image: Image.Image) -> bool:
    subfile = getattr(image, "tag_v2", {}).get(SUBFILE_TAG, 0)
    return isinstance(subfile, int) and bool(subfile & 1)
