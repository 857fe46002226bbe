"""One score that was read against its reference: symbols, notes, bars and how sure they were.

Symbols (``compose.notation.measures``) are compared bar by bar in the alignment of ``omr.evaluation.alignment``; a bar without
a partner counts whole. What is said between two staves of one part looks the same whichever of them it was written for: it counts
for the upper one. The sum of edits is never below the edit distance of the whole sequences, and a long score is no dearer than
its bars.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields, replace

from compose.notation.measures import SymbolErrors, class_recall, note_symbols, symbol_errors, symbols_of
from compose.notation.written import Bar, WrittenScore, in_order
from omr.assembly.results import Assembled
from omr.evaluation.alignment import AlignedNotes, count_aligned

__all__ = ["Comparison", "compare"]

_BETWEEN = ("dynamics", "wedge", "words")


@dataclass
class Comparison:
    """Counts over pieces; add them up.

    Args:
        symbols: Of all symbols.
        note_symbols: Of those of notes and rests alone.
        notes: That sound.
        found: Symbols of the reference that were read, by class.
        there: Symbols of the reference, by class.
        chances: Probability of each bar that was read.
        right: Whether all its notes were right, and no others there.
        escapes: Bars that do not last as long as their meter.
    """

    symbols: SymbolErrors = field(default_factory=lambda: SymbolErrors(0, 0))
    note_symbols: SymbolErrors = field(default_factory=lambda: SymbolErrors(0, 0))
    notes: AlignedNotes = field(default_factory=AlignedNotes)
    found: Counter[str] = field(default_factory=Counter)
    there: Counter[str] = field(default_factory=Counter)
    chances: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    escapes: int = 0

    def __add__(self, other: Comparison) -> Comparison:
        return Comparison(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))

    def recall(self) -> dict[str, float]:
        """Share of the reference's symbols that were read, by class."""
        return {name: round(self.found[name] / count, 4) for name, count in self.there.items() if count}


def _bar(score: WrittenScore, index: int) -> WrittenScore:
    """One bar as it stands, nothing made explicit."""
    return WrittenScore(tuple(replace(part, bars=(_as_it_looks(part.bars[index]),)) for part in score.parts))


def _as_it_looks(bar: Bar) -> Bar:
    said = [
        replace(said, staff=said.staff - 1, above=False) if said.above and said.staff > 1 and said.kind in _BETWEEN else said
        for said in bar.directions
    ]
    return replace(bar, directions=in_order(said))


def _bars(score: WrittenScore) -> int:
    return len(score.parts[0].bars) if score.parts else 0


def compare(counts: Comparison, reference: WrittenScore, read: Assembled) -> None:
    """Count one piece.

    Args:
        counts: Is added to.
        reference: What the pages say.
        read: What was read of them.
    """
    notes, pairs = count_aligned(reference, read.score)
    counts.notes += notes
    partner = {there: (here, exact) for there, here, exact in pairs}
    for index in range(_bars(reference)):
        wanted = symbols_of(_bar(reference, index))
        got = symbols_of(_bar(read.score, partner[index][0])) if index in partner else []
        _count(counts, wanted, got)
    left = set(range(_bars(read.score))) - {here for here, _ in partner.values()}
    for index in sorted(left):
        _count(counts, [], symbols_of(_bar(read.score, index)))
    exact = dict(partner.values())
    for index, bar in enumerate(read.bars):
        counts.chances.append(bar.probability)
        counts.right.append(exact.get(index, False))
    counts.escapes += read.escapes


def _count(counts: Comparison, wanted: list[str], got: list[str]) -> None:
    counts.symbols += symbol_errors(wanted, got)
    counts.note_symbols += symbol_errors(note_symbols(wanted), note_symbols(got))
    for name, (found, there) in class_recall(wanted, got).items():
        counts.found[name] += found
        counts.there[name] += there
