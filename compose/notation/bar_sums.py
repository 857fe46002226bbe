"""Whether the bars of a score add up: every voice within its bar, every symbol as long as it says, every tuplet whole.

A voice that ends before its bar breaks nothing (the rest of it is not printed), and is counted as short where no voice of its staff
fills the bar. Irregular bars are escapes from the meter; they are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from compose.notation.names import written_length
from compose.notation.slicing import DEFAULT_METER_QUARTERS
from compose.notation.written import Bar, Event, Voice, WrittenScore

__all__ = ["BarFault", "BarSums", "bar_sums"]


@dataclass(frozen=True)
class BarFault:
    """What does not add up.

    Args:
        part, bar: Indices.
        voice: Number of the voice, 0 for the bar itself.
        kind: "overfull", "overlap", "length" (a symbol lasts other than it says), "tuplet" (not whole at the end of the voice),
            "meter" (a bar departs from the meter and is not irregular), "unequal" (parts disagree).
    """

    part: int
    bar: int
    voice: int
    kind: str


@dataclass(frozen=True)
class BarSums:
    """The arithmetic of a score.

    Args:
        bars: Bars, those of all parts together.
        escapes: Irregular bars among them.
        short: Staves of bars that have voices of which none fills the bar.
        faults: What does not add up.
    """

    bars: int
    escapes: int
    short: int
    faults: tuple[BarFault, ...]


def bar_sums(score: WrittenScore, bar_quarters: Fraction = DEFAULT_METER_QUARTERS) -> BarSums:
    """Check every bar.

    Args:
        score: Written music.
        bar_quarters: Quarters of the meter in force before the first bar.
    """
    faults: list[BarFault] = []
    bars = escapes = short = 0
    for number, part in enumerate(score.parts):
        meter = bar_quarters
        for index, bar in enumerate(part.bars):
            if bar.time:
                meter = Fraction(4 * bar.time.beats, bar.time.beat_type)
            bars += 1
            escapes += bar.irregular
            short += _short_staves(bar)
            if bar.length != meter and not bar.irregular:
                faults.append(BarFault(number, index, 0, "meter"))
            if number and bar.length != score.parts[0].bars[index].length:
                faults.append(BarFault(number, index, 0, "unequal"))
            for voice in bar.voices:
                faults += [BarFault(number, index, voice.number, kind) for kind in dict.fromkeys(_faults(voice, bar.length))]
    return BarSums(bars, escapes, short, tuple(faults))


def _faults(voice: Voice, length: Fraction) -> Iterator[str]:
    end = Fraction(0)
    for event in voice.events:
        if event.onset < end:
            yield "overlap"
        if not _lasts_what_it_says(event, length):
            yield "length"
        end = max(end, event.onset + event.duration)
    if end > length:
        yield "overfull"
    denominator = end.denominator
    if denominator & (denominator - 1):
        yield "tuplet"


def _lasts_what_it_says(event: Event, length: Fraction) -> bool:
    if event.grace:
        return event.duration == 0
    if not event.type:
        return event.duration == length
    return event.duration == written_length(event.type, event.dots, event.actual, event.normal)


def _short_staves(bar: Bar) -> int:
    ends: dict[int, Fraction] = {}
    for voice in bar.voices:
        for event in voice.events:
            ends[event.staff] = max(ends.get(event.staff, Fraction(0)), event.onset + event.duration)
    return sum(end < bar.length for end in ends.values())
