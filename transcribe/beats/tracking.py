"""Beats, bars and meter of activations: ``track_beats``.

Conventions: activations are probabilities (frames, 2) of a beat and of a downbeat at 62.5 frames a second, from a recording,
from notes or from both (``mix_activations``). Times are seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpora.errors import RequestError
from corpora.piece import Table
from transcribe.beats.bar_pointer import BarPath, BarPointer, activation_scores
from transcribe.beats.note_features import FRAMES_PER_SECOND
from transcribe.beats.tempo_meter import meter_name, size_prior, tempo_fits, tempo_scores
from transcribe.beats.wishes import BeatWishes, beats_a_bar
from transcribe.heard import BEAT_DTYPE

__all__ = ["BAR_SIZES", "TrackedBeats", "mix_activations", "track_beats"]

BAR_SIZES = (2, 3, 4, 5, 7)  # beats a bar that are looked for


@dataclass(frozen=True, eq=False)
class TrackedBeats:
    """Beats that were found.

    Args:
        beats: BEAT_DTYPE rows by time.
        beats_per_bar, beat_type: The meter that most of the bars have, as it is written; 0 where no beat was found.
        confidence: Mean probability of a beat at the beats, 0 to 1.
    """

    beats: Table
    beats_per_bar: int
    beat_type: int
    confidence: float


def mix_activations(activations: Sequence[NDArray[np.float32]], weights: Sequence[float] | None = None) -> NDArray[np.float32]:
    """The mean of several in the logit domain, up to the shortest.

    Args:
        activations: Each (frames, 2).
        weights: Of each, above 0; all alike when None.
    """
    frames = min(len(single) for single in activations)
    total = np.zeros((frames, 2))
    share = np.array(weights if weights is not None else [1.0] * len(activations), dtype=np.float64)
    for single, weight in zip(activations, share / share.sum(), strict=True):
        clipped = np.clip(single[:frames].astype(np.float64), 1e-6, 1 - 1e-6)
        total += weight * (np.log(clipped) - np.log1p(-clipped))
    return (1 / (1 + np.exp(-total))).astype(np.float32)


def track_beats(
    activations: NDArray[np.float32],
    wishes: BeatWishes | None = None,
    *,
    tempo_meter: NDArray[np.float32] | None = None,
    periods: NDArray[np.float32] | None = None,
    span_s: tuple[float, float] | None = None,
) -> TrackedBeats:
    """The likeliest beats and bars.

    Args:
        activations: Probabilities (frames, 2).
        wishes: What is known; nothing when None.
        tempo_meter: Log probabilities (periods, meters) of ``PERIODS_S`` and ``METERS`` together
            (``transcribe.beats.note_activations`` has them); None goes by what is usual.
        periods: Log probabilities (frames, periods) of ``PERIODS_S`` (likewise); None where nothing is known of the tempo.
        span_s: Where there is music, from and to; None for all.

    Raises:
        RequestError: The first downbeat that is wished for lies beyond the music.
    """
    wishes = wishes or BeatWishes()
    first, stop = 0, len(activations)
    if span_s is not None:
        first = max(int(np.floor(span_s[0] * FRAMES_PER_SECOND)), 0)
        stop = min(int(np.ceil(span_s[1] * FRAMES_PER_SECOND)) + 1, stop)
    anchor = None
    if wishes.first_downbeat_s is not None:
        anchor = round(wishes.first_downbeat_s * FRAMES_PER_SECOND)
        if anchor >= stop:
            raise RequestError(
                f"first downbeat: expected a time within the music ({stop / FRAMES_PER_SECOND:.2f} s), "
                f"got {wishes.first_downbeat_s:g} s"
            )
        first = min(first, anchor)
        anchor -= first
    part = activations[first : max(stop, first)]
    if not len(part):
        return TrackedBeats(np.zeros(0, dtype=BEAT_DTYPE), 0, 0, 0.0)
    sizes = BAR_SIZES if wishes.meter is None else (beats_a_bar(*wishes.meter),)
    shortest = max(int(60 * FRAMES_PER_SECOND / wishes.fastest_bpm), 2)
    longest = max(int(np.ceil(60 * FRAMES_PER_SECOND / wishes.slowest_bpm)), shortest + 1)
    pointer = BarPointer(sizes, size_prior(sizes, tempo_meter).tolist(), shortest, longest)
    fits = None if tempo_meter is None else tempo_fits(sizes, pointer.intervals, tempo_meter, wishes.meter)

    def tempi(begin: int, end: int) -> NDArray[np.float32]:
        assert periods is not None
        return tempo_scores(periods[first + begin : first + end], pointer.intervals)

    path = pointer.decode(activation_scores(part), anchor, None if periods is None else tempi, fits)
    return _tracked(path, part, first, wishes, tempo_meter)


def _tracked(
    path: BarPath, part: NDArray[np.float32], first: int, wishes: BeatWishes, tempo_meter: NDArray[np.float32] | None
) -> TrackedBeats:
    beats = np.zeros(len(path.frames), dtype=BEAT_DTYPE)
    beats["time_s"] = (first + path.frames) / FRAMES_PER_SECOND
    beats["number"] = path.positions + 1
    if not len(beats):
        return TrackedBeats(beats, 0, 0, 0.0)
    size = Counter(path.bar_sizes.tolist()).most_common(1)[0][0]
    meter = wishes.meter or meter_name(size, np.diff(path.frames), tempo_meter)
    return TrackedBeats(beats, *meter, float(np.clip(part[path.frames, 0].mean(), 0.0, 1.0)))
