"""Scores made ready for training: the notes, bars, keys and tempos of many pieces in a few memory-mapped tables.

Conventions: time is in 24ths of a quarter (``STORE_DIVS``), rounded once here. A store is a folder: ``notes.npy``,
``measures.npy``, ``keys.npy`` and ``tempos.npy`` hold the rows of all pieces one after the other, ``pieces.jsonl`` says for
each piece where it came from, its split, its lanes and where its rows lie. ``pieces.jsonl`` is written last: a folder without
it is no store. Files that no reader takes are named in ``refused.jsonl``. Cents are not stored: no vocabulary holds them, so no
model could learn them; the notes of a store have none.

Scores are read in batches, each of which is saved in ``FOLDER/done`` when it is converted, by threads of this process or by Ray;
both find there what a killed run has done. Tables grow on the disk, not in memory, so a source may be of any size.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.atomic import atomic_write
from corpora.datasets.packs import PackFile, iter_pack
from corpora.datasets.ray_batches import require_ray, results_by_ray
from corpora.datasets.score_folders import iter_folder
from corpora.errors import InputError, PartimentoError, RequestError
from corpora.files import parse_piece
from corpora.kern_notes import read_kern_batch
from corpora.piece import KEY_DTYPE, MEASURE_DTYPE, NOTE_DTYPE, TEMPO_DTYPE, Part, Piece, Table, sort_notes
from corpora.safe_text import safe_text

__all__ = ["ENGINES", "STORE_DIVS", "NoteStore", "StoredPiece", "build_store"]

STORE_DIVS = 24
ENGINES = ("threads", "ray")
BATCH = 24  # files read together; the kern files among them share a child process
STORED_NOTE = np.dtype(
    [("onset_div", np.int32), ("duration_div", np.int32), ("pitch", np.uint8), ("velocity", np.uint8), ("part", np.uint8)]
)
STORED_MEASURE = np.dtype([("start_div", np.int32), ("end_div", np.int32), ("beats", np.int16), ("beat_type", np.int16)])
STORED_KEY = np.dtype([("onset_div", np.int32), ("fifths", np.int8), ("mode", np.int8)])
STORED_TEMPO = np.dtype([("onset_div", np.int32), ("quarters_per_minute", np.float32)])
WINDOW = 64  # batches that Ray has at a time
TABLES = {"notes": STORED_NOTE, "measures": STORED_MEASURE, "keys": STORED_KEY, "tempos": STORED_TEMPO}
File = tuple[PackFile, bytes | InputError]


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


def _read(batch: Sequence[File]) -> list[_Converted]:
    """Files of a source converted; the kern files of a batch share a child process."""
    kern = [(data, row.path) for row, data in batch if row.path.endswith(".krn") and isinstance(data, bytes)]
    read = dict(zip((name for _, name in kern), read_kern_batch(kern), strict=True))
    out: list[_Converted] = []
    for row, data in batch:
        piece: Piece | PartimentoError
        try:
            piece = data if isinstance(data, InputError) else read[row.path] if row.path in read else parse_piece(data, row.path)
        except PartimentoError as error:
            piece = error
        if isinstance(piece, PartimentoError):
            out.append(_Converted(row, {}, [], str(piece)))
        else:
            out.append(_Converted(row, _tables(piece), [(part.name, part.program, part.is_drum) for part in piece.parts]))
    return out


def _place(batch: Sequence[File], done: Path) -> Path:
    """Where a batch is saved once it is converted; other files, other place."""
    return done / f"{hashlib.sha256(''.join(row.path + row.sha256 for row, _ in batch).encode()).hexdigest()}.npz"


def _save(converted: Sequence[_Converted], path: Path) -> None:
    entries = [{"why": c.why, "lanes": c.lanes, "counts": {name: len(t) for name, t in c.tables.items()}} for c in converted]
    saved: dict[str, Any] = {"entries": np.array(json.dumps(entries))}
    for name, dtype in TABLES.items():
        saved[name] = np.concatenate([np.zeros(0, dtype), *(c.tables[name] for c in converted if c.tables)])
    buffer = io.BytesIO()
    np.savez(buffer, **saved)
    atomic_write(path, buffer.getvalue())


def _saved(batch: Sequence[File], path: Path) -> list[_Converted]:
    """What ``_save`` wrote of a batch."""
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


def _read_once(batch: Sequence[File], done: Path) -> list[_Converted]:
    """As ``_read``; what was converted stands in a file of the folder ``done``, from which it is taken the next time."""
    path = _place(batch, done)
    if path.exists():
        return _saved(batch, path)
    out = _read(batch)
    _save(out, path)
    return out


def _read_by_ray(batches: Iterator[list[File]], done: Path) -> Iterator[list[File]]:
    """The batches again, each saved in ``done`` before it comes: Ray converts a window of them at a time."""
    while window := list(islice(batches, WINDOW)):
        missing = [batch for batch in window if not _place(batch, done).exists()]
        for index, converted in results_by_ray(_read, missing):
            _save(converted, _place(missing[index], done))
        yield from window


def _converted(files: Iterator[File], workers: int, done: Path, engine: str) -> Iterator[_Converted]:
    """Files of a source in its order, ``workers`` batches at a time."""
    batches = iter(lambda: list(islice(files, BATCH)), [])
    if engine == "ray":
        batches = _read_by_ray(batches, done)
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[list[_Converted]]] = deque()
        for batch in batches:
            waiting.append(pool.submit(_read_once, batch, done))
            if len(waiting) > workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


class _GrowingTable:
    """Rows appended to a file, which ends as ``numpy.save`` would have written all of them."""

    def __init__(self, path: Path, dtype: np.dtype[Any]) -> None:
        self.length = 0
        self._path, self._dtype = path, dtype
        path.write_bytes(b"")

    def append(self, rows: Table) -> None:
        with self._path.open("ab") as file:
            file.write(rows.tobytes())
        self.length += len(rows)

    def finish(self, path: Path) -> None:
        header = {"descr": np.lib.format.dtype_to_descr(self._dtype), "fortran_order": False, "shape": (self.length,)}
        with self._path.open("rb") as file, path.open("wb") as out:
            np.lib.format.write_array_header_1_0(out, header)
            shutil.copyfileobj(file, out)


def _sources(
    packs: Sequence[str], folders: Sequence[Path], limits: Mapping[str, int], seed: int
) -> list[tuple[str, Iterator[File]]]:
    """Names of packs and folders, and their files."""
    named: list[tuple[str, Iterator[File]]] = [(pack, iter_pack(pack, limit=limits.get(pack), seed=seed)) for pack in packs]
    for folder in folders:
        name = folder.resolve().name
        named.append((name, iter_folder(folder, limit=limits.get(name), seed=seed)))
    twice = [name for name, count in Counter(name for name, _ in named).items() if count > 1]
    if twice:
        raise RequestError(f"two sources are called {safe_text(twice[0])}: expected a name each")
    return named


def build_store(
    folder: Path,
    packs: Sequence[str],
    *,
    folders: Sequence[Path] = (),
    limits: Mapping[str, int] | None = None,
    seed: int = 0,
    workers: int = 1,
    engine: str = "threads",
) -> dict[str, Any]:
    """Read packs and folders into a store. What a killed run has converted is found again, batch by batch, in ``FOLDER/done``.

    Args:
        folder: Of the store; made when missing, what it holds is replaced.
        packs: Names of packs.
        folders: Plain folders of score files; the name of each stands for that of a pack.
        limits: At most so many files of a source, a random sample; sources without entry come whole.
        seed: Of the sample.
        workers: Batches of files read at the same time by the engine "threads".
        engine: "threads" of this process, or "ray" for the cores of a machine or cluster. The store is the same by either.

    Returns:
        JSON values: pieces, notes and refused files by source.

    Raises:
        InputError: A pack or folder is missing or broken.
        RequestError: The engine is unknown, or two sources have one name.
        ToolError: Ray is not installed.
    """
    if engine not in ENGINES:
        raise RequestError(f"engine '{engine}' is not known: expected one of {', '.join(ENGINES)}")
    if engine == "ray":
        require_ray()
    sources = _sources(packs, folders, limits or {}, seed)
    done = folder / "done"
    done.mkdir(parents=True, exist_ok=True)
    grown = {name: _GrowingTable(done / f"{name}.rows", dtype) for name, dtype in TABLES.items()}
    lines, refused, figures = [], [], {}
    for source, files in sources:
        count = {"pieces": 0, "notes": 0, "refused": 0}
        for file in _converted(files, workers, done, engine):
            if file.why:
                refused.append({"pack": source, "path": file.row.path, "why": file.why})
                count["refused"] += 1
                continue
            places = {}
            for name, table in file.tables.items():
                places[name] = (grown[name].length, len(table))
                grown[name].append(table)
            head = {key: getattr(file.row, key) for key in ("path", "split", "work", "composer", "title")}
            lines.append({"pack": source, **head, "lanes": file.lanes, "rows": places})
            count["pieces"] += 1
            count["notes"] += len(file.tables["notes"])
        figures[source] = count
    for name, whole in grown.items():
        whole.finish(folder / f"{name}.npy")
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
