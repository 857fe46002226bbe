"""A trained ``MusicTransformer`` one step at a time, in NumPy: the same numbers as torch, in a third of the time.

A step of one stream is a few hundred products of a vector and a small matrix; what torch spends around each of them is longer than
the product. Training, validation and everything in batches stay with torch; ``tests/compose`` holds the two together.
All arrays are float32; a stream's axis comes first.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf
from torch import Tensor, nn

from compose.music_transformer import Block, MusicTransformer

__all__ = ["Dense", "Floats", "LayerNorm", "SingleStream", "gelu", "to_numpy"]

Floats = NDArray[np.float32]
HALF_SQRT = np.float32(math.sqrt(0.5))


def to_numpy(tensor: Tensor) -> Floats:
    """A parameter as a float32 array in memory order."""
    return np.ascontiguousarray(tensor.detach().float().cpu().numpy())


def gelu(x: Floats) -> Floats:
    """Gaussian error linear unit, exact form (Hendrycks and Gimpel, arXiv 1606.08415)."""
    out: Floats = np.float32(0.5) * x * (1 + erf(x * HALF_SQRT))
    return out


def _softmax(x: Floats) -> Floats:
    """Over the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    out: Floats = e / e.sum(axis=-1, keepdims=True)
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


class _Layer:
    """One block with the keys and values of the steps read so far."""

    def __init__(self, block: Block) -> None:
        attention = block.attention
        self.heads, self.head_dim = attention.num_heads, attention.head_dim
        self.attention_norm, self.feedforward_norm = LayerNorm(block.attention_norm), LayerNorm(block.feedforward_norm)
        self.project_in, self.project_out = Dense(attention.project_in), Dense(attention.project_out)
        self.widen, self.narrow = Dense(block.feedforward[0]), Dense(block.feedforward[2])  # type: ignore[arg-type]
        assert attention.table is not None
        self.table = to_numpy(attention.table)  # (head, distance, dim)
        self.keys = np.zeros((self.heads, 256, self.head_dim), dtype=np.float32)
        self.values = np.zeros_like(self.keys)

    def _grow(self, needed: int) -> None:
        if needed > self.keys.shape[1]:
            more = ((0, 0), (0, max(needed, 2 * self.keys.shape[1]) - self.keys.shape[1]), (0, 0))
            self.keys, self.values = np.pad(self.keys, more), np.pad(self.values, more)

    def _relative(self, query: Floats, start: int) -> Floats:
        """Query times Er, (head, step, key), for steps that begin at place ``start`` (keys after a step hold anything)."""
        steps, keys = query.shape[1], start + query.shape[1]
        distances = self.table.shape[1]
        by_distance = query @ self.table[:, : min(keys, distances)].transpose(0, 2, 1)
        if steps == 1 and keys <= distances:
            return by_distance[..., ::-1]
        distance = start + np.arange(steps)[:, None] - np.arange(keys)
        return np.take_along_axis(by_distance, distance.clip(0, distances - 1)[None], axis=2)

    def __call__(self, x: Floats, start: int) -> Floats:
        """The block's output for new steps (step, embed) at place ``start``."""
        steps = len(x)
        until = start + steps
        self._grow(until)
        projected = self.project_in(self.attention_norm(x)).reshape(steps, 3, self.heads, self.head_dim)
        query, key, value = projected.transpose(1, 2, 0, 3)  # (head, step, dim) each
        query = query * np.float32(1 / math.sqrt(self.head_dim))
        self.keys[:, start:until], self.values[:, start:until] = key, value
        logits = query @ self.keys[:, :until].transpose(0, 2, 1) + self._relative(query, start)
        if steps > 1:
            logits[:, np.arange(until) > start + np.arange(steps)[:, None]] = -np.inf
        mixed = _softmax(logits) @ self.values[:, :until]
        x = x + self.project_out(mixed.transpose(1, 0, 2).reshape(steps, -1))
        out: Floats = x + self.narrow(gelu(self.widen(self.feedforward_norm(x))))
        return out


class SingleStream:
    """The stack on one stream, its keys and values kept: ``read`` new steps, ``truncate`` to take steps back.

    Args:
        stack: With relative positions.
    """

    def __init__(self, stack: MusicTransformer) -> None:
        self._layers = [_Layer(block) for block in stack.blocks]  # type: ignore[arg-type]
        self._norm = LayerNorm(stack.norm)
        self.length = 0  # steps read

    def read(self, x: Floats) -> Floats:
        """States after new steps, (step, embed) both."""
        for layer in self._layers:
            x = layer(x, self.length)
        self.length += len(x)
        return self._norm(x)

    def truncate(self, length: int) -> None:
        """Forget every step from ``length`` on."""
        if not 0 <= length <= self.length:
            raise ValueError(f"length must be in 0..{self.length}, got {length}")
        self.length = length
