"""What printing, time, scanners and cameras do to a page's greys: one pure function each, with a strength.

Conventions: pictures are grey uint8, 0 black, shape (height, width); a strength of 0 changes nothing. Lengths are in pixels.
What is random comes from the generator that is handed in.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "bleed_through",
    "blur",
    "broken_lines",
    "faded",
    "ink",
    "jpeg",
    "low_resolution",
    "paper_texture",
    "sensor_noise",
    "shadow",
    "specks",
]

Grey = NDArray[np.uint8]
Field = NDArray[np.float32]
SHADOW_PX = 8  # distance of the points at which shadows are computed
BEST_QUALITY, WORST_QUALITY = 95, 15


def _grey(values: NDArray[np.float32]) -> Grey:
    values = values + np.float32(0.5)
    return np.asarray(np.clip(values, 0, 255, out=values).astype(np.uint8))


def _clouds(shape: tuple[int, int], wave_px: float, rng: np.random.Generator) -> Field:
    """Smooth random values of about -1 to 1 over waves of some length."""
    rows, columns = (max(2, round(length / wave_px) + 2) for length in shape)
    coarse = rng.uniform(-1.0, 1.0, (rows, columns)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def blur(image: Grey, sigma_px: float) -> Grey:
    """Out of focus: a Gaussian."""
    return image if sigma_px <= 0 else np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), dtype=np.uint8)


def low_resolution(image: Grey, factor: float) -> Grey:
    """Scanned at ``1 / factor`` of the resolution and enlarged again; 1 changes nothing."""
    if factor <= 1:
        return image
    height, width = image.shape
    small = cv2.resize(image, (max(1, round(width / factor)), max(1, round(height / factor))), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def jpeg(image: Grey, strength: float) -> Grey:
    """Compressed by JPEG, from quality 95 (above 0) to 15 (1)."""
    if strength <= 0:
        return image
    quality = round(BEST_QUALITY + (WORST_QUALITY - BEST_QUALITY) * min(strength, 1.0))
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)


def ink(image: Grey, strength: float, rng: np.random.Generator, wave_px: float = 60.0) -> Grey:
    """Too much ink (up to 1) or too little (down to -1), unevenly over the page; a full pixel at each edge of a line at most."""
    if strength == 0:
        return image
    kernel = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    other = cv2.erode(image, kernel) if strength > 0 else cv2.dilate(image, kernel)  # erosion of white is growth of black
    share = np.clip(abs(strength) * (1.0 + 0.5 * _clouds((image.shape[0], image.shape[1]), wave_px, rng)), 0.0, 1.0)
    return _grey(image + (other.astype(np.float32) - image) * share)


def broken_lines(image: Grey, strength: float, rng: np.random.Generator, line_px: int = 2) -> Grey:
    """Thin horizontal lines fade out for short stretches: at strength 1 over a third of their length.

    Args:
        image: The page.
        strength: 0 to 1.
        rng: Source of the places.
        line_px: Thickness of staff lines at most.
    """
    if strength <= 0:
        return image
    upright = cv2.getStructuringElement(cv2.MORPH_RECT, (1, line_px + 2))
    without = cv2.morphologyEx(image, cv2.MORPH_CLOSE, upright)  # what is thicker than a line stays
    clouds = _clouds((image.shape[0], image.shape[1]), 9.0 * line_px, rng)
    gone = np.clip((clouds - (1.0 - 0.75 * strength)) * 6.0, 0.0, 1.0)
    return _grey(image + (without.astype(np.float32) - image) * gone)


def specks(image: Grey, strength: float, rng: np.random.Generator, size_px: float = 1.5) -> Grey:
    """Dirt and holes in the print: at strength 1 one for each square of 20 pixels, of up to ``size_px`` radius and a few larger."""
    if strength <= 0:
        return image
    height, width = image.shape
    count = int(rng.poisson(strength * height * width / 400))
    out = image.copy()
    for x, y, radius, is_dark in zip(
        rng.integers(0, width, count),
        rng.integers(0, height, count),
        rng.exponential(size_px / 2, count),
        rng.random(count) < 0.6,
        strict=True,
    ):
        grey = int(rng.integers(20, 140)) if is_dark else 255
        cv2.circle(out, (int(x), int(y)), min(int(radius), 4), grey, thickness=-1)
    return out


def bleed_through(image: Grey, back: Grey, strength: float) -> Grey:
    """The print of the other side shines through, mirrored and soft: at strength 1 with 40 % of its blackness.

    Args:
        image: The page.
        back: The other side, of any size.
        strength: 0 to 1.
    """
    if strength <= 0:
        return image
    mirrored = cv2.resize(cv2.flip(back, 1), (image.shape[1], image.shape[0]), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(mirrored, (0, 0), 1.2).astype(np.float32)
    return _grey(image * (1.0 - 0.4 * strength * (1.0 - soft / 255.0)))


def faded(image: Grey, ink_grey: float, paper_grey: float) -> Grey:
    """Black becomes ``ink_grey`` and white ``paper_grey``; 0 and 255 change nothing."""
    return _grey(ink_grey + image.astype(np.float32) * (paper_grey - ink_grey) / 255.0)


def paper_texture(image: Grey, strength: float, rng: np.random.Generator) -> Grey:
    """Stains and fibres: at strength 1 the paper's grey goes down by up to a third."""
    if strength <= 0:
        return image
    shape = (image.shape[0], image.shape[1])
    dark = rng.standard_normal(shape, dtype=np.float32)  # fine grain
    dark *= np.float32(0.02)
    dark += np.float32(0.12) + np.float32(0.14) * _clouds(shape, 150.0, rng)
    dark += np.float32(0.04) * _clouds(shape, 4.0, rng)
    np.clip(dark, 0.0, 0.34, out=dark)
    dark *= np.float32(-strength)
    dark += np.float32(1.0)
    dark *= image
    return _grey(dark)


def shadow(image: Grey, strength: float, rng: np.random.Generator) -> Grey:
    """Light that falls off to one side and the soft edge of a shadow; at strength 1 down to a quarter of the light."""
    if strength <= 0:
        return image
    height, width = image.shape
    angle, edge, softness = rng.uniform(0, 2 * np.pi), rng.uniform(-0.4, 0.4), rng.uniform(8.0, 30.0)
    rows, columns = (max(2, length // SHADOW_PX) for length in (height, width))
    y, x = np.mgrid[-1.0 : 1.0 : rows * 1j, -1.0 : 1.0 : columns * 1j]
    across = (np.cos(angle) * x + np.sin(angle) * y) / np.sqrt(2)
    slope = 0.25 * (across + 1.0)
    cast = rng.uniform(0.0, 0.5) / (1.0 + np.exp(-(across - edge) * softness))
    light = (1.0 - strength * np.clip(slope + cast, 0.0, 0.75)).astype(np.float32)
    return _grey(np.asarray(cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR) * image, dtype=np.float32))


def sensor_noise(image: Grey, sigma: float, rng: np.random.Generator) -> Grey:
    """Noise of a camera, in grey levels."""
    if sigma <= 0:
        return image
    return _grey(image + np.float32(sigma) * rng.standard_normal(image.shape, dtype=np.float32))
