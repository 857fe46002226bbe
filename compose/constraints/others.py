"""Constraints that look ahead must know what else is in force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from compose.constraints.base import Constraint
from compose.constraints.texture import Monophonic, Polyphony

__all__ = ["foreseen", "see_others", "sounds_alone"]


def see_others(constraints: Iterable[Constraint]) -> tuple[Constraint, ...]:
    """The same constraints, where each that looks ahead sees those in force that look ahead less far.

    Call it on the whole list, rules that are always on included, before writing.
    """
    every = list(constraints)
    for rank in sorted({constraint.looks_ahead for constraint in every} - {0}):
        shown = tuple(constraint for constraint in every if constraint.looks_ahead < rank)
        every = [replace(c, others=shown) if c.looks_ahead == rank else c for c in every]  # type: ignore[type-var]
    return tuple(every)


def foreseen(others: Iterable[Constraint]) -> list[Constraint]:
    """Those whose word for a later place holds whatever is written before it."""
    return [other for other in others if other.foresees]


def sounds_alone(others: Iterable[Constraint], lane: int) -> bool:
    """Whether a long note of a lane can keep others of it from starting, its rhythm not being given anyway."""
    every = list(others)
    limited = any((isinstance(other, Monophonic) and lane in other.lanes) or isinstance(other, Polyphony) for other in every)
    return limited and not any(other.keeps_times for other in every)
