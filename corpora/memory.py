"""Memory that long work has freed, given back to the system: ``give_back_memory``."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache

__all__ = ["give_back_memory"]


@cache
def _trim() -> Callable[[int], int] | None:
    """glibc's ``malloc_trim``; other C libraries have none and need none."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    return found


def give_back_memory() -> None:
    """Give back what is free between what is in use.

    Tensors of many sizes, made and freed again and again, leave glibc's heap full of holes: an hour of sound took half a gigabyte
    more than it needs.
    """
    trim = _trim()
    if trim is not None:
        trim(0)
