"""Packs made ready for training: the notes, bars, keys and tempos of many pieces in a few memory-mapped tables.

Conventions: time is in 24ths of a quarter (``STORE_DIVS``), rounded once here. A store is a folder: ``notes.npy``,
``measures.npy``, ``keys.npy`` and ``tempos.npy`` hold the rows of all pieces one after the other, ``pieces.jsonl`` says for
each piece where it came from, its split, its lanes and where its rows lie. ``pieces.jsonl`` is written last: a folder without
it is no store. Files that no reader takes are named in ``refused.jsonl``. Cents are not stored: no vocabulary holds them, so no
model could learn them; the notes of a store have none.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.atomic import atomic_write
from corpora.datasets.packs import PackFile, iter_pack
from corpora.errors import InputError, PartimentoError
from corpora.files import parse_piece
from corpora.kern_notes import read_kern_batch
from corpora.piece import KEY_DTYPE, MEASURE_DTYPE, NOTE_DTYPE, TEMPO_DTYPE, Part, Piece, Table, sort_notes

__all__ = ["STORE_DIVS", "NoteStore", "StoredPiece", "build_store"]

STORE_DIVS = 24
BATCH = 24  # files read together; the kern files among them share a child process
STORED_NOTE = np.dtype(
    [("onset_div", np.int32), ("duration_div", np.int32), ("pitch", np.uint8), ("velocity", np.uint8), ("part", np.uint8)]
)
STORED_MEASURE = np.dtype([("start_div", np.int32), ("end_div", np.int32), ("beats", np.int16), ("beat_type", np.int16)])
STORED_KEY = np.dtype([("onset_div", np.int32), ("fifths", np.int8), ("mode", np.int8)])
STORED_TEMPO = np.dtype([("onset_div", np.int32), ("quarters_per_minute", np.float32)])
TABLES = {"notes": STORED_NOTE, "measures": STORED_MEASURE, "keys": STORED_KEY, "tempos": STORED_TEMPO}


@dataclass(frozen=True)
class StoredPiece:
    """One row of ``pieces.jsonl``.

    Args:
        pack, path, split, work, composer, title: As in the pack's manifest.
        lanes: Name, program and whether it is drums, for each lane.
        rows: First row and number of rows in each table.
    """

    pack: str
    path: str
    split: str
    work: str
    composer: str
    title: str
    lanes: tuple[tuple[str, int, bool], ...]
    rows: dict[str, tuple[int, int]]

    @property
    def num_notes(self) -> int:
        return self.rows["notes"][1]


def _rounded(divs: NDArray[np.int64], divs_per_quarter: int) -> NDArray[np.int64]:
    """Places in divs to the nearest 24th of a quarter, halves up."""
    return (2 * STORE_DIVS * np.asarray(divs, dtype=np.int64) + divs_per_quarter) // (2 * divs_per_quarter)


def _tables(piece: Piece) -> dict[str, Table]:
    """The rows of a piece as they are stored."""
    out: dict[str, Table] = {}
    for name, dtype in TABLES.items():
        source = getattr(piece, name)
        rows = np.zeros(len(source), dtype=dtype)
        for column in dtype.names or ():
            values = source[column]
            rows[column] = _rounded(values, piece.divs_per_quarter) if column.endswith("_div") else values
        out[name] = rows
    ends = _rounded(piece.notes["onset_div"] + piece.notes["duration_div"], piece.divs_per_quarter)
    sounding = piece.notes["duration_div"] > 0  # a note never rounds to a grace note
    out["notes"]["duration_div"] = np.maximum(ends - out["notes"]["onset_div"], sounding)
    return out


@dataclass(frozen=True)
class _Converted:
    """A file of a pack: the tables and lanes of its piece, or why it was refused."""

    row: PackFile
    tables: dict[str, Table]
    lanes: list[tuple[str, int, bool]]
    why: str = ""


def _read(batch: Sequence[tuple[PackFile, bytes]]) -> list[_Converted]:
    """Files of a pack converted; the kern files of a batch share a child process."""
    kern = [(data, row.path) for row, data in batch if row.path.endswith(".krn")]
    read = dict(zip((name for _, name in kern), read_kern_batch(kern), strict=True))
    out: list[_Converted] = []
    for row, data in batch:
        try:
            piece = read[row.path] if row.path in read else parse_piece(data, row.path)
        except PartimentoError as error:
            piece = error
        if isinstance(piece, PartimentoError):
            out.append(_Converted(row, {}, [], str(piece)))
        else:
            out.append(_Converted(row, _tables(piece), [(part.name, part.program, part.is_drum) for part in piece.parts]))
    return out


def _read_once(batch: Sequence[tuple[PackFile, bytes]], done: Path) -> list[_Converted]:
    """As ``_read``; what was converted stands in a file of the folder ``done``, from which it is taken the next time."""
    key = hashlib.sha256("".join(row.path + row.sha256 for row, _ in batch).encode()).hexdigest()
    path = done / f"{key}.npz"
    if path.exists():
        with np.load(path) as saved:
            entries = json.loads(saved["entries"].item())
            tables = {name: saved[name] for name in TABLES}
        starts = dict.fromkeys(TABLES, 0)
        out = []
        for (row, _), entry in zip(batch, entries, strict=True):
            mine = {}
            for name, count in entry["counts"].items():
                mine[name] = tables[name][starts[name] : starts[name] + count]
                starts[name] += count
            out.append(_Converted(row, mine, [tuple(lane) for lane in entry["lanes"]], entry["why"]))
        return out
    out = _read(batch)
    entries = [{"why": c.why, "lanes": c.lanes, "counts": {name: len(t) for name, t in c.tables.items()}} for c in out]
    saved_tables: dict[str, Any] = {"entries": np.array(json.dumps(entries))}
    for name, dtype in TABLES.items():
        saved_tables[name] = np.concatenate([np.zeros(0, dtype), *(c.tables[name] for c in out if c.tables)])
    buffer = io.BytesIO()
    np.savez(buffer, **saved_tables)
    atomic_write(path, buffer.getvalue())
    return out


def _converted(pack: str, limit: int | None, seed: int, workers: int, done: Path) -> Iterator[_Converted]:
    """The files of a pack in the order of its archive, ``workers`` batches at a time."""
    files = iter_pack(pack, limit=limit, seed=seed)
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[list[_Converted]]] = deque()
        while batch := list(islice(files, BATCH)):
            waiting.append(pool.submit(_read_once, batch, done))
            if len(waiting) > workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def build_store(
    folder: Path, packs: Sequence[str], *, limits: dict[str, int] | None = None, seed: int = 0, workers: int = 1
) -> dict[str, Any]:
    """Read packs into a store. What a killed run has converted is found again: batch by batch it stands in ``FOLDER/done``.

    Args:
        folder: Of the store; made when missing, what it holds is replaced.
        packs: Names of packs.
        limits: At most so many files of a pack, a random sample; packs without entry come whole.
        seed: Of the sample.
        workers: Batches of files read at the same time; the store is the same whatever their number.

    Returns:
        JSON values: pieces, notes and refused files by pack.

    Raises:
        InputError: A pack is missing or broken.
    """
    done = folder / "done"
    done.mkdir(parents=True, exist_ok=True)
    parts: dict[str, list[Table]] = {name: [np.zeros(0, dtype=dtype)] for name, dtype in TABLES.items()}
    starts = dict.fromkeys(TABLES, 0)
    lines, refused, figures = [], [], {}
    for pack in packs:
        count = {"pieces": 0, "notes": 0, "refused": 0}
        for file in _converted(pack, (limits or {}).get(pack), seed, workers, done):
            if file.why:
                refused.append({"pack": pack, "path": file.row.path, "why": file.why})
                count["refused"] += 1
                continue
            places = {}
            for name, table in file.tables.items():
                places[name] = (starts[name], len(table))
                parts[name].append(table)
                starts[name] += len(table)
            head = {key: getattr(file.row, key) for key in ("path", "split", "work", "composer", "title")}
            lines.append({"pack": pack, **head, "lanes": file.lanes, "rows": places})
            count["pieces"] += 1
            count["notes"] += len(file.tables["notes"])
        figures[pack] = count
    for name, tables in parts.items():
        np.save(folder / f"{name}.npy", np.concatenate(tables))
    atomic_write(folder / "refused.jsonl", "".join(json.dumps(line) + "\n" for line in refused))
    atomic_write(folder / "pieces.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    shutil.rmtree(done)
    return figures


class NoteStore:
    """A store opened for reading; tables are memory-mapped, pieces are made when asked for.

    Args:
        folder: As ``build_store`` wrote it.

    Raises:
        InputError: The folder is no store.
    """

    def __init__(self, folder: Path) -> None:
        listing = folder / "pieces.jsonl"
        if not listing.is_file():
            raise InputError(f"{folder} is no note store: expected a folder that 'partimento corpora store' wrote")
        self._tables = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in TABLES}
        self.pieces = tuple(_stored(json.loads(line)) for line in listing.read_text().splitlines())

    def select(self, split: str, packs: Sequence[str] = ()) -> list[int]:
        """Indices of the pieces of a split, of these packs or all, that have notes and bars."""
        return [
            index
            for index, piece in enumerate(self.pieces)
            if piece.split == split and (not packs or piece.pack in packs) and piece.num_notes and piece.rows["measures"][1]
        ]

    def load(self, index: int) -> Piece:
        """A piece by index, in 24 divs to the quarter; its bars are numbered from 1."""
        row = self.pieces[index]
        tables = {name: self._tables[name][first : first + count] for name, (first, count) in row.rows.items()}
        notes = _widened(tables["notes"], NOTE_DTYPE)
        notes = sort_notes(notes)
        notes["id"] = [f"n{number}" for number in range(len(notes))]
        measures = _widened(tables["measures"], MEASURE_DTYPE)
        measures["number"] = [str(number + 1) for number in range(len(measures))]
        parts = tuple(Part(name, str(lane), 1, program, drum) for lane, (name, program, drum) in enumerate(row.lanes))
        return Piece(
            notes, STORE_DIVS, parts, measures, _widened(tables["tempos"], TEMPO_DTYPE), _widened(tables["keys"], KEY_DTYPE)
        )


def _stored(values: dict[str, Any]) -> StoredPiece:
    lanes = tuple((str(name), int(program), bool(drum)) for name, program, drum in values.pop("lanes"))
    rows = {name: (int(first), int(count)) for name, (first, count) in values.pop("rows").items()}
    return StoredPiece(**values, lanes=lanes, rows=rows)


def _widened(rows: Table, dtype: np.dtype[Any]) -> Table:
    """Stored rows in the dtype of pieces; columns that are not stored are 0."""
    out = np.zeros(len(rows), dtype=dtype)
    for column in rows.dtype.names or ():
        out[column] = rows[column]
    return out
