"""Whether a PDF page says its music in signs that can be read, or must be read from its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from omr.vector.marks import Mark
from omr.vector.page_objects import PageObjects
from omr.vector.staves import PageSystem
from omr.vector.strokes import Outline

__all__ = ["is_vector_page"]

BAND: Final = 3.0  # spaces above and below a system that count as its own
LEAST_SIGN: Final = 0.35  # spaces of width or height
LARGEST_SIGN: Final = 4.0
PRIVATE: Final = range(0xE000, 0xF900)


def is_vector_page(page: PageObjects, outlines: Sequence[Outline], systems: Sequence[PageSystem], marks: Sequence[Mark]) -> bool:
    """Whether most of what stands on the page's staves is known signs, and each system has notes or rests.

    False for pages without staves, for scans (even with a layer of text), and where the signs are of a font that is not known.

    Args:
        page: What it draws.
        outlines: Its shapes that are no strokes.
        systems: Its systems; lengths are in points.
        marks: Its known signs.
    """
    if not systems:
        return False
    space = systems[0].space
    marks = [mark for mark in marks if mark.name not in ("brace", "bracket_tip", "paren")]
    if any(
        not any(mark.name.startswith(("head_", "rest_", "line_rest")) and _on(system, mark.x, mark.y) for mark in marks)
        for system in systems
    ):
        return False
    known = sum(any(_on(system, mark.x, mark.y) for system in systems) for mark in marks)
    drawn = sum(_is_sign_size(outline, space) and _is_on_any(systems, outline) for outline in outlines)
    for row in page.glyphs:
        kind, matrix = page.kinds[int(row["kind"])], row["matrix"]
        is_sign = bool(kind.contours) and (not kind.letter or ord(kind.letter[0]) in PRIVATE)
        drawn += is_sign and any(_on(system, float(matrix[4]), float(matrix[5])) for system in systems)
    return 2 * known >= drawn


def _on(system: PageSystem, x: float, y: float) -> bool:
    reach = BAND * system.space
    inside = system.staves[0].top - reach <= y <= system.staves[-1].bottom + reach
    return inside and system.left <= x <= system.right


def _is_on_any(systems: Sequence[PageSystem], outline: Outline) -> bool:
    return any(_on(system, (outline.x0 + outline.x1) / 2, (outline.y0 + outline.y1) / 2) for system in systems)


def _is_sign_size(outline: Outline, space: float) -> bool:
    size = max(outline.x1 - outline.x0, outline.y1 - outline.y0)
    return LEAST_SIGN * space <= size <= LARGEST_SIGN * space
