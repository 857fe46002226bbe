"""Constraints: wishes in text, hard rules over musical meanings, and a measured answer for each."""

from compose.constraints.base import Constraint, Requirement, Satisfaction
from compose.constraints.conflicts import find_conflicts
from compose.constraints.counterpoint import NoCrossing, NoParallels
from compose.constraints.ending import EndOn
from compose.constraints.language import KINDS, parse_constraint, parse_constraints
from compose.constraints.others import see_others
from compose.constraints.pitch import ChordSpans, PitchClasses, PitchConstraint, Range
from compose.constraints.rhythm import Grid, KeepRhythm, OnGrid, WithinRegion
from compose.constraints.texture import Monophonic, NoOverlap, Polyphony

__all__ = [
    "KINDS",
    "ChordSpans",
    "Constraint",
    "EndOn",
    "Grid",
    "KeepRhythm",
    "Monophonic",
    "NoCrossing",
    "NoOverlap",
    "NoParallels",
    "OnGrid",
    "PitchClasses",
    "PitchConstraint",
    "Polyphony",
    "Range",
    "Requirement",
    "Satisfaction",
    "WithinRegion",
    "find_conflicts",
    "parse_constraint",
    "parse_constraints",
    "see_others",
]
