"""The curve of a run: its lines, its picture, and TensorBoard's events where that is installed."""

import json
import sys
import types

import numpy as np
import pytest
from PIL import Image

from compose.curves import Curve, draw_curve, read_curve, smoothed


def learn(folder, first=0, last=40):
    curve = Curve(folder, first)
    for step in range(first, last, 10):
        curve.add(step, 2.0 * step, train=5.0 - step / 20, learning_rate=1e-3)
        if step % 20 == 10:
            curve.add(step, 2.0 * step, nats_per_note=5.5 - step / 20, pitch=2.0)
    curve.close()


def test_lines_say_step_seconds_and_figures(tmp_path, capsys):
    learn(tmp_path)
    lines = (tmp_path / "curve.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == {"step": 0, "seconds": 0.0, "train": 5.0, "learning_rate": 1e-3}
    assert json.loads(lines[2]) == {"step": 10, "seconds": 20.0, "nats_per_note": 5.0, "pitch": 2.0}
    assert capsys.readouterr().err.splitlines() == lines


def test_a_validation_draws_the_picture(tmp_path):
    curve = Curve(tmp_path)
    curve.add(1, 1.0, train=5.0, learning_rate=1e-3)
    assert not (tmp_path / "curve.png").exists()
    curve.add(1, 1.0, nats_per_note=5.0)
    curve.close()
    with Image.open(tmp_path / "curve.png") as picture:
        assert picture.size == (960, 720)
        colours = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert (colours == (0xD5, 0x5E, 0x00)).all(axis=1).any()  # a point of the validation


def test_a_resumed_run_shows_its_last_way_only(tmp_path):
    learn(tmp_path)
    with (tmp_path / "curve.jsonl").open("a") as file:
        file.write('{"step": 40, "sec')  # killed while it wrote
    with (tmp_path / "curve.jsonl").open("a") as file:
        file.write("\n")
    learn(tmp_path, first=20, last=60)
    assert [line["step"] for line in read_curve(tmp_path) if "train" in line] == [0, 10, 20, 20, 30, 40, 50]
    draw_curve(tmp_path)


def test_smoothing_keeps_a_constant_and_averages_the_first_values():
    np.testing.assert_allclose(smoothed(np.full(5, 3.0)), 3.0)
    np.testing.assert_allclose(smoothed(np.array([1.0, 2.0])), [1.0, (0.9 * 1 + 2) / 1.9])


@pytest.fixture
def tensorboard(tmp_path, monkeypatch):
    """A stand-in for the package tensorboard and torch's writer; gives what was written."""
    written = []

    class SummaryWriter:
        def __init__(self, folder, purge_step):
            written.append(("open", folder, purge_step))

        def add_scalar(self, name, value, step):
            written.append((name, value, step))

        def close(self):
            written.append(("close",))

    (tmp_path / "packages" / "tensorboard").mkdir(parents=True)
    (tmp_path / "packages" / "tensorboard" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "packages")
    stub = types.ModuleType("torch.utils.tensorboard")
    stub.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", stub)
    return written


def test_tensorboard_gets_every_figure(tmp_path, tensorboard):
    curve = Curve(tmp_path, 7)
    curve.add(8, 1.0, train=4.0, learning_rate=1e-3)
    curve.close()
    assert tensorboard == [
        ("open", str(tmp_path / "events"), 7),
        ("train", 4.0, 8),
        ("learning_rate", 1e-3, 8),
        ("close",),
    ]
