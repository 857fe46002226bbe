"""Masks come first, filters are exact, seeds give the same notes, searches leave dead ends and name what they cannot do."""

import numpy as np
import pytest
import torch

from compose.constraints.language import parse_constraints
from compose.measured_model import MeasuredModel, MeasuredModelConfig
from compose.measured_scorer import MeasuredScorer
from compose.measured_step import MeasuredStep
from compose.request import always_on
from compose.sampler import RandomScorer, SamplerSettings, _noise, filtered, write
from compose.vocabulary.base import Meaning
from compose.writers.base import Slot, Writer
from compose.writers.measured import MeasuredWriter
from corpora.errors import InfeasibleConstraint, RequestError

LOGITS = np.log(np.array([0.4, 0.3, 0.15, 0.1, 0.05]))
EVERY = np.ones(5, dtype=np.bool_)


def kept(mask=EVERY, **settings):
    return np.flatnonzero(
        np.isfinite(filtered(LOGITS, mask, SamplerSettings(**{"temperature": 1.0, "top_p": 1.0, **settings})))
    ).tolist()


def test_filters_keep_exactly_what_they_say():
    assert kept() == [0, 1, 2, 3, 4]
    assert kept(top_k=2) == [0, 1]
    assert kept(top_p=0.69) == [0, 1]  # 0.4 + 0.3 reach it
    assert kept(top_p=0.71) == [0, 1, 2]
    assert kept(top_p=0.01) == [0]
    assert kept(min_p=0.3) == [0, 1, 2]  # at least 0.3 of 0.4
    assert kept(top_k=4, top_p=0.8, min_p=0.5) == [0, 1]


def test_masks_come_before_temperature_and_filters():
    mask = np.array([False, False, True, True, True])
    assert kept(mask) == [2, 3, 4]
    assert kept(mask, top_k=1) == [2]
    assert kept(mask, top_p=0.51) == [2, 3]  # of 0.15 : 0.1 : 0.05, renormalised
    halves = filtered(LOGITS, mask, SamplerSettings(temperature=0.5, top_p=1.0))
    np.testing.assert_allclose(halves[2:] - halves[2], 2 * (LOGITS[2:] - LOGITS[2]))


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": -1.0}, {"temperature": float("nan")}, {"top_p": 0.0}, {"top_p": 1.5}, {"min_p": 1.0}, {"top_k": -1}],
)
def test_settings_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(RequestError, match=f"{next(iter(wrong))} .* is out of range"):
        SamplerSettings(**wrong)


class Ladder(Writer):
    """A writer of digits with a given sum: the exact test comes only at the last one."""

    def __init__(self, total=5, length=4):
        self.taken, self.total, self.length = [], total, length

    @property
    def depth(self):
        return len(self.taken)

    def slot(self):
        return None if self.depth == self.length else Slot(Meaning.PITCH, np.ones(4, dtype=np.bool_))

    def admits(self, token):
        return self.depth < self.length - 1 or sum(self.taken) + token == self.total

    def push(self, token):
        self.taken.append(token)

    def rewind(self, depth):
        del self.taken[depth:]

    def blame(self):
        return ("the sum",)


class Fixed:
    """Prefers small digits."""

    def logits(self, slot):
        return np.array([3.0, 2.0, 1.0, 0.0])


def test_search_finds_what_greedy_choices_miss():
    ladder = Ladder(total=5)  # greedy: 0, 0, 0, and no digit is 5
    written = write(ladder, Fixed(), SamplerSettings(temperature=0.0), 0)
    assert sum(ladder.taken) == 5
    assert written.rewinds > 0
    assert written.decisions == 4
    assert written.log_likelihood == pytest.approx(-5 - 4 * np.log(np.exp(-np.arange(4.0)).sum()))


def test_search_without_an_answer_ends_and_names_the_conflict():
    with pytest.raises(InfeasibleConstraint, match='meets "the sum" together') as caught:
        write(Ladder(total=13), Fixed(), SamplerSettings(temperature=0.0), 0)
    assert caught.value.constraints == ("the sum",)


def test_frequencies_are_those_of_the_softmax():
    counts = np.zeros(4)
    for seed in range(1000):
        ladder = Ladder(length=1, total=None)
        ladder.admits = lambda token: True
        write(ladder, Fixed(), SamplerSettings(temperature=1.0, top_p=1.0), seed)
        counts[ladder.taken[0]] += 1
    shares = np.exp(-np.arange(4.0))
    np.testing.assert_allclose(counts / 1000, shares / shares.sum(), atol=0.05)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    return MeasuredModel(MeasuredModelConfig.tiny(), "sdpa").eval()


def notes_of(canvas, model, seed, wishes=(), cached=True, sizes=None, **settings):
    rules = (*always_on(canvas, canvas.ticks_per_div), *parse_constraints(wishes, canvas.piece))
    writer = MeasuredWriter(canvas, rules)
    write(writer, MeasuredScorer(MeasuredStep(model, **(sizes or {})), writer, cached=cached), SamplerSettings(**settings), seed)
    assert all(rule.measure(canvas).satisfied for rule in rules)
    return list(canvas.written)


WISHES = ("rhythm: keep", "scale: G major", "range: C3-E5")


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_same_seed_same_notes_with_and_without_cache_and_threads(chorales, open_canvas, model, temperature):
    def once(**how):
        return notes_of(open_canvas(chorales[1], (1, 2), 4, 6), model, 3, WISHES, temperature=temperature, **how)

    first = once()
    assert first
    assert once() == first
    assert once(cached=False) == first
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2 if threads == 1 else 1)
        assert once() == first
    finally:
        torch.set_num_threads(threads)


def test_same_seed_same_notes_with_and_without_cache_in_a_sliding_context(chorales, open_canvas, model):
    sizes = {"context": 64, "block": 16}
    wishes = ("range: C3-E5", "scale: G major", "end on: G")
    cached, uncached = (notes_of(open_canvas(chorales[1], (1,), 2, 8), model, 3, wishes, way, sizes) for way in (True, False))
    assert cached == uncached


def test_other_seeds_give_other_notes_but_at_temperature_zero(chorales, open_canvas, model):
    warm = [notes_of(open_canvas(chorales[1], (1,), 4, 5), model, seed, WISHES, temperature=1.0, top_p=1.0) for seed in (0, 1)]
    cold = [notes_of(open_canvas(chorales[1], (1,), 4, 5), model, seed, WISHES, temperature=0.0) for seed in (0, 1)]
    assert warm[0] != warm[1]
    assert cold[0] == cold[1]


def test_an_empty_mask_names_the_constraints_in_conflict(chorales, open_canvas):
    canvas = open_canvas(chorales[1], (1,), 4, 5)
    rules = (*always_on(canvas, 1), *parse_constraints(("rhythm: keep", "range: C4-C4", "pitches: D"), chorales[1]))
    with pytest.raises(InfeasibleConstraint, match="range: C4-C4") as caught:
        write(MeasuredWriter(canvas, rules), RandomScorer(0), SamplerSettings(), 0)
    assert "pitches: D" in caught.value.constraints
    assert "range: C4-C4" in caught.value.constraints


def test_noise_is_gumbel():
    """Moments of the Gumbel distribution, no variate twice; one of an id does not depend on how many there are."""
    noise = np.concatenate(
        [_noise(seed, attempt, depth, np.arange(50)) for seed in range(20) for attempt in range(3) for depth in range(20)]
    )
    assert len(np.unique(noise)) == len(noise)
    assert noise.mean() == pytest.approx(0.5772, abs=0.02)
    assert noise.std() == pytest.approx(np.pi / np.sqrt(6), abs=0.02)
    assert np.isfinite(_noise(2**64 - 1, 0, 10**6, np.arange(2000))).all()
    chosen = np.array([40, 3, 17])
    np.testing.assert_array_equal(_noise(5, 0, 7, chosen), _noise(5, 0, 7, np.arange(60))[chosen])
