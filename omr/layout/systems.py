"""Staves that belong together: joined at their left ends, or by bar lines that run on from one to the next; and their braces.

All in frame pixels; lengths named ``_SPACES`` are in staff spaces.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.layout.frame import FRAME_INTERLINE, Frame
from omr.layout.regroup import regrouped
from omr.layout.staff import Staff
from omr.signs import Brace

__all__ = ["System", "find_systems"]

LEAST_OVERLAP = 0.5  # of the shorter staff's width, of two in one system
MAX_GAP_SPACES = 40.0  # between two staves of a system
EDGE_SPACES = (-1.2, 0.6)  # where the line at the left ends is looked for, from the ends
MAX_STRAY_SPACES = 1.2  # and so much more where an end was not found exactly
LEANS_SPACES = (0.0, -0.3, 0.3, -0.6, 0.6, -0.9, 0.9, -1.2, 1.2)  # tried for that reason
LEAST_AT_EDGE = 0.6  # share of its height that is ink
LEAST_BETWEEN = 0.92  # of a bar line elsewhere
LEAST_BAR_LINES = 2
MAX_TILT = 0.4  # of the line through the left ends, across by down
SLACK_PX = 2  # a line may stray so far sideways,
PIECE_SPACES = 1.5  # each piece of it of this height by itself
BRACE_SPACES = (-4.0, -0.25)  # where braces are, from the left ends
LEAST_BRACE_SPACES = 3.5  # high
BODY_PERCENT = (10, 90)  # of a bracket's height, without its hooks
BRACE_SWING_SPACES = 0.15  # how far a brace goes to and fro
BRACKET_SPACES = 0.28  # thinner is a line
JOINED_BY_ORDER = 0.3  # how sure systems are that only the order of the page tells


@dataclass(frozen=True, eq=False)
class System:
    """Staves that are played together, top first, their braces, and how surely they belong together (0 to 1)."""

    staves: tuple[Staff, ...]
    braces: tuple[Brace, ...]
    joined: float


def find_systems(frame: Frame, staves: list[Staff]) -> list[System]:
    """The systems of a page, top first, those of one height from the left."""
    below: dict[int, tuple[int, float]] = {}
    for upper in range(len(staves)):
        lower = _next_below(staves, upper)
        if lower is not None:
            below[upper] = (lower, _joined(frame, staves[upper], staves[lower]))
    taken: set[int] = set()
    groups: dict[tuple[int, ...], float] = {}
    for first in range(len(staves)):
        if first in taken:
            continue
        members, sureness = [first], 1.0
        while (step := below.get(members[-1])) is not None:
            sureness = min(sureness, abs(2.0 * step[1] - 1.0))
            if step[1] < 0.5 or step[0] in taken:
                break
            members.append(step[0])
        taken.update(members)
        groups[tuple(members)] = sureness
    systems = []
    for group in regrouped(list(groups), staves, {upper: lower for upper, (lower, _) in below.items()}):
        chosen = tuple(staves[member] for member in group)
        systems.append(System(chosen, _braces(frame, chosen), groups.get(group, JOINED_BY_ORDER)))
    return systems


def _next_below(staves: list[Staff], upper: int) -> int | None:
    """The nearest staff below that lies under this one."""
    for lower in range(upper + 1, len(staves)):
        one, other = staves[upper], staves[lower]
        shared = min(one.right, other.right) - max(one.left, other.left)
        if shared >= LEAST_OVERLAP * min(one.right - one.left, other.right - other.left):
            return lower
    return None


def _joined(frame: Frame, upper: Staff, lower: Staff) -> float:
    """How surely two staves are one system's: above 0.5 for yes."""
    tilt = lower.left - upper.left
    ends = np.array([min(upper.left, lower.left), min(upper.right, lower.right)])
    gap = float((lower.line_at(ends[:1], -2.0) - upper.line_at(ends[:1], 2.0))[0])
    if not 0 < gap <= MAX_GAP_SPACES * FRAME_INTERLINE:
        return 0.0
    aligned = abs(tilt) <= MAX_TILT * (gap + 4 * FRAME_INTERLINE) + MAX_STRAY_SPACES * FRAME_INTERLINE
    tilt = tilt if aligned else 0.0
    start = upper.left if aligned else max(upper.left, lower.left)
    x = np.arange(start + EDGE_SPACES[0] * FRAME_INTERLINE, min(upper.right, lower.right) + FRAME_INTERLINE)
    at_edge = x <= start + EDGE_SPACES[1] * FRAME_INTERLINE
    bars = _bars(_inked_between(frame, upper, lower, x[~at_edge], tilt) >= LEAST_BETWEEN)
    edge = 0.0
    for lean in LEANS_SPACES if aligned else ():
        full = _inked_between(frame, upper, lower, x[at_edge], tilt + lean * FRAME_INTERLINE)
        edge = max(edge, float(full.max(initial=0.0)))
    if edge >= LEAST_AT_EDGE or bars >= LEAST_BAR_LINES:
        return min(1.0, 0.5 + 0.5 * max((edge - 0.5) / 0.5, 0.0) + 0.25 * min(bars, 2))
    return max(0.0, min(0.49, 0.5 * (edge - 0.3) + 0.2 * bars))


def _inked_between(frame: Frame, upper: Staff, lower: Staff, x: NDArray[np.float64], tilt: float) -> NDArray[np.float64]:
    """Share of ink on the way down from each ``x`` of the upper staff to the lower one, (columns,)."""
    top, bottom = upper.line_at(x, 2.0) + 3, lower.line_at(x + tilt, -2.0) - 3
    count = max(4, round(float(np.median(bottom - top))))
    down = np.linspace(0.0, 1.0, count)[:, None]
    rows, across = np.round(top + down * (bottom - top)).astype(np.intp), np.round(x + down * tilt).astype(np.intp)
    height, width = frame.ink.shape
    inside = (rows >= 0) & (rows < height) & (across >= 0) & (across < width)
    ink = np.where(inside, frame.upright[np.clip(rows, 0, height - 1), np.clip(across, 0, width - 1)], False)
    pieces = np.array_split(ink, max(1, round(count / (PIECE_SPACES * FRAME_INTERLINE))))
    shares = np.stack([piece.mean(axis=0) for piece in pieces]).astype(np.float32)
    strayed = cv2.dilate(shares, np.ones((1, 2 * SLACK_PX + 1), np.uint8))  # grain does not add up, as it would pixel by pixel
    return np.asarray(strayed.mean(axis=0), dtype=np.float64)


def _bars(full: NDArray[np.bool_]) -> int:
    """Runs of full columns that are no wider than a bar line."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], full.astype(np.int8), [0]])))
    return int(((edges[1::2] - edges[::2]) <= FRAME_INTERLINE + 2 * SLACK_PX).sum())


def _braces(frame: Frame, staves: tuple[Staff, ...]) -> tuple[Brace, ...]:
    """Braces and brackets left of a system, from the left, wider ones first."""
    left = min(staff.left for staff in staves)
    first, last = staves[0], staves[-1]
    tilt = last.left - first.left
    ends = np.array([left])
    top = float(first.line_at(ends, -4.0)[0])
    bottom = float(last.line_at(ends, 4.0)[0])
    rows = np.arange(round(top), round(bottom))
    middles = np.array([float(staff.middle_at(ends)[0]) for staff in staves])
    slide = tilt * (rows - middles[0]) / max(middles[-1] - middles[0], 1.0)
    offsets = np.arange(round(BRACE_SPACES[0] * FRAME_INTERLINE), round(BRACE_SPACES[1] * FRAME_INTERLINE))
    across = np.round(first.left + slide[:, None] + offsets[None, :]).astype(np.intp)
    down = np.broadcast_to(rows[:, None], across.shape)
    height, width = frame.ink.shape
    inside = (down >= 0) & (down < height) & (across >= 0) & (across < width)
    ink = np.where(inside, frame.ink[np.clip(down, 0, height - 1), np.clip(across, 0, width - 1)], False).astype(np.uint8)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    found = []
    for label in range(1, count):
        x, y, _, tall, _ = boxes[label].tolist()
        if tall < LEAST_BRACE_SPACES * FRAME_INTERLINE:
            continue
        spanned = np.flatnonzero((middles > rows[0] + y - FRAME_INTERLINE) & (middles < rows[0] + y + tall + FRAME_INTERLINE))
        if len(spanned):
            found.append((x, Brace(int(spanned[0]), int(spanned[-1]), _brace_kind(labels[y : y + tall] == label))))
    found.sort(key=lambda item: (item[0], item[1].first - item[1].last))
    return tuple(dict.fromkeys(brace for _, brace in found))


def _brace_kind(shape: NDArray[np.bool_]) -> str:
    """ "brace", "bracket" or "line", by the shape's ink, (rows, columns): braces swing from side to side, lines are thin."""
    thick = shape.sum(axis=1)
    centre = (shape @ np.arange(shape.shape[1]))[thick > 0] / thick[thick > 0]
    low, high = np.percentile(centre, BODY_PERCENT)
    if high - low >= BRACE_SWING_SPACES * FRAME_INTERLINE:
        return "brace"
    return "bracket" if np.median(thick[thick > 0]) >= BRACKET_SPACES * FRAME_INTERLINE else "line"
