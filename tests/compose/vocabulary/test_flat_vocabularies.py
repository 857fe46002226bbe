"""``performance``, ``remi`` and ``compound``: golden ids, round trips, grammars and reports; MidiTok's words for the same music."""

from fractions import Fraction

import numpy as np
import pytest
import symusic
from miditok import REMI, CPWord, TokenizerConfig

from compose.vocabulary.base import LossKind
from compose.vocabulary.beat_table import LENGTHS, from_piece
from compose.vocabulary.compound import Compound
from compose.vocabulary.measured_fields import meter_id
from compose.vocabulary.performance import Performance
from compose.vocabulary.remi import METER, NUM_IDS, Remi, name_of
from corpora.piece import Part, Piece

FLAT = (Performance(), Remi(), Compound())
CONFIG = {
    "pitch_range": (0, 127),
    "beat_res": {(0, 8): 24, (8, 65): 1},
    "num_velocities": 32,
    "use_tempos": True,
    "num_tempos": 391,
    "tempo_range": (10, 400),
    "use_time_signatures": True,
    "time_signature_range": {4: list(range(1, 9)), 8: list(range(1, 17))},
    "use_programs": True,
    "one_token_stream_for_programs": True,
    "use_pitchdrum_tokens": True,
    "remove_duplicated_notes": False,
}


def rows(piece):
    """Onset and end in steps of 24ths or ticks, pitch, program, sorted."""
    programs = [128 if part.is_drum else part.program for part in piece.parts]
    return sorted(
        (int(n["onset_div"]), int(n["duration_div"]), int(n["pitch"]), programs[int(n["part"])], int(n["velocity"]))
        for n in piece.notes
    )


@pytest.fixture
def band(build_piece):
    """Piano, bass and drums over two bars with chords, a unison, a triplet and a grace note."""
    return build_piece(
        [
            *((0, 24, pitch, 0) for pitch in (60, 64, 67)),
            (0, 48, 36, 1),
            (24, 8, 72, 0),
            (32, 8, 74, 0),
            (40, 8, 72, 0),
            (48, 0, 71, 0),
            (48, 48, 72, 0),
            (48, 96, 60, 0),
            (96, 96, 43, 1),
            (0, 12, 36, 2),
            (96, 12, 38, 2),
        ],
        parts=(Part("Piano"), Part("Bass", program=33), Part("Kit", is_drum=True)),
        tempos=((0, 120.0), (72, 90.0)),
        velocity=79,
    )


def test_performance_golden(build_piece):
    piece = build_piece([(0, 24, 60, 0), (24, 60, 64, 0)], velocity=72)
    # C4 at once for half a second, then E4 for 1.25 s
    assert Performance().encode(piece).tokens.ids.tolist() == [356 + 17, 60, 256 + 49, 128 + 60, 64, 256 + 99, 256 + 24, 128 + 64]


def test_performance_has_388_events_and_its_velocities():
    assert Performance().field_sizes == (388,)
    piece = Performance().decode(np.array([356 + 31, 60, 356, 62, 256 + 9, 128 + 60, 128 + 62]))
    assert rows(piece) == [(0, 10, 60, 0, 125), (0, 10, 62, 0, 1)]


def test_performance_keeps_unisons_and_names_exchanged_ends(build_piece):
    piece = build_piece([(0, 96, 60, 0), (24, 24, 60, 1), (0, 24, 67, 0), (0, 48, 67, 1)], (Part("A"), Part("B")), velocity=73)
    encoding = Performance().encode(piece)
    assert encoding.report.count(LossKind.DURATIONS_EXCHANGED) == 2
    assert encoding.report.count(LossKind.LANES_MERGED) == 1
    assert encoding.report.lost_notes == 0
    decoded = encoding.tokens.decode()
    assert sorted(decoded.notes["duration_div"].tolist()) == [50, 75 + 75, 100, 100] or len(decoded.notes) == 4
    assert sorted(zip(decoded.notes["onset_div"].tolist(), decoded.notes["pitch"].tolist(), strict=True)) == [
        (0, 60),
        (0, 67),
        (0, 67),
        (50, 60),
    ]


def test_performance_round_trip(long_piece):
    encoding = Performance().encode(long_piece)
    decoded = encoding.tokens.decode()
    onsets = np.rint(100 * long_piece.div_to_seconds(long_piece.notes["onset_div"])).astype(int).tolist()
    assert sorted(zip(decoded.notes["onset_div"].tolist(), decoded.notes["pitch"].tolist(), strict=True)) == sorted(
        zip(onsets, long_piece.notes["pitch"].tolist(), strict=True)
    )
    np.testing.assert_array_equal(Performance().encode(decoded).tokens.ids, encoding.tokens.ids)


@pytest.mark.parametrize("vocabulary", FLAT, ids=lambda v: v.name)
def test_what_is_encoded_is_grammatical_and_stable(vocabulary, band):
    tokens = vocabulary.encode(band).tokens
    state = vocabulary.grammar()
    for token in tokens.ids.ravel().tolist():
        assert state.mask()[token], token
        state.push(token)
    assert state.may_end
    again = vocabulary.encode(tokens.decode()).tokens
    np.testing.assert_array_equal(again.ids, tokens.ids)


@pytest.mark.parametrize("vocabulary", [Remi(), Compound()], ids=lambda v: v.name)
def test_beat_vocabularies_hold_a_band(vocabulary, band):
    encoding = vocabulary.encode(band)
    decoded = encoding.tokens.decode()
    assert rows(decoded) == rows(band)
    assert decoded.tempos["quarters_per_minute"].tolist()[-1] == 90.0
    assert decoded.tempos["onset_div"].tolist()[-1] == 72
    np.testing.assert_array_equal(decoded.measures["start_div"], band.measures["start_div"])
    assert {loss.kind for loss in encoding.report.losses} == {LossKind.NAMES_IGNORED}


@pytest.mark.parametrize("vocabulary", FLAT, ids=lambda v: v.name)
def test_random_choices_always_decode(vocabulary, rng):
    for _ in range(4):
        state = vocabulary.grammar()
        ids = []
        while len(ids) < 800 or not state.may_end:
            mask = state.mask()
            if vocabulary.name == "performance" and len(ids) > 800:
                mask[128:256] |= False
                mask = mask & (np.arange(388) >= 128) & (np.arange(388) < 356) if mask[128:356].any() else mask
            ids.append(int(rng.choice(np.flatnonzero(mask))))
            state.push(ids[-1])
            assert len(ids) < 5000
        shape = (-1, len(vocabulary.field_sizes)) if len(vocabulary.field_sizes) > 1 else (-1,)
        piece = vocabulary.decode(np.array(ids, dtype=np.int64).reshape(shape))
        if vocabulary.name != "performance":  # whose unisons may stand in two orders
            again = vocabulary.encode(piece).tokens.decode()
            assert rows(again) == rows(piece)


@pytest.mark.parametrize("vocabulary", FLAT, ids=lambda v: v.name)
def test_empty_piece(vocabulary, build_piece):
    encoding = vocabulary.encode(build_piece([]))
    assert len(encoding.tokens.decode().notes) == 0


def test_pickups_and_odd_bars_keep_their_length(build_piece):
    piece = build_piece([(0, 24, 60, 0), (24, 96, 62, 0), (120, 100, 64, 0)])
    bars = piece.measures[:3].copy()
    bars["start_div"], bars["end_div"] = (0, 24, 120), (24, 120, 220)
    piece = Piece(piece.notes, 24, piece.parts, bars)
    table, report = from_piece(piece)
    assert table.meters.tolist() == [LENGTHS + 23, meter_id(4, 4), LENGTHS + 99]
    assert report.count(LossKind.METERS_IGNORED) == 2
    decoded = Remi().encode(piece).tokens.decode()
    assert decoded.measures["end_div"].tolist() == [24, 120, 220]
    assert decoded.notes["onset_div"].tolist() == [0, 24, 120]


def test_reports_name_what_is_off(build_piece):
    piece = build_piece(
        [(0, 5, 60, 0), (1, 480, 62, 0), (480, 480 * 70, 64, 1), (960, 480, 130, 1)],
        parts=(Part("A", program=40), Part("B", program=40), Part("Silent")),
        divs_per_quarter=480,
        tempos=((0, 100.4),),
        keys=((0, 2, 1),),
        velocity=80,
    )
    report = Remi().encode(piece).report
    assert report.lost_notes == 1
    assert report.count(LossKind.ONSETS_MOVED) == 1
    assert report.count(LossKind.DURATIONS_ROUNDED) == 1
    assert report.count(LossKind.DURATIONS_CLIPPED) == 1
    assert report.get(LossKind.DURATIONS_CLIPPED).largest == pytest.approx(6)
    assert report.count(LossKind.LANES_MERGED) == 1
    assert report.count(LossKind.LANES_EMPTY) == 1
    assert report.count(LossKind.TEMPOS_ROUNDED) == 1
    assert report.count(LossKind.KEYS_IGNORED) == 1
    assert report.count(LossKind.VELOCITIES_QUANTISED) == 4


def words_of_miditok(piece, kind):
    """MidiTok's words for a piece, as text; a compound word's fields joined."""
    score = piece.to_score()
    score.tempos = [symusic.Tempo(int(t["onset_div"]), float(t["quarters_per_minute"])) for t in piece.tempos]
    score.time_signatures = [symusic.TimeSignature(0, 4, 4)]
    tokenizer = kind(TokenizerConfig(**CONFIG))
    return tokenizer.encode(score).tokens


EMPTY_BAR = ["Bar_None", "TimeSig_4/4"]


def words_of(piece):
    return [name_of(token) for token in Remi().encode(piece).tokens.ids.tolist()]


def test_remi_says_what_miditok_says(band):
    notes = band.notes[band.notes["duration_div"] > 0]  # MidiTok has no grace notes
    piece = band.with_notes(notes)
    theirs = words_of_miditok(piece, REMI)
    # MidiTok ends with the last note, and puts drums first; ours are the last program.
    assert sorted(words_of(piece)) == sorted([*theirs, *EMPTY_BAR])
    melody = piece.with_notes(notes[notes["part"] == 0])
    assert words_of(melody) == [*words_of_miditok(melody, REMI), *EMPTY_BAR, *EMPTY_BAR]


def test_compound_has_as_many_words_as_miditok(band):
    melody = band.with_notes(band.notes[(band.notes["duration_div"] > 0) & (band.notes["part"] == 0)])
    theirs = words_of_miditok(melody, CPWord)
    ours = Compound().encode(melody).tokens.ids[:-2]  # without the two empty bars at the end
    assert len(ours) == len(theirs)
    families = ["Family_Note" if row[0] else "Family_Metric" for row in ours.tolist()]
    assert families == [word[0] for word in theirs]
    pitches = [f"Pitch_{row[2] - 1}" for row in ours.tolist() if row[0]]
    assert pitches == [word[2] for word in theirs if word[0] == "Family_Note"]


@pytest.mark.parametrize(
    ("vocabulary", "ids", "message"),
    [
        (Performance(), [60, 128 + 61], "does not sound"),
        (Performance(), [388], "expected 0 to 387"),
        (Remi(), [NUM_IDS], "expected 0 to"),
        (Remi(), [METER], "expected Bar"),
        (Remi(), [0, METER], "no meter"),
        (Remi(), [0, METER + LENGTHS + 3, METER + LENGTHS + 192 + 4], "the bar has 4 positions"),
        (Compound(), [[1, 0, 61, 1, 1, 1, 0, 0]], "after a place"),
        (Compound(), [[0, 1, 0, 0, 0, 0, 0, 0]], "needs a meter"),
        (Compound(), [[0, 7, 0, 0, 0, 0, 5, 0]], "a place of the bar"),
        (Compound(), [[2, 0, 0, 0, 0, 0, 0, 0]], "outside its field"),
    ],
)
def test_ids_that_are_no_music_are_refused(vocabulary, ids, message):
    with pytest.raises(ValueError, match=message):
        vocabulary.decode(np.array(ids, dtype=np.int64))


@pytest.mark.parametrize("vocabulary", FLAT, ids=lambda v: v.name)
def test_grammars_refuse_by_name(vocabulary):
    with pytest.raises(ValueError, match="expected"):
        vocabulary.grammar().push(10_000)
    assert not vocabulary.grammar().may_end or vocabulary.name == "performance"


def test_grids():
    assert Performance().grid.step == Fraction(1, 100)
    assert Remi().grid.step == Compound().grid.step == Fraction(1, 24)
