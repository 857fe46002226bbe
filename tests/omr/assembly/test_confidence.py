"""Probabilities of bars: shares of readings, calibration against a known truth, the calibration error by hand."""

import numpy as np
import pytest

from omr.assembly.confidence import Calibration, expected_calibration_error, fit_calibration, shares


def test_shares_are_a_softmax_of_costs() -> None:
    assert shares([1.0, 1.0]) == [0.5, 0.5]
    assert shares([0.0, np.log(3.0)]) == pytest.approx([0.75, 0.25])
    assert shares([0.0, np.log(3.0)], temperature=2.0) == pytest.approx([3**0.5 / (1 + 3**0.5), 1 / (1 + 3**0.5)])


def test_the_error_of_calibration_is_that_of_its_bins() -> None:
    probabilities = np.array([0.95, 0.95, 0.95, 0.95, 0.15, 0.15])
    correct = np.array([True, True, True, False, False, True])
    assert expected_calibration_error(probabilities, correct) == pytest.approx(4 / 6 * 0.2 + 2 / 6 * 0.35)
    assert expected_calibration_error(np.zeros(0), np.zeros(0, dtype=np.bool_)) == 0.0


def test_a_fit_finds_the_calibration_that_made_the_bars() -> None:
    rng = np.random.default_rng(0)
    true = Calibration(bias=3.0, share=1.5, signs=0.8, paid=0.4)
    features = np.column_stack([-rng.exponential(0.5, 4000), -rng.exponential(1.0, 4000), rng.exponential(2.0, 4000)])
    chances = np.array([true.probability(float(np.exp(share)), signs, paid) for share, signs, paid in features.tolist()])
    correct = rng.random(4000) < chances
    found = fit_calibration(features, correct)
    again = np.array([found.probability(float(np.exp(share)), signs, paid) for share, signs, paid in features.tolist()])
    assert expected_calibration_error(again, correct) < 0.03
    assert np.abs(again - chances).max() < 0.1
