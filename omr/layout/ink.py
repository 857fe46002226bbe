"""Paper and ink: even light, black and white by Sauvola's threshold, and the ink of thin strokes.

Pages are grey, uint8, 0 black to 255 white. Ink is bool or a share 0 to 1.

Sources: J. Sauvola, M. Pietikäinen: "Adaptive document image binarization", Pattern Recognition 33 (2000), eq. 5; windows and k as
the field takes them for music. The closing that tells thin dark strokes from their ground is the black-hat of mathematical
morphology (J. Serra, 1982).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import percentile_filter

__all__ = ["Grey", "even_light", "grain", "sauvola", "thin_strokes"]

Grey = NDArray[np.uint8]

SAUVOLA_K = 0.2
SAUVOLA_RANGE = 128.0  # of the standard deviation in grey levels
PAPER_SHRINK = 8  # the ground of the paper changes slowly: it is looked for on a page this much smaller
NO_PAPER = 0.2  # of bright paper: what is darker lies beside the page and is made white
DARKEST_PAPER = 0.3  # of bright paper; what is darker is no paper, and its grain is not to be made strokes of
BRIGHT_PERCENT = 90
GRAIN_BLOCK_PX, GRAIN_BLOCKS = 8, 13  # grain is measured in blocks, and told by the quieter ones around
QUIET_PERCENT = 25


def even_light(grey: Grey, interline_px: int | float) -> Grey:
    """The page under even light: each pixel over the paper's brightness around it.

    The paper is what a closing by three spaces leaves, smoothed.

    Args:
        grey: The page, (height, width).
        interline_px: Distance of staff lines.
    """
    height, width = grey.shape
    small = cv2.resize(grey, (max(1, width // PAPER_SHRINK), max(1, height // PAPER_SHRINK)), interpolation=cv2.INTER_AREA)
    side = 2 * round(1.5 * interline_px / PAPER_SHRINK) + 3
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    paper = cv2.blur(paper, (side, side))
    bright = float(np.percentile(paper, BRIGHT_PERCENT))
    whole = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    even = cv2.divide(grey, np.maximum(whole, np.uint8(max(1.0, DARKEST_PAPER * bright))), scale=255.0)
    return np.where(whole < NO_PAPER * bright, np.uint8(255), even).astype(np.uint8, copy=False)


def sauvola(grey: Grey, window_px: int, k: float = SAUVOLA_K) -> NDArray[np.bool_]:
    """Where there is ink: darker than ``mean * (1 + k * (deviation / 128 - 1))`` of the window around.

    Args:
        grey: The page, (height, width).
        window_px: Side of the window, about three spaces.
        k: The higher, the less ink.
    """
    side = (window_px | 1, window_px | 1)
    pixels = grey.astype(np.float32)
    mean = cv2.boxFilter(pixels, cv2.CV_32F, side, borderType=cv2.BORDER_REPLICATE)
    square = cv2.sqrBoxFilter(pixels, cv2.CV_32F, side, borderType=cv2.BORDER_REPLICATE)
    deviation = np.sqrt(np.maximum(square - mean * mean, 0.0, out=square), out=square)
    deviation *= k / SAUVOLA_RANGE
    deviation += 1.0 - k
    deviation *= mean
    return np.less(pixels, deviation)


def thin_strokes(grey: Grey, thickest_px: int, *, upright: bool = False) -> Grey:
    """How much darker than their ground the strokes are that are at most ``thickest_px`` thick; others are 0.

    Args:
        grey: The page under even light, (height, width).
        thickest_px: Thickness of the thickest stroke that stays.
        upright: Whether upright strokes are meant, not level ones.
    """
    shape = (1, thickest_px + 1) if upright else (thickest_px + 1, 1)
    return cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, np.ones(shape, np.uint8)).astype(np.uint8, copy=False)


def grain(strokes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How strong strokes are about each pixel where nothing is drawn: in dark corners of photographs, once their light is raised.

    Args:
        strokes: Strength of strokes, (height, width).
    """
    height, width = strokes.shape
    size = max(1, width // GRAIN_BLOCK_PX), max(1, height // GRAIN_BLOCK_PX)
    blocks = cv2.resize(strokes.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    quiet = np.asarray(percentile_filter(blocks, QUIET_PERCENT, size=GRAIN_BLOCKS), dtype=np.float32)
    return np.asarray(cv2.resize(quiet, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
