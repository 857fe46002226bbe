"""Where a run computes: the one place that chooses the device, and batches that follow the model there."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

__all__ = ["best_device", "device_of", "moved"]

_T = TypeVar("_T")


def best_device() -> torch.device:
    """The CUDA device when there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_of(model: nn.Module) -> torch.device:
    """Where the weights of a model are."""
    return next(model.parameters()).device


def moved(batch: _T, device: torch.device) -> _T:
    """A batch (tensor, tuple, list, or dataclass of such) with its tensors on a device."""
    value: Any = batch
    if isinstance(value, Tensor):
        value = value.to(device)
    elif isinstance(value, (tuple, list)):
        value = type(value)(moved(entry, device) for entry in value)
    elif is_dataclass(value) and not isinstance(value, type):
        value = replace(value, **{entry.name: moved(getattr(value, entry.name), device) for entry in fields(value)})
    out: _T = value
    return out
