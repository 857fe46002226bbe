import numpy as np
import pytest
from numpy.typing import NDArray

from compose.metrics import NGramIndex, longest_common_ngram
from compose.metrics.frames import REST, collapse_repeats


def slowly(piece: NDArray[np.int64], others: list[NDArray[np.int64]]) -> int:
    """By the definition: every pair of places, walked on as long as one run is the other transposed."""
    best = -1
    mine = collapse_repeats(piece)
    for other in map(collapse_repeats, others):
        for i in range(len(mine)):
            for j in range(len(other)):
                length = 0
                while i + length < len(mine) and j + length < len(other):
                    a, b = mine[i : i + length + 1], other[j : j + length + 1]
                    rests = (a == REST) == (b == REST)
                    shift = (a - b)[(a != REST) & (b != REST)]
                    if not rests.all() or (len(shift) and (shift != shift[0]).any()):
                        break
                    length += 1
                best = max(best, length - 1)
    return best


def test_agrees_with_the_definition(rng: np.random.Generator) -> None:
    # Two voices on few pitches, so that runs are often shared.
    pieces = [rng.choice([60, 62, 64], (25, 1)) - rng.choice([0, 3, 5], (25, 2)) for _ in range(12)]
    index = NGramIndex(pieces[6:])
    found = [index.longest_common(piece) for piece in pieces[:6]]
    assert found == [slowly(piece, pieces[6:]) for piece in pieces[:6]]
    assert max(found) >= 2


def test_transposed_copy_is_found_whole(rng: np.random.Generator) -> None:
    piece = rng.integers(40, 80, (40, 4))
    stretched = np.repeat(piece + 3, 2, axis=0)
    assert longest_common_ngram(stretched, [piece]) == 39
    assert longest_common_ngram(stretched[20:60], [piece]) == 19
    changed = piece.copy()
    changed[20, 2] += 1
    assert longest_common_ngram(changed, [piece]) == 19


def test_nothing_in_common() -> None:
    piece = np.array([[60, 50]])
    assert longest_common_ngram(piece, [np.array([[60, 51]])]) == -1
    assert longest_common_ngram(piece, [np.array([[72, 62]])]) == 0
    assert longest_common_ngram(piece, []) == -1


def test_rests_move_nothing() -> None:
    # With a voice at rest the other still says how far the music moved.
    piece = np.array([[60, 48], [62, -1], [64, 50]])
    assert longest_common_ngram(piece + np.where(piece == -1, 0, 5), [piece]) == 2
    other = np.array([[60, 48], [62, -1], [65, 51]])
    assert longest_common_ngram(other, [piece]) == 1


@pytest.mark.slow
def test_chorales_share_about_five_transitions(chorales: dict[str, list[NDArray[np.int64]]]) -> None:
    index = NGramIndex(chorales["train"])
    lengths = [index.longest_common(piece) for piece in chorales["valid"]]
    assert np.median(lengths) == 5
    assert np.percentile(lengths, 90) == 7
