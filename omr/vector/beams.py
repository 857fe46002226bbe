"""Beams and flags: how many each stem has, and which stems share a beam.

The beams of a stem begin at its tip and follow each other at even distances. A short bar across the middle of one stem is a
tremolo stroke and no beam. Lengths are staff spaces.
"""

from __future__ import annotations

from typing import Final

from omr.vector.scene import Scene
from omr.vector.stems import Stem
from omr.vector.strokes import Stroke

__all__ = ["find_beams"]

MIN_BEAM: Final = 0.22  # thickness
MAX_BEAM: Final = 0.95
MIN_LENGTH: Final = 0.4
AT_END: Final = 0.2  # between a beam's end and a stem
AT_TIP: Final = 0.6  # between a stem's tip and its first beam
NEXT_BEAM: Final = 1.2  # from one beam to the next
SAME_BEAM: Final = 0.25
TREMOLO_LENGTH: Final = 1.8
TREMOLO_CENTRE: Final = 0.25
AT_FLAG: Final = 0.3


def find_beams(scene: Scene, stems: list[Stem]) -> tuple[list[Stroke], list[tuple[Stem, int]]]:
    """Count beams and flags of stems, and number their groups.

    Args:
        scene: The system.
        stems: Changed in place.

    Returns:
        The beams, and the stems with tremolo strokes and how many.
    """
    bars = [
        bar
        for bar in (*scene.level, *scene.slanted)
        if MIN_BEAM <= bar.thickness <= MAX_BEAM and bar.x1 - bar.x0 >= MIN_LENGTH and bar.x1 - bar.x0 > bar.thickness
    ]
    used: list[Stroke] = []
    tremolos: list[tuple[Stem, int]] = []
    owner: dict[int, list[Stem]] = {}
    for stem in stems:
        crossing = [
            bar
            for bar in bars
            if bar.x0 - AT_END <= stem.x <= bar.x1 + AT_END and stem.top - AT_TIP <= bar.y_at(stem.x) <= stem.bottom + AT_TIP
        ]
        strokes = [bar for bar in crossing if _is_tremolo(bar, stem)]
        if strokes:
            tremolos.append((stem, len(strokes)))
        last = stem.tip
        reach = AT_TIP
        for bar in sorted((bar for bar in crossing if bar not in strokes), key=lambda bar: abs(bar.y_at(stem.x) - stem.tip)):
            if abs(bar.y_at(stem.x) - last) > reach:
                break
            if stem.strokes == 0 or abs(bar.y_at(stem.x) - last) > SAME_BEAM:  # one beam may be drawn in pieces from stem to stem
                stem.strokes += 1
            last, reach = bar.y_at(stem.x), NEXT_BEAM
            owner.setdefault(id(bar), []).append(stem)
            if len(owner[id(bar)]) == 1:
                used.append(bar)
    _number_groups(owner)
    _add_flags(scene, stems)
    return used, tremolos


def _is_tremolo(bar: Stroke, stem: Stem) -> bool:
    return bar.x1 - bar.x0 <= TREMOLO_LENGTH and abs((bar.x0 + bar.x1) / 2 - stem.x) <= TREMOLO_CENTRE


def _number_groups(owner: dict[int, list[Stem]]) -> None:
    """Stems that share a beam, directly or through others, get one number."""
    number = 0
    for stems in owner.values():
        known = {stem.group for stem in stems if stem.group >= 0}
        target = min(known, default=number)
        if not known:
            number += 1
        for others in owner.values():
            for stem in others:
                if stem.group in known:
                    stem.group = target
        for stem in stems:
            stem.group = target


def _add_flags(scene: Scene, stems: list[Stem]) -> None:
    for mark in scene.marks:
        if not mark.name.startswith("flag_"):
            continue
        near = [
            stem
            for stem in stems
            if abs(mark.x0 - stem.x) <= AT_FLAG and mark.y0 - AT_TIP <= stem.tip <= mark.y1 + AT_TIP and stem.strokes == 0
        ]
        if near:
            up = mark.name.endswith("_up")
            stem = min(near, key=lambda stem: (stem.up != up, abs(stem.tip - (mark.y0 if up else mark.y1))))
            stem.strokes = int(mark.name.split("_")[1])
