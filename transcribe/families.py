"""Families of instruments as the models hear them, and the General MIDI programs in each.

Drums are no family of these: they have no pitch, and heads of their own. Programs of synthesisers and effects (80 to 103 and 119
on) sound like anything and belong to none.
"""

from __future__ import annotations

from dataclasses import dataclass

from compose.constraints.instruments import INSTRUMENTS, find_instrument
from corpora.errors import RequestError
from corpora.safe_text import safe_text

__all__ = ["FAMILIES", "FAMILY_OF_PROGRAM", "Family", "families_of", "find_family"]


@dataclass(frozen=True)
class Family:
    """One family.

    Args:
        name: What a user writes.
        program: General MIDI program (from 0) that stands for the family where nothing more is known.
        programs: All that belong to it.
    """

    name: str
    program: int
    programs: tuple[int, ...]


FAMILIES = (
    Family("piano", 0, tuple(range(8))),
    Family("mallets", 11, (*range(8, 16), 108, 112, 114)),
    Family("organ", 19, tuple(range(16, 24))),
    Family("guitar", 24, (*range(24, 32), *range(104, 108))),
    Family("bass", 32, tuple(range(32, 40))),
    Family("strings", 48, (*range(40, 47), *range(48, 52), 110)),
    Family("voice", 52, (52, 53, 54)),
    Family("brass", 61, tuple(range(56, 64))),
    Family("reed", 71, (*range(64, 72), 109, 111)),
    Family("pipe", 73, tuple(range(72, 80))),
)
FAMILY_OF_PROGRAM = {program: index for index, family in enumerate(FAMILIES) for program in family.programs}


def find_family(name: str) -> int:
    """Index of the family with this name, or of the instrument with this name.

    Raises:
        RequestError: It is neither, or an instrument of no family.
    """
    wanted = name.strip().lower()
    for index, family in enumerate(FAMILIES):
        if wanted == family.name:
            return index
    known = find_instrument(wanted)
    programs = INSTRUMENTS[known][2] if known else ()
    for program in programs:
        if program in FAMILY_OF_PROGRAM:
            return FAMILY_OF_PROGRAM[program]
    expected = ", ".join(family.name for family in FAMILIES)
    raise RequestError(f"instrument: expected a family ({expected}) or an instrument of one, got {safe_text(name)!r}")


def families_of(names: str) -> tuple[int, ...]:
    """Indices of the families in a list with commas ("piano, violin"), in their order, each once.

    Raises:
        RequestError: A name is not known.
    """
    return tuple(dict.fromkeys(find_family(name) for name in names.split(",")))
