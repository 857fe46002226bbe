"""The general model on held-out music of every pack: likelihood, and what it writes when asked to.

*Likelihood* is nats per note by field: of plain continuation (all lanes, nothing known ahead), and of infill tasks with what
surrounds them and without it. *Writing* answers the same tasks and compares with what stood there: shares of pitch classes and
rhythms (``compose.metrics.distances``), whether all that was asked holds, how different eight variations are, and the longest run
of a written line that stands in training music. The floor is the bars before the region copied into it.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from compose.baselines.data import plain_examples
from compose.canvas import STEPS_PER_QUARTER, Canvas, Note
from compose.constraints.language import parse_constraints
from compose.constraints.others import see_others
from compose.measured_examples import Example, Question, collate, make_example
from compose.metrics.distances import diversity, pitch_class_distance, rhythm_distance
from compose.metrics.lines import LineIndex, line_symbols
from compose.models import Composer, MeasuredComposer, load_model
from compose.request import always_on, find_region, make_canvas
from compose.sampler import SamplerSettings, write
from compose.step_scores import StepScore
from compose.stream import rhythm_hint
from compose.threads import one_thread
from compose.train_chorale import validate
from compose.vocabulary.measured import LANE, NEXT
from compose.vocabulary.measured_fields import BAR
from corpora.datasets.note_store import NoteStore
from corpora.datasets.packs import iter_pack, list_packs
from corpora.errors import PartimentoError, RequestError
from corpora.files import parse_piece
from corpora.kern_notes import read_kern_notes
from corpora.piece import Piece

__all__ = ["TASKS", "Task", "evaluate_compose", "held_out", "make_tasks"]

TASKS = ("accompaniment", "inner voice", "bars of all", "one instrument", "rhythm kept")
TASK_BARS = 4
CONTEXT_BARS = 8
MAX_REGION_NOTES = 260
MIN_REGION_NOTES = 4
VARIATIONS = 8
WINDOWS = 2  # of plain continuation, each piece


@dataclass(frozen=True)
class Task:
    """A region to write.

    Args:
        name: One of ``TASKS``.
        pack: Where the piece is from.
        piece: On the writing grid.
        first: Index of the first bar.
        last: Index after the last.
        lanes: To write.
        wishes: Constraints.
    """

    name: str
    pack: str
    piece: Piece
    first: int
    last: int
    lanes: tuple[int, ...]
    wishes: tuple[str, ...] = ()

    @property
    def region(self) -> str:
        """As a request says it."""
        return f"#{self.first + 1}-#{self.last}"


def held_out(pieces: int, split: str = "test", seed: int = 0) -> Iterator[tuple[str, Piece]]:
    """Pack and piece: ``pieces`` of each pack's split, on the writing grid; files that no reader takes are left out."""
    for pack in list_packs():
        for row, data in iter_pack(pack.name, split=split, limit=pieces, seed=seed):
            name = row.path.rsplit("/", 1)[-1]
            try:
                piece = read_kern_notes(data, name) if name.endswith(".krn") else parse_piece(data, name)
            except PartimentoError:
                continue
            if len(piece.measures) >= TASK_BARS and len(piece.notes):
                yield pack.name, piece.rescaled(math.lcm(piece.divs_per_quarter, STEPS_PER_QUARTER))


def make_tasks(pack: str, piece: Piece, rng: np.random.Generator) -> list[Task]:
    """One task of each name that the piece has lanes for, each somewhere where there are notes to write."""
    score = StepScore.of(piece)
    starts = piece.measures["start_div"] * STEPS_PER_QUARTER // piece.divs_per_quarter
    ends = piece.measures["end_div"] * STEPS_PER_QUARTER // piece.divs_per_quarter
    out = []
    for name in TASKS:
        for _ in range(8):
            first = int(rng.integers(0, max(len(starts) - TASK_BARS, 0) + 1))
            last = min(first + (2 if name == "bars of all" else TASK_BARS), len(starts))
            notes = score.window(int(starts[first]), int(ends[last - 1]))
            live = sorted({note.lane for note in notes if not piece.parts[note.lane].is_drum})
            lanes = _lanes_of(name, live, rng)
            count = sum(note.lane in lanes for note in notes)
            if lanes and MIN_REGION_NOTES <= count <= MAX_REGION_NOTES:
                out.append(Task(name, pack, piece, first, last, lanes, ("rhythm: keep",) if name == "rhythm kept" else ()))
                break
    return out


def _lanes_of(name: str, live: Sequence[int], rng: np.random.Generator) -> tuple[int, ...]:
    if name == "accompaniment":
        return tuple(live[1:])
    if name == "inner voice":
        return (int(rng.choice(live[1:-1])),) if len(live) > 2 else ()
    if name == "bars of all":
        return tuple(live)
    return (int(rng.choice(live)),) if live else ()


def _nats(composer: MeasuredComposer, task: Task, surrounded: bool) -> tuple[float, int] | None:
    """Nats of the notes that stood there and how many they are; without what surrounds them, only what came before is known."""
    score = StepScore.of(task.piece)
    first_bar = next(i for i, bar in enumerate(score.bars) if bar.bar == task.first)
    last_bar = 1 + max(i for i, bar in enumerate(score.bars) if bar.bar == task.last - 1)
    opening = max(first_bar - CONTEXT_BARS, 0)
    start, end = score.bars[first_bar].start, score.bars[last_bar - 1].start + score.bars[last_bar - 1].length
    notes = score.window(score.bars[opening].start, end + CONTEXT_BARS * 4 * STEPS_PER_QUARTER)
    hidden = [note for note in notes if note.lane in task.lanes and start <= note.onset and note.end <= end]
    if not surrounded:
        kept = set(hidden)
        notes = [note for note in notes if note.onset < start or note in kept]
    hints = tuple(rhythm_hint(note) for note in hidden) if task.wishes and surrounded and composer.model.config.hints else ()
    bars = score.bars[: min(last_bar + 1 + CONTEXT_BARS, len(score.bars))]
    example = make_example(score.parts, bars, notes, Question(task.lanes, first_bar, last_bar, opening, hints=hints))
    if example is None or not hidden:
        return None
    return validate(composer.model, [collate([example])])["nats_per_note"] * len(hidden), len(hidden)


def _write(composer: Composer, task: Task, seed: int) -> Canvas:
    piece = task.piece
    canvas, _ = make_canvas(piece, find_region(piece, task.region, task.lanes))
    rules = see_others((*always_on(canvas, canvas.ticks_per_div), *parse_constraints(list(task.wishes), piece)))
    writer, scorer = composer.open(canvas, rules)
    with one_thread():
        write(writer, scorer, SamplerSettings(), seed)
    for rule in rules:
        found = rule.measure(canvas.with_original_times() if rule.keeps_times else canvas)
        if not found.satisfied:
            raise AssertionError(f"{found.constraint}: {found.measured}")
    return canvas


def _lines(notes: Sequence[Note], ticks_per_step: int) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Line symbols of each lane."""
    out = []
    for lane in sorted({note.lane for note in notes}):
        mine = [note for note in notes if note.lane == lane]
        onset = np.array([note.onset // ticks_per_step for note in mine], dtype=np.int64)
        out.append(line_symbols(onset, np.array([note.pitch for note in mine], dtype=np.int64)))
    return out


def _training_lines(stores: Sequence[Path]) -> LineIndex:
    lines = []
    for folder in stores:
        store = NoteStore(folder)
        for index in store.select("train"):
            notes = store.load(index).notes
            for lane in np.unique(notes["part"]):
                mine = notes[notes["part"] == lane]
                lines.append(line_symbols(mine["onset_div"].astype(np.int64), mine["pitch"].astype(np.int64)))
    return LineIndex(lines)


def _copied(task: Task, canvas: Canvas) -> list[Note]:
    """The floor: as many bars before the region (after it where there are none), moved into it."""
    length = canvas.region.end - canvas.region.start
    shift = length if canvas.region.start >= length else -length
    every = (*canvas.fixed, *canvas.removed)
    moved = [note._replace(onset=note.onset + shift) for note in every if note.lane in task.lanes]
    return [note for note in moved if canvas.region.start <= note.onset < canvas.region.end]


def _place_in_bar(task: Task, canvas: Canvas) -> Any:
    starts = task.piece.measures["start_div"] * canvas.ticks_per_div

    def place(onset: int) -> int:
        return int(onset - starts[max(int(np.searchsorted(starts, onset, side="right")) - 1, 0)])

    return place


def _plain(composer: MeasuredComposer, pieces: Sequence[tuple[str, Piece]]) -> dict[str, dict[str, float]]:
    """Nats per note by field, and bits per second, of plain continuation, by pack."""
    out: dict[str, dict[str, float]] = {}
    for pack in sorted({pack for pack, _ in pieces}):
        examples, seconds = [], 0.0
        for piece in (piece for name, piece in pieces if name == pack):
            score = StepScore.of(piece)
            mine = plain_examples(score, WINDOWS)
            examples += mine
            seconds += _seconds_of(piece, mine)
        figures = validate(composer.model, [collate([example]) for example in examples])
        notes = sum(int((e.rows[e.places][:, LANE] > 0).sum()) for e in examples)
        bits = figures["nats_per_note"] * notes / math.log(2)
        out[pack] = {**figures, "notes": notes, "bits_per_second": round(bits / max(seconds, 1e-9), 2)}
    return out


def _seconds_of(piece: Piece, examples: Sequence[Example]) -> float:
    """How long the music of some windows from the start lasts, by its bars."""
    bars = sum(int((example.rows[:, NEXT] == BAR).sum()) for example in examples)
    last = min(bars, len(piece.measures)) - 1
    return float(piece.div_to_seconds(int(piece.measures["end_div"][last])))


def evaluate_compose(
    model: str = "general", *, pieces: int = 6, variations_of: int = 4, stores: Sequence[Path] = (), seed: int = 0
) -> dict[str, Any]:
    """Measure a model on the test splits of the packs; the same arguments give the same figures.

    Args:
        model: A ``measured`` model.
        pieces: Test pieces of each pack.
        variations_of: Tasks of each kind that are answered eight times, for diversity.
        stores: Note stores of the training data, for the memorisation figures; without any they are left out.
        seed: Of pieces, tasks and sampler.

    Raises:
        RequestError: Not a measured model.
        InputError: PARTIMENTO_DATA does not name the folder of the data.
    """
    composer = load_model(model)
    if not isinstance(composer, MeasuredComposer):
        raise RequestError(f"model '{model}' is not a measured model")
    music = list(held_out(pieces, seed=seed))
    rng = np.random.default_rng(seed)
    tasks = [task for pack, piece in music for task in make_tasks(pack, piece, rng)]
    index = _training_lines(stores) if stores else None
    rows: dict[str, dict[str, Any]] = {}
    for name in TASKS:
        mine = [task for task in tasks if task.name == name]
        rows[name] = _task_figures(composer, mine, variations_of, index, seed)
    return {"model": model, "pieces": len(music), "plain": _plain(composer, music), "tasks": rows}


def _task_figures(
    composer: MeasuredComposer, tasks: Sequence[Task], variations_of: int, index: LineIndex | None, seed: int
) -> dict[str, Any]:
    nats: dict[str, list[tuple[float, int]]] = defaultdict(list)
    distances: dict[str, list[float]] = defaultdict(list)
    spread, runs, original_runs, refused, notes, seconds = [], [], [], 0, 0, 0.0
    for number, task in enumerate(tasks):
        found = [_nats(composer, task, surrounded) for surrounded in (True, False)]
        for key, value in zip(("nats_per_note", "nats_per_note_without_surroundings"), found, strict=True):
            if value is not None:
                nats[key].append(value)
        started = time.perf_counter()
        try:
            canvas = _write(composer, task, seed + number)
        except PartimentoError:
            refused += 1
            continue
        seconds += time.perf_counter() - started
        notes += len(canvas.written)
        place, original = _place_in_bar(task, canvas), [note for note in canvas.removed if note.duration]
        for kind, other in (("model", list(canvas.written)), ("copy", _copied(task, canvas))):
            distances[f"{kind}_pitch_class_distance"].append(pitch_class_distance(other, original))
            distances[f"{kind}_rhythm_distance"].append(rhythm_distance(other, original, place))
        if index is not None:
            runs += [index.longest_common(line) for line in _lines(canvas.written, canvas.ticks_per_step)]
            original_runs += [index.longest_common(line) for line in _lines(original, canvas.ticks_per_step)]
        if number < variations_of:
            others = [canvas.written, *(_write(composer, task, seed + 1000 + k).written for k in range(VARIATIONS - 1))]
            spread.append(diversity([list(written) for written in others]))
    figures: dict[str, Any] = {"tasks": len(tasks), "refused": refused, "satisfied": len(tasks) - refused}
    for key, pairs in nats.items():
        figures[key] = round(sum(value for value, _ in pairs) / max(sum(count for _, count in pairs), 1), 3)
    for key, values in distances.items():
        figures[key] = round(float(np.mean(values)), 3)
    figures["diversity_of_8"] = round(float(np.mean(spread)), 3) if spread else None
    if runs:
        figures["longest_run_median"], figures["longest_run_max"] = median(runs), max(runs)
        figures["original_longest_run_median"], figures["original_longest_run_max"] = median(original_runs), max(original_runs)
    figures["notes_per_second"] = round(notes / max(seconds, 1e-9), 1)
    return figures
