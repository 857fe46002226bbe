import numpy as np
import pytest

from compose.augmentation import augment, control_instruments, control_random, control_spans
from compose.vocabulary.anticipation import piece_to_events
from compose.vocabulary.arrival import REST_NOTE, empty_events, sort_events


@pytest.fixture
def events(long_piece):
    return piece_to_events(long_piece)[0]


def bare(table):
    return sort_events(table[table["note"] != REST_NOTE])[["onset_tick", "duration_tick", "note"]].tolist()


@pytest.mark.parametrize("copy", range(10))
def test_every_copy_holds_every_note_once(events, copy):
    for seed in range(5):
        stream = augment(events, copy, np.random.default_rng(seed))
        assert bare(stream) == bare(events)
        assert not (stream["control"] & (stream["note"] == REST_NOTE)).any()


def test_kinds_of_copies(events, rng):
    shares = [augment(events, copy, rng)["control"].sum() / len(events) for copy in range(10)]
    assert shares[0] == 0
    assert all(0 < share < 1 for share in shares[1:])


def test_same_seed_same_copy(events):
    for copy in range(10):
        one, other = (augment(events, copy, np.random.default_rng(3)) for _ in range(2))
        np.testing.assert_array_equal(one, other)


def test_instruments_become_controls_as_wholes(events):
    plain, controls = control_instruments(events, np.array([128]))
    assert set((controls["note"] // 128).tolist()) == {128}
    assert set((plain["note"] // 128).tolist()) == {40}
    assert controls["control"].all()
    assert not plain["control"].any()


def test_one_instrument_stays_plain(rng):
    table = empty_events(50)
    table["onset_tick"] = np.arange(50) * 10
    for copy in range(6, 10):
        assert not augment(table, copy, rng)["control"].any()


def test_random_rate(rng):
    table = empty_events(20_000)
    _, controls = control_random(table, 0.3, rng)
    assert len(controls) / len(table) == pytest.approx(0.3, abs=0.015)


def test_span_share_is_the_published_one(rng):
    """20 s gaps and 5 s spans: about a fifth of a dense stream becomes control (20.4 % measured with the reference code)."""
    table = empty_events(1_000_000)
    table["onset_tick"] = np.arange(1_000_000) * 5
    _, controls = control_spans(table, rng)
    assert len(controls) / len(table) == pytest.approx(0.2, abs=0.02)


def test_spans_are_whole_stretches_of_five_seconds(rng):
    table = empty_events(3_000)
    table["onset_tick"] = np.arange(3_000) * 10
    _, controls = control_spans(table, rng)
    starts = np.flatnonzero(np.diff(controls["onset_tick"], prepend=-1000) > 10)
    lengths = np.diff([*starts.tolist(), len(controls)])
    assert len(lengths) > 3
    assert (lengths[:-1] % 50 == 0).all()  # neighbours may touch, the last may be cut by the end
    assert controls["onset_tick"].min() > 0  # the first event opens a gap


def test_short_piece_of_controls_only_keeps_them(rng):
    table = empty_events(2)
    table["onset_tick"] = [0, 90]
    for seed in range(20):
        assert len(bare(augment(table, 4, np.random.default_rng(seed)))) == 2


def test_empty_piece(rng):
    for copy in range(10):
        assert len(augment(empty_events(), copy, rng)) == 0
