"""Turns what verovio drew of a system into the contract's rows (``omr.signs``) and page pixels.

Conventions: pixels ``x`` to the right, ``y`` downwards. ``place`` is that of the line or space which a sign stands for (a head's or
accidental's pitch, a clef's line), and that of the box's middle where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from omr.pages.drawn import DrawnSign, DrawnSystem
from omr.pages.score_facts import ScoreFacts
from omr.pages.shapes import Box
from omr.signs import HEADS, KIND_INDEX, RESTS, SIGN_DTYPE, Brace, Signs, empty_signs

__all__ = ["LabelledSystem", "labelled_system"]

HEAD_KINDS = frozenset(HEADS)
EVENT_KINDS = frozenset({*HEADS, *RESTS})
STEM_KINDS = frozenset({*HEADS, "stem", "flag"})


@dataclass(frozen=True, eq=False)
class LabelledSystem:
    """A system of a page.

    Args:
        first_bar: Index of its first bar, counted over the score from 0.
        last_bar: Of its last bar.
        staff_numbers: Which staves of the score are drawn, counted from 0.
        staff_lines: For each staff its lines, top first: ``x0, x1, y`` in page pixels, shape (lines, 3).
        interline_px: Distance of two staff lines.
        signs: Rows of ``SIGN_DTYPE`` in order of ``x``, in staff spaces.
        words: Texts by row of ``signs``.
        braces: Braces and brackets at the left.
    """

    first_bar: int
    last_bar: int
    staff_numbers: tuple[int, ...]
    staff_lines: tuple[NDArray[np.float32], ...]
    interline_px: float
    signs: Signs
    words: dict[int, str] = field(default_factory=dict)
    braces: tuple[Brace, ...] = ()

    @property
    def middle_lines(self) -> NDArray[np.float32]:
        """``y`` of each staff's middle line in staff spaces below the first's, shape (staves,)."""
        middles = np.array([(lines[0, 2] + lines[-1, 2]) / 2 for lines in self.staff_lines])
        return np.asarray((middles - middles[0]) / self.interline_px, dtype=np.float32)

    @property
    def origin_px(self) -> tuple[float, float]:
        """Page pixels of ``x = 0, y = 0``: the left end of the first staff's middle line."""
        lines = self.staff_lines[0]
        return min(float(rows[:, 0].min()) for rows in self.staff_lines), float(lines[0, 2] + lines[-1, 2]) / 2

    @property
    def width(self) -> float:
        """Length of the staff lines in staff spaces."""
        right = max(float(rows[:, 1].max()) for rows in self.staff_lines)
        return (right - self.origin_px[0]) / self.interline_px


class _Scale:
    """Maps a system's drawing to staff spaces."""

    def __init__(self, system: DrawnSystem) -> None:
        self.numbers = sorted(system.staves)
        staves = [system.staves[number] for number in self.numbers]
        distances = [(s.ys[-1] - s.ys[0]) / (len(s.ys) - 1) for s in staves if len(s.ys) > 1]
        self.interline = float(np.median(distances)) if distances else 0.0
        self.left = min(staff.left for staff in staves)
        self.tops = np.array([staff.ys[0] for staff in staves])
        self.bottoms = np.array([staff.ys[-1] for staff in staves])
        self.own_interlines = np.array(
            [(s.ys[-1] - s.ys[0]) / (len(s.ys) - 1) if len(s.ys) > 1 else self.interline for s in staves]
        )
        self.middles = (self.tops + self.bottoms) / 2

    def nearest(self, y: float) -> int:
        """The staff nearest to a height, the upper one of two."""
        away = np.maximum(np.maximum(self.tops - y, y - self.bottoms), 0.0)
        return int(np.argmin(away))

    def crossed(self, box: Box) -> list[int]:
        """Staves whose middle a box covers."""
        return [index for index, y in enumerate(self.middles) if box.top <= y <= box.bottom]


def _staff_of(sign: DrawnSign, scale: _Scale) -> int:
    if sign.kind.startswith("bar_") and (crossed := scale.crossed(sign.box)):
        return crossed[0]
    if sign.staff in scale.numbers:
        return scale.numbers.index(sign.staff)
    return scale.nearest((sign.box.top + sign.box.bottom) / 2)


def _fill(row: np.void, sign: DrawnSign, scale: _Scale, system: DrawnSystem, facts: ScoreFacts) -> None:
    staff = _staff_of(sign, scale)
    box, unit = sign.box, scale.interline
    row["kind"] = KIND_INDEX[sign.kind]
    row["probability"] = 1.0
    row["x"] = ((box.left + box.right) / 2 - scale.left) / unit
    row["y"] = ((box.top + box.bottom) / 2 - scale.middles[0]) / unit
    row["width"], row["height"] = (box.right - box.left) / unit, (box.bottom - box.top) / unit
    row["staff"] = staff
    row["place"] = 4.0 + (scale.middles[staff] - sign.y) / scale.own_interlines[staff] * 2.0
    row["beam_group"] = facts.beam_groups.get(sign.beam, -1)
    event = facts.events.get(sign.owner)
    if event is None:
        return
    if sign.kind in STEM_KINDS:
        row["chord"] = event.number
    if sign.kind in EVENT_KINDS:
        if event.duration >= 0:
            row["duration"][event.duration] = 1.0
        row["dots"][min(event.dots, row["dots"].shape[0] - 1)] = 1.0
    if sign.kind in HEAD_KINDS:
        row["stem"][system.stems.get(event.number, 0)] = 1.0
        row["beam"][event.beam] = 1.0
        row["beam_group"] = event.beam_group
        row["grace"][event.grace] = 1.0
        row["slur_start"], row["slur_stop"] = event.slur_start, event.slur_stop
        row["tie_start"], row["tie_stop"] = sign.owner in facts.tie_starts, sign.owner in facts.tie_stops


def _join(row: np.void, others: list[DrawnSign], scale: _Scale, system: DrawnSystem, facts: ScoreFacts) -> None:
    """What two voices print at one place is one sign: what they say of it is likely in equal parts."""
    more = empty_signs(len(others))
    for other, sign in zip(more, others, strict=True):
        _fill(other, sign, scale, system, facts)
    for name in ("duration", "dots", "stem", "beam", "grace"):
        row[name] = (row[name] + more[name].sum(axis=0)) / (len(others) + 1)
    for name in ("tie_start", "tie_stop", "slur_start", "slur_stop"):
        row[name] = max(row[name], more[name].max())


def labelled_system(
    system: DrawnSystem, facts: ScoreFacts, staves: list[int], pixels_per_unit: float, margin: tuple[float, float]
) -> LabelledSystem:
    """A drawn system in the contract's terms.

    Args:
        system: What was drawn.
        facts: What the score says.
        staves: MEI's numbers of the score's staves, in order.
        pixels_per_unit: Size of the drawing's unit on the page.
        margin: Where the drawing's origin lies, in its units.
    """
    scale = _Scale(system)
    distinct: dict[tuple[str, Box], list[DrawnSign]] = {}
    for sign in sorted(system.signs, key=lambda sign: (sign.box.left + sign.box.right, sign.box.top, sign.kind)):
        distinct.setdefault((sign.kind, sign.box), []).append(sign)
    drawn = [group[0] for group in distinct.values()]
    signs = empty_signs(len(drawn))
    for row, group in zip(signs, distinct.values(), strict=True):
        _fill(row, group[0], scale, system, facts)
        if len(group) > 1:
            _join(row, group[1:], scale, system, facts)
    assert signs.dtype == SIGN_DTYPE
    lines = []
    for number in scale.numbers:
        staff = system.staves[number]
        rows = [((staff.left + margin[0]), (staff.right + margin[0]), y + margin[1]) for y in staff.ys]
        lines.append(np.array(rows, dtype=np.float32) * np.float32(pixels_per_unit))
    braces = []
    for kind, box in system.braces:
        if crossed := scale.crossed(box):
            braces.append(Brace(crossed[0], crossed[-1], kind))
    return LabelledSystem(
        first_bar=min(system.bars),
        last_bar=max(system.bars),
        staff_numbers=tuple(staves.index(number) for number in scale.numbers),
        staff_lines=tuple(lines),
        interline_px=scale.interline * pixels_per_unit,
        signs=signs,
        words={index: sign.text for index, sign in enumerate(drawn) if sign.text},
        braces=tuple(braces),
    )
