"""Grooves that teach beats, and how often they come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from corpora.files import parse_piece
from transcribe.beats.drum_examples import drummed, drums_alone
from transcribe.beats.note_examples import BeatExample, varied
from transcribe.beats.pack_training import ALONE, DRUM_SHARES, GROOVES, PACKS, _weights, teaches_beats
from transcribe.beats.wishes import beats_a_bar
from transcribe.heard import DRUMS

EXAMPLE = Path(__file__).parents[2] / "examples" / "ode-to-joy.musicxml"


def near_beats(example: BeatExample) -> np.ndarray:
    drums = np.sort(example.notes["onset_s"][example.notes["family"] == DRUMS])
    return np.array([np.abs(drums - time_s).min() for time_s in example.beats["time_s"]])


@pytest.mark.parametrize("seed", range(6))
def test_grooves_alone_have_drums_on_their_beats(seed: int) -> None:
    example = drums_alone(seed)
    assert (example.notes["family"] == DRUMS).all()
    assert np.median(near_beats(example)) < 0.03
    sizes = {beats_a_bar(*meter) for meter in example.beats[["beats", "beat_type"]].tolist()}
    assert len(sizes) == 1
    assert set(example.beats["number"].tolist()) == set(range(1, sizes.pop() + 1))
    assert example.notes["onset_s"].tolist() == drums_alone(seed).notes["onset_s"].tolist()


def test_a_score_gets_a_groove_in_its_own_meter() -> None:
    piece = parse_piece(EXAMPLE.read_bytes(), EXAMPLE.name)
    made = drummed(piece, 3)
    assert made
    for example in made:
        assert 0 < (example.notes["family"] == DRUMS).sum() < len(example.notes)
        assert np.median(near_beats(example)) < 0.03
        assert {tuple(row) for row in example.beats[["beats", "beat_type"]].tolist()} == {(4, 4)}
        assert (np.diff(example.notes["onset_s"]) >= 0).all()
        assert teaches_beats(example) or len(example.beats) < 16


def test_drums_are_misheard() -> None:
    example = drums_alone(1)
    counts = [len(varied(example, np.random.default_rng(seed)).notes) for seed in range(20)]
    assert min(counts) < 0.8 * len(example.notes)
    assert max(counts) <= 1.3 * len(example.notes)
    for seed in range(5):
        other = varied(example, np.random.default_rng(seed))
        assert (other.notes["offset_s"] > other.notes["onset_s"]).all()


def test_drums_have_their_share_whatever_there_is() -> None:
    first, second = list(PACKS)[:2]
    kinds = [first, second, GROOVES, GROOVES, ALONE]
    weights = np.array(_weights(kinds, np.array([60.0, 120.0, 30.0, 50.0, 20.0])))
    assert weights[2:4].sum() / weights.sum() == pytest.approx(DRUM_SHARES[GROOVES])
    assert weights[4] / weights.sum() == pytest.approx(DRUM_SHARES[ALONE])
    assert weights[1] / weights[0] == pytest.approx(2 * PACKS[second] / PACKS[first])
    assert _weights([first], np.array([60.0])) == [60.0 * PACKS[first]]
    assert _weights([ALONE], np.array([60.0])) == [60.0]
