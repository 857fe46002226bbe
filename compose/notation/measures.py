"""How far written music that was read agrees with what it should be: symbols, classes of symbols, and notes that sound.

Conventions: the reference comes first. *Symbols* are the names of tokens (``compose.notation.encoding``), so that a score that no
grammar allows can be measured too. Counts add up over systems: sum them and take rates at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compose.notation.encoding import token_names
from compose.notation.sounding import played_notes
from compose.notation.written import WrittenScore
from corpora.errors import RequestError

__all__ = [
    "CLASSES",
    "NoteCounts",
    "SymbolErrors",
    "class_recall",
    "count_notes",
    "edit_distance",
    "note_symbols",
    "symbol_errors",
    "symbols_of",
]

MAX_CELLS = 1 << 25  # of an alignment: 256 MiB
# What symbols are counted together, by the groups of their names.
CLASSES: dict[str, tuple[str, ...]] = {
    "notes": ("place",),
    "note types": ("type", "dot"),
    "rests": ("rest", "bar-rest"),
    "accidentals": ("accidental",),
    "ties": ("tie-start", "tie-stop"),
    "slurs": ("slur-start", "slur-stop"),
    "tuplets": ("ratio", "tuplet-start", "tuplet-stop"),
    "beams": ("beam",),
    "stems": ("stem",),
    "grace notes": ("grace", "slashed"),
    "marks": ("mark",),
    "dynamics": ("dynamics",),
    "hairpins": ("wedge",),
    "words": ("words", "tempo"),
    "pedals": ("pedal",),
    "octave lines": ("octave-shift",),
    "clefs": ("clef",),
    "keys": ("key",),
    "meters": ("time", "beats", "beat-type"),
    "bar lines": ("bar", "left", "right", "repeat-start", "repeat-end"),
    "endings": ("ending", "ending-stop"),
    "voices": ("voice", "staff"),
}
_CLASS_OF = {group: name for name, groups in CLASSES.items() for group in groups}
_NOTE_GROUPS = frozenset(
    ("bar", "part", "type", "dot", "ratio", "rest", "bar-rest", "grace", "slashed", "place", "accidental", "tie-start", "tie-stop")
)


@dataclass(frozen=True)
class SymbolErrors:
    """Edits that turn an estimate into its reference.

    Args:
        edits: Symbols put in, taken out or exchanged, the fewest.
        symbols: Symbols of the reference.
    """

    edits: int
    symbols: int

    def __add__(self, other: SymbolErrors) -> SymbolErrors:
        return SymbolErrors(self.edits + other.edits, self.symbols + other.symbols)

    @property
    def rate(self) -> float:
        """Edits by symbols of the reference; 0 for nothing read of nothing, infinite for something of nothing."""
        return self.edits / self.symbols if self.symbols else float("inf") if self.edits else 0.0


@dataclass(frozen=True)
class NoteCounts:
    """Notes that sound in the reference, in the estimate, and in both."""

    reference: int
    estimate: int
    matched: int

    def __add__(self, other: NoteCounts) -> NoteCounts:
        return NoteCounts(self.reference + other.reference, self.estimate + other.estimate, self.matched + other.matched)

    @property
    def precision(self) -> float:
        """Share of the estimate's notes that are right; 1 where it has none."""
        return self.matched / self.estimate if self.estimate else 1.0

    @property
    def recall(self) -> float:
        """Share of the reference's notes that were read; 1 where it has none."""
        return self.matched / self.reference if self.reference else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where neither has a note."""
        total = self.reference + self.estimate
        return 2 * self.matched / total if total else 1.0


def symbols_of(score: WrittenScore) -> list[str]:
    """The symbols of a score."""
    return list(token_names(score))


def note_symbols(symbols: Sequence[str]) -> list[str]:
    """Those of the symbols that say notes and rests: bars, types, dots, ratios, rests, places, accidentals, ties."""
    return [name for name in symbols if name.partition(":")[0] in _NOTE_GROUPS]


def symbol_errors(reference: Sequence[str], estimate: Sequence[str]) -> SymbolErrors:
    """The edits between two sequences of symbols; their rate is the symbol error rate (SER)."""
    return SymbolErrors(edit_distance(*_as_numbers(reference, estimate)), len(reference))


def edit_distance(reference: NDArray[np.int64], estimate: NDArray[np.int64]) -> int:
    """The fewest insertions, deletions and exchanges between two sequences, shapes (n,) and (m,); Levenshtein 1966.

    A row of the table at a time: what an insertion brings along the row is a running minimum.
    """
    if len(reference) < len(estimate):
        reference, estimate = estimate, reference
    row = np.arange(len(estimate) + 1)
    for symbol in reference.tolist():
        row = _next_row(row, symbol, estimate)
    return int(row[-1])


def _next_row(
    row: NDArray[np.int64], symbol: int, estimate: NDArray[np.int64], edit_cost: int = 1, keep_cost: int = 0
) -> NDArray[np.int64]:
    along = np.arange(len(row)) * edit_cost
    best = np.empty_like(row)
    best[0] = row[0] + edit_cost
    best[1:] = np.minimum(row[1:] + edit_cost, row[:-1] + np.where(estimate == symbol, keep_cost, edit_cost))
    return np.minimum.accumulate(best - along) + along


def class_recall(reference: Sequence[str], estimate: Sequence[str]) -> dict[str, tuple[int, int]]:
    """By class how many symbols of the reference the estimate has too, in the alignment of fewest edits, and how many there are.

    Raises:
        RequestError: The sequences are too long to be aligned in one go (whole scores); take systems.
    """
    found, total = Counter[str](), Counter[str]()
    for name, is_found in zip(reference, _kept(*_as_numbers(reference, estimate)), strict=True):
        kind = _CLASS_OF.get(name.partition(":")[0])
        if kind is not None:
            total[kind] += 1
            found[kind] += bool(is_found)
    return {kind: (found[kind], total[kind]) for kind in CLASSES if total[kind]}


def _kept(reference: NDArray[np.int64], estimate: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which symbols of the reference stand unchanged in the alignment of fewest edits that keeps most, shape (n,)."""
    if (len(reference) + 1) * (len(estimate) + 1) > MAX_CELLS:
        raise RequestError(f"alignment: expected at most {MAX_CELLS} pairs of symbols, got {len(reference)} by {len(estimate)}")
    edit_cost = len(reference) + 1  # more than can ever be kept
    rows = np.empty((len(reference) + 1, len(estimate) + 1), dtype=np.int64)
    rows[0] = np.arange(len(estimate) + 1) * edit_cost
    for number, symbol in enumerate(reference.tolist()):
        rows[number + 1] = _next_row(rows[number], symbol, estimate, edit_cost, -1)
    kept = np.zeros(len(reference), dtype=np.bool_)
    at, to = len(reference), len(estimate)
    while at and to:
        if reference[at - 1] == estimate[to - 1]:  # to keep what is equal at the end is never worse
            at, to = at - 1, to - 1
            kept[at] = True
        elif rows[at, to] == rows[at - 1, to - 1] + edit_cost:
            at, to = at - 1, to - 1
        elif rows[at, to] == rows[at - 1, to] + edit_cost:
            at -= 1
        else:
            to -= 1
    return kept


def _as_numbers(reference: Sequence[str], estimate: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    numbers = {name: number for number, name in enumerate(dict.fromkeys([*reference, *estimate]))}
    first, second = (np.array([numbers[name] for name in names], dtype=np.int64) for names in (reference, estimate))
    return first, second


def count_notes(reference: WrittenScore, estimate: WrittenScore, *, with_duration: bool = False) -> NoteCounts:
    """Notes that sound alike: the same onset in quarters from the start, exactly, and the same pitch, in whatever part.

    Args:
        reference, estimate: Written music that begins at the same bar.
        with_duration: Whether they must last as long too.
    """
    fields = ["onset_quarter", "pitch", *(["duration_quarter"] if with_duration else [])]
    first, second = (Counter(played_notes(score)[fields].tolist()) for score in (reference, estimate))
    return NoteCounts(first.total(), second.total(), (first & second).total())
