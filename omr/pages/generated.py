"""Music made by rule for pages: every sign that readers know, oftener than in scores, and in every combination.

The notes are a random walk and make no musical sense on purpose: a reader that learns from them must look. There are tuplets, four
voices on a grand staff, odd meters, many accidentals, changes of clef, key and meter, grace notes, ties over bar lines, slurs,
dynamics, articulations, repeats and voltas.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from compose.notation.writing import write_written
from compose.notation.written import Bar, Clef, Direction, Event, Key, Part, Time, Voice, WrittenScore
from omr.pages.generated_lines import Line, played_notes
from omr.pages.rhythms import BEATS, beamed, random_rhythm

__all__ = ["generated_musicxml", "generated_score"]

CLEFS = (("G", 2, 0, 34), ("F", 4, 0, 22), ("C", 3, 0, 28), ("C", 4, 0, 26), ("G", 2, -1, 27), ("G", 2, 1, 41), ("F", 4, -1, 15))
CLEF_SHARES = (0.46, 0.3, 0.1, 0.05, 0.05, 0.02, 0.02)  # sign, line, octaves and middle line's place above
DYNAMICS = ("ppp", "pp", "p", "mp", "mf", "f", "ff", "fff", "sf", "sfz", "fz", "fp", "rf", "rfz")
WORDS = (
    "dolce",
    "cresc.",
    "dim.",
    "rit.",
    "a tempo",
    "espressivo",
    "poco a poco",
    "legato",
    "sempre p",
    "marcato",
    "pizz.",
    "arco",
)
TEMPI = ("quarter=96", "eighth=120", "quarter.=60", "half=72")


@dataclass
class _Plan:
    """What is in force, and how often things happen."""

    rng: np.random.Generator
    clefs: list[int] = field(default_factory=list)
    fifths: int = 0
    meter: tuple[int, int] = (4, 4)
    symbol: str = ""
    wedge: int = 0  # staff of an open hairpin
    octave: int = 0  # staff of an open octave line
    pedal: bool = False


def _voice(line: Line, plan: _Plan, is_last: bool) -> Voice:
    rng = plan.rng
    middle = CLEFS[plan.clefs[line.staff - 1]][3]
    length = Fraction(plan.meter[0] * 4, plan.meter[1])
    if not line.tied and not line.slur and rng.random() < 0.06:
        return Voice(line.number, (Event(Fraction(0), length, staff=line.staff),))
    events: list[Event] = []
    for group in random_rhythm(*plan.meter, rng, line.calm):
        played = [played_notes(line, event, middle, rng) for event in group]
        # graces stand between the notes of a beam but are not of it
        joined = beamed([notes[-1] for notes in played])
        events += [event for notes, last in zip(played, joined, strict=True) for event in (*notes[:-1], last)]
    if is_last:
        events = [_closed(event) for event in events]
        line.tied = ()
        if line.slur:
            events = _with_slur_stop(events)
    return Voice(line.number, tuple(events))


def _closed(event: Event) -> Event:
    """An event without ties to a later bar."""
    heads = tuple(dataclasses.replace(head, tie_start=False, tie_stop=False) for head in event.heads)
    return dataclasses.replace(event, heads=heads)


def _with_slur_stop(events: list[Event]) -> list[Event]:
    """A voice whose open slur ends at its last note, or does not begin there."""
    last = max((index for index, event in enumerate(events) if event.heads and not event.grace), default=-1)
    event = events[last]
    events[last] = dataclasses.replace(event, slur_starts=0, slur_stops=event.slur_stops + (1 if not event.slur_starts else 0))
    return events


def _directions(plan: _Plan, staves: int, length: Fraction, is_first: bool, is_last: bool) -> tuple[Direction, ...]:
    rng = plan.rng
    found: list[Direction] = []

    def onset() -> Fraction:
        return Fraction(int(rng.integers(0, int(length * 2))), 2)

    staff = int(rng.integers(1, staves + 1))
    if rng.random() < 0.3:
        found.append(Direction(onset(), staff, "dynamics", str(rng.choice(DYNAMICS))))
    if plan.wedge and (is_last or rng.random() < 0.7):
        found.append(Direction(onset(), plan.wedge, "wedge", "stop"))
        plan.wedge = 0
    elif not plan.wedge and not is_last and rng.random() < 0.25:
        plan.wedge = staff
        found.append(Direction(onset(), staff, "wedge", str(rng.choice(["crescendo", "diminuendo"]))))
    if is_first and rng.random() < 0.5:
        found.append(Direction(Fraction(0), 1, "words", "Allegro moderato", above=True))
    if rng.random() < 0.08:
        found.append(Direction(onset(), staff, "words", str(rng.choice(WORDS)), above=bool(rng.random() < 0.4)))
    if rng.random() < 0.04:
        found.append(Direction(Fraction(0), 1, "tempo", str(rng.choice(TEMPI)), above=True))
    if rng.random() < 0.02:
        found.append(Direction(Fraction(0), 1, str(rng.choice(["segno", "coda"])), "", above=True))
    if plan.octave and (is_last or rng.random() < 0.6):
        found.append(Direction(length, plan.octave, "octave-shift", "8 stop"))
        plan.octave = 0
    elif not plan.octave and not is_last and rng.random() < 0.05:
        plan.octave = staff
        found.append(Direction(Fraction(0), staff, "octave-shift", "8 down" if staff == 1 else "8 up", above=staff == 1))
    if staves > 1 and rng.random() < 0.15 and not is_last:
        found.append(Direction(onset(), staves, "pedal", "stop" if plan.pedal else "start"))
        plan.pedal = not plan.pedal
    return tuple(sorted(found, key=lambda said: said.onset))


def _new_clefs(plan: _Plan, staves: int, length: Fraction, is_first: bool) -> tuple[Clef, ...]:
    """Clefs printed in a bar; a change within it comes at its end, for the next bar's notes."""
    rng = plan.rng
    clefs = []
    for staff in range(1, staves + 1):
        if is_first:
            plan.clefs.append(int(rng.choice(len(CLEFS), p=CLEF_SHARES)) if staves == 1 else min(staff - 1, 1))
        elif rng.random() < 0.06:
            plan.clefs[staff - 1] = int(rng.choice(3, p=[0.5, 0.4, 0.1]))
        else:
            continue
        sign, line, octaves, _ = CLEFS[plan.clefs[staff - 1]]
        clefs.append(Clef(Fraction(0), staff, sign, line, octaves))
    return tuple(clefs)


def _lines(staves: int, rng: np.random.Generator) -> list[Line]:
    lines = []
    for staff in range(1, staves + 1):
        for voice in range(2 if rng.random() < (0.5 if staves > 1 else 0.3) else 1):
            lines.append(
                Line(
                    number=4 * (staff - 1) + voice + 1,
                    staff=staff,
                    rests=float(rng.uniform(0.03, 0.25)),
                    chords=float(rng.choice([0.0, 0.15, 0.5])),
                    accidentals=float(rng.choice([0.05, 0.2, 0.5])),
                    marks=float(rng.choice([0.05, 0.2, 0.5])),
                    calm=float(rng.choice([0.0, 0.0, 0.5])),
                    shape=str(rng.choice(["", "x", "diamond"], p=[0.94, 0.03, 0.03])),
                )
            )
    return lines


def _lines_of_bars(count: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Repeats, voltas and bar lines of all bars, as fields of ``Bar``."""
    told: list[dict[str, Any]] = [{} for _ in range(count)]
    start = int(rng.integers(0, max(1, count - 4)))
    if rng.random() < 0.5:
        end = int(rng.integers(start + 1, count - 1))
        told[start]["repeat_start"] = start > 0
        told[end]["repeat_end"] = True
        if rng.random() < 0.6:
            told[end] |= {"ending_start": "1", "ending_stop": True}
            told[end + 1] |= {"ending_start": "2", "ending_stop": True}
    for bar in told[:-1]:
        if not bar and rng.random() < 0.06:
            bar["right"] = str(rng.choice(["light-light", "dashed"]))
    told[-1].setdefault("right", "light-heavy")
    return told


def generated_score(rng: np.random.Generator) -> WrittenScore:
    """One part of 8 to 20 bars on one or two staves, at random.

    Args:
        rng: Source of everything.
    """
    staves, count = int(rng.choice([1, 2, 2])), int(rng.integers(8, 21))
    plan = _Plan(rng, fifths=int(rng.integers(-7, 8)))
    lines = _lines(staves, rng)
    shown = _lines_of_bars(count, rng)
    bars = []
    for index in range(count):
        is_first, is_last = index == 0, index == count - 1
        key = time = None
        if is_first or rng.random() < 0.08:
            plan.fifths = plan.fifths if is_first else int(rng.integers(-7, 8))
            key = Key(plan.fifths)
        if is_first or rng.random() < 0.1:
            plan.meter = list(BEATS)[min(int(rng.exponential(4.0)), len(BEATS) - 1)]
            symbols = {(4, 4): "common", (2, 2): "cut"}
            plan.symbol = symbols.get(plan.meter, "") if rng.random() < 0.5 else ""
            time = Time(*plan.meter, plan.symbol)
        length = Fraction(plan.meter[0] * 4, plan.meter[1])
        before = [CLEFS[clef][3] for clef in plan.clefs]
        clefs = _new_clefs(plan, staves, length, is_first)
        for line in lines:  # a voice follows its staff to another clef
            middle = CLEFS[plan.clefs[line.staff - 1]][3]
            line.place = middle if is_first else line.place + (middle - before[line.staff - 1]) * (not line.tied)
        voices = tuple(
            _voice(line, plan, is_last) for line in lines if line.number % 4 == 1 or line.tied or line.slur or rng.random() < 0.8
        )
        directions = _directions(plan, staves, length, is_first, is_last)
        bars.append(Bar(voices, length, clefs, key, time, directions, **shown[index]))
    return WrittenScore((Part(tuple(bars), staves, ""),))


def generated_musicxml(rng: np.random.Generator) -> str:
    """A random score (``generated_score``) as MusicXML."""
    return write_written(generated_score(rng)).decode("utf-8")
