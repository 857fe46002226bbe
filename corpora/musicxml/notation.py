"""From times to note symbols: how a duration at a place in a bar is written with types, dots, ties and tuplets.

Conventions: times are exact ``Fraction`` quarters from the start of the measure. A bar that begins late (pickup) has a ``shift``,
so that beats still fall where the meter puts them. A time that no power of two divides falls in a tuplet *window*: the smallest
aligned stretch whose inner times share one ratio (3 in the time of 2, 5 of 4 ...); inside it symbols are chosen in tuplet time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from corpora.errors import RequestError

__all__ = ["NOTE_TYPES", "Meter", "Symbol", "Window", "notate", "symbol_of", "tuplet_windows"]

# MusicXML names from 32 quarters down to 1/256 quarter, each half of the one before.
_LONG_TYPES = ("maxima", "long", "breve", "whole", "half", "quarter")
_SHORT_TYPES = ("eighth", "16th", "32nd", "64th", "128th", "256th", "512th", "1024th")
NOTE_TYPES = _LONG_TYPES + _SHORT_TYPES
QUARTER_INDEX = NOTE_TYPES.index("quarter")
MAX_DOTS = 2
WINDOW_QUARTERS = tuple(Fraction(2) ** power for power in (-1, 0, 1, 2))
FALLBACK_WINDOW_QUARTERS = Fraction(1)


class Symbol(NamedTuple):
    """One note or rest symbol: its place and sounding length, type name, dots, and tuplet ratio (actual in the time of normal)."""

    start: Fraction
    duration: Fraction
    type: str
    dots: int
    actual: int = 1
    normal: int = 1


class Window(NamedTuple):
    """A stretch of a bar written as a tuplet."""

    start: Fraction
    end: Fraction
    actual: int
    normal: int


@dataclass(frozen=True)
class Meter:
    """A meter and where in it the measure begins.

    Args:
        beats: Upper number.
        beat_type: Lower number.
        shift: Quarters that a pickup bar leaves out at its beginning.
    """

    beats: int
    beat_type: int
    shift: Fraction = Fraction(0)

    @property
    def unit(self) -> Fraction:
        """The lower number's length in quarters."""
        return Fraction(4, self.beat_type)

    @property
    def bar(self) -> Fraction:
        """Quarters in a full bar."""
        return self.beats * self.unit

    @property
    def is_compound(self) -> bool:
        """Whether three units make a beat (6/8, 9/8, 12/8, 3/8)."""
        return self.beats % 3 == 0 and self.beat_type >= 8

    @property
    def beat(self) -> Fraction:
        """Quarters in a beat."""
        return self.unit * 3 if self.is_compound else self.unit

    def levels(self) -> Iterable[Fraction]:
        """Lengths whose multiples are metrically strong places, strongest first."""
        count = self.bar / self.beat
        if count % 2 == 0 and count > 2:
            yield self.bar / 2
        yield self.beat
        step = self.unit if self.is_compound else self.beat / 2
        while step >= Fraction(1, 256):
            yield step
            step /= 2


def symbol_of(duration: Fraction) -> tuple[str, int] | None:
    """Type name and dots (at most two) of a length in quarters, or None when no single symbol has it.

    >>> symbol_of(Fraction(3, 2)), symbol_of(Fraction(5, 4))
    (('quarter', 1), None)
    """
    for dots in range(MAX_DOTS + 1):
        base = duration / (2 - Fraction(1, 2**dots))
        power = base.denominator.bit_length() - 1 if base.numerator == 1 else 1 - base.numerator.bit_length()
        if base == Fraction(1, 2) ** power and 0 <= QUARTER_INDEX + power < len(NOTE_TYPES):
            return NOTE_TYPES[QUARTER_INDEX + power], dots
    return None


def tuplet_windows(
    times: Iterable[Fraction], spans: Sequence[tuple[Fraction, Fraction]], meter: Meter, length: Fraction
) -> list[Window]:
    """The tuplets that these times need.

    Args:
        times: All starts and ends of a voice in the measure.
        spans: Notes and rests that will be notated; a window that cuts none of them is preferred.
        meter: The meter in force.
        length: Quarters in the measure.
    """
    ordered = sorted(set(times))
    windows: list[Window] = []
    for time in ordered:
        if _odd_part(time.denominator) == 1 or (windows and windows[-1].end > time):
            continue
        chosen = None
        for size in WINDOW_QUARTERS:
            window = _window(time, size, ordered, meter, length)
            cut = any(start < edge < end for edge in (window.start, window.end) for start, end in spans)
            # Beyond a beat only the plain shapes are read easily: quarter triplets in a half, not specks in a whole bar.
            step = size / (2 * window.actual)
            plain = size <= 1 or all((t - window.start) % step == 0 for t in ordered if window.start < t < window.end)
            free = not windows or windows[-1].end <= window.start
            if plain and free and not cut and window.end - window.start == size:
                chosen = window
                break
        chosen = chosen or _window(time, FALLBACK_WINDOW_QUARTERS, ordered, meter, length)
        if windows and windows[-1].end > chosen.start:
            chosen = chosen._replace(start=windows[-1].end)
        if chosen.actual > 1:
            windows.append(chosen)
    return windows


def _window(time: Fraction, size: Fraction, times: Sequence[Fraction], meter: Meter, length: Fraction) -> Window:
    start = (time + meter.shift) // size * size - meter.shift
    start, end = max(start, Fraction(0)), min(start + size, length)
    actual = math.lcm(*(_odd_part((t - start).denominator) for t in times if start < t <= end))
    return Window(start, end, actual, 1 << (actual.bit_length() - 1))


def _odd_part(value: int) -> int:
    return value // (value & -value)


def notate(start: Fraction, end: Fraction, meter: Meter, windows: Sequence[Window], is_rest: bool = False) -> list[Symbol]:
    """The symbols, tied together if several, that fill ``start`` to ``end`` (quarters from the measure's start).

    Raises:
        RequestError: The times are finer than the smallest note type.
    """
    cuts = {start, end}
    for window in windows:
        if start < window.end and end > window.start and not (start <= window.start and end >= window.end):
            cuts |= {edge for edge in window[:2] if start < edge < end}
    symbols: list[Symbol] = []
    edges = sorted(cuts)
    for left, right in pairwise(edges):
        inside = next((w for w in windows if w.start <= left and right <= w.end), None)
        if inside is None or (symbol_of(right - left) and right - left == inside.end - inside.start):
            symbols += [_plain(a, b) for a, b in _split(left, right, meter, is_rest)]
        else:
            symbols += _in_tuplet(left, right, inside)
    return symbols


def _plain(start: Fraction, end: Fraction) -> Symbol:
    found = symbol_of(end - start)
    assert found
    return Symbol(start, end - start, *found)


def _in_tuplet(start: Fraction, end: Fraction, window: Window) -> list[Symbol]:
    """Greedy symbols in tuplet time, longest first."""
    scale = Fraction(window.actual, window.normal)
    symbols = []
    while start < end:
        written = (end - start) * scale
        if symbol_of(written) is None:
            written = Fraction(2) ** (math.floor(math.log2(written)))
        found = symbol_of(written)
        if found is None:
            raise _too_fine(start, end)
        symbols.append(Symbol(start, written / scale, *found, window.actual, window.normal))
        start += written / scale
    return symbols


def _too_fine(start: Fraction, end: Fraction) -> RequestError:
    return RequestError(f"no note symbol is short enough for the time from quarter {start} to {end} of a measure")


def _split(start: Fraction, end: Fraction, meter: Meter, is_rest: bool) -> list[tuple[Fraction, Fraction]]:
    """Pieces that each have one symbol and hide no stronger beat than usual notation does."""
    if _fits(start + meter.shift, end + meter.shift, meter, is_rest):
        return [(start, end)]
    for level in meter.levels():
        first = ((start + meter.shift) // level + 1) * level - meter.shift
        if first < end:
            on_level = (start + meter.shift) % level == 0
            cut = -(-(end + meter.shift) // level) * level - level - meter.shift if on_level else first
            return _split(start, cut, meter, is_rest) + _split(cut, end, meter, is_rest)
    if symbol_of(end - start):
        return [(start, end)]
    raise _too_fine(start, end)


def _fits(start: Fraction, end: Fraction, meter: Meter, is_rest: bool) -> bool:
    """Whether one symbol may fill this stretch (times from the start of the full bar)."""
    length = end - start
    found = symbol_of(length)
    if found is None:
        return False
    dots = found[1]
    if start == 0 and end == meter.bar:
        return dots < MAX_DOTS
    base = length / (2 - Fraction(1, 2**dots))
    place = start % meter.beat
    if place + length <= meter.beat:  # inside one beat
        if is_rest:
            return place % base == 0 and dots < MAX_DOTS
        return place % (base if dots == MAX_DOTS else base / 2) == 0
    if meter.is_compound:
        return place == 0 and end % meter.beat == 0 and (not is_rest or start % length == 0)
    if is_rest:
        return dots == 0 and start % length == 0
    on_beats = place == 0 and end % meter.beat == 0
    half = meter.bar / 2
    if meter.beats == 4 and start < half < end and not on_beats:
        return False
    return start % (base if dots == MAX_DOTS else base / 2) == 0
