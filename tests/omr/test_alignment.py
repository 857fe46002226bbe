"""Notes bar by bar: what a bar too many does, and what it does not."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest

from compose.notation.written import Bar, Clef, Event, Head, Key, Part, Time, Voice, WrittenScore
from omr.evaluation.alignment import AlignedNotes, aligned_bars, bar_notes, count_aligned


def score(*bars):
    """One staff in C major and 4/4, a quarter for each place."""
    made = []
    for index, places in enumerate(bars):
        events = tuple(Event(Fraction(n), Fraction(1), (Head(place),), "quarter") for n, place in enumerate(places))
        first = {"clefs": (Clef(Fraction(0), 1, "G", 2),), "key": Key(0), "time": Time(4, 4)} if index == 0 else {}
        made.append(Bar((Voice(1, events),), Fraction(4), **first))
    return WrittenScore((Part(tuple(made)),))


MUSIC = ((28, 29, 30, 31), (32, 33, 34, 35), (35, 34, 33, 32), (31, 30, 29, 28))


def test_notes_of_a_bar_count_from_its_start():
    assert bar_notes(score(*MUSIC))[1] == Counter({(0.0, 67): 1, (1.0, 69): 1, (2.0, 71): 1, (3.0, 72): 1})


def test_a_score_agrees_with_itself():
    counts, bars = count_aligned(score(*MUSIC), score(*MUSIC))
    assert counts == AlignedNotes(16, 16, 16, 4, 4)
    assert bars == [(0, 0, True), (1, 1, True), (2, 2, True), (3, 3, True)]
    assert counts.f1 == 1.0


def test_a_bar_too_many_costs_its_own_notes_alone():
    counts, bars = count_aligned(score(*MUSIC), score(MUSIC[0], (40, 40, 40, 40), *MUSIC[1:]))
    assert counts == AlignedNotes(16, 16, 20, 4, 4)
    assert [pair[:2] for pair in bars] == [(0, 0), (1, 2), (2, 3), (3, 4)]


def test_a_bar_too_few_costs_its_own_notes_alone():
    counts, _ = count_aligned(score(*MUSIC), score(MUSIC[0], *MUSIC[2:]))
    assert counts == AlignedNotes(12, 16, 12, 4, 3)
    assert counts.f1 == pytest.approx(24 / 28)


def test_a_wrong_note_costs_one():
    counts, bars = count_aligned(score(*MUSIC), score((28, 29, 30, 33), *MUSIC[1:]))
    assert (counts.both, counts.exact) == (15, 3)
    assert bars[0] == (0, 0, False)


def test_counts_add_up_and_nothing_agrees_with_nothing():
    assert AlignedNotes(1, 2, 3, 4, 5) + AlignedNotes(1, 1, 1, 1, 1) == AlignedNotes(2, 3, 4, 5, 6)
    assert AlignedNotes().f1 == 1.0
    assert aligned_bars([], [Counter()]) == []
    empty = replace(score(), parts=())
    assert count_aligned(empty, score(*MUSIC))[0] == AlignedNotes(0, 0, 16, 0, 0)
