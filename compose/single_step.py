"""A trained ``MusicTransformer`` one step at a time, in NumPy: the same numbers as torch, in a third of the time.

A step of one stream is a few hundred products of a vector and a small matrix; what torch spends around each of them is longer than
the product. Training, validation and everything in batches stay with torch; ``tests/compose`` holds the two together.
All arrays are float32; a stream's axis comes first.

The context of a long stream slides by blocks and keeps its keys and values: with relative positions a key is right wherever the
query stands, so nothing is read again. A step i sees the *pinned* first steps (the stream's header) and those from ``first(i)`` on,
``first(i) = max(0, (i + 1 - context) // block * block)``: itself and at least ``context - 1`` before it, less than ``block`` more.
What a step sees depends on its place alone, so the states are those of the stack under that mask over the whole stream, however
it was read. (A state of an upper layer still knows, through those it sees, of steps out of sight: a stream of the last steps
alone would have other states.) The first steps stay in sight as attention sinks: Xiao et al., "Efficient Streaming Language
Models with Attention Sinks" (arXiv 2309.17453); relative to the original, distances to them are not made shorter, as all beyond
the table are one.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf
from torch import Tensor, nn

from compose.music_transformer import Block, MusicTransformer

__all__ = ["BLOCK_STEPS", "CONTEXT_STEPS", "Dense", "Floats", "LayerNorm", "SingleStack", "SingleStream", "gelu", "to_numpy"]

Floats = NDArray[np.float32]
HALF_SQRT = np.float32(math.sqrt(0.5))
CONTEXT_STEPS = 2560  # the least that a step sees of what came before: 2,048 notes with the bar lines between them
BLOCK_STEPS = 512  # by which the context slides
READ_STEPS = 256  # read at a time: bounds the attention matrix


def to_numpy(tensor: Tensor) -> Floats:
    """A parameter as a float32 array in memory order."""
    return np.ascontiguousarray(tensor.detach().float().cpu().numpy())


def gelu(x: Floats) -> Floats:
    """Gaussian error linear unit, exact form (Hendrycks and Gimpel, arXiv 1606.08415)."""
    out: Floats = np.float32(0.5) * x * (1 + erf(x * HALF_SQRT))
    return out


class Dense:
    """A linear layer; ``columns`` picks some of its inputs."""

    def __init__(self, layer: nn.Linear, columns: slice = slice(None), bias: bool = True) -> None:
        self.weight = np.ascontiguousarray(to_numpy(layer.weight)[:, columns].T)
        self.bias = to_numpy(layer.bias) if bias else np.float32(0)

    def __call__(self, x: Floats) -> Floats:
        out: Floats = x @ self.weight + self.bias
        return out


class LayerNorm:
    """Layer normalisation over the last axis."""

    def __init__(self, layer: nn.LayerNorm) -> None:
        self.weight, self.bias, self.eps = to_numpy(layer.weight), to_numpy(layer.bias), np.float32(layer.eps)

    def __call__(self, x: Floats) -> Floats:
        width = np.float32(1 / x.shape[-1])
        x = x - x.sum(axis=-1, keepdims=True) * width
        variance = (x * x).sum(axis=-1, keepdims=True) * width
        out: Floats = x / np.sqrt(variance + self.eps) * self.weight + self.bias
        return out


class _Memory:
    """Keys and values of one layer, (head, place, dim)."""

    def __init__(self, num_heads: int, head_dim: int) -> None:
        self.keys = np.zeros((num_heads, 256, head_dim), dtype=np.float32)
        self.values = np.zeros_like(self.keys)

    def put(self, start: int, keys: Floats, values: Floats) -> None:
        """Hold new steps from a place on."""
        until, room = start + keys.shape[1], self.keys.shape[1]
        if until > room:
            more = ((0, 0), (0, max(until, 2 * room) - room), (0, 0))
            self.keys, self.values = np.pad(self.keys, more), np.pad(self.values, more)
        self.keys[:, start:until], self.values[:, start:until] = keys, values

    def drop(self, start: int, stop: int, until: int) -> None:
        """Let go of places ``start`` to ``stop``; those behind, up to ``until``, move up."""
        for held in (self.keys, self.values):
            held[:, start : start + until - stop] = held[:, stop:until].copy()


class _Layer:
    """One block's weights."""

    def __init__(self, block: Block) -> None:
        attention = block.attention
        self.heads, self.head_dim = attention.num_heads, attention.head_dim
        self.attention_norm, self.feedforward_norm = LayerNorm(block.attention_norm), LayerNorm(block.feedforward_norm)
        self.project_in, self.project_out = Dense(attention.project_in), Dense(attention.project_out)
        self.widen, self.narrow = Dense(block.feedforward[0]), Dense(block.feedforward[2])  # type: ignore[arg-type]
        assert attention.table is not None
        self.table = np.ascontiguousarray(to_numpy(attention.table)[:, ::-1].transpose(0, 2, 1))  # (head, dim, farthest first)

    def _relative(self, query: Floats, keys: int) -> Floats:
        """Query times Er, (head, step, key), for steps that are the last of the keys (keys after a step hold anything)."""
        steps, distances = query.shape[1], self.table.shape[2]
        near = min(keys, distances)
        by_distance = query @ self.table[:, :, distances - near :]  # the last column is distance 0
        if steps == 1 and near == keys:
            return by_distance
        rows = np.zeros((self.heads, steps, keys + steps - 1), dtype=np.float32)
        rows[..., : keys - near] = by_distance[..., :1]
        rows[..., keys - near : keys] = by_distance
        # an earlier step's row begins as much further on, as in ``compose.music_transformer.skew``
        head, step, key = rows.strides
        return np.lib.stride_tricks.as_strided(rows[..., steps - 1 :], (self.heads, steps, keys), (head, step - key, key))

    def __call__(self, x: Floats, memory: _Memory, start: int, hidden: slice) -> Floats:
        """The block's output for new steps (step, embed), which are put at place ``start``; places ``hidden`` are out of sight."""
        steps = len(x)
        until = start + steps
        projected = self.project_in(self.attention_norm(x)).reshape(steps, 3, self.heads, self.head_dim)
        query, key, value = projected.transpose(1, 2, 0, 3)  # (head, step, dim) each
        query = query * np.float32(1 / math.sqrt(self.head_dim))
        memory.put(start, key, value)
        weights = query @ memory.keys[:, :until].transpose(0, 2, 1)
        weights += self._relative(query, until)
        weights[..., hidden] = -np.inf
        if steps > 1:
            earlier, later = np.triu_indices(steps, 1)
            weights[..., start:][:, earlier, later] = -np.inf
        weights -= weights.max(axis=-1, keepdims=True)
        np.exp(weights, out=weights)
        mixed = weights @ memory.values[:, :until] / weights.sum(axis=-1, keepdims=True)
        x = x + self.project_out(mixed.transpose(1, 0, 2).reshape(steps, -1))
        out: Floats = x + self.narrow(gelu(self.widen(self.feedforward_norm(x))))
        return out


class SingleStack:
    """The weights of a stack laid out for single steps; any number of streams share them.

    Args:
        stack: With relative positions.
    """

    def __init__(self, stack: MusicTransformer) -> None:
        self.layers = [_Layer(block) for block in stack.blocks]  # type: ignore[arg-type]
        self.norm = LayerNorm(stack.norm)
        self.max_distance = stack.config.max_distance


class SingleStream:
    """The stack on one stream, its keys and values kept: ``read`` new steps, ``truncate`` to take steps back.

    Args:
        stack: Its weights.
        pinned: How many first steps stay in sight.
        context: The least number of steps that a step sees, itself and the nearest before it, where there are so many; not less
            than the stack's ``max_distance``.
        block: Steps by which the context slides.
    """

    def __init__(self, stack: SingleStack, pinned: int = 0, context: int = CONTEXT_STEPS, block: int = BLOCK_STEPS) -> None:
        self._stack = stack
        self._pinned, self._block = pinned, block
        self._context = max(context, stack.max_distance)  # what lies farther is at one distance, dropped places or not
        self._memories = [_Memory(layer.heads, layer.head_dim) for layer in stack.layers]
        self._dropped = 0  # steps after the pinned ones whose keys are gone
        self.length = 0  # steps read

    def _first(self, step: int) -> int:
        """The first step, beside the pinned ones, that a step sees."""
        return max((step + 1 - self._context) // self._block, 0) * self._block

    def read(self, x: Floats) -> Floats:
        """States after new steps, (step, embed) both."""
        out, start = [], 0
        while start < len(x):
            first = self._first(self.length)
            slides_at = first + self._context + self._block - 1  # the next step that sees fewer
            stop = min(len(x), start + READ_STEPS, start + slides_at - self.length)
            out.append(self._read(x[start:stop], first))
            start = stop
        return np.concatenate(out) if len(out) > 1 else out[0]

    def _read(self, x: Floats, first: int) -> Floats:
        """States after new steps that all see the steps from ``first`` on."""
        # what a step half a block earlier saw stays: a search goes back so far
        gone = self._first(self.length - self._block // 2) - self._pinned - self._dropped
        if gone > 0:
            for memory in self._memories:
                memory.drop(self._pinned, self._pinned + gone, self.length - self._dropped)
            self._dropped += gone
        hidden = slice(self._pinned, max(first - self._dropped, self._pinned))
        for layer, memory in zip(self._stack.layers, self._memories, strict=True):
            x = layer(x, memory, self.length - self._dropped, hidden)
        self.length += len(x)
        return self._stack.norm(x)

    def truncate(self, length: int) -> None:
        """Forget every step from ``length`` on; all steps where what the next one sees is not kept any more (see ``length``)."""
        if not 0 <= length <= self.length:
            raise ValueError(f"length must be in 0..{self.length}, got {length}")
        seen = max(self._first(length), self._pinned)
        self.length = length if seen >= self._pinned + self._dropped or not self._dropped else 0
        if not self.length:
            self._dropped = 0
