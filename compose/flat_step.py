"""A trained ``FlatModel`` one step at a time, in NumPy (see ``compose.single_step``)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from compose.flat_layouts import NOT_DECIDED
from compose.flat_model import FieldHead, FlatModel
from compose.single_step import Dense, Floats, LayerNorm, SingleStack, SingleStream, gelu, to_numpy

__all__ = ["FlatStep", "log_softmax"]


def log_softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logarithms of probabilities over the last axis."""
    wide = logits.astype(np.float64)
    top = wide.max(axis=-1, keepdims=True)
    out: NDArray[np.float64] = wide - top - np.log(np.exp(wide - top).sum(axis=-1, keepdims=True))
    return out


class _Head:
    """A ``FieldHead`` for single states."""

    def __init__(self, head: FieldHead) -> None:
        self.project, self.norm, self.out = Dense(head.project), LayerNorm(head.norm), Dense(head.out)
        self.decided = [to_numpy(table.weight) for table in head.decided]  # type: ignore[arg-type]

    def logits(self, state: Floats, decided: Sequence[int | NDArray[np.int64]]) -> Floats:
        x = self.project(state)
        for table, choice in zip(self.decided, decided, strict=True):
            x = x + table[np.asarray(choice) - NOT_DECIDED]
        return self.out(self.norm(gelu(x)))


class FlatStep:
    """The weights of a model, for streams of single steps."""

    def __init__(self, model: FlatModel) -> None:
        self.model = model
        self.layout = model.layout
        self._stack = SingleStack(model.transformer)
        self._tables = [to_numpy(table.weight) for table in model.columns]  # type: ignore[arg-type]
        self._heads = [_Head(head) for head in model.heads]  # type: ignore[arg-type]

    def stream(self) -> SingleStream:
        """A new stream of steps."""
        return SingleStream(self._stack)

    def embed(self, inputs: NDArray[np.int64]) -> Floats:
        """Steps (step, column) as vectors (step, embed)."""
        out: Floats = self._tables[0][inputs[:, 0]]
        for index in range(1, len(self._tables)):
            out = out + self._tables[index][inputs[:, index]]
        return out

    def log_probabilities(self, field: int, state: Floats, decided: Sequence[int | NDArray[np.int64]] = ()) -> NDArray[np.float64]:
        """Log-probabilities of a field's classes, shape (classes,) or, where a choice before is an array, (choices, classes).

        Args:
            field: Which.
            state: Before the step, shape (embed,).
            decided: The choices of all fields before it, ``NOT_DECIDED`` where the step has none.
        """
        return log_softmax(self._heads[field].logits(state, decided))
