"""Soft wishes: prices instead of bans."""

import numpy as np
import pytest

from compose.canvas import Note
from compose.constraints import parse_constraint, parse_constraints, see_others
from compose.constraints.rhythm import WithinRegion
from compose.constraints.soft import Soft
from compose.constraints.texture import Monophonic
from compose.sampler import RandomScorer, SamplerSettings, write
from compose.writers.anticipation import AnticipationWriter
from compose.writers.measured import MeasuredWriter
from corpora.errors import RequestError


@pytest.mark.parametrize(
    "text", ["scale: G major (prefer)", "grid: 1/8 (weight 1.5)", "no parallels (prefer)", "range: Alto G3-E5 (weight 4)"]
)
def test_soft_wishes_read_back(make_piece, text):
    piece = make_piece()
    once = parse_constraint(text, piece)
    assert isinstance(once, Soft)
    assert once.text == text
    assert parse_constraint(once.text, piece) == once


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scale: G major (weight 0)", "above 0"),
        ("scale: G major (weight 99)", "at most 50"),
        ("scale: G major (prefer) (prefer)", "one weight"),
        ("scale: H major (prefer)", "not a scale"),
    ],
)
def test_what_is_no_preference_is_refused(make_piece, text, message):
    with pytest.raises(RequestError, match=message):
        parse_constraint(text, make_piece())


def share_in_scale(make_canvas, wish, seeds=range(12)):
    good = total = 0
    for seed in seeds:
        canvas = make_canvas(lanes=(0,))
        rules = see_others([WithinRegion(), Monophonic((0,)), *parse_constraints(wish, canvas.piece)])
        write(MeasuredWriter(canvas, rules), RandomScorer(seed, 0.5), SamplerSettings(temperature=1.0, top_p=1.0), seed)
        good += sum(note.pitch % 12 in {7, 9, 11, 0, 2, 4, 6} for note in canvas.written)
        total += len(canvas.written)
    return good / max(total, 1), total


def test_a_higher_weight_is_met_more_often(make_canvas):
    free, total = share_in_scale(make_canvas, [])
    light, _ = share_in_scale(make_canvas, ["scale: G major (weight 1)"])
    heavy, _ = share_in_scale(make_canvas, ["scale: G major (weight 6)"])
    assert total > 30
    assert free < light < heavy
    assert heavy > 0.95


def test_a_preference_never_stands_in_the_way(make_canvas):
    canvas = make_canvas(removed=(Note(0, 0, 61, 24),), lanes=(0,), end=24)
    rules = see_others(
        [WithinRegion(), *parse_constraints(["pitches: C#", "scale: C major (weight 40)", "rhythm: keep"], canvas.piece)]
    )
    write(MeasuredWriter(canvas, rules), RandomScorer(0), SamplerSettings(), 0)
    assert {note.pitch % 12 for note in canvas.written} == {1}
    found = rules[2].measure(canvas)
    assert found.satisfied
    assert "not everywhere" in found.measured


def test_other_vocabularies_say_that_they_cannot(make_canvas):
    canvas = make_canvas(lanes=(0,))
    with pytest.raises(RequestError, match="measured vocabulary"):
        AnticipationWriter(canvas, parse_constraints(["scale: C major (prefer)"], canvas.piece))


def test_prices_shift_the_rhythm_too(make_canvas):
    canvas = make_canvas(lanes=(0,))
    wish = parse_constraint("grid: 1/4 (weight 5)", canvas.piece)
    assert wish.onset_prices(canvas, np.array([0, 6, 24]), 0).tolist() == [0.0, 5.0, 0.0]
    assert wish.prices(canvas, 0, 0, np.array([6, 24])).tolist() == [[5.0, 0.0]]
