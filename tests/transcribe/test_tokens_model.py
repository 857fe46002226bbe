"""The token model: the cache gives the numbers of whole sequences, and random weights cannot break the text or a user's limits."""

import numpy as np
import pytest
import torch

from compose.vocabulary.mt3_events import NUM_IDS, PITCH, SEGMENT_TICKS, SHIFT
from compose.vocabulary.mt3_grammar import Carried, SegmentGrammar
from transcribe.heard import DRUMS
from transcribe.tokens.decoding import decode_batch, decode_segments
from transcribe.tokens.features import NUM_FEATURES
from transcribe.tokens.limits import limits_of
from transcribe.tokens.model import MARGIN_FRAMES, SEGMENT_FRAMES, TokenModel, TokenModelConfig, times_of
from transcribe.tokens.segments import heard_of, join, prelude

FRAMES = SEGMENT_FRAMES + 2 * MARGIN_FRAMES


@pytest.fixture
def model():
    torch.manual_seed(4)
    return TokenModel(TokenModelConfig.tiny("spectrum")).eval()


def sound(segments, seed=0):
    return torch.rand(segments, FRAMES, NUM_FEATURES["spectrum"], generator=torch.Generator().manual_seed(seed))


@torch.inference_mode()
def test_a_cache_gives_the_same_numbers(model):
    ids = torch.randint(3, NUM_IDS, (3, 40), generator=torch.Generator().manual_seed(1))
    memory, times = model.encode(sound(3)), times_of(ids)
    whole, _ = model.decode(ids, memory)
    cache, steps = None, []
    for step in range(40):
        logits, cache = model.decode(ids[:, step : step + 1], memory, cache, times[:, step : step + 1])
        steps.append(logits)
    torch.testing.assert_close(torch.cat(steps, 1), whole, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_an_id_bears_on_no_logits_before_it(model):
    ids = torch.randint(3, NUM_IDS, (1, 30), generator=torch.Generator().manual_seed(2))
    other = ids.clone()
    other[0, 20] = SHIFT + 399
    memory = model.encode(sound(1))
    one, two = model.decode(ids, memory)[0], model.decode(other, memory)[0]
    torch.testing.assert_close(one[:, :20], two[:, :20])
    assert (one[:, 20:] - two[:, 20:]).abs().max() > 1e-3


def test_times_are_those_of_the_last_shift():
    ids = torch.tensor([[0, 2, SHIFT + 7, PITCH + 3, SHIFT + 90, PITCH, SHIFT + 399]])
    assert times_of(ids).tolist() == [[0, 0, 7, 7, 90, 90, SEGMENT_TICKS - 1]]


def test_ticks_are_heard_where_they_are(model):
    """A click in one frame bears most on the ticks about it."""
    quiet = torch.zeros(1, FRAMES, NUM_FEATURES["spectrum"])
    loud = quiet.clone()
    loud[0, MARGIN_FRAMES + 100] = 3.0  # 1.6 s
    with torch.inference_mode():
        change = (model.encode(loud).at_ticks - model.encode(quiet).at_ticks).norm(dim=-1)[0]
    assert abs(int(change.argmax()) - 160) <= 1


@pytest.mark.parametrize("seed", range(3))
def test_random_logits_give_music_within_the_limits(model, seed):
    rng = np.random.default_rng(seed)
    families = [[0], [0, 5], [1, 4, 9]][seed % 3]
    limits = limits_of(families, 40, 76, scale="E minor", max_notes=1 + seed, drums=seed % 2 == 0)
    windows = [(rng.random((FRAMES, NUM_FEATURES["spectrum"])) * 4).astype(np.float32) for _ in range(2)]
    with torch.no_grad():
        model.head.weight.normal_(std=1.0, generator=torch.Generator().manual_seed(seed))  # far from flat
    decoded = list(decode_segments(model, windows, limits))
    heard = heard_of(join([segment.ids for segment in decoded]), 8.0)
    notes = heard.notes[heard.notes["family"] != DRUMS]
    assert len(heard.notes) + len(heard.beats) + len(heard.pedals) > 0
    assert np.isin(notes["family"], families).all()
    assert np.isin(notes["pitch"] % 12, [4, 6, 7, 9, 11, 0, 2]).all()
    assert ((notes["pitch"] >= 40) & (notes["pitch"] <= 76)).all()
    assert max(((notes["onset_s"] <= t) & (notes["offset_s"] > t + 1e-9)).sum() for t in [0.0, *notes["onset_s"]]) <= 1 + seed
    assert seed % 2 == 0 or (heard.notes["family"] != DRUMS).all()


@torch.inference_mode()
def test_a_forced_tie_section_is_what_was_carried(model):
    carried = Carried(frozenset({(0, 60), (0, 72)}), pedal=True)
    (free,) = decode_batch(model, model.encode(sound(1)), [Carried()], limits_of(), [None])
    (forced,) = decode_batch(model, model.encode(sound(1)), [carried], limits_of(), [None])
    assert forced.ids.tolist()[: len(prelude(carried))] == prelude(carried)
    assert free.ids[0] == 2  # nothing was carried: TIE at once
    grammar = SegmentGrammar(carried, limits_of())
    for token in forced.ids.tolist():
        grammar.push(token)
    assert grammar.ended
    assert grammar.carried == forced.carried


def test_a_fused_model_begins_with_nothing_to_add():
    model = TokenModel(TokenModelConfig.tiny("heard")).eval()
    with torch.inference_mode():
        memory = model.encode(torch.rand(1, FRAMES, NUM_FEATURES["heard"]))
        logits, _ = model.decode(torch.tensor([[0, 2, SHIFT + 5]]), memory)
    assert not logits.any()


def test_sizes():
    assert 1.4e6 < sum(weights.numel() for weights in TokenModel(TokenModelConfig()).parameters()) < 3e6
    with pytest.raises(ValueError, match="embed_dim must be a multiple of 2"):
        TokenModelConfig(embed_dim=100, num_heads=3)
