from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compose.notation.bar_sums import BarFault, bar_sums
from compose.notation.measures import (
    NoteCounts,
    SymbolErrors,
    class_recall,
    count_notes,
    edit_distance,
    note_symbols,
    symbol_errors,
    symbols_of,
)
from compose.notation.written import Bar, Event, Head, Part, Time, Voice, WrittenScore

F = Fraction
words = st.lists(st.integers(0, 3), max_size=12)


def plain_distance(first: list[int], second: list[int]) -> int:
    """By the recursive definition."""
    table = [[i + j if i * j == 0 else 0 for j in range(len(second) + 1)] for i in range(len(first) + 1)]
    for i in range(1, len(first) + 1):
        for j in range(1, len(second) + 1):
            change = table[i - 1][j - 1] + (first[i - 1] != second[j - 1])
            table[i][j] = min(change, table[i - 1][j] + 1, table[i][j - 1] + 1)
    return table[-1][-1]


@given(words, words)
def test_the_distance_is_the_plain_one(first: list[int], second: list[int]) -> None:
    distance = edit_distance(np.array(first, dtype=np.int64), np.array(second, dtype=np.int64))
    assert distance == plain_distance(first, second)


@given(words, words)
def test_what_is_kept_and_the_edits_make_the_reference(first: list[int], second: list[int]) -> None:
    names, others = ([f"place:{n}" for n in word] for word in (first, second))
    found, total = class_recall(names, others).get("notes", (0, 0))
    assert total == len(first)
    assert max(len(first), len(second)) - found <= symbol_errors(names, others).edits


def test_rates_by_hand() -> None:
    reference = ["bar", "voice", "staff:1", "type:quarter", "place:C4", "accidental:sharp", "mark:accent", "end"]
    estimate = ["bar", "voice", "staff:1", "type:eighth", "place:C4", "mark:accent", "mark:tenuto", "end"]
    errors = symbol_errors(reference, estimate)
    assert (errors, errors.rate) == (SymbolErrors(3, 8), 3 / 8)  # one exchanged, one missing, one too many
    notes = symbol_errors(note_symbols(reference), note_symbols(estimate))
    assert notes == SymbolErrors(2, 4)  # bar, type, place, accidental
    recall = class_recall(reference, estimate)
    assert recall["accidentals"] == (0, 1)
    assert recall["note types"] == (0, 1)
    assert recall["notes"] == recall["marks"] == (1, 1)
    assert (errors + SymbolErrors(0, 4)).rate == 0.25
    assert SymbolErrors(0, 0).rate == 0
    assert SymbolErrors(1, 0).rate == float("inf")


def test_a_score_agrees_with_itself(page: WrittenScore) -> None:
    symbols = symbols_of(page)
    assert symbol_errors(symbols, symbols).edits == 0
    assert all(found == total for found, total in class_recall(symbols, symbols).values())
    assert count_notes(page, page, with_duration=True).f1 == 1


def tune(*places: int, accidental: str = "", last_quarters: int = 1) -> WrittenScore:
    events = [Event(F(n), F(1), (Head(place, accidental if n == 0 else ""),), "quarter") for n, place in enumerate(places)]
    events[-1] = replace(events[-1], duration=F(last_quarters))
    return WrittenScore((Part((Bar((Voice(1, tuple(events)),), F(4), time=Time(4, 4)),)),))


def test_notes_by_hand() -> None:
    counts = count_notes(tune(28, 29, 30, 31), tune(28, 29, 31))
    assert counts == NoteCounts(4, 3, 2)  # the third is another pitch, the fourth is missing
    assert (counts.precision, counts.recall, counts.f1) == (2 / 3, 1 / 2, 4 / 7)
    sharp = count_notes(tune(28, 28, 29), tune(28, 28, 29, accidental="sharp"))
    assert sharp.matched == 1  # the sign counts for both heads
    longer = tune(28, 29, last_quarters=2)
    assert count_notes(tune(28, 29), longer).matched == 2
    assert count_notes(tune(28, 29), longer, with_duration=True).matched == 1
    assert NoteCounts(0, 0, 0).f1 == 1


def test_bars_that_add_up(page: WrittenScore) -> None:
    sums = bar_sums(page)
    assert (sums.bars, sums.escapes, sums.faults) == (8, 2, ())
    assert sums.short == 0


@pytest.mark.parametrize(
    ("events", "kinds"),
    [
        ([Event(F(0), F(1), (Head(28),), "half"), Event(F(1), F(3), (), "half", 1)], ["length"]),
        ([Event(F(0), F(2), (), "half"), Event(F(1), F(2), (), "half")], ["overlap"]),
        ([Event(F(0), F(4), (), "whole"), Event(F(4), F(1), (), "quarter")], ["overfull"]),
        ([Event(F(0), F(2, 3), (), "quarter", actual=3, normal=2)], ["tuplet"]),
        ([Event(F(0), F(4))], []),
        ([Event(F(0), F(3))], ["length"]),
    ],
)
def test_faults_by_hand(events: list[Event], kinds: list[str]) -> None:
    bar = Bar((Voice(1, tuple(events)),), F(4))
    assert bar_sums(WrittenScore((Part((bar,)),))).faults == tuple(BarFault(0, 0, 1, kind) for kind in kinds)


def test_meters_and_parts_must_agree() -> None:
    upper = Part((Bar((), F(3)), Bar((), F(2), irregular=True)))
    lower = Part((Bar((), F(3)), Bar((), F(3))))
    sums = bar_sums(WrittenScore((upper, lower)), F(3))
    assert sums.faults == (BarFault(1, 1, 0, "unequal"),)
    assert sums.escapes == 1
    assert BarFault(0, 0, 0, "meter") in bar_sums(WrittenScore((upper,))).faults
