"""What a function makes of 0, 1, 2 ..., in order, made ahead in processes beside this one: how trainers get their batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any, TypeVar

from corpora.process import end_with_parent

__all__ = ["ordered_blocks", "ordered_blocks_of"]

PREFETCH = 2  # blocks that each worker makes ahead

_Block = TypeVar("_Block")
_Given = TypeVar("_Given")
_given: list[Any] = []  # in a worker: what all its blocks are made of


def ordered_blocks(make: Callable[[int], _Block], first: int, workers: int = 1) -> Iterator[_Block]:
    """``make(first)``, ``make(first + 1)`` and so on without end.

    Args:
        make: Picklable, and a pure function of the number: then the blocks are the same whatever the number of workers.
        first: Where to begin.
        workers: Processes; they end with this one, also when it is killed.
    """
    return _ordered(make, first, workers, end_with_parent)


def ordered_blocks_of(given: _Given, make: Callable[[_Given, int], _Block], first: int, workers: int = 1) -> Iterator[_Block]:
    """``make(given, first)``, ``make(given, first + 1)`` and so on without end; what is given goes to each process once.

    Args:
        given: Picklable, of any size.
        make, first, workers: As for ``ordered_blocks``.
    """
    return _ordered(partial(_made_of_given, make), first, workers, partial(_begin, given))


def _begin(given: object) -> None:
    end_with_parent()
    _given[:] = [given]


def _made_of_given(make: Callable[[Any, int], _Block], number: int) -> _Block:
    return make(_given[0], number)


def _ordered(make: Callable[[int], _Block], first: int, workers: int, begin: Callable[[], None]) -> Iterator[_Block]:
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=begin) as pool:
        waiting: list[Future[_Block]] = []
        number = first
        while True:
            while len(waiting) < PREFETCH * workers:
                waiting.append(pool.submit(make, number))
                number += 1
            yield waiting.pop(0).result()
