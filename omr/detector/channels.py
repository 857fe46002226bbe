"""What the detector looks for: points, each of a class of its own.

Most signs are a point: the middle of their box. Long ones are two, their left and right ends (a hairpin of twenty spaces has no
middle that a small window could tell). A bar line is a point on the middle line of every staff that it crosses. Lyrics, words,
stems, flags, beams, slurs and ties are no points: what matters of them is told with the head that they touch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omr.signs import BAR_LINES, HEADS, KIND_INDEX, KINDS, RESTS, Signs

__all__ = ["CHANNELS", "ENDS", "POINTS", "WITH_ATTRIBUTES", "points_of"]

_LONG = ("hairpin_crescendo", "hairpin_diminuendo", "tuplet_bracket", "volta", "ottava_8", "ottava_15")
_UNSEEN = ("slur", "tie", "beam", "words", "lyric", "stem", "flag")
POINTS = tuple(kind for kind in KINDS if kind not in _LONG + _UNSEEN)
ENDS = tuple((kind, end) for kind in _LONG for end in ("left", "right"))
CHANNELS = (*POINTS, *(f"{kind}:{end}" for kind, end in ENDS))
WITH_ATTRIBUTES = frozenset((*HEADS, *RESTS))

_CHANNEL_OF = np.full(len(KINDS), -1, dtype=np.int64)
for _index, _kind in enumerate(POINTS):
    _CHANNEL_OF[KIND_INDEX[_kind]] = _index
_LEFT_OF = {KIND_INDEX[kind]: len(POINTS) + 2 * index for index, kind in enumerate(_LONG)}
_BARS = np.array([KIND_INDEX[kind] for kind in BAR_LINES])


def points_of(signs: Signs, middle_lines: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The points of signs that are known.

    Args:
        signs: Rows of ``SIGN_DTYPE``.
        middle_lines: Of the system's staves, in spaces.

    Returns:
        Channels, shape (points,); the row of each in ``signs``; and ``(x, y)`` in spaces, shape (points, 2).
    """
    channels: list[int] = []
    rows: list[int] = []
    places: list[tuple[float, float]] = []
    for row, sign in enumerate(signs):
        kind = int(sign["kind"])
        x, y, half = float(sign["x"]), float(sign["y"]), float(sign["width"]) / 2
        if kind in _LEFT_OF:
            found = [(_LEFT_OF[kind], x - half, y), (_LEFT_OF[kind] + 1, x + half, y)]
        elif kind in _BARS:
            reach = float(sign["height"]) / 2
            crossed = [float(middle) for middle in middle_lines if abs(float(middle) - y) <= max(reach, 0.5)]
            found = [(int(_CHANNEL_OF[kind]), x, middle) for middle in crossed]
        else:
            found = [(int(_CHANNEL_OF[kind]), x, y)] if _CHANNEL_OF[kind] >= 0 else []
        for channel, place_x, place_y in found:
            channels.append(channel)
            rows.append(row)
            places.append((place_x, place_y))
    return (
        np.array(channels, dtype=np.int64),
        np.array(rows, dtype=np.int64),
        np.array(places, dtype=np.float32).reshape(-1, 2),
    )
