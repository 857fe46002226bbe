"""What the signs of a page leave open and other signs settle: two voices on one head, tuplets without numbers, hooks, clefs."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from compose.notation.reading import read_written
from compose.notation.writing import write_written
from compose.notation.written import Bar, Clef, Event, Head, Key, Part, Time, Voice, WrittenScore
from omr.assembly.assembling import assemble
from omr.assembly.rows import sign_rows
from omr.pages.engraved import engraved_pages
from omr.pages.options import EngravingOptions
from omr.signs import KIND_INDEX, SeenSystem, empty_signs

TREBLE, BASS = Clef(Fraction(0), 1, "G", 2), Clef(Fraction(0), 2, "F", 4)
UNREAD = [KIND_INDEX[kind] for kind in ("words", "lyric", "stem", "flag", "beam", "slur", "tie")]


def bars_read(score: WrittenScore, change: tuple[str, str] = ("", "")) -> tuple[tuple[Bar, ...], tuple[Bar, ...]]:
    """The bars of a score's first part, and those read of its page by one who sees every sign and no more than a picture shows."""
    musicxml = write_written(score).decode().replace(*change) if change[0] else write_written(score).decode()
    systems = []
    for page in engraved_pages(musicxml, EngravingOptions(page_width=150.0)):
        for system in page.systems:
            signs = system.signs[~np.isin(system.signs["kind"], UNREAD)]
            signs["chord"] = signs["beam_group"] = -1
            counts = np.array([len(lines) for lines in system.staff_lines])
            corners = np.zeros((int(counts.sum()), 2, 2), dtype=np.float32)
            systems.append(SeenSystem(0, len(systems), system.middle_lines, counts, system.width, signs, corners, system.braces))
    return read_written(musicxml.encode()).parts[0].bars, assemble(systems).score.parts[0].bars


def line(start: int, places: list[int], kind: str, length: Fraction, **fields: object) -> list[Event]:
    """Events of one length one after the other from quarter ``start``, heads at these places."""
    return [
        Event(start + number * length, length, (Head(place),), kind, **fields)  # type: ignore[arg-type]
        for number, place in enumerate(places)
    ]


def beamed(events: list[Event], levels: int = 1) -> list[Event]:
    names = ["begin", *["continue"] * (len(events) - 2), "end"]
    return [replace(event, beams=(name,) * levels) for event, name in zip(events, names, strict=True)]


def score(*bars: tuple[list[Event], ...], beats: int = 2, staves: int = 1) -> WrittenScore:
    made = []
    for number, voices in enumerate(bars):
        first = {"clefs": (TREBLE, BASS)[:staves], "key": Key(0), "time": Time(beats, 4)} if number == 0 else {}
        numbered = tuple(Voice(count, tuple(events)) for count, events in enumerate(voices, 1))
        made.append(Bar(numbered, Fraction(beats), **first))  # type: ignore[arg-type]
    return WrittenScore((Part(tuple(made), staves),))


def test_one_voice_may_beam_a_head_that_another_holds() -> None:
    eighth = Fraction(1, 2)
    upper = [beamed(line(beat, [33 + beat, 36], "eighth", eighth, stem="up")) for beat in (0, 1)]
    lower = line(0, [33, 34], "quarter", Fraction(1), stem="down")
    wanted, got = bars_read(score(([*upper[0], *upper[1]], lower)))
    assert [bar.voices for bar in got] == [bar.voices for bar in wanted]


def sextuplet(beat: int, *, printed: bool) -> list[Event]:
    rest = [Event(Fraction(beat), Fraction(1, 6), type="16th", actual=6, normal=4)]
    notes = line(0, [28, 35, 33, 30, 28], "16th", Fraction(1, 6), stem="up", actual=6, normal=4)
    moved = [replace(event, onset=event.onset + beat + Fraction(1, 6)) for event in notes]
    events = [*rest, *beamed(moved, 2)]
    events[0] = replace(events[0], tuplet_starts=printed)
    events[-1] = replace(events[-1], tuplet_stops=printed)
    return events


def test_a_tuplet_goes_on_without_its_number_under_a_beam_with_a_rest_before_it() -> None:
    first, second = ([*sextuplet(0, printed=printed), *sextuplet(1, printed=printed)] for printed in (True, False))
    wanted, got = bars_read(score((first,), (second,)))
    assert [bar.voices for bar in got] == [bar.voices for bar in wanted]


def test_a_bracket_without_a_number_is_a_triplet() -> None:
    quarters = line(0, [33, 34, 35], "quarter", Fraction(2, 3), stem="up", actual=3, normal=2)
    quarters[0], quarters[2] = replace(quarters[0], tuplet_starts=True), replace(quarters[2], tuplet_stops=True)
    change = '<tuplet type="start"', '<tuplet type="start" show-number="none" bracket="yes"'
    wanted, got = bars_read(score((quarters,)), change)
    assert [bar.voices for bar in got] == [bar.voices for bar in wanted]
    assert got[0].voices[0].events[0].tuplet_starts


@pytest.mark.parametrize("short_first", [False, True])
def test_hooks_point_to_the_note_that_makes_their_beat(short_first: bool) -> None:
    short, dotted = ("16th", 0, Fraction(1, 4)), ("eighth", 1, Fraction(3, 4))
    events, onset = [], Fraction(0)
    for kind, dots, length in [short, dotted] * 2 if short_first else [dotted, short] * 2:
        events.append(Event(onset, length, (Head(33),), kind, dots, stem="up"))
        onset += length
    names = ("begin", "continue", "continue", "end")
    hook = "forward hook" if short_first else "backward hook"
    wanted = [
        replace(event, beams=(name, hook) if event.type == "16th" else (name,)) for event, name in zip(events, names, strict=True)
    ]
    _, got = bars_read(score((wanted,)))
    assert list(got[0].voices[0].events) == wanted


def test_a_clef_waits_for_the_next_note_of_its_staff() -> None:
    upper = beamed(line(0, [33, 34, 35, 36, 37, 36, 35, 34], "16th", Fraction(1, 4), stem="up"), 2)
    lower = line(0, [22, 33], "quarter", Fraction(1), stem="down", staff=2)
    made = score((upper, lower), staves=2)
    (bar,) = made.parts[0].bars
    changed = replace(bar, clefs=(*bar.clefs, Clef(Fraction(1), 2, "G", 2)))
    wanted, got = bars_read(WrittenScore((Part((changed,), 2),)))
    assert got[0].clefs == wanted[0].clefs


def test_grace_notes_a_step_apart_are_no_chord() -> None:
    graces = [Event(Fraction(0), Fraction(0), (Head(place),), "16th", stem="up", grace="grace") for place in (36, 37)]
    notes = line(0, [38, 34], "quarter", Fraction(1), stem="down")
    wanted, got = bars_read(score(([*beamed(graces, 2), *notes],)))
    assert [bar.voices for bar in got] == [bar.voices for bar in wanted]


@pytest.mark.parametrize(("y", "staff"), [(4.5, 1), (9.0, 1), (-5.0, 0), (16.0, 1)])
def test_an_octave_line_between_two_staves_is_of_the_lower_one(y: float, staff: int) -> None:
    signs = empty_signs(1)
    signs["kind"], signs["probability"], signs["x"], signs["y"], signs["width"] = KIND_INDEX["ottava_8"], 1.0, 20.0, y, 10.0
    signs["staff"] = 0 if y < 5.5 else 1
    middles = np.array([0.0, 11.0], dtype=np.float32)
    (row,) = sign_rows(SeenSystem(0, 0, middles, np.array([5, 5]), 90.0, signs, np.zeros((10, 2, 2), dtype=np.float32)))
    assert row.staff == staff
    assert row.place == pytest.approx(4.0 + 2.0 * (middles[1] - y) if y == 4.5 else 0.0)  # 0 as it was given where it stays
