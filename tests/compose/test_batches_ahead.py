"""Batches come in order and ahead, errors where the batch would have come, and nothing is made once nobody wants it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest
import torch

from compose.batches_ahead import batches_on, fetched


def test_batches_come_ahead_in_order() -> None:
    batches = [torch.tensor([float(number)]) for number in range(5)]
    assert [float(batch) for batch in fetched(iter(batches), lambda batch: batch + 1)] == [1, 2, 3, 4, 5]
    assert list(batches_on(torch.device("cpu"), iter(batches))) == batches


def test_an_error_comes_where_the_batch_would_have_come() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise RuntimeError("no more")

    batches = fetched(broken(), lambda batch: batch)
    assert next(batches) == 1
    with pytest.raises(RuntimeError, match="no more"):
        next(batches)


def test_no_more_is_made_once_the_batches_are_closed() -> None:
    made = itertools.count()
    batches = fetched(made, lambda batch: batch)
    assert next(batches) == 0
    batches.close()
    asked = next(made)
    time.sleep(0.3)
    assert next(made) == asked + 1


@pytest.mark.gpu
def test_batches_are_on_the_gpu_before_they_are_wanted() -> None:
    batches = [torch.full((1000,), float(number)) for number in range(4)]
    there = list(batches_on(torch.device("cuda"), iter(batches)))
    assert all(batch.is_cuda for batch in there)
    assert [float(batch.sum()) for batch in there] == [0, 1000, 2000, 3000]
