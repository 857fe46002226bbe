from dataclasses import replace
from fractions import Fraction

import pytest

from compose.notation.slicing import meter_before, slice_bars
from compose.notation.written import Clef, Key, WrittenScore
from corpora.errors import RequestError

F = Fraction


def test_a_system_begins_with_the_clefs_and_the_key_in_force(page: WrittenScore) -> None:
    system = slice_bars(page, 2, 4)
    piano, drum = system.parts
    assert piano.bars[0].clefs == (Clef(F(0), 1, "G", 2), Clef(F(0), 2, "G", 2, -1))  # changed within the bar before
    assert (piano.bars[0].key, piano.bars[0].time) == (Key(2), None)
    assert drum.bars[0].key == Key(0)
    assert piano.bars[1] == page.parts[0].bars[3]
    assert (piano.bars[0].ending_start, piano.bars[0].ending_stop) == ("1, 2", True)
    assert piano.bars[0].voices == page.parts[0].bars[2].voices
    assert (system.title, system.systems, system.pages) == ("", (0, 1), (0, 1))


def test_a_clef_within_the_first_bar_stays_there(page: WrittenScore) -> None:
    bar = slice_bars(page, 1, 2).parts[0].bars[0]
    assert [(clef.onset, clef.staff, clef.sign) for clef in bar.clefs] == [(0, 1, "G"), (0, 2, "F"), (1, 2, "C"), (F(3, 2), 2, "G")]


def test_all_bars_are_the_score_with_its_key_said(page: WrittenScore) -> None:
    whole = slice_bars(page, 0, 4)
    assert whole.parts[0] == page.parts[0]
    assert (whole.title, whole.systems, whole.pages) == (page.title, page.systems, page.pages)


def test_an_ending_that_began_before_is_left_out(page: WrittenScore) -> None:
    first, drum = page.parts
    bars = (first.bars[0], *(replace(bar, ending_start="1" if bar is first.bars[1] else "") for bar in first.bars[1:]))
    system = slice_bars(replace(page, parts=(replace(first, bars=bars), drum)), 2, 4)
    assert not system.parts[0].bars[0].ending_stop


def test_the_meter_before_a_bar(page: WrittenScore) -> None:
    assert [meter_before(page, bar) for bar in range(3)] == [4, 3, 3]


@pytest.mark.parametrize(("first", "last"), [(0, 0), (-1, 2), (2, 5), (3, 2)])
def test_bars_that_are_not_there_are_refused(page: WrittenScore, first: int, last: int) -> None:
    with pytest.raises(RequestError, match=f"last <= 4, got {first} and {last}"):
        slice_bars(page, first, last)
