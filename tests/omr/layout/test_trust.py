"""Which of two findings of a page is trusted more."""

from __future__ import annotations

import numpy as np
import pytest

from omr.layout.frame import FRAME_INTERLINE
from omr.layout.staff import Staff
from omr.layout.systems import System
from omr.layout.trust import confidence, ragged_spaces, worth

SPACE = float(FRAME_INTERLINE)


def staff(height: float, left: float = 100.0, right: float = 900.0) -> Staff:
    places = np.linspace(left, right, 60)
    return Staff(places, np.full(60, height), np.full(60, SPACE), 5, 1.0, 0.0)


def system(*staves: Staff) -> System:
    return System(staves, (), 1.0)


def leaning(lean: float, *, lost_spaces: float = 0.0) -> tuple[Staff, ...]:
    """Four staves whose ends lie on a leaning line, but for the third, which has lost so much of its right end."""
    heights = np.array([100.0, 240.0, 400.0, 520.0])
    lost = np.array([0.0, 0.0, lost_spaces, 0.0]) * SPACE
    return tuple(
        staff(y, 100.0 + lean * y, 900.0 + lean * y - short) for y, short in zip(heights.tolist(), lost.tolist(), strict=True)
    )


@pytest.mark.parametrize("lean", [-0.2, 0.0, 0.1])
def test_ends_that_lean_with_their_page_are_even(lean: float) -> None:
    assert ragged_spaces(leaning(lean)) == pytest.approx(0.0, abs=1e-6)
    assert confidence(system(*leaning(lean))) == pytest.approx(1.0)


def test_an_end_that_was_lost_is_ragged() -> None:
    assert 4.0 < ragged_spaces(leaning(0.1, lost_spaces=10.0)) < 10.0
    sure = [confidence(system(*leaning(0.1, lost_spaces=lost))) for lost in (0.0, 1.0, 5.0, 10.0, 30.0)]
    assert sure[0] == sure[1] == pytest.approx(1.0)  # a space is as exact as ends are
    assert sure == sorted(sure, reverse=True)
    assert sure[-1] < 0.2


def test_two_staves_tell_nothing_of_their_ends() -> None:
    assert ragged_spaces((staff(100.0), staff(240.0, 300.0, 700.0))) == 0.0


def test_whole_systems_are_worth_more_than_their_parts() -> None:
    staves = [staff(height) for height in (100.0, 240.0, 400.0, 540.0)]
    whole, parted = [system(*staves[:2]), system(*staves[2:])], [system(staves[0]), system(staves[1]), system(*staves[2:])]
    assert worth(whole) > worth(parted)
    assert worth([system(staff) for staff in staves]) == pytest.approx(worth(whole))  # a page of melodies is no worse
    assert worth([]) == 0.0


def test_a_staff_more_is_worth_more_than_systems_alike() -> None:
    staves = [staff(height) for height in (100.0, 240.0, 400.0, 540.0, 700.0)]
    assert worth([system(*staves[:2]), system(*staves[2:])]) > worth([system(*staves[:2])])
