"""Some bars of a score as a score of their own: what one printed system shows.

Conventions: bars count from 0, the last one is left out as in a slice. Engravers print clefs and key again at each system, and a
meter only where it changes: so the first bar has the clef in force of every staff and the key in force (also when that is no
sign at all, ``Key(0)``), and its own meter only. What began before (ties, slurs, hairpins, endings) keeps its ends alone, as on the
page, but for endings, which are left out; a sign that a tie brings from the bar before is not known any more.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from compose.notation.written import Bar, Clef, Key, Part, WrittenScore
from corpora.errors import RequestError

__all__ = ["DEFAULT_METER_QUARTERS", "meter_before", "slice_bars"]

DEFAULT_METER_QUARTERS = Fraction(4)


def slice_bars(score: WrittenScore, first: int, last: int) -> WrittenScore:
    """The bars from ``first`` up to, not including, ``last``.

    Args:
        score: Written music.
        first, last: Indices of bars, ``0 <= first < last <= bars``.

    Returns:
        The same parts; a title only where the score begins; breaks of systems and pages inside, counted from ``first``.

    Raises:
        RequestError: The score has no such bars.
    """
    count = len(score.parts[0].bars) if score.parts else 0
    if not 0 <= first < last <= count:
        raise RequestError(f"bars: expected 0 <= first < last <= {count}, got {first} and {last}")
    parts = tuple(replace(part, bars=_bars(part, first, last)) for part in score.parts)
    systems, pages = (tuple(index - first for index in breaks if first < index < last) for breaks in (score.systems, score.pages))
    return WrittenScore(parts, score.title if first == 0 else "", (0, *systems) if systems else (), (0, *pages) if pages else ())


def _bars(part: Part, first: int, last: int) -> tuple[Bar, ...]:
    bars = [_opening(part, first), *part.bars[first + 1 : last]]
    is_open = False
    for bar in part.bars[:first]:
        is_open = (is_open or bool(bar.ending_start)) and not bar.ending_stop
    for index, bar in enumerate(bars):
        if bar.ending_start or not is_open:
            break
        if bar.ending_stop:
            bars[index] = replace(bar, ending_stop=False)
            break
    return tuple(bars)


def _opening(part: Part, first: int) -> Bar:
    """The bar with clefs and key in force."""
    clefs: dict[int, Clef] = {}
    key = Key(0)
    for bar in part.bars[:first]:
        clefs |= {clef.staff: clef for clef in bar.clefs}
        key = bar.key or key
    bar = part.bars[first]
    clefs |= {clef.staff: clef for clef in bar.clefs if clef.onset == 0}
    opening = tuple(replace(clefs[staff], onset=Fraction(0)) for staff in sorted(clefs))
    return replace(bar, clefs=(*opening, *(clef for clef in bar.clefs if clef.onset > 0)), key=bar.key or key)


def meter_before(score: WrittenScore, bar: int) -> Fraction:
    """Quarters of the meter in force when a bar begins, its own meter not counted; 4 before any is printed."""
    times = (bar.time for bar in score.parts[0].bars[:bar] if bar.time)
    quarters = DEFAULT_METER_QUARTERS
    for time in times:
        quarters = Fraction(4 * time.beats, time.beat_type)
    return quarters
