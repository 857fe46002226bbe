"""Performances with known velocities, onsets, tuning and part gains, and their sound."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
from numpy.typing import NDArray

from corpora.audio import Audio
from corpora.piece import Piece
from render.engines import find_engine, stem_file
from render.fit import Fit, fit_performance
from render.played import PlayedMusic, play

RATE_HZ = 44_100
FONT = Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"  # the font that is on every machine
SOFTEST, LOUDEST = 30, 115


@dataclass(frozen=True, eq=False)
class Hidden:
    """What a recording was made with; notes in the order of the played score."""

    score: Piece
    audio: Audio
    velocities: NDArray[np.float64]
    shifts_s: NDArray[np.float64]
    tuning_cents: float
    gains_db: NDArray[np.float64]

    def errors(self, fit: Fit) -> tuple[float, float, float, float]:
        """Mean absolute error of velocities and of onsets in ms; error of the tuning; largest of the parts' gains in dB."""
        velocities = np.array([note.velocity for note in fit.notes]) - self.velocities
        shifts = np.array([note.shift_ms for note in fit.notes]) - 1e3 * self.shifts_s
        gains = np.array(list(fit.part_gains_db.values())) - (self.gains_db - self.gains_db.mean())
        return (
            float(np.abs(velocities).mean()),
            float(np.abs(shifts).mean()),
            abs(fit.tuning_cents - self.tuning_cents),
            float(np.abs(gains).max()),
        )


def record(played: PlayedMusic, gains_db: NDArray[np.float64], *, engine: str = "sampler", font: Path = FONT) -> Audio:
    """The sum of the stems at their gains."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        find_engine(engine)(played, folder, stems=True, font=font)
        stems = [np.fromfile(stem_file(folder, stem), dtype="<f4").reshape(-1, 2).T for stem in range(len(played.stems))]
    total = sum(stem * 10.0 ** (gain_db / 20.0) for stem, gain_db in zip(stems, gains_db.tolist(), strict=True))
    return Audio(np.asarray(total, dtype=np.float32), played.sample_rate_hz)


def hide(
    score: Piece, seed: int, *, tuning_cents: float | None = None, by: Callable[..., Audio] = record, until_s: float = np.inf
) -> Hidden:
    """A recording of a score with velocities evenly from 30 to 115, whose mean the score's is, and onsets up to 25 ms off."""
    rng = np.random.default_rng(seed)
    played = play(score, sample_rate_hz=RATE_HZ)
    kept = set(played.notes["id"][played.notes["onset_sample"] < until_s * RATE_HZ].tolist())
    score = replace(score, notes=score.notes[np.isin(score.notes["id"], list(kept))].copy())
    score.notes["velocity"] = [72 + rank % 2 for rank in range(len(score.notes))]
    played = play(score, sample_rate_hz=RATE_HZ)
    rows = played.notes.copy()
    for stem in range(len(played.stems)):
        mine = np.flatnonzero(rows["stem"] == stem)
        rows["velocity"][mine] = rng.permutation(np.round(np.linspace(SOFTEST, LOUDEST, len(mine))))
    shifts = np.maximum(np.round(rng.uniform(-0.025, 0.025, len(rows)) * RATE_HZ).astype(np.int64), -rows["onset_sample"])
    for field in ("onset_sample", "release_sample", "end_sample"):
        rows[field] += shifts
    tuning = rng.uniform(-30.0, 30.0) if tuning_cents is None else tuning_cents
    rows["cents"] += tuning
    gains = rng.uniform(-6.0, 6.0, len(played.stems))
    order = np.lexsort((rows["key"], rows["channel"], rows["onset_sample"]))
    audio = by(replace(played, notes=rows[order]), gains)
    return Hidden(score, audio, rows["velocity"].astype(np.float64), shifts / RATE_HZ, float(tuning), gains)


@pytest.fixture(scope="session")
def small_score(make_piece: Callable[..., Piece]) -> Piece:
    """Two bars for violin and cello, 4 s."""
    tune = [(0, 4, 76, 0), (4, 4, 74, 0), (8, 6, 72, 0), (14, 2, 74, 0), (16, 4, 77, 0), (20, 4, 79, 0), (24, 8, 81, 0)]
    bass = [(0, 8, 45, 1), (8, 8, 53, 1), (16, 8, 50, 1), (24, 4, 52, 1), (28, 4, 57, 1)]
    piece = make_piece([*tune, *bass], ("Violin", "Cello"), bars=2)
    return replace(piece, parts=tuple(replace(part, program=program) for part, program in zip(piece.parts, (40, 42), strict=True)))


@pytest.fixture(scope="session")
def make_hidden() -> Callable[..., Hidden]:
    """``hide``."""
    return hide


@pytest.fixture(scope="session")
def small_hidden(small_score: Piece) -> Hidden:
    """The small score recorded."""
    return hide(small_score, 5)


@pytest.fixture(scope="session")
def small_fit(small_hidden: Hidden) -> Fit:
    """The fit of the small score to its recording."""
    return fit_performance(small_hidden.score, small_hidden.audio, font=FONT, sample_rate_hz=48_000)


@pytest.fixture(scope="session")
def recorder() -> Callable[..., Audio]:
    """``record``."""
    return record
