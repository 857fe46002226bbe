"""Questions of every kind: answered as asked, within their bounds, the same for the same seed."""

import numpy as np
import pytest

from compose.measured_examples import Question, make_example
from compose.questions import draw_example, draw_question
from compose.step_scores import StepScore
from compose.stream import UNKNOWN, Stream, pitch_hint, rhythm_hint
from compose.vocabulary.measured import DURATION, LANE, NEXT, PITCH, PLACE
from compose.vocabulary.measured_fields import CHUNK_STEPS, CONTROL
from corpora.piece import Part


@pytest.fixture(scope="module")
def score(build_piece):
    rng = np.random.default_rng(8)
    rows = [
        (onset, int(rng.choice([12, 24, 60])), int(rng.integers(50, 75)), lane)
        for lane in range(3)
        for onset in range(0, 96 * 24, 24)
    ]
    return StepScore.of(build_piece(rows, (Part("A"), Part("B"), Part("C"))))


def test_the_window_is_the_notes_that_start_in_it(score):
    window = score.window(100, 300)
    assert window == sorted(window)
    assert len(window) == score.count(100, 300) == 3 * len(range(120, 300, 24))


def test_questions_keep_to_their_bound_and_repeat(score):
    for seed in range(60):
        example = draw_example(score, 150, np.random.default_rng(seed))
        again = draw_example(score, 150, np.random.default_rng(seed))
        np.testing.assert_array_equal(example.rows, again.rows)
        assert len(example.rows) <= 150 * 5 // 4
        assert len(example.places) > 0


def test_plain_questions_have_no_controls(score):
    for seed in range(20):
        example = draw_example(score, 150, np.random.default_rng(seed), plain_share=1.0)
        # only what sounds on beyond the window is known
        assert (example.rows[:, NEXT] == CONTROL).sum() <= 8  # of three lanes


def test_rhythm_hints_tell_no_pitch_and_pitch_hints_no_place(score):
    notes = score.window(0, 96 * 4)
    for told, empty in ((rhythm_hint, [PITCH]), (pitch_hint, [DURATION, PLACE])):
        hints = tuple(told(note) for note in notes if note.lane == 1)
        example = make_example(score.parts, score.bars[:5], notes, Question((1,), 0, 4, hints=hints))
        controls = example.rows[(example.rows[:, NEXT] == CONTROL) & (example.rows[:, LANE] == 2)]
        assert len(controls) == len(hints)
        assert not controls[:, empty].any()
        assert (example.rows[example.places, NEXT] < CHUNK_STEPS).sum() == len(
            [note for note in notes if note.lane == 1 and note.end <= 96 * 4]
        )


def test_given_notes_are_controls_and_not_asked_for(score):
    notes = score.window(0, 96 * 4)
    given = frozenset(note for note in notes if note.lane == 1 and note.onset % 48 == 0)
    example = make_example(score.parts, score.bars[:5], notes, Question((1,), 0, 4, given=given))
    answered = example.rows[example.places]
    answered = answered[answered[:, NEXT] < CHUNK_STEPS]
    hidden = [note for note in notes if note.lane == 1 and note not in given and note.end <= 96 * 4]
    assert (answered[:, PITCH] - 1).tolist() == [note.pitch for note in hidden]


def test_a_stream_with_hints_rewinds_to_where_it_was(score):
    notes = score.window(0, 96 * 4)
    hints = [rhythm_hint(note) for note in notes if note.lane == 1]
    stream = Stream(score.parts, score.bars[:6], [*hints, *(n for n in notes if n.lane == 0)], (1,))
    stream.push_bar()
    before, mark = [stream.situation.moment(stream.now), len(stream.rows)], stream.mark()
    assert stream.situation.moment(stream.now)[:96].any()  # onsets are known, pitches are not
    assert all(note.pitch == UNKNOWN for note in hints)
    stream.push_bar()
    stream.rewind(mark)
    np.testing.assert_array_equal(stream.situation.moment(stream.now), before[0])
    assert len(stream.rows) == before[1]


def test_alone_asks_for_the_same_notes_and_shows_nothing_else(score):
    for seed in range(40):
        asked = draw_question(score, 150, np.random.default_rng(seed), plain_share=0.0)
        known, alone = asked.example(), asked.alone().example()
        if known is None:
            continue
        answers = [example.rows[example.places] for example in (known, alone)]
        notes = [[row[[LANE, PITCH]].tolist() for row in rows if row[NEXT] < CHUNK_STEPS] for rows in answers]
        assert notes[0] == notes[1]
        assert not (alone.rows[:, NEXT] == CONTROL).any()
