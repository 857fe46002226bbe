"""Where the beats of a score stand: ``score_beats``, the truth that trackers learn from and are measured by.

Conventions: a beat is a tactus: the denominator's note value, and three of them in compound time (6/8 has two beats a bar, 3/8
three). Places are divs of the piece. Beats are numbered from 1 within the bar of the meter, so that an upbeat bar ends with the
last number, and two short bars that make one whole (around a repeat sign) count through.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from corpora.piece import Piece, Table

__all__ = ["SCORE_BEAT_DTYPE", "is_compound", "score_beats", "tactus_quarters"]

SCORE_BEAT_DTYPE = np.dtype(
    [
        ("onset_div", np.float64),
        ("number", np.int32),  # 1 is the downbeat
        ("beats", np.int32),  # of the meter in force, as written: 6 in 6/8
        ("beat_type", np.int32),
    ]
)


def is_compound(beats: int, beat_type: int) -> bool:
    """Whether a meter's beat is three units long: 6/8, 9/8, 12/8, 6/4 ... but not 3/8, nor anything of halves."""
    return beats % 3 == 0 and beats > 3 and beat_type >= 4


def tactus_quarters(beats: int, beat_type: int) -> Fraction:
    """Length of a beat in quarter notes.

    >>> tactus_quarters(6, 8), tactus_quarters(2, 2)
    (Fraction(3, 2), Fraction(2, 1))
    """
    return Fraction(4, beat_type) * (3 if is_compound(beats, beat_type) else 1)


def score_beats(piece: Piece) -> Table:
    """SCORE_BEAT_DTYPE rows of all beats in the bars of a piece, by place.

    A bar that is longer than its meter (a cadenza) has beats to its end, numbered on past those of the meter.
    """
    rows: list[tuple[float, int, int, int]] = []
    before = Fraction(0)  # how far the bar of the meter is filled when this bar begins
    for index, bar in enumerate(piece.measures):
        beats, beat_type = int(bar["beats"]), int(bar["beat_type"])
        beat = tactus_quarters(beats, beat_type) * piece.divs_per_quarter
        full = Fraction(4 * beats * piece.divs_per_quarter, beat_type)
        start, length = int(bar["start_div"]), Fraction(int(bar["end_div"]) - int(bar["start_div"]))
        if index == 0 and length < full:
            before = full - length
        elif before + length > full:
            before = Fraction(0)
        number = -(-before // beat)  # the first beat that does not lie before the bar
        while (away := number * beat - before) < length:
            rows.append((float(start + away), int(number) + 1, beats, beat_type))
            number += 1
        before += length
        before = Fraction(0) if before >= full else before
    return np.array(rows, dtype=SCORE_BEAT_DTYPE)
