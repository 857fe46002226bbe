"""Strokes, staves and systems of pages drawn by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from omr.vector.page_objects import PageObjects, _from_tables, read_pages
from omr.vector.staves import find_systems
from omr.vector.strokes import find_strokes


def page(page_of: Callable[..., bytes], content: bytes) -> PageObjects:
    return _from_tables(read_pages(page_of(content), "x.pdf", [0])[0])


def test_a_stem_is_one_stroke_however_it_is_drawn(page_of: Callable[..., bytes]) -> None:
    for content in (
        b"1 w 100 50 m 100 80 l S",
        b"99.5 50 1 30 re f",
        b".4 w 99.7 50 .6 30 re S 99.7 50 .6 30 re f",
        b"1 w 100 80 m 100 65 l S 100 65 m 100 50 l S",
        b"1 w 100 50 m 100 80 l S 100 55 m 100 70 l S",
    ):
        strokes = find_strokes(page(page_of, content))
        (stem,) = strokes.upright
        assert (stem.x0, stem.y0, stem.y1) == pytest.approx((100, 220, 250))
        assert stem.thickness == pytest.approx(1.0)
        assert not strokes.level
        assert not strokes.slanted


def test_beams_have_upright_thickness(page_of: Callable[..., bytes]) -> None:
    (beam,) = find_strokes(page(page_of, b"100 50 m 160 80 l 160 84 l 100 54 l h f")).slanted
    assert (beam.x0, beam.x1) == pytest.approx((100, 160))
    assert beam.thickness == pytest.approx(4.0)
    assert beam.y_at(130) == pytest.approx(300 - 67)


def test_slurs_are_curves_and_heads_are_not(page_of: Callable[..., bytes]) -> None:
    content = b"100 50 m 110 60 140 60 150 50 c 140 62 110 62 100 50 c h f 200 50 m 200 55 210 55 210 50 c 210 45 200 45 200 50 c f"
    strokes = find_strokes(page(page_of, content))
    (curve,) = strokes.curves
    assert (curve.x0, curve.y0, curve.x1, curve.y1) == pytest.approx((100, 250, 150, 250))
    assert len(strokes.outlines) == 1


def test_a_staff(page_of: Callable[..., bytes], staff_lines: bytes) -> None:
    (system,) = find_systems(find_strokes(page(page_of, staff_lines)))
    (staff,) = system.staves
    assert (staff.x0, staff.x1, staff.middle, staff.space) == pytest.approx((50, 350, 90, 5))
    assert staff.place(90) == 4
    assert staff.place(100) == 0


def test_staves_are_joined_by_a_stroke_at_their_left(page_of: Callable[..., bytes], staff_lines: bytes) -> None:
    two = staff_lines + b"q 1 0 0 1 0 -60 cm " + staff_lines + b"Q "
    apart = find_systems(find_strokes(page(page_of, two)))
    assert [len(system.staves) for system in apart] == [1, 1]
    joined = find_systems(find_strokes(page(page_of, two + b".5 w 50 140 m 50 220 l S")))
    assert [len(system.staves) for system in joined] == [2]


def test_four_lines_and_uneven_lines_are_no_staff(page_of: Callable[..., bytes], staff_lines: bytes) -> None:
    four = b"\n".join(staff_lines.split(b"\n")[:5])
    assert find_systems(find_strokes(page(page_of, four))) == []
    uneven = staff_lines.replace(b"50 210 m 350 210 l", b"50 212 m 350 212 l")
    assert find_systems(find_strokes(page(page_of, uneven))) == []
