"""One place chooses the device; weights, averages, batches, autocast and validation are all there.

The device of these tests is torch's "meta", which no tensor comes to by itself.
"""

import contextlib
import itertools
from dataclasses import fields

import pytest
import torch
from torch import nn

import compose.parallel
from compose.devices import best_device, device_of, moved
from compose.measured_model import Decisions, MeasuredModel, MeasuredModelConfig
from compose.train_chorale import validate
from compose.training import AveragedWeights, TrainingPlan, train
from compose.vocabulary.measured import LANE

META = torch.device("meta")


def batch():
    targets = torch.zeros(2, 11, dtype=torch.long)
    targets[:, LANE] = 1
    columns = {field.name: torch.zeros(2, 3) for field in fields(Decisions)}
    return torch.zeros(1, 4, 11, dtype=torch.long), Decisions(**{**columns, "targets": targets})


def devices(batch):
    return {batch[0].device, *(getattr(batch[1], field.name).device for field in fields(Decisions))}


def test_the_best_device_is_cuda_when_there_is_one(monkeypatch):
    for there, kind in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert best_device().type == kind


def test_batches_move_whole():
    given = batch()
    assert devices(moved(given, META)) == {META}
    assert devices(given) == {torch.device("cpu")}
    assert moved([3, "words"], META) == [3, "words"]


class Reached(Exception):
    """The test has seen all that it wanted."""


def test_training_happens_where_one_place_says(monkeypatch, tmp_path):
    seen = {}

    def autocast(kind, dtype, enabled):
        seen["autocast"] = (kind, dtype, enabled)
        return contextlib.nullcontext()

    def averages(model, decay):
        seen["averages"] = averaged = AveragedWeights(model, decay)
        return averaged

    def loss(model, batch):
        seen["weights"], seen["batch"] = device_of(model), devices(batch)
        return torch.zeros((), requires_grad=True)

    def evaluate(model):
        seen["validation"] = device_of(model)
        raise Reached

    monkeypatch.setattr(compose.parallel, "best_device", lambda: META)
    monkeypatch.setattr(torch, "autocast", autocast)
    monkeypatch.setattr("compose.training.AveragedWeights", averages)
    monkeypatch.setattr("compose.training.fast_bfloat16", lambda device: device == META)
    with pytest.raises(Reached):
        train(nn.Linear(2, 2), itertools.repeat(batch()), loss, TrainingPlan(steps=1, bfloat16=True), tmp_path, evaluate)
    assert seen["weights"] == seen["validation"] == META
    assert seen["batch"] == {META}
    assert seen["autocast"] == ("meta", torch.bfloat16, True)
    assert {value.device for value in seen["averages"].values.values()} == {META}


def test_validation_follows_the_model():
    class Model(MeasuredModel):
        def nats(self, rows, decisions):
            raise Reached(devices((rows, decisions)))

    with pytest.raises(Reached) as reached:
        validate(Model(MeasuredModelConfig.tiny()).to(META), [batch()])
    assert reached.value.args == ({META},)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_run_on_a_gpu_ends_with_weights_on_the_processor(tmp_path):
    model = nn.Linear(2, 2)
    steps = itertools.repeat(torch.ones(3, 2))
    plan = TrainingPlan(steps=3, bfloat16=True, evaluate_every_s=0.0, save_every_s=0.0)
    figures = train(
        model, steps, lambda m, x: m(x).square().mean(), plan, tmp_path, lambda m: {"on": float(device_of(m).type == "cuda")}
    )
    assert figures == {"on": 1.0}
    assert device_of(model).type == "cpu"
    assert torch.load(tmp_path / "state.pt", weights_only=True)["model"]["weight"].device.type == "cuda"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_compiled_training_learns_as_plain_training_does(tmp_path):
    given = torch.randn(64, 4, generator=torch.Generator().manual_seed(1))
    losses = {}
    for compiled in (False, True):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
        plan = TrainingPlan(steps=50, learning_rate=1e-2, weight_decay=0.0, compiled=compiled)
        seen = losses[compiled] = []

        def loss(called, rows, seen=seen):
            value = (called(rows) - rows.sum(1, keepdim=True)).square().mean()
            seen.append(float(value))
            return value

        train(model, itertools.repeat(given), loss, plan, tmp_path / str(compiled), lambda trained: {})
    assert losses[True] == pytest.approx(losses[False], rel=1e-3, abs=1e-4)
    assert losses[True][-1] < 0.5 * losses[True][0]
