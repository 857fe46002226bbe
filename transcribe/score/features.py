"""What the quantiser looks at: float32 features of every note in its context, in the order of onsets.

Conventions: places and lengths in beats unless a name says quarters; logarithms to base 2. ``place_features`` needs the notes and
the grid only; ``value_features`` needs the written places too. Both look at families, never at programs: those are guesses.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from transcribe.score.slots import VALUES, value_of
from transcribe.score.view import NoteView

__all__ = ["NUM_PLACE_FEATURES", "NUM_VALUE_FEATURES", "place_features", "value_features"]

Array = NDArray[np.float64]
HARMONICS = (1, 2, 3, 4, 5, 6, 8, 12)
END_HARMONICS = (1, 2, 3, 4, 6)
CLUSTER_S = 0.035
NEAR = 40  # notes before and after that are looked at
PITCH_WINDOWS = (0, 2, 4, 7, 12, 127)
BACK_WINDOWS = (4, 12, 127)
COPIED_WINDOWS = (4, 12, 127)  # whose distances are also given as note values
FAR_BEATS = 16.0
PEDAL_NEAR_S = 0.05
NUM_FAMILIES = 11  # with drums last
PIANO = 0
NUM_PLACE_FEATURES = 2 * len(HARMONICS) + 21 + NUM_FAMILIES
NUM_VALUE_FEATURES = (
    2 * 4
    + 2 * len(END_HARMONICS)
    + 2 * len(PITCH_WINDOWS)
    + len(BACK_WINDOWS)
    + len(COPIED_WINDOWS) * len(VALUES)
    + 20
    + NUM_FAMILIES
)


def _log(values: Array, least: float = 1 / 64, most: float = FAR_BEATS) -> Array:
    return np.asarray(np.log2(np.clip(values, least, most)))


def _circle(places: Array, harmonics: tuple[int, ...]) -> list[Array]:
    angles = [2 * np.pi * harmonic * (places % 1.0) for harmonic in harmonics]
    return [wave for angle in angles for wave in (np.sin(angle), np.cos(angle))]


def _family_columns(view: NoteView) -> list[Array]:
    return [(view.family % NUM_FAMILIES == index).astype(np.float64) for index in range(NUM_FAMILIES)]


def _shifted(values: Array, by: int, fill: float) -> Array:
    """The value ``by`` notes later (earlier where negative)."""
    out = np.full(len(values), fill)
    if by > 0:
        out[:-by] = values[by:]
    else:
        out[-by:] = values[:by]
    return out


def place_features(view: NoteView) -> NDArray[np.float32]:
    """Features for where notes stand, shape (notes, NUM_PLACE_FEATURES)."""
    count = len(view)
    if not count:
        return np.zeros((0, NUM_PLACE_FEATURES), dtype=np.float32)
    starts = np.searchsorted(view.onset_s, view.onset_s - CLUSTER_S, side="left")
    after = np.searchsorted(view.onset_s, view.onset_s + CLUSTER_S, side="right")
    index = np.arange(count)
    previous, following = np.maximum(starts - 1, 0), np.minimum(after, count - 1)
    back = np.where(starts > 0, view.onset - view.onset[previous], FAR_BEATS)
    ahead = np.where(after < count, view.onset[following] - view.onset, FAR_BEATS)
    back_s, ahead_s = back * view.beat_s, ahead * view.beat_s
    pitch = view.pitch.astype(np.float64)
    before_pitch, after_pitch = _shifted(pitch, -1, 60.0), _shifted(pitch, 1, 60.0)
    length = view.end - view.onset
    columns = [
        *_circle(view.onset, HARMONICS),
        view.onset % 1.0,
        np.log2(view.beat_s),
        np.full(count, np.log2(view.tactus_quarters)),
        np.full(count, float(view.tactus_quarters * 2 % 3 == 0)),
        view.bar_place / np.maximum(view.bar_beats, 1.0),
        np.log2(np.maximum(view.bar_beats, 1.0)),
        _log(back),
        _log(ahead),
        _log(back_s),
        _log(ahead_s),
        _log(length),
        _log(length * view.beat_s),
        (pitch - 60.0) / 24.0,
        (view.velocity - 64.0) / 32.0,
        np.clip(pitch - before_pitch, -24, 24) / 12.0,
        np.clip(pitch - after_pitch, -24, 24) / 12.0,
        _log(view.onset - _shifted(view.onset, -1, -FAR_BEATS)),
        _log(_shifted(view.onset, 1, view.onset[-1] + FAR_BEATS) - view.onset),
        np.log2(after - starts),
        (index - starts) / np.maximum(after - starts, 1),
        (view.onset - view.onset[starts]) * view.beat_s / CLUSTER_S,
        *_family_columns(view),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def value_features(view: NoteView, places: Array) -> NDArray[np.float32]:
    """Features for how long notes are written, shape (notes, NUM_VALUE_FEATURES).

    Args:
        view: The notes, in the order of onsets.
        places: Where they are written, in beats, shape (notes,).
    """
    count = len(view)
    if not count:
        return np.zeros((0, NUM_VALUE_FEATURES), dtype=np.float32)
    tactus = view.tactus_quarters
    ahead, back = _distances(view, places)
    quarters = [distance * tactus for distance in ahead]
    length = (view.end - view.onset) * tactus
    from_place = np.maximum(view.end - places, 1 / 64) * tactus
    copied = []
    for window in COPIED_WINDOWS:
        classes = value_of(quarters[PITCH_WINDOWS.index(window)])
        copied.append(np.eye(len(VALUES))[classes])
    down_at_end, near_release, down_at_onset = _pedal_columns(view)
    mates = _mates(view, places)
    columns = [
        *_circle(places, (1, 2, 3, 4)),
        *_circle(view.end, END_HARMONICS),
        *[_log(distance) for distance in quarters],
        *[np.clip(np.log2(from_place / np.maximum(distance, 1 / 64)), -4, 4) for distance in quarters],
        *[_log(distance * tactus) for distance in back],
        _log(length),
        _log(from_place),
        _log(length / tactus * view.beat_s),
        np.log2(view.beat_s / tactus),
        np.full(count, np.log2(tactus)),
        np.full(count, float(tactus * 2 % 3 == 0)),
        view.bar_place / np.maximum(view.bar_beats, 1.0),
        _log((view.bar_beats - view.bar_place) * tactus),
        np.clip((view.end - places) % 1.0, 0, 1),
        (view.pitch - 60.0) / 24.0,
        (view.velocity - 64.0) / 32.0,
        down_at_end,
        near_release,
        down_at_onset,
        *mates,
        *_family_columns(view),
    ]
    return np.concatenate([np.stack(columns, axis=1), *copied], axis=1).astype(np.float32)


def _distances(view: NoteView, places: Array) -> tuple[list[Array], list[Array]]:
    """Beats to the next and from the last written place of a note of the family within each window of pitch."""
    count = len(view)
    ahead = [np.full(count, FAR_BEATS) for _ in PITCH_WINDOWS]
    back = [np.full(count, FAR_BEATS) for _ in BACK_WINDOWS]
    for step in range(1, min(NEAR, count - 1) + 1):
        gap = places[step:] - places[:-step]
        apart = np.abs(view.pitch[step:] - view.pitch[:-step])
        later = (gap > 1e-6) & (view.family[step:] == view.family[:-step])
        for window, best in zip(PITCH_WINDOWS, ahead, strict=True):
            np.minimum(best[:-step], np.where(later & (apart <= window), gap, FAR_BEATS), out=best[:-step])
        for window, best in zip(BACK_WINDOWS, back, strict=True):
            np.minimum(best[step:], np.where(later & (apart <= window), gap, FAR_BEATS), out=best[step:])
    return ahead, back


def _pedal_columns(view: NoteView) -> tuple[Array, Array, Array]:
    """Whether the pedal is down at the end and at the onset, and whether it is let go at the end."""
    spans = view.pedals
    zeros = np.zeros(len(view))
    if not len(spans):
        return zeros, zeros, zeros
    releases = np.sort(spans["offset_s"])
    nearest = np.clip(np.searchsorted(releases, view.end_s), 1, max(len(releases) - 1, 1))
    after = releases[np.minimum(nearest, len(releases) - 1)]
    distance = np.minimum(np.abs(view.end_s - releases[nearest - 1]), np.abs(view.end_s - after))

    def down(times: Array) -> Array:
        at = np.searchsorted(spans["onset_s"], times, side="right") - 1
        return np.asarray(((at >= 0) & (times < spans["offset_s"][np.maximum(at, 0)])).astype(np.float64))

    is_piano = view.family == PIANO
    near = (distance < PEDAL_NEAR_S) & is_piano
    return down(view.end_s) * is_piano, near.astype(np.float64), down(view.onset_s) * is_piano


def _mates(view: NoteView, places: Array) -> list[Array]:
    """Of the notes of the family at one written place: how many, lengths of the longest and shortest, rank by pitch."""
    key = np.rint(places * 1e5).astype(np.int64) * NUM_FAMILIES + view.family % NUM_FAMILIES
    _, group = np.unique(key, return_inverse=True)
    length = (view.end - places) * view.tactus_quarters
    size = np.bincount(group).astype(np.float64)
    longest, shortest = np.full(len(size), -np.inf), np.full(len(size), np.inf)
    low, high = np.full(len(size), 1000), np.full(len(size), -1)
    np.maximum.at(longest, group, length)
    np.minimum.at(shortest, group, length)
    np.minimum.at(low, group, view.pitch)
    np.maximum.at(high, group, view.pitch)
    return [
        np.log2(size[group]),
        _log(longest[group]),
        _log(shortest[group]),
        (view.pitch == low[group]).astype(np.float64),
        (view.pitch == high[group]).astype(np.float64),
        (view.pitch - low[group]) / 24.0,
    ]
