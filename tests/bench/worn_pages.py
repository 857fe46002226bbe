"""Pages made worse in ways that are known, for measuring the layout: `wear(page, level, rng)` gives the picture and the way there.

Levels: clean, mild, medium and hard are scans (turned, blurred, worn, darkened, packed as JPEG, at a lower resolution), photo is a
page on a desk, seen from aside, bent, in uneven light.

Points are (x, y) pixels; whole numbers are the upper left corners of pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

LEVELS = ("clean", "mild", "medium", "hard", "photo")
Grey = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Wear:
    turn_degrees: float = 0.0
    perspective: float = 0.0  # of the page's sides
    curl: float = 0.0  # interlines
    blur: float = 0.0  # interlines, standard deviation
    ink: float = 0.0  # threshold shift of worn (> 0) and fat (< 0) ink, interlines
    breaks: float = 0.0  # share of ink lost in spots
    specks: int = 0  # to a million pixels
    shadow: float = 0.0  # share of light lost in the darkest place
    bleed: float = 0.0  # how strong the back of the leaf is seen
    noise: float = 0.0  # grey levels
    jpeg: int = 100
    least_interline_px: float = 12.0
    most_interline_px: float = 24.0
    desk: float = 0.0  # margin of desk around, of the page


WEARS = {
    "clean": Wear(),
    "mild": Wear(turn_degrees=1.0, blur=0.05, ink=0.02, breaks=0.01, specks=5, shadow=0.05, noise=4, jpeg=80),
    "medium": Wear(
        turn_degrees=2.0, perspective=0.02, curl=0.4, blur=0.08, ink=0.04, breaks=0.05, specks=20, shadow=0.2, bleed=0.1, noise=8,
        jpeg=60, least_interline_px=10.0,
    ),
    "hard": Wear(
        turn_degrees=3.0, perspective=0.05, curl=1.0, blur=0.12, ink=0.06, breaks=0.15, specks=60, shadow=0.4, bleed=0.25, noise=14,
        jpeg=35, least_interline_px=7.0, most_interline_px=20.0,
    ),
    "photo": Wear(
        turn_degrees=3.0, perspective=0.08, curl=2.0, blur=0.1, ink=0.03, breaks=0.03, specks=5, shadow=0.6, bleed=0.1, noise=10,
        jpeg=50, least_interline_px=8.0, most_interline_px=24.0, desk=0.06,
    ),
}  # fmt: skip


def wear(page: Grey, interline_px: float, level: str, rng: np.random.Generator) -> tuple[Grey, Callable[[Points], Points], float]:
    """The page made worse, where its points went, and its interline there on average."""
    most = WEARS[level]
    if level == "clean":
        return page, lambda points: points, interline_px
    wanted = float(rng.uniform(most.least_interline_px, most.most_interline_px))
    inked = _ink(page, interline_px, most, rng)
    scale = min(1.0, wanted / interline_px)
    height, width = round(page.shape[0] * scale), round(page.shape[1] * scale)
    small = cv2.resize(inked, (width, height), interpolation=cv2.INTER_AREA)
    space = interline_px * scale
    margin = most.desk * max(width, height)
    size = (round(width + 2 * margin), round(height + 2 * margin))
    back = _field(width, height, margin, space, most, rng)
    grid = np.stack(np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5), axis=-1)
    source = (back(grid) - 0.5).astype(np.float32)
    desk = int(rng.integers(30, 110)) if most.desk else 255
    bent = cv2.remap(
        small, np.ascontiguousarray(source[..., 0]), np.ascontiguousarray(source[..., 1]), cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT, borderValue=desk,
    ).astype(np.float32)  # fmt: skip
    worn = _lit(bent, space, most, rng)
    factors = np.array([width / page.shape[1], height / page.shape[0]])

    def there(points: Points) -> Points:
        wanted_points = points * factors
        found = wanted_points + margin
        for _ in range(30):
            found = found + (wanted_points - back(found))
        return found

    return worn, there, space


def _ink(page: Grey, space: float, most: Wear, rng: np.random.Generator) -> Grey:
    """Ink thinner or fatter, lost in spots, with specks and the back of the leaf."""
    image = page.astype(np.float32)
    shift = rng.uniform(-most.ink, most.ink) * space
    if abs(shift) > 0.15:
        side = max(2, round(abs(shift) * 2))
        image = (cv2.dilate if shift > 0 else cv2.erode)(image, np.ones((side, side), np.uint8)) * 0.5 + image * 0.5
    if most.breaks:
        rough = cv2.resize(
            rng.random((page.shape[0] // 6 + 1, page.shape[1] // 6 + 1), dtype=np.float32),
            page.shape[::-1],
            interpolation=cv2.INTER_CUBIC,
        )
        image = np.where(rough < np.quantile(rough[::8, ::8], most.breaks * rng.random()), 255 - (255 - image) * 0.15, image)
    if most.bleed:
        ghost = cv2.GaussianBlur(image[:, ::-1].astype(np.float32), (0, 0), 0.15 * space)
        image = np.minimum(image, 255 - (255 - ghost) * most.bleed * rng.random())
    for _ in range(int(most.specks * page.size / 1e6)):
        x, y = int(rng.integers(page.shape[1])), int(rng.integers(page.shape[0]))
        cv2.circle(image, (x, y), int(rng.integers(1, max(2, round(0.15 * space)))), float(rng.choice([0.0, 255.0])), -1)
    return image.clip(0, 255).astype(np.uint8)


def _field(
    width: int, height: int, margin: float, space: float, most: Wear, rng: np.random.Generator
) -> Callable[[Points], Points]:
    """From worn points to those of the flat page."""
    angle = np.radians(rng.uniform(-most.turn_degrees, most.turn_degrees))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    moved = corners + rng.uniform(-1, 1, (4, 2)) * most.perspective / 2 * np.array([width, height])
    matrix = cv2.getPerspectiveTransform((corners + margin).astype(np.float32), moved.astype(np.float32))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([width / 2 + margin, height / 2 + margin])
    waves = [(rng.uniform(0.6, 1.6) * np.pi / width, rng.uniform(0, 2 * np.pi), rng.uniform(-1, 1) / height) for _ in range(2)]
    swing = most.curl * space * rng.uniform(0.3, 1.0)

    def back(points: Points) -> Points:
        turned = (points - centre) @ turn.T + centre
        whole = np.concatenate([turned, np.ones((*turned.shape[:-1], 1))], axis=-1) @ matrix.T
        flat = whole[..., :2] / whole[..., 2:]
        x, y = flat[..., 0], flat[..., 1]
        down = sum(np.sin(rate * x + phase) * (1 + lean * y) for rate, phase, lean in waves)
        return np.stack([x, y + swing * down], axis=-1)

    return back


def _lit(image: NDArray[np.float32], space: float, most: Wear, rng: np.random.Generator) -> Grey:
    """Light, blur, grain and JPEG."""
    height, width = image.shape
    blur = most.blur * space * rng.uniform(0.4, 1.0)
    image = cv2.GaussianBlur(image, (0, 0), max(blur, 0.2)).astype(np.float32)
    if most.shadow:
        light = cv2.resize(rng.random((3, 3), dtype=np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        image = image * (1 - most.shadow * rng.random() * light.clip(0, 1))
    image = image + rng.normal(0, most.noise * rng.random(), image.shape)
    packed = cv2.imencode(".jpg", image.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, most.jpeg])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
