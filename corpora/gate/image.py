"""The door for pictures of pages: PNG, JPEG or TIFF, one page, at most 40 million pixels, whole.

Pixels are counted from the header before anything is decoded; Pillow by itself only warns until 179 million. PDF documents are
not accepted; ``check_pdf`` says so.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from typing import Final, NoReturn

from PIL import Image, UnidentifiedImageError

from corpora.errors import InputError
from corpora.gate.refusal import refusal
from corpora.gate.sniff import expect_kind
from corpora.safe_text import safe_text

__all__ = ["MAX_IMAGE_BYTES", "MAX_PIXELS", "ImageExtent", "check_image", "check_pdf"]

MAX_IMAGE_BYTES: Final = 64 << 20
MAX_PIXELS: Final = 40_000_000
MAX_SIDE: Final = 20_000
DECODE_ERRORS: Final = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, ZeroDivisionError, RuntimeError,
    MemoryError, NotImplementedError, AttributeError, AssertionError, struct.error, Warning,
)  # fmt: skip


@dataclass(frozen=True)
class ImageExtent:
    """What a checked picture holds.

    Args:
        format: "PNG", "JPEG", "MPO" (a camera's JPEG with further pictures behind the first) or "TIFF".
        width: Pixels.
        height: Pixels.
        mode: Pillow's name of the pixel type, for example "L" or "RGB".
    """

    format: str
    width: int
    height: int
    mode: str


def check_image(data: bytes, name: str) -> ImageExtent:
    """Check a picture, decoding it once, and return its extent.

    Args:
        data: The whole file.
        name: File name for messages.

    Raises:
        InputError: It is no PNG, JPEG or TIFF, has over 40 million pixels or a side over 20,000, has several pages, or cannot be
            decoded to its end.
    """
    if len(data) > MAX_IMAGE_BYTES:
        raise refusal(name, "", f"at most {MAX_IMAGE_BYTES:,} bytes", f"{len(data):,}")
    expect_kind(data, name, ("png", "jpeg", "tiff"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Pillow warns about bombs and damaged metadata
        try:
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "TIFF")) as image:
                width, height = image.size
                if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE or min(width, height) < 1:
                    raise refusal(name, "", f"at most {MAX_PIXELS:,} pixels and {MAX_SIDE:,} a side", f"{width} x {height}")
                pages = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
                if pages != 1:
                    raise refusal(name, "", "one page a file", f"{pages} pages")
                image.load()
                return ImageExtent(str(image.format), width, height, image.mode)
        except InputError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise refusal(name, "", f"at most {MAX_PIXELS:,} pixels", f"'{error}'") from None
        except UnidentifiedImageError:
            raise refusal(name, "", "a PNG, JPEG or TIFF image", "a damaged one") from None
        except DECODE_ERRORS as error:
            raise refusal(name, "", "a picture that can be decoded", f"'{safe_text(str(error)) or type(error).__name__}'") from None


def check_pdf(data: bytes, name: str) -> NoReturn:
    """Refuse a PDF document with what to do instead.

    Raises:
        InputError: Always.
    """
    raise InputError(
        f"{safe_text(name)}: expected a picture of a page (PNG, JPEG or TIFF), came a PDF document; export its pages as PNG"
    )
