from __future__ import annotations

import numpy as np
import pytest

from render.fit.velocities import struck

CURVE = 2.0 * np.log(np.arange(1, 128) / 80.0)  # as the default modulator's, 0 at velocity 80
PARTS = np.array([0, 0, 0, 1, 1])
MARKS = np.array([70.0, 80.0, 90.0, 60.0, 60.0])


def levels(velocities: list[float], gains: list[float]) -> np.ndarray:
    return np.interp(velocities, np.arange(1, 128), CURVE) + np.array(gains)[PARTS]


def test_the_mean_velocity_stays_and_gains_take_the_rest() -> None:
    velocities = [60.0, 100.0, 80.0, 40.0, 80.0]
    found = struck(levels(velocities, [0.5, -1.0]), [CURVE] * 5, MARKS, PARTS, np.ones(5, dtype=np.bool_), 2)
    assert found.velocities == pytest.approx(velocities, abs=1e-6)
    assert found.part_gains == pytest.approx([0.5, -1.0], abs=1e-6)


def test_the_gain_gives_way_to_the_loudest_note() -> None:
    wanted = levels([60.0, 60.0, 100.0, 60.0, 60.0], [0.0, 0.0])
    found = struck(wanted, [CURVE] * 5, MARKS + 40.0, PARTS, np.ones(5, dtype=np.bool_), 2)
    assert found.velocities[:3].max() == pytest.approx(127.0)
    assert found.velocities[0] == found.velocities[1] == pytest.approx(127.0 * 0.6, rel=0.01)


def test_notes_that_are_not_told_have_no_say() -> None:
    told = np.array([True, True, True, True, False])
    found = struck(levels([60.0, 100.0, 80.0, 60.0, 127.0], [0.0, 0.3]), [CURVE] * 5, MARKS, PARTS, told, 2)
    assert found.part_gains == pytest.approx([0.0, 0.3], abs=1e-6)
