"""How probable a bar's reading is, and how well such probabilities hold.

The probability that a bar is right is a logistic function of three things: the share of the reading among all that the search found
(a softmax of their costs), the probabilities of the signs that it uses, and what it had to pay beyond them.

Expected calibration error: Naeini, Cooper, Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["GLYPHS", "PICTURES", "Calibration", "expected_calibration_error", "fit_calibration", "shares"]

MAX_LOGIT = 12.0
FIT_STEPS, FIT_RIDGE, LEAST_STEP = 50, 1.0, 1e-6


@dataclass(frozen=True)
class Calibration:
    """Logits of a bar: ``bias + share * log(share) + signs * sum(log p of signs) - paid * nats``.

    Args:
        bias: Of a bar read without any doubt.
        share: Weight of the logarithm of the reading's share.
        signs: Weight of the logarithms of the signs' probabilities.
        paid: Weight of the nats paid for escapes, lapses and the like.
        temperature: Of the softmax over readings.
    """

    bias: float
    share: float
    signs: float
    paid: float
    temperature: float = 1.0

    def probability(self, share: float, sign_logs: float, paid: float) -> float:
        """That a reading is right.

        Args:
            share: Of the readings' softmax.
            sign_logs: Sum of the logarithms of the probabilities of its signs, at most 0.
            paid: Nats.
        """
        logit = self.bias + self.share * math.log(max(share, 1e-9)) + self.signs * sign_logs - self.paid * paid
        return 1.0 / (1.0 + math.exp(-min(max(logit, -MAX_LOGIT), MAX_LOGIT)))


GLYPHS = Calibration(bias=4.0, share=2.0, signs=1.0, paid=0.35)  # of signs that are certain; set by hand
# Fitted (``fit_calibration``) on 607 bars of 22 songs of the packs' valid split: clean, mild, medium and photographed pages.
PICTURES = Calibration(bias=2.25, share=1.98, signs=0.45, paid=0.061)


def shares(costs: Sequence[float], temperature: float = 1.0) -> list[float]:
    """Softmax of costs in nats; they add up to 1."""
    least = min(costs)
    weights = [math.exp(-(cost - least) / temperature) for cost in costs]
    total = sum(weights)
    return [weight / total for weight in weights]


def fit_calibration(features: NDArray[np.float64], correct: NDArray[np.bool_], temperature: float = 1.0) -> Calibration:
    """The calibration that explains best which bars were right (logistic regression with a small ridge, damped Newton steps).

    Args:
        features: ``log(share)``, sum of the signs' logarithms, nats paid, shape (bars, 3).
        correct: Whether each was right, shape (bars,).
        temperature: With which the shares were made.
    """
    columns = np.column_stack([np.ones(len(features)), features[:, 0], features[:, 1], -features[:, 2]])
    ridge = FIT_RIDGE * np.array([0.0, 1.0, 1.0, 1.0])

    def unlikely(weights: NDArray[np.float64]) -> float:
        logits = columns @ weights
        return float(np.sum(np.logaddexp(0.0, logits) - correct * logits) + 0.5 * ridge @ weights**2)

    weights = np.array([2.0, 1.0, 1.0, 0.3])
    for _ in range(FIT_STEPS):
        chances = 1.0 / (1.0 + np.exp(-np.clip(columns @ weights, -MAX_LOGIT, MAX_LOGIT)))
        slope = columns.T @ (correct - chances) - ridge * weights
        bend = (columns * (chances * (1.0 - chances))[:, None]).T @ columns + np.diag(ridge) + LEAST_STEP * np.eye(4)
        step = np.linalg.solve(bend, slope)
        while unlikely(weights + step) > unlikely(weights) and np.abs(step).max() > LEAST_STEP:
            step = step / 2  # Newton's steps alone run away where chances are near 0 or 1
        weights = weights + step
    bias, share, signs, paid = map(float, weights)
    return Calibration(bias, share, signs, paid, temperature)


def expected_calibration_error(probabilities: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = 10) -> float:
    """Mean difference of probability and share of right ones over bins of equal width, weighed by their sizes; 0 for none.

    Args:
        probabilities: That each bar is right, shape (bars,).
        correct: Whether it was, shape (bars,).
        bins: Between 0 and 1.
    """
    if not len(probabilities):
        return 0.0
    places = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    error = 0.0
    for place in range(bins):
        inside = places == place
        if inside.any():
            error += float(inside.mean()) * abs(float(probabilities[inside].mean()) - float(correct[inside].mean()))
    return error
