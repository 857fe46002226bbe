"""Does a vocabulary keep its word? Every onset and pitch of a piece is in the decoded tokens, or the report counts it as lost.

Conventions: two notes match when their pitches are equal and their onsets differ by half a step of the vocabulary's grid at most,
in the grid's own unit (seconds through each piece's tempo map, or quarter notes). Each decoded note answers for one note only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compose.vocabulary.base import LossReport, Vocabulary
from corpora.piece import Piece

__all__ = ["RoundTrip", "check_roundtrip"]

TOLERANCE = 1e-6  # seconds or quarters: noise of float tempo maps


@dataclass(frozen=True)
class RoundTrip:
    """What one round trip kept and lost.

    Args:
        notes: How many notes the piece has.
        lost: How many of them have no match in the decoded piece.
        invented: How many decoded notes match none of the piece.
        report: What encoding said.
    """

    notes: int
    lost: int
    invented: int
    report: LossReport

    @property
    def reported(self) -> int:
        """How many lost notes the report counts."""
        return self.report.lost_notes

    @property
    def ok(self) -> bool:
        """Whether no note is lost that the report does not name, and none is invented."""
        return self.lost <= self.reported and self.invented == 0

    def to_dict(self) -> dict[str, Any]:
        """The result for machines."""
        return {
            "notes": self.notes,
            "lost": self.lost,
            "reported": self.reported,
            "invented": self.invented,
            "ok": self.ok,
            "report": self.report.to_dict(),
        }


def check_roundtrip(piece: Piece, vocabulary: Vocabulary) -> RoundTrip:
    """Encode a piece, decode the tokens, and match the notes.

    Args:
        piece: Any piece.
        vocabulary: Any vocabulary.
    """
    encoding = vocabulary.encode(piece)
    decoded = encoding.tokens.decode()
    radius = float(vocabulary.grid.step) / 2 + TOLERANCE
    kept = _matches(_onsets(piece, vocabulary), piece.notes["pitch"], _onsets(decoded, vocabulary), decoded.notes["pitch"], radius)
    return RoundTrip(len(piece.notes), len(piece.notes) - kept, len(decoded.notes) - kept, encoding.report)


def _onsets(piece: Piece, vocabulary: Vocabulary) -> NDArray[np.float64]:
    """Onsets in the unit of the vocabulary's grid."""
    if vocabulary.grid.unit == "seconds":
        return piece.div_to_seconds(piece.notes["onset_div"])
    quarters: NDArray[np.float64] = piece.notes["onset_div"] / piece.divs_per_quarter
    return quarters


def _matches(
    onsets: NDArray[np.float64],
    pitches: NDArray[np.int32],
    other_onsets: NDArray[np.float64],
    other_pitches: NDArray[np.int32],
    radius: float,
) -> int:
    """The largest number of pairs of equal pitch at most ``radius`` apart, each note in one pair."""
    count = 0
    for pitch in np.intersect1d(pitches, other_pitches):
        left = np.sort(onsets[pitches == pitch]).tolist()
        right = np.sort(other_onsets[other_pitches == pitch]).tolist()
        place = 0
        for onset in left:  # the earliest partner left is the best one, as all pairs have one radius
            while place < len(right) and right[place] < onset - radius:
                place += 1
            if place < len(right) and right[place] <= onset + radius:
                count += 1
                place += 1
    return count
