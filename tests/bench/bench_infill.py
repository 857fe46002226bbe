"""Notes written a second by a whole infill, with the key/value cache and without, on one thread and two; its peak memory.

The request: eight bars of alto and tenor of a chorale of the benchmark's valid part, no wishes, read from the file and written back
into it. ``no cache`` reads the whole stream again for every note (``MeasuredScorer(cached=False)``). Each case runs in a process
of its own, after one small infill to warm up; memory is that process's peak resident set, libraries and model included.

Run: ``python tests/bench/bench_infill.py [--model chorale] [--repeats 3] [--output tests/bench/results/infill.md]``
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch

from compose.canvas import Canvas
from compose.constraints.base import Constraint
from compose.infilling import Request, infill_with
from compose.measured_scorer import MeasuredScorer
from compose.models import MeasuredComposer, load_model
from compose.sampler import Scorer
from compose.writers.base import Writer
from compose.writers.measured import MeasuredWriter
from corpora.datasets.chorales import chorale_files, read_chorale

FIRST_BAR, LAST_BAR, PARTS, SEED = 5, 12, ("Alto", "Tenor"), 7
CASES = (("cache", 1), ("cache", 2), ("no cache", 1), ("no cache", 2))


class UncachedComposer(MeasuredComposer):
    """As the model comes, but for the cache."""

    def open(self, canvas: Canvas, constraints: Sequence[Constraint]) -> tuple[Writer, Scorer]:
        writer = MeasuredWriter(canvas, constraints)
        return writer, MeasuredScorer(self.model, writer, cached=False)


def measure(model: str, cache: str, threads: int, repeats: int) -> dict[str, float]:
    """Run in a child process."""
    torch.set_num_threads(threads)
    composer = load_model(model)
    assert isinstance(composer, MeasuredComposer)
    if cache == "no cache":
        composer = UncachedComposer(composer.name, composer.model)
    piece = next(c.piece for c in map(read_chorale, chorale_files("valid")) if len(c.piece.measures) >= LAST_BAR)
    infill_with(composer, Request(piece, "#1-#1", PARTS, seed=SEED))
    walls, processor, notes = [], [], []
    for repeat in range(repeats):
        started, started_cpu = time.perf_counter(), time.process_time()
        (answer,) = infill_with(composer, Request(piece, f"#{FIRST_BAR}-#{LAST_BAR}", PARTS, seed=SEED + repeat))
        walls.append((time.perf_counter() - started) / len(answer.added))
        processor.append((time.process_time() - started_cpu) / len(answer.added))
        notes.append(len(answer.added))
    return {
        "wall": 1 / median(walls),
        "processor": 1 / median(processor),
        "notes": sum(notes),
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def child(model: str, cache: str, threads: int, repeats: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--model", model, "--repeats", str(repeats), "--child", cache, str(threads)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Notes a second of a whole infill.")
    parser.add_argument("--model", default="chorale")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "infill.md")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.model, options.child[0], int(options.child[1]), options.repeats)))
        return
    rows = ["| case | threads | notes | notes/s (wall) | notes/s (processor) | peak MiB |", "|---|---:|---:|---:|---:|---:|"]
    found = {case: child(options.model, *case, options.repeats) for case in CASES}
    for (cache, threads), figures in found.items():
        speeds = f"{figures['wall']:.1f} | {figures['processor']:.1f}"
        rows.append(f"| {cache} | {threads} | {figures['notes']:.0f} | {speeds} | {figures['mib']:,.0f} |")
    ratio = found["cache", 1]["processor"] / found["no cache", 1]["processor"]
    config = load_model(options.model).model.config  # type: ignore[attr-defined]
    conditions = (
        f"With the cache {ratio:.1f} times the notes a second of processor time (1 thread). Model: {config.to_dict()}. "
        f"Python {platform.python_version()}, torch {torch.__version__}, {platform.machine()}; seeds from {SEED}, "
        f"median of {options.repeats}. Wall figures count whatever else the machine did; processor figures add up the threads."
    )
    text = "\n".join(["# Infill", "", (__doc__ or "").strip().split("\n\nRun:")[0], "", *rows, "", conditions, ""])
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
