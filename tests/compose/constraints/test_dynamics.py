"""How loud new notes are."""

import numpy as np
import pytest

from compose.canvas import Note
from compose.constraints import find_conflicts, parse_constraint, parse_constraints, see_others
from compose.constraints.rhythm import WithinRegion
from compose.sampler import RandomScorer, SamplerSettings, write
from compose.writers.anticipation import AnticipationWriter
from compose.writers.compound import CompoundWriter
from compose.writers.measured import MeasuredWriter
from compose.writers.remi import RemiWriter
from compose.writers.voices import VoicesWriter
from corpora.errors import RequestError


@pytest.mark.parametrize("text", ["dynamics: p", "dynamics: mp-f", "dynamics: Alto p-mf, 40-90", "dynamics: Bass 64"])
def test_reads_back(make_piece, text):
    piece = make_piece()
    once = parse_constraint(text, piece)
    assert once.text == text
    assert parse_constraint(once.text, piece) == once


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dynamics: loud", "'loud' is not understood"),
        ("dynamics: f-p", "f is louder than p"),
        ("dynamics: 0-20", "0 is no velocity"),
        ("dynamics: 200", "200 is no velocity"),
        ("dynamics: p, f", "given twice"),
        ("dynamics: p (prefer)", "no choice of the model's"),
    ],
)
def test_what_is_not_understood_is_said_in_one_line(make_piece, text, message):
    with pytest.raises(RequestError, match=message) as error:
        parse_constraint(text, make_piece())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("writer", [AnticipationWriter, CompoundWriter, MeasuredWriter, RemiWriter, VoicesWriter])
def test_every_writer_obeys(make_canvas, writer):
    kept = (Note(168, 0, 72, 24, velocity=75), Note(168, 1, 64, 24, velocity=90), Note(168, 2, 60, 24, velocity=30))
    canvas = make_canvas(fixed=kept, end=96)
    rules = see_others(
        [WithinRegion(), *parse_constraints(["dynamics: Soprano mp-f, p-mf", "density: 1-2 per beat"], canvas.piece)]
    )
    assert find_conflicts(rules, canvas) is None
    write(writer(canvas, rules), RandomScorer(1), SamplerSettings(), 1)
    loudness = {lane: {note.velocity for note in canvas.written if note.lane == lane} for lane in range(4)}
    assert loudness == {0: {75}, 1: {80}, 2: {49}, 3: {80}}  # as loud as what is there, moved into the range
    assert all(rule.measure(canvas).satisfied for rule in rules)


def test_measures_the_velocities(make_canvas):
    canvas = make_canvas()
    rule = parse_constraint("dynamics: p-mp", canvas.piece)
    canvas.write(Note(0, 0, 60, 24, velocity=50))
    canvas.write(Note(24, 0, 60, 24, velocity=100))
    found = rule.measure(canvas)
    assert not found.satisfied
    assert found.measured == "1 of 2 notes as loud as asked, velocities 50 to 100"


def test_a_score_says_that_it_holds_none(read_chorale, open_canvas):
    piece = read_chorale("bwv66.6")
    canvas = open_canvas(piece.rescaled(int(np.lcm(piece.divs_per_quarter, 24))), (1,), 2, 3)
    assert "a MusicXML file does not hold them" in parse_constraint("dynamics: f", canvas.piece).measure(canvas).measured


def test_softer_and_louder_at_once_is_refused(make_canvas):
    canvas = make_canvas(lanes=(0, 1))
    rules = parse_constraints(["dynamics: p", "dynamics: Alto f", "scale: C major"], canvas.piece)
    assert "'dynamics: p' and 'dynamics: Alto f' cannot be met together: no velocity is left for Alto" in str(
        find_conflicts(rules, canvas)
    )
    assert "writes none of these parts" in str(find_conflicts(parse_constraints("dynamics: Bass f", canvas.piece), canvas))
