"""Synthetic pages with known staves: `drawn_page` draws them, `warped` bends them by a smooth field that is known both ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

WHITE = 255
SUPER = 4  # pages are drawn so many times larger and shrunk, so that lines lie at any fraction of a pixel


@dataclass(frozen=True)
class DrawnPage:
    image: NDArray[np.uint8]
    interline_px: float
    systems: tuple[tuple[float, ...], ...]  # y of the middle line of each staff, upper left corners are whole
    left: float
    right: float


def draw(
    systems: tuple[tuple[float, ...], ...],
    *,
    interline_px: float = 16.0,
    size: tuple[int, int] = (1200, 1000),
    left: float = 120.0,
    right: float = 1100.0,
    thickness_px: float = 2.0,
    seed: int = 3,
    music: bool = True,
    between_bars: bool = True,
) -> DrawnPage:
    """A page, (width, height) in ``size``, with bars, heads, stems and beams at random places."""
    big = np.full((size[1] * SUPER, size[0] * SUPER), WHITE, dtype=np.uint8)
    rng = np.random.default_rng(seed)

    def box(x0: float, y0: float, x1: float, y1: float) -> None:
        cv2.rectangle(big, (round(x0 * SUPER), round(y0 * SUPER)), (round(x1 * SUPER) - 1, round(y1 * SUPER) - 1), 0, -1)

    half = thickness_px / 2
    for staves in systems:
        for middle in staves:
            for line in range(-2, 3):
                y = middle + line * interline_px
                box(left, y - half, right, y + half)
            if music:
                draw_music(big, rng, middle, interline_px, left, right, box)
        top, bottom = staves[0] - 2 * interline_px, staves[-1] + 2 * interline_px
        for x in (left, *np.linspace(left, right, 5)[1:-1], right - 2) if between_bars else ():
            if len(staves) > 1 or x != left:
                box(x, top, x + 2, bottom)
    small = cv2.resize(big, size, interpolation=cv2.INTER_AREA)
    return DrawnPage(small.astype(np.uint8), interline_px, systems, left, right)


def draw_music(
    big: NDArray[np.uint8],
    rng: np.random.Generator,
    middle: float,
    interline_px: float,
    left: float,
    right: float,
    box: Callable[[float, float, float, float], None],
) -> None:
    """Groups of four beamed heads."""
    for start in np.arange(left + 3 * interline_px, right - 9 * interline_px, 9 * interline_px):
        steps = rng.integers(-5, 6, 4)
        beam = middle + (min(steps) / 2 - 3.5) * interline_px
        xs = start + np.arange(4) * 2 * interline_px
        for x, step in zip(xs, steps, strict=True):
            y = middle + step / 2 * interline_px
            centre = (round(x * SUPER), round(y * SUPER))
            cv2.ellipse(big, centre, (round(0.6 * interline_px * SUPER), round(0.45 * interline_px * SUPER)), -20, 0, 360, 0, -1)
            box(x + 0.5 * interline_px, beam, x + 0.5 * interline_px + 2, y)
        box(xs[0] + 0.5 * interline_px, beam, xs[-1] + 0.5 * interline_px + 2, beam + 0.5 * interline_px)


@pytest.fixture
def drawn_page() -> Callable[..., DrawnPage]:
    return draw


Points = NDArray[np.float64]
Warp = Callable[[Points], Points]


def warped(image: NDArray[np.uint8], to_flat: Warp) -> NDArray[np.uint8]:
    """The page whose point ``p`` shows the flat page's point ``to_flat(p)``; points are (..., 2), corners are whole."""
    height, width = image.shape
    points = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)
    source = (to_flat(points) - 0.5).astype(np.float32)
    bent = cv2.remap(
        image,
        np.ascontiguousarray(source[..., 0]),
        np.ascontiguousarray(source[..., 1]),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=WHITE,
    )
    return bent.astype(np.uint8)


@pytest.fixture
def bend() -> Callable[[NDArray[np.uint8], Warp], NDArray[np.uint8]]:
    return warped
