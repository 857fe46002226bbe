"""Two processes under torchrun end with the losses and weights of one, and one goes on with what two have begun."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from compose.parallel import is_first, join, my_share, weighted
from corpora.errors import RequestError, ToolError

ROOT = Path(__file__).parents[2]
SCRIPT = """
import contextlib, itertools, os, sys
from pathlib import Path
import torch
from torch import distributed, nn
from compose import training
from compose.music_transformer import MusicTransformer, MusicTransformerConfig
from compose.parallel import my_share, weighted
from compose.training import TrainingPlan, train

training.REPORT_EVERY_S = 0.0
STEPS = 4

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.stack = MusicTransformer(MusicTransformerConfig.tiny())
        self.head = nn.Linear(32, 1)

    def nats(self, x):
        return {"all": self.head(self.stack(x))}

def batch(step):
    generator = torch.Generator().manual_seed(step)
    return [(torch.randn(7, 32, generator=generator), torch.randn(1, generator=generator)) for _ in range(3 + step % 3)]

def loss(model, examples):
    x, y = (torch.stack(column) for column in zip(*examples, strict=True))
    return (model.nats(x)["all"] - y[:, None]).square().mean()

@torch.no_grad()
def evaluate(model):
    return {"loss": float(loss(model, batch(1000)))}

def learn(folder, strategy, first=0, last=None):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = Model()
    batches = (my_share(batch(step)) for step in itertools.islice(itertools.count(first), last))
    plan = TrainingPlan(steps=STEPS, learning_rate=1e-2, evaluate_every_s=0.0, save_every_s=0.0, strategy=strategy)
    with contextlib.suppress(StopIteration):  # a run that is broken off has no more batches
        train(model, batches, weighted(loss, len), plan, folder, evaluate)
    torch.save(model.state_dict(), folder / f"done-{distributed.get_rank() if distributed.is_initialized() else 0}.pt")

def in_a_process_of_its_own(folder, strategy, last, port):
    # forked, so that all imports are done once; with a port, the store where the two meet is not torchrun's
    child = os.fork()
    if not child:
        if int(port):
            os.environ.update(MASTER_PORT=port, TORCHELASTIC_USE_AGENT_STORE="False")
        learn(Path(folder), strategy, last=int(last) or None)
        distributed.destroy_process_group()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

if __name__ == "__main__":
    for run in sys.argv[1:]:
        if in_a_process_of_its_own(*run.split(",")):
            sys.exit(1)
"""


def free_port():
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return one.getsockname()[1]


def weights_of(path):
    """The weights that a run left, without the biases of keys: no softmax knows of them, and Adam makes steps of their rounding."""
    weights = torch.load(path, weights_only=True)
    for name in [name for name in weights if name.endswith("attention.project_in.bias")]:
        query, _, value = weights[name].chunk(3)
        weights[name] = torch.cat([query, value])
    return weights


@pytest.mark.skipif(importlib.util.find_spec("lightning_fabric") is None, reason="needs lightning-fabric")
@pytest.mark.timeout(600)
def test_two_processes_learn_what_one_does(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    runs = (("ddp", "ddp", 0, 0), ("fsdp", "fsdp", 0, free_port()), ("broken", "fsdp", 2, free_port()))
    told = [",".join(map(str, (tmp_path / name, *rest))) for name, *rest in runs]
    command = [*launch, str(tmp_path / "script.py"), *told]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    namespace = {"__name__": "script"}
    exec(SCRIPT, namespace)
    namespace["learn"](tmp_path / "alone", "")
    alone = [json.loads(line) for line in (tmp_path / "alone" / "curve.jsonl").read_text().splitlines()]
    assert sum("train" in line for line in alone) == sum("loss" in line for line in alone) == namespace["STEPS"]
    weights = weights_of(tmp_path / "alone" / "done-0.pt")
    for strategy in ("ddp", "fsdp"):
        curve = [json.loads(line) for line in (tmp_path / strategy / "curve.jsonl").read_text().splitlines()]
        for mine, other in zip(curve, alone, strict=True):
            assert {**mine, "seconds": 0} == pytest.approx({**other, "seconds": 0}, rel=1e-4)
        for number in range(2):
            together = weights_of(tmp_path / strategy / f"done-{number}.pt")
            assert together.keys() == weights.keys()
            for name, value in weights.items():
                torch.testing.assert_close(together[name], value, rtol=1e-4, atol=1e-5)
    namespace["learn"](tmp_path / "broken", "", first=2)
    gone_on = weights_of(tmp_path / "broken" / "done-0.pt")
    for name, value in weights.items():
        torch.testing.assert_close(gone_on[name], value, rtol=1e-4, atol=1e-5)


def test_alone_nothing_changes():
    examples = [1, 2, 3]
    assert my_share(examples) == examples
    assert is_first()
    model = torch.nn.Linear(1, 1)
    assert join().set_up(model) is model
    value = torch.tensor(2.0)
    assert weighted(lambda model, batch: value, len)(model, examples) is value


def test_strategies_say_what_they_need(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with pytest.raises(RequestError, match="strategy 'tpu' is not known: expected one of ddp, fsdp"):
        join("tpu")
    with pytest.raises(RequestError, match="strategy 'fsdp' is for several processes: start them by torchrun"):
        join("fsdp")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr("compose.parallel.find_spec", lambda name: None)
    with pytest.raises(ToolError, match="needs lightning-fabric: pip install"):
        join()
