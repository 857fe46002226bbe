"""Instruments whose keys are not equally loud: ``uneven_keys``.

In a SoundFont some keys share a recording, and recordings differ in level by a decibel or two for no musical reason; real
instruments have loud and soft keys as well. Who learns strengths from few fonts learns those of their keys by heart, so a clip is
played with levels of its own: one for each run of keys, and a slope over the keyboard. Labels keep the strengths that were meant.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from render.played import PlayedMusic
from transcribe.training_audio.clips import Voice

__all__ = ["VELOCITY_DB", "key_levels_db", "uneven_keys"]

KEYS, OCTAVE, MIDDLE = 128, 12, 60
WIDEST_RUN = 9  # keys that share a level, at most
MOST_SPREAD_DB = 2.0  # standard deviation between runs, at most
SLOPE_DB = 0.6  # an octave; standard deviation
EVEN = 0.15  # share of clips that are played as they are
VELOCITY_DB = 40.0  # for ten times the velocity (SoundFont 2.04, section 8.4.1)
HIGHEST = 127


def key_levels_db(rng: np.random.Generator) -> NDArray[np.float64]:
    """A level for every key, (128,) in decibels.

    Args:
        rng: Source of all choices.
    """
    if rng.random() < EVEN:
        return np.zeros(KEYS)
    widest = int(rng.integers(1, WIDEST_RUN + 1))
    run_of_key = np.repeat(np.arange(KEYS), rng.integers(1, widest + 1, KEYS))[:KEYS]
    runs = rng.normal(0.0, rng.uniform(0.0, MOST_SPREAD_DB), KEYS)
    slope = rng.normal(0.0, SLOPE_DB) / OCTAVE
    return np.asarray(runs[run_of_key] + slope * (np.arange(KEYS) - MIDDLE))


def uneven_keys(voice: Voice, rng: np.random.Generator) -> Voice:
    """A voice that plays on keys of uneven level; each channel's are its own, drums stay.

    Args:
        voice: That plays.
        rng: Source of all choices.
    """

    def play(played: PlayedMusic, samples: int) -> NDArray[np.float32]:
        notes = played.notes.copy()
        for channel in np.unique(notes["channel"][~notes["is_drum"]]).tolist():
            own = notes["channel"] == channel
            velocity = notes["velocity"][own] * 10 ** (key_levels_db(rng)[notes["key"][own]] / VELOCITY_DB)
            velocity *= min(HIGHEST / velocity.max(), 1.0)
            notes["velocity"][own] = np.clip(np.rint(velocity), 1, HIGHEST)
        return voice(replace(played, notes=notes), samples)

    return play
