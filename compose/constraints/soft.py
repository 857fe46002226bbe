"""Wishes that cost instead of forbidding: what a constraint would close stays open at a price in nats."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from compose.canvas import Canvas
from compose.constraints.base import Constraint, IntArray, Satisfaction

__all__ = ["PREFER_NATS", "Soft"]

PREFER_NATS = 3.0  # what "(prefer)" costs: a twentieth of the odds

Prices = NDArray[np.float64]


@dataclass(frozen=True)
class Soft(Constraint):
    """A constraint as a preference: notes and onsets against it are ``weight`` nats less likely, and nothing is refused for it.

    Args:
        text: For example ``scale: G major (prefer)`` or ``grid: 1/8 (weight 1.5)``.
        wish: What is preferred.
        weight: Nats, above 0.
    """

    text: str = field()  # the base has a default, this has none
    wish: Constraint
    weight: float

    def onset_prices(self, canvas: Canvas, onsets: IntArray, lane: int) -> Prices:
        """Nats for each onset, shape (len(onsets),)."""
        return np.where(self.wish.onsets(canvas, onsets, lane), 0.0, self.weight)

    def prices(self, canvas: Canvas, onset: int, lane: int, durations: IntArray) -> Prices:
        """Nats for each note at this place: broadcasts to (128, len(durations))."""
        return np.where(self.wish.allows(canvas, onset, lane, durations), 0.0, self.weight)

    def measure(self, canvas: Canvas) -> Satisfaction:
        """How far the wish was met; a preference always holds."""
        found = self.wish.measure(canvas)
        return Satisfaction(self.text, True, f"preferred{'' if found.satisfied else ', not everywhere'}: {found.measured}")
