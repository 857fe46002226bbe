"""Places of a piece in the text of a wish: bar and beat as printed."""

from __future__ import annotations

import re
from fractions import Fraction

from corpora.errors import RequestError
from corpora.piece import Piece

__all__ = ["SPAN_PATTERN", "find_beat", "find_span"]

SPAN_PATTERN = r"\S+?(?::\d+(?:\.\d+)?)?(?:-\S+?(?::\d+(?:\.\d+)?)?)?"
_END = re.compile(r"(?P<bar>\S+?)(?::(?P<beat>\d+(?:\.\d+)?))?")


def _bar(piece: Piece, number: str) -> int:
    numbers = piece.measures["number"].tolist()
    if number not in numbers:
        raise RequestError(f"there is no bar '{number}': the piece has bars {numbers[0]} to {numbers[-1]}")
    return int(numbers.index(number))


def find_beat(piece: Piece, number: str, beat: str) -> int:
    """Div of a beat, counted from 1 in the meter's beat type, of a bar as printed (of several with a number, the first).

    Raises:
        RequestError: No such bar or beat.
    """
    row = piece.measures[_bar(piece, number)]
    place = int(row["start_div"]) + (Fraction(beat) - 1) * Fraction(4 * piece.divs_per_quarter, int(row["beat_type"]))
    if not row["start_div"] <= place < row["end_div"] or place.denominator > 1:
        raise RequestError(f"bar {number} has no beat {beat}")
    return int(place)


def find_span(piece: Piece, text: str) -> tuple[int, int]:
    """Start and end in divs of bars ``1-2`` or ``1``, or of beats ``1:1-2:3`` with the last one included.

    Raises:
        RequestError: No such place.
    """
    first, _, last = text.partition("-")
    ends = [_END.fullmatch(first), _END.fullmatch(last or first)]
    if not all(ends) or not len(piece.measures):
        raise RequestError(f"'{text}' is no place: expected for example 1:1-2:3 or 1-2")
    (bar, beat), (last_bar, last_beat) = (found.group("bar", "beat") for found in ends if found)
    start = find_beat(piece, bar, beat) if beat else int(piece.measures["start_div"][_bar(piece, bar)])
    row = piece.measures[_bar(piece, last_bar)]
    end = int(row["end_div"])
    if last_beat:
        end = min(find_beat(piece, last_bar, last_beat) + 4 * piece.divs_per_quarter // int(row["beat_type"]), end)
    if end <= start:
        raise RequestError(f"'{text}' ends before it begins")
    return start, end
