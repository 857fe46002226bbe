"""Heads with two stems, of two voices: where the network sees two likely directions, the ink tells whether there are two.

The stem that points up stands at the right side of its head, the other at the left. Of a head that has both, one thing is said by
each voice: what is most likely, and what is likely beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omr.signs import HEADS, KIND_INDEX, STEMS, Signs

__all__ = ["with_second_stems"]

DOUBT = 0.02  # probability of the less likely direction from which the ink is asked
STRONG_DOUBT = 0.15  # the same where a head is near that way, which may have that stem
NEXT_HEAD = (0.5, 1.6)  # spaces across and along the stem, at most, to that head
LEAST_STEM, LONGEST = 2.0, 3.0  # spaces of a stem beside the head; that are looked at
BESIDE = (0.25, 0.85)  # spaces from the head's middle between which its stem stands
DARK = 0.45
OTHER = 0.05  # probability of all that is less likely from which it is the other voice's
UP, DOWN = STEMS.index("up"), STEMS.index("down")
_HEADS = [KIND_INDEX[kind] for kind in HEADS]


def with_second_stems(signs: Signs, image: NDArray[np.uint8], interline_px: int | float, origin_px: tuple[float, float]) -> Signs:
    """The signs; stems of both directions are alike where there are two, and one is sure where there is one.

    Args:
        signs: Of a straight system.
        image, interline_px, origin_px: As ``SignReader.read`` has them.
    """
    doubtful = np.isin(signs["kind"], _HEADS) & (np.minimum(signs["stem"][:, UP], signs["stem"][:, DOWN]) >= DOUBT)
    if not doubtful.any():
        return signs
    dark = 1.0 - image.astype(np.float32) / 255.0 > DARK
    found = signs.copy()
    for index in np.flatnonzero(doubtful):
        if float(signs["stem"][index, [UP, DOWN]].min()) < STRONG_DOUBT and _is_of_the_next(signs, int(index)):
            continue
        place = origin_px[0] + float(signs["x"][index]) * interline_px, origin_px[1] + float(signs["y"][index]) * interline_px
        row = found[index]
        if min(_stem(dark, place, interline_px, side) for side in (1, -1)) >= LEAST_STEM:
            row["stem"] = 0.0
            row["stem"][[UP, DOWN]] = 0.5
            for name in ("duration", "dots", "beam"):
                row[name] = _of_two(row[name])
        else:
            row["stem"][DOWN if row["stem"][UP] >= row["stem"][DOWN] else UP] = 0.0
    return found


def _is_of_the_next(signs: Signs, index: int) -> bool:
    """Whether the ink of the less likely stem of a head may be that of the next head on that side, and of its stem."""
    less = UP if signs["stem"][index, UP] < signs["stem"][index, DOWN] else DOWN
    along = (signs["y"] - signs["y"][index]) * (1 if less == DOWN else -1)
    beside = np.isin(signs["kind"], _HEADS) & (np.abs(signs["x"] - signs["x"][index]) < NEXT_HEAD[0])
    return bool(np.any(beside & (along > 0) & (along < NEXT_HEAD[1])))


def _stem(dark: NDArray[np.bool_], place: tuple[float, float], interline_px: float, side: int) -> float:
    """Spaces of ink without a gap beside a head: upwards on its right (``side`` 1) or downwards on its left (-1)."""
    height, width = dark.shape
    rows = round(place[1]) - side * np.arange(round(LONGEST * interline_px))
    rows = rows[(rows >= 0) & (rows < height)]
    near, far = sorted(side * reach * interline_px + place[0] for reach in BESIDE)
    columns = np.arange(max(int(near), 0), min(int(np.ceil(far)) + 1, width - 1))
    if not len(rows) or not len(columns):
        return 0.0
    part = dark[rows][:, columns] | dark[rows][:, columns + 1]  # stems lean a little
    gaps = np.where(part.all(axis=0), len(rows), (~part).argmax(axis=0))
    return float(gaps.max()) / interline_px


def _of_two(likely: NDArray[np.float32]) -> NDArray[np.float32]:
    """Half for the likeliest, half for the others as they are likely; unchanged where the others are not."""
    others = likely.copy()
    best = int(likely.argmax())
    others[best] = 0.0
    if others.sum() < OTHER:
        return likely
    halves = 0.5 * others / others.sum()
    halves[best] = 0.5
    return np.asarray(halves, dtype=np.float32)
