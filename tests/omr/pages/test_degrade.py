"""Degradations: nothing at strength 0, the same for a seed, more at more strength; maps whose points follow the picture."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from corpora.errors import RequestError
from omr.pages import degrade
from omr.pages.point_maps import Chain, PointMap, curl, elastic, perspective, rotation, shift, warped
from omr.pages.recipes import LEVELS, _spoilt, degraded_page

Grey = NDArray[np.uint8]
SIZE = (400.0, 300.0)
SPOILERS: dict[str, Callable[[Grey, float, np.random.Generator], Grey]] = {
    "blur": lambda image, strength, rng: degrade.blur(image, strength),
    "low resolution": lambda image, strength, rng: degrade.low_resolution(image, 1 + 2 * strength),
    "jpeg": lambda image, strength, rng: degrade.jpeg(image, strength),
    "more ink": lambda image, strength, rng: degrade.ink(image, strength, rng),
    "less ink": lambda image, strength, rng: degrade.ink(image, -strength, rng),
    "broken lines": degrade.broken_lines,
    "specks": degrade.specks,
    "bleed": lambda image, strength, rng: degrade.bleed_through(image, image, strength),
    "fade": lambda image, strength, rng: degrade.faded(image, 80 * strength, 255 - 30 * strength),
    "texture": degrade.paper_texture,
    "shadow": degrade.shadow,
    "noise": lambda image, strength, rng: degrade.sensor_noise(image, 10 * strength, rng),
}
MAPS: dict[str, Callable[[np.random.Generator], PointMap]] = {
    "rotation": lambda rng: rotation(SIZE, 3.0),
    "perspective": lambda rng: perspective(SIZE, 0.08, rng),
    "curl": lambda rng: curl(SIZE, 0.05, rng),
    "elastic": lambda rng: elastic(SIZE, 5.0, 150.0, rng),
    "chain": lambda rng: Chain((elastic(SIZE, 4.0, 150.0, rng), curl(SIZE, 0.04, rng), rotation(SIZE, -2.0), shift(-3.5, 2.0))),
}


def _rng(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def staff() -> Grey:
    image = np.full((300, 400), 255, dtype=np.uint8)
    for row in range(60, 250, 12):
        image[row : row + 2, 20:380] = 0
    for column in range(40, 380, 30):
        cv2.circle(image, (column, 100), 6, 0, -1)
    return image


@pytest.mark.parametrize("name", SPOILERS)
def test_strength_nought_changes_nothing_and_more_changes_more(name: str, staff: Grey) -> None:
    spoil = SPOILERS[name]
    before = staff.copy()
    assert (spoil(staff, 0.0, _rng()) == staff).all()
    little, much = (np.abs(spoil(staff, strength, _rng()).astype(int) - staff).mean() for strength in (0.4, 1.0))
    assert 0 < little < much
    assert (spoil(staff, 0.7, _rng()) == spoil(staff, 0.7, _rng())).all()
    assert (staff == before).all()


def test_ink_grows_and_shrinks(staff: Grey) -> None:
    black = (staff < 128).sum()
    assert (degrade.ink(staff, 0.9, _rng()) < 128).sum() > black > (degrade.ink(staff, -0.9, _rng()) < 128).sum()


def test_broken_lines_leave_heads_alone(staff: Grey) -> None:
    broken = degrade.broken_lines(staff, 1.0, _rng(), 2)
    assert (broken[97:104, 39:42] < 60).all()
    lines = staff[150:] == 0
    assert 0.05 < (broken[150:][lines] > 128).mean() < 0.7


@pytest.mark.parametrize("name", MAPS)
def test_maps_invert(name: str) -> None:
    each = MAPS[name](_rng())
    points = _rng(1).uniform([0, 0], SIZE, (500, 2))
    assert np.abs(each.backward(each.forward(points)) - points).max() < 1e-3
    assert np.abs(each.forward(each.backward(points)) - points).max() < 1e-3
    assert np.abs(each.forward(points) - points).max() > 1.0


@pytest.mark.parametrize("name", MAPS)
def test_dots_of_the_picture_are_where_the_map_says(name: str) -> None:
    each = MAPS[name](_rng())
    dots = np.array([[x, y] for x in range(80, 360, 90) for y in range(70, 260, 60)], dtype=np.float64)
    image = np.full((int(SIZE[1]), int(SIZE[0])), 255, dtype=np.uint8)
    for x, y in dots.astype(int):
        image[y - 3 : y + 3, x - 3 : x + 3] = 0  # six pixels whose middle is the corner (x, y)
    picture = warped(image, each)
    for x, y in each.forward(dots):
        left, top = int(x) - 8, int(y) - 8
        if left < 0 or top < 0 or left + 16 > SIZE[0] or top + 16 > SIZE[1]:
            continue
        weight = 255.0 - picture[top : top + 16, left : left + 16]
        rows, columns = np.mgrid[0.5:16:1, 0.5:16:1]
        found = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum() + [left, top]
        assert np.abs(found - [x, y]).max() < 0.25


@pytest.mark.parametrize("level", LEVELS)
def test_levels_keep_points_and_are_seeded(level: str, staff: Grey) -> None:
    first, again = (degraded_page(staff, level, _rng(3)) for _ in range(2))
    assert (first.image == again.image).all()
    points = np.array([[20.0, 60.0], [380.0, 240.0]])
    assert np.abs(first.points.backward(first.points.forward(points)) - points).max() < 1e-3
    if level == "clean":
        assert (first.image == staff).all()


def test_levels_get_harder(staff: Grey) -> None:
    def change(level: str) -> float:
        """Mean change of the greys, bends apart."""
        changed = [_spoilt(staff, LEVELS[level], 12.0, _rng(seed)) for seed in range(12)]
        return float(np.mean([np.abs(image.astype(int) - staff).mean() for image in changed]))

    assert change("clean") == 0.0
    assert 0 < change("mild") < change("medium") < change("hard")
    bends = ("turn", "perspective", "curl", "elastic", "crop")
    easy, poor, worst = ([getattr(LEVELS[level], bend) for bend in bends] for level in ("mild", "medium", "hard"))
    assert all(one <= two <= three for one, two, three in zip(easy, poor, worst, strict=True))


def test_no_such_level(staff: Grey) -> None:
    with pytest.raises(RequestError, match="expected one of clean, mild, medium, hard, photo, got 'awful'"):
        degraded_page(staff, "awful", _rng())
