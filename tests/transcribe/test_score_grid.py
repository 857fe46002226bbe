from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from corpora.errors import RequestError
from transcribe.heard import BEAT_DTYPE
from transcribe.score.grid import beat_grid, tactus_of
from transcribe.score.view import note_view, onset_lag_s
from transcribe.score.wishes import with_wishes

RUBATO = [0.5, 1.1, 1.6, 2.3, 2.9, 3.3, 3.9, 4.6, 5.0]


def test_places_and_times_are_inverse(make_heard) -> None:
    grid = beat_grid(make_heard([(0.0, 9.0, 60)], beats=RUBATO), 0.0, 9.0)
    times = np.linspace(-2.0, 12.0, 57)
    assert np.allclose(grid.seconds_at(grid.beats_at(times)), times)
    assert np.allclose(np.diff(grid.beats_at(np.array(RUBATO))), 1.0)


def test_bars_are_whole_and_cover_what_was_asked(make_heard) -> None:
    grid = beat_grid(make_heard([(0.0, 9.0, 60)], beats=RUBATO, first=3, per_bar=3, meter=(3, 4)), 0.2, 6.0)
    assert grid.seconds[0] <= 0.2
    assert grid.seconds[-1] >= 6.0
    assert np.diff(grid.bar_lines).tolist() == [3] * (len(grid.bar_lines) - 1)
    assert np.allclose(grid.seconds[grid.first_heard : grid.first_heard + len(RUBATO)], RUBATO)


def test_a_grid_that_begins_late_still_knows_its_first_beat(make_heard) -> None:
    grid = beat_grid(make_heard([(4.7, 5.0, 60)], beats=RUBATO), 4.7, 5.0)
    assert grid.first_heard == -4
    assert np.allclose(grid.seconds[: len(RUBATO) - 4], RUBATO[4 : 4 + len(grid.seconds)])


def test_missing_beats_are_put_in_and_doubled_ones_left_out(make_heard) -> None:
    beats = [0.0, 0.5, 0.53, 1.0, 1.5, 2.0, 4.5, 5.0, 5.5]  # four are missing between 2.0 and 4.5
    grid = beat_grid(make_heard([(0.0, 5.5, 60)], beats=beats), 0.0, 5.5)
    assert (grid.report.beats_left_out, grid.report.beats_put_in) == (1, 4)
    assert np.allclose(np.diff(grid.seconds), 0.5)


def test_a_bar_of_another_length_has_its_own_meter(make_heard) -> None:
    heard = make_heard([(0.0, 6.0, 60)], beats=np.arange(11) * 0.5)
    numbers = [1, 2, 3, 4, 1, 2, 3, 1, 2, 3, 4]
    beats = np.array(list(zip(heard.beats["time_s"].tolist(), numbers, strict=True)), dtype=BEAT_DTYPE)
    grid = beat_grid(replace(heard, beats=beats), 0.0, 5.0)
    assert [grid.meter_of(bar) for bar in range(3)] == [(4, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(
    ("meter", "counted", "expected"),
    [
        ((6, 8), 2, Fraction(3, 2)),
        ((6, 8), 6, Fraction(1, 2)),
        ((3, 8), 0, Fraction(1, 2)),
        ((2, 2), 2, Fraction(2)),
        ((5, 4), 5, Fraction(1)),
    ],
)
def test_beats_of_meters(meter: tuple[int, int], counted: int, expected: Fraction) -> None:
    assert tactus_of(*meter, counted) == expected


@pytest.mark.parametrize("lag_s", [-0.03, 0.0, 0.012, 0.035])
def test_the_lag_of_all_onsets_is_found(make_heard, lag_s: float) -> None:
    rng = np.random.default_rng(3)
    beats = 1.0 + 0.5 * np.arange(40)
    onsets = beats[:30].repeat(2) + np.tile([0.0, 0.25], 30) + lag_s + rng.normal(0, 0.008, 60)
    heard = make_heard([(float(on), float(on) + 0.2, 60) for on in onsets], beats=beats)
    grid = beat_grid(heard, 0.9, 17.0)
    assert onset_lag_s(heard, grid) == pytest.approx(lag_s, abs=0.004)
    assert np.abs(note_view(heard, grid, lag_s).onset * 2 % 1 - 0.5).min() > 0.35


def test_wishes_lay_other_bars_over_the_beats(make_heard) -> None:
    heard = make_heard([(0.5, 4.9, 60)], beats=RUBATO)
    waltz = with_wishes(heard, (3, 4), None, None)
    assert waltz.beats["time_s"].tolist() == RUBATO
    assert waltz.beats["number"].tolist() == [1, 2, 3] * 3
    later = with_wishes(heard, None, 1.6, None)
    assert later.beats["number"].tolist() == [3, 4, 1, 2, 3, 4, 1, 2, 3]
    halved = with_wishes(heard, None, None, 2 * 60 / 0.56)
    assert np.allclose(halved.beats["time_s"][::2], RUBATO)
    assert np.allclose(with_wishes(heard, None, 0.5, 77.0).beats["time_s"][:3] % (60 / 77), 0.5, atol=1e-6)


@pytest.mark.parametrize(
    ("wish", "said"),
    [({"meter": (0, 4)}, "meter"), ({"meter": (4, 3)}, "meter"), ({"tempo": 1e4}, "tempo"), ({"tempo": float("nan")}, "tempo"),
     ({"first_downbeat_s": -1.0}, "first downbeat"), ({"first_downbeat_s": 1e6}, "first downbeat")],
)  # fmt: skip
def test_wishes_out_of_range_are_refused_in_one_line(make_heard, wish: dict, said: str) -> None:
    wishes = {"meter": None, "first_downbeat_s": None, "tempo": None} | wish
    with pytest.raises(RequestError, match=rf"^{said}: expected .* got "):
        with_wishes(make_heard([(0.0, 1.0, 60)], beats=RUBATO), **wishes)
