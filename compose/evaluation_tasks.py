"""What the general model is asked in its evaluation: regions of held-out pieces of every pack, of several kinds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from compose.canvas import STEPS_PER_QUARTER
from compose.step_scores import StepScore
from corpora.datasets.packs import iter_pack, list_packs
from corpora.errors import PartimentoError
from corpora.files import parse_piece
from corpora.kern_notes import read_kern_notes
from corpora.piece import Piece

__all__ = ["TASKS", "Task", "held_out", "make_tasks"]

TASKS = ("accompaniment", "inner voice", "bars of all", "one instrument", "rhythm kept")
TASK_BARS = 4
BARS_OF_ALL = 2
MAX_REGION_NOTES = 260
MIN_REGION_NOTES = 4
PLACES_TRIED = 8


@dataclass(frozen=True)
class Task:
    """A region to write.

    Args:
        name: One of ``TASKS``.
        pack: Where the piece is from.
        piece: On the writing grid.
        first: Index of the first bar.
        last: Index after the last.
        lanes: To write.
        wishes: Constraints.
    """

    name: str
    pack: str
    piece: Piece
    first: int
    last: int
    lanes: tuple[int, ...]
    wishes: tuple[str, ...] = ()

    @property
    def region(self) -> str:
        """As a request says it."""
        return f"#{self.first + 1}-#{self.last}"


def held_out(pieces: int, split: str = "test", seed: int = 0) -> Iterator[tuple[str, Piece]]:
    """Pack and piece: ``pieces`` of each pack's split, on the writing grid; files that no reader takes are left out."""
    for pack in list_packs():
        for row, data in iter_pack(pack.name, split=split, limit=pieces, seed=seed):
            name = row.path.rsplit("/", 1)[-1]
            try:
                piece = read_kern_notes(data, name) if name.endswith(".krn") else parse_piece(data, name)
            except PartimentoError:
                continue
            if len(piece.measures) >= TASK_BARS and len(piece.notes):
                yield pack.name, piece.rescaled(math.lcm(piece.divs_per_quarter, STEPS_PER_QUARTER))


def make_tasks(pack: str, piece: Piece, rng: np.random.Generator) -> list[Task]:
    """One task of each name that the piece has lanes for, each somewhere where there are notes to write."""
    score = StepScore.of(piece)
    starts = piece.measures["start_div"] * STEPS_PER_QUARTER // piece.divs_per_quarter
    ends = piece.measures["end_div"] * STEPS_PER_QUARTER // piece.divs_per_quarter
    out = []
    for name in TASKS:
        for _ in range(PLACES_TRIED):
            first = int(rng.integers(0, max(len(starts) - TASK_BARS, 0) + 1))
            last = min(first + (BARS_OF_ALL if name == "bars of all" else TASK_BARS), len(starts))
            notes = score.window(int(starts[first]), int(ends[last - 1]))
            live = sorted({note.lane for note in notes if not piece.parts[note.lane].is_drum})
            lanes = _lanes_of(name, live, rng)
            count = sum(note.lane in lanes for note in notes)
            if lanes and MIN_REGION_NOTES <= count <= MAX_REGION_NOTES:
                out.append(Task(name, pack, piece, first, last, lanes, ("rhythm: keep",) if name == "rhythm kept" else ()))
                break
    return out


def _lanes_of(name: str, live: Sequence[int], rng: np.random.Generator) -> tuple[int, ...]:
    if name == "accompaniment":
        return tuple(live[1:])
    if name == "inner voice":
        return (int(rng.choice(live[1:-1])),) if len(live) > 2 else ()
    if name == "bars of all":
        return tuple(live)
    return (int(rng.choice(live)),) if live else ()
