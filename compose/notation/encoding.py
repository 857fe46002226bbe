"""Written music as tokens: the one sequence that says a canonical score (``compose.notation.grammar`` says how it is built).

A clef within a bar, or a direction, stands in the first voice that has a symbol of its staff beginning at its onset, or else that
ends there on its staff; what finds no such voice stands aside. Clefs come before directions. Skips are the fewest that make up a
time: binary ones, longest first, where it is binary, else those of the first ratio that makes it so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from compose.notation.names import TYPE_QUARTERS, written_length
from compose.notation.token_table import OTHER_WORDS, RATIOS, TYPES, WORDS, place_name
from compose.notation.written import Bar, Clef, Direction, Event, Time, Voice, WrittenScore
from corpora.errors import InputError

__all__ = ["token_names"]

_SHORTEST = TYPE_QUARTERS[TYPES[-1]]
_CHORD = re.compile(r"([A-G])(bb|##|b|#|)([^/]*)(?:/([A-G])(bb|##|b|#|))?")
_TEMPO = re.compile(r"([0-9a-z]+)(\.*)=([1-9]\d{0,2})")


def token_names(score: WrittenScore) -> Iterator[str]:
    """The tokens of a score by name, not checked against the grammar."""
    for part in score.parts:
        yield f"staves:{part.staves}"
    for index in range(len(score.parts[0].bars)):
        yield "bar"
        bars = [part.bars[index] for part in score.parts]
        if bars[0].irregular:
            yield "irregular"
            yield from (f"type:{name}" for name in _binary(bars[0].length))
        for number, bar in enumerate(bars):
            if number:
                yield "part"
            yield from _part_of_bar(bar)
    yield "end"


def _part_of_bar(bar: Bar) -> Iterator[str]:
    yield from (f"ending:{number}" for number in bar.ending_start.split(", ") if number)
    if bar.repeat_start:
        yield "repeat-start"
    elif bar.left:
        yield f"left:{bar.left}"
    if bar.key:
        yield f"key:{bar.key.fifths}"
    if bar.time:
        yield from _time(bar.time)
    for clef in bar.clefs:
        if clef.onset == 0:
            yield f"staff:{clef.staff}"
            yield _clef(clef)
    homes, aside = _homes(bar)
    for index, voice in enumerate(bar.voices):
        yield "voice"
        yield from _voice(voice, homes[index])
    if aside:
        yield "aside"
        yield from _aside(aside)
    if bar.ending_stop:
        yield "ending-stop"
    if bar.repeat_end:
        yield "repeat-end"
    elif bar.right:
        yield f"right:{bar.right}"


def _time(time: Time) -> Iterator[str]:
    if time.symbol:
        yield f"time:{time.symbol}"
    else:
        yield f"beats:{time.beats}"
        yield f"beat-type:{time.beat_type}"


def _clef(clef: Clef) -> str:
    return f"clef:{clef.sign}:{clef.line}:{clef.octaves}"


_Said = Clef | Direction
_Home = dict[int, list[_Said]]  # what is said before an event, by its index; after the last: the number of events


def _homes(bar: Bar) -> tuple[list[_Home], list[_Said]]:
    """What each voice says, and what stands aside in order of time and staff."""
    homes: list[_Home] = [{} for _ in bar.voices]
    aside: list[_Said] = []
    said: list[_Said] = [*(clef for clef in bar.clefs if clef.onset > 0), *bar.directions]
    for what in said:
        found = next(((home, at) for home, voice in zip(homes, bar.voices, strict=True) for at in _beginning(voice, what)), None)
        found = found or next(((h, at) for h, voice in zip(homes, bar.voices, strict=True) for at in _ending(voice, what)), None)
        if found:
            found[0].setdefault(found[1], []).append(what)
        else:
            aside.append(what)
    return homes, sorted(aside, key=lambda what: (what.onset, what.staff))


def _beginning(voice: Voice, what: _Said) -> Iterator[int]:
    first = (index for index, event in enumerate(voice.events) if event.onset == what.onset)
    index = next(first, None)
    if index is not None and voice.events[index].staff == what.staff:
        yield index


def _ending(voice: Voice, what: _Said) -> Iterator[int]:
    last = voice.events[-1]
    if last.onset + last.duration == what.onset and last.staff == what.staff and isinstance(what, Direction):
        yield len(voice.events)


def _voice(voice: Voice, home: _Home) -> Iterator[str]:
    staff = voice.events[0].staff
    yield f"staff:{staff}"
    cursor = Fraction(0)
    for index, event in enumerate(voice.events):
        if event.onset > cursor:
            yield from _skips(event.onset - cursor)
        if event.staff != staff:
            staff = event.staff
            yield f"staff:{staff}"
        for what in home.get(index, ()):
            yield from _said(what)
        yield from _event(event)
        cursor = event.onset + event.duration
    for what in home.get(len(voice.events), ()):
        yield from _said(what)


def _aside(aside: list[_Said]) -> Iterator[str]:
    cursor, staff = Fraction(0), 0
    for what in aside:
        if what.onset > cursor:
            yield from _skips(what.onset - cursor)
            cursor, staff = what.onset, 0
        if what.staff != staff:
            staff = what.staff
            yield f"staff:{staff}"
        yield from _said(what)


def _binary(length: Fraction) -> list[str]:
    """Note types that sum to a length, longest first.

    Raises:
        InputError: No types do.
    """
    names = []
    for name in TYPES:
        while length >= TYPE_QUARTERS[name] and (name == TYPES[0] or names[-1:] != [name]):
            names.append(name)
            length -= TYPE_QUARTERS[name]
    if length:
        raise InputError(f"a length has no note types, {length} quarters are left of it")
    return names


def _skips(length: Fraction) -> Iterator[str]:
    for actual, normal in RATIOS:
        written = length * actual / normal
        if written % _SHORTEST == 0:
            for name in _binary(written):
                yield "skip"
                yield f"type:{name}"
                if (actual, normal) != (1, 1):
                    yield f"ratio:{actual}:{normal}"
            return
    raise InputError(f"expected a time that tuplets make, got {length} quarters")


def _event(event: Event) -> Iterator[str]:
    if event.type and not event.grace:
        says = written_length(event.type, event.dots, event.actual, event.normal)
        if says != event.duration:
            raise InputError(f"expected a {event.type} of {says} quarters, got one of {event.duration}")
    if event.grace:
        yield event.grace
    elif not event.heads:
        yield "rest" if event.type else "bar-rest"
    if event.type:
        yield f"type:{event.type}"
        yield from ["dot"] * event.dots
        if (event.actual, event.normal) != (1, 1):
            yield f"ratio:{event.actual}:{event.normal}"
    if event.tuplet_starts:
        yield "tuplet-start"
    if event.tuplet_stops:
        yield "tuplet-stop"
    if event.stem:
        yield f"stem:{event.stem}"
    yield from (f"beam:{beam}" for beam in event.beams)
    for head in event.heads:
        yield f"place:{place_name(head.place)}"
        if head.accidental:
            yield f"accidental:{head.accidental}"
        if head.tie_stop:
            yield "tie-stop"
        if head.tie_start:
            yield "tie-start"
        if head.shape:
            yield f"shape:{head.shape}"
    yield from ["slur-stop"] * event.slur_stops
    yield from ["slur-start"] * event.slur_starts
    yield from (f"mark:{mark}" for mark in event.marks)


def _said(what: _Said) -> Iterator[str]:
    if isinstance(what, Clef):
        yield _clef(what)
        return
    if what.above:
        yield "above"
    if what.kind in ("segno", "coda"):
        yield what.kind
    elif what.kind == "words":
        yield f"words:{what.value if what.value in WORDS else OTHER_WORDS}"
    elif what.kind == "tempo":
        yield "tempo"
        yield from _tempo(what.value)
    elif what.kind == "rehearsal":
        yield "rehearsal"
        yield from (f"digit:{sign}" if sign.isdigit() else f"letter:{sign}" for sign in what.value)
    elif what.kind == "harmony":
        yield "harmony"
        yield from _harmony(what.value)
    else:
        yield f"{what.kind}:{what.value}"


def _tempo(value: str) -> Iterator[str]:
    found = _TEMPO.fullmatch(value)
    if not found:
        raise InputError(f"expected a tempo such as quarter.=120, got {value!r}")
    yield f"type:{found[1]}"
    yield from ["dot"] * len(found[2])
    yield from (f"digit:{digit}" for digit in found[3])


def _harmony(symbol: str) -> Iterator[str]:
    found = _CHORD.fullmatch(symbol)
    if symbol == "N.C.":
        yield "no-chord"
    elif not found:
        raise InputError(f"expected a chord symbol such as F#m7 or N.C., got {symbol!r}")
    else:
        yield f"letter:{found[1]}"
        if found[2]:
            yield f"alter:{found[2]}"
        yield f"kind:{found[3]}"
        if found[4]:
            yield "bass"
            yield f"letter:{found[4]}"
            if found[5]:
                yield f"alter:{found[5]}"
