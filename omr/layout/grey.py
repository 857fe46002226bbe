"""Pictures of any kind as grey pages: dark signs on white paper, the way up that their camera noted.

Grey is uint8, 0 black to 255 white, (height, width).
"""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image, ImageOps

from corpora.errors import InputError
from corpora.gate.refusal import refusal
from omr.layout.ink import Grey

__all__ = ["dark_on_white", "grey_of"]

SIXTEEN_BIT = 65535
SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I")
CLEAR_MODES = ("RGBA", "LA", "PA", "La", "RGBa")
LOOK_PX = 1600  # the longer side of what inversion is told by
DARK_PAPER = 112  # brightness of the median pixel, at most, of white signs on black
STROKE_PX = 9  # at that size


def grey_of(image: Image.Image, name: str) -> Grey:
    """A decoded picture as a grey page: turned as EXIF says, see-through parts on white, 16 bits scaled down.

    Args:
        image: Of any mode but floating point.
        name: File name for messages.

    Raises:
        InputError: Its pixels are floating-point numbers, or whole numbers beyond 16 bits.
    """
    try:
        turned = ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, OverflowError, ZeroDivisionError):
        turned = image  # damaged notes about a picture that is whole
    if turned.mode == "F":
        raise refusal(name, "", "pixels of whole numbers", "floating-point ones")
    if turned.mode in SIXTEEN_BIT_MODES:
        wide = np.asarray(turned)
        if wide.min() < 0 or wide.max() > SIXTEEN_BIT:
            raise refusal(name, "", "pixels of at most 16 bits", f"values of {int(wide.min())} to {int(wide.max())}")
        return np.ascontiguousarray(wide.astype(np.uint16) >> 8).astype(np.uint8)
    if turned.mode in CLEAR_MODES or "transparency" in turned.info:
        whole = turned.convert("RGBA")
        turned = Image.alpha_composite(Image.new("RGBA", whole.size, "white"), whole)
    try:
        return np.array(turned.convert("L"), dtype=np.uint8)
    except (ValueError, OSError) as error:
        raise InputError(f"{name}: expected a picture that can be made grey, came one of mode {turned.mode!r}: {error}") from None


def dark_on_white(grey: Grey) -> Grey:
    """The page, inverted where it shows white signs on black: there the paper is dark and thin strokes are lighter than it."""
    shrink = min(1.0, LOOK_PX / max(grey.shape))
    size = max(1, round(grey.shape[1] * shrink)), max(1, round(grey.shape[0] * shrink))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    if np.median(small) > DARK_PAPER:
        return grey
    upright = np.ones((STROKE_PX, 1), np.uint8)
    dark = cv2.morphologyEx(small, cv2.MORPH_BLACKHAT, upright).mean()
    light = cv2.morphologyEx(small, cv2.MORPH_TOPHAT, upright).mean()
    return np.asarray(255 - grey, dtype=np.uint8) if light > dark else grey
