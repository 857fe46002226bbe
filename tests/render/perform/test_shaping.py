from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from corpora.musicxml.marks import read_marks
from corpora.piece import Piece
from render.perform import perform, unfold
from render.perform.draft import Draft
from render.perform.phrases import find_phrases
from render.perform.shaping import CURVATURE, LAST_TEMPO

Text = Callable[..., str]
BAR = 96  # divs


def draft_of(piece: Piece) -> Draft:
    assert piece.source is not None
    marks = read_marks(piece.source.data)
    return Draft(unfold(piece, marks), marks, 0)


def test_phrases_end_at_rests(score: Callable[..., Piece], note: Text) -> None:
    quarters, close = note("C4") * 4, note("C4", "half") + note("rest", "half")
    piece = score([quarters, quarters, close, quarters, quarters, quarters, quarters, close])
    phrases = find_phrases(draft_of(piece))
    assert [(phrase.start // BAR, phrase.end // BAR) for phrase in phrases] == [(0, 3), (3, 8)]
    assert phrases[0].end_weight > 0.7


def test_phrases_end_with_slurs_and_words(score: Callable[..., Piece], note: Text) -> None:
    start, stop = '<slur type="start"/>', '<slur type="stop"/>'
    slurred = [note("C4", notations=start) + note("D4") * 3, note("E4") * 4, note("F4") * 3 + note("G4", notations=stop)]
    assert [phrase.end // BAR for phrase in find_phrases(draft_of(score(slurred * 3)))] == [3, 6, 9]
    sung = [note("C4", lyric="la") * 4, note("C4", lyric="la") * 4, note("C4", lyric="la") * 3 + note("C4", lyric="la,")]
    assert [phrase.end // BAR for phrase in find_phrases(draft_of(score({"Soprano": sung * 3})))] == [3, 6, 9]


def test_without_any_sign_phrases_have_four_bars_and_are_faint(score: Callable[..., Piece], note: Text) -> None:
    piece = score([note("C4") * 4] * 16)
    phrases = find_phrases(draft_of(piece))
    assert [phrase.end // BAR for phrase in phrases] == [4, 8, 12, 16]
    assert phrases[0].end_weight < 0.2

    def slowest(strengths: dict[str, float]) -> float:
        played = perform(piece, strengths=strengths).played
        before_the_end = played.tempos["onset_div"] < 48 * played.divs_per_quarter
        return float(played.tempos["quarters_per_minute"][before_the_end].min())

    assert slowest({"all": 0.0, "phrase arch": 1.0}) > 115


def test_the_arch_is_slower_and_softer_at_both_ends_and_keeps_the_length(score: Callable[..., Piece], note: Text) -> None:
    phrase = [note("C4") * 4, note("C4") * 4, note("C4") * 4, note("C4", "half") + note("rest", "half")]
    piece = score({"Piano": phrase * 2})
    still, shaped = (perform(piece, strengths={"all": 0.0, "phrase arch": k}) for k in (0.0, 1.0))
    ticks = np.arange(17) * shaped.played.divs_per_quarter
    rates = 60 / np.diff(shaped.played.div_to_seconds(ticks))
    assert rates[7] > rates[0]
    assert rates[7] > 120 > rates[15]
    assert rates[14] < rates[12]
    velocity = shaped.notes["velocity"][:13]
    assert velocity[6] > velocity[0]
    assert velocity[6] > velocity[12]
    assert shaped.duration_s == pytest.approx(still.duration_s, rel=0.01)
    double = perform(piece, strengths={"all": 0.0, "phrase arch": 2.0})
    assert double.notes["velocity"][:13].std() > 1.6 * velocity.std()


def test_metrical_accents_follow_the_meter(score: Callable[..., Piece], note: Text) -> None:
    for beats, beat_type, value, expected in ((4, 4, "eighth", "30102010"), (3, 4, "quarter", "311"), (6, 8, "eighth", "300100")):
        count = beats * (2 if value == "eighth" and beat_type == 4 else 1)
        played = perform(
            score({"Piano": [note("C4", value) * count]}, beats=beats, beat_type=beat_type),
            strengths={"all": 0.0, "metrical accent": 1.0},
        )
        velocity = played.notes["velocity"].tolist()
        ranks = sorted(set(velocity))
        assert velocity[0] == max(velocity)
        by_rank: dict[str, set[int]] = {}
        for rank, value_ in zip(expected, velocity, strict=True):
            by_rank.setdefault(rank, set()).add(value_)
        assert [max(by_rank[rank]) for rank in sorted(by_rank)] == ranks


def test_a_pickup_is_no_downbeat(score: Callable[..., Piece], note: Text) -> None:
    played = perform(score({"Piano": [note("C4"), note("C4") * 4]}), strengths={"all": 0.0, "metrical accent": 1.0})
    velocity = played.notes["velocity"].tolist()
    assert velocity[1] == max(velocity) > velocity[0]


def test_the_final_ritard_is_the_published_curve(score: Callable[..., Piece], note: Text) -> None:
    piece = score([note("C4") * 4] * 7 + [note("C4", "whole")])
    played = perform(piece, strengths={"all": 0.0, "final ritard": 1.0})
    tempos = played.played.tempos
    changed = tempos["quarters_per_minute"] < 119.9
    start = int(tempos["onset_div"][changed][0])
    last = 28 * played.played.divs_per_quarter  # the last onset
    edges = np.append(tempos["onset_div"], played.played.end_div)
    for row, end in zip(tempos[changed], edges[1:][changed], strict=True):
        x = ((row["onset_div"] + end) / 2 - start) / (last - start)
        if x > 1:  # the last note is not drawn out without measure
            assert row["quarters_per_minute"] >= 120 * LAST_TEMPO
            continue
        assert row["quarters_per_minute"] == pytest.approx(120 * (1 + (LAST_TEMPO**CURVATURE - 1) * x) ** (1 / CURVATURE), rel=0.02)
    assert 2.0 < played.played.div_to_seconds(last) - played.played.div_to_seconds(start) < 5.0


def test_no_final_ritard_where_the_score_says_how_to_end(score: Callable[..., Piece], note: Text, words: Text) -> None:
    for word in ("senza rit.", "molto rit."):
        piece = score([*[note("C4") * 4] * 6, words(word) + note("C4") * 4, note("C4", "whole")])
        assert perform(piece, strengths={"all": 0.0, "final ritard": 1.0}).played.tempos[
            "quarters_per_minute"
        ].tolist() == pytest.approx([120.0], abs=0.01)


def test_a_ritard_never_stands_in_the_middle(score: Callable[..., Piece], note: Text) -> None:
    played = perform(score([note("C4") * 4] * 40), strengths={"all": 0.0, "final ritard": 1.0})
    before = played.played.tempos["onset_div"] < 30 * 4 * played.played.divs_per_quarter
    assert played.played.tempos["quarters_per_minute"][before].tolist() == pytest.approx([120.0], abs=0.01)
