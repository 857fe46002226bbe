"""What the network's opinion of tempo and meter together says of paths through bars, and what their meter is called.

The opinion is a table of log probabilities (periods, meters) of ``PERIODS_S`` and ``METERS``, that of
``transcribe.beats.note_activations``; None where nothing is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from transcribe.beats.note_features import FRAMES_PER_SECOND
from transcribe.beats.note_model import METERS, PERIODS_S
from transcribe.beats.score_beats import is_compound
from transcribe.beats.wishes import beats_a_bar

__all__ = ["meter_name", "size_prior", "tempo_fits", "tempo_scores"]

USUAL_SHARES = {2: 0.3, 3: 0.3, 4: 0.38, 5: 0.01, 7: 0.01}  # of music, where nothing else is known
PLAIN_METERS = {2: (2, 4), 3: (3, 4), 4: (4, 4), 5: (5, 4), 7: (7, 4)}  # what bar sizes are called, where nothing else is known
OTHER_SHARES = {2: 0.1, 3: 0.3, 4: 0.2, 5: 0.3, 7: 0.1}  # of the meters that the network has no name for
OTHER_METERS = {2: (6, 4), 3: (3, 2)}  # the commonest of them in training: 12 of 16, and 9 of 10
METER_WEIGHT = 16.0  # witnesses that the network's opinion of the meter counts for
LEAST_SHARE = 1e-3
TEMPO_WEIGHT = 4.0  # witnesses that the network's opinion of the tempo counts for, each second
FIT_WEIGHT = 1.0  # and its opinion of how the tempo goes with beats a bar; what is between 0.4 and 2 does as well
LEAST_PERIOD = -6.0  # log probability


def size_prior(sizes: Sequence[int], tempo_meter: NDArray[np.float32] | None) -> NDArray[np.float64]:
    """What each bar size scores before anything is tracked, (sizes,): log probabilities up to a constant."""
    if tempo_meter is None:
        return np.log([USUAL_SHARES.get(size, 1.0) for size in sizes])
    return np.asarray(METER_WEIGHT * np.log(_size_shares(sizes, np.exp(tempo_meter).sum(axis=0))))


def tempo_scores(periods: NDArray[np.float32], intervals: NDArray[np.int64]) -> NDArray[np.float32]:
    """What a beat at a frame scores for the interval after it, (frames, intervals): log odds against all alike, for every second.

    Seconds are counted, not beats, because a path at twice the tempo is asked twice as often.
    """
    seconds = intervals / FRAMES_PER_SECOND
    odds = np.maximum(periods, LEAST_PERIOD) + np.float32(np.log(len(PERIODS_S)))
    return np.asarray(_between(odds, seconds) * (TEMPO_WEIGHT * seconds), dtype=np.float32)


def tempo_fits(
    sizes: Sequence[int], intervals: NDArray[np.int64], tempo_meter: NDArray[np.float32], meter: tuple[int, int] | None
) -> NDArray[np.float32]:
    """How bar sizes, or the meter, and intervals go together, (sizes, intervals): log odds against any interval, as above."""
    seconds = intervals / FRAMES_PER_SECOND
    alone, here = np.exp(tempo_meter).sum(axis=0), _shares_at(tempo_meter, seconds)
    if meter is None:
        weight, odds = FIT_WEIGHT, np.log(_size_shares(sizes, here) / _size_shares(sizes, alone))
    else:  # with what is said of the tempo alone, the probability of a tempo in this meter
        column = METERS.index(meter if meter in METERS else (0, 0))
        weight, odds = TEMPO_WEIGHT, np.log(np.maximum(here[:, [column]], LEAST_SHARE) / max(float(alone[column]), LEAST_SHARE))
    return np.asarray(odds.T * (weight * seconds), dtype=np.float32)


def meter_name(size: int, intervals: NDArray[np.int64], tempo_meter: NDArray[np.float32] | None) -> tuple[int, int]:
    """The meter of beats that is likely by itself and by the note that a beat is in it.

    Two beats are 2/4 rather than 2/2 where 4/4 is likelier than both: its beats are quarters too.

    Args:
        size: Beats a bar.
        intervals: Frames from beat to beat.
        tempo_meter: As the module says.
    """
    if tempo_meter is None or not len(intervals):
        return PLAIN_METERS[size]
    beat_s = np.median(intervals, keepdims=True) / FRAMES_PER_SECOND
    shares = dict(zip(METERS, _shares_at(tempo_meter, beat_s)[0].tolist(), strict=True))
    notes: Counter[tuple[int, bool]] = Counter()
    for meter in METERS[:-1]:
        notes[_beat_note(*meter)] += shares[meter]
    scores = {meter: shares[meter] * notes[_beat_note(*meter)] for meter in _named(size)}
    if size in OTHER_METERS:
        scores[OTHER_METERS[size]] = (OTHER_SHARES[size] * shares[0, 0]) ** 2
    return max(scores, key=lambda meter: scores[meter], default=PLAIN_METERS[size])


def _between(values: NDArray[np.float32], seconds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Values (..., periods) of ``PERIODS_S`` as those (..., seconds) of beats of any length, by line over its logarithm."""
    place = np.interp(np.log(seconds), np.log(PERIODS_S), np.arange(len(PERIODS_S)))
    below = np.minimum(place.astype(np.int64), len(PERIODS_S) - 2)
    share = (place - below).astype(np.float32)
    return np.asarray(values[..., below] * (1 - share) + values[..., below + 1] * share, dtype=np.float32)


def _shares_at(tempo_meter: NDArray[np.float32], seconds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Probabilities (seconds, meters) of ``METERS`` if that is how long a beat is."""
    shares = np.exp(tempo_meter - tempo_meter.max(axis=1, keepdims=True))
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


def _beat_note(beats: int, beat_type: int) -> tuple[int, bool]:
    """The note that a beat is: its part of a whole one, and whether it is three of them."""
    return beat_type, is_compound(beats, beat_type)
