"""Which of the notes that were heard are notes of the reference: the counts behind precision, recall and F1.

The rules are those of MIREX and ``mir_eval.transcription``: same pitch, onsets within 50 ms; with offsets, these within 50 ms or a
fifth of the reference's length; with velocities, these within a tenth of the range after the heard ones are scaled to the
reference's by least squares (Hawthorne et al., arXiv 1710.11153, section 3.3). A note matches one note at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table

__all__ = ["ONSET_TOLERANCE_S", "Score", "match_notes", "score_notes"]

ONSET_TOLERANCE_S = 0.05
OFFSET_RATIO = 0.2
VELOCITY_TOLERANCE = 0.1


@dataclass(frozen=True)
class Score:
    """Counts, and what they make.

    Args:
        reference, heard: How many notes there are.
        matched: How many pairs.
    """

    reference: int
    heard: int
    matched: int

    @property
    def precision(self) -> float:
        """Share of what was heard that is there."""
        return self.matched / self.heard if self.heard else 0.0

    @property
    def recall(self) -> float:
        """Share of what is there that was heard."""
        return self.matched / self.reference if self.reference else 0.0

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        both = self.reference + self.heard
        return 2 * self.matched / both if both else 0.0

    def __add__(self, other: Score) -> Score:
        return Score(self.reference + other.reference, self.heard + other.heard, self.matched + other.matched)


def match_notes(reference: Table, heard: Table, *, offsets: bool = False, families: bool = False) -> NDArray[np.int64]:
    """Pairs of notes, as many as there can be.

    Args:
        reference, heard: HEARD_DTYPE rows.
        offsets: Whether offsets have to agree too.
        families: Whether families have to.

    Returns:
        (pairs, 2): row of the reference, row of what was heard.
    """
    pairs: list[tuple[int, int]] = []
    own, theirs = _kinds(reference, families), _kinds(heard, families)
    for kind in np.intersect1d(own, theirs):
        left, right = np.flatnonzero(own == kind), np.flatnonzero(theirs == kind)
        distance = np.abs(np.round(reference["onset_s"][left, None] - heard["onset_s"][right], 4))
        fits = distance <= ONSET_TOLERANCE_S
        if offsets:
            length = reference["offset_s"][left] - reference["onset_s"][left]
            slack = np.maximum(ONSET_TOLERANCE_S, OFFSET_RATIO * length)[:, None]
            fits &= np.abs(np.round(reference["offset_s"][left, None] - heard["offset_s"][right], 4)) <= slack
        pairs += [(int(left[i]), int(right[j])) for i, j in _matching(fits)]
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def _kinds(notes: Table, families: bool) -> NDArray[np.int64]:
    kinds = notes["pitch"].astype(np.int64)
    return kinds + 1000 * (notes["family"].astype(np.int64) + 1) if families else kinds


def _matching(fits: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """A largest matching (augmenting paths)."""
    partner: dict[int, int] = {}  # right -> left
    choices = [np.flatnonzero(row).tolist() for row in fits]

    def place(left: int, tried: set[int]) -> bool:
        for right in choices[left]:
            if right not in tried:
                tried.add(right)
                if right not in partner or place(partner[right], tried):
                    partner[right] = left
                    return True
        return False

    for left in range(len(choices)):
        place(left, set())
    return [(left, right) for right, left in partner.items()]


def score_notes(
    reference: Table, heard: Table, *, offsets: bool = False, velocities: bool = False, families: bool = False
) -> Score:
    """How well notes were heard; with velocities as mir_eval does: of the pairs that match otherwise, those that agree in velocity.

    Args:
        reference, heard: HEARD_DTYPE rows.
        offsets, velocities, families: What has to agree besides pitch and onset.
    """
    pairs = match_notes(reference, heard, offsets=offsets, families=families)
    matched = len(pairs)
    if velocities and matched:
        low, high = float(reference["velocity"].min()), float(reference["velocity"].max())
        wanted = (reference["velocity"][pairs[:, 0]] - low) / max(high - low, 1.0)
        found = heard["velocity"][pairs[:, 1]].astype(np.float64)
        slope, level = np.linalg.lstsq(np.stack([found, np.ones(matched)], 1), wanted, rcond=None)[0]
        matched = int((np.abs(slope * found + level - wanted) < VELOCITY_TOLERANCE).sum())
    return Score(len(reference), len(heard), matched)
