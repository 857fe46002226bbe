"""What relative attention and anticipation bring: one small general model, trained alike in three settings, scored on test music.

*relative* and *absolute* differ in positions alone; *plain* learns plain continuation only, *relative* every kind of question. All
take the same number of steps of the same size on the same stores; seeds are those of the weights. Scored on pieces of the test
split: nats per note of plain continuation, and of the infills that training asks, with what surrounds them known and with nothing
known but what came before.

Run: ``python tests/bench/bench_settings.py --store FOLDER [--steps 600] [--seeds 3] [--plain-share 0.5] [--output FILE]``
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import torch

from compose.baselines.data import plain_examples, store_scores
from compose.measured_examples import Example, collate
from compose.measured_model import MeasuredModel, MeasuredModelConfig
from compose.music_transformer import MusicTransformerConfig
from compose.questions import PLAIN_SHARE, draw_question
from compose.train_chorale import note_loss, validate
from compose.train_compose import BLOCK, Source, make_block
from compose.training import TrainingPlan, train

SMALL = MusicTransformerConfig(embed_dim=128, num_layers=3, num_heads=4, feedforward_dim=512, max_distance=256, dropout=0.0)
ROWS = 2048
INFILLS, INFILL_ROWS = 120, 512
SETTINGS = ("plain", "relative", "absolute")


def train_batches(stores: Sequence[str], plain_share: float, steps: int) -> list[list[Example]]:
    """The batches that every model of a setting learns from."""
    source = Source(tuple(stores), 0, ROWS, plain_share)
    return [batch for number in range(-(-steps // BLOCK)) for batch in make_block(source, number)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", action="append", default=[])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--plain-share", type=float, default=PLAIN_SHARE, help="of the questions of relative and absolute")
    parser.add_argument("--only", action="append", choices=SETTINGS, help="settings; all when left out, plain always")
    parser.add_argument("--pieces", type=int, default=12)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    if not arguments.store:
        print("needs --store FOLDER, which 'partimento corpora store FOLDER' makes: left out")
        return
    torch.set_num_threads(1)
    scores = [score for store in arguments.store for score in store_scores(Path(store), "test", limit=arguments.pieces)]
    plain = [collate([example]) for score in scores for example in plain_examples(score, 2)]
    rng = np.random.default_rng(2)
    drawn = (draw_question(scores[int(rng.integers(len(scores)))], INFILL_ROWS, rng, plain_share=0.0) for _ in range(INFILLS))
    pairs = [(asked.example(), asked.alone().example()) for asked in drawn if asked is not None]
    infills = [(known, unknown) for known, unknown in pairs if known is not None and unknown is not None]
    tests = [plain, *([collate([pair[way]]) for pair in infills] for way in (0, 1))]
    lines = [
        f"Plain share {arguments.plain_share:g}. {arguments.steps} steps of {ROWS} rows, {SMALL.num_layers} layers of width"
        f" {SMALL.embed_dim}; nats per note on test.",
        "",
        "| seed | setting | plain continuation | against plain | infills | infills, nothing known ahead |",
        "|---|---|---|---|---|---|",
    ]
    batches = {share: train_batches(arguments.store, share, arguments.steps) for share in (1.0, arguments.plain_share)}
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        found: dict[str, list[float]] = {}
        for name in (name for name in SETTINGS if name in ("plain", *(arguments.only or SETTINGS))):
            position = "absolute" if name == "absolute" else "relative"
            share = 1.0 if name == "plain" else arguments.plain_share
            config = MeasuredModelConfig(transformer=replace(SMALL, position=position), hidden_dim=128, hints=True)
            plan = TrainingPlan(steps=arguments.steps, learning_rate=4e-3, muon=True, averaging=0.98, evaluate_every_s=1e9)
            torch.manual_seed(seed)
            model = MeasuredModel(config)
            with tempfile.TemporaryDirectory() as folder:
                examples = (collate(batch) for batch in batches[share])
                train(model, examples, note_loss, plan, Path(folder), lambda trained: {})
            found[name] = [validate(model, test)["nats_per_note"] for test in tests]
            plain_nats, known, unknown = found[name]
            beside = f"{100 * (plain_nats / found['plain'][0] - 1):+.1f} %"
            lines.append(f"| {seed} | {name} | {plain_nats:.4f} | {beside} | {known:.4f} | {unknown:.4f} |")
            print(lines[-1], flush=True)
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.output:
        arguments.output.parent.mkdir(exist_ok=True)
        arguments.output.write_text(text)


if __name__ == "__main__":
    main()
