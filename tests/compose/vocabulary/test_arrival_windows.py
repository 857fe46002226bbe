import numpy as np
import pytest

from compose.augmentation import augment
from compose.vocabulary.anticipation import piece_to_events
from compose.vocabulary.arrival import ANTICIPATE, AUTOREGRESS, REST_NOTE, SEPARATOR, empty_events, read_triples
from compose.vocabulary.arrival_windows import CONTEXT_SIZE, EVENTS_PER_WINDOW, join_windows, pack, windows


def rows(*onsets):
    table = empty_events(len(onsets))
    table["onset_tick"] = onsets
    return table


@pytest.mark.parametrize("copy", [0, 1, 3, 7])
def test_joining_windows_gives_the_stream_back(long_piece, rng, copy):
    events, _ = piece_to_events(long_piece)
    stream = augment(events, copy, rng)
    cut = windows(stream)
    np.testing.assert_array_equal(join_windows(cut), stream)
    for window in cut:
        assert len(window.ids) <= CONTEXT_SIZE
        (table,) = read_triples(window.ids)
        assert table["onset_tick"].min() == 0
        assert window.ids[0] == (ANTICIPATE if stream["control"].any() else AUTOREGRESS)


def test_a_window_ends_before_its_clock_does():
    stream = rows(0, 9_999, 10_000, 40_000, 40_001)
    assert [(w.base_tick, w.ids[1::3].tolist()) for w in windows(stream)] == [(0, [0, 9_999]), (10_000, [0]), (40_000, [0, 1])]


def test_windows_are_full_but_for_the_last():
    assert [len(w.ids) for w in windows(rows(*range(700)))] == [CONTEXT_SIZE, CONTEXT_SIZE, 1 + 3 * (700 - 2 * EVENTS_PER_WINDOW)]
    assert windows(rows()) == []
    assert len(join_windows([])) == 0


def test_packing_by_hand():
    given = rows(20_000, 20_010)
    given["control"] = [True, False]
    packed = pack([rows(100, 110, 120), given, rows(5)], size=3)
    note = 11_000
    sep = [SEPARATOR] * 3
    assert packed.ids.tolist() == [
        [AUTOREGRESS, *sep, 100, 10_000, note, 110, 10_000, note],  # nothing to take off before the SEPARATOR
        # window 2 is 120, SEPARATOR, control at 20,000: past 100 s, dropped
        [ANTICIPATE, 0, 10_000, note, *sep, 5, 10_000, note],
    ]
    assert (packed.dropped, packed.left_over) == (1, 0)


def test_packing_rebases_up_to_the_first_separator_only():
    packed = pack([rows(0, 1, 150, 170), rows(30)], size=3)
    assert packed.ids[1].tolist() == [AUTOREGRESS, 0, 10_000, 11_000, 20, 10_000, 11_000, *[SEPARATOR] * 3]
    assert packed.left_over == 1
    assert pack([], size=3).ids.shape == (0, 10)


def test_packed_training_copies_have_integrity(long_piece, rng):
    """The properties that the reference data sets are checked for, on all ten kinds of copy."""
    events, _ = piece_to_events(long_piece)
    packed = pack([augment(events, copy, rng) for copy in range(10)])
    assert packed.ids.shape[1] == CONTEXT_SIZE
    assert len(packed.ids) > 20  # the two-minute rests drop the windows that they fall in
    for window in packed.ids:
        assert (window == SEPARATOR).sum() % 3 == 0
        for table in read_triples(window):
            plain = table[~table["control"]]
            assert (np.diff(plain["onset_tick"]) >= 0).all()
            assert (np.diff(table["onset_tick"][table["control"]]) >= 0).all()
            assert (np.diff(plain["onset_tick"]) <= 100).all()  # RESTs keep the density
            sounding = table[table["note"] != REST_NOTE]
            assert len(np.unique(sounding["note"] // 128)) <= 16
            # a control is at most delta ahead of the event before it, except at the start of a window
            previous = None
            for row in table:
                if row["control"]:
                    assert previous is None or row["onset_tick"] <= previous + 500 + 100
                else:
                    previous = row["onset_tick"]
