"""Where a run computes: the one place that chooses the device, and batches that follow the model there."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

__all__ = ["ahead", "best_device", "device_of", "fetched", "moved"]

AHEAD = 2  # batches that are ready before they are wanted
NOTICE_S = 0.2  # until a thread sees that no more is wanted

_T = TypeVar("_T")


def best_device() -> torch.device:
    """The CUDA device when there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_of(model: nn.Module) -> torch.device:
    """Where the weights of a model are."""
    return next(model.parameters()).device


def moved(batch: _T, device: torch.device) -> _T:
    """A batch (tensor, tuple, list, or dataclass of such) with its tensors on a device."""
    value: Any = batch
    if isinstance(value, Tensor):
        value = value.to(device)
    elif isinstance(value, (tuple, list)):
        value = type(value)(moved(entry, device) for entry in value)
    elif is_dataclass(value) and not isinstance(value, type):
        value = replace(value, **{entry.name: moved(getattr(value, entry.name), device) for entry in fields(value)})
    out: _T = value
    return out


def ahead(batches: Iterator[_T], device: torch.device) -> Generator[_T]:
    """The same batches; on a CUDA device the next one is made and sent there while this one is used. To be closed after use.

    Args:
        batches: Asked for by one thread at a time.
        device: Where they are used; on the processor they come as they are.

    Raises:
        Exception: What making them raises, where the batch would have come.
    """
    if device.type != "cuda":
        yield from batches
        return
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def sent(batch: _T) -> _T:
        with torch.cuda.stream(stream):
            there = moved(batch, device)
        stream.synchronize()
        return there

    yield from fetched(batches, sent)


def fetched(batches: Iterator[_T], sent: Callable[[_T], _T]) -> Generator[_T]:
    """``sent`` of each batch, made by a thread that keeps ``AHEAD`` of them ready; arguments as of ``ahead``."""
    ready: queue.Queue[tuple[_T | None, BaseException | None]] = queue.Queue(AHEAD)
    closed = threading.Event()

    def put(batch: _T | None, error: BaseException | None) -> None:
        while not closed.is_set():
            with contextlib.suppress(queue.Full):
                ready.put((batch, error), timeout=NOTICE_S)
                return

    def fetch() -> None:
        try:
            for batch in batches:
                put(sent(batch), None)
                if closed.is_set():
                    return
            put(None, StopIteration())
        except BaseException as error:  # told where the batch is wanted
            put(None, error)

    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    try:
        while True:
            batch, error = ready.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            assert batch is not None
            yield batch
    finally:
        closed.set()
        thread.join()
