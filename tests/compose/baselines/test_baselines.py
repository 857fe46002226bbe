"""Baselines: the same decisions as the measured model, probabilities that sum to one, causality, learning."""

import numpy as np
import pytest
import torch

from compose.baselines.data import flat_batches, plain_examples, plain_streams, stack_streams
from compose.baselines.flat_stream import FIELD_OF, FIELD_START, NUM_IDS, FlatStream, field_ranges, flatten, transposed
from compose.baselines.networks import NeuralProbabilisticLM, RecurrentLM, flat_nats
from compose.baselines.ngram import NGram
from compose.step_scores import StepScore
from compose.vocabulary.measured import LANE
from corpora.piece import Part


@pytest.fixture(scope="module")
def score(build_piece):
    rng = np.random.default_rng(5)
    rows = [(onset, 24, int(rng.integers(55, 70)), lane) for lane in range(2) for onset in range(0, 96 * 12, 24)]
    return StepScore.of(build_piece(rows, (Part("A"), Part("B"))))


@pytest.fixture(scope="module")
def streams(score):
    return [flatten(example) for example in plain_examples(score, rows=60)]


def test_windows_ask_for_every_note_once(score):
    examples = plain_examples(score, rows=60)
    asked = sum(int((example.rows[example.places][:, LANE] > 0).sum()) for example in examples)
    assert asked == len(score.notes)
    assert len(examples) > 1


def test_scored_ids_are_the_decisions_of_the_example(score):
    for example in plain_examples(score, rows=60):
        stream = flatten(example)
        notes = int((example.rows[example.places][:, LANE] > 0).sum())
        assert stream.notes == notes
        assert stream.scored.sum() == 4 * notes + (len(example.places) - notes)


@pytest.mark.parametrize("rows", [60, 200, 10_000])
def test_the_quick_way_gives_the_same_streams(score, rows):
    quick, slow = plain_streams(score, rows), [flatten(example) for example in plain_examples(score, rows=rows)]
    assert len(quick) == len(slow)
    for ours, theirs in zip(quick, slow, strict=True):
        np.testing.assert_array_equal(ours.ids, theirs.ids)
        np.testing.assert_array_equal(ours.scored, theirs.scored)
        assert ours.notes == theirs.notes


def test_transposing_back_is_the_same(streams):
    for stream in streams:
        np.testing.assert_array_equal(transposed(transposed(stream.ids, 5), -5), stream.ids)


def test_ngram_probabilities_sum_to_one(streams):
    model = NGram(streams, order=4)
    ids = streams[0].ids[:40].copy()
    first, last = field_ranges()[FIELD_OF[ids[-1]]]
    scored = np.zeros(len(ids), dtype=np.bool_)
    scored[-1] = True
    total = 0.0
    for token in range(first, last):
        ids[-1] = token
        total += float(np.exp(-model.nats([FlatStream(ids, scored, 1)])[0][0]))
    assert total == pytest.approx(1.0, abs=1e-9)


def test_witten_bell_by_hand():
    pitch = int(FIELD_START[2])
    a, b = pitch + 60, pitch + 62
    stream = FlatStream(np.array([a, b, a, b, a], dtype=np.int16), np.ones(5, dtype=np.bool_), 5)
    model = NGram([stream], order=1)
    uniform = 1 / (FIELD_START[3] - FIELD_START[2])
    # a thrice and b twice: of kind 2; after a comes b twice: of kind 1
    zero = (2 + 2 * uniform) / (5 + 2)
    assert np.exp(-model.nats([stream])[0][1]) == pytest.approx((2 + 1 * zero) / (2 + 1))


def test_a_longer_context_knows_training_music_better(streams):
    nats = [NGram(streams, order).nats(streams[:1])[0].mean() for order in (0, 2, 8)]
    assert nats[0] > nats[1] > nats[2]


@pytest.mark.parametrize("model", [NeuralProbabilisticLM(8, 8, 16), RecurrentLM(8, 16, 2, 0.0)], ids=["nplm", "lstm"])
class TestNetworks:
    def test_the_future_is_not_seen(self, model, streams):
        ids, _ = stack_streams(streams[:1])
        changed = ids.clone()
        changed[:, 30:] = ids[:, 30:].roll(1)
        with torch.no_grad():
            torch.testing.assert_close(model(ids)[:, :31], model(changed)[:, :31])

    def test_it_learns(self, model, streams):
        torch.manual_seed(0)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        batches = flat_batches(streams, 4, 64)
        losses = []
        for _ in range(25):
            ids, scored = next(batches)
            loss = flat_nats(model(ids), ids, scored).sum() / scored.sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:3])

    def test_nats_are_those_of_the_field(self, model, streams):
        ids, scored = stack_streams(streams[:1])
        logits = torch.zeros(1, ids.shape[1], NUM_IDS)
        sizes = torch.tensor([last - first for first, last in field_ranges()])[torch.from_numpy(FIELD_OF)[ids]]
        torch.testing.assert_close(flat_nats(logits, ids, scored), scored * sizes.float().log())
