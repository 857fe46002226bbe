"""What assembly answers: the score, and how sure each bar is."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from compose.notation.written import Voice, WrittenScore

__all__ = ["Assembled", "AssembledBar", "BarReading"]


@dataclass(frozen=True, slots=True)
class BarReading:
    """One way to read a bar.

    Args:
        probability: That it is right, as far as is known.
        length: Quarters.
        irregular: Whether that departs from the meter.
        voices: Of each part.
    """

    probability: float
    length: Fraction
    irregular: bool
    voices: tuple[tuple[Voice, ...], ...]


@dataclass(frozen=True, slots=True)
class AssembledBar:
    """One bar of all parts.

    Args:
        system: Index of its system among those given; the sources of its heads and events are rows of that system's signs.
        left: Left end in the system, staff spaces.
        right: Right end.
        readings: Likeliest first, which need not be the one that was taken.
        taken: Index of the one that is in the score.
    """

    system: int
    left: float
    right: float
    readings: tuple[BarReading, ...]
    taken: int = 0

    @property
    def probability(self) -> float:
        """That the bar in the score is right."""
        return self.readings[self.taken].probability


@dataclass(frozen=True, slots=True)
class Assembled:
    """A score that was read.

    Args:
        score: The score.
        bars: As many as each part has.
        notes: What was not sure or not printed, one line each.
    """

    score: WrittenScore
    bars: tuple[AssembledBar, ...]
    notes: tuple[str, ...] = ()

    @property
    def escapes(self) -> int:
        """Bars that do not last as long as their meter."""
        return sum(bar.readings[bar.taken].irregular for bar in self.bars)
