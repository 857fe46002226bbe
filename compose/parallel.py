"""Training in several processes that give the weights of one: each learns from a share of every batch, gradients are summed.

A process knows its rank from ``torch.distributed``, which ``torchrun`` sets up. The loss of a share is weighted by how many notes
it has of the whole batch's, so the sum of the gradients is that of the whole batch (up to the order of the sums; dropout draws
its own numbers in each process). Source: synchronous data parallelism as in Li et al., "PyTorch Distributed" (arXiv 2006.15704).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

__all__ = ["agreed", "is_first", "join_ranks", "my_share", "sum_gradients", "weighted"]

_T = TypeVar("_T")


def _active() -> bool:
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def join_ranks() -> None:
    """Join the other processes when ``torchrun`` started this one; nothing otherwise."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def is_first() -> bool:
    """Whether this process writes files: the only one, or rank 0."""
    return not _active() or distributed.get_rank() == 0


def agreed(value: float) -> float:
    """The value of rank 0, in every process: what goes by the clock must be the same everywhere."""
    if not _active():
        return value
    said = torch.tensor(value, dtype=torch.float64)
    distributed.broadcast(said, 0)
    return float(said)


def my_share(examples: Sequence[_T]) -> list[_T]:
    """Every n-th example of a batch, for n processes; the first example where there are fewer than processes."""
    if not _active():
        return list(examples)
    mine = list(examples[distributed.get_rank() :: distributed.get_world_size()])
    return mine or list(examples[:1])


def weighted(loss: Callable[[nn.Module, Any], Tensor], count: Callable[[Any], int]) -> Callable[[nn.Module, Any], Tensor]:
    """A loss (a mean over what ``count`` counts) as this process's share of the mean over all processes."""

    def share(model: nn.Module, batch: Any) -> Tensor:
        value = loss(model, batch)
        if not _active():
            return value
        mine = torch.tensor(float(count(batch)))
        total = mine.clone()
        distributed.all_reduce(total)
        return value * (mine / total)

    return share


def sum_gradients(model: nn.Module) -> None:
    """Add up the gradients of all processes, in each of them."""
    if not _active():
        return
    for parameter in model.parameters():
        if parameter.requires_grad:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)
