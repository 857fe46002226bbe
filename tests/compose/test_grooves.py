"""Drum parts: in time with any bars, drums and nothing else, the same for the same seed, with the others and silent with them."""

import time

import numpy as np
import pytest

from compose import train_compose
from compose.groove_styles import FILLS, KIT, STYLES
from compose.grooves import DRUM_PART, GrooveBar, add_drums, groove
from compose.measured_examples import make_example
from compose.questions import Question, draw_question
from compose.step_scores import StepScore
from compose.train_compose import Source, make_block
from compose.vocabulary.bars import chunks
from compose.vocabulary.measured import LANE, NEXT, PITCH, PROGRAM, Measured
from compose.vocabulary.measured_fields import CHUNK_STEPS, DRUMS
from corpora.general_midi import FIRST_DRUM, LAST_DRUM
from corpora.piece import Part

KICKS, CRASHES = set(KIT["kick"]), set(KIT["crash"])
NOBODY = np.zeros((0, 5), dtype=np.int32)
METERS = (
    [(b, 4) for b in range(1, 13)] + [(b, 8) for b in range(1, 16)] + [(2, 2), (3, 2), (4, 2), (3, 16), (7, 16), (24, 4), (0, 4)]
)


def bars_of(beats, beat_type, count=24):
    length = beats * 96 // beat_type or 84
    return [GrooveBar(index * length, length, beats, beat_type) for index in range(count)]


def eighths(bars, lanes=(72, 40)):
    """Everyone plays eighths."""
    end = bars[-1].start + bars[-1].length
    rows = [(onset, lane, pitch, 12, 80) for onset in range(0, end, 12) for lane, pitch in enumerate(lanes)]
    return np.array(rows, dtype=np.int32)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_styles_fill_their_bars_with_known_strokes(style):
    for beats, cells in style.cells.items():
        for line, text in ((line, text.replace(" ", "")) for cell in cells for line, text in cell.items()):
            assert line in KIT
            assert len(text) == beats * style.slots, (beats, line)
            assert set(text) <= set("Xxor?.")
    assert style.slots in FILLS
    if style.family == "odd":
        assert set(style.cells) == {2, 3}
        assert {len(cells) for cells in style.cells.values()} == {3}  # first, inner and last group


def test_the_kit_is_general_midi():
    assert all(FIRST_DRUM <= key <= LAST_DRUM for keys in KIT.values() for key in keys)


@pytest.mark.parametrize(("beats", "beat_type"), METERS)
def test_every_meter_gets_a_part_on_its_bars(beats, beat_type):
    bars = bars_of(beats, beat_type)
    end = bars[-1].start + bars[-1].length
    for seed in range(12):
        part = groove(bars, 110.0, eighths(bars), np.random.default_rng(seed))
        onset, pitch, duration, velocity = part.T
        assert len(part) >= 12
        assert (onset >= 0).all()
        assert (onset + duration <= end).all()
        assert (duration > 0).all()
        assert (pitch >= FIRST_DRUM).all()
        assert (pitch <= LAST_DRUM).all()
        assert (velocity >= 1).all()
        assert (velocity <= 127).all()
        assert len({(int(o), int(p)) for o, p in part[:, :2]}) == len(part)  # no drum twice at once
        order = np.lexsort((pitch, onset))
        np.testing.assert_array_equal(order, np.arange(len(part)))
        for place in np.unique(onset):
            assert len(set(duration[onset == place].tolist())) == 1  # one voice
        gaps = np.diff(np.unique(onset))
        firsts = np.unique(onset, return_index=True)[1]
        assert (duration[firsts][:-1] <= gaps).all()


def test_a_part_is_a_function_of_its_arguments():
    bars = bars_of(4, 4)
    first, again, other = (groove(bars, 100.0, eighths(bars), np.random.default_rng(seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()


def test_most_styles_come_and_phrases_vary():
    bars = bars_of(4, 4, 16)
    parts = [groove(bars, tempo, eighths(bars), np.random.default_rng(seed)) for seed in range(60) for tempo in (60.0, 120.0)]
    assert len({frozenset(part[:, 1].tolist()) for part in parts}) > 30  # kits
    contents = [{tuple(part[part[:, 0] // 96 == bar, 0] % 96) for bar in range(16)} for part in parts]
    assert np.mean([len(bars) for bars in contents]) > 3
    crashed = [part[np.isin(part[:, 1], list(CRASHES)), 0] for part in parts]
    places = np.concatenate(crashed)
    assert len(places) > 60
    assert (places % 96 == 0).mean() > 0.7  # on the first beat, after fills


def test_triplets_bring_a_style_of_triplets():
    bars = bars_of(4, 4, 16)
    rows = np.array([(onset, 0, 60, 8, 80) for onset in range(0, 16 * 96, 8)], dtype=np.int32)
    shares = {}
    for name, notes in (("triplets", rows), ("eighths", eighths(bars))):
        parts = [groove(bars, 110.0, notes, np.random.default_rng(seed)) for seed in range(80)]
        shares[name] = np.mean([np.isin(part[:, 0] % 24, (8, 16)).any() for part in parts])
    assert shares["triplets"] > shares["eighths"] + 0.3


def test_the_kick_goes_with_the_bass():
    bars = bars_of(4, 4, 32)
    bass = np.array([(bar.start + place, 1, 40, 12, 80) for bar in bars for place in (0, 36, 60, 84)], dtype=np.int32)
    with_bass = without = 0
    for seed in range(40):
        part = groove(bars, 100.0, bass, np.random.default_rng(seed))
        kicks = part[np.isin(part[:, 1], list(KICKS)), 0] % 96
        with_bass += np.isin(kicks, (36, 60, 84)).sum()
        part = groove(bars, 100.0, NOBODY, np.random.default_rng(seed))
        without += np.isin(part[np.isin(part[:, 1], list(KICKS)), 0] % 96, (36, 60, 84)).sum()
    assert with_bass > 1.3 * without


def test_pickups_and_bars_that_wait_are_silent_and_the_end_is_the_others_end():
    bars = [GrooveBar(0, 24, 4, 4), *(GrooveBar(24 + 96 * index, 96, 4, 4) for index in range(12))]
    notes = np.array([(onset, 0, 60, 12, 80) for onset in range(0, 24 + 96 * 11 + 48, 12)], dtype=np.int32)
    for seed in range(30):
        part = groove(bars, 100.0, notes, np.random.default_rng(seed))
        assert part[0, 0] >= 24
        assert part[-1, 0] <= notes[-1, 0]
    waits = notes[(notes[:, 0] < 24 + 96 * 4) | (notes[:, 0] >= 24 + 96 * 6)]
    silent = 0
    for seed in range(30):
        part = groove(bars, 100.0, waits, np.random.default_rng(seed))
        silent += not ((part[:, 0] >= 24 + 96 * 4) & (part[:, 0] < 24 + 96 * 6)).any()
    assert 8 < silent < 30


@pytest.fixture(scope="module")
def score(build_piece):
    rng = np.random.default_rng(2)
    rows = [(onset, 24, int(rng.integers(40, 80)), lane) for lane in range(2) for onset in range(0, 96 * 16, 24)]
    return build_piece(rows, (Part("A", program=40), Part("B", program=42)), keys=((0, 2, 1), (96 * 8 + 48, -1, 1)))


def test_a_score_with_drums_is_the_score_and_a_last_lane(score):
    before = StepScore.of(score)
    after = add_drums(before, np.random.default_rng(1))
    assert after.parts == (*before.parts, DRUM_PART)
    assert after.has_drums
    assert not before.has_drums
    np.testing.assert_array_equal(after.notes[after.pitched], before.notes)
    np.testing.assert_array_equal(after.notes, after.notes[np.lexsort(after.notes.T[3::-1])])
    assert (after.notes[~after.pitched, 1] == 2).all()
    assert len(after.notes) > len(before.notes)


def test_streams_with_drums_read_back(score):
    drummed = add_drums(StepScore.of(score), np.random.default_rng(1))
    window = drummed.window(0, 96 * 8)
    example = make_example(drummed.parts, drummed.bars[:10], window, Question((2,), 0, 8))
    piece = Measured().decode(example.rows.astype(np.int64))
    assert [part.is_drum for part in piece.parts] == [False, False, True]
    rows = [(int(n["onset_div"]), int(n["part"]), int(n["pitch"]), int(n["duration_div"])) for n in piece.notes]
    assert rows == [note[:4] for note in window]
    answered = example.rows[example.places]
    answered = answered[answered[:, NEXT] < CHUNK_STEPS]
    assert (answered[:, LANE] == 3).all()
    assert len(answered) > 20


def test_a_transposed_score_is_the_score_of_the_transposed_piece_and_keeps_its_drums(score):
    drummed = add_drums(StepScore.of(score), np.random.default_rng(1))
    higher = drummed.transposed(3)
    notes, keys = score.notes.copy(), score.keys.copy()
    notes["pitch"] += 3
    keys["fifths"] = (score.keys["fifths"] + 21 + 5) % 12 - 5
    expected = type(score)(notes, 24, score.parts, score.measures, score.tempos, keys)
    np.testing.assert_array_equal(higher.notes[higher.pitched], StepScore.of(expected).notes)
    assert higher.bars == chunks(expected)
    np.testing.assert_array_equal(higher.notes[~higher.pitched], drummed.notes[~drummed.pitched])
    assert drummed.transposed(0).bars == drummed.bars


def test_drums_are_asked_for_alone_often(score):
    drummed = add_drums(StepScore.of(score), np.random.default_rng(1))
    asked = []
    for seed in range(150):
        drawn = draw_question(drummed, 200, np.random.default_rng(seed), plain_share=0.2)
        asked.append({drawn.score.parts[lane].is_drum for lane in drawn.question.lanes})
    assert 0.3 < np.mean([drums == {True} for drums in asked]) < 0.7
    assert np.mean([drums == {False} for drums in asked]) > 0.1


def test_batches_hear_drums_that_are_never_transposed(monkeypatch, score):
    plain = StepScore.of(score)

    class OnePiece(train_compose._Pieces):
        def __init__(self):
            pass

        def draw(self, rng):
            return plain

    monkeypatch.setattr(train_compose, "_pieces", lambda stores, split: OnePiece())
    source = Source((), seed=4, rows=1024)
    batches = [batch for number in range(2) for batch in make_block(source, number)]
    examples = [example for batch in batches for example in batch]
    with_drums = [e for e in examples if (e.rows[:, PROGRAM] == 1 + DRUMS).any()]
    assert 0.04 < len(with_drums) / len(examples) < 0.25
    lowest, highest = int(plain.notes[:, 2].min()), int(plain.notes[:, 2].max())
    shifts = set()
    for example in with_drums:
        drum = {int(row[LANE]) for row in example.rows if row[PROGRAM] == 1 + DRUMS}
        notes = example.rows[example.rows[:, PITCH] > 0]
        mine = np.isin(notes[:, LANE], list(drum))
        known = {key for keys in KIT.values() for key in keys}
        assert set((notes[mine, PITCH] - 1).tolist()) <= known
        others = notes[~mine, PITCH] - 1
        if len(others):
            shifts.add(int(others.min()) - lowest)
            assert others.min() >= lowest - 5
            assert others.max() <= highest + 6
    assert len(shifts) > 3


def test_a_window_is_made_in_no_time():
    bars = bars_of(4, 4, 32)
    notes = eighths(bars)
    for seed in range(30):
        groove(bars, 110.0, notes, np.random.default_rng(seed))
    started = time.process_time()
    for seed in range(30):
        groove(bars, 110.0, notes, np.random.default_rng(seed))
    assert (time.process_time() - started) / 30 < 0.01
