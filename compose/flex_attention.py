"""The attention back end for CUDA: torch's FlexAttention, compiled, with the relative logits as its ``score_mod``.

Source: Dong et al., "Flex Attention" (arXiv 2412.05496). The kernel never writes (batch, head, query, key) logits. What it reads of
the relative term is query times Er, (batch, head, query, distance): each score takes its entry there, and keys farther than the
table take the last one. So memory grows with the table and not with the square of the stream. Blocks after the query are skipped.

On a processor the same function runs uncompiled and gives the same numbers, forward only: torch has no gradient for it there.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from corpora.errors import RequestError

__all__ = ["attend_flex"]

MASKS_KEPT = 32  # of the latest lengths; every layer of a step asks for the same one


@lru_cache(maxsize=1)
def _compiled() -> Any:
    return torch.compile(flex_attention)


@lru_cache(maxsize=MASKS_KEPT)
def _number(value: int, device: str) -> Tensor:
    """An integer as a tensor, which the compiled kernel reads: of a Python number each value would be a kernel of its own."""
    return torch.tensor(value, device=device)


@lru_cache(maxsize=MASKS_KEPT)
def _past_only(queries: int, keys: int, device: str) -> BlockMask:
    """Keys at or before each query, the last of which stands at the last key."""
    before = _number(keys - queries, device)
    return create_block_mask(lambda batch, head, query, key: query + before >= key, None, None, queries, keys, device=device)


def _relative_scores(query: Tensor, table: Tensor, keys: int) -> Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]:
    """What adds the relative logits to a score, given where it stands."""
    device = str(query.device)
    relative = (query @ table[:, :keys].transpose(1, 2)).float()  # (batch, head, query, distance)
    before, farthest = _number(keys - query.shape[2], device), _number(relative.shape[3] - 1, device)

    # below distance 0 the mask hides it
    return lambda score, batch, head, place, past: (
        score + relative[batch, head, place, torch.minimum(place + before - past, farthest).clamp(min=0)]
    )


def attend_flex(
    query: Float[Tensor, "batch head query dim"],
    key: Float[Tensor, "batch head key dim"],
    value: Float[Tensor, "batch head key dim"],
    table: Float[Tensor, "head distance dim"] | None,
) -> Float[Tensor, "batch head query dim"]:
    """As ``compose.music_transformer.attend_skew``.

    Raises:
        RequestError: Gradients are asked for on a processor.
    """
    given = [tensor for tensor in (query, key, value, table) if tensor is not None]
    on_cuda = query.device.type == "cuda"
    if not on_cuda and torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given):
        raise RequestError(f"attention back end 'flex' has no gradients on {query.device.type}: expected cuda, or 'sdpa' or 'skew'")
    queries, keys, device = query.shape[2], key.shape[2], str(query.device)
    if not on_cuda:  # torch asks whether a tensor has gradients, not whether they are wanted
        key, value = key.detach(), value.detach()
    query = query / math.sqrt(query.shape[-1])
    score_mod = None if table is None else _relative_scores(query, table, keys)
    attend = _compiled() if on_cuda else flex_attention
    with warnings.catch_warnings():
        # on a processor it is the reference and may be slow
        warnings.filterwarnings("ignore", message="flex_attention called without torch.compile")
        out: Tensor = attend(query, key, value, score_mod=score_mod, block_mask=_past_only(queries, keys, device), scale=1.0)
    return out
