"""The beats of a piece in ticks of 10 ms, for ``mt3``.

A beat is the tactus that a conductor beats: the meter's unit, or three of them in 6/8, 9/8, 12/8 and their like.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from compose.vocabulary.arrival import TICKS_PER_SECOND
from compose.vocabulary.mt3_events import TICK_BEAT_DTYPE
from corpora.piece import Piece, Table

__all__ = ["beats_of"]

QUARTERS_OF_WHOLE = 4


def beats_of(piece: Piece) -> Table:
    """The beats of a piece, TICK_BEAT_DTYPE rows; every bar begins with a downbeat, but for a pickup.

    A first bar that is shorter than its meter is a pickup: its beats are counted from its end.
    """
    rows: dict[int, bool] = {}
    for index, bar in enumerate(piece.measures):
        count, start, end = int(bar["beats"]), int(bar["start_div"]), int(bar["end_div"])
        unit = Fraction(QUARTERS_OF_WHOLE * piece.divs_per_quarter, max(int(bar["beat_type"]), 1))
        is_compound = bar["beat_type"] >= 8 and count > 3 and count % 3 == 0
        beat = 3 * unit if is_compound else unit
        is_pickup = index == 0 and end - start < count * unit
        number = -(-(end - start) // beat)
        places = [end - beat * (number - k) if is_pickup else start + beat * k for k in range(number)]
        seconds = piece.div_to_seconds(np.array([float(place) for place in places]))
        for k, tick in enumerate(np.rint(seconds * TICKS_PER_SECOND).astype(np.int64).tolist()):
            if places[k] >= start:
                rows[tick] = rows.get(tick, False) or (k == 0 and not is_pickup)
    return np.array(sorted(rows.items()), dtype=TICK_BEAT_DTYPE)
