"""Key signatures of written notes: windows of a bar, a profile for each signature, and a Viterbi path over changes.

A signature is scored by how likely its profile makes the notes of a bar (as Temperley's Bayesian key finding, "Music and
Probability", MIT Press 2007, chapter 6, with key signatures in the place of keys: which of a key and its relative is meant changes
no sign). Changes cost. The mode is told at the end, by the profiles of Krumhansl and Kessler ("Tracing the dynamic changes in
perceived tonal organization", 1982).

Conventions: fifths from -7 to 7, mode 1 major or -1 minor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpora.piece import KEY_DTYPE, Table

__all__ = ["find_keys", "mode_of"]

Array = NDArray[np.float64]
# Share of each pitch class under a signature, from the tonic of its major key up: mean over 160 songs and 6 quartets of the train
# splits, notes weighted by the root of their length.
PROFILE = np.array([0.1696, 0.0178, 0.1054, 0.0233, 0.155, 0.0894, 0.0247, 0.1657, 0.0319, 0.1131, 0.0232, 0.0807])
FIFTHS = np.arange(-7, 8)
# How often the lowest note at the last onset stands so above that tonic, of 166 such pieces, one more for each.
LAST_BASS = np.array([96, 2, 4, 1, 14, 4, 1, 9, 1, 42, 1, 3]) / 178
BASS_WEIGHT = 8.0  # the last note says more of the key than others do
PRIOR_COST = 0.4  # nats for each sign of a signature
CHANGE_COST = 120.0  # nats: scores change their signature rarely, also where the music modulates
_KK_MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
_KK_MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
RELATIVE_MINOR = 9  # semitones above the major tonic


def find_keys(
    pitches: NDArray[np.int64], weights: Array, bars: NDArray[np.int64], bar_starts: NDArray[np.int64], last_bass: int | None = None
) -> Table:
    """Key signatures of a piece as KEY_DTYPE rows; the first is at the start.

    Args:
        pitches: MIDI, shape (notes,); drums left out.
        weights: How much each note counts, shape (notes,); about its length in quarters.
        bars: Index of the bar of each, shape (notes,).
        bar_starts: In divs, shape (bars,).
        last_bass: Lowest pitch at the last onset; None for the lowest of the last bar with notes.
    """
    count = len(bar_starts)
    histogram = np.zeros((count, 12))
    np.add.at(histogram, (bars, pitches % 12), np.sqrt(np.minimum(weights, 4.0)))
    logs = np.stack([np.log(np.roll(PROFILE, 7 * fifths % 12)) for fifths in FIFTHS])  # (signatures, 12)
    scores = histogram @ logs.T
    if len(pitches):
        last = int(pitches[bars == bars[-1]].min() if last_bass is None else last_bass)
        scores[-1] += BASS_WEIGHT * np.log(LAST_BASS[(last - 7 * FIFTHS) % 12])
    total = -PRIOR_COST * np.abs(FIFTHS) + scores[0]
    back = np.zeros((count, len(FIFTHS)), dtype=np.int64)
    for bar in range(1, count):
        best = int(total.argmax())
        changes = total[best] - CHANGE_COST > total
        back[bar] = np.where(changes, best, np.arange(len(FIFTHS)))
        total = np.where(changes, total[best] - CHANGE_COST, total) + scores[bar]
    path = [int(total.argmax())]
    for bar in range(count - 1, 0, -1):
        path.append(int(back[bar][path[-1]]))
    path.reverse()
    starts = [bar for bar in range(count) if bar == 0 or path[bar] != path[bar - 1]]
    keys = np.zeros(len(starts), dtype=KEY_DTYPE)
    for row, (first, after) in enumerate(zip(starts, [*starts[1:], count], strict=True)):
        fifths = int(FIFTHS[path[first]])
        keys[row] = (int(bar_starts[first]), fifths, mode_of(histogram[first:after].sum(axis=0), fifths))
    return keys


def mode_of(histogram: Array, fifths: int) -> int:
    """Which of the two keys of a signature the pitch classes (12,) are nearer to: 1 major, -1 minor."""
    if not histogram.any():
        return 1
    tonic = 7 * fifths % 12
    major = np.corrcoef(histogram, np.roll(_KK_MAJOR, tonic))[0, 1]
    minor = np.corrcoef(histogram, np.roll(_KK_MINOR, (tonic + RELATIVE_MINOR) % 12))[0, 1]
    return 1 if major >= minor else -1
