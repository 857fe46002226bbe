"""Freed memory goes back, where the C library keeps it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from corpora import memory
from corpora.memory import give_back_memory


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


@pytest.mark.skipif(memory._trim() is None, reason="no glibc")
def test_holes_are_given_back() -> None:
    blocks = [np.ones(2_000, dtype=np.float64) for _ in range(12_000)]  # 16 kB each: below what is mapped by itself
    kept = blocks[::50]
    before = resident_mb()
    del blocks
    give_back_memory()
    assert resident_mb() < before - 100
    assert sum(float(block.sum()) for block in kept) == 2_000 * len(kept)


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    memory._trim.cache_clear()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert memory._trim() is None
    give_back_memory()
    memory._trim.cache_clear()
