import numpy as np
import pytest

from compose.canvas import Note
from compose.metrics.distances import diversity, histogram_distance, pitch_class_distance, rhythm_distance
from compose.metrics.lines import LineIndex, line_symbols


def test_histogram_distance_by_hand():
    assert histogram_distance("aab", "aab") == 0
    assert histogram_distance("aa", "bb") == 1
    assert histogram_distance("aabb", "abbb") == pytest.approx(0.25)
    assert histogram_distance("", "") == 0
    assert histogram_distance("a", "") == 1


def test_pitch_classes_and_rhythm_do_not_look_at_octave_or_bar():
    left = [Note(0, 0, 60, 24), Note(96, 0, 64, 12)]
    right = [Note(96, 0, 72, 24), Note(0, 0, 52, 12)]
    assert pitch_class_distance(left, right) == 0
    assert rhythm_distance(left, right, lambda onset: onset % 96) == 0
    assert rhythm_distance(left, right, lambda onset: onset) == 1


def test_diversity_counts_notes_of_one_side():
    a, b = [Note(0, 0, 60, 24), Note(24, 0, 62, 24)], [Note(0, 0, 60, 24), Note(24, 0, 64, 24)]
    assert diversity([a, a]) == 0
    assert diversity([a, b]) == pytest.approx(2 / 3)


def test_longest_line_is_found_in_any_key_and_not_across_lanes(rng):
    onset = np.cumsum(rng.integers(1, 30, 200))
    pitch = rng.integers(40, 80, 200)
    index = LineIndex([line_symbols(onset[:100], pitch[:100]), line_symbols(onset[100:], pitch[100:])])
    assert index.longest_common(line_symbols(onset[20:60] + 7, pitch[20:60] + 5)) == 39
    assert index.longest_common(line_symbols(onset[90:110], pitch[90:110])) == 9
    assert index.longest_common(line_symbols(np.arange(5), np.array([0, 100, 3, 97, 1]))) == 0
    assert LineIndex([]).longest_common(line_symbols(onset, pitch)) == 0


def test_a_line_is_the_top_of_chords():
    symbols = line_symbols(np.array([0, 0, 24]), np.array([60, 64, 67]))
    assert symbols.tolist() == line_symbols(np.array([0, 24]), np.array([64, 67])).tolist()


def test_longest_line_agrees_with_a_search_of_every_length(rng):
    onset, pitch = np.cumsum(rng.integers(1, 3, 400)), rng.integers(60, 63, 400)
    known = [line_symbols(onset[:200], pitch[:200]), line_symbols(onset[200:300], pitch[200:300])]
    line = line_symbols(onset[300:], pitch[300:])

    def stands(first, last):
        wanted = line[first:last].tolist()
        return any(wanted == row[at : at + last - first].tolist() for row in known for at in range(len(row)))

    longest = max(last - first for first in range(len(line)) for last in range(first, len(line) + 1) if stands(first, last))
    assert LineIndex(known).longest_common(line) == longest


def test_likeness_is_the_share_of_the_nearest_line():
    up, down = np.array([60, 62, 64, 65, 67, 69, 71, 72]), np.array([72, 71, 69, 67, 65, 64, 62, 60])
    onset = np.arange(8) * 24
    index = LineIndex([line_symbols(onset, up), line_symbols(onset[:6], down[:6])])
    assert index.likeness(line_symbols(onset + 5, up + 3)) == 1
    assert index.likeness(line_symbols(onset, down)) == pytest.approx(2 / 4)
    assert index.likeness(line_symbols(onset * 2, up)) == 0
    assert index.likeness(line_symbols(onset[:4], up[:4])) == 0
    assert LineIndex([]).likeness(line_symbols(onset, up)) == 0
