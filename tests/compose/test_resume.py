"""A run that is killed goes on as if it had not been: the same steps, the same weights."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

STEPS = 120
ROOT = Path(__file__).parents[2]
TRAINER = """
import itertools, sys
from pathlib import Path
import torch
from torch import nn
from compose.training import TrainingPlan, train

folder = Path(sys.argv[1])
torch.set_num_threads(1)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(32, 64), nn.Dropout(0.2), nn.Tanh(), nn.Linear(64, 1))
first = torch.load(folder / "state.pt", weights_only=True)["step"] if (folder / "state.pt").exists() else 0

def batches():
    for step in itertools.count(first):
        x = torch.randn(16, 32, generator=torch.Generator().manual_seed(step))
        yield x, x[:, :1] * x[:, 1:2]

def loss(model, batch):
    if len(sys.argv) > 2:
        import time
        time.sleep(0.01)
    return ((model(batch[0]) - batch[1]) ** 2).mean()

plan = TrainingPlan(steps=%d, learning_rate=1e-2, save_every_s=0.05, evaluate_every_s=1e9)
train(model, batches(), loss, plan, folder, lambda m: {})
torch.save(model.state_dict(), folder / "done.pt")
"""


def start(folder, slowly):
    code = TRAINER % STEPS
    arguments = [sys.executable, "-c", code, str(folder), *(["slowly"] if slowly else [])]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(arguments, env=environment, stderr=subprocess.DEVNULL)


def killed_run(folder, kills, seed):
    """Kill the trainer at random until it was killed so often; then let it end. Gives how often a state was there to go on from."""
    rng = random.Random(seed)
    going_on = 0
    for _ in range(kills):
        process = start(folder, slowly=True)
        before = (folder / "state.pt").stat().st_mtime_ns if (folder / "state.pt").exists() else 0
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if (folder / "state.pt").exists() and (folder / "state.pt").stat().st_mtime_ns != before:
                break
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.08))
        going_on += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert start(folder, slowly=False).wait() == 0
    return going_on


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.timeout(600)
def test_killed_runs_end_with_the_same_weights(kills, tmp_path):
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    straight.mkdir()
    killed.mkdir()
    assert start(straight, slowly=False).wait() == 0
    assert killed_run(killed, kills, seed=kills) >= min(kills, 2)
    left, right = (torch.load(folder / "done.pt", weights_only=True) for folder in (straight, killed))
    for name in left:
        torch.testing.assert_close(left[name], right[name], rtol=0, atol=0)
