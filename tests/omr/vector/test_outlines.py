"""Flattening and ink of outlines: exact places, areas of known shapes."""

from __future__ import annotations

import numpy as np
import pytest

from omr.vector.outlines import bounds_of, flat_cubic, ink_grid

SQUARE = np.array([(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)])


def test_curve_ends_at_its_end_and_passes_its_middle() -> None:
    points = flat_cubic((0, 0), (0, 2), (4, 2), (4, 0))
    assert points[-1] == pytest.approx((4, 0))
    assert points[2] == pytest.approx((2, 1.5))  # B(1/2) = (p0 + 3 p1 + 3 p2 + p3) / 8


def test_holes_are_not_inked() -> None:
    hole = 1 + SQUARE[::-1] / 2  # from 1 to 3, the other way round
    grid = ink_grid([SQUARE, hole], 8)
    assert grid.sum() == 64 - 16
    assert not grid[2:6, 2:6].any()


def test_overlaps_of_one_direction_are_inked() -> None:
    assert ink_grid([SQUARE, 1 + SQUARE / 2], 8).all()


def test_low_rows_come_first() -> None:
    triangle = np.array([(0.0, 0.0), (4.0, 0.0), (2.0, 4.0)])
    rows = ink_grid([triangle], 16).sum(axis=1)
    assert rows[0] > rows[-1]
    assert (np.diff(rows) <= 0).all()


def test_bounds() -> None:
    assert bounds_of([SQUARE, SQUARE + 3]) == (0.0, 0.0, 7.0, 7.0)
    assert bounds_of([]) == (0.0, 0.0, 0.0, 0.0)
