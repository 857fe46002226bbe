"""Contours that rise, fall and turn."""

import numpy as np
import pytest

from compose.canvas import Note
from compose.constraints import find_conflicts, parse_constraint, parse_constraints, see_others
from compose.constraints.line_reach import DOWN, UP, advance, draw_back, draw_on
from compose.constraints.rhythm import WithinRegion
from compose.constraints.texture import Monophonic, NoOverlap
from compose.sampler import RandomScorer, SamplerSettings, write
from compose.writers.measured import MeasuredWriter
from corpora.errors import RequestError


def rules_for(canvas, *wishes, single=(0,)):
    return see_others([WithinRegion(), Monophonic(single), *parse_constraints(list(wishes), canvas.piece)])


def contour_of(rules):
    return next(rule for rule in rules if rule.text.startswith("contour"))


def pitches(rules, canvas, onset, duration=24, lane=0):
    """Pitches that all leave open to a note of this duration."""
    allowed = np.ones((128, 1), dtype=np.bool_)
    for rule in rules:
        allowed &= rule.allows(canvas, onset, lane, np.array([duration]))
    return set(np.flatnonzero(allowed[:, 0]).tolist())


@pytest.mark.parametrize("text", ["contour: up", "contour: down up", "contour: Soprano up, Bass down", "contour: up down up"])
def test_reads_back(make_piece, text):
    piece = make_piece()
    once = parse_constraint(text.replace("Soprano", "soprano").replace("up", "UP"), piece)
    assert once.text == text
    assert parse_constraint(once.text, piece) == once


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("contour: Soprano", "'Soprano' is not understood"),
        ("contour: up up", "'up up' goes on as before"),
        ("contour: Viola up", "no part is called 'Viola'"),
        ("contour: up, down", "a value for all parts is given twice"),
    ],
)
def test_what_is_not_understood_is_said_in_one_line(make_piece, text, message):
    with pytest.raises(RequestError, match=message) as error:
        parse_constraint(text, make_piece())
    assert "\n" not in str(error.value)


def test_the_ways_come_in_their_order():
    assert advance((UP, DOWN), 0, UP) == 1
    assert advance((UP, DOWN), 0, DOWN) is None
    assert advance((UP, DOWN), 1, UP) == 1
    assert advance((UP, DOWN), 1, DOWN) == 2
    assert advance((UP, DOWN), 2, UP) is None
    assert advance((UP, DOWN), 2, 0) == 2


def test_leaves_room_to_rise(make_canvas):
    canvas = make_canvas(end=96, lanes=(0,))
    rules = rules_for(canvas, "contour: up", "range: C4-E4", "grid: 1/4")
    rule = contour_of(rules)
    assert pitches(rules, canvas, 0) == {60, 61, 62, 63}  # not the top, from which nothing rises
    assert pitches(rules, canvas, 72) == set()  # nor the last place
    canvas.write(Note(0, 0, 62, 24))
    assert pitches(rules, canvas, 24) == {62, 63, 64}
    assert pitches(rules, canvas, 72) == {63, 64}
    assert rule.due(canvas) == (72, 0)
    assert not rule.may_end(canvas)
    canvas.write(Note(72, 0, 64, 24))
    assert rule.may_end(canvas)
    assert rule.measure(canvas).measured == "Soprano goes up"


def test_turns_in_time_with_the_rhythm_kept(make_canvas):
    removed = tuple(Note(24 * i, 0, 60, 24) for i in range(4))
    canvas = make_canvas(removed=removed, lanes=(0,), end=96)
    rules = rules_for(canvas, "contour: up down", "rhythm: keep", "pitches: C", "range: C4-C6")
    assert pitches(rules, canvas, 0) == {60, 72}
    canvas.write(Note(0, 0, 60, 24))
    canvas.write(Note(24, 0, 60, 24))
    assert pitches(rules, canvas, 48) == {72, 84}
    canvas.write(Note(48, 0, 84, 24))
    assert pitches(rules, canvas, 72) == {60, 72}


def test_a_chord_has_its_highest_note_in_the_line(make_canvas):
    canvas = make_canvas(lanes=(0,))
    rules = rules_for(canvas, "contour: up", "range: C4-C5", single=())
    rule = contour_of(rules)
    canvas.write(Note(0, 0, 67, 24))
    assert {60, 66, 67, 72} <= pitches(rules, canvas, 24)
    canvas.write(Note(24, 0, 60, 24))
    assert rule.due(canvas) == (24, 0)
    assert not rule.onsets(canvas, np.array([48]), 0)[0]
    canvas.write(Note(24, 0, 69, 24))
    assert rule.due(canvas) is None
    assert rule.measure(canvas).satisfied


def test_what_cannot_be_drawn_is_refused_by_name(make_canvas):
    canvas = make_canvas(lanes=(0,))
    conflict = find_conflicts(rules_for(canvas, "contour: up", "pitches: C", "range: C4-E4"), canvas)
    assert "'contour: up' cannot be met: the places and pitches open to Soprano are too few" in str(conflict)
    conflict = find_conflicts(rules_for(canvas, "contour: Alto up"), canvas)
    assert "does not write the part" in str(conflict)


def test_measures_without_the_mask(make_canvas):
    canvas = make_canvas(lanes=(0,))
    rule = parse_constraint("contour: down", canvas.piece)
    for onset, pitch in ((0, 70), (24, 70), (48, 65), (72, 66)):
        canvas.write(Note(onset, 0, pitch, 24))
    found = rule.measure(canvas)
    assert not found.satisfied
    assert found.measured == "Soprano goes down up"


@pytest.mark.parametrize("wishes", [("pitches: E F F# G", "range: E4-G4"), ("density: 0-1 per beat",)])
def test_many_turns_of_a_part_that_may_hold_its_notes(make_canvas, wishes):
    canvas = make_canvas(lanes=(0,))
    always = [WithinRegion(), NoOverlap()]
    rules = see_others([*always, *parse_constraints(["contour: up down up down up down up", *wishes], canvas.piece)])
    assert find_conflicts(rules, canvas) is None
    for seed in range(6):
        write(MeasuredWriter(canvas, rules), RandomScorer(seed), SamplerSettings(temperature=1.0), seed)
        assert all(rule.measure(canvas).satisfied for rule in rules)
        canvas.restore([])


def test_a_figure_comes_where_the_shape_can_be_drawn_round_it(make_canvas):
    line = tuple(Note(24 * i, 0, 60, 24) for i in range(6))
    canvas = make_canvas(removed=line, lanes=(0,), end=144)
    rule = contour_of(rules_for(canvas, "contour: up down up down", "rhythm: keep"))
    rising = np.array([[pitch, pitch + 1] for pitch in range(127)])
    spans = [(24 * i, 24 * i + 48) for i in range(5)]
    # Six notes, five moves: any but the last two, at 96, rises in some such line.
    assert [rule.follows(canvas, 0, span, rising, (-1, -1)).any() for span in spans] == [True, True, True, True, False]
    leads = rule.leads(canvas, 0, 0, np.array([24]), (48, 96), np.array([[70, 71]]))
    assert np.flatnonzero(leads[:, 0]).tolist() == list(range(127))  # it rises first
    canvas.write(Note(0, 0, 60, 24))
    canvas.write(Note(24, 0, 65, 24))
    found = rule.follows(canvas, 0, (48, 96), rising, (24, 0))
    assert np.flatnonzero(found).tolist() == list(range(65))  # down, then up: the fourth note is the last but two
    assert rule.due_before(canvas, 0, (48, 96), rising[found]) is None


def by_hand(ways, opened, must):
    """Where a line can stand at the end, by every way to take or leave the places."""
    states = {None}
    for pitches in opened:
        following = set() if must else set(states)
        for state in states:
            for pitch in pitches:
                after = 0 if state is None else advance(ways, state[0], int(np.sign(pitch - state[1])))
                if after is not None:
                    following.add((after, pitch))
        states = following
    return states


@pytest.mark.parametrize("must", [True, False])
def test_drawing_on_and_back_agree_with_every_way(must):
    rng = np.random.default_rng(0)
    for _ in range(30):
        ways = (UP, DOWN, UP)[: int(rng.integers(1, 4))]
        opened = [set(rng.choice(6, size=int(rng.integers(1, 4)), replace=False).tolist()) for _ in range(int(rng.integers(1, 5)))]
        table = np.array([np.isin(np.arange(128), sorted(pitches)) for pitches in opened])
        at, unbegun = draw_on(ways, table, must, np.zeros((len(ways) + 1, 128), dtype=np.bool_), True)
        states = by_hand(ways, opened, must)
        assert {(state, pitch) for state, pitch in np.argwhere(at).tolist()} == states - {None}
        assert unbegun == (None in states)
        last = np.zeros_like(at)
        last[-1] = True
        _, begin = draw_back(ways, table, must, (last, False))
        assert begin[0] == any(state is not None and state[0] == len(ways) for state in states)
