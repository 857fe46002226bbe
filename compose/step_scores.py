"""Pieces as training reads them: bars and notes on the writing grid, in plain arrays that a window is cut from quickly.

Conventions: times are steps of the writing grid (24 a quarter); notes are in canonical order (onset, lane, pitch, duration); grace
notes are left out, as writers do not write them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compose.canvas import Note
from compose.vocabulary.bars import Chunk, chunks, to_steps
from compose.vocabulary.measured_fields import transposed_key
from corpora.piece import Part, Piece

__all__ = ["StepScore"]


@dataclass(frozen=True, eq=False)
class StepScore:
    """A piece on the writing grid.

    Args:
        parts: The lanes.
        bars: Bars and parts of bars, contiguous.
        notes: (notes, 5) int32: onset, lane, pitch, duration, velocity.
    """

    parts: tuple[Part, ...]
    bars: list[Chunk]
    notes: NDArray[np.int32]

    @classmethod
    def of(cls, piece: Piece) -> StepScore:
        """The score of a piece."""
        rows = piece.notes[piece.notes["duration_div"] > 0]
        onset = to_steps(rows["onset_div"], piece.divs_per_quarter)
        duration = np.maximum(to_steps(rows["duration_div"], piece.divs_per_quarter), 1)
        columns = (onset, rows["part"], rows["pitch"], duration, rows["velocity"])
        notes = np.stack([np.asarray(column, dtype=np.int32) for column in columns], axis=1)
        return cls(piece.parts, chunks(piece), notes[np.lexsort(notes.T[3::-1])])

    @property
    def has_drums(self) -> bool:
        """Whether a lane's pitches are drums."""
        return any(part.is_drum for part in self.parts)

    @property
    def pitched(self) -> NDArray[np.bool_]:
        """Which notes are no drums, shape (notes,)."""
        lanes = np.array([not part.is_drum for part in self.parts], dtype=np.bool_)
        return np.asarray(lanes[self.notes[:, 1]])

    def transposed(self, semitones: int) -> StepScore:
        """The score ``semitones`` higher, its drums as they are; the caller keeps the notes inside 0..127."""
        notes = self.notes.copy()
        notes[self.pitched, 2] += semitones
        bars = [bar._replace(key=transposed_key(bar.key, semitones)) for bar in self.bars]
        return StepScore(self.parts, bars, notes)

    def window(self, start: int, end: int) -> list[Note]:
        """The notes with ``start <= onset < end``."""
        first, last = np.searchsorted(self.notes[:, 0], (start, end))
        return [Note(*row) for row in self.notes[first:last].tolist()]

    def count(self, start: int, end: int) -> int:
        """How many notes ``window`` would give."""
        first, last = np.searchsorted(self.notes[:, 0], (start, end))
        return int(last - first)
