import numpy as np

from compose.canvas import Note
from compose.metrics.leaps import Steps, join_leaps, leap_shares, line_steps


def note(onset, pitch, lane=0):
    return Note(onset, lane, pitch, 24)


def test_steps_are_those_of_lanes_from_onset_to_onset():
    notes = [note(0, 48), note(0, 60), note(24, 64), note(48, 52), note(0, 30, 1), note(24, 43, 1)]
    steps = line_steps(notes)
    assert steps.highest.tolist() == [4, 12, 13]
    assert steps.nearest.tolist() == [4, 12, 13]
    assert steps.resized.tolist() == [True, False, False]
    assert [array.tolist() for array in line_steps([])] == [[], [], []]


def test_from_bass_to_chord_the_nearest_notes_are_near():
    steps = line_steps([note(0, 36), note(24, 48), note(24, 55), note(24, 60), note(48, 36)])
    assert steps.highest.tolist() == [24, 24]
    assert steps.nearest.tolist() == [12, 12]
    assert steps.resized.tolist() == [True, True]


def test_shares_by_hand():
    sizes = np.array([0, 7, 8, 12, 13])
    shares = leap_shares(
        Steps.joined([Steps(sizes[:2], sizes[:2], sizes[:2] > 0), Steps(sizes[2:], sizes[2:] + 1, sizes[2:] > 99)])
    )
    assert shares == {"steps": 5, "mean": 8.0, "leaps": 0.6, "wide_leaps": 0.2, "wide_leaps_nearest": 0.4, "resized": 0.2}
    assert set(leap_shares(Steps.joined([])).values()) == {0}


def test_joins_are_between_kept_notes_and_the_filling_of_a_lane():
    kept = [note(0, 60), note(24, 62), note(48, 99), note(96, 70), note(0, 40, 1)]
    filling = [note(48, 65), note(72, 50), note(72, 67), note(48, 43, 1), note(48, 80, 2)]
    assert join_leaps(kept, filling, (0, 1, 2), 48, 96) == [3, 3, 3]
    assert join_leaps(kept, [], (0, 1), 48, 96) == []
