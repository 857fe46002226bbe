"""Relative against absolute positions: the voices model of one small size, trained alike on the JSB chorales, three seeds.

    python tests/bench/bench_positions.py [--steps 300] [--seeds 3]

Runs count steps, not time, so a busy machine changes nothing. Writes tests/bench/results/positions.md. Needs PARTIMENTO_DATA.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from compose.music_transformer import MusicTransformerConfig
from compose.train_voices import train_voices
from compose.voices_model import VoicesModelConfig

RESULT = Path(__file__).parent / "results" / "positions.md"
SMALL = MusicTransformerConfig(embed_dim=96, num_layers=3, num_heads=4, feedforward_dim=384, max_distance=256, dropout=0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    rows = []
    for seed in range(options.seeds):
        nats = {}
        for position in ("relative", "absolute"):
            config = VoicesModelConfig(transformer=replace(SMALL, position=position), hidden_dim=96)
            with tempfile.TemporaryDirectory() as folder:
                model, figures = train_voices(Path(folder), 0.0, seed, config, steps=options.steps)
            nats[position] = figures["nats_per_slot"]
            parameters = sum(p.numel() for p in model.parameters())
            print(seed, position, parameters, figures, flush=True)
        rows.append(f"| {seed} | {nats['relative']:.4f} | {nats['absolute']:.4f} | {nats['absolute'] - nats['relative']:+.4f} |")
    table = [
        f"{options.steps} steps each, {SMALL.num_layers} layers of width {SMALL.embed_dim}; "
        f"torch {torch.__version__}, {platform.machine()}.",
        "",
        "| seed | relative, nats per slot (valid) | absolute | absolute - relative |",
        "|---|---|---|---|",
        *rows,
    ]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text("\n".join(table) + "\n")
    print("\n".join(table))


if __name__ == "__main__":
    main()
