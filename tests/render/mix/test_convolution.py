from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from render.mix.convolution import Convolution


@pytest.mark.parametrize("length", [1, 5, 63, 64, 65, 1000])
@pytest.mark.parametrize("sizes", [[7, 64, 1, 0, 200], [64], [1000], [3]])
def test_it_is_convolution_whatever_the_blocks(length: int, sizes: list[int]) -> None:
    rng = np.random.default_rng(length)
    sound = rng.standard_normal((2, 2500)).astype(np.float32)
    response = rng.standard_normal((2, length)).astype(np.float32) / np.float32(length**0.5)
    stream = Convolution(response, 64)
    out, place, turn = [], 0, 0
    while place < sound.shape[1]:
        size = sizes[turn % len(sizes)]
        out.append(stream.process(sound[:, place : place + size]))
        place, turn = place + size, turn + 1
    expected = signal.fftconvolve(sound.astype(np.float64), response, axes=1)
    assert stream.tail_samples == length - 1
    tail = stream.process(np.zeros((2, length - 1), dtype=np.float32))
    assert np.abs(np.concatenate([*out, tail], axis=1) - expected).max() < 1e-5
