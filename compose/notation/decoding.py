"""Tokens of written music as a score; the inverse of ``compose.notation.encoding`` on what the grammar allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from compose.notation.names import TYPE_QUARTERS, written_length
from compose.notation.token_table import TOKEN_IDS
from compose.notation.written import Bar, Clef, Direction, Event, Head, Key, Part, Time, Voice, WrittenScore, in_order

__all__ = ["score_of_names"]

_PLACES = {name.partition(":")[2]: rank for rank, name in enumerate(n for n in TOKEN_IDS if n.startswith("place:"))}
_SYMBOL_OPENERS = frozenset(("rest", "bar-rest", "skip", "grace", "slashed"))
_DIRECTION_OPENERS = frozenset(
    ("above", "dynamics", "wedge", "pedal", "octave-shift", "segno", "coda", "words", "tempo", "rehearsal", "harmony")
)
_SPELLING = frozenset(("type", "dot", "digit", "letter", "no-chord", "alter", "kind", "bass"))


def score_of_names(names: Sequence[str], bar_quarters: Fraction) -> WrittenScore:
    """The score that tokens say.

    Args:
        names: A sequence that the grammar allows, to its end.
        bar_quarters: Quarters of the meter in force before the first bar.
    """
    staves = [int(name.partition(":")[2]) for name in names if name.startswith("staves:")]
    parts: list[list[Bar]] = [[] for _ in staves]
    reader = _Reader(names, len(staves), bar_quarters)
    while reader.peek() == "bar":
        for bars, bar in zip(parts, reader.bar(len(staves)), strict=True):
            bars.append(bar)
    return WrittenScore(tuple(Part(tuple(bars), count) for bars, count in zip(parts, staves, strict=True)))


@dataclass
class _Content:
    """What a part says in a bar so far."""

    clefs: list[Clef] = field(default_factory=list)
    directions: list[Direction] = field(default_factory=list)
    voices: list[Voice] = field(default_factory=list)


class _Reader:
    """Reads names from one place on."""

    def __init__(self, names: Sequence[str], place: int, meter: Fraction) -> None:
        self.names = names
        self.place = place
        self.meter = meter

    def peek(self) -> str:
        """The group of the next name."""
        return self.names[self.place].partition(":")[0]

    def take(self) -> str:
        """The value of the next name, which is passed."""
        self.place += 1
        return self.names[self.place - 1].partition(":")[2]

    def takes(self, group: str) -> bool:
        """Pass the next name if it is of this group."""
        found = self.peek() == group
        self.place += found
        return found

    def all_of(self, group: str) -> list[str]:
        """The values of the next names of this group, which are passed."""
        values = []
        while self.peek() == group:
            values.append(self.take())
        return values

    def one_of(self, group: str) -> str:
        """The value of the next name if it is of this group, else ""."""
        return self.take() if self.peek() == group else ""

    def bar(self, parts: int) -> list[Bar]:
        """The parts of the next bar."""
        self.takes("bar")
        length = None
        if self.takes("irregular"):
            length = sum((TYPE_QUARTERS[name] for name in self.all_of("type")), Fraction(0))
        bars = []
        for index in range(parts):
            if index:
                self.takes("part")
            bars.append(self.part_of_bar(length))
        return bars

    def part_of_bar(self, escape: Fraction | None) -> Bar:
        """The next part of a bar; its length is the escape's, else the meter's."""
        ending = ", ".join(self.all_of("ending"))
        repeat_start = self.takes("repeat-start")
        left = "heavy-light" if repeat_start else self.one_of("left")
        key = Key(int(self.take())) if self.peek() == "key" else None
        time = self.time()
        if time:
            self.meter = Fraction(4 * time.beats, time.beat_type)
        length = self.meter if escape is None else escape
        content = _Content()
        while self.peek() == "staff":
            staff = int(self.take())
            content.clefs.append(_clef(Fraction(0), staff, self.take()))
        while self.takes("voice"):
            content.voices.append(Voice(len(content.voices) + 1, tuple(self.line(content, length))))
        if self.takes("aside"):
            self.line(content, length)
        ending_stop = self.takes("ending-stop")
        repeat_end = self.takes("repeat-end")
        right = "light-heavy" if repeat_end else self.one_of("right")
        clefs = {(clef.onset, clef.staff): clef for clef in content.clefs}
        return Bar(
            tuple(content.voices),
            length,
            tuple(clefs[place] for place in sorted(clefs)),
            key,
            time,
            in_order(content.directions),
            left,
            right,
            repeat_start,
            repeat_end,
            ending,
            ending_stop,
            length != self.meter,
        )

    def time(self) -> Time | None:
        """The meter that is said next, if any."""
        if self.peek() == "time":
            symbol = self.take()
            return Time(4, 4, symbol) if symbol == "common" else Time(2, 2, symbol)
        if self.peek() == "beats":
            beats = int(self.take())
            return Time(beats, int(self.take()))
        return None

    def line(self, content: _Content, length: Fraction) -> list[Event]:
        """The events of a voice; its clefs and directions go to the content."""
        events: list[Event] = []
        cursor, staff = Fraction(0), 1
        while True:
            group = self.peek()
            if group == "staff":
                staff = int(self.take())
            elif group == "clef":
                content.clefs.append(_clef(cursor, staff, self.take()))
            elif group in _DIRECTION_OPENERS:
                content.directions.append(self.direction(cursor, staff))
            elif group == "skip":
                cursor += self.event(cursor, staff, length).duration
            elif group == "type" or group in _SYMBOL_OPENERS:
                events.append(self.event(cursor, staff, length))
                cursor += events[-1].duration
            else:
                return events

    def event(self, onset: Fraction, staff: int, length: Fraction) -> Event:
        """The next symbol; a skip is a rest here."""
        opener = self.peek()
        if opener in _SYMBOL_OPENERS:
            self.take()
        if opener == "bar-rest":
            event = Event(onset, length, staff=staff)
        else:
            type_name, dots = self.take(), len(self.all_of("dot"))
            actual, normal = (int(value) for value in (self.one_of("ratio") or "1:1").split(":"))
            duration = written_length(type_name, dots, actual, normal)
            event = Event(onset, duration, (), type_name, dots, actual, normal, staff)
        if opener in ("grace", "slashed"):
            event = replace(event, duration=Fraction(0), grace=opener)
        starts, stops = self.takes("tuplet-start"), self.takes("tuplet-stop")
        stem, beams = self.one_of("stem"), tuple(self.all_of("beam"))
        heads = []
        while self.peek() == "place":
            heads.append(self.head())
        return replace(
            event,
            heads=tuple(sorted(heads, key=lambda head: (head.place, head.accidental))),
            stem=stem,
            beams=beams,
            tuplet_starts=starts,
            tuplet_stops=stops,
            slur_stops=len(self.all_of("slur-stop")),
            slur_starts=len(self.all_of("slur-start")),
            marks=tuple(self.all_of("mark")),
        )

    def head(self) -> Head:
        """The next head."""
        place = _PLACES[self.take()]
        accidental = self.one_of("accidental")
        tie_stop, tie_start = self.takes("tie-stop"), self.takes("tie-start")
        return Head(place, accidental, tie_start, tie_stop, self.one_of("shape"))

    def direction(self, onset: Fraction, staff: int) -> Direction:
        """The next direction."""
        above = self.takes("above")
        kind = self.peek()
        value = self.take()
        if kind in ("segno", "coda"):
            value = kind
        elif kind == "tempo":
            unit, dots = self.take(), len(self.all_of("dot"))
            value = f"{unit}{'.' * dots}={''.join(self.all_of('digit'))}"
        elif kind == "rehearsal":
            value = "".join((*self.all_of("letter"), *self.all_of("digit")))
        elif kind == "harmony":
            value = self.harmony()
        return Direction(onset, staff, kind, value, above)

    def harmony(self) -> str:
        """The next chord symbol."""
        if self.takes("no-chord"):
            return "N.C."
        symbol = self.take() + self.one_of("alter") + self.take()
        if self.takes("bass"):
            symbol += "/" + self.take() + self.one_of("alter")
        return symbol


def _clef(onset: Fraction, staff: int, value: str) -> Clef:
    sign, line, octaves = value.split(":")
    return Clef(onset, staff, sign, int(line), int(octaves))
