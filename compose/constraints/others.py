"""Constraints that look ahead must know what else is in force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from compose.constraints.base import Constraint

__all__ = ["see_others"]


def see_others(constraints: Iterable[Constraint]) -> tuple[Constraint, ...]:
    """The same constraints, where each that looks ahead sees those in force that look ahead less far.

    Those whose word for a later place does not hold (``Constraint.foresees``) are not shown. Call it on the whole list, rules that
    are always on included, before writing.
    """
    every = list(constraints)
    for rank in sorted({constraint.looks_ahead for constraint in every} - {0}):
        shown = tuple(constraint for constraint in every if constraint.looks_ahead < rank and constraint.foresees)
        every = [replace(c, others=shown) if c.looks_ahead == rank else c for c in every]  # type: ignore[type-var]
    return tuple(every)
