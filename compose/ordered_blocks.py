"""An endless list whose blocks are made ahead, in order, in processes beside this one: how trainers get their batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any, TypeVar

from corpora.process import end_with_parent

__all__ = ["ordered_items", "ordered_items_of"]

PREFETCH = 2  # blocks that each worker makes ahead

_Item = TypeVar("_Item")
_Given = TypeVar("_Given")
_given: list[Any] = []  # in a worker: what all its blocks are made of


def ordered_items(make: Callable[[int], Sequence[_Item]], size: int, first: int, workers: int = 1) -> Iterator[_Item]:
    """Items ``first``, ``first + 1`` and so on without end of the list whose block ``n`` is ``make(n)``.

    Args:
        make: Picklable, and a pure function of the number: then the items are the same whatever the number of workers.
        size: Items of a block.
        first: Where to begin.
        workers: Processes; they end with this one, also when it is killed.
    """
    return _items(make, size, first, workers, end_with_parent)


def ordered_items_of(
    given: _Given, make: Callable[[_Given, int], Sequence[_Item]], size: int, first: int, workers: int = 1
) -> Iterator[_Item]:
    """``ordered_items`` with blocks ``make(given, n)``; what is given goes to each process once.

    Args:
        given: Picklable, of any size.
        make, size, first, workers: As for ``ordered_items``.
    """
    return _items(partial(_made_of_given, make), size, first, workers, partial(_begin, given))


def _begin(given: object) -> None:
    end_with_parent()
    _given[:] = [given]


def _made_of_given(make: Callable[[Any, int], Sequence[_Item]], number: int) -> Sequence[_Item]:
    return make(_given[0], number)


def _items(
    make: Callable[[int], Sequence[_Item]], size: int, first: int, workers: int, begin: Callable[[], None]
) -> Iterator[_Item]:
    number, skipped = divmod(first, size)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=begin) as pool:
        waiting: list[Future[Sequence[_Item]]] = []
        while True:
            while len(waiting) < PREFETCH * workers:
                waiting.append(pool.submit(make, number))
                number += 1
            yield from waiting.pop(0).result()[skipped:]
            skipped = 0
