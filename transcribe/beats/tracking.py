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
from transcribe.beats.note_model import METERS, PERIODS_S
from transcribe.beats.score_beats import is_compound
from transcribe.beats.wishes import BeatWishes, beats_a_bar
from transcribe.heard import BEAT_DTYPE

__all__ = ["BAR_SIZES", "TrackedBeats", "mix_activations", "track_beats"]

BAR_SIZES = (2, 3, 4, 5, 7)  # beats a bar that are looked for
USUAL_SHARES = {2: 0.3, 3: 0.3, 4: 0.38, 5: 0.01, 7: 0.01}  # of music, where nothing else is known
PLAIN_METERS = {2: (2, 4), 3: (3, 4), 4: (4, 4), 5: (5, 4), 7: (7, 4)}  # what bar sizes are called, where nothing else is known
OTHER_SHARES = {2: 0.1, 3: 0.3, 4: 0.2, 5: 0.3, 7: 0.1}  # of the meters that the network has no name for
OTHER_METERS = {2: (6, 4), 3: (3, 2)}  # the commonest of them in training: 12 of 16, and 9 of 10
METER_WEIGHT = 16.0  # witnesses that the network's opinion of the meter counts for
LEAST_SHARE = 1e-3
TEMPO_WEIGHT = 4.0  # witnesses that the network's opinion of the tempo counts for, each second
FIT_WEIGHT = 1.0  # and its opinion of how the tempo goes with beats a bar; what is between 0.4 and 2 does as well
LEAST_PERIOD = -6.0  # log probability


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
    readings: NDArray[np.float32] | None = None,
    periods: NDArray[np.float32] | None = None,
    span_s: tuple[float, float] | None = None,
) -> TrackedBeats:
    """The likeliest beats and bars.

    Args:
        activations: Probabilities (frames, 2).
        wishes: What is known; nothing when None.
        readings: Log probabilities (periods, meters) of ``PERIODS_S`` and ``METERS`` together
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
    usual = np.array([USUAL_SHARES.get(size, 1.0) for size in sizes])
    prior = METER_WEIGHT * np.log(_size_shares(sizes, np.exp(readings).sum(axis=0))) if readings is not None else np.log(usual)
    shortest = max(int(60 * FRAMES_PER_SECOND / wishes.fastest_bpm), 2)
    longest = max(int(np.ceil(60 * FRAMES_PER_SECOND / wishes.slowest_bpm)), shortest + 1)
    pointer = BarPointer(sizes, prior.tolist(), shortest, longest)
    tempi = None if periods is None else _tempo_scores(periods[first : max(stop, first)], pointer.intervals)
    fits = None if readings is None else _fits(sizes, pointer.intervals, readings, wishes.meter)
    path = pointer.decode(activation_scores(part), anchor, tempi, fits)
    return _tracked(path, part, first, wishes, readings)


def _between(values: NDArray[np.float32], seconds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Values (..., periods) of ``PERIODS_S`` as those (..., seconds) of beats of any length, by line over its logarithm."""
    place = np.interp(np.log(seconds), np.log(PERIODS_S), np.arange(len(PERIODS_S)))
    below = np.minimum(place.astype(np.int64), len(PERIODS_S) - 2)
    share = (place - below).astype(np.float32)
    return np.asarray(values[..., below] * (1 - share) + values[..., below + 1] * share, dtype=np.float32)


def _tempo_scores(periods: NDArray[np.float32], intervals: NDArray[np.int64]) -> NDArray[np.float32]:
    """What a beat at a frame scores for the interval after it, (frames, intervals): log odds against all alike, for every second.

    Seconds are counted, not beats, because a path at twice the tempo is asked twice as often.
    """
    seconds = intervals / FRAMES_PER_SECOND
    odds = np.maximum(periods, LEAST_PERIOD) + np.float32(np.log(len(PERIODS_S)))
    return np.asarray(_between(odds, seconds) * (TEMPO_WEIGHT * seconds), dtype=np.float32)


def _fits(
    sizes: Sequence[int], intervals: NDArray[np.int64], readings: NDArray[np.float32], meter: tuple[int, int] | None
) -> NDArray[np.float32]:
    """How bar sizes, or the meter, and intervals go together, (sizes, intervals): log odds against any interval, as above."""
    seconds = intervals / FRAMES_PER_SECOND
    alone, here = np.exp(readings).sum(axis=0), _shares_at(readings, seconds)
    if meter is None:
        weight, odds = FIT_WEIGHT, np.log(_size_shares(sizes, here) / _size_shares(sizes, alone))
    else:  # with what is said of the tempo alone, the probability of a tempo in this meter
        column = METERS.index(meter if meter in METERS else (0, 0))
        weight, odds = TEMPO_WEIGHT, np.log(np.maximum(here[:, [column]], LEAST_SHARE) / max(float(alone[column]), LEAST_SHARE))
    return np.asarray(odds.T * (weight * seconds), dtype=np.float32)


def _shares_at(readings: NDArray[np.float32], seconds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Probabilities (seconds, meters) of ``METERS`` if that is how long a beat is."""
    shares = np.exp(readings - readings.max(axis=1, keepdims=True))
    return _between((shares / shares.sum(axis=1, keepdims=True)).T, seconds).T


def _size_shares(sizes: Sequence[int], shares: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities (..., meters) of ``METERS`` as those of bar sizes (..., sizes)."""
    named = [shares[..., [METERS.index(meter) for meter in _named(size)]].sum(axis=-1) for size in sizes]
    others = np.array([OTHER_SHARES.get(size, 0.0) for size in sizes]) * shares[..., [METERS.index((0, 0))]]
    kept = np.maximum(np.stack(named, axis=-1).astype(np.float64) + others, LEAST_SHARE)
    return np.asarray(kept / kept.sum(axis=-1, keepdims=True))


def _named(size: int) -> list[tuple[int, int]]:
    """The meters that have so many beats a bar."""
    return [meter for meter in METERS if meter[1] and beats_a_bar(*meter) == size]


def _tracked(
    path: BarPath, part: NDArray[np.float32], first: int, wishes: BeatWishes, readings: NDArray[np.float32] | None
) -> TrackedBeats:
    beats = np.zeros(len(path.frames), dtype=BEAT_DTYPE)
    beats["time_s"] = (first + path.frames) / FRAMES_PER_SECOND
    beats["number"] = path.positions + 1
    if not len(beats):
        return TrackedBeats(beats, 0, 0, 0.0)
    size = Counter(path.bar_sizes.tolist()).most_common(1)[0][0]
    frames = np.diff(path.frames) if len(path.frames) > 1 else path.frames + 1
    meter = wishes.meter or _name(size, float(np.median(frames)) / FRAMES_PER_SECOND, readings)
    return TrackedBeats(beats, *meter, float(np.clip(part[path.frames, 0].mean(), 0.0, 1.0)))


def _name(size: int, beat_s: float, readings: NDArray[np.float32] | None) -> tuple[int, int]:
    """The meter with so many beats a bar, each so long, that is likely by itself and by the note that a beat is in it.

    Two beats are 2/4 rather than 2/2 where 4/4 is likelier than both: its beats are quarters too.
    """
    if readings is None:
        return PLAIN_METERS[size]
    shares = dict(zip(METERS, _shares_at(readings, np.array([beat_s]))[0].tolist(), strict=True))
    notes: Counter[tuple[int, bool]] = Counter()
    for meter in METERS[:-1]:
        notes[_beat_note(*meter)] += shares[meter]
    scores = {meter: shares[meter] * notes[_beat_note(*meter)] for meter in _named(size)}
    if size in OTHER_METERS:
        scores[OTHER_METERS[size]] = (OTHER_SHARES[size] * shares[0, 0]) ** 2
    return max(scores, key=lambda meter: scores[meter], default=PLAIN_METERS[size])


def _beat_note(beats: int, beat_type: int) -> tuple[int, bool]:
    """The note that a beat is: its part of a whole one, and whether it is three of them."""
    return beat_type, is_compound(beats, beat_type)
