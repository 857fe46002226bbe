"""Music Transformer: a decoder-only stack with relative global attention, its key/value cache, in one file.

Source: Huang et al., "Music Transformer" (arXiv 1809.04281), section 3.4: S = (Q Kᵀ + skew(Q Erᵀ)) / sqrt(head_dim), causal
mask, softmax. Relative to the original: pre-norm blocks with GELU; queries go through in blocks, each against the keys up to
its own end, so that memory is O(block · L) and half of the L² work is never done; distances beyond the table share its last
row. Sequence positions carry no embedding of their own unless ``position="absolute"`` (sinusoids, the ablation baseline).

Shapes: ``batch time embed`` outside, ``batch head time head_dim`` inside attention.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from compose.flex_attention import attend_flex

__all__ = ["ATTENTION_BACKENDS", "Cache", "MusicTransformer", "MusicTransformerConfig", "attend_sdpa", "attend_skew", "skew"]

QUERY_BLOCK = 256  # rows of the attention matrix made at a time


@dataclass(frozen=True, kw_only=True)
class MusicTransformerConfig:
    """Sizes of the stack.

    Args:
        embed_dim: Width, a multiple of ``num_heads``.
        num_layers: Blocks.
        num_heads: Attention heads.
        feedforward_dim: Hidden width of each block's MLP.
        max_distance: Rows of the relative table; farther keys share the last row.
        dropout: Probability on embeddings, attention output and MLP output.
        position: "relative" (skewed Er) or "absolute" (sinusoids added to the input).
    """

    embed_dim: int = 256
    num_layers: int = 6
    num_heads: int = 8
    feedforward_dim: int = 1024
    max_distance: int = 512
    dropout: float = 0.1
    position: Literal["relative", "absolute"] = "relative"

    def __post_init__(self) -> None:
        if self.embed_dim % self.num_heads:
            raise ValueError(f"embed_dim must be a multiple of num_heads, got {self.embed_dim} and {self.num_heads}")
        if self.position not in ("relative", "absolute"):
            raise ValueError(f'position must be "relative" or "absolute", got {self.position!r}')

    @property
    def head_dim(self) -> int:
        return self.embed_dim // self.num_heads

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def tiny(cls) -> MusicTransformerConfig:
        """Two narrow layers, for tests and examples."""
        return cls(embed_dim=32, num_layers=2, num_heads=2, feedforward_dim=64, max_distance=64, dropout=0.0)


def skew(logits: Float[Tensor, "batch head query padded"]) -> Float[Tensor, "batch head query key"]:
    """Move each row of relative logits into place, without a gather and without a copy.

    Column ``1 + c`` of the input belongs to distance ``key - 1 - c``; column 0 is padding of any value; the last query sits at
    the last key. Out comes ``out[q, k] = logits[q, 1 + k + (query - 1 - q)]``, right for every key at or before the query; keys
    after it hold values of other rows and must be masked. Source: arXiv 1809.04281, section 3.4.1, for rectangular blocks.
    """
    batch, heads, queries, padded = logits.shape
    return logits.reshape(batch, heads, queries * padded)[..., queries:].view(batch, heads, queries, padded - 1)


def _relative_logits(
    query: Float[Tensor, "batch head query dim"], table: Float[Tensor, "head distance dim"], num_keys: int
) -> Float[Tensor, "batch head query key"]:
    """Query times Er for the last ``query`` rows of ``num_keys`` keys, in place for every key (row 0 of the table: distance 0)."""
    farthest = table.shape[1] - 1
    if query.shape[2] == 1 and num_keys <= farthest + 1:  # a step with a cache: nothing to skew
        return (query @ table[:, :num_keys].transpose(1, 2)).flip(-1)
    distances = torch.arange(min(num_keys, farthest + 1), -1, -1, device=table.device).clamp(max=farthest)  # one more, as padding
    logits = query @ table[:, distances].transpose(1, 2)
    beyond = num_keys + 1 - len(distances)
    if beyond:
        logits = torch.cat([logits[..., :1].expand(-1, -1, -1, beyond), logits], dim=-1)
    return skew(logits)


def _hide_future(logits: Float[Tensor, "batch head query key"]) -> None:
    """Put -inf, in place, where a key lies after its query (both end at the same place)."""
    queries = logits.shape[2]
    if queries > 1:
        future = torch.ones(queries, queries, dtype=torch.bool, device=logits.device).triu(1)
        logits[..., -queries:].masked_fill_(future, -math.inf)


def attend_skew(
    query: Float[Tensor, "batch head query dim"],
    key: Float[Tensor, "batch head key dim"],
    value: Float[Tensor, "batch head key dim"],
    table: Float[Tensor, "head distance dim"] | None,
) -> Float[Tensor, "batch head query dim"]:
    """Causal attention with relative logits by skewing, in plain tensor operations: the reference back end.

    The last query stands at the last key. ``table`` None leaves the relative term out.
    """
    queries, keys = query.shape[2], key.shape[2]
    query = query / math.sqrt(query.shape[-1])
    blocks = []
    for start in range(0, queries, QUERY_BLOCK):
        rows = query[:, :, start : start + QUERY_BLOCK]
        reach = keys - queries + start + rows.shape[2]
        logits = rows @ key[:, :, :reach].transpose(2, 3)
        if table is not None:
            logits += _relative_logits(rows, table, reach)
        _hide_future(logits)
        blocks.append(logits.softmax(dim=-1) @ value[:, :, :reach])
    return torch.cat(blocks, dim=2) if len(blocks) > 1 else blocks[0]


def attend_sdpa(
    query: Float[Tensor, "batch head query dim"],
    key: Float[Tensor, "batch head key dim"],
    value: Float[Tensor, "batch head key dim"],
    table: Float[Tensor, "head distance dim"] | None,
) -> Float[Tensor, "batch head query dim"]:
    """As ``attend_skew``, with the relative term as the bias of torch's fused attention."""
    queries, keys = query.shape[2], key.shape[2]
    query = query / math.sqrt(query.shape[-1])
    blocks = []
    for start in range(0, queries, QUERY_BLOCK):
        rows = query[:, :, start : start + QUERY_BLOCK]
        reach = keys - queries + start + rows.shape[2]
        bias = rows.new_zeros(1, 1, rows.shape[2], reach) if table is None else _relative_logits(rows, table, reach)
        _hide_future(bias)
        past = key[:, :, :reach], value[:, :, :reach]
        blocks.append(functional.scaled_dot_product_attention(rows, *past, attn_mask=bias, scale=1.0))
    return torch.cat(blocks, dim=2) if len(blocks) > 1 else blocks[0]


Attend = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
ATTENTION_BACKENDS: dict[str, Attend] = {"skew": attend_skew, "sdpa": attend_sdpa, "flex": attend_flex}


@dataclass
class Cache:
    """Keys and values of every layer, so that a new step costs one row. ``truncate`` takes steps back.

    Args:
        capacity: Steps it can hold; grows by doubling when passed.
    """

    capacity: int = 256
    length: int = 0
    _keys: list[Tensor] = field(default_factory=list)
    _values: list[Tensor] = field(default_factory=list)

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store a layer's new keys and values (batch head time head_dim) and give all of them so far."""
        steps = key.shape[2]
        needed = self.length + steps
        if layer == len(self._keys):
            shape = (*key.shape[:2], max(self.capacity, needed), key.shape[3])
            self._keys.append(key.new_empty(shape))
            self._values.append(value.new_empty(shape))
        if needed > self._keys[layer].shape[2]:
            grow = max(needed, 2 * self._keys[layer].shape[2]) - self._keys[layer].shape[2]
            self._keys[layer] = functional.pad(self._keys[layer], (0, 0, 0, grow))
            self._values[layer] = functional.pad(self._values[layer], (0, 0, 0, grow))
        self._keys[layer][:, :, self.length : needed] = key
        self._values[layer][:, :, self.length : needed] = value
        return self._keys[layer][:, :, :needed], self._values[layer][:, :, :needed]

    def advance(self, steps: int) -> None:
        """Count steps that every layer has stored."""
        self.length += steps

    def truncate(self, length: int) -> None:
        """Forget every step from ``length`` on."""
        if not 0 <= length <= self.length:
            raise ValueError(f"length must be in 0..{self.length}, got {length}")
        self.length = length


class RelativeGlobalAttention(nn.Module):
    """Multi-head causal self-attention with a learned vector per head and distance (none when ``position`` is absolute)."""

    def __init__(self, config: MusicTransformerConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.head_dim = config.head_dim
        self.project_in = nn.Linear(config.embed_dim, 3 * config.embed_dim)
        self.project_out = nn.Linear(config.embed_dim, config.embed_dim)
        self.table: nn.Parameter | None = None
        if config.position == "relative":
            self.table = nn.Parameter(torch.randn(config.num_heads, config.max_distance, config.head_dim) * 0.02)

    def forward(self, x: Float[Tensor, "batch time embed"], attend: Attend, cache: Cache | None, layer: int) -> Tensor:
        batch, steps, _ = x.shape
        projected = self.project_in(x).view(batch, steps, 3, self.num_heads, self.head_dim)
        query, key, value = projected.permute(2, 0, 3, 1, 4)  # (batch, head, time, head_dim) each
        if cache is not None:
            key, value = cache.extend(layer, key, value)
        mixed = attend(query, key, value, self.table)
        out: Tensor = self.project_out(mixed.transpose(1, 2).reshape(batch, steps, -1))
        return out


class Block(nn.Module):
    """Pre-norm attention and MLP with residual connections."""

    def __init__(self, config: MusicTransformerConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.embed_dim)
        self.attention = RelativeGlobalAttention(config)
        self.feedforward_norm = nn.LayerNorm(config.embed_dim)
        self.feedforward = nn.Sequential(
            nn.Linear(config.embed_dim, config.feedforward_dim), nn.GELU(), nn.Linear(config.feedforward_dim, config.embed_dim)
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, attend: Attend, cache: Cache | None, layer: int) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x), attend, cache, layer))
        out: Tensor = x + self.dropout(self.feedforward(self.feedforward_norm(x)))
        return out


def sinusoids(start: int, steps: int, embed_dim: int, device: torch.device) -> Float[Tensor, "time embed"]:
    """Sine and cosine position embeddings (Vaswani et al., arXiv 1706.03762, section 3.5) for places start..start+steps-1."""
    rates = torch.exp(torch.arange(0, embed_dim, 2, device=device) * (-math.log(10_000.0) / embed_dim))
    angles = torch.arange(start, start + steps, device=device)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :embed_dim]


class MusicTransformer(nn.Module):
    """The stack from embedded steps to contextual states; vocabularies bring their own embeddings and heads.

    Args:
        config: Sizes.
        backend: Key of ``ATTENTION_BACKENDS``; all give the same numbers.
        gradient_checkpointing: Keep no more than the input of each block for the gradients and work the rest out again, as in
            Chen et al. (arXiv 1604.06174): the same gradients from less memory, for about a third more time.

    Example:
        >>> import torch
        >>> stack = MusicTransformer(MusicTransformerConfig.tiny())
        >>> stack(torch.zeros(1, 5, 32)).shape
        torch.Size([1, 5, 32])
    """

    def __init__(self, config: MusicTransformerConfig, backend: str = "skew", gradient_checkpointing: bool = False) -> None:
        super().__init__()
        if backend not in ATTENTION_BACKENDS:
            raise ValueError(f"backend must be one of {sorted(ATTENTION_BACKENDS)}, got {backend!r}")
        self.config = config
        self.backend = backend
        self.gradient_checkpointing = gradient_checkpointing
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(config.embed_dim)

    def forward(self, x: Float[Tensor, "batch time embed"], cache: Cache | None = None) -> Float[Tensor, "batch time embed"]:
        """States for each step, from that step and the ones before it (those in the cache too, which takes the new ones)."""
        start = cache.length if cache is not None else 0
        if self.config.position == "absolute":
            x = x + sinusoids(start, x.shape[1], x.shape[2], x.device).to(x.dtype)
        x = self.dropout(x)
        attend = ATTENTION_BACKENDS[self.backend]
        again = self.gradient_checkpointing and torch.is_grad_enabled() and cache is None
        for layer, block in enumerate(self.blocks):
            x = checkpoint(block, x, attend, cache, layer, use_reentrant=False) if again else block(x, attend, cache, layer)
        if cache is not None:
            cache.advance(x.shape[1])
        out: Tensor = self.norm(x)
        return out
