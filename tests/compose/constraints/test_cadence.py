"""How a region ends: two chords, the bass, the top voice."""

import numpy as np
import pytest

from compose.canvas import Note
from compose.constraints import find_conflicts, parse_constraint, parse_constraints, see_others
from compose.constraints.rhythm import WithinRegion
from compose.sampler import RandomScorer, SamplerSettings, write
from compose.writers.measured import MeasuredWriter
from corpora.errors import RequestError
from corpora.piece import KEY_DTYPE


def pitch_classes(rule, canvas, onset, lane, duration=24):
    allowed = np.broadcast_to(rule.allows(canvas, onset, lane, np.array([duration])), (128, 1))
    return {int(pitch) % 12 for pitch in np.flatnonzero(allowed[:, 0])}


@pytest.mark.parametrize(
    "text", ["cadence: perfect", "cadence: half in E minor", "cadence: plagal at 2:3", "cadence: deceptive in F# major at 2:1"]
)
def test_reads_back(make_piece, text):
    piece = make_piece()
    once = parse_constraint(text, piece)
    assert once.text == text
    assert parse_constraint(once.text, piece) == once


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cadence: amen", "expected perfect, plagal, half, deceptive"),
        ("cadence: perfect in H major", "is not understood"),
        ("cadence: perfect at 9:1", "no bar '9'"),
        ("cadence: perfect at 2:5", "bar 2 has no beat 5"),
    ],
)
def test_what_is_not_understood_is_said_in_one_line(make_piece, text, message):
    with pytest.raises(RequestError, match=message) as error:
        parse_constraint(text, make_piece())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("wish", "before", "last", "bass", "top"),
    [
        ("perfect in G major", {2, 6, 9, 0}, {7, 11, 2}, {7}, {7}),
        ("perfect in A minor", {4, 8, 11, 2}, {9, 0, 1, 4}, {9}, {9}),
        ("plagal in C major", {5, 9, 0}, {0, 4, 7}, {0}, {0, 4, 7}),
        ("plagal in A minor", {2, 5, 6, 9}, {9, 0, 1, 4}, {9}, {9, 0, 1, 4}),
        ("half in C major", {0, 4, 7, 2, 5, 9, 6}, {7, 11, 2}, {7}, {7, 11, 2}),
        ("deceptive in C major", {7, 11, 2, 5}, {9, 0, 4}, {9}, {9, 0, 4}),
        ("deceptive in E minor", {11, 3, 6, 9}, {0, 4, 7}, {0}, {0, 4, 7}),
    ],
)
def test_the_chords_by_hand(make_canvas, wish, before, last, bass, top):
    canvas = make_canvas()  # two bars of 4/4: the last chord begins at 96
    rule = parse_constraint(f"cadence: {wish}", canvas.piece)
    assert pitch_classes(rule, canvas, 72, 1) == before
    assert pitch_classes(rule, canvas, 96, 1) == last
    assert pitch_classes(rule, canvas, 168, 1) == last
    assert pitch_classes(rule, canvas, 96, 3) == bass
    assert pitch_classes(rule, canvas, 96, 0) == top
    assert len(pitch_classes(rule, canvas, 48, 1)) == 12
    assert {(r.onset, r.lane) for r in rule.requirements(canvas)} == ({(96, 0), (96, 3)} if "perfect" in wish else {(96, 3)})


def test_all_parts_have_the_same_chord(make_canvas):
    canvas = make_canvas()
    rule = parse_constraint("cadence: half in C major", canvas.piece)
    canvas.write(Note(72, 0, 65, 24))  # F: only the chord of D has it
    assert pitch_classes(rule, canvas, 72, 1) == {2, 5, 9, 0}
    minor = parse_constraint("cadence: perfect in A minor", canvas.piece)
    canvas.write(Note(96, 0, 69, 24))
    canvas.write(Note(96, 1, 61, 24))  # the third of A major
    assert pitch_classes(minor, canvas, 96, 2) == {9, 1, 4}


def test_outer_parts_strike_with_the_last_chord(make_canvas):
    canvas = make_canvas()
    rule = parse_constraint("cadence: perfect in G major", canvas.piece)
    assert pitch_classes(rule, canvas, 72, 3) == {2}  # the dominant's root
    assert pitch_classes(rule, canvas, 72, 3, duration=48) == set()
    assert pitch_classes(rule, canvas, 48, 0, duration=48) == pitch_classes(rule, canvas, 72, 0)


def test_in_one_bar_the_last_chord_has_its_second_half(make_canvas):
    canvas = make_canvas(start=96)
    rule = parse_constraint("cadence: perfect in G major", canvas.piece)
    assert {r.onset for r in rule.requirements(canvas)} == {144}
    assert "no room for two chords" in str(find_conflicts([rule], make_canvas(start=168)))


def test_the_key_is_the_piece_s_own(make_piece, make_canvas):
    piece = make_piece()
    rule = parse_constraint("cadence: perfect", piece)
    assert "does not say its key" in str(find_conflicts([rule], make_canvas(piece=piece)))
    for fifths, mode, tonic in ((1, 1, 7), (1, -1, 4), (-3, 1, 3)):
        keyed = type(piece)(piece.notes, 4, piece.parts, piece.measures, keys=np.array([(0, fifths, mode)], dtype=KEY_DTYPE))
        canvas = make_canvas(piece=keyed)
        assert pitch_classes(parse_constraint("cadence: perfect", keyed), canvas, 96, 3) == {tonic}


def test_a_kept_note_in_the_way_is_named(make_canvas):
    canvas = make_canvas(fixed=(Note(72, 3, 50, 48),))
    rule = parse_constraint("cadence: perfect in G major", canvas.piece)
    assert "a kept note of Bass stands where G should" in str(find_conflicts([rule], canvas))
    rules = parse_constraints(["cadence: perfect in G major", "avoid: G"], make_canvas().piece)
    assert "'cadence: perfect in G major' and 'avoid: G'" in str(find_conflicts(rules, make_canvas()))


def test_chords_of_a_piano_have_the_tonic_on_top_and_the_root_below(make_piece, make_canvas):
    piece = make_piece(("Piano", "Piano"))
    for seed in range(12):
        canvas = make_canvas(piece=piece, lanes=(0, 1))
        wishes = ["cadence: perfect in G major", "density: 1-4 per beat", "range: G2-G5"]
        rules = see_others([WithinRegion(), *parse_constraints(wishes, piece)])
        assert find_conflicts(rules, canvas) is None
        write(MeasuredWriter(canvas, rules), RandomScorer(seed), SamplerSettings(temperature=1.0), seed)
        struck = [[note.pitch for note in canvas.written if note.lane == lane and note.onset == 96] for lane in (0, 1)]
        assert max(struck[0]) % 12 == min(struck[1]) % 12 == 7
        assert all(rule.measure(canvas).satisfied for rule in rules)


def test_measures_without_the_mask(make_canvas):
    canvas = make_canvas()
    rule = parse_constraint("cadence: perfect in G major", canvas.piece)
    for lane, before, last in ((0, 69, 67), (1, 66, 67), (2, 60, 59), (3, 50, 43)):
        canvas.write(Note(72, lane, before, 24))
        canvas.write(Note(96, lane, last, 96))
    assert rule.measure(canvas).measured == "8 of 8 notes in the chords, Soprano on G, Bass on G"
    assert rule.measure(canvas).satisfied
    canvas.erase()
    canvas.write(Note(96, 3, 47, 96))
    assert not rule.measure(canvas).satisfied


@pytest.mark.parametrize(
    ("kept", "struck", "met", "conflict"),
    [
        ((55,), (), True, None),  # a kept G is the bass
        ((55,), (59, 62), True, None),
        ((55,), (50,), False, None),
        ((59,), (43, 62), True, None),  # a G may come below a kept B
        ((59,), (62,), False, None),
        ((4,), (43,), False, "a kept note of Piano stands where G should"),
    ],
)
def test_kept_notes_of_a_piano_count(make_piece, make_canvas, kept, struck, met, conflict):
    piece = make_piece(("Piano",))
    canvas = make_canvas(piece=piece, lanes=(0,), fixed=tuple(Note(72, 0, pitch, 48) for pitch in kept))
    rule = parse_constraint("cadence: half in C major", piece)
    assert rule.conflict(canvas) == conflict
    opened = True
    for pitch in struck:
        opened &= bool(np.broadcast_to(rule.allows(canvas, 96, 0, np.array([96])), (128, 1))[pitch, 0])
        canvas.write(Note(96, 0, pitch, 96))
    assert rule.measure(canvas).satisfied == met
    assert (opened and rule.may_end(canvas)) == met or not struck
    assert {r.onset for r in rule.requirements(canvas)} == (set() if kept == (55,) else {96})


def test_a_note_of_a_piano_may_sound_on_above_the_root(make_piece, make_canvas):
    piece = make_piece(("Piano",))
    canvas = make_canvas(piece=piece, lanes=(0,))
    rule = parse_constraint("cadence: half in C major", piece)
    assert np.broadcast_to(rule.allows(canvas, 72, 0, np.array([48])), (128, 1))[62, 0]
    canvas.write(Note(72, 0, 62, 48))
    assert pitches_open(rule, canvas) == {7, 19, 31, 43, 55}  # every G below it
    canvas.write(Note(96, 0, 55, 96))
    assert rule.measure(canvas).satisfied


def pitches_open(rule, canvas):
    return set(np.flatnonzero(np.broadcast_to(rule.allows(canvas, 96, 0, np.array([96])), (128, 1))[:, 0]).tolist())


def test_kept_notes_choose_the_chord_where_one_holds_them(make_canvas):
    canvas = make_canvas(fixed=(Note(72, 1, 64, 24), Note(72, 2, 60, 24)), lanes=(0, 3))
    rule = parse_constraint("cadence: half in C major", canvas.piece)  # I or vi, not ii7 or V7/V
    assert pitch_classes(rule, canvas, 72, 0) == {0, 4, 7, 9}
    canvas.write(Note(72, 0, 74, 24))
    canvas.write(Note(96, 3, 43, 96))
    assert rule.measure(canvas).measured == "1 of 2 notes in the chords, Bass on G"
