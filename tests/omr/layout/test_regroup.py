"""Systems that fell apart are put together by the page's own order, and only by that."""

from __future__ import annotations

import numpy as np
import pytest

from omr.layout.regroup import regrouped
from omr.layout.staff import Staff


def page(*middles: float) -> tuple[list[Staff], dict[int, int]]:
    """Staves one under the other, and which is under which."""
    places = np.linspace(100.0, 900.0, 9)
    staves = [Staff(places, np.full(9, middle), np.full(9, 10.0), 5, 1.0, 0.0) for middle in middles]
    return staves, {upper: upper + 1 for upper in range(len(staves) - 1)}


PAIRS = (100.0, 200.0, 350.0, 450.0, 600.0, 700.0)  # three systems of two


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        pytest.param([(0, 1), (2,), (3,), (4, 5)], [(0, 1), (2, 3), (4, 5)], id="one of three"),
        pytest.param([(0,), (1,), (2,), (3,), (4, 5)], [(0,), (1,), (2,), (3,), (4, 5)], id="too little to go by"),
        pytest.param([(0, 1), (2, 3), (4, 5)], [(0, 1), (2, 3), (4, 5)], id="nothing fell apart"),
        pytest.param([(0,), (1,), (2,), (3,), (4,), (5,)], [(0,), (1,), (2,), (3,), (4,), (5,)], id="nothing to go by"),
        pytest.param([], [], id="an empty page"),
    ],
)
def test_pairs_that_fell_apart(groups: list[tuple[int, ...]], expected: list[tuple[int, ...]]) -> None:
    staves, below = page(*PAIRS)
    assert regrouped(groups, staves, below) == expected


def test_a_larger_system_out_of_two_parts() -> None:
    staves, below = page(100.0, 200.0, 300.0, 450.0, 650.0, 750.0, 850.0, 1000.0)  # two systems of four, the last staff further off
    assert regrouped([(0, 1, 2, 3), (4, 5, 6), (7,)], staves, below) == [(0, 1, 2, 3), (4, 5, 6, 7)]


def test_songs_that_stand_as_far_apart_as_systems_stay_single() -> None:
    staves, below = page(100.0, 250.0, 400.0, 500.0)  # two melodies, then a system of two
    assert regrouped([(0,), (1,), (2, 3)], staves, below) == [(0,), (1,), (2, 3)]


def test_parts_without_the_right_number_of_staves_stay() -> None:
    staves, below = page(100.0, 200.0, 300.0, 450.0, 550.0, 700.0, 800.0, 900.0)  # a system of three, one of two, one of three
    assert regrouped([(0, 1, 2), (3, 4), (5, 6, 7)], staves, below) == [(0, 1, 2), (3, 4), (5, 6, 7)]


def test_staves_side_by_side_are_no_system() -> None:
    staves, below = page(*PAIRS)
    del below[2]
    assert regrouped([(0, 1), (2,), (3,), (4, 5)], staves, below) == [(0, 1), (2,), (3,), (4, 5)]
