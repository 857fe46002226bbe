"""Sections and their letters: ``find_sections``.

Boundaries are peaks of novelty, and the ends of passages that come again. Sections whose beats run alike, one beside the other,
have one letter: A, B, A ...

Conventions: spans are beats (edges in seconds, as in ``transcribe.harmony.chroma``).
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table
from transcribe.form.similarity import novelty, self_similarity

__all__ = ["SECTION_DTYPE", "find_sections"]

SECTION_DTYPE = np.dtype([("onset_s", np.float64), ("offset_s", np.float64), ("label", "U4")])
Array = NDArray[np.float64]

LEAST_BEATS = 8  # of a section
NOVELTY_WEIGHT = 0.6  # beside the ends of passages that come again
LEAST_STRENGTH = 0.4  # of the strongest boundary
SAME = 0.86  # mean similarity along a diagonal of passages that count as the same
TOLERANCE = 2  # beats that a repeat may begin earlier or later


def find_sections(features: Array, edges_s: Array, *, least_beats: int = LEAST_BEATS, context: int = 4) -> Table:
    """The sections, contiguous, SECTION_DTYPE rows, letters in order of appearance.

    Args:
        features: (beats, dimensions), not negative: chroma, from notes or sound.
        edges_s: Of the beats, shape (beats + 1,).
        least_beats: The shortest section.
        context: As in ``self_similarity``.
    """
    count = len(features)
    if not count:
        return np.zeros(0, dtype=SECTION_DTYPE)
    similarity = self_similarity(features, context)
    bounds = _boundaries(features, similarity, least_beats, context)
    letters = _letters(similarity, bounds)
    rows = np.zeros(len(letters), dtype=SECTION_DTYPE)
    rows["onset_s"], rows["offset_s"] = edges_s[bounds[:-1]], edges_s[bounds[1:]]
    rows["label"] = letters
    return rows


def _repeat_edges(similarity: Array, least: int, context: int) -> Array:
    """For each beat how many beats long the passages are that begin or end there and come again, shape (beats,)."""
    count = len(similarity)
    weight = np.zeros(count + 1)
    for lag in range(least, count):
        along = np.concatenate([[0], (np.diagonal(similarity, lag) > SAME).astype(np.int8), [0]])
        change = np.flatnonzero(np.diff(along))
        for first, stop in zip(change[::2].tolist(), change[1::2].tolist(), strict=True):
            if stop - first >= least:
                end = min(stop + context - 1, count - lag)  # the last of the beats compared together
                for edge in (first, end, first + lag, end + lag):
                    weight[edge] += stop - first
    return weight[:count]


def _boundaries(features: Array, similarity: Array, least: int, context: int) -> list[int]:
    """Beats at which sections begin, and the end: greedily the strongest, none nearer to another than ``least``."""
    count = len(similarity)
    curve = novelty(self_similarity(features, 1))
    edges = _repeat_edges(similarity, least, context)
    smooth = np.convolve(edges, [0.5, 1.0, 0.5], mode="same")
    strength = NOVELTY_WEIGHT * curve / max(float(curve.max()), 1e-9) + smooth / max(float(smooth.max()), 1e-9)
    chosen = [0, count]
    for beat in np.argsort(-strength, kind="stable").tolist():
        if strength[beat] < LEAST_STRENGTH * strength.max():
            break
        near = strength[max(beat - 2, 0) : beat + 3].max()
        if strength[beat] >= near and min(abs(beat - other) for other in chosen) >= least:
            chosen.append(beat)
    return sorted(chosen)


def _letters(similarity: Array, bounds: list[int]) -> list[str]:
    """A letter for each section: that of the earlier one which it resembles most, if enough, else a new one."""
    names: list[int] = []
    for index, (first, stop) in enumerate(itertools.pairwise(bounds)):
        best, likeness = -1, SAME
        for other in range(index):
            alike = _likeness(similarity, (bounds[other], bounds[other + 1]), (first, stop))
            if alike > likeness:
                best, likeness = other, alike
        names.append(names[best] if best >= 0 else max(names, default=-1) + 1)
    return [_letter(name) for name in names]


def _likeness(similarity: Array, one: tuple[int, int], other: tuple[int, int]) -> float:
    """Mean similarity along the best diagonal of two sections, weighed down by how unlike their lengths are."""
    lengths = sorted((one[1] - one[0], other[1] - other[0]))
    if lengths[0] < 0.6 * lengths[1]:
        return 0.0
    best = 0.0
    for shift in range(-TOLERANCE, TOLERANCE + 1):
        first, start = one[0] + max(shift, 0), other[0] + max(-shift, 0)
        span = min(one[1] - first, other[1] - start)
        if span > 0:
            places = np.arange(span)
            best = max(best, float(similarity[first + places, start + places].mean()))
    return best


def _letter(index: int) -> str:
    """A to Z, then AA, AB ..."""
    return (_letter(index // 26 - 1) if index >= 26 else "") + chr(ord("A") + index % 26)
