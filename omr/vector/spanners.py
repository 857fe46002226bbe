"""Signs that span notes: octave lines, voltas and hairpins. Lengths are staff spaces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from omr.vector.scene import Scene
from omr.vector.strokes import Stroke
from omr.vector.texts import Text

__all__ = ["Spanner", "find_hairpins", "find_octave_lines", "find_voltas"]

MAX_LINE: Final = 0.35
OCTAVE_TEXT: Final = re.compile(r"\(?(8|15)(va|vb|ma|mb|v\.|ª)?\.?(bassa|alta)?\)?", re.IGNORECASE)
NEXT_DASH: Final = 2.2
DASH_HEIGHT: Final = 0.6  # beyond the label's box
VOLTA_ABOVE: Final = 0.8  # above the staff
MIN_VOLTA: Final = 4.0
VOLTA_HOOK: Final = (0.6, 4.0)  # length of the hook at its left end
AT_CORNER: Final = 0.25
VOLTA_NUMBER: Final = re.compile(r"\d[\d\s.,–-]*")
MIN_HAIRPIN: Final = 1.0
SAME_END: Final = 0.6
MAX_OPENING: Final = 3.0
MAX_SLOPE: Final = 0.7


@dataclass(frozen=True, slots=True)
class Spanner:
    """A sign's kind in ``omr.signs.KINDS``, its box, its staff, its text."""

    kind: str
    x0: float
    y0: float
    x1: float
    y1: float
    staff: int
    text: str = ""


def find_octave_lines(scene: Scene, texts: Sequence[Text]) -> list[Spanner]:
    """Octave lines: an 8 or 15 with the dashes behind it."""
    labels = [(mark.name, mark.x0, mark.y0, mark.x1, mark.y1) for mark in scene.marks if mark.name.startswith("ottava_")]
    for text in texts:
        match = OCTAVE_TEXT.fullmatch(text.text.replace(" ", ""))
        if match:
            below = "_below" if (match[2] or "").lower() in ("vb", "mb") or match[3] == "bassa" else ""
            labels.append((f"ottava_{match[1]}{below}", text.x0, text.y0, text.x1, text.y1))
    lines = sorted((line for line in scene.level if line.thickness <= MAX_LINE), key=lambda line: line.x0)
    found = []
    for kind, x0, y0, x1, y1 in labels:
        end, height = x1, None
        for line in lines:
            fits = y0 - DASH_HEIGHT <= line.y0 <= y1 + DASH_HEIGHT if height is None else abs(line.y0 - height) < 0.1
            if fits and x0 < line.x0 and -0.5 <= line.x0 - end <= NEXT_DASH and line.x1 > end:
                end, height = line.x1, line.y0
        if height is None or end - x1 < 0.3:
            continue  # an 8 of a clef, a finger, a bar number
        staff = _octave_staff(scene, (y0 + y1) / 2, kind.endswith("_below"))
        found.append(Spanner(kind.removesuffix("_below"), x0, y0, end, y1, staff))
    return found


def _octave_staff(scene: Scene, y: float, lowers: bool) -> int:
    """The staff above a line that lowers, or below one that raises; the nearest where there is none."""
    middles = [staff.middle for staff in scene.staves]
    if lowers:
        return max((index for index, middle in enumerate(middles) if middle < y), default=0)
    return min((index for index, middle in enumerate(middles) if middle > y), default=len(middles) - 1)


def find_voltas(scene: Scene, texts: Sequence[Text]) -> list[Spanner]:
    """Voltas: level strokes over the system with a hook down at their left end."""
    top = scene.staves[0].top
    found = []
    for line in scene.level:
        if line.thickness > MAX_LINE or line.x1 - line.x0 < MIN_VOLTA or line.y0 > top - VOLTA_ABOVE or not scene.owns(line.y0):
            continue
        hooks = [
            hook
            for hook in scene.upright
            if abs(hook.x0 - line.x0) <= 0.25
            and abs(hook.y0 - line.y0) <= 0.25
            and VOLTA_HOOK[0] <= hook.y1 - hook.y0 <= VOLTA_HOOK[1]
        ]
        inside = [text for text in texts if line.x0 - 0.3 <= text.x0 <= line.x0 + 4 and line.y0 - 0.5 <= text.y1 <= line.y0 + 4]
        numbers = [text.text for text in inside if VOLTA_NUMBER.match(text.text)]
        if hooks and (numbers or not inside):
            found.append(Spanner("volta", line.x0, line.y0, line.x1, hooks[0].y1, 0, numbers[0] if numbers else ""))
    return found


def find_hairpins(scene: Scene) -> list[Spanner]:
    """Hairpins: two thin strokes with common ends that open to one side."""
    lines = [
        line
        for line in scene.slanted
        if line.thickness <= MAX_LINE
        and line.x1 - line.x0 >= MIN_HAIRPIN
        and abs(line.y1 - line.y0) <= MAX_SLOPE * (line.x1 - line.x0)
    ]
    found = []
    for first, second in combinations(lines, 2):
        if abs(first.x0 - second.x0) > SAME_END or abs(first.x1 - second.x1) > SAME_END:
            continue
        left, right = abs(first.y0 - second.y0), abs(first.y1 - second.y1)
        if max(left, right) > MAX_OPENING or abs(left - right) < 0.15 or min(left, right) > 0.75 * max(left, right):
            continue
        if (first.y1 - first.y0) * (second.y1 - second.y0) > 0:
            continue
        found.append(_hairpin(scene, first, second, "crescendo" if left < right else "diminuendo"))
    return [spanner for spanner in found if scene.owns((spanner.y0 + spanner.y1) / 2)]


def _hairpin(scene: Scene, first: Stroke, second: Stroke, kind: str) -> Spanner:
    heights = (first.y0, first.y1, second.y0, second.y1)
    middle = (min(heights) + max(heights)) / 2
    return Spanner(
        f"hairpin_{kind}",
        min(first.x0, second.x0),
        min(heights),
        max(first.x1, second.x1),
        max(heights),
        scene.nearest_staff(middle),
    )
