"""A store of clips on disk: ``SoundStore`` reads it, also while it grows; ``StoreWriter`` makes it grow.

A store is a folder. ``sound.i16`` holds the samples of all clips one after the other (int16, little-endian, mono, 16 kHz), and
``notes.rows``, ``pedals.rows`` and ``beats.rows`` their labels as raw rows (``transcribe.heard``), times from a clip's start.
``clips.jsonl`` says for each clip where its samples and rows lie and what it is. A clip's line is written last: what has no line is
not there. ``jobs.jsonl`` has a line for every piece of work that is done, and ``settings.json`` what the store was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.errors import InputError
from corpora.job_folder import JobFolder, whole_lines
from transcribe.heard import BEAT_DTYPE, HEARD_DTYPE, PEDAL_DTYPE
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.clips import Clip

__all__ = ["SoundStore", "StoreWriter", "StoredClip"]

TABLES = {"notes": HEARD_DTYPE, "pedals": PEDAL_DTYPE, "beats": BEAT_DTYPE}
SOUND, CLIPS = "sound.i16", "clips.jsonl"
SAMPLE = np.dtype("<i2")


@dataclass(frozen=True)
class StoredClip:
    """One line of ``clips.jsonl``.

    Args:
        start: Its first sample in ``sound.i16``.
        samples: How many.
        rows: First row and number of rows in each table.
        job: The piece of work that it came from.
        split, piece, voice, programs, beats_per_bar, beat_type: As in ``Clip``.
    """

    start: int
    samples: int
    rows: dict[str, tuple[int, int]]
    job: int
    split: str
    piece: str
    voice: str
    programs: tuple[int, ...]
    beats_per_bar: int
    beat_type: int


def _clip(line: dict[str, Any]) -> StoredClip:
    rows = {name: (int(first), int(count)) for name, (first, count) in line.pop("rows").items()}
    return StoredClip(rows=rows, programs=tuple(line.pop("programs")), **line)


def _mapped(path: Path, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    """The first rows of a file, which may be in the middle of growing."""
    return np.memmap(path, dtype=dtype, mode="r", shape=(count,)) if count else np.zeros(0, dtype=dtype)


class SoundStore:
    """A store opened for reading; samples and rows are memory-mapped. It has the clips that were there when it was opened.

    Args:
        folder: As ``transcribe.training_audio.make_store`` wrote it, or is writing it.

    Raises:
        InputError: The folder is no store, or has no clip yet.
    """

    def __init__(self, folder: Path) -> None:
        self.clips = tuple(_clip(line) for line in whole_lines(folder / CLIPS))
        if not self.clips:
            raise InputError(f"{folder} is no store of sound: expected a folder with clips in {CLIPS}")
        last = self.clips[-1]
        self.samples: NDArray[np.int16] = _mapped(folder / SOUND, SAMPLE, last.start + last.samples)
        self._tables = {name: _mapped(folder / f"{name}.rows", dtype, sum(last.rows[name])) for name, dtype in TABLES.items()}

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def duration_s(self) -> float:
        """Of all clips together."""
        return sum(clip.samples for clip in self.clips) / SAMPLE_RATE_HZ

    def clip(self, index: int) -> Clip:
        """A clip by index; its samples are a view of the file, its tables copies."""
        row = self.clips[index]
        tables = {name: np.array(self._tables[name][first : first + count]) for name, (first, count) in row.rows.items()}
        return Clip(
            samples=self.samples[row.start : row.start + row.samples],
            beats_per_bar=row.beats_per_bar,
            beat_type=row.beat_type,
            split=row.split,
            piece=row.piece,
            voice=row.voice,
            programs=row.programs,
            **tables,
        )


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
        clips = [_clip(line) for line in whole_lines(folder / CLIPS) if line["job"] < self.jobs_done]
        last = clips[-1] if clips else None
        self.samples = last.start + last.samples if last else 0
        self.clips = len(clips)
        self._counts = {name: sum(last.rows[name]) if last else 0 for name in TABLES}
        self._folder.cut(SOUND, self.samples * SAMPLE.itemsize)
        for name, dtype in TABLES.items():
            self._folder.cut(f"{name}.rows", self._counts[name] * dtype.itemsize)
        self._folder.cut_lines(CLIPS, self.clips)

    @property
    def jobs_done(self) -> int:
        """How many jobs are done."""
        return self._folder.jobs_done

    def add(self, clips: Sequence[Clip], why: str = "") -> None:
        """The clips of the next job; ``why`` says what was refused where there are none."""
        lines = []
        self._folder.append(SOUND, b"".join(clip.samples.astype(SAMPLE).tobytes() for clip in clips))
        for name in TABLES:
            self._folder.append(f"{name}.rows", b"".join(getattr(clip, name).tobytes() for clip in clips))
        for clip in clips:
            rows = {}
            for name in TABLES:
                count = len(getattr(clip, name))
                rows[name] = (self._counts[name], count)
                self._counts[name] += count
            line: dict[str, Any] = {"start": self.samples, "samples": len(clip.samples), "rows": rows, "job": self.jobs_done}
            line |= {name: getattr(clip, name) for name in ("split", "piece", "voice", "programs", "beats_per_bar", "beat_type")}
            lines.append(json.dumps(line) + "\n")
            self.samples += len(clip.samples)
        self._folder.append(CLIPS, "".join(lines).encode())
        self._folder.finish_job({"clips": len(clips)} | ({"why": why} if why else {}))
        self.clips += len(clips)
