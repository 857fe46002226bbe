"""One voice of music made by rule: a random walk of chords with all that may stand on a note.

Conventions: places and events as in ``compose.notation.written``.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from compose.notation.names import ACCIDENTALS
from compose.notation.written import Event, Head
from omr.pages.rhythms import beamed

__all__ = ["Line", "played_notes"]

ARTICULATIONS = ("staccato", "staccatissimo", "accent", "strong-accent", "tenuto")
ORNAMENTS = ("trill-mark", "turn", "mordent", "inverted-mordent", "tremolo-1", "tremolo-2", "tremolo-3")
OTHERS = ("fermata", "up-bow", "down-bow", "breath-mark")
REACH = 11  # places that the walk goes from the middle line
SIGNS = tuple(ACCIDENTALS)
SIGN_SHARES = (0.32, 0.32, 0.26, 0.05, 0.05)


@dataclass
class Line:
    """One voice as it goes on from bar to bar."""

    number: int
    staff: int
    rests: float
    chords: float
    accidentals: float
    marks: float
    calm: float
    shape: str
    place: int = 0
    tied: tuple[int, ...] = ()
    slur: bool = False


def _drawn_head(line: Line, place: int, rng: np.random.Generator) -> Head:
    sign = str(rng.choice(SIGNS, p=SIGN_SHARES)) if rng.random() < line.accidentals else ""
    return Head(place, sign, shape=line.shape)


def _heads(line: Line, middle: int, rng: np.random.Generator) -> tuple[Head, ...]:
    """A chord near where the voice was, with the heads that ties come to."""
    line.place = int(np.clip(line.place + rng.integers(-4, 5), middle - REACH, middle + REACH))
    places = {line.place}
    while rng.random() < line.chords and len(places) < 4:
        places.add(min(places) + int(rng.integers(1, 8)))
    heads = [_drawn_head(line, place, rng) for place in places - set(line.tied)]
    return tuple(
        sorted((*heads, *(Head(place, tie_stop=True, shape=line.shape) for place in line.tied)), key=lambda head: head.place)
    )


def _marks(line: Line, event: Event, rng: np.random.Generator) -> tuple[str, ...]:
    if rng.random() >= line.marks:
        return ()
    marks = {str(rng.choice(ARTICULATIONS))}
    if rng.random() < 0.2:
        marks = {str(rng.choice(ORNAMENTS))} if event.duration >= Fraction(1, 2) else marks
    elif rng.random() < 0.15:
        marks.add(str(rng.choice(OTHERS)))
    elif rng.random() < 0.15 and len(event.heads) > 1:
        marks = {"arpeggiate"}
    return tuple(sorted(marks))


def _graces(line: Line, onset: Fraction, middle: int, rng: np.random.Generator) -> list[Event]:
    count = int(rng.choice([1, 1, 1, 2, 3]))
    slashed = "slashed" if count == 1 and rng.random() < 0.6 else "grace"
    places = np.clip(line.place + rng.integers(-3, 4, count), middle - REACH, middle + REACH)
    kind = "eighth" if count == 1 else "16th"
    notes = [
        Event(onset, Fraction(0), (_drawn_head(line, int(place), rng),), kind, staff=line.staff, grace=slashed) for place in places
    ]
    return beamed(notes)


def played_notes(line: Line, event: Event, middle: int, rng: np.random.Generator) -> list[Event]:
    """A note or rest of a rhythm with all that is on it; graces before it."""
    event = dataclasses.replace(event, staff=line.staff)
    if not line.tied and rng.random() < line.rests:
        return [event]
    graces = _graces(line, event.onset, middle, rng) if not line.tied and rng.random() < 0.04 else []
    heads = _heads(line, middle, rng)
    kept = tuple(head.place for head in heads if rng.random() < 0.7) if rng.random() < 0.08 else ()
    heads = tuple(dataclasses.replace(head, tie_start=head.place in kept) for head in heads)
    line.tied = kept
    event = dataclasses.replace(event, heads=heads)
    event = dataclasses.replace(event, marks=_marks(line, event, rng))
    if line.slur and rng.random() < 0.35:
        event, line.slur = dataclasses.replace(event, slur_stops=1), False
    elif not line.slur and rng.random() < 0.1:
        event, line.slur = dataclasses.replace(event, slur_starts=1), True
    return [*graces, event]
