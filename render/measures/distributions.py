"""How far apart two sets of points are as samples of two distributions: the Fréchet and the kernel distance.

Sources: Kilgour et al., "Fréchet Audio Distance" (arXiv 1812.08466), section 3; Chung et al., "KAD: No More FAD!" (arXiv
2502.15602), section 3, whose estimator is that of Gretton et al., "A Kernel Two-Sample Test" (JMLR 13, 2012), equation (3).
Points are float64 ``(point, dimension)``; reference first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpora.errors import RequestError

__all__ = ["distances_across_halves", "frechet_distance", "kernel_bandwidth", "kernel_distance"]

MIN_POINTS = 2
SPLITS = 10


def frechet_distance(reference: NDArray[np.float64], estimate: NDArray[np.float64]) -> float:
    """The squared Fréchet (2-Wasserstein) distance of the Gaussians that have the points' means and covariances.

    It is biased upward when points are few: compare with ``distances_across_halves``.

    Raises:
        RequestError: Fewer than two points.
    """
    _check(reference, estimate)
    difference = reference.mean(axis=0) - estimate.mean(axis=0)
    # C = R^T R of either set; tr (C1 C2)^1/2 is the sum of the singular values of R1 R2^T, which needs no root of small numbers
    first, second = _covariance_root(reference), _covariance_root(estimate)
    crossed = float(np.linalg.svd(first @ second.T, compute_uv=False).sum())
    squared = float(difference @ difference + np.square(first).sum() + np.square(second).sum()) - 2.0 * crossed
    return max(squared, 0.0)  # rounding alone goes below


def _covariance_root(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """R with R^T R the unbiased covariance of the points."""
    centred = (points - points.mean(axis=0)) / np.sqrt(len(points) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r"))


def kernel_bandwidth(reference: NDArray[np.float64]) -> float:
    """The median distance between two different points of the reference, as KAD has it."""
    distances = np.sqrt(_squares(reference, reference)[np.triu_indices(len(reference), 1)])
    return float(np.median(distances))


def kernel_distance(reference: NDArray[np.float64], estimate: NDArray[np.float64], *, bandwidth: float | None = None) -> float:
    """The unbiased estimate of the squared maximum mean discrepancy under the Gaussian kernel exp(-d^2 / 2 bandwidth^2).

    It is 0 on average for two samples of one distribution, and may so be negative. Relative to KAD, it is not multiplied by 100.

    Args:
        reference: (point, dimension)
        estimate: (point, dimension)
        bandwidth: Of the kernel, in the unit of the points; None for ``kernel_bandwidth(reference)``.

    Raises:
        RequestError: Fewer than two points, or all points of the reference are one.
    """
    _check(reference, estimate)
    width = kernel_bandwidth(reference) if bandwidth is None else bandwidth
    if not width > 0.0:
        raise RequestError(f"kernel distance: expected points that differ, got a bandwidth of {width:g}")
    within = [_mean_of_pairs(np.exp(-_squares(points, points) / (2.0 * width**2))) for points in (reference, estimate)]
    between = float(np.exp(-_squares(reference, estimate) / (2.0 * width**2)).mean())
    return within[0] + within[1] - 2.0 * between


def distances_across_halves(
    reference: NDArray[np.float64], estimate: NDArray[np.float64], *, seed: int, bandwidth: float | None = None
) -> tuple[float, float]:
    """Fréchet and kernel distance of half of the reference and the other half of the estimate, the mean over 10 random splits.

    With the reference in both places this is the floor: what few points have between them though they are of one distribution. An
    estimate that makes the same seconds of the same music is to be held against that floor, since the distance of all its points is
    low for their being pairs.

    Args:
        reference: (point, dimension)
        estimate: As many points, each made of the same as the reference's.
        seed: Of the splits.
        bandwidth: As for ``kernel_distance``.

    Raises:
        ValueError: The two have different numbers of points.
        RequestError: Fewer than four points.
    """
    if len(reference) != len(estimate):
        raise ValueError(f"points must come in pairs, got {len(reference)} and {len(estimate)}")
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(SPLITS):
        order = rng.permutation(len(reference))
        first, second = reference[order[: len(order) // 2]], estimate[order[len(order) // 2 :]]
        found.append((frechet_distance(first, second), kernel_distance(first, second, bandwidth=bandwidth)))
    frechet, kernel = np.mean(found, axis=0).tolist()
    return frechet, kernel


def _check(reference: NDArray[np.float64], estimate: NDArray[np.float64]) -> None:
    fewest = min(len(reference), len(estimate))
    if fewest < MIN_POINTS:
        raise RequestError(f"distance of distributions: expected at least {MIN_POINTS} points of each, got {fewest}")


def _squares(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distances, (point of the first, point of the second)."""
    products = first @ second.T
    norms = np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1)
    return np.asarray(np.maximum(norms - 2.0 * products, 0.0))


def _mean_of_pairs(kernel: NDArray[np.float64]) -> float:
    """Mean over pairs of different points."""
    count = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))
