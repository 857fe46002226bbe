"""Relative global attention: skewing is the direct gather, the cache changes nothing, nothing looks ahead."""

import math

import pytest
import torch

from compose.flex_attention import attend_flex
from compose.music_transformer import (
    ATTENTION_BACKENDS,
    Cache,
    MusicTransformer,
    MusicTransformerConfig,
    attend_sdpa,
    attend_skew,
    skew,
)
from corpora.errors import RequestError

SEEDS = (0, 1, 2)


def gathered(query, key, value, table):
    """The same attention with one vector of the table picked for every pair of query and key."""
    queries, keys, distances = query.shape[2], key.shape[2], table.shape[1]
    places = torch.arange(keys - queries, keys)[:, None] - torch.arange(keys)[None]  # distance of each pair
    vectors = table[:, places.clamp(0, distances - 1)]  # (head, query, key, head_dim)
    logits = (query @ key.transpose(2, 3) + torch.einsum("bhqd,hqkd->bhqk", query, vectors)) / math.sqrt(query.shape[-1])
    return logits.masked_fill(places < 0, -math.inf).softmax(-1) @ value


def parts(seed, queries, keys, distances, batch=2, heads=3, dim=8):
    generator = torch.Generator().manual_seed(seed)
    shapes = ((batch, heads, queries, dim), (batch, heads, keys, dim), (batch, heads, keys, dim), (heads, distances, dim))
    return [torch.randn(shape, generator=generator) for shape in shapes]


SIZES = [(1, 1, 4), (7, 7, 16), (16, 16, 16), (20, 20, 6), (5, 12, 4), (5, 12, 32), (1, 40, 16), (300, 300, 64), (270, 600, 500)]


def test_skew_moves_rows_as_written_out_by_hand():
    rows = torch.tensor([[[[0.0, 1.0, 2.0, 3.0], [0.0, 4.0, 5.0, 6.0], [0.0, 7.0, 8.0, 9.0]]]])
    moved = skew(rows)[0, 0]
    assert moved[0, 0] == 3  # the first query sees itself at distance 0, the last column
    assert moved[1, :2].tolist() == [5, 6]
    assert moved[2].tolist() == [7, 8, 9]


@pytest.mark.parametrize(("queries", "keys", "distances"), SIZES)
def test_skew_equals_the_direct_gather(queries, keys, distances):
    for seed in SEEDS:
        given = parts(seed, queries, keys, distances)
        torch.testing.assert_close(attend_skew(*given), gathered(*given), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("queries", "keys", "distances"), SIZES)
@pytest.mark.parametrize("attend", [attend_sdpa, attend_flex])
def test_back_ends_agree(attend, queries, keys, distances):
    given = parts(7, queries, keys, distances)
    torch.testing.assert_close(attend(*given), attend_skew(*given), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(attend(*given[:3], None), attend_skew(*given[:3], None), atol=1e-5, rtol=1e-5)


ON_CUDA = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.mark.parametrize(
    ("attend", "device"),
    [(attend_skew, "cpu"), (attend_sdpa, "cpu"), *(pytest.param(a, "cuda", marks=ON_CUDA) for a in ATTENTION_BACKENDS.values())],
)
@pytest.mark.parametrize(("queries", "keys", "distances"), [(9, 9, 4), (6, 11, 20), (280, 280, 40)])
def test_gradients_equal_those_of_the_gather(attend, device, queries, keys, distances):
    ours, theirs = ([tensor.to(device) for tensor in parts(3, queries, keys, distances, dim=16)] for _ in range(2))
    for given, function in ((ours, attend), (theirs, gathered)):
        for tensor in given:
            tensor.requires_grad_()
        out = function(*given)
        (out * torch.linspace(-1, 1, out.numel(), device=device).view_as(out)).sum().backward()
    limit = 1e-4 if device == "cpu" else 2e-2  # TF32 products in the compiled kernel
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad, atol=limit, rtol=limit)


@pytest.mark.parametrize("asks", range(4))
def test_flex_refuses_gradients_on_a_processor(asks):
    given = parts(0, 4, 4, 4)
    given[asks].requires_grad_()
    with pytest.raises(RequestError, match="'flex' has no gradients on cpu: expected cuda, or 'sdpa' or 'skew'"):
        attend_flex(*given)
    with torch.no_grad():
        attend_flex(*given)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("queries", "keys", "distances"), SIZES)
def test_compiled_flex_equals_skew(queries, keys, distances):
    given = [tensor.cuda() for tensor in parts(7, queries, keys, distances, dim=16)]
    torch.testing.assert_close(attend_flex(*given), attend_skew(*given), atol=2e-2, rtol=2e-2)


def stack(position="relative", backend="skew", **sizes):
    torch.manual_seed(11)
    config = MusicTransformerConfig(**{**MusicTransformerConfig.tiny().to_dict(), "position": position, **sizes})
    return MusicTransformer(config, backend).eval()


@pytest.mark.parametrize("position", ["relative", "absolute"])
@pytest.mark.parametrize("backend", ATTENTION_BACKENDS)
@pytest.mark.parametrize("sizes", [(1,) * 12, (5, 1, 1, 3, 2), (12,), (4, 300, 20)])
def test_cached_equals_uncached(position, backend, sizes):
    model, length = stack(position, backend, max_distance=10), sum(sizes)
    x, cache, start, out = torch.randn(2, length, 32), Cache(capacity=4), 0, []
    with torch.no_grad():
        whole = model(x)
        for size in sizes:
            out.append(model(x[:, start : start + size], cache))
            start += size
    assert cache.length == length
    torch.testing.assert_close(torch.cat(out, 1), whole, atol=1e-5, rtol=1e-5)


def test_truncated_cache_goes_on_as_if_the_steps_had_never_been():
    model, cache = stack(), Cache(capacity=4)
    x, other = torch.randn(1, 9, 32), torch.randn(1, 5, 32)
    with torch.no_grad():
        model(torch.cat([x[:, :6], other], 1), cache)
        cache.truncate(6)
        rest = model(x[:, 6:], cache)
        torch.testing.assert_close(rest, model(x)[:, 6:], atol=1e-5, rtol=1e-5)
    with pytest.raises(ValueError, match=r"length must be in 0\.\.9, got 10"):
        cache.truncate(10)


@pytest.mark.parametrize("position", ["relative", "absolute"])
@pytest.mark.parametrize("backend", ATTENTION_BACKENDS)
def test_changes_to_the_future_leave_the_past_alone(position, backend):
    model, x = stack(position, backend), torch.randn(1, 30, 32)
    changed = x.clone()
    changed[:, 17:] = torch.randn(1, 13, 32)
    with torch.no_grad():
        before, after = model(x), model(changed)
    assert torch.equal(before[:, :17], after[:, :17])
    assert not torch.allclose(before[:, 17:], after[:, 17:])


def test_relative_positions_know_distances_only():
    """The same steps after more of the same first step: a one-layer stack gives its later states from distances alone."""
    model = stack(num_layers=1, max_distance=4)
    x = torch.randn(1, 6, 32)
    with torch.no_grad():
        query, key, value = torch.randn(3, 1, 2, 10, 16).unbind(0)
        table = model.blocks[0].attention.table
        early = attend_skew(query[:, :, :6], key[:, :, :6], value[:, :, :6], table)
        # shifted by four places, behind keys whose share is divided out
        silent = torch.zeros(1, 2, 4, 16)
        keys = torch.cat([silent, key[:, :, :6]], 2)
        late = attend_skew(query[:, :, :6], keys, torch.cat([silent, value[:, :, :6]], 2), table)
        weights = attend_skew(query[:, :, :6], keys, torch.cat([silent, torch.ones(1, 2, 6, 16)], 2), table)
        torch.testing.assert_close(late / weights, early, atol=1e-4, rtol=1e-4)
        # and the whole stack: a batch of one step repeated gives one state, whatever the length
        same = model(x[:, :1].expand(1, 12, 32))
        torch.testing.assert_close(same, same[:, :1].expand_as(same), atol=1e-5, rtol=1e-5)


def test_absolute_positions_know_places():
    model, x = stack("absolute"), torch.randn(1, 1, 32)
    with torch.no_grad():
        same = model(x.expand(1, 12, 32))
    assert not torch.allclose(same[:, 0], same[:, 5], atol=1e-3)


def test_learns_to_repeat_at_a_lag():
    """A task that only relative distance solves at once: say what came five steps ago."""
    torch.manual_seed(0)
    lag, tokens = 5, 8
    config = MusicTransformerConfig(embed_dim=32, num_layers=1, num_heads=2, feedforward_dim=32, max_distance=16, dropout=0.0)
    model, embed, head = MusicTransformer(config), torch.nn.Embedding(tokens, 32), torch.nn.Linear(32, tokens)
    optimizer = torch.optim.Adam([*model.parameters(), *embed.parameters(), *head.parameters()], lr=1e-2)
    for _ in range(120):
        ids = torch.randint(tokens, (16, 24))
        logits = head(model(embed(ids)))[:, lag:]
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, :-lag].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.5 * math.log(tokens)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_gradient_checkpointing_gives_the_same_gradients(dropout):
    gradients = []
    for again in (False, True):
        model = stack(dropout=dropout).train()
        model.gradient_checkpointing = again
        torch.manual_seed(5)
        x = torch.randn(2, 20, 32, requires_grad=True)
        model(x).square().sum().backward()
        gradients.append([x.grad, *(parameter.grad for parameter in model.parameters())])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(recomputed, plain, rtol=0, atol=0)


def test_gradient_checkpointing_keeps_little_more_than_the_inputs_of_the_blocks():
    kept = []
    for again in (False, True):
        model = stack(num_layers=4)
        model.gradient_checkpointing = again
        weights, sizes = {parameter.data_ptr() for parameter in model.parameters()}, {}

        def keep(tensor, weights=weights, sizes=sizes):
            if tensor.data_ptr() not in weights:
                sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model(torch.randn(2, 200, 32, requires_grad=True))
        kept.append(sum(sizes.values()))
    inputs = 4 * 2 * 200 * 32 * 4  # blocks, batch, time, embed, bytes
    assert kept[0] > 10 * inputs
    assert kept[1] < 3 * inputs


def test_config_says_what_is_wrong():
    with pytest.raises(ValueError, match="embed_dim must be a multiple of num_heads, got 30 and 4"):
        MusicTransformerConfig(embed_dim=30, num_heads=4)
    with pytest.raises(ValueError, match="backend must be one of"):
        MusicTransformer(MusicTransformerConfig.tiny(), "magic")
    assert MusicTransformerConfig(**MusicTransformerConfig.tiny().to_dict()) == MusicTransformerConfig.tiny()
