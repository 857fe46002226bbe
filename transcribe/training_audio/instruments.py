"""Which instruments play a clip, and how music is brought into their range.

A clip draws some families (``transcribe.families``) and gives each part a program of one of them. Parts that leave the range of
their instrument move by octaves, and single notes that still do, too. Ranges: ``compose.constraints.instruments``; of programs
without an instrument there, that of the family.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from compose.constraints.instruments import instrument_of, instrument_range
from corpora.piece import Part, Table
from transcribe.families import FAMILIES

__all__ = ["GRANDS", "KEYBOARDS", "draw_any", "draw_ensemble", "draw_piano", "into_range", "range_of"]

GRANDS: Mapping[int, float] = {0: 0.7, 1: 0.15, 2: 0.08, 3: 0.07}  # strings that hammers strike
KEYBOARDS: Mapping[int, float] = {0: 0.5, 1: 0.17, 2: 0.08, 3: 0.1, 4: 0.04, 5: 0.04, 6: 0.04, 7: 0.03}
FAMILY_RANGES: Mapping[str, tuple[int, int]] = {
    "piano": (21, 108),
    "mallets": (48, 96),
    "organ": (36, 96),
    "guitar": (40, 84),
    "bass": (28, 60),
    "strings": (36, 96),
    "voice": (45, 81),
    "brass": (40, 82),
    "reed": (46, 86),
    "pipe": (60, 96),
}
# How often a family is drawn for an accompaniment (several notes at once), a melody, and the lowest part.
CHORDAL: Mapping[str, float] = {"piano": 5, "mallets": 2, "organ": 2, "guitar": 2.5, "strings": 2, "voice": 0.6, "brass": 0.6}
MELODIC: Mapping[str, float] = {
    "piano": 1,
    "mallets": 1.5,
    "organ": 0.6,
    "guitar": 1,
    "strings": 4,
    "voice": 2.5,
    "brass": 2,
    "reed": 2.5,
    "pipe": 2.5,
}
LOW: Mapping[str, float] = {"bass": 5, "strings": 2, "piano": 1, "brass": 1, "reed": 1, "organ": 0.5, "guitar": 0.5}
COMMON = {0, 11, 12, 19, 24, 25, 32, 33, 40, 41, 42, 48, 52, 53, 56, 57, 60, 68, 70, 71, 73}
COMMON_WEIGHT, RARE_WEIGHT = 6.0, 0.3  # of these, and of programs past 103: instruments of the world
FIRST_RARE = 104
LOW_PITCH = 56  # a part whose middle pitch is below this is a bass


def range_of(program: int) -> tuple[int, int]:
    """Lowest and highest pitch of a program's instrument."""
    name = instrument_of(Part("", program=program))
    if name is not None:
        return instrument_range(name)
    for family in FAMILIES:
        if program in family.programs:
            return FAMILY_RANGES[family.name]
    return 21, 108


def draw_piano(rng: np.random.Generator, programs: Mapping[int, float] = KEYBOARDS) -> int:
    """A program of the family of pianos, mostly a grand piano; ``programs`` says how often each."""
    return int(rng.choice(list(programs), p=list(programs.values())))


def draw_any(rng: np.random.Generator) -> int:
    """A program of any family, one as often as another."""
    return int(rng.choice(FAMILIES[int(rng.integers(len(FAMILIES)))].programs))


def draw_ensemble(pitches: Sequence[Table], chordal: Sequence[bool], rng: np.random.Generator, families: int) -> list[int]:
    """Programs for parts.

    Args:
        pitches: Of each part, int (notes,), not empty.
        chordal: Whether a part plays several notes at once.
        rng: Source of all choices.
        families: At most so many families.

    Returns:
        A program for each part.
    """
    chosen: list[str] = []
    programs: list[int] = []
    for own, several in zip(pitches, chordal, strict=True):
        middle = float(np.median(own))
        weights = dict(CHORDAL if several else LOW if middle < LOW_PITCH else MELODIC)
        if len(chosen) >= families:
            weights = {name: weights.get(name, 0.0) for name in chosen}
            if not any(weights.values()):
                weights = dict.fromkeys(chosen, 1.0)
        names = list(weights)
        shares = np.array([weights[name] for name in names])
        name = names[int(rng.choice(len(names), p=shares / shares.sum()))]
        if name not in chosen:
            chosen.append(name)
        programs.append(_draw_program(name, own, rng))
    return programs


def _draw_program(family: str, pitches: Table, rng: np.random.Generator) -> int:
    """A program of a family, more often one in whose range the music lies, and a common one."""
    programs = next(entry.programs for entry in FAMILIES if entry.name == family)
    weights = []
    for program in programs:
        low, high = range_of(program)
        inside = float(((pitches >= low) & (pitches <= high)).mean())
        usual = COMMON_WEIGHT if program in COMMON else RARE_WEIGHT if program >= FIRST_RARE else 1.0
        weights.append((0.05 + inside**4) * usual)
    shares = np.array(weights)
    return int(rng.choice(programs, p=shares / shares.sum()))


def into_range(pitches: Table, program: int) -> Table:
    """Pitches moved by the octaves that bring most of them into the range of a program, then one by one."""
    low, high = range_of(program)
    shifts = np.array([0, 12, -12, 24, -24, 36, -36])
    inside = [int(((pitches + shift >= low) & (pitches + shift <= high)).sum()) for shift in shifts.tolist()]
    moved = pitches + shifts[int(np.argmax(inside))]
    below, above = np.maximum(low - moved, 0), np.maximum(moved - high, 0)
    return np.asarray(moved + 12 * (-(-below // 12)) - 12 * (-(-above // 12)), dtype=pitches.dtype)
