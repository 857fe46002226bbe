from fractions import Fraction

import numpy as np
import pytest

from corpora.errors import PartimentoError
from corpora.musicxml import read_musicxml, write_musicxml
from corpora.piece import MEASURE_DTYPE, Part, Piece, empty_notes, sort_notes
from render.perform.perform import perform
from transcribe.measures.notation import compare_notation, evaluate_notation
from transcribe.score.grid import beat_grid
from transcribe.score.notate import notate
from transcribe.score.performed import MAIN, performed_sections
from transcribe.score.train_quantiser import IGNORED, passage_of


def score(meter: tuple[int, int], bars: int, pickup: int = 0) -> Piece:
    """Eighth notes in two hands, 24 divs a quarter."""
    length = 4 * 24 * meter[0] // meter[1]
    starts = [0, *(pickup + length * bar for bar in range(bars))] if pickup else [length * bar for bar in range(bars)]
    ends = [*starts[1:], starts[-1] + length]
    measures = np.zeros(len(starts), dtype=MEASURE_DTYPE)
    measures["start_div"], measures["end_div"] = starts, ends
    measures["number"] = [str(index + (not pickup)) for index in range(len(starts))]
    measures["beats"], measures["beat_type"] = meter
    count = ends[-1] // 12
    notes = empty_notes(2 * count)
    notes["onset_div"] = np.tile(np.arange(count) * 12, 2)
    notes["duration_div"] = 12
    notes["pitch"] = np.concatenate([60 + np.arange(count) * 5 % 17, 36 + np.arange(count) * 7 % 19])
    notes["part"] = np.repeat([0, 1], count)
    notes["id"] = [f"n{index}" for index in range(2 * count)]
    return Piece(sort_notes(notes), 24, (Part("Piano", "P1", 1), Part("Piano", "P1", 2)), measures)


@pytest.mark.parametrize(("meter", "tactus"), [((4, 4), "1"), ((6, 8), "3/2"), ((2, 2), "2"), ((3, 4), "1")])
def test_beats_and_truth_are_those_of_the_score(meter: tuple[int, int], tactus: str) -> None:
    piece = read_musicxml(write_musicxml(score(meter, 6)))
    (pair,) = performed_sections(perform(piece, strengths={"all": 0.0}))
    assert pair.tactus_quarters == Fraction(tactus)
    assert pair.heard.beats["number"].max() == Fraction(4 * meter[0], meter[1]) / Fraction(tactus)
    seconds = pair.heard.beats["time_s"]
    exact = np.interp(pair.truth["onset_beats"], np.arange(len(seconds)), seconds)
    inside = pair.truth["onset_beats"] <= len(seconds) - 1
    assert np.allclose(pair.heard.notes["onset_s"][inside], exact[inside], atol=2e-3)


def test_a_pickup_has_the_last_numbers_of_a_bar() -> None:
    piece = read_musicxml(write_musicxml(score((4, 4), 5, pickup=24)))
    (pair,) = performed_sections(perform(piece, strengths={"all": 0.0}))
    assert pair.heard.beats["number"].tolist()[:6] == [4, 1, 2, 3, 4, 1]


def test_a_score_played_without_expression_comes_back() -> None:
    piece = read_musicxml(write_musicxml(score((4, 4), 8)))
    (pair,) = performed_sections(perform(piece, strengths={"all": 0.0}))
    counts = compare_notation(pair, notate(pair.heard), pair.marks)
    assert counts["place"] == counts["places"] == len(pair.truth)
    assert counts["value"] >= 0.97 * counts["values"]
    assert counts["staff"] >= 0.95 * counts["staves"]


def test_a_wrong_notation_is_found_out() -> None:
    piece = read_musicxml(write_musicxml(score((4, 4), 8)))
    (pair,) = performed_sections(perform(piece, strengths={"all": 0.0}))
    late = notate(pair.heard, first_downbeat_s=float(pair.heard.beats["time_s"][1]), tempo=61.0)
    counts = compare_notation(pair, late, pair.marks)
    assert counts["place"] < 0.5 * counts["places"]


def test_targets_of_training_are_the_score() -> None:
    piece = read_musicxml(write_musicxml(score((4, 4), 12)))
    (pair,) = performed_sections(perform(piece, seed=3))
    grid = beat_grid(pair.heard, 0.0, pair.heard.duration_s)
    passage = passage_of(pair, grid, 0, np.random.default_rng(1))
    known = passage.value != IGNORED
    assert 0.5 < known.mean() < 1.0
    assert len(set(passage.value[known].tolist())) == 1
    assert set(pair.truth["kind"].tolist()) == {MAIN}
    assert np.isfinite(passage.places).all()


@pytest.mark.slow
def test_figures_on_held_out_scores_keep_their_floors() -> None:
    try:
        rows = evaluate_notation({"openscore-lieder": 6}, max_notes=2000)
    except PartimentoError as error:
        pytest.skip(str(error))
    for row in rows:
        floors = {"place": 0.95, "value": 0.85, "spelling": 0.92, "voice": 0.7}
        if row.quantiser == "plain":
            floors = {"place": 0.93, "value": 0.7, "spelling": 0.92, "voice": 0.65}
        for name, floor in floors.items():
            assert getattr(row, name) >= floor, (row.pack, row.quantiser, name)
