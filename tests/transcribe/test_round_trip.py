"""Score, performance, sound, notes, score again: floors, below what ``tests/bench/bench_audio_round_trip.py`` finds."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from corpora.checkpoints import list_weights
from corpora.datasets.folder import DATA_VARIABLE
from corpora.musicxml.reader import read_musicxml
from render.fonts import font_in_wheel
from transcribe.measures.round_trip import iter_round_trips, round_trip
from transcribe.score.pairs import iter_pairs
from transcribe.score.performed import PerformedScore

pytestmark = [
    pytest.mark.skipif(not os.environ.get(DATA_VARIABLE), reason=f"{DATA_VARIABLE} is not set"),
    pytest.mark.skipif(not {"frames", "beats", "quantiser"} <= set(list_weights()), reason="the weights are not in this checkout"),
    pytest.mark.skipif(font_in_wheel() is None, reason="TimGM6mb.sf2 is not there"),
]


@pytest.fixture(scope="module")
def pairs() -> list[PerformedScore]:
    """The first stretch of two songs."""
    found: dict[str, PerformedScore] = {}
    for row, pair in iter_pairs("openscore-lieder", "test", 2, 5):
        found.setdefault(row.path, pair)
    return list(found.values())


def assert_whole_bars(musicxml: bytes) -> None:
    """Every bar is as long as its meter says."""
    piece = read_musicxml(musicxml)
    for bar in piece.measures[1:-1]:
        length = Fraction(int(bar["end_div"] - bar["start_div"]), piece.divs_per_quarter)
        assert length == Fraction(4 * int(bar["beats"]), int(bar["beat_type"]))


def test_songs_come_back(pairs: list[PerformedScore]) -> None:
    font = font_in_wheel()
    assert font is not None
    trips = []
    for pair in pairs:
        trip, found = round_trip(pair, font=font, seconds=20.0)
        trips.append(trip)
        assert_whole_bars(found.musicxml)
        given, _ = round_trip(pair, font=font, seconds=20.0, beats_given=True)
        assert given.place >= 0.8
        assert given.steady >= 0.7
    assert np.mean([trip.onset for trip in trips]) >= 0.7
    assert all(trip.notes > 20 and trip.bars > 1 for trip in trips)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("steady", "pieces", "place", "value"), [(True, 30, 0.7, 0.6), (False, 20, 0.55, 0.55)])
def test_many_pieces_come_back(
    steady: bool, pieces: int, place: float, value: float, tmp_path: Path, opens_in_three_programs: Callable[[bytes, Path], None]
) -> None:
    packs = {"openscore-lieder": pieces - 9, "openscore-string-quartets": 3, "nifc-chopin-first-editions": 6}
    font = font_in_wheel()
    assert font is not None
    trips = []
    for trip, found in iter_round_trips(packs, font=font, steady=steady):
        trips.append(trip)
        opens_in_three_programs(found.musicxml, tmp_path / f"{len(trips)}.musicxml")
        assert_whole_bars(found.musicxml)
    names = ("onset", "place", "steady", "value", "meter", "key")
    means = {name: round(float(np.mean([getattr(trip, name) for trip in trips])), 3) for name in names}
    print(f"{len(trips)} pieces, steady {steady}: {means}")
    assert len(trips) == pieces
    assert means["onset"] >= 0.8
    assert means["place"] >= place
    assert means["value"] >= value
