"""What is compared is what a page shows: a sign between two staves of a part is no error, whichever staff it was written for."""

from __future__ import annotations

from fractions import Fraction

import pytest

from compose.notation.written import Bar, Direction, Event, Head, Part, Voice, WrittenScore
from omr.assembly.results import Assembled
from omr.evaluation.comparing import Comparison, compare


def score(said: Direction) -> WrittenScore:
    voices = tuple(Voice(staff, (Event(Fraction(0), Fraction(4), (Head(30),), "whole", staff=staff),)) for staff in (1, 2))
    return WrittenScore((Part((Bar(voices, Fraction(4), directions=(said,)),), 2),))


@pytest.mark.parametrize(
    ("kind", "staff", "above", "is_alike"),
    [
        ("dynamics", 2, True, True),
        ("dynamics", 1, True, False),
        ("dynamics", 2, False, False),
        ("pedal", 2, True, False),
    ],
)
def test_between_two_staves_the_written_one_does_not_matter(kind: str, staff: int, above: bool, is_alike: bool) -> None:
    value = "start" if kind == "pedal" else "p"
    counts = Comparison()
    compare(
        counts,
        score(Direction(Fraction(0), staff, kind, value, above)),
        Assembled(score(Direction(Fraction(0), 1, kind, value)), (), ()),
    )
    assert (counts.symbols.edits == 0) == is_alike
