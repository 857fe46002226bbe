"""Degraded pages: recipes that join what bends a page and what spoils its greys, from clean to hard, and a phone's photo.

Levels: ``clean`` changes nothing; ``mild`` is a good scan, ``medium`` a poor one of an old print, ``hard`` a copy of a copy or a
page that lies badly; ``photo`` is taken by hand. Strengths are drawn anew for each picture. Sizes follow the page's staff space.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpora.errors import RequestError
from omr.pages import degrade
from omr.pages.point_maps import Chain, PointMap, curl, elastic, perspective, rotation, shift, warped

__all__ = ["LEVELS", "DegradedPage", "Recipe", "degraded_page"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The greatest strengths of a level; each is drawn between 0 and this.

    Args:
        turn: Degrees, to either side.
        perspective: Share of the page that corners move.
        curl: Share of the width that the page bends.
        elastic: Staff spaces that points move.
        crop: Share of the page cut at each edge.
        blur: Staff spaces.
        resolution: How many times fewer pixels.
        jpeg: See ``omr.pages.degrade``, as the following ones.
        ink: To either side.
        broken: Of lines.
        specks: Density.
        bleed: Of the other side.
        fade: Grey levels that ink and paper lose.
        texture: Of paper.
        shadow: Of light.
        noise: Grey levels.
    """

    turn: float = 0.0
    perspective: float = 0.0
    curl: float = 0.0
    elastic: float = 0.0
    crop: float = 0.0
    blur: float = 0.0
    resolution: float = 1.0
    jpeg: float = 0.0
    ink: float = 0.0
    broken: float = 0.0
    specks: float = 0.0
    bleed: float = 0.0
    fade: float = 0.0
    texture: float = 0.0
    shadow: float = 0.0
    noise: float = 0.0


LEVELS: Mapping[str, Recipe] = {
    "clean": Recipe(),
    "mild": Recipe(
        turn=0.6,
        elastic=0.05,
        blur=0.06,
        resolution=1.2,
        jpeg=0.35,
        ink=0.35,
        specks=0.03,
        fade=40.0,
        texture=0.25,
        shadow=0.1,
        noise=4.0,
    ),
    "medium": Recipe(
        turn=1.5,
        curl=0.006,
        elastic=0.15,
        crop=0.01,
        blur=0.09,
        resolution=1.6,
        jpeg=0.6,
        ink=0.7,
        broken=0.5,
        specks=0.12,
        bleed=0.35,
        fade=70.0,
        texture=0.6,
        shadow=0.3,
        noise=8.0,
    ),
    "hard": Recipe(
        turn=3.0,
        perspective=0.03,
        curl=0.02,
        elastic=0.3,
        crop=0.02,
        blur=0.13,
        resolution=2.2,
        jpeg=0.85,
        ink=1.0,
        broken=0.9,
        specks=0.35,
        bleed=0.7,
        fade=100.0,
        texture=1.0,
        shadow=0.6,
        noise=14.0,
    ),
    "photo": Recipe(
        turn=3.0,
        perspective=0.06,
        curl=0.035,
        elastic=0.3,
        blur=0.1,
        resolution=1.5,
        jpeg=0.6,
        fade=60.0,
        texture=0.5,
        shadow=0.9,
        noise=10.0,
    ),
}
ELASTIC_WAVE = 25.0  # staff spaces
FADED_INK = 0.6  # of the greatest strength: fainter ones lose all thin lines
LINE_SHARE = 0.15  # of a staff space: thickness of staff lines


@dataclass(frozen=True, eq=False)
class DegradedPage:
    """A degraded picture, grey, and where the page's points went."""

    image: NDArray[np.uint8]
    points: PointMap


def _recipe(level: str) -> Recipe:
    if level not in LEVELS:
        raise RequestError(f"level of degradation: expected one of {', '.join(LEVELS)}, got {level!r}")
    return LEVELS[level]


def _spoilt(image: NDArray[np.uint8], recipe: Recipe, unit: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """First what happened to the print, then to the paper, then in the camera."""
    line_px = max(1, round(LINE_SHARE * unit))
    image = degrade.broken_lines(image, rng.uniform(0, recipe.broken), rng, line_px)
    image = degrade.ink(image, rng.uniform(-FADED_INK * recipe.ink, recipe.ink), rng, 5 * unit)
    image = degrade.specks(image, rng.uniform(0, recipe.specks), rng, 0.12 * unit)
    image = degrade.faded(image, rng.uniform(0, recipe.fade), 255 - rng.uniform(0, recipe.fade / 2))
    image = degrade.bleed_through(image, image[::-1], rng.uniform(0, recipe.bleed))
    image = degrade.paper_texture(image, rng.uniform(0, recipe.texture), rng)
    image = degrade.blur(image, rng.uniform(0, recipe.blur) * unit)
    image = degrade.low_resolution(image, rng.uniform(1, recipe.resolution))
    image = degrade.shadow(image, rng.uniform(0, recipe.shadow), rng)
    image = degrade.sensor_noise(image, rng.uniform(0, recipe.noise), rng)
    return degrade.jpeg(image, rng.uniform(0, recipe.jpeg))


def degraded_page(image: NDArray[np.uint8], level: str, rng: np.random.Generator, interline_px: float = 12.0) -> DegradedPage:
    """A page as it may come to a reader.

    Args:
        image: Clean page, grey, shape (height, width).
        level: In ``LEVELS``.
        rng: Source of all that is drawn.
        interline_px: Staff space of the page.

    Raises:
        RequestError: No such level.
    """
    recipe = _recipe(level)
    height, width = image.shape
    size = (float(width), float(height))
    maps: list[PointMap] = []
    if recipe.elastic:
        maps.append(elastic(size, rng.uniform(0, recipe.elastic) * interline_px, ELASTIC_WAVE * interline_px, rng))
    if recipe.curl:
        maps.append(curl(size, rng.uniform(0, recipe.curl), rng))
    if recipe.perspective:
        maps.append(perspective(size, rng.uniform(0, recipe.perspective), rng))
    if recipe.turn:
        maps.append(rotation(size, rng.uniform(-recipe.turn, recipe.turn)))
    cut = rng.uniform(0, recipe.crop, 4) * np.array([width, height, width, height])
    if recipe.crop:
        maps.append(shift(-float(cut[0]), -float(cut[1])))
    points = Chain(tuple(maps))
    if maps:
        image = warped(image, points, (round(width - cut[0] - cut[2]), round(height - cut[1] - cut[3])))
    return DegradedPage(_spoilt(image, recipe, interline_px, rng), points)
