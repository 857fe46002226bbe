"""A cache that forgets what was used longest ago when what it holds grows past so many bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["ByteCache"]

Value = TypeVar("Value")


class ByteCache(Generic[Value]):
    """Values by key.

    Args:
        limit_bytes: What it may hold; the newest value stays whatever its size.
        size_of: Bytes of a value.
    """

    def __init__(self, limit_bytes: int, size_of: Callable[[Value], int]) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self._size_of = size_of
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        """The value of a key, or None."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: Hashable, value: Value) -> Value:
        """Keep a value, and give it back."""
        old = self._values.pop(key, None)
        if old is not None:
            self.held_bytes -= self._size_of(old)
        self._values[key] = value
        self.held_bytes += self._size_of(value)
        while self.held_bytes > self.limit_bytes and len(self._values) > 1:
            _, gone = self._values.popitem(last=False)
            self.held_bytes -= self._size_of(gone)
        return value
