import numpy as np
import pytest
from numpy.typing import NDArray

from compose.metrics import voice_leading_rates


@pytest.mark.parametrize(
    ("split", "fifths", "octaves", "crossing", "out_of_range"),
    [("train", 1.94, 1.48, 0.028, 0.0015), ("valid", 2.19, 0.94, 0.035, 0.0006)],
)
def test_bachs_own_rates(
    split: str, fifths: float, octaves: float, crossing: float, out_of_range: float, chorales: dict[str, list[NDArray[np.int64]]]
) -> None:
    rates = voice_leading_rates(chorales[split])
    assert rates.parallel_fifths_per_1000 == pytest.approx(fifths, abs=0.005)
    assert rates.parallel_octaves_per_1000 == pytest.approx(octaves, abs=0.005)
    assert rates.crossing_share == pytest.approx(crossing, abs=0.0005)
    assert rates.out_of_range_share == pytest.approx(out_of_range, abs=0.00005)


def test_by_hand() -> None:
    piece = np.array(
        [
            [72, 67, 60, 48],
            [72, 67, 60, 48],  # repeated: no transition
            [74, 69, 60, 50],  # soprano with bass in octaves, alto with bass in fifths
            [74, 69, 60, -1],  # the bass rests: neither step into nor out of it counts
            [74, 69, 60, 48],
            [72, 73, 60, 48],  # alto above soprano
            [72, 73, 60, 37],  # bass too low
        ]
    )
    rates = voice_leading_rates([piece])
    assert rates.transitions == 3
    assert rates.parallel_fifths_per_1000 == pytest.approx(1000 / 3)
    assert rates.parallel_octaves_per_1000 == pytest.approx(1000 / 3)
    assert rates.crossing_share == pytest.approx(2 / 6)
    assert rates.out_of_range_share == pytest.approx(1 / 6)


def test_nothing_and_wrong_shape() -> None:
    assert voice_leading_rates([]).transitions == 0
    with pytest.raises(ValueError, match=r"expected frames of shape \(frames, 4\), got \(5, 3\)"):
        voice_leading_rates([np.zeros((5, 3), dtype=np.int64)])
