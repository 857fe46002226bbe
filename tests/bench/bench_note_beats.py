"""Beats, downbeats and meters of notes alone: test-split pieces performed by rule, their beats found by one or more networks.

F1 of beats and downbeats at 70 ms, means over the pieces; the share of pieces whose commonest meter is told.

Run: ``PARTIMENTO_DATA=... python tests/bench/bench_note_beats.py [--pieces 20] [--weights beats] [--weights FOLDER]``; each
``--weights`` hears the same performances.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from corpora.datasets.folder import DATA_VARIABLE
from transcribe.beats.note_activations import load_note_beats, track_note_beats
from transcribe.beats.note_examples import BeatExample
from transcribe.beats.note_model import NoteBeatModel
from transcribe.beats.pack_training import performed_examples
from transcribe.measures.evaluate import score_times

LONGEST_S = 220.0
FILES_A_PIECE = 2  # some are too long, or do not tell beats
SEED = 1


def figures(example: BeatExample, model: NoteBeatModel) -> tuple[float, float, bool]:
    """F1 of beats and of downbeats, and whether the meter is right."""
    tracked = track_note_beats(example.notes, example.duration_s, model=model)
    beats, found = example.beats, tracked.beats
    meters = Counter(zip(beats["beats"].tolist(), beats["beat_type"].tolist(), strict=True))
    return (
        score_times(beats["time_s"], found["time_s"]).f1,
        score_times(beats["time_s"][beats["number"] == 1], found["time_s"][found["number"] == 1]).f1,
        meters.most_common(1)[0][0] == (tracked.beats_per_bar, tracked.beat_type),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=20, help="of a pack")
    parser.add_argument("--weights", action="append")
    arguments = parser.parse_args()
    if not os.environ.get(DATA_VARIABLE):
        print(f"needs {DATA_VARIABLE}: left out")
        return
    chosen: dict[str, list[BeatExample]] = defaultdict(list)
    for pack, example in performed_examples("test", FILES_A_PIECE * arguments.pieces, SEED, 2):
        if example.duration_s <= LONGEST_S and len(chosen[pack]) < arguments.pieces:
            chosen[pack].append(example)
    print("| weights | pack | pieces | beats | downbeats | meter |\n|---|---|---|---|---|---|")
    for name in arguments.weights or ["beats"]:
        model = load_note_beats(name)
        for pack, examples in chosen.items():
            beat, downbeat, meter = np.mean([figures(example, model) for example in examples], axis=0)
            print(f"| {name} | {pack} | {len(examples)} | {beat:.3f} | {downbeat:.3f} | {meter:.2f} |", flush=True)


if __name__ == "__main__":
    main()
