"""What the upright lines of verovio's bar lines and the dots beside them say.

Conventions: boxes as in ``omr.pages.shapes``; a stretch is what crosses some staves without a gap and is one sign.
"""

from __future__ import annotations

from collections.abc import Iterator

from omr.pages.shapes import Box

__all__ = ["bar_line_kind", "stretches"]

SAME_PLACE = 3.0  # page units: bar lines of staves above one another


def stretches(strokes: list[Box]) -> Iterator[list[Box]]:
    """Groups of upright lines that touch one another from top to bottom, top first."""
    group: list[Box] = []
    bottom = 0.0
    for stroke in sorted(strokes, key=lambda box: (box.top, box.left)):
        if group and stroke.top > bottom + SAME_PLACE:
            yield group
            group = []
        bottom = max(bottom, stroke.bottom) if group else stroke.bottom
        group.append(stroke)
    if group:
        yield group


def bar_line_kind(strokes: list[Box], dots: list[Box], dashed: bool) -> str:
    """What the lines of one stretch and the dots beside them say; "" for what the contract lacks."""
    places: list[tuple[float, float]] = []  # centre, width
    for stroke in sorted(strokes, key=lambda box: box.left + box.right):
        centre, width = (stroke.left + stroke.right) / 2, stroke.right - stroke.left
        if not places or centre - places[-1][0] > SAME_PLACE:
            places.append((centre, width))
    if dashed and len(places) == 1:
        return "bar_dashed"
    centre = sum(x for x, _ in places) / len(places)
    before, after = (any((dot.left + dot.right) / 2 * sign > centre * sign for dot in dots) for sign in (-1, 1))
    if before and after:
        return "bar_repeat_both"
    if before or after:
        return "bar_repeat_end" if before else "bar_repeat_start"
    if len(places) == 1:
        return "bar_single"
    if len(places) == 2:
        return "bar_final" if places[1][1] > 2 * places[0][1] else "bar_double" if places[0][1] <= 2 * places[1][1] else ""
    return ""
