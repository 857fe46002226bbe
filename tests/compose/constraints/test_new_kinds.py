"""The kinds of wish beyond the first ten: what they open and close, what they refuse, that they read back."""

import numpy as np
import pytest

from compose.canvas import Note
from compose.constraints import find_conflicts, parse_constraint, parse_constraints, see_others
from compose.constraints.feasible import Feasible
from compose.constraints.instruments import INSTRUMENTS, find_instrument, instrument_of, instrument_range
from compose.constraints.names import parse_pitch
from compose.constraints.rhythm import WithinRegion
from compose.constraints.roman import parse_roman
from compose.constraints.texture import Monophonic
from corpora.errors import RequestError
from corpora.piece import Part

QUARTER = 24
DURATIONS = np.arange(6, 193, 6, dtype=np.int64)


def pitches(constraint, canvas, onset=0, lane=0, duration=QUARTER):
    """Pitches open to a note of this duration."""
    allowed = np.broadcast_to(constraint.allows(canvas, onset, lane, np.array([duration])), (128, 1))
    return set(np.flatnonzero(allowed[:, 0]).tolist())


@pytest.mark.parametrize(
    "text",
    [
        "scale: G major @1, D major @2",
        "avoid: F#, Alto Bb4",
        "require: Alto D, F#5",
        "range: auto",
        "range: Alto viola, Bass cello",
        "tessitura: Soprano G4-D5",
        "start on: Alto G4",
        "glue: 4",
        "contour: keep",
        "harmony: G major: | I6 | V65/V V7 |",
        "density: 1-2 per beat",
        "density: Alto 0-4 per bar, Bass 1-1 per bar",
        "instruments: alto, tenor",
    ],
)
def test_wishes_read_back(make_piece, text):
    piece = make_piece()
    once = parse_constraint(text, piece)
    assert parse_constraint(once.text, piece) == once


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scale: G major @9", "no bar '9'"),
        ("avoid: H4", "'H4' is not understood"),
        ("range: kazoo", "two pitches or an instrument"),
        ("tessitura: C5-C4", "C5 is above C4"),
        ("glue: near", "number of semitones"),
        ("contour: wavy", "expected 'contour: keep', up, down"),
        ("harmony: | I |", "expected a key and numerals"),
        ("harmony: H major: | I |", "not a key"),
        ("harmony: G major: | X |", "not a roman numeral"),
        ("density: 3-1 per beat", "3 is above 1"),
        ("density: 3", "per beat"),
        ("hands: third", "left, right or both"),
        ("hands: both", "no part has two staves"),
        ("instruments: tuba", "no part of the piece is a tuba"),
        ("instruments: kazoo", "no instrument"),
    ],
)
def test_what_is_not_understood_is_said_in_one_line(make_piece, text, message):
    with pytest.raises(RequestError, match=message) as error:
        parse_constraint(text, make_piece())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("numeral", "tonic", "minor", "tones", "bass"),
    [
        ("I", 7, False, {7, 11, 2}, 7),
        ("V7", 7, False, {2, 6, 9, 0}, 2),
        ("V65", 7, False, {2, 6, 9, 0}, 6),
        ("ii6", 0, False, {2, 5, 9}, 5),
        ("I64", 0, False, {0, 4, 7}, 7),
        ("IVmaj", 0, False, None, None),
        ("I7", 0, False, {0, 4, 7, 11}, 0),
        ("viio7", 9, True, {8, 11, 2, 5}, 8),
        ("VII", 9, True, {7, 11, 2}, 7),
        ("V7/V", 0, False, {2, 6, 9, 0}, 2),
        ("viio/ii", 0, False, {1, 4, 7}, 1),
        ("bVI", 0, False, {8, 0, 3}, 8),
        ("iiø65", 9, True, {11, 2, 5, 9}, 2),
        ("III+", 9, True, {0, 4, 8}, 0),
    ],
)
def test_roman_numerals_by_hand(numeral, tonic, minor, tones, bass):
    if tones is None:
        with pytest.raises(RequestError):
            parse_roman(numeral, tonic, minor)
        return
    chord = parse_roman(numeral, tonic, minor)
    assert chord.pitch_classes == tones
    assert chord.bass == bass


def test_the_scale_changes_at_its_bar(make_canvas):
    canvas = make_canvas()
    rule = parse_constraint("scale: C major @1, D major @2", canvas.piece)
    assert 65 in pitches(rule, canvas, 0)
    assert 65 not in pitches(rule, canvas, 96)
    assert 66 in pitches(rule, canvas, 96)
    assert 65 not in pitches(rule, canvas, 84, duration=24)  # it sounds on into D major


def test_avoided_notes_are_closed_in_their_part_alone(make_canvas):
    canvas = make_canvas()
    rule = parse_constraint("avoid: F#, Alto C4", canvas.piece)
    assert {66, 54} & pitches(rule, canvas, lane=0) == set()
    assert 60 in pitches(rule, canvas, lane=0)
    assert 60 not in pitches(rule, canvas, lane=1)


def test_what_is_required_must_come_before_its_last_place(make_canvas):
    canvas = make_canvas(end=96, lanes=(0,))
    rules = see_others(
        [
            WithinRegion(),
            Monophonic((0,)),
            *parse_constraints(["require: F#5", "scale: G major @1, C major @2"], canvas.piece),
            *parse_constraints("grid: 1/4", canvas.piece),
        ]
    )
    rule = next(r for r in rules if r.text.startswith("require"))
    assert not rule.may_end(canvas)
    assert pitches(rule, canvas, 72) == {78}  # the last quarter
    assert not np.broadcast_to(rule.allows(canvas, 48, 0, np.array([48])), (128, 1))[60, 0]  # would cover it
    canvas.write(Note(0, 0, 78, 24))
    assert rule.may_end(canvas)
    assert len(pitches(rule, canvas, 72)) == 128


def test_tessitura_lets_one_note_in_five_out(make_canvas):
    canvas = make_canvas()
    rule = parse_constraint("tessitura: C4-C5", canvas.piece)
    assert pitches(rule, canvas) == set(range(60, 73))
    for index in range(4):
        canvas.write(Note(24 * index, 0, 64, 24))
    assert len(pitches(rule, canvas, 96)) == 128
    canvas.write(Note(96, 0, 80, 24))
    assert pitches(rule, canvas, 120) == set(range(60, 73))
    assert rule.measure(canvas).satisfied


def test_the_first_note_starts_where_it_should_and_joins(make_canvas):
    canvas = make_canvas(fixed=(Note(0, 0, 70, 24), Note(96, 0, 60, 24)), start=24, end=96)
    assert pitches(parse_constraint("start on: G4", canvas.piece), canvas, 24) == {67}
    rule = parse_constraint("glue: 2", canvas.piece)
    assert pitches(rule, canvas, 24) == set(range(68, 73))
    canvas.write(Note(24, 0, 69, 24))
    assert len(pitches(rule, canvas, 48)) == 128
    assert pitches(rule, canvas, 72) == set(range(58, 63))  # it ends the region
    canvas.write(Note(48, 0, 69, 24))
    assert not rule.may_end(canvas)
    assert not rule.measure(canvas).satisfied


def test_contour_looks_ahead(make_canvas):
    rising = tuple(Note(24 * index, 0, pitch, 24) for index, pitch in enumerate((60, 62, 64, 60)))
    canvas = make_canvas(removed=rising, lanes=(0,))
    rules = see_others(parse_constraints(["contour: keep", "range: C4-E4", "scale: C major"], canvas.piece))
    rule = rules[0]
    assert pitches(rule, canvas, 0) == {60}  # two steps up are still to come
    canvas.write(Note(0, 0, 60, 24))
    assert pitches(rule, canvas, 24) == {62}
    canvas.write(Note(24, 0, 62, 24))
    canvas.write(Note(48, 0, 64, 24))
    assert pitches(rule, canvas, 72) == {60, 62}
    canvas.write(Note(72, 0, 62, 24))
    assert rule.measure(canvas).satisfied
    assert rule.may_end(canvas)


def test_contour_that_cannot_be_drawn_is_refused(make_canvas):
    canvas = make_canvas(removed=tuple(Note(24 * i, 0, 60 + i, 24) for i in range(4)), lanes=(0,))
    conflict = find_conflicts(see_others(parse_constraints(["contour: keep", "range: C4-D4"], canvas.piece)), canvas)
    assert conflict is not None
    assert "contour: keep" in str(conflict)


def test_density_leaves_room_for_what_is_owed(make_canvas):
    canvas = make_canvas(end=96, lanes=(0,))
    rules = see_others([WithinRegion(), Monophonic((0,)), *parse_constraints(["density: 2 per beat", "grid: 1/8"], canvas.piece)])
    rule = next(r for r in rules if r.text.startswith("density"))
    onsets = np.arange(0, 96, 6, dtype=np.int64)
    assert onsets[rule.onsets(canvas, onsets, 0)].tolist() == [0]  # only there are two places left
    assert DURATIONS[np.broadcast_to(rule.allows(canvas, 0, 0, DURATIONS), (1, len(DURATIONS)))[0]].tolist() == [6, 12]
    canvas.write(Note(0, 0, 60, 12))
    assert onsets[rule.onsets(canvas, onsets, 0)].max() == 12
    canvas.write(Note(12, 0, 60, 12))
    assert 24 in onsets[rule.onsets(canvas, onsets, 0)]
    assert not rule.may_end(canvas)


def test_density_waits_for_the_other_lane(make_canvas):
    canvas = make_canvas(end=96, lanes=(0, 1))
    rules = see_others([WithinRegion(), *parse_constraints(["density: 1 per bar", "grid: 1/4"], canvas.piece)])
    rule = next(r for r in rules if r.text.startswith("density"))
    canvas.write(Note(0, 0, 60, 12))
    assert not rule.may_end(canvas)
    onsets = np.arange(0, 96, 24, dtype=np.int64)
    assert onsets[rule.onsets(canvas, onsets, 1)].tolist() == [0, 24, 48, 72]


def test_density_without_room_is_refused(make_canvas):
    canvas = make_canvas(end=96, lanes=(0,))
    rules = see_others([WithinRegion(), *parse_constraints(["density: 3 per beat", "grid: 1/8"], canvas.piece)])
    assert "no room for 3" in str(find_conflicts(rules, canvas))


def test_hands_hold_a_ninth_and_five_notes(make_piece, make_canvas):
    piece = make_piece(("Piano", "Piano"))
    piece = type(piece)(piece.notes, piece.divs_per_quarter, (Part("Piano", "P1", 1), Part("Piano", "P1", 2)), piece.measures)
    canvas = make_canvas(piece=piece, lanes=(0, 1), fixed=(Note(24, 0, 60, 24),))
    rule = parse_constraint("hands: right", piece)
    assert len(pitches(rule, canvas, 0, 0, 24)) == 128
    assert pitches(rule, canvas, 0, 0, 30) == set(range(46, 75))
    assert len(pitches(rule, canvas, 24, 1)) == 128  # the other hand
    for pitch in (61, 62, 63, 64):
        canvas.write(Note(24, 0, pitch, 24))
    assert pitches(rule, canvas, 24) == set()


def test_instruments_are_found_by_name_and_by_program():
    assert find_instrument("Violino I") == "violin"
    assert find_instrument("Violoncelli") is None
    assert find_instrument("Horns in F") == "horn"
    assert instrument_of(Part("Track 3", program=73)) == "flute"
    assert instrument_of(Part("Kit", program=0, is_drum=True)) is None
    assert instrument_range("violin") == (55, 100)
    for name in INSTRUMENTS:
        low, high = instrument_range(name)
        assert 0 < low < high < 128, name
    assert parse_pitch(INSTRUMENTS["cello"][0]) == 36


def test_a_chord_may_begin_below_what_it_must_have(make_canvas):
    canvas = make_canvas(removed=tuple(Note(0, 0, pitch, 24) for pitch in (53, 60, 63)), lanes=(0,))
    rules = see_others(parse_constraints(["require: C4", "start on: F3", "rhythm: keep"], canvas.piece))
    rule = rules[0]
    assert np.flatnonzero(rule.allows(canvas, 0, 0, np.array([24]))[:, 0]).tolist() == list(range(61))
    canvas.write(Note(0, 0, 53, 24))
    canvas.write(Note(0, 0, 55, 24))
    assert np.flatnonzero(rule.allows(canvas, 0, 0, np.array([24]))[:, 0]).tolist() == [60]


def test_a_chord_has_room_for_its_notes_inside_the_tessitura(make_canvas):
    chord = [Note(24 * place, 0, pitch, 24) for place in range(2) for pitch in (60, 62, 64)]
    canvas = make_canvas(removed=tuple(chord), lanes=(0,))
    rules = see_others(parse_constraints(["tessitura: Soprano C4-E4", "rhythm: keep"], canvas.piece))
    feasible = Feasible(canvas, rules, np.array([24]))
    assert np.flatnonzero(feasible.matrix(0, 0)).tolist() == [60, 61, 62]
    for note in chord[:3]:
        canvas.write(note)
    # Of the first six notes one may lie outside.
    assert np.flatnonzero(feasible.matrix(24, 0)).tolist() == [60, 61, 62, 63]
    canvas.write(Note(24, 0, 63, 24))
    assert np.flatnonzero(feasible.matrix(24, 0)).tolist() == [64]
