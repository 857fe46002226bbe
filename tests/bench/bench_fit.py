"""How near ``fit_performance`` comes to velocities, onsets, tuning and part gains that were hidden in recordings.

Half a minute of a Bach chorale (piano), and of a Haydn quartet (strings), both of the music21 corpus, each with velocities evenly
from 30 to 115 (their mean being the score's, which is the convention), onsets up to 25 ms off, a tuning up to 30 cents off and part
gains of -6 to 6 dB. Recorded by our sampler, which the fit plays with too; by FluidSynth, whose envelopes and filters are other
ones; with a hall around them; with noise 40 dB below; and with another font. *Before* is the score as it stands.

Run: ``python tests/bench/bench_fit.py [--seeds 1] [--font OTHER.sf2] [--output tests/bench/results/fit.md]``
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1] / "render" / "fit"))

import music21
import numpy as np
from conftest import FONT, RATE_HZ, Hidden, hide, record
from numpy.typing import NDArray

from corpora.audio import Audio
from corpora.files import read_piece
from corpora.piece import Piece
from render.fit import fit_performance
from render.mix import MixSettings, mixdown
from render.played import PlayedMusic

CORPUS = Path(music21.__file__).parent / "corpus"
MUSIC = {
    "chorale": ("bach/bwv66.6.mxl", (0, 0, 0, 0), 1.4),  # slower than the file's 96, so that it lasts half a minute
    "quartet": ("haydn/opus74no1/movement1.mxl", (40, 40, 41, 42), 1.0),
}
SECONDS = 30.0
NOISE_DB = -40.0
Gains = NDArray[np.float64]
FLUIDSYNTH = partial(record, engine="soundfont")


def score_of(name: str) -> Piece:
    """A score of four parts, played by some programs."""
    file, programs, slower = MUSIC[name]
    piece = read_piece(CORPUS / file)
    tempos = piece.tempos.copy()
    tempos["quarters_per_minute"] /= slower
    parts = tuple(replace(part, program=program) for part, program in zip(piece.parts, programs, strict=True))
    return replace(piece, parts=parts, tempos=tempos, source=None)


def in_a_hall(player: Callable[[PlayedMusic, Gains], Audio]) -> Callable[[PlayedMusic, Gains], Audio]:
    """What a player makes, in the hall of the house's mix."""

    def wet(played: PlayedMusic, gains_db: Gains) -> Audio:
        dry = player(played, gains_db)
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "dry.f32", Path(folder) / "wet.f32"
            np.ascontiguousarray(dry.samples.T, dtype="<f4").tofile(source)
            settings = MixSettings(room="hall", lufs=None, true_peak_dbtp=None, gain_db=0.0)
            mixdown([source], target, sample_rate_hz=dry.sample_rate_hz, settings=settings)
            frames = np.fromfile(target, dtype="<f4").reshape(-1, 2)
        return Audio(np.ascontiguousarray(frames.T), dry.sample_rate_hz)

    return wet


def with_noise(played: PlayedMusic, gains_db: Gains) -> Audio:
    """FluidSynth with white noise under it."""
    clean = FLUIDSYNTH(played, gains_db).samples
    noise = np.random.default_rng(0).standard_normal(clean.shape) * clean.std() * 10.0 ** (NOISE_DB / 20.0)
    return Audio(np.asarray(clean + noise, dtype=np.float32), played.sample_rate_hz)


def row(name: str, what: str, hidden: Hidden) -> str:
    """A line of the table."""
    started, wall = time.process_time(), time.perf_counter()
    fit = fit_performance(hidden.score, hidden.audio, font=FONT)
    cpu_s, wall_s = time.process_time() - started, time.perf_counter() - wall
    velocity, onset_ms, tuning, gain_db = hidden.errors(fit)
    marks = np.array([note.score_velocity for note in fit.notes])
    told = sum(note.velocity_is_told for note in fit.notes)
    cells = (
        name,
        what,
        f"{len(fit.notes)} ({told})",
        f"{np.abs(marks - hidden.velocities).mean():.1f} → {velocity:.1f}",
        f"{1e3 * np.abs(hidden.shifts_s).mean():.1f} → {onset_ms:.1f}",
        f"{abs(hidden.tuning_cents):.1f} → {tuning:.2f}",
        f"{np.abs(hidden.gains_db - hidden.gains_db.mean()).max():.1f} → {gain_db:.1f}",
        f"{fit.loss_before:.2f} → {fit.loss_after:.2f}",
        f"{fit.likeness:.2f}",
        f"{cpu_s:.0f} ({wall_s:.0f})",
    )
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--font", type=Path, help="another font to record with")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    recordings: dict[str, Callable[[PlayedMusic, Gains], Audio]] = {
        "sampler": record,
        "FluidSynth": FLUIDSYNTH,
        "sampler, hall": in_a_hall(record),
        "FluidSynth, hall": in_a_hall(FLUIDSYNTH),
        "FluidSynth, noise": with_noise,
    }
    if arguments.font is not None:
        recordings[f"sampler, {arguments.font.stem}"] = partial(record, font=arguments.font)
    lines = [
        f"Fitted with {FONT.stem} at 22,050 Hz, one thread; recordings at {RATE_HZ:,} Hz. {platform.machine()},"
        f" {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}; load {os.getloadavg()[0]:.0f}."
        " Errors are mean absolute ones over all notes (the tuning's: of the whole; gains': the largest), before → after.",
        "",
        "| music | recording | notes (told) | velocity | onset (ms) | tuning (cents) | gains (dB) | loss | likeness"
        " | processor s (wall s) |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    print(*lines, sep="\n")
    for name in MUSIC:
        for what, player in recordings.items():
            for seed in range(arguments.seeds):
                lines.append(row(name, what, hide(score_of(name), seed, by=player, until_s=SECONDS)))
                print(lines[-1], flush=True)
    if arguments.output is not None:
        arguments.output.write_text("\n".join([f"# {(__doc__ or '').splitlines()[0]}", "", *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
