"""``measured`` beside flat ``anticipation``: nats a note and notes a second, at equal data and equal compute.

Both learn from the train split of the same stores and the same chorales, in random keys and tempos, each for ``--minutes`` of
processor time of one thread (what makes the batches of ``measured`` runs beside it and is not counted), with about as many weights;
half of what is asked is plain continuation. Scored: plain continuation of the same windows of the same test pieces, nothing known
before a window. Then each writes the same request with its cache: two inner parts of some bars of Haydn's op. 74 no. 1 (music21).

What the nats are of differs, and with it what they can be. ``measured``: the place in the bar (24 steps to the quarter), the lane,
the pitch and the duration of each note, and the bar lines; meters, keys, tempo and lanes are given. ``anticipation``: the onset in
10 ms after the note before, the duration in 10 ms, program and pitch, and the RESTs that say silence; no bars, no lanes. Neither
has velocities. So nats a note compare with that caveat only: what is common to both is "pitch".

Run: ``python tests/bench/bench_vocabularies.py --store FOLDER [--minutes 8] [--pieces 4] [--output FILE]``
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import music21
import numpy as np
import torch

from compose.flat_layouts import NOT_DECIDED, AnticipationLayout
from compose.flat_model import FlatModel, FlatModelConfig
from compose.interleave import insert_rests
from compose.measured_examples import Example, Question, collate, make_example
from compose.measured_model import MeasuredModel, MeasuredModelConfig
from compose.models import Composer, FlatComposer, MeasuredComposer
from compose.music_transformer import MusicTransformerConfig
from compose.request import always_on, find_region, make_canvas, select_lanes
from compose.sampler import SamplerSettings, write
from compose.step_scores import StepScore
from compose.threads import one_thread
from compose.train_chorale import validate
from compose.train_compose import train_compose
from compose.train_flat import as_batch, train_flat
from compose.training import TrainingPlan
from compose.vocabulary.anticipation import piece_to_events
from compose.vocabulary.arrival import MAX_TIME_TICKS
from compose.vocabulary.arrival_windows import EVENTS_PER_WINDOW, windows
from corpora.datasets.note_store import NoteStore
from corpora.files import read_piece
from corpora.piece import Piece

STACK = MusicTransformerConfig(embed_dim=128, num_layers=3, num_heads=4, feedforward_dim=512, max_distance=256, dropout=0.05)
MEASURED = MeasuredModelConfig(transformer=STACK, hidden_dim=160, hints=True)
# Steps of the flat stream lie three times as close, so its table of distances is three times as long.
FLAT = FlatModelConfig(vocabulary="anticipation", transformer=replace(STACK, max_distance=768), hidden_dim=128)
WINDOWS = 2  # of a flat batch, 1,024 ids each
ROWS = 1364  # steps of a ``measured`` batch
PLAIN_SHARE = 0.5
NOTES = 300  # of a test window
RATE = 2e-3
QUARTET = Path(music21.__file__).parent / "corpus" / "haydn" / "opus74no1" / "movement1.mxl"
PARTS = ("Violin 2", "Viola")


@dataclass(frozen=True, kw_only=True)
class ProcessorPlan(TrainingPlan):
    """A plan whose minutes are processor time of this process, from the first step on."""

    begun: list[float] = field(default_factory=list)

    def share(self, step: int, used_s: float) -> float:
        if not self.begun:
            self.begun.append(time.process_time())
        return (time.process_time() - self.begun[0]) / (60 * self.minutes)


def trained(train: Callable[[Path, TrainingPlan], Any], minutes: float) -> tuple[Any, int]:
    """A model after ``minutes`` of processor time, and how many steps those were."""
    plan = ProcessorPlan(minutes=minutes, learning_rate=RATE, averaging=0.99, evaluate_every_s=1e9, save_every_s=1e9)
    with tempfile.TemporaryDirectory() as folder:
        model, _ = train(Path(folder), plan)
        last = (Path(folder) / "curve.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    return model, int(json.loads(last)["step"])


def held_out(stores: Sequence[Path], pieces: int, windows_each: int) -> list[tuple[Piece, int, int]]:
    """Pieces of the test split with first and last bar (excluded) of their first windows of up to ``NOTES`` notes."""
    out: list[tuple[Piece, int, int]] = []
    for folder in stores:
        store = NoteStore(folder)
        for pack in sorted({piece.pack for piece in store.pieces}):
            chosen = store.select("test", [pack])
            rng = np.random.default_rng(0)
            for index in sorted(rng.choice(chosen, size=min(pieces, len(chosen)), replace=False).tolist()):
                piece = store.load(index)
                score = StepScore.of(piece)
                first, bars = 0, score.bars
                for _ in range(windows_each):
                    last = first + 1
                    while last < len(bars) and score.count(bars[first].start, bars[last].start + bars[last].length) <= NOTES:
                        last += 1
                    if first < len(bars):
                        out.append((piece, first, last))
                    first = last
    return out


def as_measured(piece: Piece, first: int, last: int) -> Example | None:
    """The window as a plain question."""
    score = StepScore.of(piece)
    end = score.bars[last - 1].start + score.bars[last - 1].length
    notes = score.window(score.bars[first].start, end)
    notes = sorted(note._replace(duration=min(note.duration, end - note.onset)) for note in notes)
    return make_example(score.parts, score.bars[: last + 1], notes, Question(tuple(range(len(score.parts))), first, last, first))


def as_flat(piece: Piece, first: int, last: int) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
    """The same notes as ids, its clock from the first; None where it lasts longer than the clock reaches."""
    bars = StepScore.of(piece).bars
    start, end = bars[first].start, bars[last - 1].start + bars[last - 1].length  # stores have one div a step
    notes = piece.notes[(piece.notes["onset_div"] >= start) & (piece.notes["onset_div"] < end) & (piece.notes["duration_div"] > 0)]
    notes["duration_div"] = np.minimum(notes["duration_div"], end - notes["onset_div"])
    events, _ = piece_to_events(piece.with_notes(notes))
    if not len(events) or events["onset_tick"][-1] - events["onset_tick"][0] >= MAX_TIME_TICKS:
        return None
    events["onset_tick"] -= events["onset_tick"][0]
    padded = insert_rests(events)
    return windows(padded, max(len(padded), EVENTS_PER_WINDOW))[0].ids


@torch.no_grad()
def flat_nats(model: FlatModel, streams: Sequence[np.ndarray[tuple[int], np.dtype[np.int64]]]) -> dict[str, float]:
    """Nats a note, in all and by field."""
    total, notes = np.zeros(len(AnticipationLayout.fields)), 0
    for stream in streams:
        inputs, targets = as_batch(AnticipationLayout, [stream])
        total += model.nats(inputs, targets).sum(dim=(0, 1)).double().numpy()
        notes += int((targets[..., -1] != NOT_DECIDED).sum())
    return {"nats_per_note": float(total.sum() / notes), **dict(zip(AnticipationLayout.names, total / notes, strict=True))}


def notes_a_second(composer: Composer, bars: int, repeats: int) -> tuple[float, float]:
    """Notes a second of processor time when writing with the cache, the median of some draws, and how many notes those were."""
    piece = read_piece(QUARTET)
    speeds, counts = [], []
    for seed in range(repeats):
        canvas, _ = make_canvas(piece, find_region(piece, f"#9-#{8 + bars}", select_lanes(piece, PARTS)))
        writer, scorer = composer.open(canvas, always_on(canvas, canvas.ticks_per_div))
        started = time.process_time()
        with one_thread():
            write(writer, scorer, SamplerSettings(), seed)
        speeds.append(len(canvas.written) / (time.process_time() - started))
        counts.append(len(canvas.written))
    return float(np.median(speeds)), float(np.median(counts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, action="append", default=[])
    parser.add_argument("--minutes", type=float, default=8.0, help="of processor time, for each model")
    parser.add_argument("--pieces", type=int, default=4, help="test pieces of each pack")
    parser.add_argument("--windows", type=int, default=2, help="windows of each test piece")
    parser.add_argument("--bars", type=int, default=8, help="of the request that is written")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    if not arguments.store:
        print("needs --store FOLDER, which 'partimento corpora store FOLDER' makes: left out")
        return
    torch.set_num_threads(1)
    stores = [str(store) for store in arguments.store]
    pairs = [(as_measured(*w), as_flat(*w)) for w in held_out(arguments.store, arguments.pieces, arguments.windows)]
    both = [(example, ids) for example, ids in pairs if example is not None and ids is not None]
    notes = sum(int((AnticipationLayout.read(ids).targets[:, -1] != NOT_DECIDED).sum()) for _, ids in both)

    def train_measured(folder: Path, plan: TrainingPlan) -> tuple[MeasuredModel, dict[str, float]]:
        return train_compose(folder, stores, plan, 0, MEASURED, PLAIN_SHARE, ROWS)

    def train_anticipation(folder: Path, plan: TrainingPlan) -> tuple[FlatModel, dict[str, float]]:
        return train_flat(folder, stores, plan, FLAT, 0, WINDOWS, PLAIN_SHARE)

    rows = []
    for name, train in (("measured", train_measured), ("anticipation", train_anticipation)):
        model, steps = trained(train, arguments.minutes)
        if isinstance(model, FlatModel):
            figures = flat_nats(model.eval(), [ids for _, ids in both])
            composer: Composer = FlatComposer(name, model)
        else:
            figures = validate(model.eval(), [collate([example]) for example, _ in both])
            composer = MeasuredComposer(name, model)
        speed, written = notes_a_second(composer, arguments.bars, arguments.repeats)
        size = sum(p.numel() for p in model.parameters()) / 1e6
        parts = ", ".join(f"{key} {value:.2f}" for key, value in figures.items() if key != "nats_per_note")
        rows.append(
            f"| `{name}` | {size:.1f} M | {steps} | {figures['nats_per_note']:.2f} | {parts} | {speed:.0f} | {written:.0f} |"
        )
        print(rows[-1], file=sys.stderr, flush=True)
    lines = [
        f"{arguments.minutes:g} minutes of processor time each, one thread, {platform.machine()}, load {os.getloadavg()[0]:.1f}; "
        f"Python {platform.python_version()}, torch {torch.__version__}; seed 0; {len(both)} test windows, {notes} notes.",
        "",
        "| vocabulary | weights | steps | nats per note | of these | notes per second | notes written |",
        "|---|---|---|---|---|---|---|",
        *rows,
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.output:
        arguments.output.parent.mkdir(exist_ok=True)
        arguments.output.write_text(text)


if __name__ == "__main__":
    main()
