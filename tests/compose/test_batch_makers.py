"""Batches do not depend on who makes them, and a killed run of the general model ends as one that was not."""

import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pytest
import torch

from compose import ordered_blocks, train_compose
from compose.train_compose import BLOCK, Source

ROOT = Path(__file__).parents[2]
MEASURE = "<measure number='{0}'>{1}{2}</measure>"
NOTE = "<note><pitch><step>{0}</step><octave>{1}</octave></pitch><duration>1</duration></note>"
SCORE = (
    "<?xml version='1.0'?><score-partwise version='4.0'><part-list><score-part id='P1'><part-name>Viola</part-name></score-part>"
    "</part-list><part id='P1'>{0}</part></score-partwise>"
)
HEAD = "<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
TRAINER = """
import sys
from pathlib import Path
import torch
from compose import train_compose
from compose.measured_model import MeasuredModelConfig
from compose.training import TrainingPlan

if __name__ == "__main__":
    torch.set_num_threads(1)
    train_compose.validation_batches = lambda stores: []
    train_compose.validate = lambda model, held_out: {}
    folder, store, workers = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    plan = TrainingPlan(steps=10, save_every_s=0.0)
    model, _ = train_compose.train_compose(folder, [store], plan, config=MeasuredModelConfig.tiny(), rows=384, workers=workers)
    torch.save(model.state_dict(), folder / "done.pt")
"""


@pytest.mark.parametrize("workers", [1, 3])
def test_batches_come_in_order_whatever_makes_them(workers, monkeypatch):
    asked = []

    def pool(count, mp_context, initializer):
        asked.append(count)
        return ThreadPoolExecutor(count)

    def make(source, number):
        time.sleep(0.002 * (number % 3))  # the later are ready first
        return [[source.seed + BLOCK * number + place] for place in range(BLOCK)]

    monkeypatch.setattr(ordered_blocks, "ProcessPoolExecutor", pool)
    monkeypatch.setattr(train_compose, "make_block", make)
    monkeypatch.setattr(train_compose, "collate", lambda examples: examples)
    made = list(islice(train_compose._batches(Source(("store",), seed=100), 7, workers), 40))
    assert made == [[107 + step] for step in range(40)]
    assert asked == [workers]


@pytest.fixture
def store(tmp_path):
    """A store of one score of 40 bars that wanders."""
    from corpora.datasets.note_store import build_store

    rng = random.Random(0)
    bars = (
        MEASURE.format(
            bar + 1, "" if bar else HEAD, "".join(NOTE.format(rng.choice("CDEFGAB"), rng.choice("34")) for _ in range(4))
        )
        for bar in range(40)
    )
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores" / "work 0.musicxml").write_text(SCORE.format("".join(bars)))  # by its name for training
    build_store(tmp_path / "store", [], folders=[tmp_path / "scores"])
    return tmp_path / "store"


def start(script, folder, store, workers):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    arguments = [sys.executable, str(script), str(folder), str(store), str(workers)]
    return subprocess.Popen(arguments, env=environment, stderr=subprocess.DEVNULL)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_killed_run_ends_with_the_weights_of_a_straight_one(store, tmp_path):
    script = tmp_path / "trainer.py"
    script.write_text(TRAINER)
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    assert start(script, straight, store, 1).wait() == 0
    going_on = 0
    for _ in range(3):
        process = start(script, killed, store, 2)
        state = killed / "state.pt"
        before = state.stat().st_mtime_ns if state.exists() else 0
        while process.poll() is None and not (state.exists() and state.stat().st_mtime_ns != before):
            time.sleep(0.002)
        going_on += process.poll() is None
        process.kill()
        process.wait()
    assert going_on == 3
    assert start(script, killed, store, 2).wait() == 0
    left, right = (torch.load(folder / "done.pt", weights_only=True) for folder in (straight, killed))
    for name, value in left.items():
        torch.testing.assert_close(right[name], value, rtol=0, atol=0)
