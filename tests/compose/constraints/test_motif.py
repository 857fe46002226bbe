"""A figure that must come, from any pitch."""

from fractions import Fraction

import numpy as np
import pytest

from compose.canvas import Note
from compose.constraints import find_conflicts, parse_constraint, parse_constraints, see_others
from compose.constraints.rhythm import OnGrid, WithinRegion
from compose.constraints.texture import Monophonic, NoOverlap
from compose.sampler import RandomScorer, SamplerSettings, write
from compose.writers.anticipation import AnticipationWriter
from compose.writers.compound import CompoundWriter
from compose.writers.measured import MeasuredWriter
from compose.writers.performance import PerformanceWriter
from compose.writers.remi import RemiWriter
from compose.writers.voices import VoicesWriter
from corpora.errors import RequestError

WRITERS = [AnticipationWriter, CompoundWriter, MeasuredWriter, RemiWriter, VoicesWriter]
FIGURE = "motif: C4 q D4 e E4 e F4 h"
CHORD_FIGURE = "motif: E4 q F4 e G4 e A4 q"


def rules_for(canvas, *wishes):
    always = [WithinRegion(), NoOverlap(), OnGrid(6), Monophonic(canvas.region.lanes)]
    return see_others([*always, *parse_constraints(list(wishes), canvas.piece)])


def figures(canvas, lane, intervals, offsets, lengths):
    """Starts of a figure in a lane, found the plain way."""
    notes = sorted(note for note in canvas.written if note.lane == lane)
    out = []
    for index in range(len(notes) - len(offsets) + 1):
        run = notes[index : index + len(offsets)]
        if [(n.onset - run[0].onset, n.duration, n.pitch - run[0].pitch) for n in run] == list(
            zip(offsets, lengths, intervals, strict=True)
        ):
            out.append(run[0].onset)
    return out


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("motif: C4 q D4 e E4 e F4 h", "motif: C4 q D4 e E4 e F4 h"),
        ("motif: c4 q. d e E F h", "motif: C4 q. D4 e E4 e F4 h"),
        ("motif: G4 e r e G4 e Eb w X2", "motif: G4 e r e G4 e Eb4 w x2"),
        ("motif: C4 e3 B3 C4 diatonic x3 in alto", "motif: C4 e3 B3 e3 C4 e3 x3 diatonic in Alto"),
    ],
)
def test_reads_back(make_piece, text, normal):
    piece = make_piece()
    once = parse_constraint(text, piece)
    assert once.text == normal
    assert parse_constraint(once.text, piece) == once


def test_the_figure_by_hand(make_piece):
    rule = parse_constraint("motif: C4 q. r s B s A3 e3", make_piece())
    assert [(n.offset, n.length, n.pitch) for n in rule.figure.notes] == [
        (Fraction(0), Fraction(3, 2), 60),
        (Fraction(7, 4), Fraction(1, 4), 59),
        (Fraction(2), Fraction(1, 3), 57),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("motif: C4 q", "a figure of 1 notes: expected 2 to 32"),
        ("motif: hum", "expected notes with their values or a part and a place"),
        ("motif: Viola 1:1-2:3", "no part is called 'Viola'"),
        ("motif: Alto 1:1-1:4", "Alto has no notes in 1:1-1:4"),
        ("motif: Alto 9", "there is no bar '9'"),
        ("motif: C4 q D4 q x0", "expected x1 to x9"),
        ("motif: C4 q q D4", "'q' stands where a note should"),
    ],
)
def test_what_is_not_understood_is_said_in_one_line(make_piece, text, message):
    with pytest.raises(RequestError, match=message) as error:
        parse_constraint(text, make_piece())
    assert "\n" not in str(error.value)


def test_a_place_of_the_piece_is_its_figure(build_piece):
    piece = build_piece([(12, 12, 60, 0), (24, 24, 64, 0), (24, 24, 55, 0), (96, 96, 60, 0)])
    rule = parse_constraint("motif: Piano 1:1-1:2", piece)
    assert [(n.offset, n.length, n.pitch) for n in rule.figure.notes] == [
        (Fraction(0), Fraction(1, 2), 60),
        (Fraction(1, 2), Fraction(1), 64),
    ]
    assert rule.figure.phase == Fraction(1, 2)
    assert parse_constraint(rule.text, piece) == rule


@pytest.mark.parametrize("writer", WRITERS)
def test_every_writer_writes_it_as_often_as_asked(make_canvas, writer):
    for seed in range(4):
        canvas = make_canvas(lanes=(0, 1))
        rules = rules_for(canvas, f"{FIGURE} x2", "range: C3-C6", "no crossing")
        assert find_conflicts(rules, canvas) is None
        write(writer(canvas, rules), RandomScorer(seed), SamplerSettings(temperature=1.0), seed)
        found = [figures(canvas, lane, (0, 2, 4, 5), (0, 24, 36, 48), (24, 12, 12, 48)) for lane in (0, 1)]
        assert sum(map(len, found)) >= 2
        assert all(rule.measure(canvas).satisfied for rule in rules)


def test_it_stands_where_scale_range_and_kept_notes_leave_room(make_canvas):
    kept = (Note(0, 0, 60, 24), Note(120, 0, 60, 24))
    canvas = make_canvas(fixed=kept, lanes=(0,))
    rules = rules_for(canvas, FIGURE, "scale: C major", "range: E4-C5", "grid: 1/4")
    assert "cannot be met" in str(find_conflicts(rules, canvas))  # eighths are not on a grid of quarters
    rules = rules_for(canvas, "motif: C4 q D4 q Eb4 q", "scale: C major", "range: E4-C5")
    assert find_conflicts(rules, canvas) is None
    rule = rules[4]
    starts = {place.start for place, _ in rule._places(canvas)}
    assert starts == {24, 48}  # between the kept notes
    canvas.write(Note(24, 0, 69, 24))
    assert rule.measure(canvas).measured == "0 times"
    (pitches,) = {tuple(rows[:, 0].tolist()) for _, rows in rule._places(canvas)}
    assert pitches == (69,)  # A B C alone has a tone and a semitone within E4-C5


def test_diatonic_moves_by_steps_of_the_scale(make_canvas):
    canvas = make_canvas(lanes=(0,))
    rules = rules_for(canvas, "motif: C4 q D4 q E4 q diatonic", "scale: C major", "range: D4-G4")
    assert find_conflicts(rules, canvas) is None
    rows = {tuple(row) for _, pitches in rules[4]._places(canvas) for row in pitches.tolist()}
    assert rows == {(62, 64, 65), (64, 65, 67)}
    write(MeasuredWriter(canvas, rules), RandomScorer(0), SamplerSettings(), 0)
    assert all(rule.measure(canvas).satisfied for rule in rules)
    assert "needs a scale beside it" in str(find_conflicts(rules_for(canvas, "motif: C4 q D4 q diatonic"), canvas))


def test_a_plan_that_turns_out_impossible_is_replaced(make_canvas):
    canvas = make_canvas(lanes=(0, 1))
    rules = rules_for(canvas, "motif: C4 q D4 q", "no crossing", "range: C4-D4")
    rule = rules[4]
    first = rule.due(canvas)
    canvas.write(Note(0, 0, 60, 24))
    canvas.write(Note(0, 1, 60, 192))  # the alto lies below: the soprano alone is left
    assert first != rule.due(canvas)
    assert rule.due(canvas)[1] == 0
    assert rule.due(canvas)[0] >= 24


def test_only_the_figure_while_it_lasts(make_canvas):
    canvas = make_canvas(lanes=(0,))
    rules = rules_for(canvas, FIGURE)
    rule = rules[4]
    start, lane = rule.due(canvas)
    assert not rule.onsets(canvas, np.array([start + 6]), lane)[0]
    opened = np.broadcast_to(rule.allows(canvas, start, lane, np.array([12, 24])), (128, 2))
    assert opened[:, 1].sum() == 128 - 5
    assert not opened[:, 0].any()
    canvas.write(Note(start, lane, 70, 24))
    assert rule.due(canvas) == (start + 24, lane)
    assert np.flatnonzero(rule.allows(canvas, start + 24, lane, np.array([12]))[:, 0]).tolist() == [72]
    assert not rule.may_end(canvas)


def test_too_many_for_the_region_is_refused_by_name(make_canvas):
    canvas = make_canvas(lanes=(0,))
    assert f"'{FIGURE} x3' cannot be met" in str(find_conflicts(rules_for(canvas, f"{FIGURE} x3"), canvas))
    assert "does not write the part" in str(find_conflicts(rules_for(canvas, f"{FIGURE} in Alto"), canvas))
    conflict = str(find_conflicts(rules_for(canvas, FIGURE, "range: C4-E4"), canvas))
    assert f"'{FIGURE}' and 'range: C4-E4' cannot be met together: the figure has too few places" in conflict


def test_a_beginning_by_chance_is_no_plan_where_a_contour_is_kept(make_canvas):
    rising, falling = (60, 62, 64), (60, 58, 56)
    removed = [Note(24 * i, lane, line[i], 24) for lane, line in enumerate((falling, rising)) for i in range(3)]
    canvas = make_canvas(removed=tuple(removed), lanes=(0, 1), end=96)
    rules = rules_for(canvas, "motif: C4 q D4 q E4 q", "contour: keep")
    assert find_conflicts(rules, canvas) is None
    for seed in range(4):
        write(MeasuredWriter(canvas, rules), RandomScorer(seed), SamplerSettings(temperature=1.0), seed)
        assert figures(canvas, 1, (0, 2, 4), (0, 24, 48), (24, 24, 24)) == [0]
        canvas.restore([])


PLACES = ((0, 24, 48, 55, 64), (24, 72, 45), (24, 12, 52, 65), (36, 12, 67), (48, 24, 53, 57, 60, 69), (72, 24, 60))
CHORDS = tuple(Note(onset, 0, pitch, duration) for onset, duration, *pitches in PLACES for pitch in pitches)


@pytest.mark.parametrize("writer", [AnticipationWriter, CompoundWriter, MeasuredWriter, PerformanceWriter, RemiWriter])
def test_lower_notes_of_a_kept_rhythm_stand_under_it(make_canvas, writer):
    for seed in range(3):
        canvas = make_canvas(removed=CHORDS, lanes=(0,))
        rules = see_others(
            [WithinRegion(), NoOverlap(), *parse_constraints([f"{CHORD_FIGURE} in Soprano", "rhythm: keep"], canvas.piece)]
        )
        assert find_conflicts(rules, canvas) is None
        write(writer(canvas, rules), RandomScorer(seed), SamplerSettings(temperature=1.0), seed)
        assert all(rule.measure(canvas).satisfied for rule in rules)
        top = {note.onset: note.pitch for note in sorted(canvas.written)}
        assert [top[onset] - top[0] for onset in (0, 24, 36, 48)] == [0, 1, 3, 5]


def test_what_may_come_under_a_figure(make_canvas):
    canvas = make_canvas(removed=CHORDS, lanes=(0,))
    rules = see_others([NoOverlap(), *parse_constraints([CHORD_FIGURE, "rhythm: keep", "range: C4-C5"], canvas.piece)])
    rule = rules[1]
    ((place, rows),) = rule._places(canvas)
    assert place.under == ((24, 24), (72, 12), (), (24, 24, 24))
    assert set(rows[:, 0]) == {62, 63, 64, 65, 66, 67}  # the range leaves room for two under the first note
    durations = np.array([12, 24, 72])
    assert np.argwhere(rule.allows(canvas, 0, 0, durations)).tolist() == [[pitch, 1] for pitch in range(66)]
    canvas.write(Note(0, 0, 60, 24))
    canvas.write(Note(0, 0, 61, 24))
    assert np.flatnonzero(rule.allows(canvas, 0, 0, durations)[:, 1]).tolist() == [62, 63, 64, 65, 66, 67]
    canvas.write(Note(0, 0, 64, 24))
    assert rule.due(canvas) == (24, 0)
    assert np.argwhere(rule.allows(canvas, 24, 0, durations)).tolist() == [
        [pitch, column] for pitch in range(64) for column in (0, 2)
    ]


def test_two_at_once_where_there_is_room_for_no_other_way(make_canvas):
    canvas = make_canvas(lanes=(0, 1), end=96)
    rules = rules_for(canvas, "motif: C4 q C4 q D4 q x2", "end on: Soprano D5")
    assert find_conflicts(rules, canvas) is None
    for seed in range(4):
        write(MeasuredWriter(canvas, rules), RandomScorer(seed), SamplerSettings(temperature=1.0), seed)
        assert all(rule.measure(canvas).satisfied for rule in rules)
        canvas.restore([])


def test_no_note_spoils_what_has_come(make_canvas):
    canvas = make_canvas(lanes=(0,))
    rule, *_ = see_others(parse_constraints(["motif: C4 q D4 h"], canvas.piece))
    canvas.write(Note(0, 0, 60, 24))
    canvas.write(Note(24, 0, 62, 48))
    assert rule.onsets(canvas, np.array([24, 48, 72]), 0).tolist() == [False, False, True]
    canvas.write(Note(96, 0, 60, 24))
    canvas.write(Note(120, 0, 62, 48))  # once more than asked for
    assert rule.onsets(canvas, np.array([144]), 0).all()


def test_a_shorter_note_is_no_beginning_but_where_it_may_grow(make_canvas):
    canvas = make_canvas(lanes=(0,))
    rule, *_ = see_others(parse_constraints(["motif: C4 q D4 q"], canvas.piece))
    canvas.write(Note(0, 0, 60, 12))
    assert rule.due(canvas) != (24, 0)
    canvas.come_to(12)
    assert rule.due(canvas) == (24, 0)
    canvas.come_to(18)
    assert rule.due(canvas) != (24, 0)


@pytest.mark.parametrize("times", ["rhythm: keep", "density: 0-2 per beat"])
def test_a_contour_with_many_turns_comes_to_it(make_canvas, times):
    line = (60, 62, 59, 64, 62, 61, 65, 66)
    canvas = make_canvas(removed=tuple(Note(24 * i, 0, pitch, 24) for i, pitch in enumerate(line)), lanes=(0,))
    rules = rules_for(canvas, "contour: up down up down up", "motif: E4 q D4 q Db4 q F4 q", times)
    assert find_conflicts(rules, canvas) is None
    for seed in range(4):
        write(MeasuredWriter(canvas, rules), RandomScorer(seed), SamplerSettings(temperature=1.0), seed)
        assert all(rule.measure(canvas).satisfied for rule in rules)
        canvas.restore([])
