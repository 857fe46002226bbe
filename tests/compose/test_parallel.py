"""Two processes end with the weights of one."""

import itertools
import os
import socket

import pytest
import torch
from torch import distributed, nn
from torch.multiprocessing import spawn

from compose.parallel import is_first, my_share, sum_gradients, weighted
from compose.training import TrainingPlan, train

STEPS = 12


def batch(step):
    generator = torch.Generator().manual_seed(step)
    return [(torch.randn(4, generator=generator), torch.randn(1, generator=generator)) for _ in range(5 + step % 3)]


def mean_loss(model, examples):
    return torch.stack([(model(x) - y).square().mean() for x, y in examples]).mean()


def learn(folder):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    batches = (my_share(batch(step)) for step in itertools.count())
    plan = TrainingPlan(steps=STEPS, learning_rate=1e-2)
    train(model, batches, weighted(mean_loss, len), plan, folder, lambda m: {})
    return model.state_dict()


def rank(number, port, folder):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), RANK=str(number), WORLD_SIZE="2")
    distributed.init_process_group("gloo")
    assert is_first() == (number == 0)
    state = learn(folder / "together")
    torch.save(state, folder / f"{number}.pt")
    distributed.destroy_process_group()


@pytest.mark.timeout(180)
def test_two_processes_learn_what_one_does(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spawn(rank, (port, tmp_path), nprocs=2)
    alone = learn(tmp_path / "alone")
    for number in range(2):
        together = torch.load(tmp_path / f"{number}.pt", weights_only=True)
        for name, value in alone.items():
            torch.testing.assert_close(together[name], value, rtol=1e-5, atol=1e-6)
    assert (tmp_path / "together" / "state.pt").exists()


def test_alone_nothing_changes():
    examples = [1, 2, 3]
    assert my_share(examples) == examples
    assert is_first()
    model = nn.Linear(1, 1)
    sum_gradients(model)
    assert model.weight.grad is None
