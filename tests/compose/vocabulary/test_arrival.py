import numpy as np
import pytest

from compose.vocabulary import arrival
from compose.vocabulary.arrival import (
    ANTICIPATE,
    EVENT_DTYPE,
    REST_NOTE,
    SEPARATOR,
    bridge_gaps,
    empty_events,
    events_to_ids,
    ids_to_events,
)


def table(*rows):
    """Rows (onset, duration, note) or (onset, duration, note, control)."""
    return np.array([(*row, False)[:4] for row in rows], dtype=EVENT_DTYPE)


def test_layout_is_the_published_one():
    assert (arrival.TIME_OFFSET, arrival.DURATION_OFFSET, arrival.NOTE_OFFSET) == (0, 10_000, 11_000)
    assert (arrival.REST, arrival.CONTROL_OFFSET) == (27_512, 27_513)
    assert (arrival.SEPARATOR, arrival.AUTOREGRESS, arrival.ANTICIPATE, arrival.NUM_IDS) == (55_025, 55_026, 55_027, 55_028)


def test_golden_ids():
    # C4 on the piano at 0 for half a second; E2 (40) on program 32 at 1.25 s for 2 s; a snare (38) at 99.99 s for 10 ms;
    # then middle C as a control, and a REST at the same time
    events = table((0, 50, 60), (125, 200, 128 * 32 + 40), (9999, 1, 128 * 128 + 38), (9999, 999, 60, True), (9999, 0, REST_NOTE))
    assert events_to_ids(events).tolist() == [
        *(0, 10050, 11060),
        *(125, 10200, 15136),
        *(9999, 10001, 27422),
        *(37512, 38512, 38573),
        *(9999, 10000, 27512),
    ]


def test_ids_and_events_are_inverse(rng):
    events = empty_events(2000)
    events["onset_tick"] = np.cumsum(rng.integers(0, 9_000, 2000))  # far past 100 s
    events["duration_tick"] = rng.integers(0, 1000, 2000)
    events["note"] = rng.integers(0, arrival.NUM_NOTES, 2000)
    ids = events_to_ids(events)
    assert ids.min() >= 0
    assert ids.max() < arrival.CONTROL_OFFSET
    (back,) = ids_to_events(ids)
    np.testing.assert_array_equal(back, events)


def test_controls_ahead_of_the_turn_of_the_clock_come_back():
    events = table((9990, 1, 5), (10_400, 1, 6, True), (10_010, 1, 7), (19_999, 1, 8), (19_998, 2, 9, True), (20_000, 1, 1))
    (back,) = ids_to_events(events_to_ids(events))
    np.testing.assert_array_equal(back, events)


def test_controls_that_the_clock_cannot_place_are_refused():
    with pytest.raises(ValueError, match="within 50 s"):
        events_to_ids(table((0, 1, 5), (15_000, 1, 6, True)))


def test_separators_part_pieces_and_the_flag_is_skipped():
    ids = np.array([ANTICIPATE, *[SEPARATOR] * 3, 5, 10001, 11000, *[SEPARATOR] * 3, 3, 10001, 11001], dtype=np.int64)
    first, second = ids_to_events(ids)
    assert first["onset_tick"].tolist() == [5]
    assert second["onset_tick"].tolist() == [3]


def test_bridging_keeps_every_step_below_100_s():
    events = table((0, 1, 1), (9_999, 1, 1), (19_999, 1, 1), (60_000, 1, 1))
    bridged = bridge_gaps(events)
    assert np.diff(bridged["onset_tick"]).max() < 10_000
    np.testing.assert_array_equal(bridged[bridged["note"] != REST_NOTE], events)
    assert (bridged["note"] == REST_NOTE).sum() == 1 + 4  # gap of 10,000: one; gap of 40,001: four of 9,999 and a remainder
    with pytest.raises(ValueError, match="0 to 9999 ticks after the event before"):
        events_to_ids(events)


def test_bridging_a_long_silence_at_the_start():
    (back,) = ids_to_events(events_to_ids(bridge_gaps(table((25_000, 1, 1)))))
    assert back["onset_tick"].tolist() == [9_999, 19_998, 25_000]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([0, 10000], "whole triples"),
        ([[0, 10000, 11000]], "expected shape"),
        ([10000, 10000, 11000], "triple 0: expected a time id"),
        ([0, 10000, 11000, 0, 11000, 11000], "triple 1: expected a duration id"),
        ([0, 10001, 27512], "triple 0: expected a duration id"),  # a REST with a length
        ([0, 10000, 27513], "triple 0: expected a note id"),
        ([27513, 37513, 11000], "triple 0: expected a time id"),  # half a control
        ([27513, 37513, 55025], "expected a note id"),  # a control REST would have this id
        ([SEPARATOR, SEPARATOR, 11000], "triple 0: expected a time id"),
        ([-1, 10000, 11000], "triple 0: expected a time id"),
        ([0, 10000, 99999], "triple 0: expected a note id"),
    ],
)
def test_bad_ids_are_refused_by_place(ids, message):
    with pytest.raises(ValueError, match=message):
        ids_to_events(np.array(ids, dtype=np.int64))


@pytest.mark.parametrize("row", [(0, 1000, 0), (0, -1, 0), (0, 0, REST_NOTE + 1), (0, 0, -1)])
def test_values_out_of_range_are_refused(row):
    with pytest.raises(ValueError, match="expected values 0 to"):
        events_to_ids(table(row))


def test_nothing_is_nothing():
    assert events_to_ids(empty_events()).tolist() == []
    (back,) = ids_to_events(np.zeros(0, dtype=np.int64))
    assert len(back) == 0
    assert len(bridge_gaps(empty_events())) == 0
