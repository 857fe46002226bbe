"""Which parts sing one note at a time."""

from __future__ import annotations

from compose.constraints.instruments import CHORD_INSTRUMENTS, instrument_of
from corpora.piece import Piece

__all__ = ["is_monophonic", "sings"]


def is_monophonic(piece: Piece, lane: int) -> bool:
    """Whether no two notes of a lane ever sound together."""
    rows = piece.notes[(piece.notes["part"] == lane) & (piece.notes["duration_div"] > 0)]
    return bool((rows["onset_div"][1:] >= (rows["onset_div"] + rows["duration_div"])[:-1]).all())


def sings(piece: Piece, lane: int) -> bool:
    """Whether a lane has one note at a time: as it was; for a lane without notes, as its instrument can."""
    if (piece.notes["part"] == lane).any():
        return is_monophonic(piece, lane)
    return instrument_of(piece.parts[lane]) not in CHORD_INSTRUMENTS
