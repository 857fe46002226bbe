"""Laws of the ``mt3`` vocabulary: one text for the same music, both ways; walks of its grammar are music, whatever the limits."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compose.roundtrip import check_roundtrip
from compose.vocabulary.base import LossKind, Meaning
from compose.vocabulary.mt3 import Mt3
from compose.vocabulary.mt3_beats import beats_of
from compose.vocabulary.mt3_events import (
    BEAT,
    DOWNBEAT,
    DRUM,
    DRUM_PROGRAM,
    EOS,
    NUM_IDS,
    PAD,
    PEDAL_OFF,
    PEDAL_ON,
    PITCH,
    PROGRAM,
    SEGMENT_TICKS,
    SHIFT,
    TICK_BEAT_DTYPE,
    TICK_NOTE_DTYPE,
    TICK_PEDAL_DTYPE,
    TIE,
    VELOCITY,
    TickMusic,
    bin_velocity,
    segments_of,
    sort_ticks,
    velocity_bin,
)
from compose.vocabulary.mt3_grammar import Carried, Limits, Mt3Grammar, SegmentGrammar
from compose.vocabulary.mt3_reader import SegmentReader, split_segments
from corpora.piece import Part

LAW = settings(derandomize=True, max_examples=120, deadline=None)


def read(segments):
    reader = SegmentReader()
    for segment in segments:
        reader.read(np.asarray(segment))
    return reader.music()


def same(one, other):
    return (
        one.num_segments == other.num_segments
        and one.notes.tolist() == other.notes.tolist()
        and one.pedals.tolist() == other.pedals.tolist()
        and one.beats.tolist() == other.beats.tolist()
    )


def spans(draw, last, most):
    """Increasing (onset, end) pairs that do not overlap; some touch."""
    edges = sorted(draw(st.lists(st.integers(0, last), max_size=2 * most, unique=True)))
    touching = draw(st.booleans())
    pairs = list(pairwise(edges))
    return pairs if touching else pairs[::2]


@st.composite
def music(draw):
    segments = draw(st.integers(1, 4))
    last = segments * SEGMENT_TICKS
    keys = draw(st.sets(st.tuples(st.sampled_from([0, 1, 40, 127, DRUM_PROGRAM]), st.integers(0, 127)), max_size=6))
    rows = [
        (onset, onset + 1 if program == DRUM_PROGRAM else end, program, pitch, draw(st.integers(0, 31)))
        for program, pitch in keys
        for onset, end in spans(draw, last, 5)
    ]
    beats = sorted(draw(st.sets(st.integers(0, last - 1), max_size=8)))
    return TickMusic(
        sort_ticks(np.array(rows, dtype=TICK_NOTE_DTYPE)),
        segments,
        np.array(spans(draw, last, 4), dtype=TICK_PEDAL_DTYPE),
        np.array([(tick, draw(st.booleans())) for tick in beats], dtype=TICK_BEAT_DTYPE),
    )


@LAW
@given(music())
def test_music_comes_back_from_its_ids(one):
    one.check()
    segments = segments_of(one)
    assert same(read(segments), one)
    grammar = Mt3Grammar()
    for segment in segments:
        grammar.push_all(segment)  # the grammar takes all that is written
        assert grammar.may_end


def walk(grammar, rng, segments, prefer_sound=True):
    """Random legal ids; times are near one another, so that a segment fills."""
    ids = []
    while segments:
        mask = grammar.mask()
        assert mask.any(), "the grammar is stuck"
        if mask[SHIFT:PITCH].sum() > 40 and rng.random() < 0.9:
            first = int(np.flatnonzero(mask[SHIFT:PITCH])[0])
            mask[SHIFT + first + 40 : PITCH] = False
        if prefer_sound and mask.sum() > mask[[EOS, TIE]].sum():
            mask[EOS] &= rng.random() < 0.03
            mask[TIE] &= rng.random() < 0.3
        kinds = [span for span in SPANS if mask[span].any()]
        span = kinds[rng.integers(len(kinds))]
        token = span.start + int(rng.choice(np.flatnonzero(mask[span])))
        grammar.push(token)
        ids.append(token)
        segments -= token == EOS
    return np.array(ids)


EDGES = (0, 1, 2, 3, 4, 5, 7, PITCH, DRUM, VELOCITY, PROGRAM, NUM_IDS)
SPANS = [slice(*edges) for edges in pairwise(EDGES)]


@LAW
@given(st.integers(0, 2**32))
def test_random_walks_are_the_text_of_their_music(seed):
    rng = np.random.default_rng(seed)
    ids = walk(Mt3Grammar(), rng, int(rng.integers(1, 4)), prefer_sound=rng.random() < 0.8)
    one = read(split_segments(ids))
    one.check()
    assert np.concatenate(segments_of(one)).tolist() == ids.tolist()
    piece = Mt3().decode(ids)
    assert len(piece.notes) == len(one.notes)


@LAW
@given(st.integers(0, 2**32))
def test_limits_hold_on_random_walks_and_never_get_stuck(seed):
    rng = np.random.default_rng(seed)
    few = rng.random(3) < 0.5
    limits = Limits(
        programs=np.isin(np.arange(128), rng.integers(0, 128, rng.integers(0, 3))),
        pitches=np.isin(np.arange(128), rng.integers(0, 128, rng.integers(0, 6))),
        drums=np.isin(np.arange(128), rng.integers(0, 128, 2)) & bool(few[0]),
        max_notes=int(rng.integers(0, 4)),
        pedal=bool(few[1]),
        beats=bool(few[2]),
    )
    ids = walk(Mt3Grammar(limits), rng, 3)
    one = read(split_segments(ids))
    pitched = one.notes[one.notes["program"] != DRUM_PROGRAM]
    drums = one.notes[one.notes["program"] == DRUM_PROGRAM]
    assert limits.programs[pitched["program"]].all()
    assert limits.pitches[pitched["pitch"]].all()
    assert limits.drums[drums["pitch"]].all()
    sounding = [((pitched["onset_tick"] <= t) & (pitched["end_tick"] > t)).sum() for t in pitched["onset_tick"]]
    assert max(sounding, default=0) <= limits.max_notes
    assert limits.pedal or not len(one.pedals)
    assert limits.beats or not len(one.beats)


def test_a_text_written_out():
    notes = np.array(
        [(10, 30, 0, 60, 20), (10, 450, 0, 64, 21), (30, 60, 0, 60, 20), (30, 31, DRUM_PROGRAM, 36, 31), (400, 500, 40, 76, 5)],
        dtype=TICK_NOTE_DTYPE,
    )
    pedals = np.array([(20, 410)], dtype=TICK_PEDAL_DTYPE)
    beats = np.array([(10, True), (60, False)], dtype=TICK_BEAT_DTYPE)
    first, second = segments_of(TickMusic(notes, 2, pedals, beats))
    assert first.tolist() == [
        *[TIE, SHIFT + 10, DOWNBEAT, PROGRAM, VELOCITY + 21, PITCH + 60, VELOCITY + 22, PITCH + 64, SHIFT + 20, PEDAL_ON],
        *[SHIFT + 30, VELOCITY + 21, PITCH + 60, VELOCITY + 32, DRUM + 36, SHIFT + 60, BEAT, VELOCITY, PITCH + 60, EOS],
    ]
    assert second.tolist() == [
        *[PROGRAM, PITCH + 64, PEDAL_ON, TIE, SHIFT, PROGRAM + 40, VELOCITY + 6, PITCH + 76, SHIFT + 10, PEDAL_OFF],
        *[SHIFT + 50, PROGRAM, VELOCITY, PITCH + 64, SHIFT + 100, PROGRAM + 40, PITCH + 76, EOS],
    ]


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ([TIE], "does not end with EOS"),
        ([PITCH + 60, TIE, EOS], r"segment 0, id 0: pitch 60 of program -1 is tied, but does not sound"),
        ([TIE, PITCH + 60, EOS], r"segment 0, id 1: expected a SHIFT or EOS"),
        ([TIE, SHIFT + 3, PROGRAM, VELOCITY, PITCH + 60, EOS], r"id 4: pitch 60 of program 0 does not sound"),
        ([TIE, SHIFT + 3, PROGRAM, VELOCITY + 1, PITCH + 60, PITCH + 60, EOS], "ends where it begins"),
        ([TIE, SHIFT + 3, BEAT, SHIFT + 3, EOS], "expected a time after tick 3, got 3"),
        ([TIE, SHIFT + 3, PEDAL_OFF, EOS], "says nothing here"),
        ([TIE, SHIFT + 3, PAD, EOS], "got 0, which says nothing here"),
        ([PEDAL_ON, TIE, EOS], "the pedal is tied, but is not down"),
        ([TIE, SHIFT + 3, NUM_IDS, EOS], "got 824, which says nothing here"),
        ([TIE, SHIFT + 3, -1, EOS], "got -1, which says nothing here"),
    ],
)
def test_ids_that_are_no_music_are_refused_by_place(ids, words):
    with pytest.raises(ValueError, match=words):
        Mt3().decode(np.array(ids))


def test_the_grammar_says_what_it_expected():
    grammar = Mt3Grammar()
    assert grammar.meaning is Meaning.START
    with pytest.raises(ValueError, match=r"id 410 at tick -1: expected one of 2$"):
        grammar.push(410)
    grammar.push_all([TIE, SHIFT + 7, PROGRAM + 3])
    assert grammar.meaning is Meaning.VELOCITY
    grammar.push(VELOCITY + 9)
    assert grammar.meaning is Meaning.PITCH
    with pytest.raises(ValueError, match=r"expected one of 407-534$"):
        grammar.push(DRUM + 36)


def test_what_may_be_tied_is_what_was_carried():
    grammar = SegmentGrammar(Carried(frozenset({(0, 60), (0, 64), (40, 76)}), pedal=False))
    assert np.flatnonzero(grammar.mask()).tolist() == [TIE, PROGRAM, PROGRAM + 40]
    grammar.push(PROGRAM)
    assert np.flatnonzero(grammar.mask()).tolist() == [PITCH + 60, PITCH + 64]
    grammar.push(PITCH + 64)
    assert np.flatnonzero(grammar.mask()).tolist() == [TIE, PROGRAM + 40]
    for token in (TIE, SHIFT, PROGRAM):
        grammar.push(token)
    strikes = grammar.mask()
    assert not strikes[VELOCITY]  # what is tied does not end in the first tick: that would be another text for no tie
    grammar.push(VELOCITY + 3)
    assert not grammar.mask()[PITCH + 64]
    assert grammar.carried == Carried(frozenset({(0, 64)}))


@LAW
@given(st.integers(1, 127))
def test_velocities_come_back_within_two(velocity):
    middle = bin_velocity(velocity_bin(np.array([velocity])))
    assert abs(int(middle[0]) - velocity) <= 2
    assert velocity_bin(middle) == velocity_bin(np.array([velocity]))


def test_overlaps_are_told_in_the_report(build_piece):
    """At 120 with 24 divs a quarter a div is 1/48 s; the second C begins inside the first."""
    piece = build_piece([(0, 96, 60, 0), (48, 24, 60, 0), (48, 24, 60, 1), (48, 24, 64, 1)], (Part("Piano"), Part("Piano")))
    encoding = Mt3().encode(piece)
    assert encoding.report.count(LossKind.NOTES_MERGED) == 1
    assert encoding.report.get(LossKind.DURATIONS_CLIPPED).largest == pytest.approx(1.0)
    assert encoding.report.count(LossKind.LANES_MERGED) == 1
    decoded = encoding.tokens.decode()
    assert decoded.div_to_seconds(decoded.notes["onset_div"]).tolist() == pytest.approx([0, 1, 1])
    assert decoded.notes["pitch"].tolist() == [60, 60, 64]


def test_a_pickup_has_no_downbeat(read_chorale):
    piece = read_chorale("bwv66.6")
    first = piece.measures[0]
    assert first["end_div"] - first["start_div"] == piece.divs_per_quarter
    beats = beats_of(piece)
    assert beats["is_downbeat"].tolist()[:6] == [False, True, False, False, False, True]
    quarters = piece.seconds_to_div(beats["tick"] / 100) / piece.divs_per_quarter
    np.testing.assert_allclose(quarters, np.arange(len(beats)), atol=0.02)


def test_compound_meters_are_beaten_in_threes(build_piece):
    piece = build_piece([(0, 12, 60, 0)])
    piece.measures["beats"], piece.measures["beat_type"] = 6, 8  # a bar of four quarters is longer than this meter
    assert beats_of(piece).tolist() == [(0, True), (75, False), (150, False)]
    piece.measures["beats"], piece.measures["beat_type"] = 3, 8
    assert beats_of(piece)["tick"].tolist() == list(range(0, 200, 25))


def test_beats_are_in_the_ids(build_piece):
    ids = Mt3().encode(build_piece([(0, 96, 60, 0), (192, 24, 62, 0)])).tokens.ids
    assert (ids == DOWNBEAT).sum() == 3
    assert (ids == BEAT).sum() == 9


@LAW
@given(st.integers(0, 2**32))
def test_pieces_come_back_from_pieces_on_the_grid(seed):
    """A decoded piece is on the grid: encoding it again loses nothing and gives the same notes."""
    one = Mt3().decode(walk(Mt3Grammar(), np.random.default_rng(seed), 2))
    encoding = Mt3().encode(one)
    assert {loss.kind for loss in encoding.report.losses} <= {LossKind.METERS_IGNORED, LossKind.NAMES_IGNORED}
    assert encoding.tokens.decode().notes.tolist() == one.notes.tolist()


def test_seven_minutes(long_piece):
    result = check_roundtrip(long_piece, Mt3())
    assert result.ok
    assert result.lost == result.reported
