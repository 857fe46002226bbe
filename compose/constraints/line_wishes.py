"""Wishes about lines in text: contour."""

from __future__ import annotations

from itertools import pairwise

from compose.constraints.base import Constraint
from compose.constraints.contour import KeepContour
from compose.constraints.line_shape import WAYS, LineShape, Shape
from compose.constraints.parts import find_lanes, quote, split_items
from compose.constraints.wish_items import no_doubles
from corpora.errors import RequestError
from corpora.piece import Piece

__all__ = ["contour"]


def contour(value: str, piece: Piece) -> Constraint:
    """``keep``: the shape of the notes that go, in their rhythm; ``up``, ``up down``, ``Soprano up, Bass down``: a new one."""
    if value.casefold() == "keep":
        return KeepContour()
    shapes, names, texts = [], [], []
    for item in split_items(value):
        words = item.split()
        first = len(words)
        while first and words[first - 1].casefold() in WAYS:
            first -= 1
        ways = [word.casefold() for word in words[first:]]
        if not ways:
            raise RequestError(f"contour: '{item}' is not understood: expected 'contour: keep', up, down, up down or Soprano up")
        if any(one == two for one, two in pairwise(ways)):
            raise RequestError(f"contour: '{' '.join(ways)}' goes on as before: expected turns, for example up down")
        lanes = find_lanes(piece, " ".join(words[:first])) if first else None
        shapes.append(Shape(lanes, tuple(WAYS[way] for way in ways)))
        names.append("" if lanes is None else quote(piece.parts[lanes[0]].name) + " ")
        texts.append(names[-1] + " ".join(ways))
    if not shapes:
        raise RequestError("contour: expected a shape, for example 'contour: up down'")
    no_doubles("contour", names)
    return LineShape(f"contour: {', '.join(texts)}", tuple(shapes))
