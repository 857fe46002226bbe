"""Weights and states in shards (``torch.distributed.tensor``), which take seconds to import: only runs in several processes do."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from compose.music_transformer import Block

__all__ = ["as_held", "put_together", "shard"]


def put_together(tensor: Any) -> Any:
    """A tensor that is whole, or as it is; all processes must ask for it."""
    return tensor.full_tensor() if _is_shard(tensor) else tensor


def as_held(value: Tensor, like: Tensor, *, sent: bool = True) -> Tensor:
    """A whole tensor as another is held: on its device, in its shards.

    Args:
        value, like: Of one shape.
        sent: Whether the first process sends the others their shards; without, every process has the same value.
    """
    if not _is_shard(like):
        return value.to(like.device)
    from torch.distributed.tensor import distribute_tensor

    source = 0 if sent else None
    placed: Any = like
    return distribute_tensor(value.to(like.device), placed.device_mesh, placed.placements, src_data_rank=source)


def shard(model: nn.Module, mesh: Any, methods: tuple[str, ...]) -> nn.Module:
    """Shard every block of a stack by itself, then what is left.

    Args:
        model: Whose weights give way to shards.
        mesh: Of Lightning Fabric.
        methods: That compute, besides forward, as far as the model has them.
    """
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    for module in [module for module in model.modules() if isinstance(module, Block)] + [model]:
        fully_shard(module, mesh=mesh["data_parallel"])
    for name in methods:
        if hasattr(model, name):
            register_fsdp_forward_method(model, name)
    return model


def _is_shard(tensor: Any) -> bool:
    """Whether it is a ``DTensor``, told without importing that."""
    return hasattr(tensor, "full_tensor")
