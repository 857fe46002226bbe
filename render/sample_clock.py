"""Ticks of a MIDI file as sample places, through its tempo map and without drift.

Whole-number arithmetic in units of 1 / (ticks_per_quarter * 1,000,000) s, rounded once, at the end: half a sample goes up.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

__all__ = ["DEFAULT_TEMPO_US", "SampleClock"]

DEFAULT_TEMPO_US = 500_000  # microseconds a quarter note until the first tempo event
MICROSECONDS = 1_000_000


class SampleClock:
    """The tempo map of a file at a sample rate.

    Args:
        tempos: (tick, microseconds a quarter note) in any order; of several at one tick the last holds.
        ticks_per_quarter: Of the file.
        sample_rate_hz: Samples a second.
    """

    def __init__(self, tempos: Iterable[tuple[int, int]], ticks_per_quarter: int, sample_rate_hz: int) -> None:
        self._unit = ticks_per_quarter * MICROSECONDS
        self._rate = sample_rate_hz
        self._ticks, self._tempos, self._elapsed = [0], [DEFAULT_TEMPO_US], [0]
        for tick, tempo in sorted(tempos, key=lambda change: change[0]):  # stable
            if tick == self._ticks[-1]:
                self._tempos[-1] = tempo
                continue
            self._elapsed.append(self._elapsed[-1] + (tick - self._ticks[-1]) * self._tempos[-1])
            self._ticks.append(tick)
            self._tempos.append(tempo)

    def _units(self, tick: int) -> int:
        knot = bisect_right(self._ticks, tick) - 1
        return self._elapsed[knot] + (tick - self._ticks[knot]) * self._tempos[knot]

    def seconds(self, tick: int) -> float:
        """Seconds from tick 0."""
        return self._units(tick) / self._unit

    def sample(self, tick: int) -> int:
        """The nearest sample."""
        return (2 * self._units(tick) * self._rate + self._unit) // (2 * self._unit)
