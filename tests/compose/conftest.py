import io
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from compose.canvas import Canvas
from compose.music_transformer import ATTENTION_BACKENDS
from corpora.piece import KEY_DTYPE, MEASURE_DTYPE, NOTE_DTYPE, TEMPO_DTYPE, Part, Piece, sort_notes

Row = tuple[int, int, int, int]  # onset div, duration div, pitch, lane


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261122)


@pytest.fixture(scope="session")
def build_piece() -> Callable[..., Piece]:
    """A piece from (onset, duration, pitch, lane) rows in divs, 4/4 bars."""

    def build(
        rows: list[Row],
        parts: tuple[Part, ...] = (Part("Piano"),),
        divs_per_quarter: int = 24,
        tempos: tuple[tuple[int, float], ...] = (),
        keys: tuple[tuple[int, int, int], ...] = (),
        velocity: int = 80,
    ) -> Piece:
        notes = np.zeros(len(rows), dtype=NOTE_DTYPE)
        for index, (onset, duration, pitch, lane) in enumerate(rows):
            notes[index] = (onset, duration, pitch, velocity, lane, 0, f"n{index}", 0)
        bar = 4 * divs_per_quarter
        end = max((onset + duration for onset, duration, _, _ in rows), default=0)
        bars = np.zeros(end // bar + 1, dtype=MEASURE_DTYPE)
        for index in range(len(bars)):
            bars[index] = (index * bar, (index + 1) * bar, str(index + 1), 4, 4)
        return Piece(
            sort_notes(notes),
            divs_per_quarter,
            parts,
            bars,
            np.array(list(tempos), dtype=TEMPO_DTYPE),
            np.array(list(keys), dtype=KEY_DTYPE),
        )

    return build


@pytest.fixture(scope="session")
def long_piece(build_piece: Callable[..., Piece]) -> Piece:
    """Seven minutes for three lanes with tempo changes, rests of up to two minutes, unisons and 12-second notes."""
    rng = np.random.default_rng(7)
    rows: list[Row] = []
    onset = 0
    for index in range(1500):
        onset += int(rng.integers(0, 16))
        if index in (400, 900):
            onset += 24 * 240  # two minutes at 120
        duration = 24 * 24 if index % 100 == 50 else int(rng.integers(1, 72))
        rows.append((onset, duration, int(rng.integers(0, 128)), int(rng.integers(0, 3))))
        if index % 50 == 0:
            rows.append((onset, duration, rows[-1][2], (rows[-1][3] + 1) % 3))
    parts = (Part("Violin", program=40), Part("Violin II", program=40), Part("Kit", is_drum=True))
    return build_piece(rows, parts, tempos=((0, 96.0), (2400, 143.5), (4801, 61.7), (9000, 120.0)), keys=((0, 2, 1),))


@pytest.fixture(scope="session")
def read_chorale() -> Callable[[str], Piece]:
    """A Bach chorale out of the installed music21 by its name there, for example "bwv66.6"."""

    def read(name: str) -> Piece:
        from corpora.musicxml.reader import read_musicxml

        spec = find_spec("music21")
        assert spec is not None
        assert spec.origin is not None
        folder = Path(spec.origin).parent / "corpus" / "bach"
        with zipfile.ZipFile(io.BytesIO((folder / f"{name}.mxl").read_bytes())) as archive:
            inner = next(entry for entry in archive.namelist() if entry.endswith(".xml") and not entry.startswith("META-INF"))
            return read_musicxml(archive.read(inner), name)

    return read


@pytest.fixture(scope="session")
def chorales() -> tuple[Piece, ...]:
    """Six chorales from the training files, with a pickup or without, in 3/4 or 4/4, in divs that hold the writing grid."""
    from corpora.datasets.chorales import chorale_files
    from corpora.datasets.chorales import read_chorale as read

    wanted = ("bwv1.6", "bwv101.7", "bwv104.6", "bwv108.6", "bwv113.8", "bwv116.6")
    pieces = [read(path).piece for path in chorale_files("train") if path.stem in wanted]
    return tuple(piece.rescaled(int(np.lcm(piece.divs_per_quarter, 24))) for piece in pieces)


@pytest.fixture
def slide_context(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int, int], None]:
    """Show each step of every stack in torch what a sliding context shows it: a mask over plain attention."""

    def slide(pinned: int, context: int, block: int) -> None:
        def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
            step, other = torch.arange(query.shape[2])[:, None], torch.arange(key.shape[2])
            distance = (step - other).clamp(0, table.shape[1] - 1)
            logits = query @ key.transpose(2, 3) + torch.einsum("bhqd,hqkd->bhqk", query, table[:, distance])
            first = ((step + 1 - context) // block).clamp(min=0) * block
            seen = (other <= step) & ((other < pinned) | (other >= first))
            return (logits / query.shape[-1] ** 0.5).masked_fill(~seen, -torch.inf).softmax(-1) @ value

        for backend in ATTENTION_BACKENDS:
            monkeypatch.setitem(ATTENTION_BACKENDS, backend, attend)

    return slide


@pytest.fixture(scope="session")
def open_canvas() -> Callable[..., Canvas]:
    """A canvas whose region is whole bars (indices, the last one excluded) of some lanes, its notes taken out."""
    from compose.canvas import Region
    from compose.request import make_canvas

    def build(piece: Piece, lanes: tuple[int, ...], first: int, last: int) -> Canvas:
        scale = int(np.lcm(piece.divs_per_quarter, 24)) // piece.divs_per_quarter
        start = int(piece.measures["start_div"][first]) * scale
        end = int(piece.measures["end_div"][last - 1]) * scale
        return make_canvas(piece, Region(start, end, lanes))[0]

    return build
