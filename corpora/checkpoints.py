"""Weights on disk: a folder of exactly four files, checked in both directions.

::

    model.safetensors   the tensors, as float32, fp16, or int8 with one scale a row
    config.json         what builds the model, strict JSON
    README.md           the model card
    SHA256SUMS          of the three files above, in the form that ``sha256sum -c`` reads

A folder appears whole or not at all: it is written beside its place and then renamed. Loading gives float32 whatever the file
holds. State that only a trainer needs (optimiser, random generators) goes to one file through ``torch.save`` and comes back
through ``torch.load(weights_only=True)``, which runs no code of the file.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from corpora.atomic import atomic_path
from corpora.errors import CheckpointError

__all__ = [
    "Checkpoint",
    "StoreAs",
    "TrainingState",
    "find_weights",
    "list_weights",
    "load_checkpoint",
    "load_training_state",
    "save_checkpoint",
    "save_training_state",
]

StoreAs = Literal["float32", "fp16", "int8"]

TENSORS, CONFIG, CARD, SUMS = "model.safetensors", "config.json", "README.md", "SHA256SUMS"
SUMMED = (TENSORS, CONFIG, CARD)
LIMIT_BYTES = {TENSORS: 4 << 30, CONFIG: 1 << 20, CARD: 1 << 20, SUMS: 1 << 12}
SCALE = ".scale"  # suffix of the row scales that stand beside an int8 tensor
INT8_LARGEST = 127
ROOMS = ("compose", "render", "transcribe", "omr")  # rooms that may ship weights, each in <room>/weights/<name>


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint folder holds.

    Args:
        tensors: State dict; floating point tensors are float32 on the CPU.
        config: What builds the model. Unknown keys are the model's matter.
        card: Text of the model card.
    """

    tensors: dict[str, Tensor]
    config: dict[str, Any]
    card: str


@dataclass(frozen=True)
class TrainingState:
    """What a trainer needs to go on as if it had not stopped.

    Args:
        model: State dict of the model.
        optimizer: State dict of the optimiser.
        extra: Step, random generator states and the like: numbers, texts, tensors and containers of them.
    """

    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    extra: dict[str, Any]


def _check_finite(tensors: Mapping[str, Tensor], place: str) -> None:
    for name, tensor in tensors.items():
        if (tensor.is_floating_point() or tensor.is_complex()) and not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{place}: tensor {name} holds NaN or infinite values")


def _quantise_rows(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """A tensor (rows, ...) as int8 of the same shape and one float32 scale a row (rows,); the largest of a row becomes ±127."""
    scale = tensor.abs().flatten(1).amax(dim=1) / INT8_LARGEST
    divisor = torch.where(scale > 0, scale, 1.0).view(-1, *[1] * (tensor.ndim - 1))
    return (tensor / divisor).round().to(torch.int8), scale


def _stored(tensors: Mapping[str, Tensor], usual: StoreAs, coarse: tuple[str, ...], place: str) -> dict[str, Tensor]:
    """The tensors as the file holds them, those whose names begin as ``coarse`` has it as int8."""
    stored: dict[str, Tensor] = {}
    for name, given in tensors.items():
        tensor = given.detach().cpu()
        store_as = "int8" if name.startswith(coarse) else usual
        if not tensor.is_floating_point():
            if store_as == "int8" and tensor.dtype == torch.int8:
                raise CheckpointError(f"{place}: tensor {name} is int8 already and cannot be stored row-wise")
            stored[name] = tensor.contiguous()
            continue
        tensor = tensor.to(torch.float32)
        if store_as == "fp16":
            stored[name] = tensor.to(torch.float16).contiguous()
        elif store_as == "int8" and tensor.ndim >= 2 and tensor.numel():
            if name + SCALE in tensors:
                raise CheckpointError(f"{place}: the name {name + SCALE} is needed for the row scales of {name}, but is taken")
            quantised, scale = _quantise_rows(tensor)
            stored[name], stored[name + SCALE] = quantised.contiguous(), scale
        else:
            stored[name] = tensor.contiguous()
    return {name: tensor.clone() for name, tensor in stored.items()}  # safetensors refuses tensors that share memory


def _restored(stored: Mapping[str, Tensor], store_as: str, place: str) -> dict[str, Tensor]:
    """Inverse of ``_stored`` up to rounding."""
    tensors: dict[str, Tensor] = {}
    scales = {name + SCALE for name, tensor in stored.items() if store_as == "int8" and tensor.dtype == torch.int8}
    for name, tensor in stored.items():
        if name in scales:
            continue
        if name + SCALE in scales:
            scale = stored.get(name + SCALE)
            if scale is None or scale.shape != tensor.shape[:1] or not scale.is_floating_point():
                raise CheckpointError(f"{place}: expected one scale a row for int8 tensor {name} of shape {tuple(tensor.shape)}")
            tensors[name] = tensor.to(torch.float32) * scale.to(torch.float32).view(-1, *[1] * (tensor.ndim - 1))
        else:
            tensors[name] = tensor.to(torch.float32) if tensor.is_floating_point() else tensor
    return tensors


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _check_replaceable(folder: Path) -> None:
    """Refuse to replace anything but an earlier checkpoint or an empty folder."""
    if not folder.parent.is_dir():
        raise CheckpointError(f"{folder}: the folder {folder.parent} is missing")
    if not folder.exists() and not folder.is_symlink():
        return
    if folder.is_symlink() or not folder.is_dir():
        raise CheckpointError(f"{folder}: expected a folder or nothing, something else is there")
    if foreign := sorted({entry.name for entry in folder.iterdir()} - {*SUMMED, SUMS}):
        raise CheckpointError(f"{folder}: will not be replaced, it holds {foreign[0]}, which is no part of a checkpoint")


def save_checkpoint(
    folder: str | Path,
    tensors: Mapping[str, Tensor],
    config: Mapping[str, Any],
    card: str,
    *,
    store_as: StoreAs = "float32",
    coarse: tuple[str, ...] = (),
) -> None:
    """Write a checkpoint folder, replacing an earlier one.

    Args:
        folder: Where; its parent must exist. A folder that holds anything but a checkpoint is left alone.
        tensors: State dict, on any device.
        config: What builds the model; JSON values only, finite numbers.
        card: Text of the model card, Markdown.
        store_as: How floating point tensors are kept: "float32"; "fp16"; or "int8", symmetric with one scale for each row
            (first dimension) of tensors of two and more dimensions, the others float32.
        coarse: How names of tensors begin that are kept as int8 whatever the others are.

    Raises:
        CheckpointError: a weight is NaN or infinite (also after rounding to fp16), the config is not strict JSON, names
            collide, or the place cannot be written.
    """
    folder = Path(folder)
    place = str(folder)
    _check_finite(tensors, place)
    stored = _stored(tensors, store_as, coarse, place)
    _check_finite(stored, f"{place}: stored as {store_as}")
    try:
        config_text = json.dumps(dict(config), indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{place}: the config is not strict JSON: {error}") from None
    how = "int8" if coarse else store_as
    contents = {
        TENSORS: safetensors.torch.save(stored, metadata={"store_as": how}),  # two keys would come in random order
        CONFIG: config_text.encode(),
        CARD: card.encode(),
    }
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items())
    _check_replaceable(folder)
    try:
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            fresh, aside = staging / "fresh", staging / "aside"
            fresh.mkdir()
            for name, data in {**contents, SUMS: sums.encode()}.items():
                _write_durably(fresh / name, data)
            if folder.exists():
                folder.rename(aside)
            fresh.rename(folder)
        finally:
            if (staging / "aside").exists() and not folder.exists():  # interrupted between the two renames
                (staging / "aside").rename(folder)
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise CheckpointError(f"{place}: cannot be written: {error.strerror or error}") from None


def _read_regular(path: Path) -> bytes:
    """Bytes of a regular file within its limit (a pipe or a device would block)."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise CheckpointError(f"{path}: expected a regular file")
    if status.st_size > LIMIT_BYTES[path.name]:
        raise CheckpointError(f"{path}: expected at most {LIMIT_BYTES[path.name]} bytes, came {status.st_size}")
    return path.read_bytes()


def _parse_sums(text: str, path: Path) -> dict[str, str]:
    """File name to sha256, for exactly the three files."""
    lines = [line.partition("  ") for line in text.splitlines()]
    sums = {name: digest for digest, _, name in lines}
    if set(sums) != set(SUMMED) or len(lines) != len(SUMMED):
        raise CheckpointError(f"{path}: expected one line for each of {', '.join(SUMMED)}")
    return sums


def _strict_object(data: bytes, path: Path) -> dict[str, Any]:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON number")

    try:
        value = json.loads(data.decode(), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: expected strict JSON: {error}") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: expected a JSON object, came {type(value).__name__}")
    return value


def load_checkpoint(folder: str | Path) -> Checkpoint:
    """Read a checkpoint folder and check everything about it that can be checked without the model.

    Args:
        folder: A folder that ``save_checkpoint`` wrote.

    Raises:
        CheckpointError: a file is missing, too many, too large or changed since its checksum; the tensors or the config cannot
            be parsed; a weight is NaN or infinite.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: expected a checkpoint folder, it is {'a file' if folder.exists() else 'missing'}")
    try:
        found = {entry.name for entry in folder.iterdir()}
        for what, names in (("is missing", {*SUMMED, SUMS} - found), ("is no part of a checkpoint", found - {*SUMMED, SUMS})):
            if names:
                raise CheckpointError(f"{folder}: {min(names)} {what}")
        contents = {name: _read_regular(folder / name) for name in (*SUMMED, SUMS)}
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot be read: {error.strerror or error}") from None
    expected = _parse_sums(contents[SUMS].decode(errors="replace"), folder / SUMS)
    for name in SUMMED:
        came = hashlib.sha256(contents[name]).hexdigest()
        if came != expected[name]:
            raise CheckpointError(f"{folder / name}: expected sha256 {expected[name][:12]}…, came {came[:12]}…")
    place = str(folder / TENSORS)
    try:
        stored = safetensors.torch.load(contents[TENSORS])
        header_bytes = int.from_bytes(contents[TENSORS][:8], "little")
        metadata = json.loads(contents[TENSORS][8 : 8 + header_bytes]).get("__metadata__", {})
    except (SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(f"{place}: not a safetensors file: {error}") from None
    tensors = _restored(stored, metadata.get("store_as", ""), place)
    _check_finite(tensors, place)
    config = _strict_object(contents[CONFIG], folder / CONFIG)
    return Checkpoint(tensors, config, contents[CARD].decode(errors="replace"))


def _weight_roots() -> tuple[Path, ...]:
    house = Path(__file__).resolve().parent.parent
    return tuple(house / room / "weights" for room in ROOMS)


def list_weights() -> dict[str, Path]:
    """The checkpoints that come with the package: name to folder."""
    folders = (path for root in _weight_roots() if root.is_dir() for path in sorted(root.iterdir()))
    return {path.name: path for path in folders if (path / SUMS).is_file()}


def find_weights(name: str | Path) -> Path:
    """The folder of a checkpoint.

    Args:
        name: A name of ``list_weights`` (it goes first), or a path to a folder: write ``./chorale`` for a folder of your own
            that is called like one that comes with the package.

    Raises:
        CheckpointError: neither is there; the message lists the names that are.
    """
    shipped = list_weights()
    if str(name) in shipped:
        return shipped[str(name)]
    if str(name) and Path(name).is_dir():
        return Path(name)
    raise CheckpointError(f"no weights called {str(name)!r}: expected a folder or one of: {', '.join(shipped) or '(none here)'}")


def save_training_state(
    path: str | Path, model_state: Mapping[str, Tensor], optimizer_state: Mapping[str, Any], extra: Mapping[str, Any]
) -> None:
    """Write a trainer's state to one file, in one step.

    Args:
        path: Where; an earlier state is replaced only by a complete new one.
        model_state: State dict of the model.
        optimizer_state: State dict of the optimiser.
        extra: Step, random generator states ...: numbers, texts, tensors and lists, tuples and dicts of them.
    """
    content = {"model": dict(model_state), "optimizer": dict(optimizer_state), "extra": dict(extra)}
    with atomic_path(Path(path)) as temporary:
        torch.save(content, temporary)


def load_training_state(path: str | Path) -> TrainingState:
    """Read what ``save_training_state`` wrote, to the CPU; no code of the file is run.

    Raises:
        CheckpointError: the file is missing, broken, or holds anything but such a state.
    """
    try:
        content = torch.load(Path(path), map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises half a dozen kinds on broken files
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise CheckpointError(f"{path}: not a training state: {reason}") from None
    if not isinstance(content, dict) or set(content) != {"model", "optimizer", "extra"}:
        raise CheckpointError(f"{path}: expected model, optimizer and extra")
    return TrainingState(content["model"], content["optimizer"], content["extra"])
