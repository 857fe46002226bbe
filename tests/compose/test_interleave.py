import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compose.interleave import DELTA_TICKS, controls_due, deinterleave, insert_rests, interleave
from compose.vocabulary.arrival import REST_NOTE, empty_events

times = st.lists(st.integers(0, 3000), max_size=20).map(sorted)
laws = settings(derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
deltas = st.one_of(st.integers(0, 1000), st.just(math.inf))


def rows(onsets, control=False):
    table = empty_events(len(onsets))
    table["onset_tick"] = onsets
    table["note"] = np.arange(len(onsets))
    table["control"] = control
    return table


def words(stream):
    return [f"{'c' if row['control'] else 'e'}{row['onset_tick']}" for row in stream]


def test_written_example():
    stream, pending = interleave(rows([0, 50, 100, 400, 650, 700]), rows([0, 300, 500, 501, 900, 1150, 1300]))
    assert words(stream) == ["c0", "c300", "c500", "e0", "e50", "c501", "e100", "e400", "c900", "e650", "c1150", "e700"]
    assert pending["onset_tick"].tolist() == [1300]


def step_by_step(events, controls, delta):
    """The rule as a loop, the way a sampler meets it."""
    stream, previous, left = [], 0, list(controls)
    for onset in events:
        while left and left[0] <= previous + delta:
            stream.append(("c", left.pop(0)))
        stream.append(("e", onset))
        previous = onset
    return stream, left


@laws
@given(times, times, deltas)
def test_same_as_the_loop(events, controls, delta):
    stream, pending = interleave(rows(events), rows(controls), delta)
    expected, left = step_by_step(events, controls, delta)
    assert words(stream) == [f"{kind}{onset}" for kind, onset in expected]
    assert pending["onset_tick"].tolist() == left


@laws
@given(times, times, deltas)
def test_deinterleave_gives_both_back(events, controls, delta):
    stream, pending = interleave(rows(events), rows(controls), delta)
    back_events, back_controls = deinterleave(stream)
    np.testing.assert_array_equal(back_events, rows(events))
    np.testing.assert_array_equal(np.concatenate([back_controls, pending]), rows(controls, control=True))


@laws
@given(times, times, st.integers(0, 1000))
def test_every_control_stands_at_its_stopping_time(events, controls, delta):
    stream, pending = interleave(rows(events), rows(controls), delta)
    previous = before_previous = None  # the events before a control
    for row in stream:
        onset = int(row["onset_tick"])
        if row["control"]:
            assert onset <= (previous or 0) + delta  # not too early
            if previous is not None:
                assert onset > (before_previous or 0) + delta  # not later than it had to be
        else:
            before_previous, previous = previous, onset
    for row in pending:
        assert before_previous is None or row["onset_tick"] > before_previous + delta


def test_the_two_limits():
    events, controls = rows([0, 100, 200]), rows([0, 100, 150])
    assert words(interleave(events, controls, math.inf).stream) == ["c0", "c100", "c150", "e0", "e100", "e200"]
    backfill = interleave(events, controls, 0)
    assert words(backfill.stream) == ["c0", "e0", "e100", "c100", "e200"]
    assert backfill.pending["onset_tick"].tolist() == [150]


def test_no_controls_change_nothing_and_no_events_leave_all_pending():
    events = rows([0, 5])
    np.testing.assert_array_equal(interleave(events, rows([])).stream, events)
    assert interleave(rows([]), rows([0])).pending["onset_tick"].tolist() == [0]


@laws
@given(times, times, st.integers(0, 1000))
def test_due_counts_what_the_stream_has_placed(events, controls, delta):
    stream, _ = interleave(rows(events), rows(controls), delta)
    placed, previous = 0, 0
    for row in stream:
        if row["control"]:
            placed += 1
        else:
            assert placed == controls_due(np.array(controls, dtype=np.int64), previous, delta)
            previous = int(row["onset_tick"])


def test_out_of_order_rows_and_negative_deltas_are_refused():
    with pytest.raises(ValueError, match="events: expected rows by onset"):
        interleave(rows([5, 0]), rows([]))
    with pytest.raises(ValueError, match="controls: expected rows by onset"):
        interleave(rows([0]), rows([5, 0]))
    with pytest.raises(ValueError, match="delta"):
        interleave(rows([0]), rows([0]), -1)


def test_rests_written_example():
    padded = insert_rests(rows([0, 350]), end=700)
    assert padded["onset_tick"].tolist() == [0, 100, 200, 300, 350, 450, 550, 650]
    assert padded["onset_tick"][padded["note"] == REST_NOTE].tolist() == [100, 200, 300, 450, 550, 650]


@laws
@given(times, st.integers(1, 300), st.integers(0, 4000))
def test_rests_leave_no_gap_and_every_event(events, gap, end):
    padded = insert_rests(rows(events), gap, end)
    onsets = padded["onset_tick"]
    assert np.diff(onsets, prepend=0).max(initial=0) <= gap
    assert end - max(onsets.max(initial=0), 0) <= gap
    np.testing.assert_array_equal(padded[padded["note"] != REST_NOTE], rows(events))
    rests = padded[padded["note"] == REST_NOTE]
    assert (rests["duration_tick"] == 0).all()
    # as few as it takes: a REST stands a whole gap after the row before it
    places = np.flatnonzero(padded["note"] == REST_NOTE)
    assert all(onsets[place] - (onsets[place - 1] if place else 0) == gap for place in places)


def test_delta_is_five_seconds():
    assert DELTA_TICKS == 500
