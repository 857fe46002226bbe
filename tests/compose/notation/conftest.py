"""A page of written music by hand, with every kind of sign that a score may hold, for the laws of all modules here."""

from fractions import Fraction

import pytest

from compose.notation.written import Bar, Clef, Direction, Event, Head, Key, Part, Time, Voice, WrittenScore

F = Fraction


def quarter(onset: int | Fraction, place: int, **more: object) -> Event:
    return Event(F(onset), F(1), (Head(place),), "quarter", **more)  # type: ignore[arg-type]


def _piano() -> Part:
    clefs = (Clef(F(0), 1, "G", 2), Clef(F(0), 2, "F", 4))
    pickup = Bar(
        (Voice(1, (quarter(0, 32, stem="up", slur_starts=1),)), Voice(2, (Event(F(0), F(1), staff=2),))),
        F(1),
        clefs,
        Key(2),
        Time(3, 4),
        (Direction(F(0), 1, "dynamics", "mf"), Direction(F(0), 1, "words", "dolce", above=True)),
        irregular=True,
    )
    triplet = {"actual": 3, "normal": 2, "staff": 1}
    full = Bar(
        (
            Voice(
                1,
                (
                    Event(
                        F(0), F(1, 3), (Head(31, "sharp"),), "eighth", beams=("begin",), tuplet_starts=True, slur_stops=1, **triplet
                    ),
                    Event(F(1, 3), F(1, 3), (), "eighth", **triplet),
                    Event(
                        F(2, 3), F(1, 3), (Head(31),), "eighth", beams=("end",), tuplet_stops=True, marks=("staccato",), **triplet
                    ),
                    Event(F(1), F(0), (Head(35, "double-sharp"),), "16th", beams=("begin", "begin"), grace="slashed"),
                    Event(F(1), F(0), (Head(36),), "16th", beams=("end", "end"), grace="slashed"),
                    Event(F(1), F(3, 2), (Head(35), Head(37, tie_start=True)), "quarter", 1, marks=("accent", "trill-mark")),
                    Event(
                        F(5, 2),
                        F(1, 2),
                        (Head(36), Head(37, tie_start=True, tie_stop=True)),
                        "eighth",
                        stem="down",
                        marks=("fermata",),
                    ),
                ),
            ),
            Voice(2, (Event(F(1), F(2), (Head(30, "flat-flat"),), "half", stem="down"),)),
            Voice(3, (Event(F(0), F(3), staff=2),)),
        ),
        F(3),
        (Clef(F(1), 2, "C", 3), Clef(F(3, 2), 2, "G", 2, -1)),
        directions=(
            Direction(F(0), 2, "pedal", "start"),
            Direction(F(1, 2), 1, "wedge", "crescendo"),
            Direction(F(1), 1, "octave-shift", "8 down", above=True),
            Direction(F(2), 1, "octave-shift", "stop", above=True),
            Direction(F(3), 1, "wedge", "stop"),
            Direction(F(3), 2, "pedal", "stop"),
        ),
        repeat_start=True,
        left="heavy-light",
    )
    ended = Bar(
        (
            Voice(1, (Event(F(0), F(3), (Head(37, tie_stop=True),), "half", 1, stem="up"),)),
            Voice(2, (Event(F(0), F(3), staff=2, marks=("fermata",)),)),
        ),
        F(3),
        right="light-heavy",
        repeat_end=True,
        ending_start="1, 2",
        ending_stop=True,
    )
    last = Bar(
        (Voice(1, (quarter(0, 38), Event(F(1), F(2), (Head(38, shape="diamond"),), "half"))),),
        F(3),
        directions=(
            Direction(F(0), 1, "rehearsal", "A", above=True),
            Direction(F(0), 1, "segno", "segno", above=True),
            Direction(F(0), 1, "tempo", "quarter.=60", above=True),
            Direction(F(1), 1, "coda", "coda", above=True),
        ),
        right="light-heavy",
        ending_start="3",
        ending_stop=True,
    )
    return Part((pickup, full, ended, last), 2, "Piano")


def _drum() -> Part:
    strokes = tuple(Event(F(beat), F(1), (Head(34, shape="x"),), "quarter", stem="up") for beat in range(3))
    signs = {"key": None, "time": Time(3, 4), "clefs": (Clef(F(0), 1, "percussion", 3),)}
    bars = (
        Bar((Voice(1, (Event(F(0), F(1)),)),), F(1), irregular=True, **signs),  # type: ignore[arg-type]
        Bar((Voice(1, strokes),), F(3), repeat_start=True, left="heavy-light"),
        Bar(
            (Voice(1, (Event(F(0), F(3), (Head(34),), "half", 1, marks=("tremolo-3",)),)),),
            F(3),
            right="light-heavy",
            repeat_end=True,
        ),
        Bar((), F(3), directions=(Direction(F(1), 1, "harmony", "F#m7/C#", above=True),), right="light-heavy"),
    )
    return Part(bars, 1, "Drum")


@pytest.fixture(scope="session")
def page() -> WrittenScore:
    return WrittenScore((_piano(), _drum()), "A page", (0, 2, 3), (0, 3))
