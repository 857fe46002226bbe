"""Keys of uneven level: the sound changes, the labels do not."""

from __future__ import annotations

import numpy as np
import pytest

from render.played import PlayedMusic
from transcribe.training_audio.clips import make_clip
from transcribe.training_audio.random_music import random_passage
from transcribe.training_audio.uneven_keys import KEYS, VELOCITY_DB, key_levels_db, uneven_keys


class Listening:
    """A voice that keeps what it is told to play."""

    def __init__(self) -> None:
        self.music: list[PlayedMusic] = []

    def play(self, played: PlayedMusic, samples: int) -> np.ndarray:
        self.music.append(played)
        return np.full(samples, 0.1, dtype=np.float32)


def played_notes(seed: int, programs: tuple[int, ...], *, uneven: bool) -> tuple[np.ndarray, np.ndarray]:
    """What a voice is told, and the labels."""
    voice = Listening()
    rng = np.random.default_rng(seed)
    passage = random_passage(rng, 20.0, programs)
    play = uneven_keys(voice.play, np.random.default_rng(seed)) if uneven else voice.play
    clip = make_clip(passage, play, rng, split="train", piece="made", voice_name="none", played_rate_hz=32_000)
    assert clip is not None
    return voice.music[0].notes, clip.notes


@pytest.mark.parametrize("seed", range(6))
def test_every_key_has_one_level_and_labels_stay(seed: int) -> None:
    plain, labels = played_notes(seed, (0,), uneven=False)
    changed, same = played_notes(seed, (0,), uneven=True)
    np.testing.assert_array_equal(labels, same)
    assert ((changed["velocity"] >= 1) & (changed["velocity"] <= 127)).all()
    for name in ("onset_sample", "key", "channel"):
        np.testing.assert_array_equal(plain[name], changed[name])
    for key in np.unique(plain["key"]).tolist():
        own = plain["key"] == key
        ratio = changed["velocity"][own] / plain["velocity"][own]
        slack = 0.5 / plain["velocity"][own].min()
        assert ratio.max() - ratio.min() <= 2 * slack + 1e-9


def test_levels_are_runs_of_decibels() -> None:
    found = [key_levels_db(np.random.default_rng(seed)) for seed in range(200)]
    assert all(levels.shape == (KEYS,) for levels in found)
    assert 0.05 < np.mean([not levels.any() for levels in found]) < 0.3
    spread = np.median([np.std(np.diff(levels[40:80])) for levels in found if levels.any()])
    assert 0.2 < spread < 2.0
    assert VELOCITY_DB * np.log10(2) == pytest.approx(12.0, abs=0.1)  # twice the velocity


def test_channels_are_uneven_in_ways_of_their_own() -> None:
    plain, _ = played_notes(3, (0, 40), uneven=False)
    changed, _ = played_notes(3, (0, 40), uneven=True)
    factors = [
        np.median(changed["velocity"][plain["channel"] == channel] / plain["velocity"][plain["channel"] == channel])
        for channel in np.unique(plain["channel"])
    ]
    assert len(set(np.round(factors, 3))) == len(factors)
