"""Distance and thickness of staff lines, by the lengths of vertical runs.

A column through a staff is black for a line's thickness, then white for the rest of a space; over a page the commonest sum of
the two is the interline, whatever else is printed.

Source: J. S. Cardoso, A. Rebelo: "Robust staffline thickness and distance estimation in binary and gray-level music scores",
ICPR 2010: the commonest sum of a run and the next one is steadier than the commonest run of either colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.layout.ink import Grey

__all__ = ["LineSpacing", "line_spacings"]

COLUMNS = 600  # looked at, spread over the page
MIN_INTERLINE_PX, MAX_INTERLINE_PX = 4, 160
WINDOWS = (15, 41, 121)  # heights of the windows that tell ink from paper: fine, middling and coarse pages
GRAIN_PX = 7  # averaged across, against the grain of scans
OFFSET = 0.05  # ink is darker than the mean of its window by this share
DARK_OFFSET = 0.15  # the same of dark ink, which grain is not
LITTLE = 0.012  # share of runs below which a page may have more grain than ink, so that dark ink comes first
MAX_CANDIDATES = 4
ALIKE = 0.12  # logarithm of the ratio of two interlines that are one
LEAST_SHARE = 0.12  # of the best candidate's runs, for a further one


@dataclass(frozen=True)
class LineSpacing:
    """How far apart staff lines are, centre to centre, and how thick, in pixels; ``share`` says how many runs tell so."""

    interline_px: float
    thickness_px: float
    share: float


def line_spacings(grey: Grey) -> tuple[LineSpacing, ...]:
    """What the page's staff lines may be like, likeliest first; empty when the page has no ink.

    Args:
        grey: The page, (height, width).
    """
    step = max(1, grey.shape[1] // COLUMNS)
    columns = np.ascontiguousarray(cv2.blur(grey, (GRAIN_PX, 1))[:, ::step].T).astype(np.uint8, copy=False)
    likely = _distinct(_found(columns, OFFSET))
    kept = [spacing for spacing in likely[:MAX_CANDIDATES] if spacing.share >= LEAST_SHARE * likely[0].share]
    if likely and likely[0].share < LITTLE:
        kept = _distinct([*_found(columns, DARK_OFFSET)[:1], *kept])
    return tuple(kept)


def _found(columns: Grey, offset: float) -> list[LineSpacing]:
    """Candidates by all windows, likeliest first."""
    found = [spacing for window in WINDOWS for spacing in _candidates(*_runs(columns, window, offset), columns.size)]
    return sorted(found, key=lambda spacing: -spacing.share)


def _distinct(found: list[LineSpacing]) -> list[LineSpacing]:
    """Those that are not nearly as an earlier one."""
    kept: list[LineSpacing] = []
    for spacing in found:
        if all(abs(np.log(spacing.interline_px / other.interline_px)) > ALIKE for other in kept):
            kept.append(spacing)
    return kept


def _runs(columns: Grey, window: int, offset: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lengths of each black run and of the white run after it, of all columns; (runs,) each."""
    mean = cv2.blur(columns, (window, 1), borderType=cv2.BORDER_REPLICATE)
    ink = columns < mean.astype(np.float32) * (1.0 - offset) - 2.0
    padded = np.zeros((ink.shape[0], ink.shape[1] + 2), dtype=np.int8)
    padded[:, 1:-1] = ink
    flat = np.diff(padded.ravel())
    starts, stops = np.flatnonzero(flat == 1), np.flatnonzero(flat == -1)
    if len(starts) < 2:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    same = starts[1:] // padded.shape[1] == starts[:-1] // padded.shape[1]
    return (stops - starts)[:-1][same], (starts[1:] - stops[:-1])[same]


def _candidates(black: NDArray[np.int64], white: NDArray[np.int64], pixels: int) -> list[LineSpacing]:
    """Peaks of the histogram of sums; long sums weigh more, by their root, as a page has room for fewer of them."""
    sums = black + white
    thin = (2 * black < sums + 2) & (sums >= MIN_INTERLINE_PX) & (sums <= MAX_INTERLINE_PX)
    if not thin.any():
        return []
    counts = np.bincount(sums[thin], minlength=MAX_INTERLINE_PX + 2).astype(np.float64)
    smooth = np.convolve(counts, (0.5, 1.0, 0.5), mode="same")
    weight = smooth * np.sqrt(np.arange(len(smooth)))
    found = []
    for peak in np.argsort(-weight)[:12].tolist():
        if weight[peak] <= 0 or weight[peak] < weight[max(0, peak - 1) : peak + 2].max():
            continue
        near = thin & (abs(sums - peak) <= 1)
        thickness = float(np.median(black[near]))
        around = counts[max(0, peak - 1) : peak + 2]
        centre = float(around @ np.arange(max(0, peak - 1), max(0, peak - 1) + len(around)) / around.sum())
        found.append(LineSpacing(centre, thickness, float(weight[peak]) / pixels))
    return found
