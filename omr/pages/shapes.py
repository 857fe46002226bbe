"""Boxes of what verovio draws: paths, lines, polygons, glyphs and text of its SVG.

Conventions: a box is ``(left, top, right, bottom)`` in the coordinates of verovio's page (tenths of its SVG unit, from within the
page's margins), ``y`` downwards, strokes included. An element without extent has no box.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from omr.pages.glyphs import PRIVATE_USE, Glyph, text_glyphs

__all__ = ["SVG", "Box", "TextRun", "Use", "shape_boxes", "text_runs", "union", "uses"]

SVG = "{http://www.w3.org/2000/svg}"
XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
EM = 1000.0  # units of a glyph's path, so that a scale of 1 makes an em of 1000
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
COMMAND = re.compile(r"([MLCZz])([^MLCZz]*)")
TRANSFORM = re.compile(r"(translate|scale|rotate)\(([^)]*)\)")
CURVE_STEPS = np.linspace(0.0, 1.0, 17)[:, None]
BERNSTEIN = np.hstack(
    [(1 - CURVE_STEPS) ** 3, 3 * CURVE_STEPS * (1 - CURVE_STEPS) ** 2, 3 * CURVE_STEPS**2 * (1 - CURVE_STEPS), CURVE_STEPS**3]
)
LETTER_FALLBACK = 0x78  # "x" for what the font lacks
ITALIC_CLASSES = frozenset({"dir", "dynam", "mNum"})  # the style sheet that verovio writes
BOLD_CLASSES = frozenset({"ending", "fing", "reh", "tempo", "voltaBracket"})


class Box(NamedTuple):
    """Left, top, right, bottom."""

    left: float
    top: float
    right: float
    bottom: float


class Use(NamedTuple):
    """A glyph on the page: its SMuFL name, box and origin."""

    name: str
    box: Box
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class TextRun:
    """A stretch of text with one box; ``music`` when it is set in music signs, and then ``text`` is its SMuFL names, spaced."""

    text: str
    box: Box
    music: bool


def union(boxes: Iterable[Box]) -> Box | None:
    """The smallest box around all, None of none."""
    rows = list(boxes)
    if not rows:
        return None
    return Box(min(b[0] for b in rows), min(b[1] for b in rows), max(b[2] for b in rows), max(b[3] for b in rows))


def _numbers(text: str | None) -> list[float]:
    return [float(number) for number in NUMBER.findall(text or "")]


def _points(path: str) -> list[tuple[float, float]]:
    """Points on a path of absolute moves, lines and cubic curves, curves in 16 steps."""
    points: list[tuple[float, float]] = []
    for command, text in COMMAND.findall(path):
        values = _numbers(text)
        pairs = list(zip(values[::2], values[1::2], strict=True))
        if command in "ML":
            points += pairs
        elif command == "C":
            for first in range(0, len(pairs), 3):
                curve = BERNSTEIN @ np.array([points[-1], *pairs[first : first + 3]])
                points += [(float(x), float(y)) for x, y in curve[1:]]
    return points


def _around(points: list[tuple[float, float]], stroke: float) -> Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    across = 0.0 if top == bottom else stroke / 2  # lines end at their points, without caps
    down = 0.0 if left == right else stroke / 2
    return Box(left - across, top - down, right + across, bottom + down)


def _shape_box(element: Element) -> Box | None:
    tag = element.tag
    stroke = float(element.get("stroke-width", "1"))
    if tag == SVG + "path":
        points = _points(element.get("d", ""))
    elif tag in (SVG + "polygon", SVG + "polyline"):
        values = _numbers(element.get("points"))
        points = list(zip(values[::2], values[1::2], strict=True))
    elif tag == SVG + "rect":
        x, y, width, height = (float(element.get(key, "0")) for key in ("x", "y", "width", "height"))
        points, stroke = [(x, y), (x + width, y + height)], 0.0
    elif tag == SVG + "ellipse":
        x, y, rx, ry = (float(element.get(key, "0")) for key in ("cx", "cy", "rx", "ry"))
        points, stroke = [(x - rx, y - ry), (x + rx, y + ry)], 0.0
    else:
        return None
    return _around(points, stroke) if points else None


def shape_boxes(group: Element, *tags: str) -> list[Box]:
    """Boxes of a group's own paths, polygons, polylines, rectangles and ellipses; of ``tags`` alone where some are given."""
    wanted = {SVG + tag for tag in tags}
    boxes = (_shape_box(element) for element in group if not wanted or element.tag in wanted)
    return [box for box in boxes if box is not None]


def _matrix(transform: str) -> NDArray[np.float64]:
    """SVG's transform as a matrix of shape (3, 3)."""
    matrix = np.eye(3)
    for name, text in TRANSFORM.findall(transform):
        values = _numbers(text)
        step = np.eye(3)
        if name == "translate":
            step[:2, 2] = values[0], values[1] if len(values) > 1 else 0.0
        elif name == "scale":
            step[0, 0], step[1, 1] = values[0], values[-1]
        else:
            angle = np.deg2rad(values[0])
            step[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
            if len(values) == len(("angle", "x", "y")):
                centre = np.array(values[1:])
                step[:2, 2] = centre - step[:2, :2] @ centre
        matrix = matrix @ step
    return matrix


def uses(group: Element, glyphs: dict[int, Glyph]) -> Iterator[Use]:
    """A group's own glyphs in order; one that the table lacks has an empty box at its origin."""
    turned = _matrix(group.get("transform", ""))  # rolled chords
    for element in group:
        if element.tag != SVG + "use":
            continue
        glyph = glyphs.get(int(element.get(XLINK_HREF, "#0")[1:].partition("-")[0], 16))
        matrix = turned @ _matrix(element.get("transform", ""))
        x, y = float(matrix[0, 2]), float(matrix[1, 2])
        if glyph is None:
            yield Use("", Box(x, y, x, y), x, y)
            continue
        left, top, right, bottom = (EM * value for value in glyph.box)
        corners = matrix @ np.array([[left, right, left, right], [top, top, bottom, bottom], [1, 1, 1, 1]])
        xs, ys = corners[0].tolist(), corners[1].tolist()
        yield Use(glyph.name, Box(min(xs), min(ys), max(xs), max(ys)), x, y)


class _Pen:
    """Lays out one chunk of text (what follows an absolute position) to find the boxes of its runs."""

    def __init__(self, music: dict[int, Glyph]) -> None:
        self.music = music
        self.runs: list[TextRun] = []
        self.start(0.0, 0.0, "start")

    def start(self, x: float, y: float, anchor: str) -> None:
        self.x, self.y, self.anchor = x, y, anchor
        self.origin = x
        self.letters: list[tuple[bool, str, Box]] = []

    def write(self, text: str, size: float, bold: bool, italic: bool) -> None:
        for letter in text:
            code = ord(letter)
            is_music = code in PRIVATE_USE
            table = self.music if is_music else text_glyphs(bold, italic)
            glyph = table.get(code) or text_glyphs(bold, italic)[LETTER_FALLBACK]
            left, top, right, bottom = (size * value for value in glyph.box)
            box = Box(self.x + left, self.y + top, self.x + right, self.y + bottom)
            self.letters.append((is_music, glyph.name if is_music else letter, box))
            self.x += size * glyph.advance

    def finish(self) -> None:
        """Close the chunk: move it by its anchor and keep its runs."""
        shift = {"middle": -0.5, "end": -1.0}.get(self.anchor, 0.0) * (self.x - self.origin)
        pieces: list[tuple[bool, list[tuple[str, Box]]]] = []
        for is_music, name, box in self.letters:
            if not pieces or pieces[-1][0] != is_music:
                pieces.append((is_music, []))
            pieces[-1][1].append((name, box))
        for is_music, letters in pieces:
            text = (" " if is_music else "").join(name for name, _ in letters).strip()
            around = union(box for name, box in letters if name.strip())
            if text and around is not None:
                left, top, right, bottom = around
                self.runs.append(TextRun(text, Box(left + shift, top, right + shift, bottom), is_music))
        self.letters = []
        self.origin = self.x


def text_runs(group: Element, class_name: str, music: dict[int, Glyph]) -> list[TextRun]:
    """The stretches of a group's own text elements, as they are painted.

    Args:
        group: An SVG group.
        class_name: Its class, which decides between upright, bold and italic.
        music: Glyphs of the music font.
    """
    pen = _Pen(music)

    def visit(element: Element, size: float, bold: bool, italic: bool) -> None:
        if element.get("x") is not None:
            pen.finish()
            pen.start(float(element.get("x", "0")), float(element.get("y", pen.y)), element.get("text-anchor", pen.anchor))
        elif element.get("text-anchor") is not None:
            pen.anchor = element.get("text-anchor", "start")
        if element.get("font-size"):
            size = float(element.get("font-size", "0px").removesuffix("px"))
        bold = {"bold": True, "normal": False}.get(element.get("font-weight", ""), bold)
        italic = {"italic": True, "oblique": True, "normal": False}.get(element.get("font-style", ""), italic)
        pen.write(element.text or "", size, bold, italic)
        for child in element:
            visit(child, size, bold, italic)
            pen.write(child.tail or "", size, bold, italic)

    for element in group:
        if element.tag == SVG + "text":
            visit(element, 0.0, class_name in BOLD_CLASSES, class_name in ITALIC_CLASSES)
            pen.finish()
            pen.start(0.0, 0.0, "start")
    return pen.runs
