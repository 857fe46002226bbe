"""A run in one process or in several that give the weights of one: each learns from a share of every batch.

``torchrun`` starts the processes; Lightning Fabric joins them, chooses their devices and wraps the model, for DDP (the whole model
in each process, gradients averaged while they are made; Li et al., arXiv 2006.15704) or FSDP (weights, gradients and optimiser
state in shards, by ``fully_shard``; Zhao et al., arXiv 2304.11277). Fabric is an optional extra and is asked for by several
processes alone: a run in one has nothing to share and needs nothing.

Both average the gradients of the processes. The loss of a share is therefore weighted by how many notes it has of the whole
batch's, times the number of processes, and the mean is the gradient of the whole batch (up to the order of the sums; dropout draws
its own numbers in each process). States on disk are whole, whatever the number of processes: a run goes on with another.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from compose.devices import best_device
from compose.shards import as_held, put_together, shard
from corpora.errors import RequestError, ToolError

__all__ = [
    "STRATEGIES",
    "Place",
    "agreed",
    "is_first",
    "join",
    "mean_of_processes",
    "my_share",
    "share_optimizer_state",
    "share_out",
    "weighted",
    "whole",
]

STRATEGIES = ("ddp", "fsdp")
FORWARD_METHODS = ("log_probabilities", "nats")  # what losses and validations call besides forward
_T = TypeVar("_T")


class Place:
    """Where a run computes: this process alone, on ``device``."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def set_up(self, model: nn.Module) -> nn.Module:
        """The model as it learns here; its state dict has the names of the model's own."""
        return model.to(self.device)


class _SharedPlace(Place):
    """One of the processes of ``torchrun``."""

    def __init__(self, strategy: str) -> None:
        from lightning_fabric import Fabric  # optional: the extra "distributed"
        from lightning_fabric.strategies import DDPStrategy, ModelParallelStrategy

        world, local = int(os.environ["WORLD_SIZE"]), int(os.environ.get("LOCAL_WORLD_SIZE", os.environ["WORLD_SIZE"]))
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"  # the clock and the counts stay on the processor
        self._sharded = strategy == "fsdp"
        self._fabric = Fabric(
            accelerator="cuda" if torch.cuda.is_available() else "cpu",
            devices=local,
            num_nodes=world // local,
            strategy=ModelParallelStrategy(_shard, world, 1, process_group_backend=backend)
            if self._sharded
            else DDPStrategy(process_group_backend=backend),
        )
        self._fabric.launch()
        super().__init__(self._fabric.device)

    def set_up(self, model: nn.Module) -> nn.Module:
        # shards take the place of weights: those of a copy, so that the model can hold the whole ones at the end
        learner: nn.Module = self._fabric.setup_module(copy.deepcopy(model) if self._sharded else model)
        for name in FORWARD_METHODS:
            if hasattr(model, name):
                learner.mark_forward_method(name)  # type: ignore[operator]
        return learner


def _shard(model: nn.Module, mesh: Any) -> nn.Module:
    return shard(model, mesh, FORWARD_METHODS)


def join(strategy: str = "") -> Place:
    """The place of this process in the run; under ``torchrun`` it is joined with the others.

    Args:
        strategy: "ddp" or "fsdp"; "" is ddp under ``torchrun`` and one process otherwise.

    Raises:
        RequestError: The strategy is unknown, or ``torchrun`` did not start this process.
        ToolError: Lightning Fabric is missing.
    """
    if strategy not in ("", *STRATEGIES):
        raise RequestError(f"strategy '{strategy}' is not known: expected one of {', '.join(STRATEGIES)}")
    processes = int(os.environ.get("WORLD_SIZE", "0"))
    if strategy and not processes:
        raise RequestError(
            f"strategy '{strategy}' is for several processes: start them by torchrun --nproc-per-node 2 -m partimento ..."
        )
    if processes < 2 and not strategy:
        return Place(best_device())
    if find_spec("lightning_fabric") is None:
        raise ToolError("training in several processes needs lightning-fabric: pip install 'partimento[distributed]'")
    return _SharedPlace(strategy or "ddp")


def _active() -> bool:
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


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


def mean_of_processes(value: float) -> float:
    """The mean of what the processes have: of ``weighted`` losses, that of the whole batch."""
    if not _active():
        return value
    total = torch.tensor(value, dtype=torch.float64)
    distributed.all_reduce(total)
    return float(total) / distributed.get_world_size()


def my_share(examples: Sequence[_T]) -> list[_T]:
    """Every n-th example of a batch, for n processes; the first example where there are fewer than processes."""
    if not _active():
        return list(examples)
    mine = list(examples[distributed.get_rank() :: distributed.get_world_size()])
    return mine or list(examples[:1])


def weighted(loss: Callable[[nn.Module, Any], Tensor], count: Callable[[Any], int]) -> Callable[[nn.Module, Any], Tensor]:
    """A loss (a mean over what ``count`` counts) weighted so that the mean over the processes is that of the whole batch."""

    def share(model: nn.Module, batch: Any) -> Tensor:
        value = loss(model, batch)
        if not _active():
            return value
        mine = torch.tensor(float(count(batch)))
        total = mine.clone()
        distributed.all_reduce(total)
        return value * (float(mine / total) * distributed.get_world_size())

    return share


def whole(state: Any) -> Any:
    """A state dict with its sharded tensors put together; all processes must ask for it."""
    if isinstance(state, dict):
        return {key: whole(value) for key, value in state.items()}
    if isinstance(state, list):
        return [whole(value) for value in state]
    return put_together(state)


def share_out(state: dict[str, Tensor], like: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a whole state as those of another are held: on their devices, in their shards."""
    return {name: as_held(value, like[name], sent=False) if name in like else value for name, value in state.items()}


def share_optimizer_state(state: dict[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """A whole state of an optimiser, its tensors held as the weights that they belong to."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]

    def held(value: Any, weight: Tensor) -> Any:
        like_it = isinstance(value, Tensor) and value.shape == weight.shape
        return as_held(value, weight, sent=False) if like_it else value

    shared = {
        index: {name: held(value, weights[index]) for name, value in entries.items()} for index, entries in state["state"].items()
    }
    return {**state, "state": shared}
