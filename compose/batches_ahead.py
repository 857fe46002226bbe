"""Batches where a run computes: on a GPU the next ones are made and sent there while this one is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import torch

from compose.devices import moved

__all__ = ["batches_on", "fetched"]

AHEAD = 2  # batches that are ready before they are wanted
END: Final = object()

_T = TypeVar("_T")


def batches_on(device: torch.device, batches: Iterator[_T]) -> Generator[_T]:
    """The batches on a device, in order; to be closed after use, which ends the thread that fetches them.

    Args:
        device: Where they are used; a CUDA device gets them by a stream of its own, ``AHEAD`` of them before they are wanted.
        batches: On the processor.

    Raises:
        Exception: What making them raises, where the batch would have come.
    """
    if device.type != "cuda":
        yield from (moved(batch, device) for batch in batches)
        return
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def sent(batch: _T) -> _T:
        with torch.cuda.stream(stream):
            there = moved(batch, device)
        stream.synchronize()
        return there

    yield from fetched(batches, sent)


def fetched(batches: Iterator[_T], sent: Callable[[_T], _T]) -> Generator[_T]:
    """``sent`` of each batch, worked out by a thread ``AHEAD`` batches before it is wanted; errors as ``batches_on``.

    Args:
        batches: Asked for by that thread alone.
        sent: Called by that thread, too.
    """

    def fetch() -> Any:
        batch = next(batches, END)
        return END if batch is END else sent(batch)  # type: ignore[arg-type]

    pool = ThreadPoolExecutor(1)
    waiting = deque(pool.submit(fetch) for _ in range(AHEAD))
    try:
        while (batch := waiting.popleft().result()) is not END:
            waiting.append(pool.submit(fetch))
            yield batch
    finally:
        pool.shutdown(cancel_futures=True)
