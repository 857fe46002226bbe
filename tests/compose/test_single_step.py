"""The stack in NumPy gives torch's numbers, whatever is read at once and however often it steps back."""

import numpy as np
import pytest
import torch

from compose.music_transformer import MusicTransformer, MusicTransformerConfig
from compose.single_step import SingleStack, SingleStream, gelu

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
    stream, start, out = SingleStream(SingleStack(stack)), 0, []
    for size in sizes:
        out.append(stream.read(x[start : start + size]))
        start += size
    np.testing.assert_allclose(np.concatenate(out), expected(stack, x), atol=2e-5)


def test_steps_taken_back_leave_nothing(stack, rng):
    x, other = (rng.normal(size=(30, CONFIG.embed_dim)).astype(np.float32) for _ in range(2))
    stream = SingleStream(SingleStack(stack))
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
    one, two = SingleStream(SingleStack(stack)), SingleStream(SingleStack(stack))
    one.read(x[:3])
    two.read(other)
    np.testing.assert_allclose(one.read(x[3:]), expected(stack, x)[3:], atol=2e-5)


def test_gelu_is_the_exact_form(rng):
    x = rng.normal(size=1000).astype(np.float32) * 4
    np.testing.assert_allclose(gelu(x), torch.nn.functional.gelu(torch.from_numpy(x)).numpy(), atol=1e-6)
    assert gelu(x).dtype == np.float32


@pytest.mark.parametrize("pinned", [0, 3])
@pytest.mark.parametrize("sizes", [[1] * 120, [120], [50, 1, 1, 33, 1, 34], [17, 20, 1, 82]])
def test_a_context_that_slides_is_a_mask_over_the_whole_stream(stack, rng, slide_context, sizes, pinned):
    x = rng.normal(size=(sum(sizes), CONFIG.embed_dim)).astype(np.float32)
    stream, start, out = SingleStream(SingleStack(stack), pinned, context=20, block=8), 0, []
    for size in sizes:
        out.append(stream.read(x[start : start + size]))
        start += size
    found = np.concatenate(out)
    whole = expected(stack, x)
    assert np.abs(found - whole)[27:].max() > 1e-3  # from the first slide on a step does see less
    np.testing.assert_allclose(found[:27], whole[:27], atol=2e-5)
    slide_context(pinned, 20, 8)
    np.testing.assert_allclose(found, expected(stack, x), atol=2e-5)


def test_steps_back_over_a_slide_leave_nothing(stack, rng):
    """Also where the keys that are needed again were dropped: then all is forgotten, and the stream is read anew."""
    x, other = (rng.normal(size=(150, CONFIG.embed_dim)).astype(np.float32) for _ in range(2))
    straight = SingleStream(SingleStack(stack), 2, context=20, block=8).read(x)
    stream = SingleStream(SingleStack(stack), 2, context=20, block=8)
    forgotten = []
    for length, back in ((60, 5), (70, 9), (90, 70), (100, 1), (130, 12), (140, 139)):
        stream.read(x[stream.length : length])
        stream.read(other[:3])
        stream.truncate(length - back)
        forgotten.append(stream.length == 0)
        start = stream.length
        np.testing.assert_allclose(stream.read(x[start:length]), straight[start:length], atol=2e-5)
    assert True in forgotten
    assert False in forgotten


def test_memory_of_a_long_stream_is_bounded(stack, rng):
    stream = SingleStream(SingleStack(stack), 3, context=20, block=8)
    for _ in range(40):
        stream.read(rng.normal(size=(100, CONFIG.embed_dim)).astype(np.float32))
    assert stream.length == 4000
    assert stream._memories[0].keys.shape[1] <= 256
