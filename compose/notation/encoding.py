"""Written music as tokens: the one sequence that says a canonical score (``compose.notation.grammar`` says how it is built).

A clef within a bar, or a direction, stands in the first voice that has a symbol of its staff beginning at its onset, or else that
ends there on its staff; what finds no such voice stands aside. Clefs come before directions. Skips are the fewest that make up a
time: binary ones, longest first, where it is binary, else those of the first ratio that makes it so.

What no token says has a name all the same ("duration:3/4" of a quarter that lasts that long), so that any two scores can be
compared; ``compose.notation.tokens.encode`` refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from compose.notation.names import TYPE_QUARTERS, written_length
from compose.notation.token_table import OTHER_WORDS, RATIOS, TYPES, WORDS, place_name
from compose.notation.written import Bar, Clef, Direction, Event, Time, Voice, WrittenScore

__all__ = ["token_names"]

_SHORTEST = TYPE_QUARTERS[TYPES[-1]]
_CHORD = re.compile(r"([A-G])(bb|##|b|#|)([^/]*)(?:/([A-G])(bb|##|b|#|))?")
_TEMPO = re.compile(r"([0-9a-z]+)(\.*)=([1-9]\d{0,2})")


def token_names(score: WrittenScore) -> Iterator[str]:
    """What a score says by the names of tokens, checked neither against the grammar nor against the list of names."""
    for part in score.parts:
        yield f"staves:{part.staves}"
    for index in range(len(score.parts[0].bars)):
        yield "bar"
        bars = [part.bars[index] for part in score.parts]
        if bars[0].irregular:
            yield "irregular"
            yield from _binary(bars[0].length)
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
    """Tokens of the note types that sum to a length, longest first, and of what is left where they do not."""
    names: list[str] = []
    for name in TYPES:
        while length >= TYPE_QUARTERS[name]:
            names.append(f"type:{name}")
            length -= TYPE_QUARTERS[name]
    return [*names, f"length:{length}"] if length else names


def _skips(length: Fraction) -> Iterator[str]:
    ratios = (ratio for ratio in RATIOS if length * ratio[0] / ratio[1] % _SHORTEST == 0)
    actual, normal = next(ratios, (1, 1))
    for name in _binary(length * actual / normal):
        yield "skip"
        yield name
        if (actual, normal) != (1, 1):
            yield f"ratio:{actual}:{normal}"


def _event(event: Event) -> Iterator[str]:
    if event.grace:
        yield event.grace
    elif not event.heads:
        yield "rest" if event.type else "bar-rest"
    if event.type:
        yield f"type:{event.type}"
        yield from ["dot"] * event.dots
        if (event.actual, event.normal) != (1, 1):
            yield f"ratio:{event.actual}:{event.normal}"
        if not event.grace and written_length(event.type, event.dots, event.actual, event.normal) != event.duration:
            yield f"duration:{event.duration}"
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
        yield f"tempo:{value}"
        return
    yield f"type:{found[1]}"
    yield from ["dot"] * len(found[2])
    yield from (f"digit:{digit}" for digit in found[3])


def _harmony(symbol: str) -> Iterator[str]:
    found = _CHORD.fullmatch(symbol)
    if symbol == "N.C.":
        yield "no-chord"
    elif not found:
        yield f"harmony:{symbol}"
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
