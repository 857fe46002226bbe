from __future__ import annotations

import hashlib
import json
import os
import subprocess

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora import checkpoints
from corpora.checkpoints import (
    find_weights,
    list_weights,
    load_checkpoint,
    load_training_state,
    save_checkpoint,
    save_training_state,
)
from corpora.errors import CheckpointError

CONFIG = {"num_heads": 4, "name": "Größe", "ratio": 0.1, "nested": {"a": [1, None, True]}}
CARD = "# Card\n\nData: ours.\n"


@pytest.fixture
def tensors():
    torch.manual_seed(0)
    return {
        "embed": torch.randn(7, 5),
        "conv": torch.randn(3, 2, 4),
        "bias": torch.randn(5),
        "steps": torch.arange(4),
        "mask": torch.tensor([True, False]),
        "zeros": torch.zeros(2, 3),
        "empty": torch.zeros(0, 3),
    }


@pytest.fixture
def saved(tmp_path, tensors):
    save_checkpoint(tmp_path / "chorale", tensors, CONFIG, CARD)
    return tmp_path / "chorale"


def resum(folder):
    """Make the checksums right again after a change."""
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in checkpoints.SUMMED]
    (folder / "SHA256SUMS").write_text("".join(lines))


def test_round_trip_is_exact(saved, tensors):
    loaded = load_checkpoint(saved)
    assert loaded.config == CONFIG
    assert loaded.card == CARD
    assert loaded.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert loaded.tensors[name].dtype == tensor.dtype
        assert torch.equal(loaded.tensors[name], tensor)


def test_sums_are_those_of_sha256sum(saved):
    assert sorted(os.listdir(saved)) == ["README.md", "SHA256SUMS", "config.json", "model.safetensors"]
    subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=saved, check=True, stdout=subprocess.DEVNULL)


def test_same_content_same_bytes(saved, tmp_path, tensors):
    save_checkpoint(tmp_path / "again", dict(reversed(tensors.items())), dict(reversed(CONFIG.items())), CARD)
    assert (tmp_path / "again/SHA256SUMS").read_bytes() == (saved / "SHA256SUMS").read_bytes()


def test_fp16(tmp_path, tensors):
    save_checkpoint(tmp_path / "half", tensors, CONFIG, CARD, store_as="fp16")
    loaded = load_checkpoint(tmp_path / "half").tensors
    assert loaded["embed"].dtype == torch.float32
    assert torch.equal(loaded["embed"], tensors["embed"].half().float())
    assert torch.equal(loaded["steps"], tensors["steps"])
    with pytest.raises(CheckpointError, match=r"fp16: tensor big holds NaN or infinite"):
        save_checkpoint(tmp_path / "big", {"big": torch.tensor([7e4])}, {}, "", store_as="fp16")


def test_some_as_int8_beside_others_as_fp16(tmp_path):
    tensors = {"coarse.w": torch.randn(4, 6), "coarse.bias": torch.randn(4), "fine.w": torch.randn(4, 6)}
    save_checkpoint(tmp_path / "both", tensors, CONFIG, CARD, store_as="fp16", coarse=("coarse.",))
    loaded = load_checkpoint(tmp_path / "both").tensors
    assert set(loaded) == set(tensors)
    assert torch.equal(loaded["fine.w"], tensors["fine.w"].half().float())
    assert torch.equal(loaded["coarse.bias"], tensors["coarse.bias"])
    off = (loaded["coarse.w"] - tensors["coarse.w"]).abs().amax(1)
    assert (off <= tensors["coarse.w"].abs().amax(1) / 254 * 1.01).all()
    assert off.max() > 0


@settings(max_examples=25, deadline=None, derandomize=True)
@given(rows=st.integers(1, 5), columns=st.integers(1, 9), exponent=st.integers(-6, 6), seed=st.integers(0, 99))
def test_int8_is_within_half_a_step_of_each_row(tmp_path_factory, rows, columns, exponent, seed):
    weight = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * 10.0**exponent
    folder = tmp_path_factory.mktemp("int8") / "w"
    save_checkpoint(folder, {"w": weight}, {}, "", store_as="int8")
    step = weight.abs().amax(dim=1, keepdim=True) / 127
    loaded = load_checkpoint(folder).tensors
    assert set(loaded) == {"w"}
    assert ((loaded["w"] - weight).abs() <= step * 0.501).all()


def test_int8_is_a_quarter_of_the_size(tmp_path):
    for store_as in ("float32", "int8"):
        save_checkpoint(tmp_path / store_as, {"w": torch.randn(64, 1024)}, {}, "", store_as=store_as)
    sizes = [(tmp_path / store_as / "model.safetensors").stat().st_size for store_as in ("float32", "int8")]
    assert sizes[1] < 0.26 * sizes[0]


def test_int8_keeps_vectors_whole_and_zero_rows_zero(tmp_path, tensors):
    save_checkpoint(tmp_path / "q", tensors, CONFIG, CARD, store_as="int8")
    loaded = load_checkpoint(tmp_path / "q").tensors
    assert loaded.keys() == tensors.keys()
    assert torch.equal(loaded["bias"], tensors["bias"])
    assert torch.equal(loaded["zeros"], tensors["zeros"])
    assert loaded["empty"].shape == (0, 3)


def test_int8_refuses_what_it_cannot_name(tmp_path):
    clash = {"w": torch.ones(2, 2), "w.scale": torch.ones(2)}
    with pytest.raises(CheckpointError, match=r"w\.scale is needed"):
        save_checkpoint(tmp_path / "q", clash, {}, "", store_as="int8")
    save_checkpoint(tmp_path / "plain", clash, {}, "")  # only int8 needs the name
    assert load_checkpoint(tmp_path / "plain").tensors.keys() == clash.keys()
    with pytest.raises(CheckpointError, match="int8 already"):
        save_checkpoint(tmp_path / "q", {"w": torch.ones(2, 2, dtype=torch.int8)}, {}, "", store_as="int8")


def test_shared_and_strided_tensors(tmp_path):
    weight = torch.arange(6.0).view(2, 3)
    save_checkpoint(tmp_path / "tied", {"a": weight, "b": weight, "c": weight.T}, {}, "")
    loaded = load_checkpoint(tmp_path / "tied").tensors
    assert torch.equal(loaded["c"], weight.T)
    assert torch.equal(loaded["a"], loaded["b"])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_refuses_weights_that_are_not_finite(tmp_path, value):
    with pytest.raises(CheckpointError, match="tensor w holds NaN"):
        save_checkpoint(tmp_path / "c", {"w": torch.tensor([1.0, value])}, {}, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("config", [{"x": float("nan")}, {"x": {1, 2}}, {"x": object()}])
def test_refuses_a_config_that_is_not_json(tmp_path, config):
    with pytest.raises(CheckpointError, match="strict JSON"):
        save_checkpoint(tmp_path / "c", {}, config, "")
    assert list(tmp_path.iterdir()) == []


def flip(path, offset):
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", checkpoints.SUMMED)
def test_every_byte_counts(saved, name):
    flip(saved / name, -1)
    with pytest.raises(CheckpointError, match=f"{name}: expected sha256"):
        load_checkpoint(saved)


@pytest.mark.parametrize("name", [*checkpoints.SUMMED, "SHA256SUMS"])
def test_every_file_is_needed(saved, name):
    (saved / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name} is missing"):
        load_checkpoint(saved)


def test_no_other_file_is_allowed(saved):
    (saved / "optimizer.pt").touch()
    with pytest.raises(CheckpointError, match=r"optimizer\.pt is no part"):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("SHA256SUMS", b"", "one line for each"),
        ("SHA256SUMS", b"\xff\x00" * 40, "one line for each"),
        ("config.json", b'{"a": NaN}', "NaN is no JSON number"),
        ("config.json", b'{"a": -Infinity}', "no JSON number"),
        ("config.json", b"[]", "expected a JSON object, came list"),
        ("config.json", b"[" * 100_000, "strict JSON"),
        ("config.json", b"\xff", "strict JSON"),
        ("config.json", b"{" + b" " * (1 << 20) + b"}", "at most 1048576 bytes"),
        ("model.safetensors", b"", "not a safetensors file"),
        ("model.safetensors", b"\xff" * 64, "not a safetensors file"),
    ],
)
def test_broken_content_with_right_sums(saved, name, content, words):
    (saved / name).write_bytes(content)
    if name != "SHA256SUMS":
        resum(saved)
    with pytest.raises(CheckpointError, match=words) as caught:
        load_checkpoint(saved)
    assert "\n" not in str(caught.value)
    assert str(saved) in str(caught.value)


def test_nan_in_the_file(saved):
    import safetensors.torch

    safetensors.torch.save_file({"w": torch.tensor([float("nan")])}, saved / "model.safetensors")
    resum(saved)
    with pytest.raises(CheckpointError, match="tensor w holds NaN"):
        load_checkpoint(saved)


def test_int8_without_scales(saved):
    import safetensors.torch

    safetensors.torch.save_file(
        {"w": torch.ones(2, 2, dtype=torch.int8)}, saved / "model.safetensors", metadata={"store_as": "int8"}
    )
    resum(saved)
    with pytest.raises(CheckpointError, match="one scale a row"):
        load_checkpoint(saved)


def test_a_pipe_does_not_block(saved):
    (saved / "config.json").unlink()
    os.mkfifo(saved / "config.json")
    with pytest.raises(CheckpointError, match="regular file"):
        load_checkpoint(saved)


def test_not_a_folder(saved, tmp_path):
    with pytest.raises(CheckpointError, match="it is missing"):
        load_checkpoint(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="it is a file"):
        load_checkpoint(saved / "README.md")


def test_replaces_a_checkpoint_but_nothing_else(saved, tmp_path):
    save_checkpoint(saved, {"w": torch.ones(1)}, {}, "new")
    assert load_checkpoint(saved).card == "new"
    (saved / "notes.txt").write_text("mine")
    with pytest.raises(CheckpointError, match=r"holds notes\.txt"):
        save_checkpoint(saved, {}, {}, "newer")
    assert (saved / "README.md").read_text() == "new"
    with pytest.raises(CheckpointError, match="something else"):
        save_checkpoint(saved / "README.md", {}, {}, "")
    with pytest.raises(CheckpointError, match="is missing"):
        save_checkpoint(tmp_path / "no/where", {}, {}, "")
    assert os.listdir(tmp_path) == ["chorale"]


@pytest.mark.parametrize("failing_rename", [1, 2])
def test_an_interrupted_save_leaves_the_earlier_one(saved, tmp_path, monkeypatch, failing_rename):
    calls = 0
    rename = type(saved).rename

    def interrupted(self, target):
        nonlocal calls
        calls += 1
        if calls == failing_rename:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(type(saved), "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(saved, {}, {}, "new")
    assert load_checkpoint(saved).card == CARD
    assert os.listdir(tmp_path) == ["chorale"]


def test_find_weights(saved, tmp_path, monkeypatch):
    root = tmp_path / "weights"
    monkeypatch.setattr(checkpoints, "_weight_roots", lambda: (root,))
    with pytest.raises(CheckpointError, match="none here"):
        find_weights("satb")
    save_target = root / "satb"
    root.mkdir()
    save_checkpoint(save_target, {}, {}, "")
    (root / "unfinished").mkdir()
    assert list_weights() == {"satb": save_target}
    assert find_weights("satb") == save_target
    assert find_weights(saved) == saved
    monkeypatch.chdir(tmp_path)
    (tmp_path / "satb").mkdir()
    assert find_weights("satb") == save_target
    assert find_weights("./satb").resolve() == tmp_path / "satb"
    for name in ("unfinished", "../weights/nothing", ""):
        with pytest.raises(CheckpointError, match="expected a folder or one of: satb"):
            find_weights(name)


def test_shipped_weights_load():
    for folder in list_weights().values():
        assert load_checkpoint(folder).tensors


def train(steps, state=None):
    """A tiny training run with random data; goes on from a state."""
    torch.manual_seed(3)
    generator = torch.Generator().manual_seed(1)
    numpy_generator = np.random.default_rng(2)
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    step = 0
    if state is not None:
        model.load_state_dict(state.model)
        optimizer.load_state_dict(state.optimizer)
        generator.set_state(state.extra["torch"])
        numpy_generator.bit_generator.state = state.extra["numpy"]
        step = state.extra["step"]
    while step < steps:
        batch = torch.randn(4, 3, generator=generator) * float(numpy_generator.random())
        optimizer.zero_grad()
        (model(batch) - batch.sum(1, keepdim=True)).square().mean().backward()
        optimizer.step()
        step += 1
    extra = {"step": step, "torch": generator.get_state(), "numpy": numpy_generator.bit_generator.state}
    return model.state_dict(), optimizer.state_dict(), extra


def test_training_resumes_bit_for_bit(tmp_path):
    whole, _, _ = train(6)
    save_training_state(tmp_path / "state.pt", *train(3))
    resumed, _, extra = train(6, load_training_state(tmp_path / "state.pt"))
    assert extra["step"] == 6
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name])
    assert os.listdir(tmp_path) == ["state.pt"]


class Payload:
    def __reduce__(self):
        return (os.mkdir, ("payload-ran",))


def test_training_state_runs_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"model": {}, "optimizer": {}, "extra": {"x": Payload()}}, tmp_path / "evil.pt")
    with pytest.raises(CheckpointError, match="not a training state") as caught:
        load_training_state(tmp_path / "evil.pt")
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == ["evil.pt"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04.", b"text"])
def test_broken_training_state(tmp_path, content):
    (tmp_path / "s.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"s\.pt: not a training state"):
        load_training_state(tmp_path / "s.pt")


def test_training_state_of_another_shape(tmp_path):
    torch.save({"model": {}}, tmp_path / "s.pt")
    with pytest.raises(CheckpointError, match="expected model, optimizer and extra"):
        load_training_state(tmp_path / "s.pt")
    with pytest.raises(CheckpointError, match="not a training state"):
        load_training_state(tmp_path / "none.pt")


def test_a_state_that_cannot_be_saved_leaves_the_earlier_one(tmp_path):
    save_training_state(tmp_path / "s.pt", {}, {}, {"step": 1})
    with pytest.raises(Exception, match=r"pickle|lambda"):
        save_training_state(tmp_path / "s.pt", {}, {}, {"step": lambda: 2})
    assert load_training_state(tmp_path / "s.pt").extra == {"step": 1}
    assert os.listdir(tmp_path) == ["s.pt"]


def test_config_file_is_plain_json(saved):
    assert json.loads((saved / "config.json").read_text(encoding="utf-8")) == CONFIG
