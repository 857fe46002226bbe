"""A page's layout: its systems, found and straightened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpora.errors import RequestError
from omr.layout.frame import Frame, make_frame
from omr.layout.ink import Grey
from omr.layout.spacing import LineSpacing, line_spacings
from omr.layout.staff import OFFSETS
from omr.layout.staves import find_staves
from omr.layout.straighten import PageSource, straighten
from omr.layout.strip import SystemStrip
from omr.layout.systems import System, find_systems
from omr.layout.trust import confidence, worth

__all__ = ["PageLayout", "layout_page", "system_strips"]

FAINTNESSES = (1.0, 0.5, 0.25)  # of staff lines, tried in turn while the layout is not trusted
TRUSTED = 0.85  # confidence of every system
MIN_STRIP_PX, MAX_STRIP_PX = 4.0, 64.0


@dataclass(frozen=True, eq=False)
class PageLayout:
    """What was found on a page.

    Args:
        grey: The page, (height, width).
        frame: What it was found in; None for a page without strokes.
        systems: Top first, in frame pixels.
        spacing: Of the staff lines, in page pixels; None when no staff was found.
    """

    grey: Grey
    frame: Frame | None
    systems: list[System]
    spacing: LineSpacing | None

    def staff_lines(self, system: int) -> list[NDArray[np.float64]]:
        """Page points (upper left corners are whole) of each staff's lines in a system, (lines, points, 2) a staff."""
        assert self.frame is not None
        found = []
        for staff in self.systems[system].staves:
            lines = [np.stack([staff.places, staff.line_at(staff.places, float(offset))], axis=-1) for offset in OFFSETS]
            found.append(self.frame.page_points(np.stack(lines)) + 0.5)
        return found

    def strips(self, *, page: int = 0, interline_px: int | float = 12.0) -> Iterator[SystemStrip]:
        """The strips of all systems, top first.

        Args:
            page: Number of the page, from 0.
            interline_px: Distance of the staff lines in the strips, 4 to 64.

        Raises:
            RequestError: ``interline_px`` is out of range.
        """
        if not MIN_STRIP_PX <= interline_px <= MAX_STRIP_PX:
            raise RequestError(f"strip: expected an interline of {MIN_STRIP_PX:g}-{MAX_STRIP_PX:g} px, got {interline_px:g}")
        if self.frame is None or self.spacing is None:
            return
        source = PageSource.of(self.grey, self.spacing.interline_px, interline_px)
        for number, system in enumerate(self.systems):
            yield straighten(
                self.frame, source, self.systems, number, page=page, interline_px=interline_px, confidence=confidence(system)
            )


def layout_page(grey: Grey) -> PageLayout:
    """Find the systems of a page; a page without staves has none.

    Args:
        grey: The page, 0 black to 255 white, (height, width).
    """
    best, best_worth = PageLayout(grey, None, [], None), 0.0
    for spacing in line_spacings(grey):
        for faintness in FAINTNESSES:
            frame = make_frame(grey, spacing, faintness=faintness)
            systems = find_systems(frame, find_staves(frame))
            gained = worth(systems)
            if gained > best_worth:
                best, best_worth = PageLayout(grey, frame, systems, spacing), gained
            if systems and min(confidence(system) for system in systems) >= TRUSTED:
                return best
        if best.systems:
            break
    return best


def system_strips(grey: Grey, *, page: int = 0, interline_px: int | float = 12.0) -> list[SystemStrip]:
    """The systems of a page, straightened, top first; arguments as of ``layout_page`` and ``PageLayout.strips``.

    Raises:
        RequestError: ``interline_px`` is out of range.
    """
    return list(layout_page(grey).strips(page=page, interline_px=interline_px))
