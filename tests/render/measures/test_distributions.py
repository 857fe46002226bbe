"""Distances of distributions against closed forms and known expectations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from corpora.errors import RequestError
from render.measures import frechet_distance, kernel_distance
from render.measures.distributions import distances_across_halves, kernel_bandwidth


def with_moments(rng: np.random.Generator, count: int, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Points whose mean and covariance are exactly these."""
    points = rng.normal(size=(count, len(mean)))
    points -= points.mean(axis=0)
    points = points @ np.linalg.inv(np.linalg.cholesky(np.cov(points, rowvar=False))).T
    return points @ np.linalg.cholesky(covariance).T + mean


def test_frechet_of_round_gaussians_is_the_closed_form() -> None:
    rng = np.random.default_rng(0)
    first = with_moments(rng, 50, np.zeros(3), 4.0 * np.eye(3))
    second = with_moments(rng, 70, np.array([1.0, 2.0, 2.0]), 9.0 * np.eye(3))
    assert frechet_distance(first, second) == pytest.approx(9.0 + 3 * (3.0 - 2.0) ** 2, abs=1e-9)


def test_frechet_of_any_gaussians_is_the_closed_form() -> None:
    rng = np.random.default_rng(1)
    one, two = (root @ root.T + 0.1 * np.eye(5) for root in rng.normal(size=(2, 5, 5)))
    mean = rng.normal(size=5)
    crossed = scipy.linalg.sqrtm(one @ two).real
    expected = mean @ mean + np.trace(one + two - 2.0 * crossed)
    first, second = with_moments(rng, 60, np.zeros(5), one), with_moments(rng, 60, mean, two)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(second, first) == pytest.approx(expected, rel=1e-8)


def test_points_are_nowhere_from_themselves() -> None:
    points = np.random.default_rng(2).normal(size=(20, 48))  # fewer points than dimensions
    assert frechet_distance(points, points) == pytest.approx(0.0, abs=1e-10)


def test_the_kernel_distance_is_unbiased() -> None:
    rng = np.random.default_rng(3)
    found = [kernel_distance(*rng.normal(size=(2, 20, 4)), bandwidth=2.0) for _ in range(400)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))
    assert min(found) < 0 < max(found)


def test_the_kernel_distance_of_gaussians_is_the_closed_form() -> None:
    rng, width, shift = np.random.default_rng(4), 1.5, 2.0
    found = [kernel_distance(rng.normal(size=(200, 1)), rng.normal(shift, 1.0, (200, 1)), bandwidth=width) for _ in range(30)]
    # E exp(-d^2 / 2 w^2) of d ~ N(m, 2) is w / sqrt(w^2 + 2) exp(-m^2 / 2 (w^2 + 2))
    expected = 2.0 * width / np.sqrt(width**2 + 2.0) * (1.0 - np.exp(-(shift**2) / (2.0 * (width**2 + 2.0))))
    assert np.mean(found) == pytest.approx(expected, abs=4 * np.std(found) / np.sqrt(30))
    assert kernel_distance(np.zeros((2, 1)), np.ones((2, 1)), bandwidth=1.0) == pytest.approx(2.0 - 2.0 * np.exp(-0.5))


def test_the_bandwidth_is_the_median_distance() -> None:
    assert kernel_bandwidth(np.array([[0.0], [1.0], [3.0]])) == 2.0


def test_the_kernel_distance_is_symmetric_at_one_bandwidth() -> None:
    first, second = np.random.default_rng(5).normal(size=(2, 30, 6))
    assert kernel_distance(first, second, bandwidth=3.0) == pytest.approx(kernel_distance(second, first, bandwidth=3.0))


def test_other_music_is_above_the_floor() -> None:
    rng = np.random.default_rng(6)
    points, other = rng.normal(size=(80, 6)), rng.normal(1.0, 1.0, (80, 6))
    frechet, kernel = distances_across_halves(points, points, seed=0)
    assert frechet_distance(points, other) > 3 * frechet > 0
    assert kernel_distance(points, other) > 3 * abs(kernel)
    assert distances_across_halves(points, points, seed=0) == (frechet, kernel)


def test_pairs_are_low_and_their_halves_are_not() -> None:
    rng = np.random.default_rng(7)
    points = rng.normal(size=(40, 6))
    near = points + 0.3 * rng.normal(size=points.shape)
    floor, across = (distances_across_halves(points, estimate, seed=0) for estimate in (points, near))
    assert kernel_distance(points, near) < 0
    assert frechet_distance(points, near) < floor[0]
    assert across[0] > 0.9 * floor[0]
    with pytest.raises(ValueError, match="points must come in pairs, got 40 and 39"):
        distances_across_halves(points, near[1:], seed=0)


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_one_point_is_refused(distance: object) -> None:
    with pytest.raises(RequestError, match="expected at least 2 points of each, got 1"):
        distance(np.zeros((5, 2)), np.zeros((1, 2)))


def test_points_that_are_all_one_are_refused() -> None:
    with pytest.raises(RequestError, match="expected points that differ, got a bandwidth of 0"):
        kernel_distance(np.zeros((5, 2)), np.ones((5, 2)))
