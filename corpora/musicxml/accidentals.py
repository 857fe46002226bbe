"""Which notes of a measure need an accidental: the key, and what was written earlier on the same line or space.

Conventions: an accidental counts for its staff, letter and octave until the barline; a note tied over the barline shows none and
leaves none behind (Gould, "Behind Bars", 2011, pp. 78-80).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from corpora.musicxml.spelling import Spelling

__all__ = ["PitchedNote", "accidentals_to_show"]


class PitchedNote(NamedTuple):
    """A written note of the measure, its alteration that of a sign (``sign_of``); ``label`` names it in the answer."""

    start: Fraction
    staff: int
    spelling: Spelling
    is_tied_from_before: bool
    label: int


def accidentals_to_show(notes: Iterable[PitchedNote], key_of: Mapping[int, Mapping[str, float]]) -> dict[int, float | None]:
    """The alteration to show by label, for those notes that must show one.

    Args:
        notes: All notes of the staves concerned, in any order.
        key_of: Alterations of the key signature, by staff and letter.
    """
    state: dict[tuple[int, str, int], float] = {}
    shown: dict[int, float | None] = {}
    for note in sorted(notes, key=lambda note: note.start):
        step, alter, octave = note.spelling
        line = (note.staff, step, octave)
        expected = state.get(line, key_of.get(note.staff, {}).get(step, 0))
        if alter == expected or note.is_tied_from_before:
            continue
        shown[note.label] = alter
        state[line] = alter
    return shown
