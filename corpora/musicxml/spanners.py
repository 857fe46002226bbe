"""Slurs, slides and the like: which two note elements each joins, and what becomes of an end whose note goes.

A mark whose other end stands in a measure that is rewritten loses that end too. One that reaches beyond is handed to a new note, so
that the untouched measure keeps its partner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from corpora.musicxml.document import Document, Item, PartWalk
from corpora.musicxml.elements import Mark

__all__ = ["Ending", "spanner_ends", "unpaired_after"]

_SPANNER_TAGS = frozenset({"slur", "slide", "glissando"})


class Ending(NamedTuple):
    """One end of a mark: the note element it stands on and the measure of that."""

    measure: int
    item: Item
    mark: Mark


def spanner_ends(document: Document, part: PartWalk) -> list[tuple[Ending, Ending]]:
    """All marks of a part that have both ends, paired by name and number in the order of time."""
    ends = sorted(
        (
            (document.starts[measure] + item.onset, mark.type == "start", measure, item, mark)
            for measure, item, mark in _marks(part)
            if mark.type in ("start", "stop")
        ),
        key=lambda row: row[:2],
    )
    waiting: dict[tuple[str, str], Ending] = {}
    pairs = []
    for _, is_start, measure, item, mark in ends:
        key = (mark.tag, mark.number)
        if is_start:
            waiting[key] = Ending(measure, item, mark)
        elif key in waiting:
            pairs.append((waiting.pop(key), Ending(measure, item, mark)))
    return pairs


def _marks(part: PartWalk) -> Iterator[tuple[int, Item, Mark]]:
    for measure, walk in enumerate(part.measures):
        for item in walk.items:
            if item.ordinal < 0:
                continue
            for notations in item.element.iterfind("notations"):
                for mark in notations:
                    if mark.tag in _SPANNER_TAGS:
                        yield measure, item, Mark(mark.tag, mark.get("number", "1"), mark.get("type", ""))


def unpaired_after(
    pairs: Iterable[tuple[Ending, Ending]], removed: set[int], rewritten: set[int]
) -> tuple[dict[int, set[Mark]], list[Ending]]:
    """What removing notes does to marks.

    Args:
        pairs: From ``spanner_ends``.
        removed: Ordinals of the note elements that go.
        rewritten: Indices of the measures that are written anew.

    Returns:
        The marks to take from kept notes by ordinal, and the lost ends whose partner must not be touched.
    """
    dropped: dict[int, set[Mark]] = {}
    orphaned: list[Ending] = []
    for start, stop in pairs:
        for lost, partner in ((start, stop), (stop, start)):
            if lost.item.ordinal not in removed or partner.item.ordinal in removed:
                continue
            if partner.measure in rewritten:
                dropped.setdefault(partner.item.ordinal, set()).add(partner.mark)
            else:
                orphaned.append(lost)
    return dropped, orphaned
