"""Constraints that look ahead must know what else is in force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from compose.constraints.base import Constraint

__all__ = ["see_others"]


def see_others(constraints: Iterable[Constraint]) -> tuple[Constraint, ...]:
    """The same constraints, where each that looks ahead sees all those in force that do not.

    Call it on the whole list, rules that are always on included, before writing.
    """
    every = tuple(constraints)
    plain = tuple(constraint for constraint in every if not constraint.looks_ahead)
    return tuple(replace(c, others=plain) if c.looks_ahead else c for c in every)  # type: ignore[type-var]
