"""The signs of a system: what both readers of pages (pixels, and glyphs of vector PDFs) find, and assembly turns into bars.

Conventions: lengths are in staff spaces (the distance of two staff lines). ``x`` counts from the left end of the system's staff
lines. ``y`` counts downwards from the middle line of the system's first staff. ``place`` is the height on the sign's own staff in
half spaces above its bottom line: 0 on the bottom line, 8 on the top line, 4 the middle. Staves count from 0, top first.
Kinds are indices into ``KINDS``; names are close to SMuFL's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ACCIDENTALS",
    "BAR_LINES",
    "BEAMS",
    "CLEFS",
    "DURATIONS",
    "DYNAMICS",
    "GRACES",
    "HEADS",
    "KEY_SIGNS",
    "KINDS",
    "KIND_INDEX",
    "MARKS",
    "MAX_DOTS",
    "RESTS",
    "SIGN_DTYPE",
    "SPANNERS",
    "STEMS",
    "TIMES",
    "TUPLETS",
    "Brace",
    "SeenSystem",
    "Signs",
    "empty_signs",
]

HEADS = ("head_black", "head_half", "head_whole", "head_breve", "head_x", "head_diamond")
RESTS = (
    "rest_breve",
    "rest_whole",
    "rest_half",
    "rest_quarter",
    "rest_8th",
    "rest_16th",
    "rest_32nd",
    "rest_64th",
    "rest_128th",
    "rest_bars",
)
ACCIDENTALS = ("flat", "natural", "sharp", "double_sharp", "double_flat")
KEY_SIGNS = ("key_flat", "key_natural", "key_sharp")
CLEFS = ("clef_g", "clef_g_8below", "clef_g_8above", "clef_f", "clef_f_8below", "clef_c", "clef_percussion")
TIMES = ("time_common", "time_cut", *(f"time_{digit}" for digit in range(10)), "time_plus")
BAR_LINES = (
    "bar_single",
    "bar_double",
    "bar_final",
    "bar_repeat_start",
    "bar_repeat_end",
    "bar_repeat_both",
    "bar_dashed",
)
MARKS = (
    "staccato",
    "staccatissimo",
    "accent",
    "marcato",
    "tenuto",
    "fermata",
    "trill",
    "turn",
    "mordent",
    "inverted_mordent",
    "up_bow",
    "down_bow",
    "arpeggio",
    "tremolo_1",
    "tremolo_2",
    "tremolo_3",
    "breath",
)
DYNAMICS = ("ppp", "pp", "p", "mp", "mf", "f", "ff", "fff", "sf", "sfz", "fz", "fp", "rf", "rfz")
TUPLETS = tuple(f"tuplet_{number}" for number in range(2, 10))
SPANNERS = ("hairpin_crescendo", "hairpin_diminuendo", "slur", "tie", "tuplet_bracket", "volta", "ottava_8", "ottava_15", "beam")
OTHERS = ("augmentation_dot", "pedal_down", "pedal_up", "segno", "coda", "words", "lyric", "stem", "flag")
KINDS = (
    *HEADS,
    *RESTS,
    *ACCIDENTALS,
    *KEY_SIGNS,
    *CLEFS,
    *TIMES,
    *BAR_LINES,
    *MARKS,
    *(f"dynamic_{name}" for name in DYNAMICS),
    *TUPLETS,
    *SPANNERS,
    *OTHERS,
)
KIND_INDEX = {name: index for index, name in enumerate(KINDS)}

DURATIONS = ("breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th", "128th")
MAX_DOTS = 3
STEMS = ("", "up", "down")
BEAMS = ("", "begin", "continue", "end")
GRACES = ("", "grace", "slashed")

SIGN_DTYPE = np.dtype(
    [
        ("kind", np.int16),
        ("probability", np.float32),  # that the sign is there and of this kind
        ("x", np.float32),  # centre of its box
        ("y", np.float32),
        ("width", np.float32),
        ("height", np.float32),
        ("staff", np.int16),  # nearest staff, or that of its stem's head for what hangs on stems; bar lines: first staff crossed
        ("place", np.float32),
        # Of heads and rests, as probabilities:
        ("duration", np.float32, (len(DURATIONS),)),
        ("dots", np.float32, (MAX_DOTS + 1,)),
        # Of heads only:
        ("stem", np.float32, (len(STEMS),)),
        ("beam", np.float32, (len(BEAMS),)),
        ("grace", np.float32, (len(GRACES),)),
        ("tie_start", np.float32),
        ("tie_stop", np.float32),
        ("slur_start", np.float32),
        ("slur_stop", np.float32),
        # Heads that share a stem, beams of one group: equal numbers where that is known (vector PDFs), else -1.
        ("chord", np.int32),
        ("beam_group", np.int32),
    ]
)
Signs: TypeAlias = NDArray[Any]  # rows of a structured dtype; type checkers at run time take no ``np.void``


def empty_signs(count: int = 0) -> Signs:
    """``count`` rows of ``SIGN_DTYPE``: zeros, with ``chord`` and ``beam_group`` unknown (-1)."""
    signs = np.zeros(count, dtype=SIGN_DTYPE)
    signs["chord"] = signs["beam_group"] = -1
    return signs


@dataclass(frozen=True)
class Brace:
    """Staves that a brace or bracket joins: the first and the last of them, and "brace", "bracket" or "line"."""

    first: int
    last: int
    kind: str


@dataclass(frozen=True, eq=False)
class SeenSystem:
    """One system as it was seen.

    Args:
        page: Page, from 0.
        number: System on the page, from 0.
        middle_lines: ``y`` of the middle line of each staff, shape (staves,); the first is 0.
        line_counts: Lines of each staff (5; 1 for some percussion), shape (staves,).
        width: Length of the staff lines.
        signs: In order of ``x``; rows of ``SIGN_DTYPE``.
        corners: Where on the page the system's points lie: page pixels ``(x, y)`` on a grid of system points, shape
            (rows, columns, 2); the grid is even in ``x`` from 0 to ``width`` and has one row each staff line, top first.
        braces: Braces and brackets at the left.
        words: Texts that were read, by row of ``signs``.
        heading: The largest text above the page's first system; "" where none was read, and of other systems.
    """

    page: int
    number: int
    middle_lines: NDArray[np.float32]
    line_counts: NDArray[np.int64]
    width: float
    signs: Signs
    corners: NDArray[np.float32]
    braces: tuple[Brace, ...] = ()
    words: dict[int, str] = field(default_factory=dict)
    heading: str = ""

    @property
    def staves(self) -> int:
        """Number of staves."""
        return len(self.middle_lines)
