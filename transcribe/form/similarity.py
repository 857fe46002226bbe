"""Self-similarity of music beat by beat, and its novelty curve.

Foote, "Automatic audio segmentation using a measure of audio novelty", ICME 2000: similarity is the cosine of feature vectors,
and a boundary is where a checkerboard of similar blocks lies on the diagonal. Vectors are taken over several beats together, so
that a diagonal stands out where a passage comes again (Müller, "Fundamentals of Music Processing", 2015, section 4.2.2).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["novelty", "self_similarity"]

Array = NDArray[np.float64]


def self_similarity(features: Array, context: int = 4) -> Array:
    """Cosine of all pairs of beats, shape (beats, beats), 0 to 1 for features that are not negative.

    Args:
        features: (beats, dimensions): chroma, with other things beside it that should count.
        context: Beats that are compared together, from each beat on.
    """
    count = len(features)
    if not count:
        return np.zeros((0, 0))
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9)
    padded = np.concatenate([unit, np.repeat(unit[-1:], context - 1, axis=0)])
    stacked = np.concatenate([padded[step : step + count] for step in range(context)], axis=1)
    stacked /= np.maximum(np.linalg.norm(stacked, axis=1, keepdims=True), 1e-9)
    return np.asarray(stacked @ stacked.T)


def novelty(similarity: Array, half_width: int = 16) -> Array:
    """How much like a boundary the start of each beat is, shape (beats,): 0 and more.

    Args:
        similarity: (beats, beats).
        half_width: Beats to both sides that are compared; the nearer count more (a Gaussian).
    """
    count = len(similarity)
    width = min(half_width, max(count // 2, 1))
    axis = np.arange(-width, width) + 0.5
    taper = np.exp(-0.5 * (axis / (0.5 * width)) ** 2)
    board = np.outer(np.sign(axis) * taper, np.sign(axis) * taper)
    board /= np.abs(board).sum()
    padded = np.pad(similarity, width, mode="reflect") if count > width else np.pad(similarity, width, mode="edge")
    return np.maximum(
        [float((padded[start : start + 2 * width, start : start + 2 * width] * board).sum()) for start in range(count)], 0.0
    )
