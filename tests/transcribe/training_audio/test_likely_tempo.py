"""Tempi of scores whose reader finds none: numbers stand, words count, and the rest is what is usual."""

from __future__ import annotations

import pytest

from corpora.files import parse_piece
from transcribe.training_audio.likely_tempo import usual_tempo, with_likely_tempo
from transcribe.training_audio.scores import read_score

TEXT = """{heading}**kern
*M{meter}
{rate}=1
4c
4d
4e
4f
=2
{later}4c
4d
4e
4f
==
*-
"""


def tempi(meter: str = "4/4", heading: str = "", rate: str = "", later: str = "") -> list[tuple[float, float]]:
    piece = read_score(TEXT.format(meter=meter, heading=heading, rate=rate, later=later).encode(), "a.krn")
    return [(float(piece.quarters(int(row["onset_div"]))), round(float(row["quarters_per_minute"]), 1)) for row in piece.tempos]


def test_numbers_stand() -> None:
    assert tempi(heading="!!!OMD: Presto\n", rate="*MM63\n") == [(0.0, 63.0)]


def test_words_count_in_beats_of_the_meter() -> None:
    assert tempi(heading="!!!OMD: Largo.\n") == [(0.0, 46.0)]
    assert tempi(heading="!!!OMD: Largo.\n", meter="2/2") == [(0.0, 69.0)]
    assert tempi(heading="!!!OMD: Largo.\n", later="!!!OMD: Allo\n") == [(0.0, 46.0), (4.0, 132.0)]
    assert tempi(later="!LO:TX:t=Adagio\n")[1] == (4.0, 58.0)


@pytest.mark.parametrize("meter", [(4, 4), (2, 2), (3, 8), (6, 8)])
def test_what_says_nothing_has_the_tempo_that_is_usual(meter: tuple[int, int]) -> None:
    assert tempi(meter=f"{meter[0]}/{meter[1]}", heading="!!!OMD: mit Humor\n") == [(0.0, round(usual_tempo(*meter), 1))]


def test_musicxml_that_tells_a_tempo_stays() -> None:
    said = parse_piece(TEXT.format(meter="4/4", heading="!!!OMD: Largo\n", rate="", later="").encode(), "a.krn")
    silent = parse_piece(TEXT.format(meter="4/4", heading="", rate="", later="").encode(), "a.krn")
    assert with_likely_tempo(said) is said
    assert with_likely_tempo(silent).tempos["quarters_per_minute"].tolist() == pytest.approx([usual_tempo(4, 4)])
