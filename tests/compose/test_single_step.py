"""The stack in NumPy gives torch's numbers, whatever is read at once and however often it steps back."""

import numpy as np
import pytest
import torch

from compose.music_transformer import MusicTransformer, MusicTransformerConfig
from compose.single_step import SingleStream, gelu

CONFIG = MusicTransformerConfig(embed_dim=24, num_layers=2, num_heads=3, feedforward_dim=40, max_distance=16, dropout=0.0)


@pytest.fixture(scope="module")
def stack():
    torch.manual_seed(1)
    built = MusicTransformer(CONFIG).eval()
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.mul_(1.5).add_(0.05)
    return built


def expected(stack, x):
    with torch.no_grad():
        return stack(torch.from_numpy(x)[None])[0].numpy()


@pytest.mark.parametrize("sizes", [[1] * 40, [40], [7, 1, 1, 20, 11], [300, 1, 9]])
def test_states_are_those_of_torch(stack, rng, sizes):
    x = rng.normal(size=(sum(sizes), CONFIG.embed_dim)).astype(np.float32)
    stream, start, out = SingleStream(stack), 0, []
    for size in sizes:
        out.append(stream.read(x[start : start + size]))
        start += size
    np.testing.assert_allclose(np.concatenate(out), expected(stack, x), atol=2e-5)


def test_steps_taken_back_leave_nothing(stack, rng):
    x, other = (rng.normal(size=(30, CONFIG.embed_dim)).astype(np.float32) for _ in range(2))
    stream = SingleStream(stack)
    stream.read(x[:12])
    stream.read(other[:9])
    stream.truncate(10)
    assert stream.length == 10
    joined = np.concatenate([x[:10], other[9:14]])
    np.testing.assert_allclose(stream.read(other[9:14]), expected(stack, joined)[10:], atol=2e-5)
    with pytest.raises(ValueError, match="length"):
        stream.truncate(99)


def test_two_streams_of_one_stack_keep_apart(stack, rng):
    x, other = (rng.normal(size=(5, CONFIG.embed_dim)).astype(np.float32) for _ in range(2))
    one, two = SingleStream(stack), SingleStream(stack)
    one.read(x[:3])
    two.read(other)
    np.testing.assert_allclose(one.read(x[3:]), expected(stack, x)[3:], atol=2e-5)


def test_gelu_is_the_exact_form(rng):
    x = rng.normal(size=1000).astype(np.float32) * 4
    np.testing.assert_allclose(gelu(x), torch.nn.functional.gelu(torch.from_numpy(x)).numpy(), atol=1e-6)
    assert gelu(x).dtype == np.float32
