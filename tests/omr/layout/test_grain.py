"""Photographs with more grain than ink: the lines that are there are found, and what is not there is not looked for all day."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from omr.layout import staves
from omr.layout.combs import Teeth
from omr.layout.frame import Frame
from omr.layout.page import layout_page
from omr.layout.spacing import line_spacings
from omr.layout.staff import Staff

INTERLINE = 20


def grainy(*, staff: bool) -> NDArray[np.uint8]:
    """A page of coarse grain, with a short staff in its corner or with nothing."""
    rng = np.random.default_rng(0)
    height, width = 2400, 1700
    grain = cv2.resize(rng.normal(0.0, 1.0, (height // 4, width // 4)), (width, height), interpolation=cv2.INTER_LINEAR)
    page = 190.0 + 18.0 * grain
    for line in range(5 if staff else 0):
        page[300 + line * INTERLINE :][:3, 200:600] = 40.0
    return np.clip(page, 0, 255).astype(np.uint8)


def test_dark_lines_come_before_grain() -> None:
    assert line_spacings(grainy(staff=True))[0].interline_px == pytest.approx(INTERLINE, abs=0.7)


def test_grain_alone_is_no_staff_and_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []  # in each search
    grown, cells = staves._grown, staves.stroke_cells

    def counted(*given: Any) -> Staff:
        looked_at[-1] += 1
        return grown(*given)

    def begun(frame: Frame) -> Teeth | None:
        looked_at.append(0)
        return cells(frame)

    monkeypatch.setattr(staves, "_grown", counted)
    monkeypatch.setattr(staves, "stroke_cells", begun)
    assert layout_page(grainy(staff=False)).systems == []
    assert max(looked_at) == staves.MOST_BARREN
