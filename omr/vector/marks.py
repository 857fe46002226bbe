"""Named signs and letters of a page: its glyphs and filled outlines, each told by code point, by glyph name, or by its shape.

Lengths are points, ``y`` downwards. Names are those of ``omr.vector.glyph_names``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from omr.vector.glyph_names import EMMENTALER, SMUFL
from omr.vector.page_objects import GlyphKind, PageObjects
from omr.vector.shapes import name_of_shape
from omr.vector.strokes import Outline

__all__ = ["Letter", "Mark", "find_letters", "find_marks"]

LILYPOND_FONT: Final = re.compile(r"emmentaler|feta|gonville|lilyjazz|improviso|profondo|beethoven|cadence|haydn", re.IGNORECASE)
LILYPOND_NAME: Final = re.compile(r"(noteheads|rests|clefs|accidentals|scripts|flags|timesig|dots|pedal|brackettips)\.")
LILYPOND_BRACE: Final = re.compile(r"brace\d+")
# Fonts of music from before SMuFL, whose codes say nothing: their glyphs are told by shape.
OLDER_FONT: Final = re.compile(
    r"maestro|opus|sonata|petrucci|engraver|jazz|broadway|inkpen|helsinki|reprise|november|leland|bravura|petaluma|finale|"
    r"mscore|gootville|leipzig|sebastian|ash|norfolk|pori|chaconne|crescendo|toccata|fughetta|tamburo",
    re.IGNORECASE,
)
MIN_BRACE: Final = 4.5  # spaces
BRACE_ASPECT: Final = 0.25
PRIVATE: Final = range(0xE000, 0xF900)


@dataclass(frozen=True, slots=True)
class Mark:
    """A sign: its name and its box."""

    name: str
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def x(self) -> float:
        """Centre of the box."""
        return (self.x0 + self.x1) / 2

    @property
    def y(self) -> float:
        """Centre of the box."""
        return (self.y0 + self.y1) / 2


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter of text: where it stands on its base line, the size of its em, whether the font is italic, its box."""

    text: str
    x: float
    base: float
    size: float
    italic: bool
    x0: float
    y0: float
    x1: float
    y1: float


def find_marks(page: PageObjects, outlines: Sequence[Outline], space: float) -> list[Mark]:
    """The signs of a page in order of ``x``.

    Args:
        page: The page.
        outlines: Its filled outlines.
        space: Staff space, in points.

    Raises:
        ToolError: verovio is not installed.
    """
    marks: list[Mark] = []
    names: dict[tuple[int, float], str] = {}
    lilypond = _lilypond_fonts(page.kinds)
    for row in page.glyphs:
        index, matrix = int(row["kind"]), row["matrix"]
        size = float(np.hypot(matrix[2], matrix[3]))
        key = index, round(size / space, 2)
        if key not in names:
            names[key] = _name(page.kinds[index], lilypond, space / max(size, 1e-9))
        if names[key] and (box := _box(page.kinds[index].contours, matrix)):
            marks.append(Mark(names[key], *box))
    shapes: dict[bytes, str] = {}
    for outline in outlines:
        upwards = [points * (1.0, -1.0) for points in outline.contours]
        name = _remembered(shapes, outline, space, partial(name_of_shape, upwards, space))
        if _is_brace(outline, space):
            name = "brace"
        if name:
            marks.append(Mark(name, outline.x0, outline.y0, outline.x1, outline.y1))
    return sorted(marks, key=lambda mark: (mark.x0, mark.y0))


def find_letters(page: PageObjects) -> list[Letter]:
    """The letters of a page that are no music signs, in the order in which they are written."""
    lilypond = _lilypond_fonts(page.kinds)
    letters: list[Letter] = []
    for row in page.glyphs:
        kind, matrix = page.kinds[int(row["kind"])], row["matrix"]
        if not kind.letter or ord(kind.letter[0]) in PRIVATE or kind.font in lilypond:
            continue
        box = _box(kind.contours, matrix) or (float(matrix[4]), float(matrix[5]), float(matrix[4]), float(matrix[5]))
        italic = bool(re.search(r"ital|obli|slant|bdita", kind.font, re.IGNORECASE)) or abs(float(matrix[2])) > 0.05 * abs(
            float(matrix[3])
        )
        size = float(np.hypot(matrix[2], matrix[3]))
        letters.append(Letter(kind.letter, float(matrix[4]), float(matrix[5]), size, italic, *box))
    return letters


def _lilypond_fonts(kinds: Sequence[GlyphKind]) -> frozenset[str]:
    return frozenset(kind.font for kind in kinds if LILYPOND_FONT.search(kind.font) or LILYPOND_NAME.match(kind.name))


def _name(kind: GlyphKind, lilypond: frozenset[str], space: float) -> str:
    """What a glyph is; ``space`` in ems."""
    if kind.font in lilypond and kind.name:
        return "brace" if LILYPOND_BRACE.fullmatch(kind.name) else EMMENTALER.get(kind.name, "")
    code = ord(kind.letter[0]) if kind.letter else 0
    if code in SMUFL:
        return SMUFL[code]
    if not kind.contours or (code and code not in PRIVATE and not OLDER_FONT.search(kind.font)):
        return ""
    if name := _named_code(kind.name):
        return name
    return name_of_shape(kind.contours, space)


def _named_code(name: str) -> str:
    """Of a glyph named by its code point, as ``uniE0A4``."""
    match = re.fullmatch(r"uni([0-9A-F]{4})", name)
    return SMUFL.get(int(match[1], 16), "") if match else ""


def _box(contours: Sequence[NDArray[np.float64]], matrix: NDArray[np.float64]) -> tuple[float, float, float, float] | None:
    if not contours:
        return None
    points = np.concatenate(contours) @ matrix[:4].reshape(2, 2) + matrix[4:]
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return x0, y0, x1, y1


def _is_brace(outline: Outline, space: float) -> bool:
    """Whether an outline is as tall and slender as no other sign; braces are stretched, so that their shapes differ."""
    height = outline.y1 - outline.y0
    return height >= MIN_BRACE * space and outline.x1 - outline.x0 <= BRACE_ASPECT * height


def _remembered(known: dict[bytes, str], outline: Outline, space: float, find: partial[str]) -> str:
    """The answer for an outline of this form, found once."""
    points = np.concatenate(outline.contours) - (outline.x0, outline.y0)
    key = np.round(points / space, 1).astype(np.float32).tobytes()
    if key not in known:
        known[key] = find()
    return known[key]
