"""Relative global attention beside its naive form and x-transformers' rotary attention: time and peak memory.

One causal self-attention layer each (projections included), batch 1, 256 wide, 8 heads, one thread. ``relative`` is
``compose.music_transformer`` (fused back end for inference, skewed for training, a table of 512 distances); ``naive`` picks one
vector of the table for every pair of query and key, O(L² D) memory; ``rotary`` is ``x_transformers.Attention`` with
``RotaryEmbedding``, as it comes and with ``flash=True``. Each case runs in a process of its own. Time is processor time, so other
work on the machine counts little: the median of the repeats after a warm-up. Memory is the growth of the peak resident set.

Run: ``python tests/bench/bench_attention.py [--repeats 5] [--output tests/bench/results/attention.md]``
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
from torch import Tensor

from compose.music_transformer import MusicTransformerConfig, RelativeGlobalAttention, attend_sdpa, attend_skew

LENGTHS = (256, 512, 1024, 2048, 4096)
KINDS = ("relative", "naive", "rotary", "rotary flash")
MODES = ("inference", "training step")
EMBED_DIM, NUM_HEADS, MAX_DISTANCE = 256, 8, 512
# inference: at 2048 the tensor of picked vectors alone takes 4 GiB; training: its backward pass, a scatter, takes minutes at 1024
NAIVE_LIMIT = {"inference": 1024, "training step": 512}
SEED = 20261122


def attend_naive(query: Tensor, key: Tensor, value: Tensor, table: Tensor | None) -> Tensor:
    """The direct gather that skewing avoids: a (head, query, key, dim) tensor."""
    assert table is not None
    places = torch.arange(query.shape[2])[:, None] - torch.arange(key.shape[2])[None]
    vectors = table[:, places.clamp(0, table.shape[1] - 1)]
    logits = (query @ key.transpose(2, 3) + torch.einsum("bhqd,hqkd->bhqk", query, vectors)) / math.sqrt(query.shape[-1])
    return logits.masked_fill(places < 0, -math.inf).softmax(-1) @ value


def build(kind: str, mode: str) -> Callable[[Tensor], Tensor]:
    if kind.startswith("rotary"):
        from x_transformers.x_transformers import Attention, RotaryEmbedding

        head_dim = EMBED_DIM // NUM_HEADS
        layer = Attention(EMBED_DIM, dim_head=head_dim, heads=NUM_HEADS, causal=True, flash=kind.endswith("flash"))
        rotary = RotaryEmbedding(head_dim)
        return lambda x: layer(x, rotary_pos_emb=rotary.forward_from_seq_len(x.shape[1]))
    config = MusicTransformerConfig(embed_dim=EMBED_DIM, num_heads=NUM_HEADS, max_distance=MAX_DISTANCE, dropout=0.0)
    ours = RelativeGlobalAttention(config)
    attend = attend_naive if kind == "naive" else attend_sdpa if mode == "inference" else attend_skew
    return lambda x: ours(x, attend, None, 0)


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(kind: str, mode: str, length: int, repeats: int) -> dict[str, float]:
    """Run in a child process."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    attention = build(kind, mode)
    small, x = torch.randn(1, 32, EMBED_DIM), torch.randn(1, length, EMBED_DIM)

    def step(steps: Tensor) -> None:
        if mode == "inference":
            with torch.inference_mode():
                attention(steps)
        else:
            attention(steps.requires_grad_()).square().mean().backward()

    step(small)
    before = peak_mib()
    times = []
    for _ in range(repeats + 1):
        started = time.process_time()
        step(x)
        times.append(time.process_time() - started)
    return {"seconds": median(times[1:]), "mib": peak_mib() - before}


def child(kind: str, mode: str, length: int, repeats: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", kind, mode, str(length), "--repeats", str(repeats)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(out.splitlines()[-1])
    return found


def table(repeats: int) -> list[str]:
    rows = [
        "| mode | L | " + " | ".join(f"{kind} ms | MiB" for kind in KINDS) + " | relative / rotary | relative / rotary flash |",
        "|---|---:|" + "---:|" * (2 * len(KINDS) + 2),
    ]
    for mode in MODES:
        for length in LENGTHS:
            found = {kind: child(kind, mode, length, repeats) for kind in KINDS if kind != "naive" or length <= NAIVE_LIMIT[mode]}
            cells = [f"{found[k]['seconds'] * 1000:,.1f} | {found[k]['mib']:,.0f}" if k in found else "- | -" for k in KINDS]
            ratios = [f"{found['relative']['seconds'] / found[kind]['seconds']:.2f}" for kind in ("rotary", "rotary flash")]
            rows.append(f"| {mode} | {length} | {' | '.join(cells)} | {' | '.join(ratios)} |")
            print(rows[-1], file=sys.stderr, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Relative attention beside its naive form and rotary attention.")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "attention.md")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        kind, mode, length = options.child
        print(json.dumps(measure(kind, mode, int(length), options.repeats)))
        return
    conditions = (
        f"Python {platform.python_version()}, torch {torch.__version__}, x-transformers {version('x-transformers')}, "
        f"{platform.machine()}, 1 thread, float32, seed {SEED}; processor time, median of {options.repeats}; "
        f"memory above the process before the first pass of that length."
    )
    text = "\n".join(
        ["# Attention", "", (__doc__ or "").strip().split("\n\nRun:")[0], "", *table(options.repeats), "", conditions, ""]
    )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
