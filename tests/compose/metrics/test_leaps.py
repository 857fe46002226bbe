import numpy as np

from compose.canvas import Note
from compose.metrics.leaps import join_leaps, leap_shares, line_intervals


def note(onset, pitch, lane=0):
    return Note(onset, lane, pitch, 24)


def test_intervals_are_those_of_the_highest_notes_within_lanes():
    notes = [note(0, 48), note(0, 60), note(24, 64), note(48, 52), note(0, 30, 1), note(24, 43, 1)]
    assert line_intervals(notes).tolist() == [4, 12, 13]
    assert line_intervals([]).tolist() == []


def test_shares_by_hand():
    shares = leap_shares(np.array([0, 7, 8, 12, 13]))
    assert shares == {"steps": 5, "mean": 8.0, "leaps": 0.6, "wide_leaps": 0.2}
    assert leap_shares(np.zeros(0, dtype=np.int64)) == {"steps": 0, "mean": 0.0, "leaps": 0.0, "wide_leaps": 0.0}


def test_joins_are_between_kept_notes_and_the_filling_of_a_lane():
    kept = [note(0, 60), note(24, 62), note(48, 99), note(96, 70), note(0, 40, 1)]
    filling = [note(48, 65), note(72, 50), note(72, 67), note(48, 43, 1), note(48, 80, 2)]
    assert join_leaps(kept, filling, (0, 1, 2), 48, 96) == [3, 3, 3]
    assert join_leaps(kept, [], (0, 1), 48, 96) == []
