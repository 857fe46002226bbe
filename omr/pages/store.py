"""A store of system strips on disk: ``SystemStore`` reads it, also while it grows; ``StoreWriter`` makes it grow.

A store is a folder. ``systems.bin`` holds for each system its picture (16 greys, two pixels a byte, the first one high, rows padded
to whole bytes) and its signs (raw rows of ``SIGN_DTYPE``), both deflated. ``systems.jsonl`` says for each system where they lie and
what it is; its line is written last: what has no line is not there. ``jobs.jsonl`` has a line for every piece of work that is
done, and ``settings.json`` what the store was asked for.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.errors import InputError
from corpora.job_folder import JobFolder, whole_lines
from omr.pages.strips import SystemStrip
from omr.signs import SIGN_DTYPE, Signs

__all__ = ["PackedSystem", "StoreWriter", "StoredSystem", "SystemStore", "pack_system"]

STRIPS, SYSTEMS = "systems.bin", "systems.jsonl"
LEVEL = 6  # of deflate
STEP = 17  # between two of the greys that are kept
GREYS = np.arange(0, 256, STEP, dtype=np.uint8)
PAIRS = np.stack([np.repeat(GREYS, len(GREYS)), np.tile(GREYS, len(GREYS))], axis=1).view(np.uint16)[:, 0]  # by byte


@dataclass(frozen=True)
class StoredSystem:
    """One line of ``systems.jsonl``.

    Args:
        start: Its first byte in ``systems.bin``.
        image_bytes: Deflated length of its picture.
        sign_bytes: Of its signs.
        height: Of its picture in pixels.
        width: Likewise.
        interline_px: Pixels of a staff space.
        origin_px: As in ``SystemStrip``.
        middle_lines: As in ``SystemStrip``.
        signs: Number of signs.
        piece: Pack and path of the score, or how it was made.
        staves: Which staves of the score (with the parts that were chosen), from 0.
        bars: First and last bar, counted over the score from 0.
        font: Music font.
        job: The piece of work that it came from.
    """

    start: int
    image_bytes: int
    sign_bytes: int
    height: int
    width: int
    interline_px: float
    origin_px: tuple[float, float]
    middle_lines: tuple[float, ...]
    signs: int
    piece: str
    staves: tuple[int, ...]
    bars: tuple[int, int]
    font: str
    job: int


@dataclass(frozen=True)
class PackedSystem:
    """A system ready to be stored: the fields of its line except ``start`` and ``job``, and its bytes."""

    line: dict[str, Any]
    data: bytes


def pack_system(strip: SystemStrip, *, piece: str, staves: Sequence[int], bars: tuple[int, int], font: str) -> PackedSystem:
    """Deflate a strip with its signs; fields as in ``StoredSystem``."""
    height, width = strip.image.shape
    levels = ((strip.image.astype(np.uint16) + STEP // 2) // STEP).astype(np.uint8)
    if width % 2:
        levels = np.pad(levels, ((0, 0), (0, 1)), constant_values=len(GREYS) - 1)
    image = zlib.compress((levels[:, ::2] << 4 | levels[:, 1::2]).tobytes(), LEVEL)
    signs = zlib.compress(strip.signs.tobytes(), LEVEL)
    line = {
        "image_bytes": len(image),
        "sign_bytes": len(signs),
        "height": height,
        "width": width,
        "interline_px": round(float(strip.interline_px), 4),
        "origin_px": [round(float(value), 3) for value in strip.origin_px],
        "middle_lines": [round(float(value), 4) for value in strip.middle_lines],
        "signs": len(strip.signs),
        "piece": piece,
        "staves": list(staves),
        "bars": list(bars),
        "font": font,
    }
    return PackedSystem(line, image + signs)


def _stored(line: dict[str, Any]) -> StoredSystem:
    tuples = {name: tuple(line[name]) for name in ("origin_px", "middle_lines", "staves", "bars")}
    return StoredSystem(**{**line, **tuples})


class SystemStore:
    """A store opened for reading. It has the systems that were there when it was opened, and may be read from many processes.

    Args:
        folder: As ``omr.pages.making.make_store`` wrote it, or is writing it.

    Raises:
        InputError: The folder is no store, or has no system yet.
    """

    def __init__(self, folder: Path) -> None:
        self.systems = tuple(_stored(line) for line in whole_lines(folder / SYSTEMS))
        if not self.systems:
            raise InputError(f"{folder} is no store of systems: expected a folder with systems in {SYSTEMS}")
        last = self.systems[-1]
        length = last.start + last.image_bytes + last.sign_bytes
        self._data: NDArray[np.uint8] = np.memmap(folder / STRIPS, dtype=np.uint8, mode="r", shape=(length,))

    def __len__(self) -> int:
        return len(self.systems)

    def signs(self, index: int) -> Signs:
        """The signs of a system."""
        row = self.systems[index]
        start = row.start + row.image_bytes
        return np.frombuffer(zlib.decompress(self._data[start : start + row.sign_bytes].tobytes()), dtype=SIGN_DTYPE).copy()

    def image(self, index: int) -> NDArray[np.uint8]:
        """The picture of a system: grey, 0 black, shape (height, width)."""
        row = self.systems[index]
        data = zlib.decompress(self._data[row.start : row.start + row.image_bytes].tobytes())
        pairs = PAIRS[np.frombuffer(data, dtype=np.uint8)]
        return np.ascontiguousarray(pairs.view(np.uint8).reshape(row.height, -1)[:, : row.width])

    def strip(self, index: int) -> SystemStrip:
        """A system by index, as it was cut, in 16 greys."""
        row = self.systems[index]
        middle_lines = np.array(row.middle_lines, dtype=np.float32)
        return SystemStrip(self.image(index), row.interline_px, row.origin_px, self.signs(index), middle_lines)


class StoreWriter:
    """A store that grows job by job, and goes on where a killed run stopped.

    Args:
        folder: Made when missing.
        settings: JSON values that decide what is in the store.

    Raises:
        RequestError: The folder holds a store of other settings.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._folder = JobFolder(folder, settings)
        systems = [_stored(line) for line in whole_lines(folder / SYSTEMS) if line["job"] < self.jobs_done]
        self.systems = len(systems)
        self._end = systems[-1].start + systems[-1].image_bytes + systems[-1].sign_bytes if systems else 0
        self._folder.cut(STRIPS, self._end)
        self._folder.cut_lines(SYSTEMS, self.systems)

    @property
    def jobs_done(self) -> int:
        """How many jobs are done."""
        return self._folder.jobs_done

    def add(self, systems: Sequence[PackedSystem], why: str = "") -> None:
        """The systems of the next job; ``why`` says what was refused where there are none."""
        lines = []
        self._folder.append(STRIPS, b"".join(system.data for system in systems))
        for system in systems:
            row = _stored({"start": self._end, "job": self.jobs_done, **system.line})
            lines.append(json.dumps(asdict(row)) + "\n")
            self._end += len(system.data)
        self._folder.append(SYSTEMS, "".join(lines).encode())
        self._folder.finish_job({"systems": len(systems)} | ({"why": why} if why else {}))
        self.systems += len(systems)
