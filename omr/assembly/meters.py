"""The meter of music that prints none: the length to which most bars add up."""

from __future__ import annotations

from collections.abc import Sequence

from omr.assembly.costs import ESCAPE
from omr.assembly.decoding import Reading
from omr.assembly.lengths import DIVS

__all__ = ["METERS", "likeliest_meter"]

# Beats and beat type, with nats for rarer ones.
METERS = {
    (4, 4): 0.0,
    (3, 4): 0.3,
    (2, 4): 0.3,
    (6, 8): 0.6,
    (3, 8): 1.5,
    (9, 8): 2.0,
    (12, 8): 2.0,
    (3, 2): 2.5,
    (4, 2): 3.0,
    (5, 4): 3.0,
    (7, 8): 4.0,
    (5, 8): 4.0,
    (7, 4): 4.5,
    (1, 4): 5.0,
}


def likeliest_meter(bars: Sequence[Sequence[Reading]]) -> tuple[int, int]:
    """Beats and beat type.

    Args:
        bars: Readings of each bar, made without a meter.
    """

    def cost(meter: tuple[int, int]) -> float:
        length = meter[0] * 4 * DIVS // meter[1]
        total = METERS[meter]
        for readings in bars:
            best = readings[0].cost
            fitting = min((reading.cost for reading in readings if reading.length == length), default=best + ESCAPE)
            total += min(fitting - best, ESCAPE) if any(reading.placed for reading in readings) else 0.0
        return total

    return min(METERS, key=lambda meter: (cost(meter), METERS[meter]))
