"""The order in which bars are played, and the piece written out in that order.

Repeats, endings, D.C., D.S., Fine and Coda. After a jump repeats are not made again, and of endings the last is taken (*senza
replica*, as is the custom). Every jump is taken once, and a movement's jumps stay inside it, so that there is always an end. A sign
that has no aim (D.S. without a segno, To Coda without a coda) is passed over and named among the problems. Endings that lie next to
each other make a group: a pass takes the one that carries its number; where none does, the last one on the first pass (an ending 2
without an ending 1 is played), and none on later ones (an ending 1 without an ending 2 is left out the second time).

This is our own walk because the libraries do not take all of it: partitura 1.9 (``unfold_part_maximal``) agrees on repeats,
endings and D.C. but not on ``times``, takes repeats again after a leap and fails on an ending 2 alone; music21
(``expandRepeats``) agrees on repeats, endings and ``times`` and stops at, or leaves out, leaps. The tests compare with both where
they are right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from corpora.errors import InputError
from corpora.musicxml.marks import BarMarks, Marks
from corpora.piece import KEY_DTYPE, TEMPO_DTYPE, Piece, Table, sort_notes

__all__ = ["Unfolded", "play_order", "unfold"]

MAX_BARS = 50_000
_LEAPS = ("dacapo", "dalsegno")


@dataclass(frozen=True, eq=False)
class Unfolded:
    """A piece with its repeats written out.

    Args:
        written: The piece as it stands.
        piece: The piece as it is played: notes that come again have ids such as "n12-2", the number being the pass.
        order: For each played bar the index of the written one.
        rows: For each note of ``piece`` its row in ``written.notes``, shape (notes,).
        passes: For each note which time its bar is played, from 1, shape (notes,).
        problems: What in the road map could not be followed.
    """

    written: Piece
    piece: Piece
    order: tuple[int, ...]
    rows: NDArray[np.int64]
    passes: NDArray[np.int64]
    problems: tuple[str, ...] = ()

    def to_written(self, places: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.float64]:
        """Written places in divs of played ones, same shape; a bar line belongs to the bar that it begins."""
        played, written = self.piece.measures["start_div"], self.written.measures["start_div"]
        bar = np.clip(np.searchsorted(played, places, side="right") - 1, 0, None)
        return np.asarray(np.asarray(places, dtype=np.float64) - played[bar] + written[np.asarray(self.order)[bar]])

    def played_places(self, written: int, measure: int) -> list[int]:
        """All played places of a place in a written measure."""
        away = written - int(self.written.measures["start_div"][measure])
        bars = np.flatnonzero(np.asarray(self.order) == measure)
        return [int(self.piece.measures["start_div"][bar]) + away for bar in bars]


class _Route:
    """Walks through the bars of one movement."""

    def __init__(self, bars: Sequence[BarMarks], first: int, stop: int, repeats: bool) -> None:
        self.bars, self.first, self.stop, self.repeats = bars, first, stop, repeats
        self.order: list[int] = []
        self.problems: list[str] = []
        self.endings = self._endings()

    def _endings(self) -> dict[int, tuple[int, tuple[int, ...]]]:
        """For the first bar of each ending: where it stops (past its last bar) and its numbers."""
        found: dict[int, tuple[int, tuple[int, ...]]] = {}
        for start in range(self.first, self.stop):
            if not self.bars[start].ending:
                continue
            end = start
            while end + 1 < self.stop and not self.bars[end].ending_stops and not self.bars[end + 1].ending:
                end += 1
            if not self.bars[end].ending_stops:
                self.problems.append(f"the ending {self.bars[start].ending[0]} at bar {start + 1} does not stop")
                end = start
            found[start] = (end + 1, self.bars[start].ending)
        return found

    def _group(self, bar: int) -> list[int]:
        """First bars of the endings that lie next to the one that begins at ``bar``."""
        group = [bar]
        while (before := [start for start, (end, _) in self.endings.items() if end == group[0]]) and before[0] not in group:
            group.insert(0, before[0])
        while (after := self.endings[group[-1]][0]) in self.endings:
            group.append(after)
        return group

    def _after_group(self, bar: int) -> int:
        return self.endings[self._group(bar)[-1]][0]

    def _is_taken(self, bar: int, turn: int, last: bool) -> bool:
        """Whether the ending that begins at ``bar`` is played on this turn."""
        group = self._group(bar)
        if last:
            return bar == group[-1]
        chosen = [start for start in group if turn in self.endings[start][1]]
        if chosen:
            return bar == chosen[0]
        return turn == 1 and bar == group[-1]

    def _times(self, bar: int) -> int:
        """How often the section that is closed after ``bar`` is played."""
        times = self.bars[bar].times
        if not times:
            return 0
        inside = [start for start, (end, _) in self.endings.items() if start <= bar < end]
        if inside:
            group = self._group(inside[0])
            times = max(times, *(number for start in group for number in self.endings[start][1]))
        return times

    def _aim(self, mark: str, default: int) -> int:
        return next((bar for bar in range(self.first, self.stop) if mark in self.bars[bar].jumps), default)

    def walk(self) -> None:
        bar = section = self.first
        turn = 1
        leapt: set[int] = set()
        while bar < self.stop:
            marks = self.bars[bar]
            if marks.forward and bar != section:
                section, turn = bar, 1
            once = bool(leapt) or not self.repeats
            if bar in self.endings and not self._is_taken(bar, turn, once):
                bar = self.endings[bar][0]
                if bar not in self.endings and turn > 1:
                    section, turn = bar, 1
                continue
            self.order.append(bar)
            if len(self.order) > MAX_BARS:
                raise InputError(f"with its repeats the piece has more than {MAX_BARS} bars, expected fewer")
            if leapt and "fine" in marks.jumps:
                return
            if leapt and "tocoda" in marks.jumps:
                coda = self._coda(bar)
                if coda is not None:
                    bar = section = coda
                    turn = 1
                    continue
            times = 1 if once else self._times(bar)
            if turn < times:
                turn, bar = turn + 1, section
                continue
            if times:
                section, turn = bar + 1, 1
            if bar not in leapt and self.repeats and (aim := self._leap(bar)) is not None:
                leapt.add(bar)
                bar = section = aim
                turn = 1
                continue
            closed = [start for start, (end, _) in self.endings.items() if end == bar + 1]
            bar += 1
            if closed:
                # past the ending that was taken come the others of its group, which are not for this turn
                bar = max(bar, self._after_group(closed[0]))
                section, turn = bar, 1

    def _leap(self, bar: int) -> int | None:
        """Where the D.C. or D.S. at the end of ``bar`` leads."""
        if "dacapo" in self.bars[bar].jumps:
            return self.first
        if "dalsegno" in self.bars[bar].jumps:
            aim = self._aim("segno", -1)
            if aim >= 0:
                return aim
            self.problems.append(f"D.S. at bar {bar + 1}: there is no segno")
        return None

    def _coda(self, bar: int) -> int | None:
        found = [later for later in range(bar + 1, self.stop) if "coda" in self.bars[later].jumps]
        if not found:
            self.problems.append(f"To Coda at bar {bar + 1}: there is no coda")
        return found[0] if found else None


def play_order(bars: Sequence[BarMarks], *, repeats: bool = True) -> tuple[list[int], list[str]]:
    """The written bars in the order in which they are played, and what could not be followed.

    Args:
        bars: The road map of each written bar (``Marks.bars``).
        repeats: False plays every bar at most once: no jumps, and of endings the last.

    Raises:
        InputError: That makes more than 50,000 bars.
    """
    starts = [0, *(index for index, bar in enumerate(bars) if bar.first_of_movement)]
    order: list[int] = []
    problems: list[str] = []
    for first, stop in zip(starts, [*starts[1:], len(bars)], strict=True):
        route = _Route(bars, first, stop, repeats)
        route.walk()
        order += route.order
        problems += dict.fromkeys(route.problems)
    return order, problems


def unfold(piece: Piece, marks: Marks | None, *, repeats: bool = True) -> Unfolded:
    """A piece as its road map has it played.

    A note that is tied over a bar line where play goes on elsewhere ends there; it goes on into a note at the new place that has
    a tie from nowhere and the same pitch (as at the start of a second ending).

    Args:
        piece: As written.
        marks: Its marks; None (as for MIDI) plays it as it is.
        repeats: As in ``play_order``.

    Raises:
        InputError: As ``play_order``.
    """
    order, problems = play_order(marks.bars, repeats=repeats) if marks is not None else (list(range(len(piece.measures))), [])
    if order == list(range(len(piece.measures))):
        count = len(piece.notes)
        return Unfolded(piece, piece, tuple(order), np.arange(count), np.ones(count, dtype=np.int64), tuple(problems))
    assert marks is not None  # without marks the order is the written one
    starts, lengths = piece.measures["start_div"], piece.measures["end_div"] - piece.measures["start_div"]
    measures = piece.measures[order].copy()
    measures["end_div"] = np.cumsum(lengths[order])
    measures["start_div"] = measures["end_div"] - lengths[order]
    measure_of = np.array([marks.notes[identity].measure for identity in piece.notes["id"].tolist()], dtype=np.int64)
    rows_of = [np.flatnonzero(measure_of == bar) for bar in range(len(piece.measures))]
    turn_of: Counter[int] = Counter()
    blocks, rows, passes = [], [], []
    for played, bar in enumerate(order):
        turn_of[bar] += 1
        block = piece.notes[rows_of[bar]].copy()
        block["onset_div"] += measures["start_div"][played] - starts[bar]
        if turn_of[bar] > 1:
            block["id"] = [f"{identity}-{turn_of[bar]}" for identity in block["id"].tolist()]
        blocks.append(block)
        rows.append(rows_of[bar])
        passes.append(np.full(len(block), turn_of[bar]))
    notes, row, turn = np.concatenate(blocks), np.concatenate(rows), np.concatenate(passes)
    kept = _cut_at_leaps(notes, row, order, measures, marks)
    notes, row, turn = notes[kept], row[kept], turn[kept]
    ordered = np.lexsort((notes["duration_div"], notes["cents"], notes["pitch"], notes["part"], notes["onset_div"]))
    assert (sort_notes(notes)["id"] == notes["id"][ordered]).all()
    unfolded = replace(
        piece,
        notes=notes[ordered],
        measures=measures,
        tempos=_carried(piece.tempos, TEMPO_DTYPE, order, measures, starts, lengths),
        keys=_carried(piece.keys, KEY_DTYPE, order, measures, starts, lengths),
        source=None,
    )
    return Unfolded(piece, unfolded, tuple(order), row[ordered], turn[ordered], tuple(problems))


def _cut_at_leaps(notes: Table, rows: NDArray[np.int64], order: list[int], measures: Table, marks: Marks) -> NDArray[np.bool_]:
    """Ends notes where play goes on elsewhere, in place; says which notes stay (the others are the rest of a tied note)."""
    leaps = [played for played in range(1, len(order)) if order[played] != order[played - 1] + 1]
    places = measures["start_div"][leaps]
    ends = np.append(places, measures["end_div"][-1])
    limit = ends[np.searchsorted(places, notes["onset_div"], side="right")]
    is_cut = notes["onset_div"] + notes["duration_div"] > limit
    notes["duration_div"] = np.minimum(notes["duration_div"], np.maximum(limit - notes["onset_div"], 0))
    kept = np.ones(len(notes), dtype=np.bool_)
    identity = [found.partition("-")[0] for found in notes["id"].tolist()]
    at_leap = np.flatnonzero(np.isin(notes["onset_div"], places) & (notes["duration_div"] > 0))
    for index in at_leap.tolist():
        if not marks.notes[identity[index]].tied_in:
            continue
        note = notes[index]
        same = kept & (notes["duration_div"] > 0) & (notes["onset_div"] + notes["duration_div"] == note["onset_div"])
        for name in ("part", "pitch", "cents"):
            same &= notes[name] == note[name]
        before = [other for other in np.flatnonzero(same).tolist() if is_cut[other] or marks.notes[identity[other]].tied_out]
        if before:
            notes["duration_div"][before[0]] += note["duration_div"]
            kept[index] = False
    return kept


def _carried(table: Table, dtype: np.dtype[np.void], order: list[int], measures: Table, starts: Table, lengths: Table) -> Table:
    """A table of changes (tempos, keys) as they are met in play: what is in force where play leaps to is said again."""
    out: list[tuple[int | float, ...]] = []
    for played, bar in enumerate(order):
        start = int(starts[bar])
        first = int(np.searchsorted(table["onset_div"], start, side="right"))
        last = int(np.searchsorted(table["onset_div"], start + int(lengths[bar]), side="left"))
        leapt = played > 0 and order[played - 1] != bar - 1
        rows = table[max(first - 1, 0) : last]
        for row in rows:
            at = int(row["onset_div"])
            if at < start and not leapt:
                continue
            value = tuple(row.tolist())[1:]
            place = int(measures["start_div"][played]) + max(at - start, 0)
            if not out or out[-1][1:] != value:
                out.append((place, *value))
    return np.array(out, dtype=dtype)
