"""Notes written a second by a whole infill, with the key/value cache and without; variations; a long region; peak memory.

Three requests without wishes: eight bars of alto and tenor of a chorale of the benchmark's valid part; both voices from its fifth
bar to its end; sixteen bars of second violin and viola of Haydn's string quartet op. 74 no. 1, first movement (both pieces from the
music21 corpus). A whole infill goes from the piece in memory to the piece with the new notes, read again from its edited file;
writing is the part between. ``no cache`` reads the whole stream again for every note. Each case runs in a process of its own, after
one small infill to warm up; memory is that process's peak resident set, libraries and model included.

Two more cases, by processor time. Variations: four of one request, which read what came before once, beside four requests of one
each. Long region: the two inner parts of the movement and itself again, with the composer's own notes as the answers (all is done
but the draw); time for a note at the beginning, in the middle and at the end.

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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

import music21
import numpy as np
import torch

from compose.canvas import STEPS_PER_QUARTER, Canvas, Note
from compose.constraints.base import Constraint
from compose.constraints.others import see_others
from compose.infilling import Request, infill_with
from compose.measured_scorer import MeasuredScorer
from compose.models import MeasuredComposer, load_model
from compose.request import always_on, find_region, make_canvas, select_lanes
from compose.sampler import SamplerSettings, Scorer, write
from compose.single_step import Floats
from compose.threads import one_thread
from compose.vocabulary.measured_fields import duration_class
from compose.writers.base import Writer
from compose.writers.measured import MeasuredWriter
from corpora.datasets.chorales import chorale_files, read_chorale
from corpora.files import read_piece
from corpora.piece import Piece, sort_notes

SEED = 7
VARIATIONS = 4
TIMED_NOTES = 100
QUARTET = Path(music21.__file__).parent / "corpus" / "haydn" / "opus74no1" / "movement1.mxl"


def _chorale() -> Piece:
    return next(c.piece for c in map(read_chorale, chorale_files("valid")) if len(c.piece.measures) >= 12)


REQUESTS: dict[str, tuple[Callable[[], Piece], str, tuple[str, str]]] = {
    "chorale, 8 bars": (_chorale, "#5-#12", ("Alto", "Tenor")),
    "chorale, 18 bars": (_chorale, "#5-#22", ("Alto", "Tenor")),
    "quartet, 16 bars": (lambda: read_piece(QUARTET), "#9-#24", ("Violin 2", "Viola")),
}
CASES = [(name, cache) for name in REQUESTS for cache in ("cache", "no cache")]


class RereadingScorer(MeasuredScorer):
    """Reads the whole stream again for every step, by torch, which does that faster than NumPy."""

    def __init__(self, composer: MeasuredComposer, writer: MeasuredWriter) -> None:
        super().__init__(composer.step, writer)
        self._torch = composer.model

    @torch.inference_mode()
    def _read(self) -> Floats:
        rows = self.writer.stream.rows
        if not self._states or self.writer.low_water != len(rows):
            self._states = [self._torch.states(torch.from_numpy(np.stack(rows))[None])[0, -1].numpy()]
            self.writer.low_water = len(rows)
        return self._states[-1]


class UncachedComposer(MeasuredComposer):
    """As the model comes, but for the cache."""

    def open(self, canvas: Canvas, constraints: Sequence[Constraint]) -> tuple[Writer, Scorer]:
        writer = MeasuredWriter(canvas, constraints)
        return writer, RereadingScorer(self, writer)


def write_once(composer: MeasuredComposer, piece: Piece, region: str, parts: tuple[str, str], seed: int) -> int:
    """The writing alone: notes written."""
    canvas, _ = make_canvas(piece, find_region(piece, region, select_lanes(piece, parts)))
    writer, scorer = composer.open(canvas, see_others(tuple(always_on(canvas, canvas.ticks_per_div))))
    with one_thread():
        write(writer, scorer, SamplerSettings(), seed)
    return len(canvas.written)


def measure(model: str, name: str, cache: str, repeats: int) -> dict[str, float]:
    """Run in a child process."""
    composer = load_model(model)
    assert isinstance(composer, MeasuredComposer)
    if cache == "no cache":
        composer = UncachedComposer(composer.name, composer.model)
    read, region, parts = REQUESTS[name]
    piece = read()
    infill_with(composer, Request(piece, "#2-#2", parts, seed=SEED))
    whole, walls, processor = [], [], []
    for seed in range(SEED, SEED + repeats):
        started = time.perf_counter()
        (answer,) = infill_with(composer, Request(piece, region, parts, seed=seed))
        whole.append((time.perf_counter() - started) / len(answer.added))
        started, started_cpu = time.perf_counter(), time.process_time()
        notes = write_once(composer, piece, region, parts, seed)
        walls.append((time.perf_counter() - started) / notes)
        processor.append((time.process_time() - started_cpu) / notes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"infill": 1 / median(whole), "wall": 1 / median(walls), "processor": 1 / median(processor), "mib": peak}


def variations(model: str, repeats: int) -> str:
    """Processor time of four requests over that of one with four variations."""
    composer = load_model(model)
    rows = ["| request | four requests of one, s | one request of four, s | ratio |", "|---|---:|---:|---:|"]
    for region in ("#9-#12", "#9-#24"):
        asked = Request(read_piece(QUARTET), region, ("Violin 2", "Viola"), seed=SEED, count=VARIATIONS)
        infill_with(composer, replace(asked, region="#2-#2", count=1))
        apart, shared = [], []
        for _ in range(repeats):
            started = time.process_time()
            alone = [infill_with(composer, replace(asked, seed=SEED + k, count=1))[0] for k in range(VARIATIONS)]
            apart.append(time.process_time() - started)
            started = time.process_time()
            together = infill_with(composer, asked)
            shared.append(time.process_time() - started)
            same = {(a.seed, a.log_likelihood) for a in alone} == {(a.seed, a.log_likelihood) for a in together}
            assert same, "a variation is not what its seed gives alone"
        ratio = median(apart) / median(shared)
        rows.append(f"| quartet, bars {region} | {median(apart):.2f} | {median(shared):.2f} | {ratio:.2f} |")
    return "\n".join(rows)


def twice(piece: Piece) -> Piece:
    """A piece and itself again, without its source."""
    piece = piece.rescaled(int(np.lcm(piece.divs_per_quarter, STEPS_PER_QUARTER)))
    end = int(piece.measures["end_div"][-1])
    bars, notes = piece.measures.copy(), piece.notes.copy()
    bars["start_div"] += end
    bars["end_div"] += end
    notes["onset_div"] += end
    notes["id"] = [f"again{index}" for index in range(len(notes))]
    measures = np.concatenate([piece.measures, bars])
    measures["number"] = [str(index) for index in range(1, len(measures) + 1)]
    return replace(piece, notes=sort_notes(np.concatenate([piece.notes, notes])), measures=measures, source=None)


def answers(writer: MeasuredWriter, notes: Sequence[Note]) -> Iterator[int]:
    """The tokens that write these notes, in order; the writer takes each before the next is made."""
    tick = writer.canvas.ticks_per_step
    for note in notes:
        while note.onset // tick >= writer.stream.chunk.start + writer.stream.chunk.length:
            yield writer.leave
        yield note.onset // tick - writer.stream.chunk.start
        yield 1 + note.lane
        yield 1 + note.pitch
        yield int(duration_class(np.array([note.duration // tick]))[0])


def long_region(model: str) -> str:
    """Milliseconds of processor time for each of ``TIMED_NOTES`` notes: the first of a long region, and the last."""
    composer, piece, parts = load_model(model), twice(read_piece(QUARTET)), ("Violin 2", "Viola")
    rows = ["| notes before | steps before | ms a note |", "|---:|---:|---:|"]
    canvas, _ = make_canvas(piece, find_region(piece, f"#9-#{len(piece.measures)}", select_lanes(piece, parts)))
    notes = [note for note in canvas.removed if note.duration]
    for before in (0, len(notes) // 2, len(notes) - TIMED_NOTES - 1):
        canvas, _ = make_canvas(piece, canvas.region)
        writer, scorer = composer.open(canvas, see_others(tuple(always_on(canvas, canvas.ticks_per_div))))
        assert isinstance(writer, MeasuredWriter)
        for token in answers(writer, notes[:before]):
            writer.push(token)
        steps = len(writer.stream.rows)
        taken = []
        with one_thread():
            for note in notes[before : before + 1 + TIMED_NOTES]:
                started = time.process_time()
                for token in answers(writer, [note]):
                    slot = writer.slot()
                    assert slot is not None
                    scorer.logits(slot)
                    writer.admits(token)
                    writer.push(token)
                taken.append(time.process_time() - started)
        rows.append(f"| {before:,} | {steps:,} | {1000 * np.mean(taken[1:]):.2f} |")  # the first reads all before it
    return "\n".join(rows)


def child(model: str, name: str, cache: str, repeats: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--model", model, "--repeats", str(repeats), "--child", name, cache]
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
        print(json.dumps(measure(options.model, *options.child, options.repeats)))
        return
    rows = [
        "| request | | notes/s, whole infill | notes/s, writing | of processor time | times no cache | peak MiB |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    found = {case: child(options.model, *case, options.repeats) for case in CASES}
    for (name, cache), figures in found.items():
        ratio = figures["processor"] / found[name, "no cache"]["processor"]
        speeds = " | ".join(f"{figures[key]:.1f}" for key in ("infill", "wall", "processor"))
        rows.append(f"| {name} | {cache} | {speeds} | {ratio:.1f} | {figures['mib']:,.0f} |")
    config = load_model(options.model).model.config  # type: ignore[attr-defined]
    conditions = (
        f"Model: {config.to_dict()}. Python {platform.python_version()}, torch {torch.__version__}, {platform.machine()}; "
        f"seeds from {SEED}, median of {options.repeats}. Times no cache are of the writing, by processor time; the others are "
        "by the clock."
    )
    more = (variations(options.model, options.repeats), long_region(options.model))
    body = "\n\n".join([(__doc__ or "").strip().split("\n\nRun:")[0], "\n".join(rows), *more, conditions])
    text = f"# Infill\n\n{body}\n"
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
