"""Random rhythms: a bar's beats filled with note types, dots and tuplets, and the beams of each beat.

Conventions: exact ``Fraction`` quarters; events are ``compose.notation.written.Event`` without heads, which get them later unless
they stay rests.
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np

from compose.notation.names import TYPE_QUARTERS, written_length
from compose.notation.written import Event

__all__ = ["BEATS", "beamed", "random_rhythm"]

QUARTER, DOTTED_QUARTER = Fraction(1), Fraction(3, 2)
Choices = tuple[tuple[int | float, tuple[str, ...]], ...]  # weights and types
# Meters and the length of their beats.
BEATS: dict[tuple[int, int], Fraction] = {
    (4, 4): QUARTER,
    (3, 4): QUARTER,
    (2, 4): QUARTER,
    (6, 8): DOTTED_QUARTER,
    (2, 2): QUARTER,
    (3, 2): QUARTER,
    (9, 8): DOTTED_QUARTER,
    (12, 8): DOTTED_QUARTER,
    (3, 8): DOTTED_QUARTER,
    (5, 4): QUARTER,
    (6, 4): QUARTER,
    (7, 8): Fraction(1, 2),
    (5, 8): Fraction(1, 2),
    (7, 4): QUARTER,
}
# Ways to divide a beat: note types with dots, "3:2 eighth" for each note of a tuplet of that many in the time of so many.
SIMPLE: Choices = (
    (6, ("quarter",)),
    (6, ("eighth", "eighth")),
    (3, ("16th", "16th", "16th", "16th")),
    (2, ("eighth.", "16th")),
    (1, ("16th", "eighth.")),
    (1.5, ("eighth", "16th", "16th")),
    (1.5, ("16th", "16th", "eighth")),
    (0.7, ("16th", "eighth", "16th")),
    (0.4, ("eighth..", "32nd")),
    (0.4, ("eighth", "16th", "32nd", "32nd")),
    (0.4, ("32nd",) * 8),
    (0.15, ("16th", "16th", "64th", "64th", "64th", "64th", "16th")),
    (2, ("3:2 eighth",) * 3),
    (0.6, ("3:2 quarter", "3:2 eighth")),
    (0.4, ("3:2 eighth.", "3:2 16th", "3:2 eighth")),
    (0.7, ("5:4 16th",) * 5),
    (0.9, ("6:4 16th",) * 6),
    (0.5, ("7:4 16th",) * 7),
    (0.2, ("9:8 32nd",) * 9),
)
COMPOUND: Choices = (
    (5, ("quarter.",)),
    (4, ("eighth", "eighth", "eighth")),
    (4, ("quarter", "eighth")),
    (1.5, ("eighth", "quarter")),
    (1.5, ("16th",) * 6),
    (1.5, ("eighth.", "16th", "eighth")),
    (1, ("eighth", "eighth", "16th", "16th")),
    (0.8, ("2:3 eighth",) * 2),
    (0.5, ("4:3 eighth",) * 4),
)
HALF_BEAT: Choices = (
    (5, ("eighth",)),
    (2, ("16th", "16th")),
    (0.4, ("3:2 16th",) * 3),
    (0.3, ("32nd",) * 4),
)
LONG = {Fraction(2): ("half", 0), Fraction(3): ("half", 1), Fraction(4): ("whole", 0), Fraction(6): ("whole", 1)}
LONG_SHARE = 0.2
BARS_OF_ONE = 0.1
EIGHTH = TYPE_QUARTERS["eighth"]


def _drawn(choices: Choices, rng: np.random.Generator) -> tuple[str, ...]:
    weights = np.array([weight for weight, _ in choices])
    return choices[int(rng.choice(len(choices), p=weights / weights.sum()))][1]


def _events(names: tuple[str, ...], onset: Fraction) -> list[Event]:
    """The events of one beat from an onset on."""
    events = []
    for index, name in enumerate(names):
        ratio, _, kind = name.rpartition(" ")
        actual, normal = (int(number) for number in ratio.split(":")) if ratio else (1, 1)
        type_name = kind.rstrip(".")
        dots = len(kind) - len(type_name)
        duration = written_length(type_name, dots, actual, normal)
        ends = (bool(ratio) and index == 0, bool(ratio) and index == len(names) - 1)
        events.append(Event(onset, duration, (), type_name, dots, actual, normal, tuplet_starts=ends[0], tuplet_stops=ends[1]))
        onset += duration
    return events


def random_rhythm(beats: int, beat_type: int, rng: np.random.Generator, calm: float = 0.0) -> list[list[Event]]:
    """Events that fill a bar, in groups that a beam may join.

    Args:
        beats: Of the meter, which with ``beat_type`` is in ``BEATS``.
        beat_type: 2, 4 or 8.
        rng: Source of the choices.
        calm: Share of beats that are not divided, beside those that happen not to be.
    """
    length = Fraction(beats * 4, beat_type)
    beat = BEATS[beats, beat_type]
    if length in LONG and rng.random() < BARS_OF_ONE:
        name, dots = LONG[length]
        return [[Event(Fraction(0), length, (), name, dots)]]
    choices = {QUARTER: SIMPLE, DOTTED_QUARTER: COMPOUND}.get(beat, HALF_BEAT)
    groups: list[list[Event]] = []
    onset = Fraction(0)
    while onset < length:
        longer = [span for span in LONG if span > beat and span % beat == 0 and onset + span <= length]
        if longer and rng.random() < LONG_SHARE + calm / 2:
            span = longer[int(rng.integers(len(longer)))]
            name, dots = LONG[span]
            groups.append([Event(onset, span, (), name, dots)])
            onset += span
            continue
        names = choices[0][1] if rng.random() < calm else _drawn(choices, rng)
        groups.append(_events(names, onset))
        onset += beat
    return groups


def beamed(group: list[Event]) -> list[Event]:
    """A group with beams over each run of notes shorter than a quarter; rests and longer notes break it."""
    flags = [_flags(event) for event in group]
    events = []
    for index, event in enumerate(group):
        beams = []
        for level in range(1, flags[index] + 1):
            before = index > 0 and flags[index - 1] >= level
            after = index + 1 < len(group) and flags[index + 1] >= level
            if before or after:
                beams.append("continue" if before and after else "end" if before else "begin")
            elif level > 1 and beams:
                beams.append("backward hook" if beams[0] != "begin" else "forward hook")
        events.append(dataclasses.replace(event, beams=tuple(beams)))
    return events


def _flags(event: Event) -> int:
    """Beams that a note's type has; 0 for rests."""
    if not event.heads:
        return 0
    count, length = 0, EIGHTH
    while TYPE_QUARTERS[event.type] <= length:
        count, length = count + 1, length / 2
    return count
