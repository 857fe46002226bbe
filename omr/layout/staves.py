"""Staves of a page: every line of each as a smooth curve, and where it begins and ends.

A chain of combs gives the first guess; then each line's centre is measured in every cell, and a staff is fitted to all of them: a
smooth middle line and a smoother spacing, by penalised least squares that forget what lies off.

Source: P. H. C. Eilers: "A perfect smoother", Analytical Chemistry 75 (2003), for the penalty on second differences.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded
from scipy.ndimage import uniform_filter1d

from omr.layout.chains import Chain, link
from omr.layout.combs import LINES, Teeth, find_combs, stroke_cells
from omr.layout.frame import FRAME_INTERLINE, Frame

__all__ = ["Staff", "find_staves", "smooth"]

Curve = NDArray[np.float64]

GAPS: Final[Curve] = np.array([-1.5, -0.5, 0.5, 1.5])
OUTSIDE: Final[Curve] = np.array([-3.0, 3.0])
OFFSETS: Final[Curve] = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])  # lines from the middle one, in spaces
SEARCH_SPACES = 0.35  # a line is looked for so far from where it is expected
MIDDLE_STIFFNESS, SPACING_STIFFNESS = 40.0, 3000.0
GUESS_STIFFNESS = 30.0
ROUNDS = 3  # of fitting and forgetting
FORGET_SPACES = 0.08  # what lies this far off counts half
LEAST_STROKE = 0.12  # weaker is no line
END_SPACES = 1.5  # window of the ends
FILLED_GAPS = 3  # spaces with ink half-way, of four, in a column of something else than lines
END_GAP_SPACES = 1.2  # a longer break is an end
BAR_LINE_PX = 4  # of a bar line at the end
LEAST_ON = 0.6  # share of ink in it, on most lines
MIN_STAFF_SPACES = 6.0
STAFF_SPACES = 4.9  # middle lines are at least so far apart
MEETING_SPACES = 2.0  # that two staves must share to lie on each other
MOST_INSIDE = 0.3  # of a chain's combs that may lie in another staff
GROW_CELLS = 6  # columns looked at beyond each end
GOING_STROKE = 0.3  # at least so strong is a line that goes on
LEAST_VISIBLE = 0.35
LEAST_GAIN = 0.3  # of ink on all lines, in lines, for a staff to be moved
LEAST_GAIN_OF_ALL = 0.2  # the same for the whole of it
SETTLE_SPACES = 10.0  # about a place that are looked at for that
LEAST_BETTER = 0.03  # more of its lines must be there after
LEAST_SETTLED = 0.7  # of the clearest place's thin ink, for a place to count
MOST_STRAYING = 0.045  # spaces, in the median
LEAST_CLEAR = 0.2  # how much more ink there is on the lines than half-way between them
MOST_OUTSIDE = 0.73  # of a sixth line, as a share of the clearest of the five
LEAST_THIN = 0.2  # share of the columns in which there is ink no thicker than a line
LEAST_OF_A_LINE = 0.06  # the same on the line where it is least
LEDGER_SPACES = 3.0  # longer than any
THICKEST_PX = 5  # of a line
LEAST_STROKE_SPACES = 1.6  # length of strokes; those of letters are shorter
MOST_APART_SPACES = 1.0  # of pieces of one staff, half-way between them
LEAST_STEPS, MOST_LEAN = 4, 0.4  # ends from one staff to the next that tell the lean of a page
LEAST_ON_EACH = 0.5  # share of ink on each line where a staff goes on
LEAST_THIN_ON = 0.35  # of it no thicker than lines: braces are
LEAST_MISSED_SPACES, MOST_MISSED_SPACES = 1.0, 40.0  # that a staff is shorter than the next one, for it to be made longer
PAUSE_SPACES, MOST_IN_PAUSE = 5.0, 0.2  # where lines are gone for longer, a staff ends


@dataclass(frozen=True, eq=False)
class Staff:
    """One staff, in frame pixels.

    Args:
        places: ``x`` of the points, from the left end to the right end, (points,).
        middle: ``y`` of the middle line there, (points,).
        spacing: Distance of the lines there, (points,).
        line_count: 5.
        visible: Share of its lines that was seen, 0 to 1.
        straying: How far the measured centres lie off the lines, median in spaces.
    """

    places: Curve
    middle: Curve
    spacing: Curve
    line_count: int
    visible: float
    straying: float

    @property
    def left(self) -> float:
        """Where its lines begin."""
        return float(self.places[0])

    @property
    def right(self) -> float:
        """Where they end."""
        return float(self.places[-1])

    def middle_at(self, x: Curve) -> Curve:
        """``y`` of the middle line; straight on beyond the ends."""
        return _extended(x, self.places, self.middle)

    def spacing_at(self, x: Curve) -> Curve:
        """Distance of the lines; that of the ends beyond them."""
        return np.asarray(np.interp(x, self.places, self.spacing), dtype=np.float64)

    def line_at(self, x: Curve, spaces: float) -> Curve:
        """``y`` at a height of so many spaces below the middle line."""
        return self.middle_at(x) + spaces * self.spacing_at(x)


def _extended(x: Curve, places: Curve, values: Curve) -> Curve:
    inside = np.interp(x, places, values)
    near = max(1, min(len(places) - 1, 6))
    first = (values[near] - values[0]) / (places[near] - places[0])
    last = (values[-1] - values[-1 - near]) / (places[-1] - places[-1 - near])
    return np.asarray(inside + np.minimum(x - places[0], 0.0) * first + np.maximum(x - places[-1], 0.0) * last, dtype=np.float64)


def smooth(values: Curve, weights: Curve, stiffness: float) -> Curve:
    """The curve nearest to the weighted values whose second differences cost ``stiffness`` times their squares, (points,)."""
    count = len(values)
    if count < 3:
        total = weights.sum()
        return np.full(count, float((values * weights).sum() / total) if total > 0 else float(values.mean()))
    bands = np.zeros((3, count))
    bands[0] = weights + 1e-9
    bands[0, :-2] += stiffness
    bands[0, 1:-1] += 4 * stiffness
    bands[0, 2:] += stiffness
    bands[1, :-1][: count - 2] -= 2 * stiffness
    bands[1, 1 : count - 1] -= 2 * stiffness
    bands[2, : count - 2] += stiffness
    return np.asarray(solveh_banded(bands, weights * values, lower=True), dtype=np.float64)


def find_staves(frame: Frame) -> list[Staff]:
    """The staves of a page, top first."""
    teeth = stroke_cells(frame)
    if teeth is None:
        return []
    staves: list[Staff] = []
    for chain in link(find_combs(teeth)):  # the best first, so that pieces of it that went astray are seen to lie in it
        if all(_share_inside(chain, teeth, staff) <= MOST_INSIDE for staff in staves):
            for staff in _ended(frame, _settled(frame, teeth, _grown(frame, teeth, chain))):
                same = [other for other in staves if _meet(other, staff, staff.left, staff.right)]
                if all(other.right - other.left < staff.right - staff.left for other in same):
                    staves = [other for other in staves if all(other is not one for one in same)] + [staff]
    return _as_long_as_neighbours(frame, teeth, sorted(_merged(frame, teeth, staves), key=lambda staff: float(staff.middle.mean())))


def _share_inside(chain: Chain, teeth: Teeth, staff: Staff) -> float:
    """The share of a chain's combs that lie within the lines of a staff."""
    x = teeth.places[chain.columns]
    near = np.abs(staff.middle_at(x) - chain.heights) < STAFF_SPACES * FRAME_INTERLINE
    return float(np.mean(near & (x >= staff.left) & (x <= staff.right)))


def _grown(frame: Frame, teeth: Teeth, chain: Chain) -> Staff:
    """The staff of a chain, let grow at both ends for as long as its lines go on."""
    seen = np.array(chain.columns)
    columns = np.arange(seen[0], seen[-1] + 1)
    heights, known, spacings = np.zeros(len(columns)), np.zeros(len(columns)), np.full(len(columns), float(FRAME_INTERLINE))
    heights[seen - seen[0]], known[seen - seen[0]], spacings[seen - seen[0]] = chain.heights, 1.0, chain.spacings
    middle, spacing = smooth(heights, known, GUESS_STIFFNESS), smooth(spacings, known, SPACING_STIFFNESS)
    staff = _settled(frame, teeth, _fitted(teeth, columns, middle, spacing))
    for _ in range(len(teeth.places) // GROW_CELLS + 1):
        first, last = max(0, columns[0] - GROW_CELLS), min(len(teeth.places) - 1, columns[-1] + GROW_CELLS)
        wider = np.arange(first, last + 1)
        x = teeth.places[wider]
        _, strength = _centres(teeth, wider, staff.middle_at(x), staff.spacing_at(x), SEARCH_SPACES)
        going = np.flatnonzero((strength >= GOING_STROKE).sum(axis=0) >= LINES - 1)
        if not len(going) or (wider[going[0]] >= columns[0] and wider[going[-1]] <= columns[-1]):
            break
        columns = np.arange(min(columns[0], wider[going[0]]), max(columns[-1], wider[going[-1]]) + 1)
        x = teeth.places[columns]
        staff = _fitted(teeth, columns, staff.middle_at(x), staff.spacing_at(x))
    return staff


def _fitted(teeth: Teeth, columns: NDArray[np.int_], middle: Curve, spacing: Curve) -> Staff:
    """The staff that fits the centres of the lines near a guess."""
    straying = 1.0
    for round_number in range(ROUNDS):
        reach = SEARCH_SPACES if round_number == 0 else SEARCH_SPACES / 2
        centres, strength = _centres(teeth, columns, middle, spacing, reach)
        off = (centres - middle - OFFSETS[:, None] * spacing) / FRAME_INTERLINE
        weight = strength / (1.0 + (off / FORGET_SPACES) ** 2)
        middle, spacing = _fit(centres, weight, middle, spacing)
        off = np.abs(centres - middle - OFFSETS[:, None] * spacing)[strength > 0] / FRAME_INTERLINE
        straying = float(np.median(off)) if off.size else 1.0
    return Staff(teeth.places[columns], middle, spacing, LINES, 0.0, straying)


def _centres(teeth: Teeth, columns: NDArray[np.int_], middle: Curve, spacing: Curve, reach: float) -> tuple[Curve, Curve]:
    """Measured centre of each line in each column and how strong it is there, (lines, columns) each."""
    half = max(2, round(reach * FRAME_INTERLINE))
    expected = middle + OFFSETS[:, None] * spacing
    near = np.round(expected).astype(np.intp)[..., None] + np.arange(-half, half + 1)  # (lines, columns, rows)
    inside = (near >= 0) & (near < len(teeth.cells))
    cells = teeth.cells[np.clip(near, 0, len(teeth.cells) - 1), columns[None, :, None]]
    values = np.where(inside, cells, 0.0).astype(np.float64)
    peak = values.max(axis=2)
    mass = np.maximum(values - 0.5 * peak[..., None], 0.0)  # the foot of a stroke is other ink
    total = mass.sum(axis=2)
    centres = np.where(total > 0, (mass * near).sum(axis=2) / np.maximum(total, 1e-9), expected)
    return centres, np.where(peak >= LEAST_STROKE, peak, 0.0)


def _fit(centres: Curve, weight: Curve, middle: Curve, spacing: Curve) -> tuple[Curve, Curve]:
    """Middle line and spacing of the lines' centres, one after the other."""
    total = weight.sum(axis=0)
    level = (weight * (centres - OFFSETS[:, None] * spacing)).sum(axis=0) / np.maximum(total, 1e-9)
    middle = smooth(np.where(total > 0, level, middle), total, MIDDLE_STIFFNESS)
    moment = (weight * OFFSETS[:, None] ** 2).sum(axis=0)
    apart = (weight * OFFSETS[:, None] * (centres - middle)).sum(axis=0) / np.maximum(moment, 1e-9)
    return middle, smooth(np.where(moment > 0, apart, spacing), moment, SPACING_STIFFNESS)


def _settled(frame: Frame, teeth: Teeth, staff: Staff) -> Staff:
    """The staff moved by a line or two where that meets more ink, as when beams or slurs beside it were taken for a line."""
    x = np.arange(max(0.0, staff.left), min(frame.ink.shape[1] - 1.0, staff.right))
    seen = _lined(frame.level, staff, x, np.arange(-4.0, 5.0)).astype(np.float64)
    whole = _fives(seen.mean(axis=1, keepdims=True))[:, 0]
    near = _fives(uniform_filter1d(seen, round(SETTLE_SPACES * FRAME_INTERLINE), axis=1, mode="nearest"))
    if whole.max() >= whole[2] + LEAST_GAIN_OF_ALL:
        moves = np.full(len(x), int(np.argmax(whole)) - 2)
    else:
        moves = np.where(near.max(axis=0) - near[2] >= LEAST_GAIN, np.argmax(near, axis=0) - 2, 0)
    if not moves.any():
        return staff
    place = np.clip(np.round(staff.places - x[0]).astype(np.intp), 0, len(x) - 1)
    clear = (near.max(axis=0) >= LEAST_SETTLED * near.max())[place].astype(np.float64)
    middle = smooth(staff.middle + moves[place] * staff.spacing, clear, GUESS_STIFFNESS)
    moved = _fitted(teeth, np.searchsorted(teeth.places, staff.places), middle, staff.spacing)
    better = _thin(frame.level, moved, x, OFFSETS).mean() >= _thin(frame.level, staff, x, OFFSETS).mean() + LEAST_BETTER
    return moved if better else staff


def _fives(shares: Curve) -> Curve:
    """Ink on five lines in lines, for moves of -2 to 2 lines, of shares at nine heights, (5, columns)."""
    return np.stack([shares[move : move + LINES].sum(axis=0) for move in range(LINES)])


def _ended(frame: Frame, guess: Staff) -> list[Staff]:
    """The staff from where its lines begin to where they end; two or more where they pause, none where there are no lines."""
    margin = round(END_SPACES * FRAME_INTERLINE)
    x = np.arange(max(0.0, guess.left - 2 * margin), min(frame.ink.shape[1] - 1.0, guess.right + 2 * margin))
    on = _inked(frame.level, guess, x, OFFSETS)
    most = on.sum(axis=0) >= LINES - 1
    filled = _inked(frame.level, guess, x, GAPS).sum(axis=0) >= FILLED_GAPS  # braces, bar lines, clefs and heads
    pieces: list[Staff] = []
    for start, stop in _dense(most, on.sum(axis=0)):
        ends = _ends(most, filled, start + margin, stop - margin)
        if ends is None:
            continue
        first, last = ends
        inside = slice(first, last + 1)
        between = _inked(frame.level, guess, x[inside], GAPS).mean()
        visible = float(on[:, inside].mean())
        left, right = float(x[first]), float(x[last])
        if right - left < MIN_STAFF_SPACES * FRAME_INTERLINE or visible < LEAST_VISIBLE or guess.straying > MOST_STRAYING:
            continue
        if (
            visible - between < LEAST_CLEAR
            or _is_of_other_strokes(frame, guess, x[inside])
            or _stroke_spaces(on[:, inside]) < LEAST_STROKE_SPACES
        ):
            continue
        pieces.append(replace(_between(guess, left, right), visible=visible))
    return pieces


def _is_of_other_strokes(frame: Frame, staff: Staff, x: Curve) -> bool:
    """Whether what lies on the five lines is no lines but beams, or one line more lies above or below them."""
    thin = _thin(frame.level, staff, x, np.concatenate([OFFSETS, OUTSIDE])).mean(axis=1)
    lines, others = thin[:LINES], thin[LINES:]
    return bool(lines.mean() < LEAST_THIN or lines.min() < LEAST_OF_A_LINE or others.max() > MOST_OUTSIDE * lines.max())


def _ends(most: NDArray[np.bool_], filled: NDArray[np.bool_], start: int, stop: int) -> tuple[int, int] | None:
    """First and last column of a staff's lines about these columns; None when there is none.

    Lines go on over short breaks, and under ink that fills the spaces too; such ink is no line itself, so that braces and letters
    beside the staff are left out, but a bar line right at the end is taken in.
    """
    lines = np.flatnonzero(most & ~filled)
    white = np.concatenate([[0], np.cumsum(~most & ~filled)])
    breaks = np.flatnonzero(np.diff(white[lines]) > END_GAP_SPACES * FRAME_INTERLINE) + 1
    runs = [run for run in np.split(lines, breaks) if len(run) and run[-1] >= start and run[0] <= stop]
    if not runs:
        return None
    first, last = int(runs[0][0]), int(runs[-1][-1])
    for _ in range(BAR_LINE_PX):
        first -= int(first > 0 and most[first - 1])
        last += int(last + 1 < len(most) and most[last + 1])
    return first, last


def _lined(ink: NDArray[np.bool_], staff: Staff, x: Curve, spaces: Curve) -> NDArray[np.bool_]:
    """As ``_thin``, in strokes that are longer than ledger lines, (heights, columns)."""
    stroke = np.ones((1, round(LEDGER_SPACES * FRAME_INTERLINE)), dtype=np.uint8)
    long = cv2.morphologyEx(_inked(ink, staff, x, spaces).astype(np.uint8), cv2.MORPH_OPEN, stroke)
    return np.asarray((long > 0) & _thin(ink, staff, x, spaces), dtype=np.bool_)


def _columns(ink: NDArray[np.bool_], x: Curve) -> NDArray[np.intp]:
    return np.clip(np.round(x).astype(np.intp), 0, ink.shape[1] - 1)


def _inked(ink: NDArray[np.bool_], staff: Staff, x: Curve, spaces: Curve) -> NDArray[np.bool_]:
    """Where there is ink (of the frame, (height, width)) within a pixel of these heights of a staff, (heights, columns)."""
    rows = np.round(staff.middle_at(x) + spaces[:, None] * staff.spacing_at(x)).astype(np.intp)
    rows = np.clip(rows, 1, len(ink) - 2)
    across = np.broadcast_to(_columns(ink, x), rows.shape)
    return np.asarray(ink[rows - 1, across] | ink[rows, across] | ink[rows + 1, across])


def _thin(ink: NDArray[np.bool_], staff: Staff, x: Curve, spaces: Curve) -> NDArray[np.bool_]:
    """Where there is ink near these heights of a staff that is no thicker than a line, (heights, columns)."""
    reach = THICKEST_PX + 2
    rows = np.round(staff.middle_at(x) + spaces[:, None] * staff.spacing_at(x)).astype(np.intp)
    around = rows[..., None] + np.arange(-reach, reach + 1)
    inside = (around >= 0) & (around < len(ink))
    cells = ink[np.clip(around, 0, len(ink) - 1), _columns(ink, x)[None, :, None]] & inside
    start = np.argmax(cells[..., reach - 1 : reach + 2], axis=-1) + reach - 1  # the ink nearest to the height, from above
    hit = np.take_along_axis(cells, start[..., None], axis=-1)[..., 0]
    place = np.arange(2 * reach + 1)
    first = np.where(~cells & (place < start[..., None]), place, -1).max(axis=-1)
    last = np.where(~cells & (place > start[..., None]), place, 2 * reach + 1).min(axis=-1)
    return np.asarray(hit & (last - first - 1 <= THICKEST_PX), dtype=np.bool_)


def _stroke_spaces(on: NDArray[np.bool_]) -> float:
    """Length in spaces of the stroke that a pixel of ink lies in, on average on the line where it is least."""
    least = np.inf
    for line in on:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
        lengths = (edges[1::2] - edges[::2]).astype(np.float64)
        least = min(least, float((lengths**2).sum() / max(float(lengths.sum()), 1.0)) / FRAME_INTERLINE)
    return least


def _dense(most: NDArray[np.bool_], lines: NDArray[np.int_]) -> list[tuple[int, int]]:
    """Where staves may lie: from the first place with enough ink to the last, with a margin, without long pauses."""
    margin = round(END_SPACES * FRAME_INTERLINE)
    dense = np.flatnonzero(uniform_filter1d(most.astype(np.float64), margin, mode="constant") >= LEAST_ON)
    if not len(dense):
        return []
    parts = np.split(dense, np.flatnonzero(np.diff(dense) > PAUSE_SPACES * FRAME_INTERLINE) + 1)
    places = [(max(0, int(part[0]) - margin), min(len(most), int(part[-1]) + 1 + margin)) for part in parts]
    whole = places[:1]
    for start, stop in places[1:]:
        pause = lines[whole[-1][1] : start]
        if pause.size and pause.mean() < MOST_IN_PAUSE * LINES:
            whole.append((start, stop))
        else:
            whole[-1] = (whole[-1][0], stop)
    return whole


def _merged(frame: Frame, teeth: Teeth, pieces: list[Staff]) -> list[Staff]:
    """Pieces that continue each other made one, where there is ink on their lines between them."""
    staves: list[Staff] = []
    for piece in sorted(pieces, key=lambda staff: staff.left - staff.right):
        for number, staff in enumerate(staves):
            first, last = sorted((staff, piece), key=lambda one: one.left)
            missed = (last.left - first.right) / FRAME_INTERLINE
            half_way = np.array([(first.right + last.left) / 2])
            apart = abs(float((first.middle_at(half_way) - last.middle_at(half_way))[0])) / FRAME_INTERLINE
            if 0 <= missed < MOST_MISSED_SPACES and apart < MOST_APART_SPACES:
                columns = np.flatnonzero((teeth.places >= first.left) & (teeth.places <= last.right))
                x = teeth.places[columns]
                places = np.concatenate([first.places, last.places])
                middle = np.interp(x, places, np.concatenate([first.middle, last.middle]))
                spacing = np.interp(x, places, np.concatenate([first.spacing, last.spacing]))
                whole = replace(_fitted(teeth, columns, middle, spacing), visible=min(first.visible, last.visible))
                if _inked(frame.level, whole, np.arange(first.right, last.left), OFFSETS).mean() >= LEAST_ON:
                    staves[number] = _between(whole, first.left, last.right)
                    break
        else:
            staves.append(piece)
    return staves


def _as_long_as_neighbours(frame: Frame, teeth: Teeth, staves: list[Staff]) -> list[Staff]:
    """Staves, top first, that go on to where the next ones begin or end, if there is ink on most of their lines up to there."""
    longer = []
    lean = _lean(staves)
    for number, staff in enumerate(staves):
        grown = staff
        for other in staves[max(0, number - 1) : number] + staves[number + 1 : number + 2]:
            aside = lean * float(staff.middle.mean() - other.middle.mean())
            for left, right in ((other.left + aside, staff.left), (staff.right, other.right + aside)):
                if LEAST_MISSED_SPACES < (right - left) / FRAME_INTERLINE < MOST_MISSED_SPACES:
                    beyond = _beside(staff, other, teeth, left, right)
                    if _goes_on(frame, beyond, left, right) and not any(
                        _meet(one, beyond, left, right) for one in staves if one is not staff
                    ):
                        grown = _spliced(grown, beyond, left, right)
        longer.append(grown)
    return longer


def _lean(staves: list[Staff]) -> float:
    """How far the ends of staves lie to the right for each pixel down, as on pages that were not photographed straight."""
    steps = [
        (getattr(lower, end) - getattr(upper, end)) / max(float(lower.middle.mean() - upper.middle.mean()), 1.0)
        for upper, lower in pairwise(staves)
        for end in ("left", "right")
    ]
    lean = float(np.median(steps)) if len(steps) >= LEAST_STEPS else 0.0
    return lean if abs(lean) <= MOST_LEAN else 0.0


def _goes_on(frame: Frame, staff: Staff, left: float, right: float) -> bool:
    """Whether there is ink on all lines between two places, as of lines, and no more of it a line higher or lower."""
    x = np.arange(left, right)
    thin = _thin(frame.level, staff, x, np.arange(-3.0, 4.0)).mean(axis=1)
    here = thin[1 : 1 + LINES].mean()
    beside = max(thin[:LINES].mean(), thin[2:].mean())
    return bool(_inked(frame.level, staff, x, OFFSETS).mean(axis=1).min() >= LEAST_ON_EACH and here >= max(LEAST_THIN_ON, beside))


def _spliced(staff: Staff, beyond: Staff, left: float, right: float) -> Staff:
    """A staff with what it goes on as between two places, at one of its ends."""
    x = np.linspace(left, right, max(3, round((right - left) / FRAME_INTERLINE) + 1))
    x = x[(x < staff.left) | (x > staff.right)]
    places = np.concatenate([x[x < staff.left], staff.places, x[x > staff.right]])
    kept = (places >= staff.left) & (places <= staff.right)
    middle, spacing = beyond.middle_at(places), beyond.spacing_at(places)
    middle[kept], spacing[kept] = staff.middle, staff.spacing
    return replace(staff, places=places, middle=middle, spacing=spacing)


def _beside(staff: Staff, other: Staff, teeth: Teeth, left: float, right: float) -> Staff:
    """A staff that goes on beyond an end, from ``left`` to ``right``, first bent as its neighbour, then fitted."""
    columns = np.flatnonzero((teeth.places >= min(left, staff.left)) & (teeth.places <= max(right, staff.right)))
    x = teeth.places[columns]
    end = np.clip(x, staff.left, staff.right)
    middle = staff.middle_at(end) + other.middle_at(x) - other.middle_at(end)
    spacing = other.spacing_at(x) * float(np.median(staff.spacing) / np.median(other.spacing))
    return replace(_fitted(teeth, columns, middle, spacing), spacing=spacing, visible=staff.visible)


def _meet(one: Staff, other: Staff, left: float, right: float) -> bool:
    """Whether two staves lie on each other between two places, where both go."""
    first, last = max(left, one.left), min(right, one.right)
    if last - first < MEETING_SPACES * FRAME_INTERLINE:
        return False
    at = np.array([(first + last) / 2])
    return abs(float((one.middle_at(at) - other.middle_at(at))[0])) < STAFF_SPACES * FRAME_INTERLINE


def _between(staff: Staff, left: float, right: float) -> Staff:
    """The staff with other ends."""
    points = np.linspace(left, right, max(3, round((right - left) / FRAME_INTERLINE) + 1))
    return replace(staff, places=points, middle=staff.middle_at(points), spacing=staff.spacing_at(points))
