"""What a function makes of 0, 1, 2 ..., in order, made ahead in processes beside this one: how trainers get their batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

from corpora.process import end_with_parent

__all__ = ["ordered_blocks"]

PREFETCH = 2  # blocks that each worker makes ahead

_Block = TypeVar("_Block")


def ordered_blocks(make: Callable[[int], _Block], first: int, workers: int = 1) -> Iterator[_Block]:
    """``make(first)``, ``make(first + 1)`` and so on without end.

    Args:
        make: Picklable, and a pure function of the number: then the blocks are the same whatever the number of workers.
        first: Where to begin.
        workers: Processes; they end with this one, also when it is killed.
    """
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=end_with_parent) as pool:
        waiting: list[Future[_Block]] = []
        number = first
        while True:
            while len(waiting) < PREFETCH * workers:
                waiting.append(pool.submit(make, number))
                number += 1
            yield waiting.pop(0).result()
