"""Staves that go on to where their neighbours begin and end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from omr.layout.bend import page_bend
from omr.layout.combs import Teeth, stroke_cells
from omr.layout.frame import FRAME_INTERLINE, Frame, make_frame
from omr.layout.spacing import line_spacings
from omr.layout.staff import OFFSETS, Staff, with_ends
from omr.layout.staff_ink import thin_ink
from omr.layout.staves import find_staves
from omr.layout.whole_staves import LEAST_THIN_ON, as_long_as_neighbours

Draw = Callable[..., Any]
MELODIES = ((150.0,), (290.0,), (430.0,))
LOST_SPACES = 14.0


def found(page: Any) -> tuple[Frame, Teeth, list[Staff]]:
    frame = make_frame(page.image, line_spacings(page.image)[0])
    teeth = stroke_cells(frame)
    assert teeth is not None
    staves = find_staves(frame)
    assert len(staves) == 3
    return frame, teeth, staves


def without_left_end(staff: Staff) -> Staff:
    return with_ends(staff, staff.left + LOST_SPACES * FRAME_INTERLINE, staff.right)


@pytest.mark.parametrize("bent", [False, True])
def test_what_was_made_longer_tells_of_the_next_one(drawn_page: Draw, bent: bool) -> None:
    frame, teeth, staves = found(drawn_page(MELODIES, size=(1200, 600)))
    short = [without_left_end(staves[0]), without_left_end(staves[1]), staves[2]]
    longer = as_long_as_neighbours(frame, teeth, short, page_bend(short) if bent else None)
    for one, other in zip(longer, staves, strict=True):
        assert one.left == pytest.approx(other.left, abs=0.3 * FRAME_INTERLINE)
        assert np.abs(one.middle_at(one.places) - other.middle_at(one.places)).max() < 0.05 * FRAME_INTERLINE
        assert np.abs(one.spacing_at(one.places) / FRAME_INTERLINE - 1).max() < 0.02


def test_lines_as_thick_as_on_the_rest_of_the_staff_go_on(drawn_page: Draw) -> None:
    """Where faint lines are looked for, blurred ones are thick everywhere."""
    page = drawn_page(MELODIES, size=(1200, 600), music=False)
    for (middle,) in MELODIES:
        for line in range(-2, 3):
            y = round(middle + line * page.interline_px)
            for x in range(124, 1090, 20):
                page.image[y - 3 : y + 4, x : x + 14] = 0
    frame, teeth, staves = found(page)
    thin = thin_ink(frame.level, staves[1], np.arange(staves[1].left, staves[1].right), OFFSETS).mean()
    assert thin < LEAST_THIN_ON
    longer = as_long_as_neighbours(frame, teeth, [staves[0], without_left_end(staves[1]), staves[2]], None)
    assert longer[1].left == pytest.approx(staves[1].left, abs=0.3 * FRAME_INTERLINE)


def test_a_staff_does_not_go_on_where_there_is_no_ink(drawn_page: Draw) -> None:
    page = drawn_page(MELODIES, size=(1200, 600))
    page.image[240:340, :320] = 255
    frame, teeth, staves = found(page)
    longer = as_long_as_neighbours(frame, teeth, staves, page_bend(staves))
    assert longer[1].left == pytest.approx(staves[1].left)
    assert longer[1].left - longer[0].left > 10 * FRAME_INTERLINE
