"""What the general model is asked in its evaluation: regions of held-out pieces of every pack, of several kinds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compose.canvas import STEPS_PER_QUARTER
from compose.grooves import add_drums
from compose.step_scores import StepScore
from corpora.datasets.packs import iter_pack, list_packs
from corpora.errors import PartimentoError
from corpora.files import parse_piece
from corpora.kern_notes import read_kern_notes
from corpora.piece import NOTE_DTYPE, Piece, sort_notes

__all__ = ["BARS_OF_ALL", "DRUMS", "TASKS", "TASK_BARS", "Task", "held_out", "make_drums_task", "make_tasks"]

DRUMS = "drums"
TASKS = ("accompaniment", "inner voice", "bars of all", "one instrument", "rhythm kept", DRUMS)
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
    """One task of each name but ``DRUMS`` that the piece has lanes for, each somewhere where there are notes to write."""
    found = (_place(name, pack, piece, rng) for name in TASKS if name != DRUMS)
    return [task for task in found if task is not None]


def make_drums_task(pack: str, piece: Piece, rng: np.random.Generator) -> Task | None:
    """Some bars of a drum part that is laid under the piece by rule (``compose.grooves``), or that it has."""
    drummed = piece if any(part.is_drum for part in piece.parts) else _with_drums(piece, rng)
    return _place(DRUMS, pack, drummed, rng)


def _with_drums(piece: Piece, rng: np.random.Generator) -> Piece:
    score = add_drums(StepScore.of(piece), rng)
    hits = score.notes[~score.pitched]
    rows = np.zeros(len(hits), dtype=NOTE_DTYPE)
    for name, column in (("onset_div", 0), ("duration_div", 3)):
        rows[name] = hits[:, column] * (piece.divs_per_quarter // STEPS_PER_QUARTER)
    rows["part"], rows["pitch"], rows["velocity"] = hits[:, 1], hits[:, 2], hits[:, 4]
    rows["id"] = [f"drum{number}" for number in range(len(hits))]
    return replace(piece, notes=sort_notes(np.concatenate([piece.notes, rows])), parts=score.parts, source=None)  # of no file now


def _place(name: str, pack: str, piece: Piece, rng: np.random.Generator) -> Task | None:
    """A task of this name at a random place where there are notes to write, not too many; None where none was found."""
    score = StepScore.of(piece)
    starts = piece.measures["start_div"] * STEPS_PER_QUARTER // piece.divs_per_quarter
    ends = piece.measures["end_div"] * STEPS_PER_QUARTER // piece.divs_per_quarter
    for _ in range(PLACES_TRIED):
        first = int(rng.integers(0, max(len(starts) - TASK_BARS, 0) + 1))
        last = min(first + (BARS_OF_ALL if name == "bars of all" else TASK_BARS), len(starts))
        notes = score.window(int(starts[first]), int(ends[last - 1]))
        live = sorted({note.lane for note in notes if piece.parts[note.lane].is_drum == (name == DRUMS)})
        lanes = _lanes_of(name, live, rng)
        count = sum(note.lane in lanes for note in notes)
        if lanes and MIN_REGION_NOTES <= count <= MAX_REGION_NOTES:
            return Task(name, pack, piece, first, last, lanes, ("rhythm: keep",) if name == "rhythm kept" else ())
    return None


def _lanes_of(name: str, live: Sequence[int], rng: np.random.Generator) -> tuple[int, ...]:
    if name == "accompaniment":
        return tuple(live[1:])
    if name == "inner voice":
        return (int(rng.choice(live[1:-1])),) if len(live) > 2 else ()
    if name == "bars of all":
        return tuple(live)
    return (int(rng.choice(live)),) if live else ()
