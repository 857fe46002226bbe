"""The packs: collections of scores, each a ``NAME.tar.gz`` with a manifest ``NAME.csv``, in the data folder.

A manifest row tells of one file its path in the archive, composer, title, work, licence, source and commit, sha256, size and
split. ``work`` is the unit of the split: no work is in two splits. Archives are read in order, in memory, one file at a time;
nothing is unpacked to disk, and every file that is handed out has the size and the sha256 of its row.
"""

from __future__ import annotations

import csv
import hashlib
import random
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from corpora.datasets.folder import data_dir
from corpora.errors import InputError, PartimentoError
from corpora.gate.score import check_score
from corpora.musicxml.reader import read_musicxml

__all__ = [
    "Pack",
    "PackCheck",
    "PackFile",
    "PackListing",
    "PackStatistics",
    "corpora_list",
    "corpora_stats",
    "corpora_verify",
    "find_pack",
    "iter_pack",
    "list_packs",
]

SPLITS = ("train", "valid", "test")
ARCHIVE_SUFFIX = ".tar.gz"
MAX_FILE_BYTES = 64 << 20
ARCHIVE_ERRORS = (tarfile.TarError, OSError, EOFError, zlib.error)


@dataclass(frozen=True)
class PackFile:
    """One row of a manifest; the fields are its columns."""

    path: str
    composer: str
    title: str
    work: str
    licence: str
    source_repository: str
    source_commit: str
    sha256: str
    bytes: int
    split: str


@dataclass(frozen=True)
class Pack:
    """A pack on disk.

    Args:
        name: Name of archive and manifest.
        archive: The .tar.gz file.
        files: Rows of the manifest, in its order.
    """

    name: str
    archive: Path
    files: tuple[PackFile, ...]


@dataclass(frozen=True)
class PackListing:
    """What ``partimento corpora list`` shows of a pack; ``splits`` is the number of files in each."""

    name: str
    formats: str
    files: int
    works: int
    composers: int
    megabytes: float  # of the archive, 10^6 bytes
    licence: str
    splits: str


@dataclass(frozen=True)
class PackCheck:
    """How a pack's archive agrees with its manifest; ``first_problem`` is "" when it does."""

    name: str
    files: int
    changed: int
    missing: int
    extra: int
    whole: bool
    first_problem: str


@dataclass(frozen=True)
class PackStatistics:
    """Counts of one split of a pack.

    ``notes`` and ``refused`` are None unless asked for. ``notes`` counts the sounding notes of MusicXML files (tied notes once),
    and of kern files, roughly, the tokens that may be a note or rest. ``refused`` counts the files that cannot be read.
    """

    pack: str
    split: str
    files: int
    works: int
    composers: int
    bytes: int
    notes: int | None = None
    refused: int | None = None


def _read_manifest(path: Path) -> tuple[PackFile, ...]:
    """The rows of a manifest, each checked."""
    names = [field.name for field in fields(PackFile)]
    rows: list[PackFile] = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames != names:
                raise InputError(f"{path}: expected the columns {', '.join(names)}")
            for number, row in enumerate(reader, 2):
                values: dict[str, Any] = dict(row)
                try:
                    rows.append(PackFile(**{**values, "bytes": int(values["bytes"])}))
                except (TypeError, ValueError):
                    raise InputError(f"{path}: line {number}: expected {len(names)} columns and a size in bytes") from None
                if rows[-1].split not in SPLITS or not 0 <= rows[-1].bytes <= MAX_FILE_BYTES:
                    raise InputError(f"{path}: line {number}: expected a split of {', '.join(SPLITS)} and a size below 64 MiB")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: the manifest cannot be read: {error}") from None
    if len({row.path for row in rows}) != len(rows):
        raise InputError(f"{path}: a path stands there twice")
    return tuple(rows)


def _names(folder: Path) -> list[str]:
    names = (path.name.removesuffix(ARCHIVE_SUFFIX) for path in folder.glob(f"*{ARCHIVE_SUFFIX}"))
    return sorted(name for name in names if (folder / f"{name}.csv").is_file())


def find_pack(name: str, folder: str | Path | None = None) -> Pack:
    """The pack of this name; ``folder`` as in ``data_dir``.

    Raises:
        InputError: there is no such pack, or its manifest is broken.
    """
    where = data_dir(folder)
    names = _names(where)
    if name not in names:
        raise InputError(f"there is no pack {name!r}: expected one of {', '.join(names) or '(none here)'}")
    return Pack(name, where / f"{name}{ARCHIVE_SUFFIX}", _read_manifest(where / f"{name}.csv"))


def list_packs(folder: str | Path | None = None) -> list[Pack]:
    """All packs of the folder by name; ``folder`` as in ``data_dir``."""
    return [find_pack(name, folder) for name in _names(data_dir(folder))]


def _members(pack: Pack) -> Iterator[tuple[str, int, Callable[[], bytes]]]:
    """Path, size and a way to read each regular file of the archive, in order; read it before taking the next."""
    try:
        with tarfile.open(pack.archive, "r|gz") as archive:
            for member in archive:
                if member.isfile():
                    stream = archive.extractfile(member)
                    assert stream is not None  # it is a regular file
                    yield member.name, member.size, stream.read
    except ARCHIVE_ERRORS as error:
        raise InputError(f"{pack.archive}: the archive is broken: {error}") from None


def iter_pack(
    name: str,
    *,
    split: str | None = None,
    limit: int | None = None,
    seed: int | None = None,
    where: Callable[[PackFile], bool] | None = None,
    folder: str | Path | None = None,
) -> Iterator[tuple[PackFile, bytes]]:
    """Files of a pack in the order of its archive, each with its row; reading stops after the last one wanted.

    Args:
        name: The pack.
        split: "train", "valid" or "test"; None takes all.
        limit: At most so many files: the first of the manifest, or with a seed a random sample.
        seed: Of the sample; the same seed gives the same files.
        where: Takes only rows for which it is true, for example ``lambda row: row.composer == "Chopin, Fryderyk"``.
        folder: As in ``data_dir``.

    Raises:
        InputError: there is no such pack or split, or the archive is broken or does not agree with its manifest.
    """
    if split is not None and split not in SPLITS:
        raise InputError(f"expected a split of {', '.join(SPLITS)}, came {split!r}")
    pack = find_pack(name, folder)
    rows = [row for row in pack.files if split in (None, row.split) and (where is None or where(row))]
    if limit is not None and limit < len(rows):
        rows = rows[: max(limit, 0)] if seed is None else random.Random(seed).sample(rows, max(limit, 0))
    wanted = {row.path: row for row in rows}
    if not wanted:
        return
    for path, size, read in _members(pack):
        row = wanted.pop(path, None)
        if row is None:
            continue
        if size != row.bytes:
            raise InputError(f"{pack.archive}: {path}: expected {row.bytes} bytes, came {size}")
        data = read()
        if hashlib.sha256(data).hexdigest() != row.sha256:
            raise InputError(f"{pack.archive}: {path}: the sha256 is not that of the manifest")
        yield row, data
        if not wanted:
            return
    raise InputError(f"{pack.archive}: {min(wanted)} is missing")


def corpora_list(folder: str | Path | None = None) -> list[PackListing]:
    """What each pack holds, its licence, and how it is split."""
    listings: list[PackListing] = []
    for pack in list_packs(folder):
        splits = Counter(row.split for row in pack.files)
        listings.append(
            PackListing(
                name=pack.name,
                formats=", ".join(sorted({Path(row.path).suffix.removeprefix(".") for row in pack.files})),
                files=len(pack.files),
                works=len({row.work for row in pack.files}),
                composers=len({row.composer for row in pack.files}),
                megabytes=round(pack.archive.stat().st_size / 1e6, 1),
                licence=", ".join(sorted({row.licence for row in pack.files})),
                splits=" / ".join(f"{split} {splits[split]}" for split in SPLITS),
            )
        )
    return listings


def _check_pack(pack: Pack) -> PackCheck:
    left = {row.path: row for row in pack.files}
    changed = extra = 0
    problems: list[str] = []
    try:
        for path, size, read in _members(pack):
            row = left.pop(path, None)
            if row is None:
                extra += 1
                problems.append(f"{path} is not in the manifest")
            elif size != row.bytes or hashlib.sha256(read()).hexdigest() != row.sha256:
                changed += 1
                problems.append(f"{path} is not the file of the manifest")
    except InputError as error:
        problems.append(str(error))
    problems += [f"{path} is missing" for path in list(left)[:1]]
    return PackCheck(pack.name, len(pack.files), changed, len(left), extra, not problems, problems[0] if problems else "")


def corpora_verify(folder: str | Path | None = None) -> list[PackCheck]:
    """Compare every file of every pack with its manifest: size, sha256, nothing missing, nothing extra."""
    return [_check_pack(pack) for pack in list_packs(folder)]


def _count_notes(data: bytes, name: str) -> int:
    score = check_score(data, name)
    if score.format == "musicxml":
        return len(read_musicxml(score.data, name).notes)
    return score.extent.notes


def corpora_stats(folder: str | Path | None = None, *, notes: bool = False) -> list[PackStatistics]:
    """Files, works, composers and bytes of every split of every pack.

    Args:
        folder: As in ``data_dir``.
        notes: Also read every file and count its notes: many minutes.
    """
    statistics: list[PackStatistics] = []
    for pack in list_packs(folder):
        counts: Counter[str] = Counter()
        refused: Counter[str] = Counter()
        if notes:
            for row, data in iter_pack(pack.name, folder=folder):
                try:
                    counts[row.split] += _count_notes(data, row.path)
                except PartimentoError:
                    refused[row.split] += 1
        for split in SPLITS:
            rows = [row for row in pack.files if row.split == split]
            statistics.append(
                PackStatistics(
                    pack=pack.name,
                    split=split,
                    files=len(rows),
                    works=len({row.work for row in rows}),
                    composers=len({row.composer for row in rows}),
                    bytes=sum(row.bytes for row in rows),
                    notes=counts[split] if notes else None,
                    refused=refused[split] if notes else None,
                )
            )
    return statistics
