"""What a single step's products cost on one core: NumPy's float32 beside torch's, int8 and bfloat16, for 1, 4 and 8 streams.

The work is all of a step but the attention over the keys: norms, projections, GELU and feed-forward of every layer of the model, so
as many products of a few vectors and a small matrix as a note takes. NumPy is what ``compose.single_step`` runs; "one at a time"
calls it once a stream, as separate variations do. int8 is torch's dynamic quantisation, weights by rows.

Run: ``python tests/bench/bench_products.py [--model general] [--repeats 30] [--output tests/bench/results/products.md]``
"""

from __future__ import annotations

import argparse
import copy
import platform
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import torch
from torch import Tensor, nn

from compose.models import MeasuredComposer, load_model
from compose.music_transformer import MusicTransformer
from compose.single_step import Floats, SingleStack, gelu
from compose.threads import one_thread

STREAMS = (1, 4, 8)
SEED = 7


class Products(nn.Module):
    """A stack without its attention: the values go straight to the output projection."""

    def __init__(self, stack: MusicTransformer) -> None:
        super().__init__()
        self.blocks = copy.deepcopy(stack.blocks)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            value = block.attention.project_in(block.attention_norm(x)).chunk(3, dim=-1)[2]  # type: ignore[union-attr, operator]
            x = x + block.attention.project_out(value)  # type: ignore[union-attr, operator]
            x = x + block.feedforward(block.feedforward_norm(x))  # type: ignore[operator]
        return x


def in_numpy(stack: SingleStack, x: Floats) -> Floats:
    """As ``Products``."""
    for layer in stack.layers:
        value = np.split(layer.project_in(layer.attention_norm(x)), 3, axis=-1)[2]
        x = x + layer.project_out(value)
        x = x + layer.narrow(gelu(layer.widen(layer.feedforward_norm(x))))
    return x


def ways(stack: MusicTransformer, x: Floats) -> dict[str, Callable[[], object]]:
    """Each way to do the work for these streams, (stream, embed)."""
    single, plain, given = SingleStack(stack), Products(stack).eval(), torch.from_numpy(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls its quantisation deprecated
        int8 = torch.ao.quantization.quantize_dynamic(plain, {nn.Linear}, torch.qint8)  # type: ignore[no-untyped-call]
    half = Products(stack).eval().bfloat16()
    small = given.bfloat16()
    np.testing.assert_allclose(plain(given).numpy(), in_numpy(single, x), atol=1e-3)
    return {
        "NumPy, float32, one at a time": lambda: [in_numpy(single, row[None]) for row in x],
        "NumPy, float32": lambda: in_numpy(single, x),
        "torch, float32": lambda: plain(given),
        "torch, int8": lambda: int8(given),
        "torch, bfloat16": lambda: half(small),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="general")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    composer = load_model(options.model)
    assert isinstance(composer, MeasuredComposer)
    width = composer.model.config.transformer.embed_dim
    found: dict[str, list[float]] = {}
    with one_thread(), torch.inference_mode():
        for streams in STREAMS:
            x = np.random.default_rng(SEED).normal(size=(streams, width)).astype(np.float32)
            works = ways(composer.model.transformer, x)
            taken: dict[str, list[float]] = {name: [] for name in works}
            for work in works.values():
                work()  # warm
            for _ in range(options.repeats):  # in turn, so that a busy machine is as busy for all
                for name, work in works.items():
                    started = time.process_time()
                    work()
                    taken[name].append(time.process_time() - started)
            for name, times in taken.items():
                found.setdefault(name, []).append(1e6 * median(times))
    rows = [f"| streams | {' | '.join(f'{streams}' for streams in STREAMS)} |", "|---|" + "---:|" * len(STREAMS)]
    rows += [f"| {name} | {' | '.join(f'{value:,.0f}' for value in values)} |" for name, values in found.items()]
    conditions = (
        f"Microseconds of processor time for all streams together, median of {options.repeats} taken in turn. "
        f"Model: {options.model}; Python {platform.python_version()}, NumPy {np.__version__}, torch {torch.__version__}, "
        f"{platform.machine()}; seed {SEED}."
    )
    text = "\n".join(
        ["# Products of a single step", "", (__doc__ or "").strip().split("\n\nRun:")[0], "", *rows, "", conditions, ""]
    )
    print(text)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
