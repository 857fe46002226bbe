"""The writer of ``performance``: lengths are planned in its own ids, offs come when they are due, answers can be taken back."""

import numpy as np
import pytest

from compose.constraints import parse_constraint
from compose.request import always_on
from compose.sampler import RandomScorer, SamplerSettings, write
from compose.vocabulary.base import Meaning
from compose.vocabulary.performance import NOTE_ON, TIME_SHIFT
from compose.writers.performance import PerformanceWriter

SHIFT = TIME_SHIFT - 1  # plus ticks of 10 ms


@pytest.fixture
def open_writer(build_piece, open_canvas):
    """A writer on the second bar of two (2 s each), a kept note in the first, one lane."""

    def open_it(*wishes):
        piece = build_piece([(0, 24, 60, 0), (0, 24, 64, 0), (96, 96, 67, 0)])  # a quarter is half a second
        canvas = open_canvas(piece, (0,), 1, 2)
        return PerformanceWriter(canvas, (*always_on(canvas, canvas.ticks_per_div), *(parse_constraint(w, piece) for w in wishes)))

    return open_it


def answers(slot):
    return np.flatnonzero(slot.mask).tolist()


def test_a_length_is_spelt_in_shifts_and_an_off(open_writer):
    writer = open_writer("grid: 1/2", "pitches: C")
    assert writer.clock == 200
    writer.push(NOTE_ON + 60)
    assert writer.slot().meaning is Meaning.DURATION
    assert answers(writer.slot()) == [SHIFT + 100]  # a half or a whole note: a second, or two
    writer.push(SHIFT + 100)
    assert answers(writer.slot()) == [128 + 60, SHIFT + 100]
    writer.push(SHIFT + 100)
    assert answers(writer.slot()) == [128 + 60]
    writer.push(128 + 60)
    ((onset, lane, pitch, duration, _),) = writer.canvas.written
    assert (onset, lane, pitch, duration) == (96, 0, 60, 96)


def test_time_stops_where_an_off_is_owed(open_writer):
    writer = open_writer("grid: 1/16", "pitches: C E")
    for token in (NOTE_ON + 60, SHIFT + 50):
        writer.push(token)
    shifts = [token - SHIFT for token in answers(writer.slot()) if token > SHIFT]
    assert shifts == [12, 25, 38, 50]  # sixteenths of 12.5 ticks, no farther than the note's end; onsets round half to even
    writer.push(SHIFT + 25)  # to a place between, which is for a note
    assert all(token < 128 for token in answers(writer.slot()))
    writer.push(NOTE_ON + 64)
    assert answers(writer.slot())[0] == SHIFT + 13


def test_leaving_is_a_shift_that_reaches_the_end(open_writer):
    writer = open_writer("grid: 1/2", "pitches: C")
    for token in (SHIFT + 100, NOTE_ON + 60, SHIFT + 100, 128 + 60):
        writer.push(token)
    assert [token for token in answers(writer.slot()) if token > SHIFT] == [SHIFT + 100]
    writer.push(SHIFT + 100)
    assert writer.slot() is None


def test_lanes_are_asked_for_where_several_may_play(chorales, open_canvas):
    canvas = open_canvas(chorales[0], (1, 2), 4, 5)
    rules = always_on(canvas, canvas.ticks_per_div)
    writer = PerformanceWriter(canvas, rules)
    writer.push(NOTE_ON + 60)
    writer.push(answers(writer.slot())[0])
    assert writer.slot().meaning is Meaning.LANE
    assert answers(writer.slot()) == [1, 2]
    writer.push(2)
    assert writer.canvas.written[0].lane == 2
    assert NOTE_ON not in answers(writer.slot())  # the tenor is last of the two at this place, and sings already


def test_every_answer_can_be_taken_back(chorales, open_canvas):
    canvas = open_canvas(chorales[1], (0, 1, 2, 3), 3, 5)
    writer = PerformanceWriter(canvas, always_on(canvas, canvas.ticks_per_div))
    masks, pushed = [], []
    scorer = RandomScorer(1)
    while (slot := writer.slot()) is not None and len(pushed) < 60:
        masks.append(slot.mask.copy())
        token = next(t for t in np.argsort(-scorer.logits(slot)).tolist() if slot.mask[t] and writer.admits(t))
        writer.push(token)
        pushed.append(token)
    rng = np.random.default_rng(2)
    for back in sorted(rng.choice(len(pushed), size=12, replace=False).tolist(), reverse=True):
        writer.rewind(back)
        np.testing.assert_array_equal(writer.slot().mask, masks[back])


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_notes_are_on_the_grid_and_hold_the_wishes(chorales, open_canvas, temperature):
    for seed, piece in enumerate(chorales):
        canvas = open_canvas(piece, (1, 3), 2, 5)
        rules = (*always_on(canvas, canvas.ticks_per_div), parse_constraint("rhythm: keep", piece))
        write(PerformanceWriter(canvas, rules), RandomScorer(seed), SamplerSettings(temperature=temperature), seed)
        assert all(rule.measure(canvas).satisfied for rule in rules)
        assert len(canvas.written) == sum(note.duration > 0 for note in canvas.removed)
