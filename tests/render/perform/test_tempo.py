from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from corpora.piece import Piece
from render.perform import Performance, perform

Text = Callable[..., str]


def played(piece: Piece, *rules: str, strength: float = 1.0) -> Performance:
    return perform(piece, strengths={"all": 0.0, **dict.fromkeys(rules, strength)})


def beat_rates(performance: Performance, beats: int) -> NDArray[np.float64]:
    """Quarters a minute of each quarter note."""
    ticks = np.arange(beats + 1) * performance.played.divs_per_quarter
    return np.asarray(60.0 / np.diff(performance.played.div_to_seconds(ticks)))


def test_a_tempo_word_alone_is_a_tempo(score: Callable[..., Piece], note: Text, words: Text) -> None:
    bars = [words("Adagio") + note("C4") * 4, words("Allegro") + note("C4") * 4]
    assert beat_rates(played(score(bars)), 8) == pytest.approx([120.0] * 8, abs=0.01)
    assert beat_rates(played(score(bars), "tempo words"), 8) == pytest.approx([58.0] * 4 + [132.0] * 4, abs=0.1)
    half = beat_rates(played(score(bars), "tempo words", strength=0.5), 8)
    assert half == pytest.approx([np.sqrt(58 * 120)] * 4 + [np.sqrt(132 * 120)] * 4, abs=0.1)


def test_a_metronome_mark_wins_over_its_word(score: Callable[..., Piece], note: Text, direction: Text) -> None:
    bars = [direction("<words>Adagio</words>", 'tempo="90"') + note("C4") * 4]
    assert beat_rates(played(score(bars), "tempo words"), 4) == pytest.approx([90.0] * 4, abs=0.01)


def test_compound_beats_and_relative_words(score: Callable[..., Piece], note: Text, words: Text) -> None:
    bars = [
        words("Andante") + note("C4", "eighth") * 6,
        words("più mosso") + note("C4", "eighth") * 6,
        words("Tempo I") + note("C4", "eighth") * 6,
    ]
    rates = beat_rates(played(score(bars, beats=6, beat_type=8), "tempo words"), 9)
    assert rates[[0, 3, 6]] == pytest.approx([114.0, 114 * 1.16, 114.0], abs=0.2)


def test_a_rit_slows_down_until_a_tempo(score: Callable[..., Piece], note: Text, words: Text) -> None:
    quarters = note("C4") * 4
    bars = [quarters, words("rit.") + quarters, quarters, words("a tempo") + quarters, quarters]
    rates = beat_rates(played(score(bars), "gradual tempo"), 20)
    assert rates[:4] == pytest.approx([120.0] * 4, abs=0.01)
    assert (np.diff(rates[3:12]) < 0).all()
    assert 85 < rates[11] < 100
    assert rates[12:] == pytest.approx([120.0] * 8, abs=0.01)


def test_a_rit_without_a_tempo_is_a_local_one(score: Callable[..., Piece], note: Text, words: Text) -> None:
    quarters = note("C4") * 4
    rates = beat_rates(played(score([quarters, words("rit.") + quarters, *[quarters] * 12]), "gradual tempo"), 56)
    assert rates[4] < 120
    assert rates[20:] == pytest.approx([120.0] * 36, abs=0.01)


def test_a_rit_that_the_score_writes_out_in_tempos_is_not_made_twice(
    score: Callable[..., Piece], note: Text, words: Text, direction: Text
) -> None:
    steps = "".join(direction("<words>x</words>", f'tempo="{rate}"') + note("C4") for rate in (110, 100, 90, 80))
    bars = [direction("<words>x</words>", 'tempo="120"') + note("C4") * 4, words("rit.") + steps, words("a tempo") + note("C4") * 4]
    piece = score(bars)
    assert beat_rates(played(piece, "gradual tempo"), 8) == pytest.approx(beat_rates(played(piece), 8), abs=0.01)
    # the tempo before the rit. comes back
    assert beat_rates(played(piece, "tempo words"), 12)[8:] == pytest.approx([120.0] * 4, abs=0.05)


def test_a_rit_stops_at_the_end_of_its_section(score: Callable[..., Piece], note: Text, words: Text) -> None:
    quarters = note("C4") * 4
    double = '<barline location="right"><bar-style>light-light</bar-style></barline>'
    rates = beat_rates(
        played(score([words("rall.") + quarters + double, quarters, words("a tempo") + quarters]), "gradual tempo"), 12
    )
    assert rates[3] < 100
    assert rates[4:] == pytest.approx([120.0] * 8, abs=0.01)


@pytest.mark.parametrize(("rule", "word"), [("gradual tempo", "rit."), ("tempo words", "Adagio")])
def test_the_rule_raises_the_correlation_of_local_tempo_with_the_marks(
    rule: str, word: str, score: Callable[..., Piece], note: Text, words: Text
) -> None:
    quarters = note("C4") * 4
    piece = score(
        [quarters, words(word) + quarters, words("a tempo" if word == "rit." else "Allegro") + quarters, words("accel.") + quarters]
    )
    base = {"all": 0.0, "metrical accent": 1.0, "timing noise": 1.0}
    said = np.array([0.0] * 4 + [-1.0] * 4 + [0.0] * 8)

    def correlation(strengths: dict[str, float]) -> float:
        return float(np.corrcoef(np.log(beat_rates(perform(piece, strengths=strengths), 16)), said)[0, 1])

    assert correlation({**base, rule: 1.0}) > max(correlation(base), 0.0) + 0.3
