"""Signs at notes of a score that was written without them: ``with_signs``."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.musicxml.editor import NoteSign, sign_notes
from corpora.musicxml.reader import read_musicxml
from corpora.piece import Piece

__all__ = ["with_signs"]


def with_signs(musicxml: bytes, piece: Piece, signs: Mapping[NoteSign, NDArray[np.bool_]]) -> bytes:
    """The text of a piece with signs at some of its notes.

    Args:
        musicxml: The piece as it was written.
        piece: Its lanes are those of the text.
        signs: Which notes of the piece have each, shape (notes,); grace notes get none.
    """
    signed = {sign: chosen for sign, chosen in signs.items() if chosen.any()}
    if not signed:
        return musicxml
    written = read_musicxml(musicxml)
    ids = {_place(row, written): str(row["id"]) for row in written.notes if row["duration_div"]}
    for sign, chosen in signed.items():
        places = [_place(row, piece) for row in piece.notes[chosen & (piece.notes["duration_div"] > 0)]]
        musicxml = sign_notes(musicxml, [ids[place] for place in places], sign)
    return musicxml


def _place(note: Any, piece: Piece) -> tuple[Fraction, int, int]:
    """Quarters from the start, lane and pitch."""
    return Fraction(int(note["onset_div"]), piece.divs_per_quarter), int(note["part"]), int(note["pitch"])
