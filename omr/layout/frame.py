"""The frame that staves are looked for in: the page at a fixed interline, turned upright, under even light, and its ink.

Conventions: a point is ``(x, y)`` in pixels, whole numbers at the centres of pixels; x to the right, y down. "Page" is the picture
as given, "frame" the picture that is worked on, whose staff lines are ``FRAME_INTERLINE`` apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.layout.ink import Grey, even_light, grain, sauvola, thin_strokes
from omr.layout.spacing import LineSpacing

__all__ = ["FRAME_INTERLINE", "Frame", "make_frame"]

FRAME_INTERLINE = 14  # pixels
WINDOW_SPACES = 3  # of Sauvola's threshold
MAX_FRAME_PIXELS = 60_000_000
THIN_SPACES = 0.45  # a stroke as high as this is no staff line
STRONG_PERCENT, FAINT_SHARE = 99.0, 0.35  # a faint stroke has this share of a strong one's strength
FAINTEST = 10.0  # grey levels
OVER_GRAIN = 3.0  # times the grain around, a stroke is none of it
GRAIN_PX = 5  # averaged along a stroke, against the grain of scans
MAX_SKEW = 0.25  # slopes looked at, either side
COARSE, FINE = 0.02, 0.0025
STRIP_SPACES = 4  # width of the strips that are slid against each other


@dataclass(frozen=True, eq=False)
class Frame:
    """A page made ready.

    Args:
        to_page: Frame points to page points, (2, 3).
        ink: Where there is ink, (height, width).
        strokes: Strength of thin level strokes in grey levels, (height, width).
        lines: Where there is a thin level stroke, however faint beside the ink, (height, width).
        level: Where there is ink or a thin level stroke, however faint beside it, (height, width).
        upright: Where there is ink or a thin upright stroke, however faint, (height, width).
        faintness: As ``make_frame`` was told.
    """

    to_page: NDArray[np.float64]
    ink: NDArray[np.bool_]
    strokes: Grey
    lines: NDArray[np.bool_]
    level: NDArray[np.bool_]
    upright: NDArray[np.bool_]
    faintness: int | float

    def page_points(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Frame points on the page, (..., 2)."""
        return points @ self.to_page[:, :2].T + self.to_page[:, 2]


def make_frame(grey: Grey, spacing: LineSpacing, *, faintness: int | float = 1.0) -> Frame:
    """The frame of a page.

    Args:
        grey: The page, (height, width).
        spacing: Of its staff lines.
        faintness: How strong staff lines are supposed to be, as a share of the page's strongest thin strokes.
    """
    scale = FRAME_INTERLINE / spacing.interline_px
    scale = min(scale, float(np.sqrt(MAX_FRAME_PIXELS / grey.size)))
    height, width = max(1, round(grey.shape[0] * scale)), max(1, round(grey.shape[1] * scale))
    page = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    across, down = width / grey.shape[1], height / grey.shape[0]
    to_page = np.array([[1 / across, 0.0, 0.5 / across - 0.5], [0.0, 1 / down, 0.5 / down - 0.5]])
    page = even_light(page.astype(np.uint8, copy=False), FRAME_INTERLINE)
    thickest = round(THIN_SPACES * FRAME_INTERLINE)
    slope = _slope(thin_strokes(page, thickest))
    if abs(slope) > FINE:
        page, turn = _turned(page, slope)
        to_page = to_page @ np.vstack([turn, [0.0, 0.0, 1.0]])
    ink = sauvola(page, WINDOW_SPACES * FRAME_INTERLINE)
    strokes = thin_strokes(page, thickest)
    strong = max(faintness * float(np.percentile(strokes[::3, ::3], STRONG_PERCENT)), FAINTEST / FAINT_SHARE)
    faint = FAINT_SHARE * strong
    lines = _over_grain(_blurred(strokes, (GRAIN_PX, 1)), faint)
    upright = ink | _over_grain(_blurred(thin_strokes(page, thickest, upright=True), (1, GRAIN_PX)), faint)
    return Frame(to_page, ink, strokes, lines, ink | lines, upright, faintness)


def _blurred(grey: Grey, size: tuple[int, int]) -> Grey:
    return cv2.blur(grey, size).astype(np.uint8, copy=False)


def _over_grain(strokes: Grey, faint: float) -> NDArray[np.bool_]:
    """Where strokes are stronger than a faint one, and than what grain alone makes there."""
    return np.asarray(strokes > np.maximum(OVER_GRAIN * grain(strokes), np.float32(faint)))


def _slope(strokes: Grey) -> float:
    """How much staff lines fall for each pixel to the right: the slope whose profile is sharpest."""
    strip = STRIP_SPACES * FRAME_INTERLINE
    count = strokes.shape[1] // strip
    if count < 2:
        return 0.0
    profiles = strokes[:, : count * strip].reshape(len(strokes), count, strip).mean(axis=2, dtype=np.float32)
    profiles = np.ascontiguousarray(np.minimum(profiles, 4 * profiles.mean() + 1e-3).T)  # (strips, rows)
    spectrum = np.fft.rfft(profiles, n=2 * len(strokes), axis=1)
    places = (np.arange(count) - (count - 1) / 2) * strip
    turns = 2j * np.pi * np.fft.rfftfreq(2 * len(strokes))
    # Staff lines are at most a few cycles a space: higher ones are noise, the lowest are light.
    band = (np.fft.rfftfreq(2 * len(strokes)) * FRAME_INTERLINE < 2.5) & (np.fft.rfftfreq(2 * len(strokes)) * FRAME_INTERLINE > 0.5)
    spectrum, turns = spectrum[:, band], turns[band]

    def sharpness(slope: float) -> float:
        return float((np.abs((spectrum * np.exp(turns[None] * (slope * places)[:, None])).sum(axis=0)) ** 2).sum())

    coarse = np.arange(-MAX_SKEW, MAX_SKEW + COARSE / 2, COARSE / 4)
    best = max(coarse.tolist(), key=sharpness)
    fine = np.arange(best - COARSE / 4, best + COARSE / 4, FINE / 2)
    return float(max(fine.tolist(), key=sharpness))


def _turned(page: Grey, slope: float) -> tuple[Grey, NDArray[np.float64]]:
    """The page turned so that this slope becomes level, on white, and its points to those of the page given, (2, 3)."""
    height, width = page.shape
    angle = float(np.arctan(slope))
    cosine, sine = float(np.cos(angle)), float(np.sin(angle))
    size = round(width * cosine + height * abs(sine)), round(height * cosine + width * abs(sine))
    back = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0]])  # turned to given
    back[:, 2] = np.array([(width - 1) / 2, (height - 1) / 2]) - back[:, :2] @ np.array([(size[0] - 1) / 2, (size[1] - 1) / 2])
    turned = cv2.warpAffine(
        page, back, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_CONSTANT, borderValue=255
    )
    return turned.astype(np.uint8, copy=False), back
