"""Staves fitted to their lines, and how they run where little is seen of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from omr.layout.bend import Course
from omr.layout.combs import stroke_cells
from omr.layout.fitting import fitted, majority_line
from omr.layout.frame import FRAME_INTERLINE, make_frame
from omr.layout.spacing import line_spacings

Draw = Callable[..., Any]


@pytest.mark.parametrize("fall", [0.0, 0.3])
def test_what_went_astray_at_an_end_does_not_turn_the_line(fall: float) -> None:
    wanted = 300.0 + fall * np.arange(100)
    heights = wanted + np.where(np.arange(100) < 25, 4.0 * (25 - np.arange(100)), 0.0)  # up to seven spaces off
    line = majority_line(heights, np.ones(100))
    assert np.abs(line - wanted).max() < 0.2 * FRAME_INTERLINE


def test_the_line_goes_on_where_nothing_is_known() -> None:
    wanted = 200.0 - 0.5 * np.arange(80)
    known = ((np.arange(80) > 10) & (np.arange(80) < 60)).astype(np.float64)
    np.testing.assert_allclose(majority_line(np.where(known > 0, wanted, -1e3), known), wanted, atol=0.2)


def test_a_spoilt_end_widens_no_staff_that_knows_its_course(drawn_page: Draw) -> None:
    """Ink beside the outer lines, as of clefs and signatures, is taken for them; the page tells how far apart they are there."""
    page = drawn_page(((300.0,),), size=(1200, 600), interline_px=14.0, music=False)
    image = page.image.copy()
    for line, off in ((-2, -4), (-1, -2), (1, 2), (2, 4)):  # the lines part at the left end
        y = round(300 + line * 14)
        image[y - 2 : y + 2, 110:300] = 255
        image[y + off - 1 : y + off + 1, 120:300] = 0
    frame = make_frame(image, line_spacings(page.image)[0])
    teeth = stroke_cells(frame)
    assert teeth is not None
    columns = np.flatnonzero((teeth.places > 125) & (teeth.places < 1095))
    flat = np.zeros(len(columns))
    guess = (teeth, columns, flat + 300.0, flat + 14.0)
    known = fitted(*guess, Course(flat, flat + 1.0))
    assert np.abs(known.spacing / 14 - 1)[[0, -1]].max() < 0.03
    assert fitted(*guess).spacing[0] / 14 > 1.1  # and by itself it is misled
