"""Staves, systems and strips of drawn pages, flat and bent; pages without staves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from corpora.errors import RequestError
from omr.layout.page import layout_page, system_strips
from omr.signs import Brace, empty_signs

Draw = Callable[..., Any]
Points = NDArray[np.float64]
PIANO = ((150.0, 290.0), (480.0, 620.0), (800.0, 930.0))


def rotation(degrees: float) -> Callable[[Points], Points]:
    turn = np.radians(degrees)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    centre = np.array([600.0, 500.0])
    return lambda points: (points - centre) @ matrix.T + centre


def curl(points: Points) -> Points:
    x, y = points[..., 0], points[..., 1]
    return np.stack([x + 6 * np.sin(y / 300), y + 14 * np.sin(x / 260 + 0.4) + 5 * np.cos(x / 120) * y / 1000], axis=-1)


def perspective(points: Points) -> Points:
    given = np.array([[0, 0], [1200, 0], [1200, 1000], [0, 1000]], dtype=np.float32)
    seen = np.array([[-40, -20], [1230, 10], [1170, 1010], [30, 980]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(given, seen)
    whole = np.concatenate([points, np.ones((*points.shape[:-1], 1))], axis=-1) @ matrix.T
    return whole[..., :2] / whole[..., 2:]


WARPS: dict[str, Callable[[Points], Points]] = {
    "flat": lambda points: points,
    "turned by 2 degrees": rotation(2.0),
    "turned by -3 degrees": rotation(-3.0),
    "turned by 9 degrees": rotation(9.0),
    "curled": curl,
    "in perspective": perspective,
    "curled and in perspective": lambda points: curl(perspective(points)),
}


@pytest.mark.parametrize("warp", WARPS.values(), ids=WARPS.keys())
def test_staff_lines_are_where_they_were_drawn(drawn_page: Draw, bend: Draw, warp: Callable[[Points], Points]) -> None:
    page = drawn_page(PIANO, size=(1200, 1080))
    layout = layout_page(bend(page.image, warp))
    assert [len(system.staves) for system in layout.systems] == [2, 2, 2]
    for number, middles in enumerate(page.systems):
        for lines, middle in zip(layout.staff_lines(number), middles, strict=True):
            flat = warp(lines)
            wanted = middle + (np.arange(5) - 2) * page.interline_px
            assert np.abs(flat[..., 1] - wanted[:, None]).max() < 0.1 * page.interline_px
            assert np.abs(flat[2, 0, 0] - page.left) < 0.25 * page.interline_px
            assert np.abs(flat[2, -1, 0] - page.right) < 0.25 * page.interline_px


@pytest.mark.parametrize("warp", WARPS.values(), ids=WARPS.keys())
def test_the_way_back_to_the_page_is_true_to_a_pixel(drawn_page: Draw, bend: Draw, warp: Callable[[Points], Points]) -> None:
    """Dots that are found in the strip and taken back to the page lie where the warp put them."""
    page = drawn_page(((300.0, 460.0),), size=(1200, 760), music=False)
    flat = page.image.copy()
    dots = [(x, y) for x in (200, 445, 690, 1015) for y in (225, 292, 380, 468, 555)]
    for x, y in dots:
        cv2.circle(flat, (x * 16, y * 16), 4 * 16, 0, -1, shift=4)  # centres of cv2 are pixel centres: half a pixel on
    bent = bend(flat, warp)
    (strip,) = system_strips(bent, interline_px=24)
    plain = system_strips(bend(page.image, warp), interline_px=24)[0]
    assert abs(plain.image.shape[0] - strip.image.shape[0]) <= 1
    count, _, boxes, centres = cv2.connectedComponentsWithStats((strip.image < 128).astype(np.uint8), connectivity=8)
    round_ones = [
        centre + 0.5
        for box, centre in zip(boxes[1:count].tolist(), centres[1:count], strict=True)
        if 7 <= box[2] <= 17 and 7 <= box[3] <= 17 and box[4] > 50
    ]
    alone = [dot for dot in dots if all(abs(dot[1] - middle - line * 16) > 6 for middle in (300, 460) for line in range(-2, 3))]
    assert len(alone) >= 12
    back = warp(strip.to_page(np.array(round_ones)[:, 0], np.array(round_ones)[:, 1]))
    for x, y in alone:
        nearest = np.hypot(back[:, 0] - x - 0.5, back[:, 1] - y - 0.5).min()
        assert nearest < 1.0, (x, y, nearest)


@pytest.mark.parametrize("warp", WARPS.values(), ids=WARPS.keys())
def test_strips_are_straight_and_level(drawn_page: Draw, bend: Draw, warp: Callable[[Points], Points]) -> None:
    page = drawn_page(PIANO, size=(1200, 1080), music=False)
    strips = system_strips(bend(page.image, warp))
    for strip, middles in zip(strips, page.systems, strict=True):
        assert strip.interline_px == 12
        assert strip.middle_lines[1] == pytest.approx((middles[1] - middles[0]) / page.interline_px, rel=0.06)
        assert strip.width == pytest.approx((page.right - page.left) / page.interline_px, rel=0.06)
        dark = 255.0 - strip.image
        left, right = round(strip.origin_px[0] + 14), round(strip.origin_px[0] + (strip.width - 1) * 12)
        for middle in strip.middle_lines.tolist():
            for line in range(-2, 3):
                row = strip.origin_px[1] + (middle + line) * 12
                rows = np.arange(round(row) - 4, round(row) + 4)
                window = dark[rows, left:right]
                window = window[:, window.sum(axis=0) < 1.2 * np.median(window.sum(axis=0))]  # without bar lines
                centres = ((rows + 0.5)[:, None] * window).sum(axis=0) / window.sum(axis=0)
                assert np.abs(centres - row).max() < 0.8


def test_corners_are_the_grid_of_the_contract(drawn_page: Draw) -> None:
    page = drawn_page(((300.0, 460.0),), size=(1200, 760))
    (strip,) = system_strips(page.image, page=4)
    assert strip.corners.shape[0] == 10
    assert (strip.page, strip.number) == (4, 0)
    np.testing.assert_allclose(strip.corners[:, 0, 0], page.left, atol=2)
    np.testing.assert_allclose(strip.corners[:, -1, 0], page.right, atol=2)
    np.testing.assert_allclose(strip.corners[:5, 3, 1], 300 + 16 * (np.arange(5) - 2), atol=0.5)
    np.testing.assert_allclose(np.diff(strip.corners[0, :, 0], n=2), 0, atol=0.5)
    seen = strip.seen(empty_signs())
    assert seen.staves == 2
    assert seen.corners is strip.corners
    assert strip.image.dtype == np.uint8


def test_margins_end_half_way_to_the_neighbours(drawn_page: Draw) -> None:
    page = drawn_page(((200.0,), (340.0,), (700.0,)), size=(1200, 1000))
    first, second, third = system_strips(page.image)
    half = (340 - 200 - 4 * 16) / 16 / 2  # spaces
    assert first.origin_px[1] == pytest.approx((6 + 2) * 12)
    assert first.image.shape[0] == pytest.approx((6 + 4 + half) * 12, abs=2)
    assert second.origin_px[1] == pytest.approx((half + 2) * 12, abs=2)
    assert second.image.shape[0] == pytest.approx((half + 4 + 6) * 12, abs=2)
    assert third.image.shape[0] == pytest.approx((6 + 4 + 6) * 12, abs=2)


@pytest.mark.parametrize(("scale", "thickness"), [(0.45, 2.0), (1.0, 1.0), (2.5, 2.0), (4.0, 3.0)])
def test_sizes(drawn_page: Draw, scale: float, thickness: float) -> None:
    page = drawn_page(PIANO, size=(1200, 1080), thickness_px=thickness)
    size = (round(1200 * scale), round(1080 * scale))
    image = cv2.resize(page.image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC).astype(np.uint8)
    layout = layout_page(image)
    assert [len(system.staves) for system in layout.systems] == [2, 2, 2]
    for number, middles in enumerate(page.systems):
        for lines, middle in zip(layout.staff_lines(number), middles, strict=True):
            assert np.abs(lines[2, :, 1] / scale - middle).max() < 0.1 * page.interline_px


def test_staves_of_different_lengths_and_sides(drawn_page: Draw) -> None:
    page = drawn_page(((150.0,), (350.0,)), size=(1200, 500), left=120, right=500, between_bars=False)
    other = drawn_page(((150.0,), (350.0,)), size=(1200, 500), left=640, right=1100, between_bars=False)
    layout = layout_page(np.minimum(page.image, other.image))
    assert len(layout.systems) == 4
    lefts = sorted(round(lines[0][2, 0, 0]) for lines in map(layout.staff_lines, range(4)))
    np.testing.assert_allclose(lefts, [120, 120, 640, 640], atol=4)


def test_a_left_line_joins_and_a_stem_does_not(drawn_page: Draw) -> None:
    page = drawn_page(((150.0,), (310.0,), (560.0, 720.0, 880.0)), size=(1200, 1000))
    image = page.image.copy()
    image[182:278, 600:602] = 0  # one upright between two systems, as of a long stem
    assert [len(system.staves) for system in layout_page(image).systems] == [1, 1, 3]


def test_braces_and_brackets(drawn_page: Draw) -> None:
    page = drawn_page(((150.0, 290.0, 430.0, 590.0, 730.0),), size=(1200, 900))
    image = page.image.copy()
    for top, bottom in ((118, 274 + 188), (0, 0)):
        image[top:bottom, 100:107] = 0  # a bracket over the first three
    t = np.linspace(0, 1, 200)
    y, x = 558 + t * (762 - 558), 108 - 14 * np.sin(np.pi * t) + 5 * np.cos(4 * np.pi * t)
    cv2.polylines(image, [np.stack([x, y], axis=1).round().astype(np.int32)], False, 0, 3)
    (strip,) = system_strips(image)
    assert set(strip.braces) == {Brace(0, 2, "bracket"), Brace(3, 4, "brace")}


def text_page() -> NDArray[np.uint8]:
    image = np.full((1400, 1000), 255, dtype=np.uint8)
    for row, y in enumerate(range(60, 1380, 34)):
        cv2.putText(image, "Lorem ipsum dolor sit amet consectetur"[row % 7 :], (60, y), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 0, 2)
    return image


def hand_drawing() -> NDArray[np.uint8]:
    rng = np.random.default_rng(5)
    image = np.full((900, 1200), 255, dtype=np.uint8)
    for _ in range(40):
        points = np.cumsum(rng.normal(0, 25, (60, 2)), axis=0) + rng.uniform([100, 100], [1100, 800])
        cv2.polylines(image, [points.round().astype(np.int32)], False, 0, 3)
    return image


def table() -> NDArray[np.uint8]:
    image = np.full((900, 1200), 255, dtype=np.uint8)
    image[60:860:20, 60:1140] = 0
    image[60:860, 60:1140:90] = 0
    return image


EMPTY: dict[str, NDArray[np.uint8]] = {
    "white": np.full((800, 600), 255, dtype=np.uint8),
    "black": np.zeros((800, 600), dtype=np.uint8),
    "grain": np.random.default_rng(1).normal(230, 8, (900, 700)).clip(0, 255).astype(np.uint8),
    "salt and pepper": (np.random.default_rng(2).random((900, 700)) > 0.1).astype(np.uint8) * 255,
    "one pixel": np.zeros((1, 1), dtype=np.uint8),
    "one row": np.tile(np.array([0, 255], dtype=np.uint8), 500)[None],
    "one column": np.tile(np.array([0, 255], dtype=np.uint8), 500)[:, None],
    "text": text_page(),
    "hand drawing": hand_drawing(),
    "table": table(),
    "gradient": np.tile(np.linspace(0, 255, 900).astype(np.uint8), (700, 1)),
}


@pytest.mark.parametrize("image", EMPTY.values(), ids=EMPTY.keys())
def test_no_systems_where_there_are_none(image: NDArray[np.uint8]) -> None:
    assert system_strips(image) == []


def test_upside_down_pages_are_laid_out_as_they_lie(drawn_page: Draw) -> None:
    """Staves look the same either way up; which it is, heads and clefs tell, and those are the recogniser's."""
    page = drawn_page(PIANO, size=(1200, 1080))
    layout = layout_page(np.ascontiguousarray(page.image[::-1, ::-1]))
    assert [len(system.staves) for system in layout.systems] == [2, 2, 2]


@pytest.mark.parametrize("interline_px", [0, 3.9, 65, float("nan")])
def test_interlines_out_of_range_are_refused(drawn_page: Draw, interline_px: float) -> None:
    page = drawn_page(((300.0,),), size=(600, 600), right=500.0)
    with pytest.raises(RequestError, match="expected an interline of 4-64 px, got"):
        system_strips(page.image, interline_px=interline_px)


def test_confidence_falls_with_the_ink(drawn_page: Draw) -> None:
    page = drawn_page(((300.0, 460.0),), size=(1200, 760))
    broken = page.image.copy()
    for x in range(0, 1200, 60):
        broken[:, x : x + 20] = 255
    whole = system_strips(page.image)[0].confidence
    assert whole > 0.9
    assert 0 < system_strips(broken)[0].confidence < whole - 0.1


def photographed(image: NDArray[np.uint8], grain_levels: float) -> NDArray[np.uint8]:
    """A page in the light of a room, dark on the left, with the grain of a camera."""
    light = np.linspace(0.3, 1.0, image.shape[1], dtype=np.float32)
    grain = cv2.GaussianBlur(np.random.default_rng(4).normal(0, grain_levels, image.shape).astype(np.float32), (0, 0), 0.8)
    faded = 70 + image.astype(np.float32) * (185 / 255)
    return np.clip(faded * light + grain, 0, 255).astype(np.uint8)


def test_a_dark_corner_joins_no_systems_and_hides_none(drawn_page: Draw) -> None:
    page = drawn_page(((150.0, 290.0), (480.0, 620.0), (810.0, 950.0)), size=(1200, 1080), interline_px=12.0, thickness_px=1.5)
    assert [len(system.staves) for system in layout_page(photographed(page.image, 50.0)).systems] == [2, 2, 2]


def test_strips_are_under_even_light(drawn_page: Draw) -> None:
    """A detector that has learned from white paper sees white paper."""
    page = drawn_page(((150.0, 290.0),), size=(1200, 450))
    (strip,) = system_strips(photographed(page.image, 20.0))
    thirds = [float(np.median(part)) for part in np.array_split(strip.image, 3, axis=1)]
    assert min(thirds) > 225


def test_beams_and_ledger_lines_beside_a_staff_are_no_lines_of_it(drawn_page: Draw) -> None:
    page = drawn_page(((200.0,), (500.0,)), size=(1200, 700), music=False)
    image = page.image.copy()
    for top in (200 + 3 * 16 - 4, 500 - 3 * 16 - 4):  # beams where a sixth line would be
        image[top : top + 8, 150:1050] = 0
    for x in range(150, 1050, 40):  # and ledger lines above the first staff
        image[200 - 3 * 16 - 1 : 200 - 3 * 16 + 1, x : x + 26] = 0
    layout = layout_page(image)
    assert [len(system.staves) for system in layout.systems] == [1, 1]
    middles = [float(lines[2, :, 1].mean()) for number in range(2) for lines in layout.staff_lines(number)]
    np.testing.assert_allclose(middles, [200, 500], atol=1.5)


def test_what_lies_beside_the_page_is_white(drawn_page: Draw) -> None:
    page = drawn_page(((150.0, 290.0),), size=(1200, 450), left=14.0, right=1186.0)
    desk = np.random.default_rng(5).normal(30, 40, (650, 1500)).clip(0, 255).astype(np.uint8)
    desk[100:550, 150:1350] = page.image
    layout = layout_page(cv2.GaussianBlur(desk, (0, 0), 1.0).astype(np.uint8))
    assert [len(system.staves) for system in layout.systems] == [2]
    middle = layout.staff_lines(0)[0][2]
    np.testing.assert_allclose(middle[[0, -1], 0], [150 + page.left, 150 + page.right], atol=5)
