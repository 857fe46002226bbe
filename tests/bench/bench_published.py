"""Notes a second: our sampler and model beside the published scheme run plainly, at equal parameters and equal music.

The published scheme (arXiv 2306.08620, as its code is) writes three tokens a note and reads the whole stream again for every token.
It is run here with a network of the same stack and nearly the same number of weights: embeddings and output over its 55,028 ids are
factored to make room for them. Both write the same request: second violin and viola in sixteen bars of Haydn's quartet op. 74 no. 1
(music21). The plain scheme's time for a note is three forward passes at the mean length of its stream: three tokens for each
note that our writer has in its stream half-way. Nothing else of the scheme (masks, drawing) is counted against it.

Run: ``python tests/bench/bench_published.py [--repeats 3] [--output tests/bench/results/published.md]``
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

import music21
import torch
from torch import Tensor, nn

from compose.infilling import Request, infill_with
from compose.measured_model import MeasuredModel
from compose.models import MeasuredComposer, load_model
from compose.music_transformer import MusicTransformer
from compose.request import always_on, find_region, make_canvas, select_lanes
from compose.sampler import SamplerSettings, write
from compose.threads import one_thread
from compose.vocabulary.arrival import NUM_IDS
from compose.vocabulary.measured_fields import CHUNK_STEPS, CONTROL
from corpora.files import read_piece

QUARTET = Path(music21.__file__).parent / "corpus" / "haydn" / "opus74no1" / "movement1.mxl"
PARTS = ("Violin 2", "Viola")
FACTOR = 48


class PlainScheme(nn.Module):
    """The stack of a measured model over flat triples."""

    def __init__(self, model: MeasuredModel) -> None:
        super().__init__()
        width = model.config.transformer.embed_dim
        self.small = nn.Embedding(NUM_IDS, FACTOR)
        self.up, self.down = nn.Linear(FACTOR, width), nn.Linear(width, FACTOR)
        self.stack = MusicTransformer(model.config.transformer, backend="sdpa")

    def forward(self, ids: Tensor) -> Tensor:
        states: Tensor = self.stack(self.up(self.small(ids)))[:, -1]
        return self.down(states) @ self.small.weight.T


def _seconds(work: object, repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()  # type: ignore[operator]
        taken.append(time.perf_counter() - started)
    return median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="general")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    composer = load_model(options.model)
    assert isinstance(composer, MeasuredComposer)
    piece = read_piece(QUARTET)
    infill_with(composer, Request(piece, "#2-#3", PARTS))  # warm
    speeds, lengths = [], []
    for seed in range(options.repeats):
        canvas, _ = make_canvas(piece, find_region(piece, "#9-#24", select_lanes(piece, PARTS)))
        writer, scorer = composer.open(canvas, always_on(canvas, canvas.ticks_per_div))
        started = time.perf_counter()
        with one_thread():
            write(writer, scorer, SamplerSettings(), seed)
        speeds.append(len(canvas.written) / (time.perf_counter() - started))
        kinds = [int(row[0]) for row in writer.stream.rows]  # type: ignore[attr-defined]
        notes = sum(kind < CHUNK_STEPS or kind == CONTROL for kind in kinds)
        lengths.append(notes - len(canvas.written) // 2)
    ours, length = median(speeds), 3 * int(median(lengths))
    plain = PlainScheme(composer.model).eval()
    ids = torch.randint(0, 10_000, (1, length))
    with torch.inference_mode():
        plain(ids)
        each = _seconds(lambda: plain(ids), 5)
    theirs = 1 / (3 * each)
    sizes = [sum(p.numel() for p in m.parameters()) / 1e6 for m in (composer.model, plain)]
    whole = _seconds(lambda: infill_with(composer, Request(piece, "#9-#12", PARTS, count=3)), 1)
    text = (
        "| sampler | weights | stream | notes per second |\n|---|---|---|---|\n"
        f"| ours | {sizes[0]:.1f} M | {length // 3} notes, one step each, cached | {ours:.0f} |\n"
        f"| published scheme, plainly | {sizes[1]:.1f} M | {length} tokens, read anew for each | {theirs:.1f} |\n"
        f"| ratio | | | {ours / theirs:.0f} |\n\n"
        f"Four bars of both parts with three variations, from the piece in memory to edited files: {whole:.1f} s.\n"
    )
    print(text)
    if options.output:
        options.output.parent.mkdir(exist_ok=True)
        options.output.write_text(text)


if __name__ == "__main__":
    main()
