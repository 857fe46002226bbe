"""Beats, downbeats and meters of notes alone: test-split pieces performed by rule, their beats found by one or more networks.

F1 of beats and downbeats at 70 ms, means over the pieces; the share of pieces whose commonest meter is told, and of those whose
beats a bar are right whatever the meter is called (2/2 and 2/4 have two). Under the table the meters that are taken for others.

Three hearings: the notes as performed; "faults", with notes missing, false, late and short as after a transcriber; and "tempo", at
0.7 to 1.4 times the tempo, as the measured sound is played (``transcribe.training_audio.performing``).

Run: ``PARTIMENTO_DATA=... python tests/bench/bench_note_beats.py [--pieces 20] [--split test] [--hearing faults] [--weights beats]
[--weights FOLDER]``; each ``--weights`` hears the same performances.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from corpora.datasets.folder import DATA_VARIABLE
from transcribe.beats.note_activations import load_note_beats, track_note_beats
from transcribe.beats.note_examples import BeatExample
from transcribe.beats.note_model import NoteBeatModel
from transcribe.beats.pack_training import performed_examples
from transcribe.beats.wishes import beats_a_bar
from transcribe.measures.evaluate import score_times

LONGEST_S = 220.0
FILES_A_PIECE = 2  # some are too long, or do not tell beats
SEED = 1
MISSING, FALSE, LATE_S, SHORTER = 0.10, 0.05, 0.010, 0.7  # shares, a standard deviation, and a factor of lengths
FALSE_STEPS = (-12, 12, 19)  # semitones from true notes
SLOWEST, FASTEST = 0.7, 1.4


class Figures(NamedTuple):
    """F1 of beats and of downbeats; the meter as written and as told."""

    beats: float
    downbeats: float
    written: tuple[int, int]
    told: tuple[int, int]

    @property
    def same_size(self) -> bool:
        """Whether bars have as many beats."""
        return self.told[1] > 0 and beats_a_bar(*self.written) == beats_a_bar(*self.told)


def faulty(example: BeatExample, rng: np.random.Generator) -> BeatExample:
    """Its notes as a transcriber might have heard them."""
    kept = rng.random(len(example.notes)) >= MISSING
    notes = example.notes[kept].copy()
    length_s = np.maximum(SHORTER * (notes["offset_s"] - notes["onset_s"]), 0.03)
    notes["onset_s"] = np.maximum(notes["onset_s"] + LATE_S * rng.standard_normal(len(notes)), 0.0)
    notes["offset_s"] = notes["onset_s"] + length_s
    false = notes[rng.random(len(notes)) < FALSE].copy()
    false["onset_s"] = rng.uniform(0.0, example.duration_s, len(false))
    false["offset_s"] = false["onset_s"] + 0.15
    false["pitch"] = np.clip(false["pitch"] + rng.choice(FALSE_STEPS, len(false)), 0, 127)
    together = np.concatenate([notes, false])
    parts = np.concatenate([example.parts[kept], np.full(len(false), -1, dtype=np.int32)])
    order = np.argsort(together["onset_s"], kind="stable")
    return BeatExample(together[order], parts[order], example.beats)


def other_tempo(example: BeatExample, rng: np.random.Generator) -> BeatExample:
    """All of it faster or slower."""
    factor = float(np.exp(rng.uniform(np.log(SLOWEST), np.log(FASTEST))))
    notes, beats = example.notes.copy(), example.beats.copy()
    for name in ("onset_s", "offset_s"):
        notes[name] /= factor
    beats["time_s"] /= factor
    return BeatExample(notes, example.parts, beats)


HEARINGS: dict[str, Callable[[BeatExample, np.random.Generator], BeatExample]] = {
    "performed": lambda example, rng: example,
    "faults": faulty,
    "tempo": other_tempo,
}


def figures(example: BeatExample, model: NoteBeatModel) -> Figures:
    """Of one piece."""
    tracked = track_note_beats(example.notes, example.duration_s, model=model)
    beats, found = example.beats, tracked.beats
    meters = Counter(zip(beats["beats"].tolist(), beats["beat_type"].tolist(), strict=True))
    return Figures(
        score_times(beats["time_s"], found["time_s"]).f1,
        score_times(beats["time_s"][beats["number"] == 1], found["time_s"][found["number"] == 1]).f1,
        meters.most_common(1)[0][0],
        (tracked.beats_per_bar, tracked.beat_type),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=20, help="of a pack")
    parser.add_argument("--split", default="test")
    parser.add_argument("--hearing", choices=sorted(HEARINGS), action="append")
    parser.add_argument("--weights", action="append")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    if not os.environ.get(DATA_VARIABLE):
        print(f"needs {DATA_VARIABLE}: left out")
        return
    chosen: dict[str, list[BeatExample]] = defaultdict(list)
    for pack, example in performed_examples(arguments.split, FILES_A_PIECE * arguments.pieces, SEED, arguments.workers):
        if example.duration_s <= LONGEST_S and len(chosen[pack]) < arguments.pieces:
            chosen[pack].append(example)
    print("| weights | heard | pack | pieces | beats | downbeats | meter | beats a bar |\n|---|---|---|---|---|---|---|---|")
    wrong: Counter[tuple[tuple[int, int], tuple[int, int]]] = Counter()
    for name in arguments.weights or ["beats"]:
        model = load_note_beats(name)
        for hearing in arguments.hearing or ["performed"]:
            for pack, examples in chosen.items():
                rng = np.random.default_rng(SEED)
                rows = [figures(HEARINGS[hearing](example, rng), model) for example in examples]
                wrong.update((row.written, row.told) for row in rows if row.written != row.told)
                means = np.mean([(row.beats, row.downbeats, row.written == row.told, row.same_size) for row in rows], axis=0)
                cells = "{:.3f} | {:.3f} | {:.2f} | {:.2f}".format(*means)
                print(f"| {name} | {hearing} | {pack} | {len(rows)} | {cells} |", flush=True)
    pairs = (f"{a}/{b} as {c}/{d} {count}" for ((a, b), (c, d)), count in wrong.most_common())
    print("\nmeters told wrongly: " + ", ".join(pairs))


if __name__ == "__main__":
    main()
