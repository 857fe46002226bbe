import numpy as np
import pytest

from compose.constraints.voice_leading import FIFTH, OCTAVE, is_parallel, is_parallel_to


@pytest.mark.parametrize(
    ("move", "fifths", "octaves"),
    [
        ((67, 69, 60, 62), True, False),  # G-A over C-D
        ((79, 81, 60, 62), True, False),  # twelfths
        ((67, 65, 60, 58), True, False),  # falling
        ((72, 74, 60, 62), False, True),
        ((60, 62, 60, 62), False, True),  # unisons
        ((84, 74, 60, 62), False, False),  # contrary: two octaves to one
        ((67, 67, 60, 60), False, False),  # nothing moves
        ((67, 69, 60, 60), False, False),  # one moves
        ((67, 72, 60, 64), False, False),  # fifth to sixth
        ((79, 69, 60, 50), True, False),  # fifth to twelfth and all that, same way
        ((60, 62, 67, 69), True, False),  # crossed: a fifth between the pitches
        ((57, 59, 62, 64), True, False),  # crossed: a fifth by score order
    ],
)
def test_written_examples(move: tuple[int, int, int, int], fifths: bool, octaves: bool) -> None:
    assert bool(is_parallel_to(FIFTH, *move)) == fifths
    assert bool(is_parallel_to(OCTAVE, *move)) == octaves
    assert bool(is_parallel(*move)) == (fifths or octaves)


def test_invariant_under_transposition_and_broadcasts() -> None:
    rng = np.random.default_rng(0)
    moves = rng.integers(40, 80, (4, 600))
    expected = is_parallel(*moves)
    assert 0 < expected.sum() < 100
    np.testing.assert_array_equal(is_parallel(*(moves + 5)), expected)
    np.testing.assert_array_equal(is_parallel(moves[0][:, None], moves[1][:, None], moves[2], moves[3]).diagonal(), expected)
