"""Signs at notes of a score that was written without them: ``with_signs``.

A trill is with the next note of the key, or of its bar, unless an accidental at the sign says otherwise.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.musicxml.editor import NoteSign, sign_notes
from corpora.musicxml.marks import NoteMarks, read_marks
from corpora.musicxml.reader import read_musicxml
from corpora.musicxml.spelling import key_alters
from corpora.musicxml.walker import STEP_SEMITONES
from corpora.piece import Piece

__all__ = ["with_signs"]

STEPS = tuple(STEP_SEMITONES)
TRILLS: dict[int, NoteSign] = {  # by the neighbour's alteration
    -2: "trill-flat-flat",
    -1: "trill-flat",
    0: "trill-natural",
    1: "trill-sharp",
    2: "trill-double-sharp",
}
OCTAVE = 12


def with_signs(musicxml: bytes, piece: Piece, rolled: NDArray[np.bool_], neighbours: NDArray[np.int64]) -> bytes:
    """The text of a piece with signs at some of its notes.

    Args:
        musicxml: The piece as it was written.
        piece: Its lanes are those of the text.
        rolled: Which notes of the piece are of a rolled chord, shape (notes,); grace notes get no sign.
        neighbours: Semitones from each to the upper neighbour that it is trilled with; 0 where it is not, shape (notes,).
    """
    if not (rolled.any() or neighbours.any()):
        return musicxml
    written = read_musicxml(musicxml)
    ids = {_place(row, written): str(row["id"]) for row in written.notes if row["duration_div"]}
    sounds = piece.notes["duration_div"] > 0
    signs: dict[NoteSign, list[str]] = {"arpeggiate": [ids[_place(row, piece)] for row in piece.notes[rolled & sounds]]}
    trilled = (neighbours > 0) & sounds
    if trilled.any():
        spelled = _Spelled(musicxml, written)
        for row, semitones in zip(piece.notes[trilled], neighbours[trilled].tolist(), strict=True):
            name = ids[_place(row, piece)]
            signs.setdefault(spelled.trill(name, semitones), []).append(name)
    for sign, names in signs.items():
        musicxml = sign_notes(musicxml, names, sign) if names else musicxml
    return musicxml


def _place(note: Any, piece: Piece) -> tuple[Fraction, int, int]:
    """Quarters from the start, lane and pitch."""
    return Fraction(int(note["onset_div"]), piece.divs_per_quarter), int(note["part"]), int(note["pitch"])


class _Spelled:
    """How the notes of a piece are spelled, and what holds for their neighbours."""

    def __init__(self, musicxml: bytes, written: Piece) -> None:
        self.written = written
        self.notes = read_marks(musicxml).notes
        self.onset = dict(zip(written.notes["id"].tolist(), written.notes["onset_div"].tolist(), strict=True))
        self.in_bar: dict[tuple[int, int, int, str, int], list[tuple[int, float]]] = {}
        for name, onset in self.onset.items():
            marks = self.notes[name]
            self.in_bar.setdefault(self._line(marks, marks.step, marks.octave), []).append((onset, marks.alter))

    @staticmethod
    def _line(marks: NoteMarks, step: str, octave: int) -> tuple[int, int, int, str, int]:
        return marks.part, marks.staff, marks.measure, step, octave

    def trill(self, name: str, semitones: int) -> NoteSign:
        """The sign of a note's trill with a neighbour so far above it."""
        marks, onset = self.notes[name], self.onset[name]
        place = STEPS.index(marks.step) + 1
        step, octave = STEPS[place % len(STEPS)], marks.octave + place // len(STEPS)
        natural = STEP_SEMITONES[step] + OCTAVE * (octave - marks.octave) - STEP_SEMITONES[marks.step]
        alter = round(marks.alter) + semitones - natural
        earlier = [entry for entry in self.in_bar.get(self._line(marks, step, octave), []) if entry[0] <= onset]
        expected = max(earlier)[1] if earlier else key_alters(self.written.key_at(onset)[0])[step]
        return "trill-mark" if alter == expected else TRILLS.get(alter, "trill-mark")
