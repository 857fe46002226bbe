"""Batches of the general model: pure functions of their number, little padding; training that begins with a trained model."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from compose import train_compose
from compose.measured_model import MeasuredModel, MeasuredModelConfig
from compose.step_scores import StepScore
from compose.train_compose import BLOCK, Source, begin_with, make_block
from compose.vocabulary.measured import LANE
from corpora.errors import RequestError
from corpora.piece import Part

SOURCE = Source((), seed=3, rows=1024)


class FewPieces(train_compose._Pieces):
    def __init__(self, scores):
        self.scores = scores

    def draw(self, rng):
        return self.scores[int(rng.integers(len(self.scores)))]


@pytest.fixture(scope="module")
def block(build_piece):
    rng = np.random.default_rng(8)
    scores = []
    for bars in (6, 12, 30):
        rows = [(24 * onset, 24, int(rng.integers(50, 75)), lane) for lane in range(3) for onset in range(4 * bars)]
        scores.append(StepScore.of(build_piece(rows, (Part("A"), Part("B"), Part("C")))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_compose, "_pieces", lambda stores, split: FewPieces(scores))
        yield make_block(SOURCE, 5)


def test_a_block_is_a_pure_function_of_its_number(block):
    again, other = make_block(SOURCE, 5), make_block(SOURCE, 6)
    assert [len(batch) for batch in again] == [len(batch) for batch in block]
    for ours, theirs in zip(block, again, strict=True):
        for left, right in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(left.rows, right.rows)
            np.testing.assert_array_equal(left.places, right.places)
    assert not np.array_equal(other[0][0].rows, block[0][0].rows)


def test_batches_keep_to_their_bound_and_are_little_padded(block):
    assert len(block) == BLOCK
    padded = [len(batch) * max(len(example.rows) for example in batch) for batch in block]
    assert max(padded) <= SOURCE.rows
    assert sum(len(example.rows) for batch in block for example in batch) > 0.75 * sum(padded)


def test_most_steps_are_asked_for(block):
    examples = [example for batch in block for example in batch]
    asked = sum(len(example.places) for example in examples)
    assert asked > 0.5 * sum(len(example.rows) for example in examples)
    assert all((example.rows[example.places][:, LANE] > 0).any() for example in examples)


def test_training_begins_with_the_weights_of_another_model():
    torch.manual_seed(0)
    config = MeasuredModelConfig.tiny()
    trained, fresh = MeasuredModel(config), MeasuredModel(config)
    begin_with(fresh, trained)
    for name, value in trained.state_dict().items():
        torch.testing.assert_close(fresh.state_dict()[name], value)
    wider = MeasuredModel(replace(config, hidden_dim=48))
    with pytest.raises(RequestError, match=r"cannot begin with that model: expected .* of shape"):
        begin_with(wider, trained)
