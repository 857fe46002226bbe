"""Staves that the rest of their page tells of: its bend, and staves that are hardly seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from omr.layout.bend import PageBend, page_bend
from omr.layout.combs import stroke_cells
from omr.layout.frame import FRAME_INTERLINE, make_frame
from omr.layout.missed_staves import missed_heights
from omr.layout.page import layout_page
from omr.layout.spacing import line_spacings
from omr.layout.staff import Staff
from omr.layout.staves import find_staves

Draw = Callable[..., Any]
PIANO = ((150.0, 290.0), (480.0, 620.0), (800.0, 930.0))


def slope(x: NDArray[np.float64], y: float) -> NDArray[np.float64]:
    across, down = (x - 1000) / 900, (y - 800) / 700
    return np.asarray(0.02 + 0.03 * across - 0.02 * across**2 * down + 0.01 * down + 0.015 * across**3)


def bent_staff(height: float, *, spoilt: bool = False) -> Staff:
    """A staff that follows ``slope``; a spoilt one turns down at its left end."""
    x = np.arange(120.0, 1900.0, FRAME_INTERLINE)
    run = np.concatenate([[0.0], np.cumsum(np.diff(x) * slope((x[1:] + x[:-1]) / 2, height))])
    middle = height + run - run.mean() + np.where(spoilt, np.maximum(400 - x, 0.0) ** 2 / 2000, 0.0)
    return Staff(x, middle, np.full(len(x), float(FRAME_INTERLINE)), 5, 1.0, 0.0)


def assert_bend(bend: PageBend | None, *, within: float) -> None:
    assert bend is not None
    x = np.linspace(130.0, 1880.0, 50)
    for height in (300.0, 800.0, 1300.0):
        assert np.abs(bend.slope(x, np.full(50, height)) - slope(x, height)).max() < within
        run = np.concatenate([[0.0], np.cumsum(np.diff(x) * slope((x[1:] + x[:-1]) / 2, height))])
        assert np.abs(bend.course(x, height) - (run - run.mean())).max() < 500 * within


def test_the_bend_of_a_page_comes_from_its_staves() -> None:
    assert_bend(page_bend([bent_staff(height) for height in (200.0, 500.0, 800.0, 1100.0, 1400.0)]), within=2e-3)


def test_lines_part_where_the_lower_ones_fall_more_steeply() -> None:
    bend = page_bend([bent_staff(height) for height in (200.0, 500.0, 800.0, 1100.0, 1400.0)])
    assert bend is not None
    x = np.linspace(130.0, 1880.0, 200)
    for height in (300.0, 800.0, 1300.0):
        upper, lower = (height + np.cumsum(np.gradient(x) * slope(x, height + side)) + side for side in (-7.0, 7.0))
        wanted = (lower - upper) / np.exp(np.log(lower - upper).mean())
        assert wanted.max() / wanted.min() > 1.01
        assert np.abs(bend.widening(x, height) - wanted).max() < 2e-3
        course = bend.along(x, height)
        np.testing.assert_array_equal(course.widening, bend.widening(x, height))
        np.testing.assert_array_equal(course.run, bend.course(x, height))


def test_a_staff_that_went_astray_does_not_bend_the_page() -> None:
    staves = [bent_staff(height, spoilt=height == 500.0) for height in (200.0, 350.0, 500.0, 800.0, 950.0, 1100.0, 1400.0)]
    assert_bend(page_bend(staves), within=6e-3)


def test_two_staves_tell_nothing_of_a_page() -> None:
    assert page_bend([bent_staff(300.0), bent_staff(900.0)]) is None


def test_a_staff_that_was_missed_is_where_it_is_and_nowhere_else(drawn_page: Draw) -> None:
    page = drawn_page(PIANO, size=(1200, 1080))
    frame = make_frame(page.image, line_spacings(page.image)[0])
    teeth = stroke_cells(frame)
    assert teeth is not None
    staves = find_staves(frame)
    assert len(staves) == 6
    bend = page_bend(staves)
    assert bend is not None
    columns = np.flatnonzero((teeth.places >= staves[0].left) & (teeth.places <= staves[0].right))
    assert missed_heights(teeth, columns, float(FRAME_INTERLINE), staves, bend) == []
    for left_out in range(6):
        (height,) = missed_heights(teeth, columns, float(FRAME_INTERLINE), staves[:left_out] + staves[left_out + 1 :], bend)
        assert height == pytest.approx(float(staves[left_out].middle.mean()), abs=2)


def curl(points: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y = points[..., 0], points[..., 1]
    return np.stack([x, y + 12 * np.sin(x / 300 + 0.4) * (0.7 + y / 2000)], axis=-1)


@pytest.mark.parametrize(("broken", "kept"), [(slice(126, 1096), 24), (slice(126, 420), 12)])
def test_a_broken_staff_bends_as_its_page(drawn_page: Draw, bend: Draw, broken: slice, kept: int) -> None:
    page = drawn_page(PIANO, size=(1200, 1080))
    image = page.image.copy()
    part = image[440:530, broken]
    part[:, np.arange(part.shape[1]) % 32 >= kept] = 255
    layout = layout_page(bend(image, curl))
    assert [len(system.staves) for system in layout.systems] == [2, 2, 2]
    for number, middles in enumerate(page.systems):
        for lines, middle in zip(layout.staff_lines(number), middles, strict=True):
            wanted = middle + (np.arange(5) - 2) * page.interline_px
            assert np.abs(curl(lines)[..., 1] - wanted[:, None]).max() < 0.1 * page.interline_px
            assert np.abs(lines[2, [0, -1], 0] - (page.left, page.right)).max() < 0.5 * page.interline_px
