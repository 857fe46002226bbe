"""What the user knows better: meter, first downbeat and tempo, laid over the beats that were heard.

Conventions: a meter is (beats, beat type); a tempo is in beats of that meter a minute, dotted quarters in 6/8.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from corpora.errors import RequestError
from transcribe.heard import BEAT_DTYPE, HeardMusic
from transcribe.score.grid import tactus_of

__all__ = ["with_wishes"]

MAX_BEATS, BEAT_TYPES = 32, (1, 2, 4, 8, 16)
MIN_TEMPO, MAX_TEMPO = 10.0, 400.0
NEAR_RATIO = 0.12  # of a simple ratio between the tempo wished for and the one heard
RATIOS = tuple(Fraction(text) for text in ["1/4", "1/3", "1/2", "2/3", "1", "3/2", "2", "3", "4"])
Array = NDArray[np.float64]


def with_wishes(
    heard: HeardMusic, meter: tuple[int, int] | None, first_downbeat_s: float | None, tempo: float | None
) -> HeardMusic:
    """The recording with beats as the user wants them; as it is where nothing is asked.

    A tempo that is a simple multiple of the one heard divides or joins the heard beats; another one, or one where no beats were
    heard, makes a grid of even beats through the onsets.

    Raises:
        RequestError: A value out of range.
    """
    if meter is not None and not (1 <= meter[0] <= MAX_BEATS and meter[1] in BEAT_TYPES):
        raise RequestError(f"meter: expected 1 to {MAX_BEATS} beats of 1, 2, 4, 8 or 16, got {meter[0]}/{meter[1]}")
    if tempo is not None and not MIN_TEMPO <= tempo <= MAX_TEMPO:
        raise RequestError(f"tempo: expected {MIN_TEMPO:g} to {MAX_TEMPO:g} beats a minute, got {tempo:g}")
    if first_downbeat_s is not None and not 0 <= first_downbeat_s <= heard.duration_s:
        raise RequestError(f"first downbeat: expected 0 to {heard.duration_s:.2f} s, got {first_downbeat_s:g}")
    if meter is None and first_downbeat_s is None and tempo is None:
        return heard
    times = heard.beats["time_s"].astype(np.float64)
    counted = int(heard.beats["number"].max()) if len(heard.beats) else 0
    own = meter or ((heard.beats_per_bar, heard.beat_type) if heard.beats_per_bar and heard.beat_type else (counted or 4, 4))
    tactus = tactus_of(*own, 0 if meter else counted)
    per_bar = max(int(Fraction(4 * own[0], own[1]) / tactus), 1)
    downbeats = times[heard.beats["number"] == 1]
    start_s = first_downbeat_s if first_downbeat_s is not None else float(downbeats[0]) if len(downbeats) else None
    if tempo is not None:
        times = _at_tempo(heard, times, 60.0 / tempo, start_s)
    elif len(times) < 2:
        times = _even(heard, 0.5, start_s)
    first = int(np.argmin(np.abs(times - start_s))) if start_s is not None else 0
    if first_downbeat_s is not None:
        times = times + (first_downbeat_s - times[first]) * np.clip(1 - np.abs(np.arange(len(times)) - first) / 2, 0, 1)
    beats = np.zeros(len(times), dtype=BEAT_DTYPE)
    beats["time_s"], beats["number"] = times, (np.arange(len(times)) - first) % per_bar + 1
    return replace(heard, beats=beats, beats_per_bar=own[0], beat_type=own[1])


def _at_tempo(heard: HeardMusic, times: Array, beat_s: float, start_s: float | None) -> Array:
    """Beats of about this length."""
    if len(times) < 2:
        return _even(heard, beat_s, start_s)
    ratio = float(np.median(np.diff(times))) / beat_s
    nearest = min(RATIOS, key=lambda candidate: abs(np.log(ratio / float(candidate))))
    if abs(ratio / float(nearest) - 1) > NEAR_RATIO:
        return _even(heard, beat_s, start_s)
    first = int(np.argmin(np.abs(times - start_s))) if start_s is not None else 0
    index = np.arange(len(times), dtype=np.float64)
    low, high = np.ceil(-first * float(nearest)), np.floor((len(times) - 1 - first) * float(nearest))
    return np.asarray(np.interp(first + np.arange(low, high + 1) / float(nearest), index, times))


def _even(heard: HeardMusic, beat_s: float, start_s: float | None) -> Array:
    """Even beats from 0 to the end through the given time, else with the phase that most onsets are near."""
    if start_s is None:
        onsets = heard.notes["onset_s"].astype(np.float64)
        angle = np.angle(np.exp(2j * np.pi * onsets / beat_s).mean()) if len(onsets) else 0.0
        start_s = float(angle) / (2 * np.pi) * beat_s
    first = np.ceil(-start_s / beat_s)
    last = max(np.ceil((heard.duration_s - start_s) / beat_s), first + 1)
    return np.asarray(start_s + beat_s * np.arange(first, last + 1))
