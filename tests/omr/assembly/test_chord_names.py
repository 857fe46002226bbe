"""Chord symbols in the spellings that are printed; letters that are rehearsal marks."""

from __future__ import annotations

import pytest

from compose.constraints.chords import parse_chord
from corpora.musicxml.harmony import KIND_SYMBOLS
from omr.assembly.chord_names import are_chords, chord_name, chord_names

NAMES = {
    "G": "G",
    "B♭": "Bb",
    "F♯m7": "F#m7",
    "Cmin7": "Cm7",
    "C-7": "Cm7",
    "C△7": "Cmaj7",
    "CM7": "Cmaj7",
    "Cmaj7": "Cmaj7",
    "Eø7": "Em7b5",
    "Em7b5": "Em7b5",
    "E°7": "Edim7",
    "F+": "Faug",
    "Gsus": "Gsus4",
    "A6": "A6",
    "Am6": "Am6",
    "D7/F#": "D7/F#",
    "C/B♭": "C/Bb",
    "N.C.": "N.C.",
    "C9": "C7",
    "Cm9": "Cm7",
    "Cmaj9": "Cmaj7",
    "C7(b9)": "C7",
    "C7#5": "C7",
    "Cadd9": "C",
}


@pytest.mark.parametrize("printed", NAMES)
def test_printed_spellings_have_one_name(printed: str) -> None:
    assert chord_name(printed) == NAMES[printed]


@pytest.mark.parametrize("kind", KIND_SYMBOLS)
def test_names_of_scores_are_their_own(kind: str) -> None:
    name = chord_name(f"Eb{kind}/G")
    assert name == f"Eb{kind}/G"
    assert parse_chord(name).bass == 7


@pytest.mark.parametrize(
    "text", ["", "H", "Allegro", "Fine", "D.C.", "Coda", "Adagio", "a tempo", "c", "C//", "C/H", "Gis", "12", "Em dolce"]
)
def test_other_texts_are_no_chords(text: str) -> None:
    assert chord_name(text) is None
    assert chord_names(text) == []


def test_several_chords_may_be_read_as_one_text() -> None:
    assert chord_names("C  Am7 D7") == ["C", "Am7", "D7"]


def test_the_score_says_whether_letters_are_chords() -> None:
    assert are_chords(["G", "C", "D7"])
    assert are_chords(["A", "D", "A", "E"])
    assert not are_chords(["A", "B", "C", "D", "E"])  # rehearsal marks
    assert not are_chords(["G", "C"])
    assert not are_chords(["A", "A", "C", "rit.", "a tempo", "dolce", "cresc."])
