"""Runs the operators of a PDF page and writes down what they draw: glyphs and paths, with their places (ISO 32000-1, 8 and 9).

Lengths are points (1/72 inch) from the top left corner of the page as it is shown, y downwards. White ink, invisible text and
paths that only clip are left out; clipping itself and pictures are not followed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from corpora.errors import InputError
from omr.vector.content import Name, operators
from omr.vector.fonts import PdfFont
from omr.vector.outlines import flat_cubic

__all__ = ["Drawing", "DrawnGlyph", "DrawnPath", "Matrix", "multiply"]

MAX_OPERATORS: Final = 3_000_000
MAX_OBJECTS: Final = 300_000
MAX_POINTS: Final = 4_000_000
MAX_FORM_DEPTH: Final = 8
MAX_STATES: Final = 256
WHITE: Final = 0.97  # of the darkest component
INVISIBLE_MODES: Final = (3, 7)

Number = int | float
Matrix = tuple[Number, Number, Number, Number, Number, Number]
IDENTITY: Final[Matrix] = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class DrawnGlyph:
    """A glyph: its font's index, its code, and the matrix from ems to the page."""

    font: int
    code: int
    matrix: Matrix


@dataclass(frozen=True, slots=True)
class DrawnPath:
    """A path: flattened contours, shape (points, 2) each, whether filled and stroked, pen width, dashes, curves."""

    contours: tuple[NDArray[np.float64], ...]
    filled: bool
    stroked: bool
    width: float
    dashed: bool
    curved: bool


@dataclass(slots=True)
class _State:
    matrix: Matrix
    width: float = 1.0
    dashed: bool = False
    fill_white: bool = False
    stroke_white: bool = False
    font: int = -1
    size: float = 0.0
    char_space: float = 0.0
    word_space: float = 0.0
    scale: float = 1.0
    leading: float = 0.0
    rise: float = 0.0
    mode: int = 0


def multiply(first: Matrix, second: Matrix) -> Matrix:
    """The matrix that does ``first``, then ``second``."""
    a, b, c, d, e, f = first
    g, h, i, j, k, m = second
    return a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m


@dataclass
class Drawing:
    """What has been drawn so far.

    Args:
        matrix: From the page's user space to the page as shown, y downwards.
    """

    matrix: Matrix
    glyphs: list[DrawnGlyph] = field(default_factory=list)
    paths: list[DrawnPath] = field(default_factory=list)
    fonts: list[PdfFont] = field(default_factory=list)
    _font_numbers: dict[int, int] = field(default_factory=dict)
    _operators: int = 0
    _points: int = 0

    def run(self, data: bytes, resources: Any) -> None:
        """Draw a content stream.

        Args:
            data: Decoded.
            resources: Its resource dictionary, as pypdf gives it.

        Raises:
            InputError: The stream draws more than a page of music could hold.
        """
        self._stream(data, resources, _State(self.matrix), 0)

    def _stream(self, data: bytes, resources: Any, state: _State, depth: int) -> None:
        states: list[_State] = []
        pen = _Pen()
        text = line = IDENTITY
        for operator, operands in operators(data):
            self._operators += 1
            if self._operators > MAX_OPERATORS:
                raise InputError(f"the page has more than {MAX_OPERATORS} drawing operators")
            try:
                if operator in _PATH:
                    self._points += 1
                    pen.draw(operator, operands, state.matrix)
                elif operator in _PAINT:
                    self._paint(operator, pen, state)
                    pen = _Pen()
                elif operator == "q":
                    if len(states) < MAX_STATES:
                        states.append(replace(state))
                elif operator == "Q":
                    state = states.pop() if states else state
                elif operator == "cm":
                    state.matrix = multiply(_six(operands), state.matrix)
                elif operator == "BT":
                    text = line = IDENTITY
                elif operator in ("Td", "TD"):
                    if operator == "TD":
                        state.leading = -operands[1]
                    text = line = multiply((1, 0, 0, 1, operands[0], operands[1]), line)
                elif operator == "Tm":
                    text = line = _six(operands)
                elif operator == "T*":
                    text = line = multiply((1, 0, 0, 1, 0, -state.leading), line)
                elif operator in ("Tj", "TJ", "'", '"'):
                    if operator in ("'", '"'):
                        if operator == '"':
                            state.word_space, state.char_space = float(operands[0]), float(operands[1])
                        text = line = multiply((1, 0, 0, 1, 0, -state.leading), line)
                    text = self._show(operands[-1] if operator == "TJ" else [operands[-1]], text, state)
                elif operator == "Tf":
                    state.font, state.size = self._font(resources, operands[0]), float(operands[1])
                elif operator == "Do":
                    self._form(resources, operands[0], state, depth)
                else:
                    _set(state, operator, operands)
            except (IndexError, TypeError, ValueError, KeyError, AttributeError, OverflowError):
                continue  # an operator with wrong operands draws nothing, as in common viewers

    def _font(self, resources: Any, name: str) -> int:
        font = resources["/Font"][f"/{name}"].get_object()
        if id(font) not in self._font_numbers:
            self._font_numbers[id(font)] = len(self.fonts)
            self.fonts.append(PdfFont(font))
        return self._font_numbers[id(font)]

    def _form(self, resources: Any, name: str, state: _State, depth: int) -> None:
        form = resources["/XObject"][f"/{name}"].get_object()
        if form.get("/Subtype") != "/Form" or depth >= MAX_FORM_DEPTH:
            return
        inner = replace(state)
        inner.matrix = multiply(_six([float(value) for value in form.get("/Matrix", IDENTITY)]), state.matrix)
        self._stream(form.get_data(), form.get("/Resources", resources), inner, depth + 1)

    def _show(self, pieces: list[Any], text: Matrix, state: _State) -> Matrix:
        """Write a string; returns where the pen is then."""
        if state.font < 0:
            return text
        font = self.fonts[state.font]
        visible = state.mode not in INVISIBLE_MODES and not state.fill_white
        for piece in pieces:
            if not isinstance(piece, bytes):
                text = multiply((1, 0, 0, 1, -piece / 1000 * state.size * state.scale, 0), text)
                continue
            for code in font.codes(piece):
                if visible:
                    em = (state.size * state.scale, 0.0, 0.0, state.size, 0.0, state.rise)
                    self._keep(self.glyphs, DrawnGlyph(state.font, code, multiply(multiply(em, text), state.matrix)))
                space = state.char_space + (state.word_space if code == 32 and not font.composite else 0.0)
                text = multiply((1, 0, 0, 1, (font.width(code) * state.size + space) * state.scale, 0), text)
        return text

    def _paint(self, operator: str, pen: _Pen, state: _State) -> None:
        filled, stroked, close = _PAINT[operator]
        filled, stroked = filled and not state.fill_white, stroked and not state.stroke_white
        contours = pen.contours(close)
        if not (filled or stroked) or not contours:
            return
        self._points += sum(len(points) for points in contours)
        a, b, c, d = state.matrix[:4]
        width = state.width * abs(a * d - b * c) ** 0.5
        self._keep(self.paths, DrawnPath(contours, filled, stroked, width, state.dashed, pen.curved))

    def _keep(self, objects: list[Any], item: Any) -> None:
        objects.append(item)
        if len(objects) > MAX_OBJECTS or self._points > MAX_POINTS:
            raise InputError(f"the page draws more than {MAX_OBJECTS} signs or {MAX_POINTS} points")


class _Pen:
    """The current path, in page coordinates."""

    def __init__(self) -> None:
        self.curved = False
        self._parts: list[tuple[list[Any], bool]] = []  # points, closed
        self._matrix: Matrix = IDENTITY

    def draw(self, operator: str, operands: list[Any], matrix: Matrix) -> None:
        a, b, c, d, e, f = matrix
        flat = [float(value) for value in operands]
        points = [(a * x + c * y + e, b * x + d * y + f) for x, y in zip(flat[::2], flat[1::2], strict=False)]
        if operator == "m":
            self._parts.append(([points[0]], False))
        elif operator == "re":
            x, y, w, h = flat
            corners = ((x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y))
            self._parts.append(([(a * u + c * v + e, b * u + d * v + f) for u, v in corners], True))
        elif operator == "h":
            points_so_far, _ = self._parts[-1]
            self._parts[-1] = (points_so_far, True)
        else:
            current, closed = self._parts[-1]
            if closed:  # what follows a closed contour begins at its start
                current = [current[0]]
                self._parts.append((current, False))
            if operator == "l":
                current.append(points[0])
            else:
                self.curved = True
                if operator == "c":
                    first, second, end = points[:3]
                elif operator == "v":
                    first, (second, end) = current[-1], points[:2]
                else:
                    first, end = points[:2]
                    second = end
                current.extend(map(tuple, flat_cubic(current[-1], first, second, end)))

    def contours(self, close: bool) -> tuple[NDArray[np.float64], ...]:
        """Contours with at least one piece, closed ones with their first point repeated at the end."""
        result = []
        for index, (points, closed) in enumerate(self._parts):
            if closed or (close and index == len(self._parts) - 1):
                points = points if points[-1] == points[0] else [*points, points[0]]
            if len(points) > 1:
                result.append(np.asarray(points, dtype=np.float64))
        return tuple(result)


_PATH: Final = frozenset({"m", "l", "c", "v", "y", "h", "re"})
_PAINT: Final = {  # filled, stroked, closed first
    "S": (False, True, False),
    "s": (False, True, True),
    "f": (True, False, False),
    "F": (True, False, False),
    "f*": (True, False, False),
    "B": (True, True, False),
    "B*": (True, True, False),
    "b": (True, True, True),
    "b*": (True, True, True),
    "n": (False, False, False),
}
_NUMBERS: Final = {"w": "width", "Tc": "char_space", "Tw": "word_space", "TL": "leading", "Ts": "rise"}


def _six(operands: list[Any]) -> Matrix:
    a, b, c, d, e, f = (float(value) for value in operands)
    return a, b, c, d, e, f


def _set(state: _State, operator: str, operands: list[Any]) -> None:
    """Operators that only change the state."""
    if operator in _NUMBERS:
        setattr(state, _NUMBERS[operator], float(operands[0]))
    elif operator == "Tz":
        state.scale = float(operands[0]) / 100
    elif operator == "Tr":
        state.mode = int(operands[0])
    elif operator == "d":
        state.dashed = any(length > 0 for length in operands[0])
    elif operator in ("g", "rg", "k", "sc", "scn"):
        state.fill_white = _is_white(operands)
    elif operator in ("G", "RG", "K", "SC", "SCN"):
        state.stroke_white = _is_white(operands)
    elif operator == "cs":
        state.fill_white = False
    elif operator == "CS":
        state.stroke_white = False


def _is_white(components: list[Any]) -> bool:
    if any(isinstance(value, Name) for value in components):  # a pattern
        return False
    numbers = [float(value) for value in components]
    if len(numbers) == 4:
        return max(numbers) <= 1 - WHITE
    return len(numbers) in (1, 3) and min(numbers) >= WHITE
