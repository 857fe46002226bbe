"""Clefs with their octaves, digits of meters, and accidentals told from key signatures.

A key signature stands behind a clef or bar line, in the order of the circle of fifths for its clef, and no head follows its last
sign closely. Places are half spaces above the bottom line.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from omr.signs import ACCIDENTALS
from omr.vector.bar_lines import BarLine
from omr.vector.marks import Mark
from omr.vector.scene import Scene
from omr.vector.stems import Head

__all__ = ["clef_kinds", "key_signs", "long_rests", "pitch_height", "time_digits"]

CLOSE_HEAD: Final = 0.75  # spaces from an accidental to its head
RUN_GAP: Final = 0.75  # from one sign of a key to the next
RUN_OVERLAP: Final = 0.75
BEHIND: Final = 6.0  # from clef or bar line to the first sign
SAME_COLUMN: Final = 1.0
STEPS: Final = {"sharp": 4, "flat": 3}  # from one sign of a key to the next, modulo the octave
FIRST: Final = {"sharp": 3, "flat": 6}  # F and B, with C as 0
BOTTOM_STEP: Final = {"clef_g": 2, "clef_f": 4, "clef_percussion": 2}  # E and G
CLEF_FOUR_STEP: Final = 0  # what a C clef's line is called
AT_CLEF: Final = 0.9  # sideways from a clef's middle to its 8
OCTAVE_REACH: Final = 1.6
MIN_TIME_DIGIT: Final = 1.2  # height
ABOVE_STAFF: Final = 9.0  # place from which digits stand over a staff


def clef_kinds(scene: Scene) -> list[tuple[Mark, int, str]]:
    """Clefs: sign, staff, kind; an 8 over or under a clef that has none yet is part of it."""
    eights = [(mark.x, mark.y) for mark in scene.marks if mark.name == "digit_8"]
    eights += [
        ((letter.x0 + letter.x1) / 2, (letter.y0 + letter.y1) / 2)
        for index, letter in enumerate(scene.letters)
        if letter.text == "8" and scene.is_alone(index)
    ]
    found = []
    for mark, staff in zip(scene.marks, scene.home, strict=True):
        if not mark.name.startswith("clef_"):
            continue
        kind = mark.name
        if kind in ("clef_g", "clef_f"):
            for x, y in eights:
                if abs(x - mark.x) <= AT_CLEF:
                    if 0 <= y - mark.y1 + 0.4 <= OCTAVE_REACH:
                        kind += "_8below"
                        break
                    if 0 <= mark.y0 + 0.4 - y <= OCTAVE_REACH and kind == "clef_g":
                        kind += "_8above"
                        break
        found.append((mark, staff, kind))
    return found


def time_digits(scene: Scene) -> list[tuple[Mark, int, str]]:
    """Signs of meters: sign, staff, kind. Digits count when they stand above or below others in the staff."""
    found = []
    digits: list[tuple[Mark, int, bool]] = []
    for mark, home in zip(scene.marks, scene.home, strict=True):
        staff = scene.staves[home]
        if mark.name in ("time_common", "time_cut"):
            found.append((mark, home, mark.name))
        elif mark.name.startswith("digit_") and mark.y1 - mark.y0 >= MIN_TIME_DIGIT * staff.space:
            place = staff.place(mark.y)
            if abs(place - 6) < 1.0 or abs(place - 2) < 1.0:
                digits.append((mark, home, place > 4))
        elif mark.name == "time_plus":
            found.append((mark, home, "time_plus"))
    for mark, home, upper in digits:
        if any(own == home and high != upper and abs(other.x - mark.x) < 2.0 for other, own, high in digits):
            found.append((mark, home, f"time_{mark.name[-1]}"))
    return sorted(found, key=lambda item: (item[0].x, item[1]))


def long_rests(
    scene: Scene, bar_lines: Sequence[BarLine], heads: Sequence[Head]
) -> list[tuple[list[Mark], int, tuple[float, float]]]:
    """Numbers of long rests: their digits, staff, and the ends of the bar, in which there is no head.

    A number that stands over several staves is that of the first.
    """
    found: list[tuple[list[Mark], int, tuple[float, float]]] = []
    lines = sorted({0.0, *((line.x0 + line.x1) / 2 for line in bar_lines), scene.width})
    digits = [
        (mark, home)
        for mark, home in zip(scene.marks, scene.home, strict=True)
        if mark.name.startswith("digit_")
        and mark.y1 - mark.y0 >= MIN_TIME_DIGIT * scene.staves[home].space
        and scene.staves[home].place(mark.y) >= ABOVE_STAFF
    ]
    for left, right in pairwise(lines):
        inside = sorted((item for item in digits if left < item[0].x < right), key=lambda item: (item[1], item[0].x))
        if inside and not any(left < head.mark.x < right for head in heads):
            found.append(([mark for mark, home in inside if home == inside[0][1]], inside[0][1], (left, right)))
    return found


def key_signs(
    scene: Scene, clefs: Sequence[tuple[Mark, int, str]], bar_lines: Sequence[BarLine], heads: Sequence[Head]
) -> set[int]:
    """Ids of the accidental signs that belong to key signatures."""
    keys: set[int] = set()
    for index, staff in enumerate(scene.staves):
        signs = [
            (mark, round(staff.place(pitch_height(mark))))
            for mark, home in zip(scene.marks, scene.home, strict=True)
            if home == index and mark.name in ACCIDENTALS and mark.y1 - mark.y0 > 1.7 * staff.space
        ]
        own_clefs = [(mark.x1, kind, round(staff.place(mark.y))) for mark, home, kind in clefs if home == index]
        starts = [x for x, _, _ in own_clefs] + [line.x1 for line in bar_lines if line.first <= index <= line.last]
        own_heads = [head for head in heads if head.staff == index]
        others = [mark.x for mark, home in zip(scene.marks, scene.home, strict=True) if home == index and _is_music(mark)]
        for run in _runs(signs):
            first = run[0][0]
            start = max((x for x in starts if x <= first.x0 + 0.3), default=None)
            if start is None or first.x0 - start > BEHIND or any(start < x < first.x0 for x in others):
                continue
            bottom = _bottom_step(own_clefs, first.x0)
            if _is_key(run, bottom) and not _has_head(run[-1], own_heads, staff.space):
                keys.update(id(mark) for mark, _ in run)
    return keys


def _is_music(mark: Mark) -> bool:
    return mark.name.startswith(("head_", "rest_", "line_rest"))


def pitch_height(mark: Mark) -> float:
    """The height (``y``) of the pitch that an accidental changes: a flat's belly is in its lower part."""
    return mark.y0 + 0.71 * (mark.y1 - mark.y0) if mark.name in ("flat", "double_flat") else mark.y


def _runs(signs: list[tuple[Mark, int]]) -> list[list[tuple[Mark, int]]]:
    """Signs that follow each other closely from left to right."""
    runs: list[list[tuple[Mark, int]]] = []
    for sign in signs:
        gap = sign[0].x0 - runs[-1][-1][0].x1 if runs else 0.0
        if runs and -RUN_OVERLAP <= gap <= RUN_GAP and sign[0].x - runs[-1][-1][0].x > 0.3:
            runs[-1].append(sign)
        else:
            runs.append([sign])
    return runs


def _bottom_step(clefs: list[tuple[float, str, int]], x: float) -> int | None:
    """Step (C is 0) of the bottom line under the clef before ``x``."""
    before = [clef for clef in clefs if clef[0] <= x + 0.5]
    if not before:
        return None
    _, kind, place = before[-1]
    if kind == "clef_c":
        return (CLEF_FOUR_STEP - place) % 7
    return BOTTOM_STEP[kind.removesuffix("_8below").removesuffix("_8above")]


def _is_key(run: list[tuple[Mark, int]], bottom: int | None) -> bool:
    """Whether the signs stand in the order of fifths; naturals may come before others."""
    names = [mark.name for mark, _ in run]
    naturals = next((i for i, name in enumerate(names) if name != "natural"), len(names))
    rest = run[naturals:]
    if len({mark.name for mark, _ in rest}) > 1 or any(mark.name not in STEPS for mark, _ in rest):
        return False
    if rest:
        name = rest[0][0].name
        if bottom is not None and (rest[0][1] + bottom) % 7 != FIRST[name]:
            return False
        if any((b - a) % 7 != STEPS[name] for (_, a), (_, b) in pairwise(rest)):
            return False
    jumps = {(b - a) % 7 for (_, a), (_, b) in pairwise(run[:naturals])}
    return jumps in (set(), {3}, {4})


def _has_head(sign: tuple[Mark, int], heads: Sequence[Head], space: float) -> bool:
    mark, place = sign
    return any(head.place == place and -0.2 <= head.mark.x0 - mark.x1 <= CLOSE_HEAD * space for head in heads)
