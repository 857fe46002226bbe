"""A long tensor that comes in pieces, cut into windows that overlap: each a core and what lies about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Window", "windows"]


class Window(NamedTuple):
    """Part of the whole; ``values[..., first:last, ...]`` along the axis is the core, which no other window has.

    Args:
        values: With its surroundings, as far as there are any.
        first, last: Where the core is.
    """

    values: Tensor
    first: int
    last: int


def windows(pieces: Iterable[Tensor], axis: int, core: int, context: int) -> Iterator[Window]:
    """Windows in order; their cores make up the whole.

    Args:
        pieces: In order, of any lengths.
        axis: Along which they lie one after another.
        core: Length of each core but the last.
        context: Length of the surroundings at either side, shorter at the ends of the whole.
    """
    held: Tensor | None = None
    before = 0  # of what is held lies before the next core
    for piece in pieces:
        held = piece if held is None else torch.cat([held, piece], axis)
        while held.shape[axis] >= before + core + context:
            yield Window(held.narrow(axis, 0, before + core + context), before, before + core)
            skip = max(before + core - context, 0)
            held = held.narrow(axis, skip, held.shape[axis] - skip)
            before = before + core - skip
    while held is not None and held.shape[axis] > before:
        last = min(before + core, held.shape[axis])
        yield Window(held.narrow(axis, 0, min(last + context, held.shape[axis])), before, last)
        skip = max(last - context, 0)
        held = held.narrow(axis, skip, held.shape[axis] - skip)
        before = last - skip
