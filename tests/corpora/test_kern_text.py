"""What kern texts say of bars and tempi: exact places, what is passed over, and words in the MusicXML that is made of them."""

from __future__ import annotations

import pytest

from corpora.files import parse_piece
from corpora.kern_text import KernWords, has_metronome, kern_meters, kern_words
from corpora.musicxml.marks import read_marks

TEXT = """!!!COM: X
!!!OMD: Allo. moderato.
!!!OMD-mod: Allegro moderato
**kern\t**kern
*M2/4\t*M2/4
!LO:TX:a:t=P:problem\t!LO:TX:a:i:t=dolce &colon; sempre
=1\t=1
4c\t4e
!LO:TX:t=Largo\t!
4d\t4f
=\t=
!!!OMD: Presto.
!\t!LO:TX:b:t=con fuoco
4c\t4e
4d\t4f
==\t==
*-\t*-
"""


@pytest.mark.parametrize("written", ["*M3/0", "*M0/4", "*M3/7", "*M300/4", "*MM120", "*M", "*M3/4x"])
def test_what_is_no_meter_in_kern_is_passed_over(written):
    assert kern_meters(f"**kern\n{written}\n4c\n=\n4d\n*-\n") == [None, None]


def test_words_stand_at_the_bars_that_they_begin() -> None:
    assert kern_words(TEXT) == [
        KernWords(0, "Allegro moderato", True),
        KernWords(0, "dolce : sempre", False),
        KernWords(1, "Presto.", True),
        KernWords(1, "con fuoco", False),
    ]


@pytest.mark.parametrize("text", ["", "!!!OMD:\n", "!!!OMD:   \n**kern\n4c\n*-\n", "!LO:TX\n", "!!!OMDX: Largo\n", "!LO:TX:t=P\n"])
def test_what_are_no_words_is_passed_over(text: str) -> None:
    assert kern_words(text) == []


def test_a_metronome_rate_is_a_number() -> None:
    assert has_metronome("**kern\n*MM63\n4c\n*-\n")
    assert has_metronome("**kern\t**dynam\n*\t*MM120.5\n")
    assert not has_metronome(TEXT)
    assert not has_metronome("!! *MM63\n*MM[Allegro]\n")


def test_designations_of_movements_are_words_over_the_top_staff() -> None:
    piece = parse_piece(TEXT.encode(), "a.krn")
    assert piece.source is not None
    words = [(row.onset, row.text) for row in read_marks(piece.source.data, "a.krn").directions if row.kind == "words"]
    assert words == [(0, "Allegro moderato"), (2 * piece.divs_per_quarter, "Presto.")]
