"""Windows of training are of the grammar, the same for the same round; a run leaves a model that is better than none."""

import math

import numpy as np
import pytest

import compose.runs
from compose.flat_layouts import LAYOUTS
from compose.flat_model import FlatModel, FlatModelConfig
from compose.models import FlatComposer, load_model
from compose.runs import run_flat
from compose.train_flat import ROUND, FlatSource, as_batch, make_windows, train_flat
from compose.training import TrainingPlan
from compose.vocabulary.anticipation_grammar import AnticipationGrammar
from compose.vocabulary.arrival import ANTICIPATE, AUTOREGRESS, CONTROL_OFFSET, SEPARATOR
from compose.vocabulary.arrival_windows import CONTEXT_SIZE
from corpora.errors import RequestError


def test_windows_of_a_round():
    source = FlatSource((), seed=3, batch=1)
    found = make_windows(source, 2, "valid")
    assert found.shape == (ROUND, CONTEXT_SIZE)
    np.testing.assert_array_equal(found, make_windows(source, 2, "valid"))
    assert (found != make_windows(source, 3, "valid")).any()
    for window in found:
        AnticipationGrammar().push_all(window)
    controls = ((found[:, 1:] >= CONTROL_OFFSET) & (found[:, 1:] < SEPARATOR)).any(axis=1)
    assert set(found[:, 0].tolist()) == {AUTOREGRESS, ANTICIPATE}
    assert controls[found[:, 0] == ANTICIPATE].any()


def test_plain_rounds_hold_no_controls():
    found = make_windows(FlatSource((), seed=3, batch=1, plain_share=1.0), 0, "valid")
    assert (found[:, 0] == AUTOREGRESS).all()
    assert ((found < CONTROL_OFFSET) | (found >= SEPARATOR)).all()


def test_a_short_run(tmp_path):
    plan = TrainingPlan(steps=3, learning_rate=1e-2, averaging=0.0)
    model, figures = train_flat(tmp_path, (), plan, FlatModelConfig.tiny("anticipation"), batch=1)
    assert figures["nats_per_note"] < sum(map(math.log, model.layout.fields))  # of guessing
    assert figures["nats_per_note"] == pytest.approx(sum(figures[name] for name in model.layout.names), abs=1e-3)


@pytest.mark.parametrize("vocabulary", sorted(LAYOUTS))
def test_a_run_ends_with_a_checkpoint_that_writes(tmp_path, monkeypatch, vocabulary):
    def train(folder, stores, plan, config, seed):
        folder.mkdir()
        return FlatModel(FlatModelConfig.tiny(config.vocabulary)), {"nats_per_note": 9.5}

    monkeypatch.setattr(compose.runs, "train_flat", train)
    report = run_flat(tmp_path / "run", [], 2.5, vocabulary=vocabulary, seed=3)
    composer = load_model(report["model"])
    assert isinstance(composer, FlatComposer)
    assert composer.model.config.vocabulary == vocabulary
    card = (tmp_path / "run" / "model" / "README.md").read_text(encoding="utf-8")
    assert f"partimento train flat --vocabulary {vocabulary} --minutes 2.5 --seed 3" in card
    assert "| nats per note | 9.5 |" in card


@pytest.mark.parametrize("vocabulary", ["performance", "remi"])
def test_windows_of_the_other_vocabularies(vocabulary):
    found = make_windows(FlatSource((), seed=3, batch=1, vocabulary=vocabulary), 0, "valid")
    assert found.shape == (ROUND, CONTEXT_SIZE)
    inputs, targets = as_batch(LAYOUTS[vocabulary], list(found))
    assert LAYOUTS[vocabulary].is_note(targets).sum() > ROUND * CONTEXT_SIZE / 8
    assert inputs.max() < LAYOUTS[vocabulary].columns[0]


def test_refusals(tmp_path):
    with pytest.raises(RequestError, match="vocabulary 'voices' has no flat model: expected one of anticipation"):
        run_flat(tmp_path, [], 1.0, vocabulary="voices")
    with pytest.raises(ValueError, match=r"vocabulary must be one of anticipation.*, got 'neumes'"):
        FlatModelConfig(vocabulary="neumes")
