"""Counts of matching notes, against mir_eval."""

from __future__ import annotations

import mir_eval
import numpy as np
import pytest
from numpy.typing import NDArray

from transcribe.heard import HEARD_DTYPE
from transcribe.measures.matching import Score, match_notes, score_notes


def random_notes(rng: np.random.Generator, count: int, pitches: tuple[int, int] = (60, 66)) -> NDArray[np.void]:
    rows = np.zeros(count, dtype=HEARD_DTYPE)
    rows["onset_s"] = np.sort(rng.uniform(0, count / 12, count))
    rows["offset_s"] = rows["onset_s"] + rng.uniform(0.05, 1.0, count)
    rows["pitch"] = rng.integers(*pitches, count)
    rows["velocity"] = rng.integers(20, 120, count)
    rows["family"] = rng.integers(0, 2, count)
    return rows


def disturbed(notes: NDArray[np.void], rng: np.random.Generator) -> NDArray[np.void]:
    out = notes[rng.random(len(notes)) < 0.85].copy()
    out["onset_s"] += rng.normal(0, 0.03, len(out))
    out["offset_s"] = np.maximum(out["offset_s"] + rng.normal(0, 0.1, len(out)), out["onset_s"] + 0.01)
    out["velocity"] = np.clip(out["velocity"] * 0.8 + rng.normal(0, 8, len(out)), 1, 127)
    out["onset_s"] = np.maximum(out["onset_s"], 0)
    return np.concatenate([out, random_notes(rng, len(notes) // 10)])


def parts(notes: NDArray[np.void]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    intervals = np.stack([notes["onset_s"], notes["offset_s"]], 1)
    return intervals, 440.0 * 2.0 ** ((notes["pitch"] - 69) / 12), notes["velocity"].astype(np.float64)


@pytest.mark.parametrize("seed", range(5))
def test_counts_are_mir_evals(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference = random_notes(rng, 300)
    heard = disturbed(reference, rng)
    (own, hz, _), (theirs, other_hz, _) = parts(reference), parts(heard)
    scores = mir_eval.transcription.precision_recall_f1_overlap(own, hz, theirs, other_hz, offset_ratio=None)
    ours = score_notes(reference, heard)
    assert (ours.precision, ours.recall, ours.f1) == pytest.approx(scores[:3])
    scores = mir_eval.transcription.precision_recall_f1_overlap(own, hz, theirs, other_hz)
    assert score_notes(reference, heard, offsets=True).f1 == pytest.approx(scores[2])


@pytest.mark.parametrize("seed", range(5))
def test_counts_with_velocities_are_mir_evals(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference = random_notes(rng, 300, (21, 109))  # wide apart, so that there is one largest matching
    heard = disturbed(reference, rng)
    (own, hz, velocity), (theirs, other_hz, other_velocity) = parts(reference), parts(heard)
    scores = mir_eval.transcription_velocity.precision_recall_f1_overlap(own, hz, velocity, theirs, other_hz, other_velocity)
    assert score_notes(reference, heard, offsets=True, velocities=True).f1 == pytest.approx(scores[2], abs=0.004)


def test_families_keep_notes_apart() -> None:
    reference = random_notes(np.random.default_rng(0), 50)
    heard = reference.copy()
    heard["family"] = 1 - heard["family"]
    assert score_notes(reference, heard).f1 == 1.0
    assert score_notes(reference, heard, families=True).matched < 10
    assert len(match_notes(reference, reference, families=True)) == 50


def test_a_note_matches_one_note_only() -> None:
    reference = random_notes(np.random.default_rng(0), 1)
    heard = np.concatenate([reference, reference])
    assert score_notes(reference, heard) == Score(1, 2, 1)


def test_nothing_at_all() -> None:
    nothing = np.zeros(0, dtype=HEARD_DTYPE)
    score = score_notes(nothing, nothing, offsets=True, velocities=True)
    assert (score.precision, score.recall, score.f1) == (0.0, 0.0, 0.0)
    assert score + Score(4, 4, 2) == Score(4, 4, 2)
    assert Score(4, 4, 2).f1 == 0.5
