"""Memories of contexts: golden answers on small pieces, and nothing of what is still to come."""

import numpy as np
import pytest

from compose.context_memory import ContextMemory, harmony_contexts, melody_contexts

ORDERS = (1, 2, 3)


def in_unison(line):
    return np.repeat(np.array(line, dtype=np.int64)[:, None], 4, axis=1)


def test_longest_melody_answers():
    # a rising step, then a falling one after a third; the same in another key with another ending
    known = [in_unison([10, 10, 12, 12, 16, 14, 14]), in_unison([30, 32, 32, 31, 31])]
    memory = ContextMemory(0, melody_contexts, ORDERS, known)
    asked = in_unison([20, 20, 22, 22, 26, 26])
    recalled = memory.recall(asked)
    # after +2 held for two frames: only piece one had two frames of the note before, and went up by 4
    assert recalled.order[4] == 0
    assert recalled.probabilities[4, 26] == 1.0
    # in frame 5 the third was left after one frame in the only place known
    assert recalled.order[5] == 1
    assert recalled.probabilities[5].argmax() == 24
    assert recalled.occurrences[5] == 1
    assert recalled.order[0] == -1
    assert not recalled.probabilities[0].any()


def test_short_term_memory_knows_only_the_past(rng):
    piece = rng.integers(20, 22, size=(60, 4))
    for contexts in (melody_contexts, harmony_contexts):
        memory = ContextMemory(2, contexts, ORDERS)
        whole = memory.recall(piece)
        assert (whole.order >= 0).any()
        for until in (10, 33, 59):
            changed = piece.copy()
            changed[until, 2:] = rng.integers(30, 40, size=2)
            changed[until + 1 :] = rng.integers(30, 40, size=changed[until + 1 :].shape)
            part = memory.recall(changed)
            for one, other in zip(whole, part, strict=True):
                np.testing.assert_array_equal(one[: until + 1], other[: until + 1])


@pytest.mark.parametrize("contexts", [melody_contexts, harmony_contexts])
def test_keys_do_not_matter(rng, contexts):
    pieces = [rng.integers(20, 23, size=(80, 4)) for _ in range(3)]
    asked = rng.integers(20, 23, size=(40, 4))
    for voice in range(4):
        here = ContextMemory(voice, contexts, ORDERS, pieces).recall(asked)
        there = ContextMemory(voice, contexts, ORDERS, [piece + 5 for piece in pieces]).recall(asked - 4)
        np.testing.assert_array_equal(here.order, there.order)
        np.testing.assert_array_equal(here.probabilities[:, 10:50], there.probabilities[:, 6:46])
        sums = here.probabilities.sum(axis=1)
        np.testing.assert_allclose(sums, here.order >= 0, atol=1e-6)


def test_harmony_sees_the_voices_above(rng):
    piece = np.array([[30, 26, 21, 10], [30, 26, 21, 10], [32, 26, 23, 7]], dtype=np.int64)
    memory = ContextMemory(2, harmony_contexts, (2,), [piece])
    asked = piece + 3
    assert memory.recall(asked).probabilities[2, 26] == 1.0
    asked[2, 0] += 1  # the soprano moves otherwise: never seen
    assert memory.recall(asked).order[2] == -1


@pytest.mark.parametrize("frames", [1, 2])
def test_tiny_pieces(frames):
    piece = np.zeros((frames, 4), dtype=np.int64)
    for contexts in (melody_contexts, harmony_contexts):
        assert (ContextMemory(1, contexts, ORDERS).recall(piece).order == -1).all()
