import numpy as np
import pytest
from numpy.typing import NDArray

from compose.metrics import counting_floors
from compose.metrics.floors import copy_previous_accuracy


def test_jsb_valid(chorales: dict[str, list[NDArray[np.int64]]]) -> None:
    floors = counting_floors(chorales["train"], chorales["valid"])
    assert floors.slots == 73_632
    assert floors.unigram_nats == pytest.approx(2.611, abs=0.0005)
    assert floors.bigram_nats == pytest.approx(0.938, abs=0.001)
    assert floors.copy_accuracy == pytest.approx(0.783, abs=0.0005)


def test_by_hand() -> None:
    piece = np.array([[60], [60], [62], [60]])
    floors = counting_floors([piece], [piece])
    assert floors.copy_accuracy == 1 / 4
    assert floors.unigram_nats == pytest.approx(-(3 * np.log(3 / 4) + np.log(1 / 4)) / 4, abs=0.01)
    assert floors.bigram_nats == pytest.approx(-(np.log(3 / 4) + 2 * np.log(1 / 2) + np.log(1)) / 4, abs=0.02)


def test_unseen_symbols_cost_but_do_not_break() -> None:
    floors = counting_floors([np.array([[60], [60]])], [np.array([[61], [61]])])
    assert 3 < floors.unigram_nats < 10
    assert copy_previous_accuracy([]) == 0.0
    with pytest.raises(ValueError, match="at least one piece"):
        counting_floors([], [])
