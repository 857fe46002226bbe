"""Beats of scores: every meter, upbeats, bars split by repeats."""

from fractions import Fraction

import numpy as np
import pytest

from corpora.piece import MEASURE_DTYPE, Part, Piece, empty_notes
from transcribe.beats.score_beats import score_beats, tactus_quarters


def piece(*bars: tuple[int, int, int]) -> Piece:
    """Bars of (length, beats, beat type) with 12 divs to the quarter."""
    measures = np.zeros(len(bars), dtype=MEASURE_DTYPE)
    measures["end_div"] = np.cumsum([length for length, _, _ in bars])
    measures["start_div"] = measures["end_div"] - [length for length, _, _ in bars]
    measures["beats"], measures["beat_type"] = [b for _, b, _ in bars], [t for _, _, t in bars]
    return Piece(empty_notes(), 12, (Part("Piano"),), measures)


@pytest.mark.parametrize(
    ("beats", "beat_type", "numbers", "quarters"),
    [
        (3, 4, 3, Fraction(1)),
        (2, 2, 2, Fraction(2)),
        (3, 8, 3, Fraction(1, 2)),
        (6, 8, 2, Fraction(3, 2)),
        (9, 8, 3, Fraction(3, 2)),
        (12, 8, 4, Fraction(3, 2)),
        (6, 4, 2, Fraction(3)),
        (7, 8, 7, Fraction(1, 2)),
    ],
)
def test_every_meter_has_its_beats(beats: int, beat_type: int, numbers: int, quarters: Fraction) -> None:
    length = 12 * 4 * beats // beat_type
    rows = score_beats(piece((length, beats, beat_type), (length, beats, beat_type)))
    assert tactus_quarters(beats, beat_type) == quarters
    assert rows["number"].tolist() == 2 * list(range(1, numbers + 1))
    assert rows["onset_div"].tolist() == [12 * float(quarters) * beat for beat in range(2 * numbers)]


def test_an_upbeat_ends_with_the_last_beat() -> None:
    rows = score_beats(piece((12, 3, 4), (36, 3, 4)))
    assert rows["number"].tolist() == [3, 1, 2, 3]
    assert rows["onset_div"].tolist() == [0, 12, 24, 36]


def test_an_upbeat_within_a_beat_has_none() -> None:
    rows = score_beats(piece((6, 6, 8), (36, 6, 8)))  # an eighth before 6/8
    assert rows["number"].tolist() == [1, 2]
    assert rows["onset_div"].tolist() == [6, 24]


def test_a_bar_split_by_a_repeat_counts_through() -> None:
    rows = score_beats(piece((48, 4, 4), (36, 4, 4), (12, 4, 4), (48, 4, 4)))
    assert rows["number"].tolist() == [1, 2, 3, 4] * 3


def test_a_cadenza_counts_on() -> None:
    assert score_beats(piece((60, 3, 4), (36, 3, 4)))["number"].tolist() == [1, 2, 3, 4, 5, 1, 2, 3]
