"""Staves made whole: pieces that continue each other are joined, and a staff goes on to where its neighbours end."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from omr.layout.bend import PageBend
from omr.layout.combs import LINES, Teeth
from omr.layout.fitting import fitted
from omr.layout.frame import FRAME_INTERLINE, Frame
from omr.layout.staff import OFFSETS, Staff, with_ends
from omr.layout.staff_ink import inked, thin_ink

__all__ = ["STAFF_SPACES", "as_long_as_neighbours", "lie_on_each_other", "merged"]

LEAST_ON = 0.6  # share of ink on the lines between two pieces of a staff
STAFF_SPACES = 4.9  # middle lines are at least so far apart
MEETING_SPACES = 2.0  # that two staves must share to lie on each other
MOST_APART_SPACES = 1.0  # of pieces of one staff, half-way between them
LEAST_STEPS, MOST_LEAN = 4, 0.4  # ends from one staff to the next that tell the lean of a page
LEAST_ON_EACH = 0.5  # share of ink on each line where a staff goes on
LEAST_THIN_ON = 0.35  # of it no thicker than lines: braces are
LEAST_AS_THIN = 0.6  # or so much of what it is on the rest of the staff, where blurred lines are thick
ROUNDS = 3  # in which what was made longer tells of the next ones
LEAST_MISSED_SPACES, MOST_MISSED_SPACES = 1.0, 40.0  # that a staff is shorter than the next one, for it to be made longer


def merged(frame: Frame, teeth: Teeth, pieces: list[Staff]) -> list[Staff]:
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
                whole = replace(fitted(teeth, columns, middle, spacing), visible=min(first.visible, last.visible))
                if inked(frame.level, whole, np.arange(first.right, last.left), OFFSETS).mean() >= LEAST_ON:
                    staves[number] = with_ends(whole, first.left, last.right)
                    break
        else:
            staves.append(piece)
    return staves


def as_long_as_neighbours(frame: Frame, teeth: Teeth, staves: list[Staff], bend: PageBend | None) -> list[Staff]:
    """Staves, top first, that go on to where the next ones begin or end, if there is ink on most of their lines up to there."""
    for _ in range(ROUNDS):
        longer = _longer(frame, teeth, staves, bend)
        same = all(one is other for one, other in zip(longer, staves, strict=True))
        staves = longer
        if same:
            break
    return staves


def _longer(frame: Frame, teeth: Teeth, staves: list[Staff], bend: PageBend | None) -> list[Staff]:
    """The same, by what the next ones are now."""
    longer = []
    lean = _lean(staves)
    for number, staff in enumerate(staves):
        grown = staff
        for other in staves[max(0, number - 1) : number] + staves[number + 1 : number + 2]:
            aside = lean * float(staff.middle.mean() - other.middle.mean())
            for left, right in ((other.left + aside, staff.left), (staff.right, other.right + aside)):
                if LEAST_MISSED_SPACES < (right - left) / FRAME_INTERLINE < MOST_MISSED_SPACES:
                    beyond = _beside(staff, other, teeth, left, right, bend)
                    if _goes_on(frame, staff, beyond, left, right) and not any(
                        lie_on_each_other(one, beyond, left, right) for one in staves if one is not staff
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


def _goes_on(frame: Frame, seen: Staff, staff: Staff, left: float, right: float) -> bool:
    """Whether there is ink on all lines between two places, about as thin as where the staff was seen, and no more beside it."""
    x = np.arange(left, right)
    thin = thin_ink(frame.level, staff, x, np.arange(-3.0, 4.0)).mean(axis=1)
    here = thin[1 : 1 + LINES].mean()
    beside = max(thin[:LINES].mean(), thin[2:].mean())
    whole = thin_ink(frame.level, seen, np.arange(seen.left, seen.right), OFFSETS).mean()
    least = min(LEAST_THIN_ON, LEAST_AS_THIN * float(whole))
    return bool(inked(frame.level, staff, x, OFFSETS).mean(axis=1).min() >= LEAST_ON_EACH and here >= max(least, beside))


def _beside(staff: Staff, other: Staff, teeth: Teeth, left: float, right: float, bend: PageBend | None) -> Staff:
    """A staff that goes on beyond an end, from ``left`` to ``right``, first bent as its page or its neighbour, then fitted."""
    columns = np.flatnonzero((teeth.places >= min(left, staff.left)) & (teeth.places <= max(right, staff.right)))
    x = teeth.places[columns]
    end = np.clip(x, staff.left, staff.right)
    if bend is not None:
        course = bend.along(x, float(staff.middle.mean()))
        run = course.run - np.interp(end, x, course.run)
        widening = course.widening / np.interp(end, x, course.widening)
        spacing = staff.spacing_at(end) * widening
        return replace(fitted(teeth, columns, staff.middle_at(end) + run, spacing, course), visible=staff.visible)
    middle = staff.middle_at(end) + other.middle_at(x) - other.middle_at(end)
    spacing = other.spacing_at(x) * float(np.median(staff.spacing) / np.median(other.spacing))
    return replace(fitted(teeth, columns, middle, spacing), spacing=spacing, visible=staff.visible)


def _spliced(staff: Staff, beyond: Staff, left: float, right: float) -> Staff:
    """A staff with what it goes on as between two places, at one of its ends."""
    x = np.linspace(left, right, max(3, round((right - left) / FRAME_INTERLINE) + 1))
    x = x[(x < staff.left) | (x > staff.right)]
    places = np.concatenate([x[x < staff.left], staff.places, x[x > staff.right]])
    kept = (places >= staff.left) & (places <= staff.right)
    middle, spacing = beyond.middle_at(places), beyond.spacing_at(places)
    middle[kept], spacing[kept] = staff.middle, staff.spacing
    return replace(staff, places=places, middle=middle, spacing=spacing)


def lie_on_each_other(one: Staff, other: Staff, left: float, right: float) -> bool:
    """Whether two staves lie on each other between two places, where both go."""
    first, last = max(left, one.left), min(right, one.right)
    if last - first < MEETING_SPACES * FRAME_INTERLINE:
        return False
    at = np.array([(first + last) / 2])
    return abs(float((one.middle_at(at) - other.middle_at(at))[0])) < STAFF_SPACES * FRAME_INTERLINE
