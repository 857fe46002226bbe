"""Which slur end belongs to which slur start: MusicXML numbers them, a page shows only where they begin and end.

An end closes the slur of its own voice that has been open longest, else that of its staff, else of any. A number that is
free again is not given in the same bar, because files are not in order of time there. An end without a start gets a number too.
"""

from __future__ import annotations

from dataclasses import dataclass

from compose.notation.sounding import bar_starts, divisions_of, steps
from compose.notation.written import Part

__all__ = ["NO_SLURS", "SlurEnds", "slur_numbers"]

MAX_NUMBER = 16  # of MusicXML's number-level


@dataclass(frozen=True, slots=True)
class SlurEnds:
    """Numbers of the slurs that end and that begin at an event."""

    stops: tuple[int, ...]
    starts: tuple[int, ...]


NO_SLURS = SlurEnds((), ())


@dataclass(frozen=True, slots=True)
class _Open:
    number: int
    voice: int
    staff: int


def slur_numbers(part: Part) -> dict[tuple[int, int, int], SlurEnds]:
    """The slur ends of a part's events by the indices of bar, voice and event; events without any are left out."""
    divisions = divisions_of(part)
    placed = [
        (start + steps(event.onset, divisions), (index, place, number), voice.number, event)
        for index, (bar, start) in enumerate(zip(part.bars, bar_starts(part, divisions), strict=False))
        for place, voice in enumerate(bar.voices)
        for number, event in enumerate(voice.events)
        if event.slur_starts or event.slur_stops
    ]
    placed.sort(key=lambda row: row[:2])
    ends: dict[tuple[int, int, int], SlurEnds] = {}
    still_open: list[_Open] = []
    bar, used = 0, set[int]()
    for _, key, voice, event in placed:
        if key[0] != bar:
            bar, used = key[0], set()
        stops: list[int] = []
        for _ in range(event.slur_stops):
            slur = _closed_by(still_open, voice, event.staff)
            if slur:
                still_open.remove(slur)
            stops.append(slur.number if slur else _free_number(still_open, used))
            used.add(stops[-1])
        starts: list[int] = []
        for _ in range(event.slur_starts):
            starts.append(_free_number(still_open, used))
            used.add(starts[-1])
            still_open.append(_Open(starts[-1], voice, event.staff))
        ends[key] = SlurEnds(tuple(stops), tuple(starts))
    return ends


def _free_number(still_open: list[_Open], used: set[int]) -> int:
    """The least number that is neither open nor used in this bar; the highest where all are."""
    taken = {slur.number for slur in still_open} | used
    return next((number for number in range(1, MAX_NUMBER) if number not in taken), MAX_NUMBER)


def _closed_by(still_open: list[_Open], voice: int, staff: int) -> _Open | None:
    return min(still_open, key=lambda slur: (slur.voice != voice, slur.staff != staff), default=None)
