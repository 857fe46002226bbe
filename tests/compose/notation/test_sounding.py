from fractions import Fraction

import pytest

from compose.notation.sounding import played_notes, sounding_heads
from compose.notation.written import Bar, Event, Head, Key, Part, Voice, WrittenScore

F = Fraction


def part(*bars: list[tuple[int | str | None, ...]], fifths: int = 0) -> Part:
    """Bars of quarters on one staff; each quarter is (place, accidental, "start"/"stop"/"both" for ties)."""
    made = []
    for index, bar in enumerate(bars):
        events = []
        for onset, (place, accidental, tie) in enumerate(bar):
            head = Head(int(place), str(accidental), tie in ("start", "both"), tie in ("stop", "both"))  # type: ignore[arg-type]
            events.append(Event(F(onset), F(1), (head,), "quarter"))
        made.append(Bar((Voice(1, tuple(events)),), F(len(bar)), key=Key(fifths) if index == 0 else None))
    return Part(tuple(made))


def alters(made: Part) -> list[float]:
    return [note.alter for note in sounding_heads(made)]


def test_a_sign_holds_for_its_place_to_the_end_of_the_bar() -> None:
    made = part([(31, "", ""), (31, "natural", ""), (31, "", ""), (38, "", "")], [(31, "", "")], fifths=1)
    assert alters(made) == [1, 0, 0, 1, 1]  # F sharp by the key; the natural does not reach the octave or the next bar


def test_a_tie_carries_its_sign_over_the_bar_line_and_leaves_none() -> None:
    made = part([(31, "sharp", "start")], [(31, "", "both")], [(31, "", "stop"), (31, "", "")])
    assert alters(made) == [1, 1, 1, 0]
    rows = played_notes(WrittenScore((made,)))
    assert [(row["onset_quarter"], row["duration_quarter"], row["pitch"]) for row in rows] == [(0, 3, 66), (3, 1, 65)]


def test_a_sign_counts_for_other_voices_of_its_staff_only() -> None:
    def voice(number: int, onset: int, accidental: str, staff: int) -> Voice:
        return Voice(number, (Event(F(onset), F(1), (Head(28, accidental),), "quarter", staff=staff),))

    bar = Bar((voice(1, 1, "flat", 1), voice(2, 1, "", 1), voice(3, 0, "", 1), voice(4, 2, "", 1), voice(5, 2, "", 2)), F(3))
    found = {note.voice + 1: note.alter for note in sounding_heads(Part((bar,), 2))}
    assert found == {1: -1, 2: -1, 3: 0, 4: -1, 5: 0}


def test_graces_come_first_and_their_signs_hold() -> None:
    grace = Event(F(0), F(0), (Head(28, "sharp"),), "eighth", grace="grace")
    main = Event(F(0), F(1), (Head(28),), "quarter")
    bar = Bar((Voice(1, (main,)), Voice(2, (grace, main))), F(1))
    assert sorted((note.voice, note.event, note.alter) for note in sounding_heads(Part((bar,)))) == [
        (0, 0, 1),
        (1, 0, 1),
        (1, 1, 1),
    ]


def test_two_heads_on_one_place_sound_as_written() -> None:
    chord = Event(F(0), F(1), (Head(28), Head(28, "sharp")), "quarter")
    assert alters(Part((Bar((Voice(1, (chord,)),), F(1)),))) == [0, 1]


@pytest.mark.parametrize(("fifths", "place", "alter"), [(-7, 31, -1), (7, 34, 1), (-1, 34, -1), (0, 34, 0), (3, 35, 1)])
def test_keys_alter_their_letters(fifths: int, place: int, alter: int) -> None:
    assert alters(part([(place, "", "")], fifths=fifths)) == [alter]


def test_nothing_sounds_in_an_empty_score() -> None:
    assert len(played_notes(WrittenScore((Part((Bar((), F(4)),)),)))) == 0
