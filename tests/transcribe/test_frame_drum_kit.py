"""Drums of a whole recording: a class that is never sure goes, one that is sure keeps its weaker strokes."""

from __future__ import annotations

import numpy as np
import pytest

from transcribe.frames.drum_kit import LEAST, settled_drums
from transcribe.heard import DRUMS, HEARD_DTYPE

SNARE, HAT = 38, 42


def strokes(key: int, confidences: list[float], first_s: float = 0.0) -> np.ndarray:
    rows = np.zeros(len(confidences), dtype=HEARD_DTYPE)
    rows["onset_s"] = first_s + 0.5 * np.arange(len(confidences))
    rows["pitch"], rows["family"], rows["velocity"], rows["confidence"] = key, DRUMS, 80, confidences
    return rows


def test_a_drum_that_is_doubtful_all_along_goes() -> None:
    heard = np.concatenate([strokes(SNARE, [0.95, 0.97, 0.9, 0.99]), strokes(HAT, [0.62, 0.66, 0.7, 0.64], 0.01)])
    assert set(settled_drums(heard)["pitch"].tolist()) == {SNARE}


def test_a_drum_that_is_sure_keeps_its_weaker_strokes() -> None:
    heard = strokes(HAT, [0.62, 0.97, 0.7, 0.99, 0.95, 0.65])
    assert len(settled_drums(heard)) == 6


def test_sure_strokes_of_a_doubtful_drum_stay() -> None:
    heard = strokes(HAT, [0.7] * 8 + [0.98])
    assert settled_drums(heard)["confidence"].tolist() == pytest.approx([0.98])


def test_strokes_below_the_least_go_and_order_stays() -> None:
    least = 1 / (1 + np.exp(-LEAST))
    heard = np.concatenate([strokes(SNARE, [0.99, least - 0.01]), strokes(HAT, [0.99, least + 0.01], 0.2)])
    heard = heard[np.argsort(heard["onset_s"], kind="stable")]
    kept = settled_drums(heard)
    assert kept["pitch"].tolist() == [SNARE, HAT, HAT]
    assert np.all(np.diff(kept["onset_s"]) > 0)


def test_nothing_is_nothing() -> None:
    assert len(settled_drums(strokes(SNARE, []))) == 0


def test_adding_belief_never_takes_a_stroke() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        confidences = rng.uniform(0.55, 0.999, 12)
        before = settled_drums(strokes(HAT, confidences.tolist()))
        surer = np.minimum(confidences + 0.1, 0.9995)
        assert len(settled_drums(strokes(HAT, surer.tolist()))) >= len(before)
