"""Velocities weighed over a recording: keys that are loud by themselves, doubtful notes, laws."""

from __future__ import annotations

import numpy as np
import pytest

from transcribe.frames import velocities
from transcribe.frames.velocities import settled_velocities
from transcribe.heard import HEARD_DTYPE


def notes_of(rows: list[tuple[float, int, float, int]]) -> np.ndarray:
    """(onset in s, pitch, velocity, family)."""
    table = np.zeros(len(rows), dtype=HEARD_DTYPE)
    for index, (onset_s, pitch, velocity, family) in enumerate(rows):
        table[index] = (onset_s, onset_s + 0.2, pitch, round(velocity), family, 0, 1.0)
    return table


def played(seed: int, noise: float, key_spread: float, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Music whose strength rises and falls slowly, as heard with keys of uneven loudness and errors; and the true strengths."""
    rng = np.random.default_rng(seed)
    onset_s = np.cumsum(rng.uniform(0.05, 0.25, count))
    pitch = rng.integers(48, 72, count)
    true = 70 + 20 * np.sin(onset_s / 2.0) + rng.normal(0, 3, count)
    keys = rng.normal(0, key_spread, 128)
    heard = np.clip(true + keys[pitch] + rng.normal(0, noise, count), 1, 127)
    return notes_of([(*row, 0) for row in zip(onset_s.tolist(), pitch.tolist(), heard.tolist(), strict=True)]), true


def error(found: np.ndarray, true: np.ndarray) -> float:
    differences = found.astype(float) - true
    return float((differences - differences.mean()).std())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("noise", "key_spread"), [(0.0, 8.0), (7.0, 0.0), (6.0, 6.0)])
def test_errors_of_keys_and_of_notes_are_evened_out(seed: int, noise: float, key_spread: float) -> None:
    notes, true = played(seed, noise, key_spread)
    assert error(settled_velocities(notes), true) < 0.7 * error(notes["velocity"], true)


def test_what_was_heard_rightly_stays_nearly_as_it_is() -> None:
    notes, true = played(0, 0.0, 0.0)
    assert error(settled_velocities(notes), true) < 3.5
    assert np.corrcoef(settled_velocities(notes), true)[0, 1] > 0.95


def test_order_and_other_families_do_not_matter() -> None:
    notes, _ = played(1, 5.0, 5.0)
    other, _ = played(2, 5.0, 5.0)
    other["family"] = 3
    both = np.concatenate([notes, other])
    shuffled = np.random.default_rng(0).permutation(len(both))
    found = np.empty(len(both), dtype=np.int32)
    found[shuffled] = settled_velocities(both[shuffled])
    np.testing.assert_array_equal(found, np.concatenate([settled_velocities(notes), settled_velocities(other)]))


def test_few_notes_and_extremes() -> None:
    assert not len(settled_velocities(notes_of([])))
    assert settled_velocities(notes_of([(1.0, 60, 77, 0)])).tolist() == [77]
    assert settled_velocities(notes_of([(1.0, 60, 127, 0), (1.0, 64, 127, 0), (900.0, 64, 1, 0)])).tolist() == [127, 127, 1]


def test_neighbours_far_apart_in_a_long_recording_do_not_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies more than ``NEIGHBOURS`` notes away counts for nothing anyway."""
    notes, _ = played(3, 5.0, 5.0, 1500)
    usual = settled_velocities(notes).astype(int)
    monkeypatch.setattr(velocities, "NEIGHBOURS", 200)
    assert np.abs(settled_velocities(notes).astype(int) - usual).max() <= 1
