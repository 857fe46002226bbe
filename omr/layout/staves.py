"""Staves of a page: every line of each as a smooth curve, and where it begins and ends.

A chain of combs gives the first guess; then each line's centre is measured in every cell, and a staff is fitted to all of them
(``omr.layout.fitting``); it ends where its lines do, and is made whole by what continues it (``omr.layout.whole_staves``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from omr.layout.bend import PageBend, page_bend
from omr.layout.chains import Chain, link
from omr.layout.combs import LINES, Teeth, find_combs, stroke_cells
from omr.layout.fitting import (
    ALIKE_STIFFNESS,
    GUESS_STIFFNESS,
    SEARCH_SPACES,
    SPACING_STIFFNESS,
    fitted,
    line_centres,
    majority_line,
    settled,
)
from omr.layout.frame import FRAME_INTERLINE, Frame
from omr.layout.missed_staves import missed_heights
from omr.layout.staff import OFFSETS, Curve, Staff, smooth, with_ends
from omr.layout.staff_ink import inked, stroke_spaces, thin_ink
from omr.layout.whole_staves import STAFF_SPACES, as_long_as_neighbours, lie_on_each_other, merged

__all__ = ["find_staves"]

GAPS: Final[Curve] = np.array([-1.5, -0.5, 0.5, 1.5])
OUTSIDE: Final[Curve] = np.array([-3.0, 3.0])
END_SPACES = 1.5  # window of the ends
FILLED_GAPS = 3  # spaces with ink half-way, of four, in a column of something else than lines
END_GAP_SPACES = 1.2  # a longer break is an end
BAR_LINE_PX = 4  # of a bar line at the end
LEAST_ON = 0.6  # share of ink in it, on most lines
MIN_STAFF_SPACES = 6.0
MOST_BARREN = 16  # chains in a row that make no staff, after which the others are noise
MOST_INSIDE = 0.3  # of a chain's combs that may lie in another staff
GROW_CELLS = 6  # columns looked at beyond each end
GOING_STROKE = 0.3  # at least so strong is a line that goes on
LEAST_VISIBLE = 0.35
MOST_STRAYING = 0.045  # spaces, in the median
LEAST_CLEAR = 0.2  # how much more ink there is on the lines than half-way between them
MOST_OUTSIDE = 0.73  # of a sixth line, as a share of the clearest of the five
LEAST_THIN = 0.2  # share of the columns in which there is ink no thicker than a line
LEAST_OF_A_LINE = 0.06  # the same on the line where it is least
LEAST_STROKE_SPACES = 1.6  # length of strokes; those of letters are shorter
LEAST_BROKEN_SPACES = 0.8  # where the page's bend says that there are lines
LEAST_MISSED = 0.6  # of the width of the others, for a staff that was missed
PAUSE_SPACES, MOST_IN_PAUSE = 5.0, 0.2  # where lines are gone for longer, a staff ends
BEYOND_SPACES = 12.0  # looked at beyond the ends once the page's bend is known
MOST_LOST = 0.01  # of the ink on the lines


def find_staves(frame: Frame) -> list[Staff]:
    """The staves of a page, top first."""
    teeth = stroke_cells(frame)
    if teeth is None:
        return []
    staves: list[Staff] = []
    barren = 0
    for chain in link(find_combs(teeth)):  # the best first, so that pieces of it that went astray are seen to lie in it
        if barren == MOST_BARREN:
            break
        if all(_share_inside(chain, teeth, staff) <= MOST_INSIDE for staff in staves):
            barren += 1
            for staff in _ended(frame, settled(frame, teeth, _grown(frame, teeth, chain))):
                same = [other for other in staves if lie_on_each_other(other, staff, staff.left, staff.right)]
                if all(other.right - other.left < staff.right - staff.left for other in same):
                    staves = [other for other in staves if all(other is not one for one in same)] + [staff]
                    barren = 0
    whole = sorted(merged(frame, teeth, staves), key=lambda staff: float(staff.middle.mean()))
    bend = page_bend(whole)
    if bend is not None:
        alike = [_bent_alike(frame, teeth, staff, bend) for staff in whole]
        whole = _apart([*alike, *_missed(frame, teeth, alike, bend)])
    return as_long_as_neighbours(frame, teeth, whole, bend)


def _bent_alike(frame: Frame, teeth: Teeth, staff: Staff, bend: PageBend) -> Staff:
    """The staff fitted anew so that it bends as its page does, if its lines are seen as well so."""
    reach = BEYOND_SPACES * FRAME_INTERLINE
    columns = np.flatnonzero((teeth.places >= staff.left - reach) & (teeth.places <= staff.right + reach))
    x = teeth.places[columns]
    course = bend.along(x, float(staff.middle.mean()))
    known = ((x >= staff.left) & (x <= staff.right)).astype(np.float64)
    middle = course.run + majority_line(staff.middle_at(x) - course.run, known)
    spacing = course.widening * smooth(staff.spacing_at(x) / course.widening, known, ALIKE_STIFFNESS)
    pieces = _ended(frame, fitted(teeth, columns, middle, spacing, course))
    other = max(pieces, key=lambda piece: piece.right - piece.left, default=staff)
    other = with_ends(other, max(other.left, staff.left), min(other.right, staff.right))
    inside = np.arange(staff.left, staff.right)
    before, after = (float(thin_ink(frame.level, one, inside, OFFSETS).mean()) for one in (staff, other))
    return other if after >= before - MOST_LOST else staff


def _missed(frame: Frame, teeth: Teeth, staves: list[Staff], bend: PageBend) -> list[Staff]:
    """Staves between these that lie along the bend of the page."""
    found = []
    left, right = (float(np.median([getattr(staff, end) for staff in staves])) for end in ("left", "right"))
    spacing = float(np.median([np.median(staff.spacing) for staff in staves]))
    columns = np.flatnonzero((teeth.places >= left) & (teeth.places <= right))
    for height in missed_heights(teeth, columns, spacing, staves, bend) if len(columns) > 1 else []:
        course = bend.along(teeth.places[columns], height)
        guess = fitted(teeth, columns, height + course.run, spacing * course.widening, course)
        pieces = _ended(frame, guess, LEAST_BROKEN_SPACES)
        found += [piece for piece in pieces if piece.right - piece.left >= LEAST_MISSED * (right - left)]
    return found


def _apart(staves: list[Staff]) -> list[Staff]:
    """Those that do not lie on longer ones, top first."""
    kept: list[Staff] = []
    for staff in sorted(staves, key=lambda staff: staff.left - staff.right):
        if not any(lie_on_each_other(one, staff, staff.left, staff.right) for one in kept):
            kept.append(staff)
    return sorted(kept, key=lambda staff: float(staff.middle.mean()))


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
    staff = settled(frame, teeth, fitted(teeth, columns, middle, spacing))
    for _ in range(len(teeth.places) // GROW_CELLS + 1):
        first, last = max(0, columns[0] - GROW_CELLS), min(len(teeth.places) - 1, columns[-1] + GROW_CELLS)
        wider = np.arange(first, last + 1)
        x = teeth.places[wider]
        _, strength = line_centres(teeth, wider, staff.middle_at(x), staff.spacing_at(x), SEARCH_SPACES)
        going = np.flatnonzero((strength >= GOING_STROKE).sum(axis=0) >= LINES - 1)
        if not len(going) or (wider[going[0]] >= columns[0] and wider[going[-1]] <= columns[-1]):
            break
        columns = np.arange(min(columns[0], wider[going[0]]), max(columns[-1], wider[going[-1]]) + 1)
        x = teeth.places[columns]
        staff = fitted(teeth, columns, staff.middle_at(x), staff.spacing_at(x))
    return staff


def _ended(frame: Frame, guess: Staff, least_stroke: float = LEAST_STROKE_SPACES) -> list[Staff]:
    """The staff from where its lines begin to where they end; two or more where they pause, none where there are no lines."""
    margin = round(END_SPACES * FRAME_INTERLINE)
    x = np.arange(max(0.0, guess.left - 2 * margin), min(frame.ink.shape[1] - 1.0, guess.right + 2 * margin))
    on = inked(frame.level, guess, x, OFFSETS)
    most = on.sum(axis=0) >= LINES - 1
    filled = inked(frame.level, guess, x, GAPS).sum(axis=0) >= FILLED_GAPS  # braces, bar lines, clefs and heads
    pieces: list[Staff] = []
    for start, stop in _dense(most, on.sum(axis=0)):
        ends = _ends(most, filled, start + margin, stop - margin)
        if ends is None:
            continue
        first, last = ends
        inside = slice(first, last + 1)
        between = inked(frame.level, guess, x[inside], GAPS).mean()
        visible = float(on[:, inside].mean())
        left, right = float(x[first]), float(x[last])
        if right - left < MIN_STAFF_SPACES * FRAME_INTERLINE or visible < LEAST_VISIBLE or guess.straying > MOST_STRAYING:
            continue
        if (
            visible - between < LEAST_CLEAR
            or _is_of_other_strokes(frame, guess, x[inside])
            or stroke_spaces(on[:, inside]) < least_stroke
        ):
            continue
        pieces.append(replace(with_ends(guess, left, right), visible=visible))
    return pieces


def _is_of_other_strokes(frame: Frame, staff: Staff, x: Curve) -> bool:
    """Whether what lies on the five lines is no lines but beams, or one line more lies above or below them."""
    thin = thin_ink(frame.level, staff, x, np.concatenate([OFFSETS, OUTSIDE])).mean(axis=1)
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
