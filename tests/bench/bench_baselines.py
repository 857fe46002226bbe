"""Nats per note of plain continuation: the general model beside n-grams, Bengio's network and an LSTM, on the same test music.

Every model is scored on the same decisions of the same windows (``compose.baselines``): next place or bar line, lane, pitch and
duration of every note, with nothing known ahead. The networks are trained here, each for ``--minutes`` of processor time of one
thread on the stores' train split in random keys; the n-gram takes every piece once. The test windows come from the stores' test
split, ``--pieces`` of each pack, the first windows of each.

Run: ``python tests/bench/bench_baselines.py --store FOLDER [--store FOLDER] [--minutes 30] [--output FILE]``
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import torch
from torch import Tensor, nn

from compose.baselines.data import flat_batches, plain_examples, plain_streams, stack_streams, store_scores
from compose.baselines.flat_stream import FlatStream, flatten
from compose.baselines.networks import NeuralProbabilisticLM, RecurrentLM, flat_nats
from compose.baselines.ngram import NGram
from compose.measured_examples import Example, collate
from compose.measured_model import MeasuredModel
from compose.models import MeasuredComposer, load_model
from compose.train_chorale import validate
from compose.training import fast_bfloat16
from corpora.datasets.note_store import NoteStore

BATCH, LENGTH = 32, 192
RATE = 3e-3
# One wide layer: in the first minutes on one core it is half a nat an id ahead of two layers, and of three more.
NETWORKS = {
    "neural probabilistic LM": NeuralProbabilisticLM,
    "LSTM (Performance RNN)": lambda: RecurrentLM(hidden_dim=768, num_layers=1),
}


def test_examples(stores: Sequence[Path], pieces: int, windows: int) -> dict[str, list[Example]]:
    """Windows of the test split by pack."""
    out: dict[str, list[Example]] = {}
    for store in stores:
        for pack in sorted({piece.pack for piece in NoteStore(store).pieces}):
            scores = store_scores(store, "test", [pack], pieces)
            out[pack] = [example for score in scores for example in plain_examples(score, windows)]
    return {pack: examples for pack, examples in out.items() if examples}


def train_streams(stores: Sequence[Path], pieces: int) -> list[FlatStream]:
    scores = (score for store in stores for score in store_scores(store, "train", limit=pieces))
    return [stream for score in scores for stream in plain_streams(score)]


def train_network(model: nn.Module, streams: Sequence[FlatStream], minutes: float, folder: Path | None) -> int:
    """Steps made in ``minutes`` of processor time."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.05)
    batches = flat_batches(streams, BATCH, LENGTH)
    autocast = fast_bfloat16(torch.device("cpu"))
    started, steps, running = time.process_time(), 0, 0.0
    model.train()
    while (share := (time.process_time() - started) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(share / 0.03 + 0.01, 1) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))
        ids, scored = next(batches)
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            logits: Tensor = model(ids)
        loss = flat_nats(logits, ids, scored).sum() / scored.sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        steps += 1
        running = 0.95 * running + 0.05 * float(loss.detach())
        if steps % 50 == 0:
            print(f"{type(model).__name__} step {steps} share {share:.2f} nats per id {running:.3f}", file=sys.stderr, flush=True)
    if folder is not None:
        torch.save(model.state_dict(), folder / f"{type(model).__name__}.pt")
    return steps


@torch.no_grad()
def network_nats(model: nn.Module, streams: Sequence[FlatStream]) -> float:
    model.eval()
    total = 0.0
    for stream in streams:
        ids, scored = stack_streams([stream])
        total += float(flat_nats(model(ids), ids, scored).sum())
    return total / sum(stream.notes for stream in streams)


def measured_nats(model: MeasuredModel, examples: Sequence[Example]) -> float:
    return validate(model, [collate([example]) for example in examples])["nats_per_note"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, action="append", default=[])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--pieces", type=int, default=8, help="test pieces of each pack")
    parser.add_argument("--windows", type=int, default=2, help="windows of each test piece")
    parser.add_argument("--train-pieces", type=int, default=0, help="train pieces of each store; 0 takes all")
    parser.add_argument("--model", default="general")
    parser.add_argument("--only", action="append", default=[], help="ngram, nplm, lstm or model; all when left out")
    parser.add_argument("--keep", type=Path, help="folder for the trained networks")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    if not arguments.store:
        print("needs --store FOLDER, which 'partimento corpora store FOLDER' makes: left out")
        return
    torch.manual_seed(0)
    torch.set_num_threads(1)
    wanted = set(arguments.only) or {"ngram", "nplm", "lstm", "model"}
    tests = test_examples(arguments.store, arguments.pieces, arguments.windows)
    flat = {pack: [flatten(example) for example in examples] for pack, examples in tests.items()}
    every = [stream for streams in flat.values() for stream in streams]
    streams = train_streams(arguments.store, arguments.train_pieces) if wanted - {"model"} else []
    notes = sum(stream.notes for stream in streams)
    print(f"{notes} notes to learn from, {sum(s.notes for s in every)} test notes", file=sys.stderr, flush=True)
    rows: list[tuple[str, str, dict[str, float]]] = []
    if "ngram" in wanted:
        started = time.process_time()
        found = NGram(streams).nats(every)
        taken = time.process_time() - started
        per_pack, place = {}, 0
        for pack, mine in flat.items():
            per_pack[pack] = float(sum(found[place + i].sum() for i in range(len(mine))) / sum(s.notes for s in mine))
            place += len(mine)
        rows.append(("12-gram, Witten-Bell", f"{taken / 60:.0f} min in all", per_pack))
    for name, kind in NETWORKS.items():
        if {"neural probabilistic LM": "nplm", "LSTM (Performance RNN)": "lstm"}[name] in wanted:
            model = kind()
            steps = train_network(model, streams, arguments.minutes, arguments.keep)
            size = sum(p.numel() for p in model.parameters()) / 1e6
            rows.append(
                (
                    f"{name}, {size:.1f} M",
                    f"{arguments.minutes:g} min, {steps} steps",
                    {pack: network_nats(model, mine) for pack, mine in flat.items()},
                )
            )
    if "model" in wanted:
        composer = load_model(arguments.model)
        assert isinstance(composer, MeasuredComposer)
        size = sum(p.numel() for p in composer.model.parameters()) / 1e6
        rows.append(
            (
                f"{composer.name}, {size:.1f} M",
                "see its card",
                {pack: measured_nats(composer.model, e) for pack, e in tests.items()},
            )
        )
    weights = np.array([sum(s.notes for s in mine) for mine in flat.values()], dtype=np.float64)
    lines = [f"| model | training | {' | '.join(flat)} | all |", "|---" * (len(flat) + 3) + "|"]
    for name, training, values in rows:
        mean = float(np.average([values[pack] for pack in flat], weights=weights))
        lines.append(f"| {name} | {training} | {' | '.join(f'{values[pack]:.2f}' for pack in flat)} | {mean:.2f} |")
    text = "\n".join(lines)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
