"""Examples: the question asked is the one answered, transposing commutes with making, batches hold what went in."""

from dataclasses import replace

import numpy as np
import pytest

from compose.canvas import NUM_PITCHES
from compose.measured_examples import Question, ask, collate, make_example, piece_notes, transpose
from compose.situation import MOMENT_BITS, NOTE_BITS, NOTE_NUMBERS, NUM_REFERENCES, ONSET_BITS
from compose.vocabulary.bars import chunks
from compose.vocabulary.measured import Measured
from compose.vocabulary.measured_fields import BAR, CHUNK_STEPS, CONTROL, END
from corpora.piece import KEY_DTYPE, Part


@pytest.fixture(scope="module")
def piece(build_piece):
    rng = np.random.default_rng(8)
    rows = [
        (onset, int(rng.choice([12, 24])), int(rng.integers(50, 75)), lane) for lane in range(3) for onset in range(0, 1152, 24)
    ]
    return build_piece(rows, (Part("A"), Part("B"), Part("C")), keys=((0, 1, 1), (384, -3, 1)))


def example_of(piece, question):
    return make_example(piece.parts, chunks(piece), piece_notes(piece), question)


def moved(piece, semitones):
    notes = piece.notes.copy()
    notes["pitch"] += semitones
    keys = np.zeros(len(piece.keys), dtype=KEY_DTYPE)
    keys[:] = piece.keys
    keys["fifths"] = (piece.keys["fifths"] + 7 * semitones + 5) % 12 - 5
    return type(piece)(notes, piece.divs_per_quarter, piece.parts, piece.measures, piece.tempos, keys)


@pytest.mark.parametrize("semitones", [-6, -1, 1, 5])
def test_transposing_an_example_is_the_example_of_the_transposed_piece(piece, semitones):
    question = Question((0, 2), 3, 7)
    ours, theirs = transpose(example_of(piece, question), semitones), example_of(moved(piece, semitones), question)
    for name in ("rows", "places", "moment", "onset", "rolls", "numbers"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)


@pytest.mark.parametrize(("lanes", "first", "last"), [((1,), 0, 12), ((0, 2), 3, 7), ((0, 1, 2), 10, 12)])
def test_decisions_are_the_hidden_notes_and_the_bar_lines_behind_them(piece, lanes, first, last):
    example = example_of(piece, Question(lanes, first, last))
    bars = chunks(piece)
    end = bars[last - 1].start + bars[last - 1].length
    heads = example.rows[example.places, 0]
    hidden = [n for n in piece_notes(piece) if n.lane in lanes and bars[first].start <= n.onset < end and n.end <= end]
    assert (heads < CHUNK_STEPS).sum() == len(hidden)
    assert (heads >= CHUNK_STEPS).sum() == last - first  # a line after each hidden bar
    assert set(heads[heads >= CHUNK_STEPS].tolist()) <= {BAR, END}
    assert (heads[-1] == END) == (last == len(bars))
    answered = example.rows[example.places][heads < CHUNK_STEPS]
    assert [(int(r[1]) - 1, int(r[2]) - 1) for r in answered] == [(n.lane, n.pitch) for n in hidden]


def test_all_notes_of_the_window_are_in_the_stream_once(piece):
    example = example_of(piece, Question((1,), 0, 12))
    decoded = Measured().decode(example.rows.astype(np.int64))
    assert [(int(n["onset_div"]), int(n["part"]), int(n["pitch"])) for n in decoded.notes] == [n[:3] for n in piece_notes(piece)]


def test_batches_hold_what_went_in(piece):
    examples = [example_of(piece, Question((1,), 0, 12)), example_of(piece, Question((0, 2), 3, 5))]
    rows, decisions = collate(examples)
    count = sum(len(example.places) for example in examples)
    assert rows.shape == (2, max(len(e.rows) for e in examples), 11)
    shapes = {"moment": MOMENT_BITS, "onset": ONSET_BITS, "rolls": NOTE_BITS, "numbers": NOTE_NUMBERS, "targets": 11}
    for name, width in shapes.items():
        assert getattr(decisions, name).shape == (count, width)
    start = 0
    for index, example in enumerate(examples):
        span = slice(start, start := start + len(example.places))
        assert (decisions.stream[span] == index).all()
        np.testing.assert_array_equal(decisions.place[span], example.places)
        np.testing.assert_array_equal(rows[index, : len(example.rows)], example.rows)
        assert not rows[index, len(example.rows) :].any()
        np.testing.assert_array_equal(np.packbits(decisions.rolls[span].numpy().astype(np.uint8), axis=1), example.rolls)


def test_nothing_hidden_is_no_example(piece):
    assert make_example(piece.parts, chunks(piece), [n for n in piece_notes(piece) if n.lane != 1], Question((1,), 2, 4)) is None


def test_random_questions_stay_in_the_piece(rng):
    for _ in range(300):
        question = ask(4, 12, rng)
        assert 0 <= question.first < question.last <= 12
        assert question.lanes == tuple(sorted(set(question.lanes)))
        assert set(question.lanes) <= set(range(4))
        assert len(question.lanes) >= 1


def test_transposing_keeps_every_number_inside_its_table(piece):
    high = moved(piece, 127 - int(piece.notes["pitch"].max()))
    for semitones in (-5, 0):
        example = transpose(example_of(high, Question((0, 2), 3, 7)), semitones)
        assert example.numbers.min() >= 0
        assert example.numbers[:, : NUM_REFERENCES + 1].max() <= NUM_PITCHES


def test_a_history_that_is_asked_for_is_asked_as_plain_continuation(piece):
    """Up to where the first control shows, its decisions are those of plain continuation; those of the region stay as they were."""
    asked = Question((0, 2), 6, 9, opening=0, ask_history=True)
    both, region = example_of(piece, asked), example_of(piece, replace(asked, ask_history=False))
    plain = example_of(piece, Question((0, 1, 2), 0, 12))
    np.testing.assert_array_equal(both.rows, region.rows)
    np.testing.assert_array_equal(both.places[-len(region.places) :], region.places)
    first_control = int(np.flatnonzero(both.rows[:, 0] == CONTROL)[0])
    early = int((both.places < first_control).sum())
    assert early > 40
    for name in ("places", "onset", "rolls", "numbers"):
        ours = getattr(both, name)
        np.testing.assert_array_equal(ours[-len(region.places) :], getattr(region, name), err_msg=name)
        skipped = int((plain.places == both.places[0]).argmax())
        np.testing.assert_array_equal(ours[:early], getattr(plain, name)[skipped : skipped + early], err_msg=name)
    bars = chunks(piece)
    heads = both.rows[both.places, 0]
    before = [note for note in piece_notes(piece) if note.onset < bars[6].start]
    hidden = [n for n in piece_notes(piece) if n.lane in (0, 2) and bars[6].start <= n.onset and n.end <= bars[9].start]
    assert (heads < CHUNK_STEPS).sum() == len(before) + len(hidden)
    assert (heads >= CHUNK_STEPS).sum() == 9  # a line after each bar but the first, and behind the region
