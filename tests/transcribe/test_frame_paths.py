"""Paths through silence and sound: the best of all, and the same in blocks of any lengths."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from transcribe.frames.paths import Evidence, PathFinder, Span, logit, onset_mass
from transcribe.frames.settings import DecoderSettings

SETTINGS = DecoderSettings(restrike_bias=-0.7)


def random_evidence(rng: np.random.Generator, frames: int, keys: int) -> Evidence:
    onset = rng.normal(-2, 3, (frames, keys)).astype(np.float32)
    onset[rng.random((frames, keys)) < 0.5] = -np.inf
    return Evidence(
        onset, rng.normal(-0.2, 1, (frames, keys)).astype(np.float32), rng.normal(-1, 1, (frames, keys)).astype(np.float32)
    )


def score_of(spans: list[Span], evidence: Evidence, key: int) -> float:
    """The score of a path, from its definition."""
    total, frames = 0.0, len(evidence.frame)
    own = sorted(span for span in spans if span.key == key)
    for number, span in enumerate(own):
        total += float(evidence.onset[span.first, key]) + float(evidence.frame[span.first : span.last, key].sum())
        follows = number + 1 < len(own) and own[number + 1].first == span.last
        if follows:
            total += SETTINGS.restrike_bias
        elif span.last < frames:
            total += float(evidence.offset[span.last, key])
    return total


def every_path(frames: int) -> list[list[tuple[int, int]]]:
    """All sets of spans that do not overlap; spans that touch are a key struck again."""
    found = []
    for labels in itertools.product("-o=", repeat=frames):  # silent, struck, held
        if any(b == "=" and a == "-" for a, b in itertools.pairwise(labels)) or labels[0] == "=":
            continue
        starts = [place for place, label in enumerate(labels) if label == "o"]
        spans = []
        for start in starts:
            end = start + 1
            while end < frames and labels[end] == "=":
                end += 1
            spans.append((start, end))
        found.append(spans)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_no_path_is_better(seed: int) -> None:
    evidence = random_evidence(np.random.default_rng(seed), 6, 4)
    finder = PathFinder(4, SETTINGS)
    spans = finder.feed(evidence) + finder.finish()
    for key in range(4):
        best = max(score_of([Span(key, *span) for span in path], evidence, key) for path in every_path(6))
        assert score_of(spans, evidence, key) == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("block", [1, 7, 64])
def test_blocks_of_any_length_give_the_same(block: int) -> None:
    evidence = random_evidence(np.random.default_rng(1), 700, 12)
    whole = PathFinder(12, SETTINGS)
    wanted = sorted(whole.feed(evidence) + whole.finish())
    finder, spans, horizon = PathFinder(12, SETTINGS), [], 0
    for start in range(0, 700, block):
        new = finder.feed(Evidence(*(part[start : start + block] for part in evidence)))
        assert all(span.first >= horizon for span in new)
        horizon = finder.horizon
        spans += new
    assert sorted(spans + finder.finish()) == wanted
    assert len(wanted) > 100


def test_a_held_key_is_given_out_when_it_ends() -> None:
    onset = np.full((50, 1), -np.inf, dtype=np.float32)
    onset[5] = 4.0
    frame = np.full((50, 1), -3.0, dtype=np.float32)
    frame[5:30] = 3.0
    finder = PathFinder(1, DecoderSettings())
    spans = finder.feed(Evidence(onset, frame, np.zeros((50, 1), dtype=np.float32)))
    assert spans == [Span(0, 5, 30)]
    assert finder.finish() == []


@pytest.mark.parametrize("place", [10.0, 10.25, 10.5, 10.75])
def test_the_mass_of_a_triangle_is_one_wherever_it_stands(place: float) -> None:
    heights = np.maximum(1 - np.abs(np.arange(21) - place) / 2, 0).astype(np.float32)[:, None]
    nothing = np.zeros((1, 1), dtype=np.float32)
    mass = onset_mass(heights, nothing, nothing)
    assert mass.max() == pytest.approx(1.0 if place == 10.0 else mass.max())
    assert mass.max() >= 0.87
    assert abs(int(mass.argmax()) - place) <= 0.5


def test_log_odds_are_bounded() -> None:
    values = logit(np.array([0.0, 0.5, 1.0], dtype=np.float32))
    assert values[1] == 0.0
    assert values[0] == pytest.approx(-values[2], abs=1e-2)
    assert np.isfinite(values).all()
