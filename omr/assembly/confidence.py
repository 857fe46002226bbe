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
from scipy.optimize import minimize

__all__ = ["GLYPHS", "PICTURES", "Calibration", "expected_calibration_error", "fit_calibration", "shares"]

MAX_LOGIT = 12.0
FIT_RIDGE = 1.0


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
# Fitted (``fit_calibration``) on 1,317 bars of 22 songs and 10 quartets or parts of the packs' valid split: clean, mild, medium and
# photographed pages (``tests/bench/fit_confidence.py`` does the like). What the signs' probabilities say is in the shares already.
PICTURES = Calibration(bias=2.85, share=2.17, signs=0.0, paid=0.067)


def shares(costs: Sequence[float], temperature: float = 1.0) -> list[float]:
    """Softmax of costs in nats; they add up to 1."""
    least = min(costs)
    weights = [math.exp(-(cost - least) / temperature) for cost in costs]
    total = sum(weights)
    return [weight / total for weight in weights]


def fit_calibration(features: NDArray[np.float64], correct: NDArray[np.bool_], temperature: float = 1.0) -> Calibration:
    """The calibration that explains best which bars were right: logistic regression, weights of 0 or more, a small ridge.

    Args:
        features: ``log(share)``, sum of the signs' logarithms, nats paid, shape (bars, 3).
        correct: Whether each was right, shape (bars,).
        temperature: With which the shares were made.
    """
    columns = np.column_stack([np.ones(len(features)), features[:, 0], features[:, 1], -features[:, 2]])
    ridge = FIT_RIDGE * np.array([0.0, 1.0, 1.0, 1.0])

    def unlikely(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = columns @ weights
        chances = 1.0 / (1.0 + np.exp(-np.clip(logits, -MAX_LOGIT, MAX_LOGIT)))
        value = float(np.sum(np.logaddexp(0.0, logits) - correct * logits) + 0.5 * ridge @ weights**2)
        return value, columns.T @ (chances - correct) + ridge * weights

    bounds = [(None, None), (0.0, None), (0.0, None), (0.0, None)]
    found = minimize(unlikely, np.array([2.0, 1.0, 1.0, 0.3]), jac=True, method="L-BFGS-B", bounds=bounds)
    bias, share, signs, paid = map(float, found.x)
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
