"""Makes a straight strip look as if it had been printed, scanned or photographed: what is left to see after straightening.

Every function takes and gives ink (float32, 0 white to 1 black) and draws from the generator it is given. Bent, shadowed, stained
pages are in ``omr.pages``; layout takes most of that away.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["vary_ink"]

Ink = NDArray[np.float32]
CLEAN_SHARE = 0.3  # of the strips stay as they are
MAX_BLUR_PX = 1.1
NOISE = 0.12


def vary_ink(ink: Ink, rng: np.random.Generator) -> Ink:
    """A strip as another printer, lens and file would have it."""
    if rng.random() < CLEAN_SHARE:
        return ink
    steps = (_coarser, _spread, _blurred, _uneven, _stained, _noisy, _compressed)
    chances = (0.3, 0.4, 0.5, 0.5, 0.25, 0.4, 0.3)
    for step, chance in zip(steps, chances, strict=True):
        if rng.random() < chance:
            ink = step(ink, rng)
    return np.clip(ink, 0.0, 1.0).astype(np.float32)


def _coarser(ink: Ink, rng: np.random.Generator) -> Ink:
    """Through a lower resolution and back."""
    share = rng.uniform(0.55, 0.9)
    height, width = ink.shape
    small = cv2.resize(ink, (max(int(width * share), 8), max(int(height * share), 8)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _spread(ink: Ink, rng: np.random.Generator) -> Ink:
    """Ink that runs, or is thin: part of the way to a dilation or erosion by one pixel."""
    share = np.float32(rng.uniform(0.2, 0.9))
    kernel = np.ones((3, 3) if rng.random() < 0.4 else (2, 2), dtype=np.uint8)
    changed = cv2.dilate(ink, kernel) if rng.random() < 0.6 else cv2.erode(ink, kernel)
    return np.asarray(ink + share * (changed - ink), dtype=np.float32)


def _blurred(ink: Ink, rng: np.random.Generator) -> Ink:
    sigma = rng.uniform(0.3, MAX_BLUR_PX)
    return np.asarray(cv2.GaussianBlur(ink, (0, 0), sigma, sigmaY=sigma * rng.uniform(0.7, 1.3)), dtype=np.float32)


def _uneven(ink: Ink, rng: np.random.Generator) -> Ink:
    """Pale ink, grey paper, and light that changes over the strip."""
    height, width = ink.shape
    light = cv2.resize(rng.uniform(0.0, 0.25, (2, 4)).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    black = np.float32(rng.uniform(0.55, 1.0))
    return np.asarray(light + (black - light) * ink ** np.float32(rng.uniform(0.7, 1.4)), dtype=np.float32)


def _stained(ink: Ink, rng: np.random.Generator) -> Ink:
    """Specks of ink, and specks without."""
    out = ink.copy()
    height, width = ink.shape
    for _ in range(int(rng.integers(3, 40))):
        middle = int(rng.integers(width)), int(rng.integers(height))
        colour = float(rng.uniform(0.5, 1.0)) if rng.random() < 0.6 else 0.0
        cv2.circle(out, middle, int(rng.integers(0, 2)), colour, -1)
    return out


def _noisy(ink: Ink, rng: np.random.Generator) -> Ink:
    return np.asarray(ink + rng.normal(0.0, rng.uniform(0.01, NOISE), ink.shape), dtype=np.float32)


def _compressed(ink: Ink, rng: np.random.Generator) -> Ink:
    quality = int(rng.integers(25, 85))
    grey = np.clip(255.0 * (1.0 - ink), 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])
    back = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    assert back is not None
    return np.asarray(1.0 - back.astype(np.float32) / 255.0, dtype=np.float32)
