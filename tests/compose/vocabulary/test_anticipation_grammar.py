import numpy as np
import pytest

from compose.vocabulary.anticipation import Anticipation, piece_to_events
from compose.vocabulary.anticipation_grammar import AnticipationGrammar
from compose.vocabulary.arrival import ANTICIPATE, AUTOREGRESS, NUM_IDS, REST, SEPARATOR
from compose.vocabulary.arrival_windows import windows
from compose.vocabulary.base import Meaning


def allowed(state):
    return np.flatnonzero(state.mask())


def test_slots_in_order():
    state = AnticipationGrammar()
    assert state.meaning is Meaning.START
    assert allowed(state).tolist() == [*range(10_000), AUTOREGRESS, ANTICIPATE]
    state.push(AUTOREGRESS)
    assert state.meaning is Meaning.ONSET
    assert allowed(state).tolist() == list(range(10_000))
    state.push(30)
    assert state.meaning is Meaning.DURATION
    assert not state.may_end
    assert allowed(state).tolist() == list(range(10_000, 11_000))  # REST is off here and in the slot before
    state.push(10_005)
    assert state.meaning is Meaning.INSTRUMENT_PITCH
    assert allowed(state).tolist() == list(range(11_000, 27_512))  # a REST needs duration 0
    state.push(11_060)
    assert state.may_end
    assert allowed(state).tolist() == list(range(30, 10_000))
    state.push_all([40, 10_000])
    assert REST in allowed(state)


def test_the_mask_is_the_callers():
    state = AnticipationGrammar()
    state.mask()[:] = False
    assert state.mask().any()


def test_a_rest_moves_the_clock_and_is_no_instrument():
    state = AnticipationGrammar(max_instruments=1)
    state.push_all([50, 10_000, REST])
    assert allowed(state)[0] == 50
    assert state.instruments == set()
    state.push_all([50, 10_000, 11_000 + 5 * 128])
    state.push_all([60, 10_000])
    assert allowed(state).tolist() == [*range(11_000 + 5 * 128, 11_000 + 6 * 128), REST]


def test_sixteen_instruments_are_allowed_and_not_seventeen():
    state = AnticipationGrammar()
    for instrument in range(16):
        state.push_all([0, 10_001, 11_000 + 128 * instrument])
    state.push_all([0, 10_001])
    assert allowed(state).tolist() == list(range(11_000, 11_000 + 16 * 128))
    with pytest.raises(ValueError, match="at most 16 instruments"):
        state.push(11_000 + 128 * 16)


def test_inserted_controls_and_separators_are_taken_but_never_offered():
    state = AnticipationGrammar()
    state.push_all([ANTICIPATE, 27_513 + 500])
    assert not state.mask().any()
    state.push_all([37_513, 38_513 + 128 * 3])
    assert state.onset_tick == 0  # a control moves no clock
    assert state.instruments == {3}
    state.push_all([70, 10_001, 11_000])
    assert not state.mask()[27_513:].any()
    state.push_all([SEPARATOR] * 3)
    assert state.onset_tick == 0
    assert allowed(state)[0] == 0


@pytest.mark.parametrize(
    ("before", "token"),
    [
        ([], 10_000),
        ([], REST),
        ([], -1),
        ([], NUM_IDS),
        ([AUTOREGRESS], AUTOREGRESS),
        ([5], 5),
        ([5], 37_513),  # control duration in an event
        ([5], SEPARATOR),
        ([27_513], 10_000),  # event duration in a control
        ([27_513, 37_513], SEPARATOR),  # where a control REST would be
        ([SEPARATOR], 38_513),
        ([5, 10_001], REST),
        ([5, 10_001, 11_000], 4),  # back in time
        ([5, 10_001, 11_000], AUTOREGRESS),
    ],
)
def test_what_the_grammar_refuses(before, token):
    state = AnticipationGrammar()
    state.push_all(before)
    with pytest.raises(ValueError, match=f"id {token} after"):
        state.push(token)
    state.push_all(np.zeros(0, dtype=np.int64))  # a refusal changes nothing
    if state.mask().any():
        state.push(int(allowed(state)[0]))


def test_mask_and_push_agree(rng):
    state = AnticipationGrammar(max_instruments=3)
    for _ in range(60):
        mask = state.mask()
        for token in [*rng.integers(0, 27_513, 20).tolist(), REST, 0, 9_999, 10_000, 10_999, 11_000, 27_511]:
            assert state._may_push(token) == mask[token], token
        state.push(int(rng.choice(np.flatnonzero(mask))))


@pytest.mark.parametrize("num_windows", [6, pytest.param(100, marks=pytest.mark.slow)])
def test_random_logits_always_decode(num_windows, rng):
    """Windows of a hundred events with no help from a model: decodable, monotone, at most 16 instruments."""
    vocabulary = Anticipation()
    logits = rng.normal(size=NUM_IDS)
    for _ in range(num_windows):
        state = vocabulary.grammar()
        ids = []
        for _ in range(1 + 3 * 100):
            scores = np.where(state.mask(), np.roll(logits, int(rng.integers(NUM_IDS))), -np.inf)
            # mostly near the present, as random ids would be past 99 s at once
            if state.meaning is Meaning.ONSET:
                scores[state.onset_tick + 200 :] = -np.inf if state.onset_tick < 9_000 else scores[state.onset_tick + 200 :]
            ids.append(int(scores.argmax()))
            state.push(ids[-1])
            if state.meaning is Meaning.ONSET and not state.may_end:
                pytest.fail("a triple is open at its first slot")
        ids = ids[: len(ids) - state.slot]
        piece = vocabulary.decode(np.array(ids, dtype=np.int64))
        assert len(piece.parts) <= 16
        onsets = np.array(ids[1:] if ids[0] >= AUTOREGRESS else ids, dtype=np.int64)[0::3]
        assert (np.diff(onsets) >= 0).all()
        assert (np.array(ids) < 27_513).sum() >= len(ids) - 1


def test_windows_of_a_real_piece_are_grammatical(long_piece):
    events, _ = piece_to_events(long_piece)
    for window in windows(events):
        state = Anticipation().grammar()
        for token in window.ids.tolist():
            assert state.mask()[token]
            state.push(token)
        assert state.may_end
