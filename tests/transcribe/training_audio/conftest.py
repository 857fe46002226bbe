"""A small pack of scores of our own, and the font that every machine has."""

from __future__ import annotations

import csv
import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from corpora.errors import ToolError
from corpora.musicxml.writer import write_musicxml
from corpora.piece import MEASURE_DTYPE, NOTE_DTYPE, Part, Piece, sort_notes
from render.fluid import fluidsynth_version

COLUMNS = ["path", "composer", "title", "work", "licence", "source_repository", "source_commit", "sha256", "bytes", "split"]
BARS = 12


@pytest.fixture(scope="session")
def synthesiser() -> None:
    """Where libfluidsynth is not installed the reason is printed."""
    try:
        fluidsynth_version()
    except ToolError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def wheel_font() -> Path:
    """TimGM6mb, from the wheel of pretty_midi."""
    return Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"


def piano_piece(seed: int) -> Piece:
    """Two staves: a melody of eighths over chords of half notes."""
    rng = np.random.default_rng(seed)
    rows = [(eighth * 2, 2, int(rng.integers(67, 84)), 80, 0, 1) for eighth in range(8 * BARS)]
    for half in range(2 * BARS):
        rows += [(half * 8, 8, int(pitch), 80, 1, 1) for pitch in rng.choice(np.arange(40, 60), 3, replace=False)]
    notes = np.zeros(len(rows), dtype=NOTE_DTYPE)
    for name, column in zip(
        ("onset_div", "duration_div", "pitch", "velocity", "part", "voice"), zip(*rows, strict=True), strict=True
    ):
        notes[name] = column
    notes = sort_notes(notes)
    notes["id"] = [f"n{row}" for row in range(len(notes))]
    measures = np.zeros(BARS, dtype=MEASURE_DTYPE)
    measures["start_div"], measures["end_div"] = 16 * np.arange(BARS), 16 * np.arange(1, BARS + 1)
    measures["number"] = [str(bar + 1) for bar in range(BARS)]
    measures["beats"], measures["beat_type"] = 4, 4
    return Piece(notes, 4, (Part("Piano", "P1", 1), Part("Piano", "P1", 2)), measures)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A pack called "small" with three pieces for training."""
    folder = tmp_path_factory.mktemp("data")
    with tarfile.open(folder / "small.tar.gz", "w:gz") as archive, (folder / "small.csv").open("w", newline="") as manifest:
        rows = csv.writer(manifest)
        rows.writerow(COLUMNS)
        for seed in range(3):
            data = write_musicxml(piano_piece(seed))
            info = tarfile.TarInfo(f"{seed}.musicxml")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
            sha = hashlib.sha256(data).hexdigest()
            rows.writerow([info.name, "Anon", info.name, info.name, "CC0-1.0", "", "", sha, len(data), "train"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARTIMENTO_DATA", str(folder))
        yield "small"
