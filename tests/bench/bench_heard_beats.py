"""Networks of the notes' beats side by side on what they are for: music as it is heard, and scores written from true notes.

Sound of the validation split (``transcribe.training_audio.making``: piano, two or three families, with drums) is heard once by the
frame model, then its beats are found by each network with the sound's own opinion: means over the clips of the F1 of beats and of
downbeats (70 ms), and the share of right meters. Scores are performed in a steady tempo and with rubato; from their true notes each
network finds beats, and *place* is the share of notes that stand in the notation where they did, as
``transcribe.measures.round_trip`` counts them.

Run: ``PARTIMENTO_DATA=... python tests/bench/bench_heard_beats.py --font FILE [--minutes 25] [--pieces 60] [--split valid]
[--weights beats] [--weights FOLDER] [--store FOLDER]``; sound is kept where ``--store`` says, and taken from there again.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from corpora.audio import Audio
from corpora.datasets.folder import DATA_VARIABLE
from corpora.piece import Table
from corpora.process import end_with_parent
from transcribe.beats.combining import with_beats
from transcribe.beats.note_activations import load_note_beats
from transcribe.heard import HeardMusic
from transcribe.listening import transcribe
from transcribe.measures.evaluate import score_times
from transcribe.measures.measured_sound import KINDS
from transcribe.measures.round_trip import excerpt, figures_of
from transcribe.score.notate import notate
from transcribe.score.pairs import iter_pairs
from transcribe.score.performed import PerformedScore
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.making import make_store
from transcribe.training_audio.sound_store import SoundStore

PACKS = {"openscore-lieder": 0.7, "openscore-string-quartets": 0.1, "nifc-chopin-first-editions": 0.2}
SEED = 5
SECONDS = 40.0  # of a score


class Figures(NamedTuple):
    """F1 of beats and downbeats, whether the meter is right, and the share of notes in their place (NaN for sound)."""

    beats: float
    downbeats: float
    meter: float
    place: float


def beat_figures(true: Table, meter: tuple[int, int], found: HeardMusic, place: float) -> Figures:
    """Of one piece."""
    down, heard = (beats["time_s"][beats["number"] == 1] for beats in (true, found.beats))
    right = meter == (found.beats_per_bar, found.beat_type)
    return Figures(score_times(true["time_s"], found.beats["time_s"]).f1, score_times(down, heard).f1, float(right), place)


def of_clip(weights: Sequence[str], folder: Path, index: int) -> list[Figures]:
    """A clip, heard once, by each network."""
    clip = SoundStore(folder).clip(index)
    heard = transcribe(Audio(clip.sound[None], SAMPLE_RATE_HZ))
    found = [with_beats(heard.music, heard.beat_logits, model=load_note_beats(name)) for name in weights]
    return [beat_figures(clip.beats, (clip.beats_per_bar, clip.beat_type), music, np.nan) for music in found]


def of_score(weights: Sequence[str], pair: PerformedScore) -> list[Figures]:
    """A score, from its true notes, by each network."""
    pair = excerpt(pair, SECONDS)
    own = pair.heard
    bare = replace(own, beats=own.beats[:0], beats_per_bar=0, beat_type=0)
    rows = []
    for name in weights:
        music = with_beats(bare, model=load_note_beats(name))
        trip = figures_of(pair, music, notate(music))
        rows.append(beat_figures(own.beats, (own.beats_per_bar, own.beat_type), music, trip.place))
    return rows


def scores(split: str, pieces: int, *, steady: bool) -> Iterator[PerformedScore]:
    """The first stretch of each piece."""
    for pack, share in PACKS.items():
        seen: set[str] = set()
        most = max(round(share * pieces), 1)
        for row, pair in iter_pairs(pack, split, 3 * most, SEED, steady=steady):
            if row.path not in seen and len(seen) < most:
                seen.add(row.path)
                yield pair


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--font", type=Path)
    parser.add_argument("--minutes", type=float, default=25.0, help="of each kind of sound; none when 0")
    parser.add_argument("--pieces", type=int, default=60, help="none when 0")
    parser.add_argument("--split", default="valid")
    parser.add_argument("--weights", action="append")
    parser.add_argument("--store", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    if not os.environ.get(DATA_VARIABLE) or (arguments.minutes and arguments.font is None):
        print(f"needs {DATA_VARIABLE}, and a SoundFont for sound: left out")
        return
    names = arguments.weights or ["beats"]
    print("| music | pieces | weights | beats | downbeats | meter | place |\n|---|---|---|---|---|---|---|")

    def tell(kind: str, rows: list[list[Figures]]) -> None:
        for name, figures in zip(names, zip(*rows, strict=True), strict=True):
            cells = " | ".join("" if np.isnan(mean) else f"{mean:.3f}" for mean in np.mean(figures, axis=0))
            print(f"| {kind} | {len(rows)} | {name} | {cells} |", flush=True)

    context = get_context("spawn")
    with (
        ProcessPoolExecutor(arguments.workers, mp_context=context, initializer=end_with_parent) as pool,
        tempfile.TemporaryDirectory() as scratch,
    ):
        for kind in KINDS if arguments.minutes else ():
            folder = (arguments.store or Path(scratch)) / kind
            make_store(folder, fonts=[arguments.font], split=arguments.split, hours=arguments.minutes / 60, seed=SEED, kind=kind)
            clips = [index for index, clip in enumerate(SoundStore(folder).clips) if clip.rows["beats"][1]]
            tell(kind, list(pool.map(partial(of_clip, names, folder), clips)))
        for how in ("steady", "performed") if arguments.pieces else ():
            pairs = list(scores(arguments.split, arguments.pieces, steady=how == "steady"))
            tell(how, list(pool.map(partial(of_score, names), pairs)))


if __name__ == "__main__":
    main()
