"""Muon: orthogonal updates of a known size, weights that decay, and the split between it and AdamW."""

import math

import pytest
import torch
from torch import distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

from compose.measured_model import MeasuredModel, MeasuredModelConfig
from compose.muon import ADAM_RMS, Muon, orthogonalised
from compose.training import TrainingPlan, optimizers_of


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 8, 40), (2, 40, 8)])
def test_singular_values_come_near_one(shape):
    values = torch.linalg.svdvals(orthogonalised(torch.randn(shape, generator=torch.Generator().manual_seed(1))))
    assert values.min() > 0.5
    assert values.max() < 1.3


def test_directions_stay_those_of_the_matrix():
    matrix = torch.randn(1, 6, 9, generator=torch.Generator().manual_seed(2))
    left, _, right = torch.linalg.svd(matrix[0], full_matrices=False)
    inner = left.T @ orthogonalised(matrix)[0] @ right.T  # diagonal in the singular vectors of the matrix itself
    torch.testing.assert_close(inner, torch.diag(inner.diagonal()), atol=1e-3, rtol=0)
    assert (inner.diagonal() > 0).all()


@pytest.mark.parametrize("shape", [(24, 24), (12, 48)])
def test_a_step_is_as_long_as_one_of_adamw(shape):
    weight = nn.Parameter(torch.zeros(shape))
    weight.grad = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    Muon([weight], lr=0.01).step()
    rms = float(weight.detach().square().mean().sqrt())
    assert math.isclose(rms, 0.01 * ADAM_RMS, rel_tol=0.25)


def test_weights_decay_by_the_rate():
    weight = nn.Parameter(torch.eye(4))
    weight.grad = torch.zeros(4, 4)
    Muon([weight], lr=0.1, weight_decay=0.5).step()
    torch.testing.assert_close(weight.detach(), 0.95 * torch.eye(4))


def test_matrices_of_one_shape_go_as_they_would_alone():
    generator = torch.Generator().manual_seed(4)
    starts, gradients = torch.randn(3, 5, 7, generator=generator), torch.randn(3, 5, 7, generator=generator)
    together = [nn.Parameter(start.clone()) for start in starts]
    alone = [nn.Parameter(start.clone()) for start in starts]
    for group in (together, *([parameter] for parameter in alone)):
        optimizer = Muon(group, lr=0.1)
        for _ in range(2):
            for parameter, gradient in zip(group, gradients if len(group) > 1 else [gradients[0]], strict=True):
                parameter.grad = gradient.clone()
            optimizer.step()
    torch.testing.assert_close(together[0], alone[0])


def test_matrices_that_processes_share_take_the_same_step():
    weight, gradient = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(5)).unbind()
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        mesh = init_device_mesh("cpu", (1,))
        shared, alone = nn.Parameter(distribute_tensor(weight.clone(), mesh, [Shard(0)])), nn.Parameter(weight.clone())
        shared.grad, alone.grad = distribute_tensor(gradient, mesh, [Shard(0)]), gradient
        for parameter in (shared, alone):
            Muon([parameter], lr=0.1).step()
        torch.testing.assert_close(shared.detach().full_tensor(), alone.detach())
    finally:
        distributed.destroy_process_group()


def test_vectors_are_refused():
    with pytest.raises(ValueError, match=r"takes matrices, got a parameter of shape \(3,\)"):
        Muon([nn.Parameter(torch.zeros(3))])


def test_inner_layers_go_by_muon_and_everything_goes_once():
    model = MeasuredModel(MeasuredModelConfig.tiny())
    adam, muon = optimizers_of(model, TrainingPlan(steps=1, muon=True))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    ours, theirs = ([names[id(p)] for group in o.param_groups for p in group["params"]] for o in (muon, adam))
    assert sorted(ours + theirs) == sorted(names.values())
    assert all(name.endswith("weight") and "head" not in name and "fields" not in name for name in ours)
    assert "transformer.blocks.0.attention.project_in.weight" in ours
    assert {"pitch_head.relative.weight", "transformer.blocks.0.attention.table", "fields.0.weight"} <= set(theirs)
    assert len(optimizers_of(model, TrainingPlan(steps=1))) == 1
