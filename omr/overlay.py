"""What was read, drawn over the page: every sign that is in the score in a box, coloured by how sure its bar is.

Green is sure, yellow doubtful, red a guess; the number of a bar stands above its left end. What was seen but is not in the score
(text, doubtful signs that did not fit) has no box.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.layout.strip import page_points
from omr.reading import Reading
from omr.signs import SeenSystem

__all__ = ["colour_of", "draw_overlay", "sources_of"]

PAD_SPACES = 0.15
LINE_SHARE = 0.12  # thickness of a box in spaces
OPACITY = 0.75
ABOVE_SPACES = 3.2  # of a bar's number, over the middle line of the first staff
HUE_OF_SURE = 60  # OpenCV's hue of green; red is 0


def colour_of(probability: float) -> tuple[int, int, int]:
    """Blue, green and red of a probability, from red at 0.5 and below to green at 1."""
    hue = round(HUE_OF_SURE * float(np.clip(2 * probability - 1, 0.0, 1.0)))
    pixel = cv2.cvtColor(np.array([[[hue, 230, 200]]], dtype=np.uint8), cv2.COLOR_HSV2BGR)[0, 0]
    return int(pixel[0]), int(pixel[1]), int(pixel[2])


def sources_of(reading: Reading, bar: int) -> list[int]:
    """Rows of the system's signs that a bar's heads and rests were read from."""
    rows = []
    for part in reading.assembled.score.parts:
        for voice in part.bars[bar].voices:
            for event in voice.events:
                rows += [head.source for head in event.heads] if event.heads else [event.source]
    return sorted({row for row in rows if row >= 0})


def _corners_of(system: SeenSystem, left: float, top: float, right: float, bottom: float) -> NDArray[np.float64]:
    """Page points of a box of a system."""
    x, y = np.array([left, right, right, left]), np.array([top, top, bottom, bottom])
    return page_points(system.corners, system.middle_lines, system.line_counts, system.width, x, y)


def draw_overlay(reading: Reading, page: int, picture: NDArray[np.uint8], scale: float = 1.0) -> NDArray[np.uint8]:
    """One page with what was read of it.

    Args:
        reading: Of all pages.
        page: Which, from 0.
        picture: Grey, shape (height, width).
        scale: Pixels of the picture for one unit of the systems' page coordinates (pixels of the picture that was read, points of
            a PDF page).

    Returns:
        Shape (height, width, 3), blue, green, red.
    """
    base = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    drawn = base.copy()
    for number, bar in enumerate(reading.assembled.bars):
        system = reading.systems[bar.system]
        if system.page != page:
            continue
        colour = colour_of(bar.probability)
        unit = _unit(system) * scale
        thickness = max(round(LINE_SHARE * unit), 1)
        for row in sources_of(reading, number):
            sign = system.signs[row]
            x, y = float(sign["x"]), float(sign["y"])
            across, down = float(sign["width"]) / 2 + PAD_SPACES, float(sign["height"]) / 2 + PAD_SPACES
            box = _corners_of(system, x - across, y - down, x + across, y + down) * scale
            cv2.polylines(drawn, [np.round(box).astype(np.int32)], isClosed=True, color=colour, thickness=thickness)
        corner = _corners_of(system, bar.left, -ABOVE_SPACES, bar.right, -ABOVE_SPACES)[0] * scale
        place = int(corner[0]), int(corner[1])
        cv2.putText(drawn, str(number + 1), place, cv2.FONT_HERSHEY_SIMPLEX, unit / 18, colour, thickness, cv2.LINE_AA)
    return np.asarray(cv2.addWeighted(drawn, OPACITY, base, 1 - OPACITY, 0), dtype=np.uint8)


def _unit(system: SeenSystem) -> float:
    """Units of the page in a staff space."""
    ends = _corners_of(system, 0.0, 0.0, max(system.width, 1.0), 0.0)
    return float(np.hypot(*(ends[1] - ends[0]))) / max(system.width, 1.0)
