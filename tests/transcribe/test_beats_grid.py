"""Grids: exact on what they were made from, in both directions; upbeats, late starts, tempo changes."""

import numpy as np
import pytest
from numpy.typing import NDArray

from corpora.errors import InputError
from corpora.midi.reader import read_midi
from corpora.midi.writer import write_midi
from corpora.piece import NOTE_DTYPE, Part, Piece, Table
from transcribe.beats.grid import beat_grid, onset_lag, regular_beats, steady_bar, steady_beat
from transcribe.heard import BEAT_DTYPE


def rows(times_s: NDArray[np.float64], size: int, first: int = 1) -> Table:
    out = np.zeros(len(times_s), dtype=BEAT_DTYPE)
    out["time_s"], out["number"] = times_s, (np.arange(len(times_s)) + first - 1) % size + 1
    return out


def test_beats_stand_on_their_quarters() -> None:
    times_s = 0.5 + np.cumsum(np.full(24, 0.5) * 1.01 ** np.arange(24))
    grid = beat_grid(rows(times_s, 2), 6, 8)
    quarters = grid.quarters_at(times_s)
    assert np.diff(quarters) == pytest.approx(np.full(23, 1.5))
    assert quarters[0] % 3 == pytest.approx(0.0)
    assert grid.seconds_at(quarters) == pytest.approx(times_s)


def test_between_beats_and_beyond_them_time_is_linear() -> None:
    grid = beat_grid(rows(np.arange(9) * 0.5, 4), 4, 4)
    assert grid.quarters_at(np.array([0.25, 4.5, -1.0])) == pytest.approx([0.5, 9.0, -2.0])
    assert grid.seconds_at(np.array([0.5, 9.0, -2.0])) == pytest.approx([0.25, 4.5, -1.0])


def test_an_upbeat_lies_in_a_whole_bar() -> None:
    grid = beat_grid(rows(0.3 + np.arange(20) * 0.5, 4, first=4), 4, 4)
    assert grid.quarters_at(np.array([0.3, 0.8])) == pytest.approx([3.0, 4.0])
    assert grid.start_s == pytest.approx(-1.2)
    assert grid.measures(4, 9.8)["start_div"].tolist() == [0, 16, 32, 48, 64, 80]


def test_music_that_begins_late_has_bars_of_rest_before_it() -> None:
    grid = beat_grid(rows(4.1 + np.arange(16) * 0.5, 4), 4, 4)
    assert grid.start_s == 0.0
    assert grid.quarters_at(np.array([4.1])) == pytest.approx([8.0])
    assert grid.tempos(24)["quarters_per_minute"] == pytest.approx([60 * 8 / 4.1, 120.0])


def test_notes_before_the_first_beat_have_a_bar() -> None:
    grid = beat_grid(rows(2.0 + np.arange(16) * 0.5, 4), 4, 4, first_onset_s=0.2)
    assert grid.quarters_at(np.array([0.2]))[0] >= 0
    assert grid.quarters_at(np.array([2.0])) % 4 == pytest.approx([0.0])


def test_a_midi_file_written_by_the_grid_plays_in_the_recordings_time() -> None:
    rng = np.random.default_rng(5)
    times_s = 1.7 + np.cumsum(0.6 * np.exp(0.04 * rng.standard_normal(40)))
    grid = beat_grid(rows(times_s, 3, first=3), 3, 4)
    onsets_s = np.sort(rng.uniform(times_s[0], times_s[-1], 60))
    notes = np.zeros(60, dtype=NOTE_DTYPE)
    notes["onset_div"] = np.rint(grid.quarters_at(onsets_s) * 480)
    notes["duration_div"], notes["pitch"], notes["velocity"] = 100, 60, 80
    notes["id"] = [f"n{index}" for index in range(60)]
    piece = Piece(notes, 480, (Part("Piano", "1", 0),), grid.measures(480, times_s[-1]), grid.tempos(480))
    read = read_midi(write_midi(piece, ()), "grid.mid")
    played_s = read.div_to_seconds(read.notes["onset_div"]) + grid.start_s
    assert played_s == pytest.approx(onsets_s, abs=0.002)
    assert read.measures["start_div"].tolist() == piece.measures["start_div"].tolist()
    lines_s = read.div_to_seconds(read.measures["start_div"]) + grid.start_s
    downbeats_s = times_s[1:-3:3]
    assert np.abs(lines_s[:, None] - downbeats_s).min(axis=0) == pytest.approx(0.0, abs=0.002)


def test_bars_of_another_size_say_so() -> None:
    beats = rows(np.arange(11) * 0.5, 4)
    beats["number"] = [1, 2, 3, 4, 1, 2, 3, 1, 2, 3, 4]
    measures = beat_grid(beats, 4, 4).measures(12, 5.4)
    assert measures["beats"].tolist() == [4, 3, 4]
    assert measures["end_div"].tolist() == [48, 84, 132]


def test_irregular_beats_are_mended() -> None:
    whole = rows(np.arange(24) * 0.5, 4)
    broken = np.delete(whole, [5, 6, 15])
    false = np.zeros(1, dtype=BEAT_DTYPE)
    false["time_s"], false["number"] = 4.2, 2
    mended = regular_beats(np.sort(np.concatenate([broken, false]), order="time_s"))
    assert mended["time_s"] == pytest.approx(whole["time_s"])
    assert mended["number"].tolist() == whole["number"].tolist()


def test_steady_tempo_and_bars() -> None:
    times_s = 0.2 + np.arange(50) * 0.48 + 0.01 * np.sin(np.arange(50))
    found = steady_beat(times_s)
    assert found is not None
    assert found == pytest.approx((0.48, 0.2), abs=0.002)
    assert steady_beat(np.cumsum(0.5 * 1.02 ** np.arange(50))) is None
    assert steady_bar(rows(times_s, 3)) == 3
    mixed = rows(times_s, 3)
    mixed["number"][25:] = np.arange(25) % 4 + 1
    assert steady_bar(mixed) is None


def test_lag_of_all_onsets_is_found() -> None:
    rng = np.random.default_rng(2)
    times_s = np.arange(60) * 0.5
    grid = beat_grid(rows(times_s, 4), 4, 4)
    onsets_s = rng.choice(np.arange(0.0, 29.0, 0.125), 150) + 0.018 + 0.004 * rng.standard_normal(150)
    assert onset_lag(onsets_s, grid) == pytest.approx(0.018, abs=0.002)
    assert onset_lag(onsets_s[:20], grid) is None
    assert onset_lag(rng.uniform(0, 29, 300), grid) is None


def test_one_beat_is_no_grid() -> None:
    with pytest.raises(InputError, match="expected at least 2 to lay a grid, got 1"):
        beat_grid(rows(np.array([1.0]), 4), 4, 4)
