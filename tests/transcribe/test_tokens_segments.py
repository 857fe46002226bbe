"""Heard music as segments of ids and back, and joins of segments that were decoded each on its own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compose.vocabulary.mt3_events import (
    BEAT,
    DRUM,
    DRUM_PROGRAM,
    EOS,
    PEDAL_OFF,
    PEDAL_ON,
    PITCH,
    PROGRAM,
    SHIFT,
    TIE,
    VELOCITY,
    segments_of,
)
from compose.vocabulary.mt3_grammar import Carried, SegmentGrammar
from transcribe.families import FAMILIES
from transcribe.heard import BEAT_DTYPE, DRUMS, HEARD_DTYPE, PEDAL_DTYPE, HeardMusic, sort_heard
from transcribe.tokens.segments import heard_of, join, prelude, retied, segments_of_heard, tick_music, tied

LAW = settings(derandomize=True, max_examples=80, deadline=None)


@st.composite
def heard(draw):
    """Music on the grid whose notes of one family and pitch do not overlap."""
    duration = draw(st.integers(1, 1200))
    rows = []
    for family, pitch in draw(st.sets(st.tuples(st.integers(-1, len(FAMILIES) - 1), st.integers(21, 108)), max_size=5)):
        edges = sorted(draw(st.sets(st.integers(0, duration), max_size=8)))
        for first, last in zip(edges[::2], edges[1::2], strict=False):
            end = first + 1 if family == DRUMS else last
            velocity = 4 * draw(st.integers(0, 31)) + 3
            program = 0 if family == DRUMS else FAMILIES[family].program
            rows.append((first / 100, end / 100, pitch, velocity, family, program, 1.0))
    edges = sorted(draw(st.sets(st.integers(0, duration), max_size=6)))
    pedals = [(first / 100, last / 100) for first, last in zip(edges[::2], edges[1::2], strict=False)]
    places = sorted(draw(st.sets(st.integers(0, duration - 1), max_size=9)))
    beats = [(place / 100, 1 + index % 3) for index, place in enumerate(places)]
    return HeardMusic(
        sort_heard(np.array(rows, dtype=HEARD_DTYPE)),
        duration / 100,
        np.array(pedals, dtype=PEDAL_DTYPE),
        np.array(beats, dtype=BEAT_DTYPE),
    )


@LAW
@given(heard())
def test_heard_music_comes_back(music):
    back = heard_of(join(segments_of_heard(music)), music.duration_s)
    assert back.notes.tolist() == music.notes.tolist()
    np.testing.assert_allclose(back.pedals.tolist(), music.pedals.tolist(), atol=1e-9)
    assert back.beats.tolist() == music.beats.tolist()


@LAW
@given(heard(), st.randoms(use_true_random=False))
def test_segments_with_other_tie_sections_are_texts_still(music, random):
    for ids in segments_of_heard(music):
        says = tied(ids)
        kept = Carried(frozenset(note for note in says.notes if random.random() < 0.5), says.pedal and random.random() < 0.5)
        changed = retied(ids, kept)
        grammar = SegmentGrammar(kept)
        for token in changed.tolist():
            grammar.push(token)
        assert grammar.ended
        assert tied(changed) == kept
        assert retied(ids, says) is ids


def test_a_segment_loses_a_tied_note_with_its_end():
    ids = np.array(
        [
            *[PROGRAM, PITCH + 60, PITCH + 64, PEDAL_ON, TIE, SHIFT + 5, PEDAL_OFF, PROGRAM, VELOCITY, PITCH + 60, PITCH + 64],
            *[SHIFT + 9, VELOCITY + 20, PITCH + 60, EOS],
        ]
    )
    assert retied(ids, Carried(frozenset({(0, 64)}))).tolist() == [
        *[PROGRAM, PITCH + 64, TIE, SHIFT + 5, PROGRAM, VELOCITY, PITCH + 64, SHIFT + 9, VELOCITY + 20, PITCH + 60, EOS],
    ]
    assert retied(ids, Carried()).tolist() == [TIE, SHIFT + 9, PROGRAM, VELOCITY + 20, PITCH + 60, EOS]


def test_a_join_drops_what_is_tied_to_nothing():
    first = np.array([TIE, SHIFT + 50, PROGRAM, VELOCITY + 9, PITCH + 60, EOS])
    second = np.array([PROGRAM, PITCH + 60, PITCH + 67, PEDAL_ON, TIE, SHIFT + 10, PROGRAM, VELOCITY, PITCH + 60, PITCH + 67, EOS])
    music = join([first, second])
    assert music.notes.tolist() == [(50, 410, 0, 60, 8)]
    assert not len(music.pedals)
    cut = join([first, np.array([TIE, EOS])])
    assert cut.notes.tolist() == [(50, 400, 0, 60, 8)]  # not tied: it ends at the boundary


def test_a_prelude_is_a_tie_section():
    carried = Carried(frozenset({(40, 76), (0, 64), (0, 60)}), pedal=True)
    ids = prelude(carried)
    assert ids == [PROGRAM, PITCH + 60, PITCH + 64, PROGRAM + 40, PITCH + 76, PEDAL_ON, TIE]
    assert tied(np.array(ids)) == carried


def test_overlaps_doubles_and_what_lies_outside_are_settled():
    notes = np.array(
        [
            (-0.2, 0.5, 50, 60, 0, 0, 1),  # began before
            (0.1, 2.0, 60, 60, 0, 0, 1),
            (0.1, 0.9, 60, 60, 0, 0, 1),  # doubled
            (0.5, 1.0, 60, 80, 0, 0, 1),  # begins inside the first
            (0.5, 3.0, 36, 80, DRUMS, 0, 1),
            (3.9, 9.0, 72, 80, 5, 40, 1),  # sounds past the end
            (9.0, 9.5, 72, 80, 5, 40, 1),
        ],
        dtype=HEARD_DTYPE,
    )
    music = tick_music(HeardMusic(notes, 4.0))
    music.check()
    assert music.notes.tolist() == [
        (10, 50, 0, 60, 14),
        (50, 100, 0, 60, 19),
        (50, 51, DRUM_PROGRAM, 36, 19),
        (390, 400, FAMILIES[5].program, 72, 19),
    ]
    assert segments_of(music)[0].tolist().count(DRUM + 36) == 1


@pytest.mark.parametrize(
    ("downbeats", "numbers"),
    [([2, 5], [2, 3, 1, 2, 3, 1, 2]), ([0, 4], [1, 2, 3, 4, 1, 2, 3]), ([], [2, 3, 4, 5, 6, 7, 8]), ([1], [2, 1, 2, 3, 4, 5, 6])],
)
def test_beats_are_numbered_in_their_bars(downbeats, numbers):
    ids = [TIE]
    for place in range(7):
        ids += [SHIFT + 50 * place, BEAT + (place in downbeats)]
    beats = heard_of(join([np.array([*ids, EOS])]), 4.0).beats
    assert beats["number"].tolist() == numbers
