"""Note lengths as integers: ``DIVS`` divisions to a quarter, so that the search adds and compares integers only.

A quarter has ``2**8 * 3**2 * 5 * 7`` divisions: 128th notes with three dots and tuplets of 2 to 9 notes are all whole numbers.
"""

from __future__ import annotations

from fractions import Fraction

from omr.signs import DURATIONS

__all__ = ["DIVS", "REST_TYPES", "TYPE_DIVS", "divs_to_quarters", "dotted", "quarters_to_divs"]

DIVS = 2**8 * 3**2 * 5 * 7
TYPE_DIVS = {name: (8 * DIVS) >> index for index, name in enumerate(DURATIONS)}
REST_TYPES = dict(zip([f"rest_{name}" for name in ("breve", "whole", "half", "quarter", "8th")], DURATIONS, strict=False)) | {
    f"rest_{name}": name for name in DURATIONS[5:]
}


def dotted(divs: int, dots: int) -> int:
    """The length of a note of ``divs`` divisions with so many augmentation dots."""
    return 2 * divs - (divs >> dots)


def divs_to_quarters(divs: int) -> Fraction:
    """Divisions as exact quarters."""
    return Fraction(divs, DIVS)


def quarters_to_divs(quarters: Fraction) -> int:
    """Exact quarters as divisions; what lies between two divisions goes to the earlier one."""
    return int(quarters * DIVS)
