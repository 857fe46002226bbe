"""The general model on held-out music of every pack: likelihood, and what it writes when asked to.

*Likelihood* is nats per note by field: of plain continuation (all lanes, nothing known ahead), and of infill tasks with what
surrounds them known ahead, known as it passes, and not known (``compose.evaluation_nats``). *Writing* answers the same tasks and
compares with what stood there: shares of pitch classes and rhythms (``compose.metrics.distances``), whether all that was asked
holds, how well the music goes on from the answer and how far it leaps at the joins, how different eight variations are, and how
much of a written line stands in training music. Beside the answers stand the floors of ``compose.evaluation_floors``.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compose.canvas import Canvas, Note
from compose.constraints.language import parse_constraints
from compose.constraints.others import see_others
from compose.evaluation_floors import Passages, copied_bars, place_in_bar, training_pieces
from compose.evaluation_nats import KNOWLEDGE, Nats, nats_after, nats_of_plain, nats_of_region
from compose.evaluation_tasks import DRUMS, TASKS, Task, held_out, make_drums_task, make_tasks
from compose.metrics.distances import diversity, key_distance, pitch_class_distance, rhythm_distance
from compose.metrics.leaps import Steps, join_leaps, leap_shares, line_steps
from compose.metrics.lines import LineIndex, line_symbols
from compose.models import Composer, MeasuredComposer, load_model
from compose.request import always_on, find_region, make_canvas
from compose.sampler import SamplerSettings, write
from compose.threads import one_thread
from corpora.datasets.note_store import NoteStore
from corpora.errors import InfeasibleConstraint, RequestError

__all__ = ["evaluate_compose"]

VARIATIONS = 8
VARIATIONS_OF = 4  # tasks of each kind that are answered so often
DRAWN = SamplerSettings()


@dataclass(frozen=True)
class _Training:
    """What is looked up in training music."""

    lines: LineIndex
    passages: Passages


@dataclass
class _Tally:
    """What the tasks of one kind give, each list a value a task (or a line, a join)."""

    nats: dict[str, list[Nats]] = field(default_factory=lambda: defaultdict(list))
    after: dict[str, list[Nats]] = field(default_factory=lambda: defaultdict(list))
    values: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    steps: dict[str, dict[str, list[Steps]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


def _write(composer: Composer, task: Task, seed: int, settings: SamplerSettings) -> tuple[Canvas, bool] | None:
    """The answer, and whether all that was asked holds; None where no way was found."""
    piece = task.piece
    canvas, _ = make_canvas(piece, find_region(piece, task.region, task.lanes))
    rules = see_others((*always_on(canvas, canvas.ticks_per_div), *parse_constraints(list(task.wishes), piece)))
    writer, scorer = composer.open(canvas, rules)
    try:
        write(writer, scorer, settings, seed)
    except InfeasibleConstraint:
        return None
    held = [rule.measure(canvas.with_original_times() if rule.keeps_times else canvas).satisfied for rule in rules]
    return canvas, all(held)


def _lines(notes: Sequence[Note], ticks_per_step: int) -> list[NDArray[np.int64]]:
    """Line symbols of each lane."""
    out = []
    for lane in sorted({note.lane for note in notes}):
        mine = [note for note in notes if note.lane == lane]
        onset = np.array([note.onset // ticks_per_step for note in mine], dtype=np.int64)
        out.append(line_symbols(onset, np.array([note.pitch for note in mine], dtype=np.int64)))
    return out


def _training(stores: Sequence[Path], seed: int) -> _Training:
    lines = []
    for folder in stores:
        store = NoteStore(folder)
        for index in store.select("train"):
            notes = store.load(index).notes
            for lane in np.unique(notes["part"]):
                mine = notes[notes["part"] == lane]
                lines.append(line_symbols(mine["onset_div"].astype(np.int64), mine["pitch"].astype(np.int64)))
    return _Training(LineIndex(lines), Passages(training_pieces(stores, seed), seed))


def evaluate_compose(
    model: str = "general",
    *,
    pieces: int = 6,
    stores: Sequence[Path] = (),
    seed: int = 0,
    settings: SamplerSettings = DRAWN,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure a model on the test splits of the packs; the same arguments give the same figures, but for times.

    Args:
        model: A ``measured`` model.
        pieces: Test pieces of each pack.
        stores: Note stores of the training data, for retrieval and memorisation; without any these figures are left out.
        seed: Of pieces, tasks and sampler.
        settings: How to draw.
        say: Is told what is being done.

    Raises:
        RequestError: Not a measured model.
        InputError: PARTIMENTO_DATA does not name the folder of the data.
    """
    composer = load_model(model)
    if not isinstance(composer, MeasuredComposer):
        raise RequestError(f"model '{model}' is not a measured model")
    started = time.process_time()
    with one_thread():
        say("reading test pieces")
        music = list(held_out(pieces, seed=seed))
        say("reading training music")
        training = _training(stores, seed) if stores else None
        packs = sorted({pack for pack, _ in music})
        plain = {}
        for pack in packs:
            say(f"plain continuation of {pack}")
            plain[pack] = nats_of_plain(composer.model, [piece for name, piece in music if name == pack])
        rng = np.random.default_rng(seed)
        tasks = [task for pack, piece in music for task in make_tasks(pack, piece, rng)]
        drums_rng = np.random.default_rng([seed, 1])
        with_drums = (make_drums_task(pack, piece, drums_rng) for pack, piece in music)
        tasks += [task for task in with_drums if task is not None]
        figures, steps = {}, _Tally().steps
        for name in TASKS:
            tally = _Tally(steps=steps)
            mine = [task for task in tasks if task.name == name]
            for number, task in enumerate(mine):
                say(f"{name}, {number + 1} of {len(mine)}")
                _measure(composer, task, seed + number, tally, training, settings, number < VARIATIONS_OF)
            figures[name] = _figures(tally, len(mine))
    leaps = {pack: {kind: leap_shares(Steps.joined(found)) for kind, found in kinds.items()} for pack, kinds in steps.items()}
    return {
        "model": model,
        "seed": seed,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "pieces_asked": pieces,
        "pieces": dict(Counter(pack for pack, _ in music)),
        "stores": len(stores),
        "plain": plain,
        "tasks": figures,
        "leaps": leaps,
        "processor_seconds": round(time.process_time() - started),
    }


def _measure(
    composer: MeasuredComposer,
    task: Task,
    seed: int,
    tally: _Tally,
    training: _Training | None,
    settings: SamplerSettings,
    vary: bool,
) -> None:
    """Everything about one task, into the tally."""
    for knowledge in KNOWLEDGE:
        found = nats_of_region(composer.model, task, knowledge)
        if found is not None:
            tally.nats[knowledge].append(found)
    started = time.process_time()
    answer = _write(composer, task, seed, settings)
    if answer is None:
        tally.counts["refused"] += 1
        return
    canvas, holds = answer
    tally.seconds += time.process_time() - started
    tally.counts["written"] += len(canvas.written)
    tally.counts["satisfied"] += holds
    original = [note for note in canvas.removed if note.duration]
    pitched = task.name != DRUMS  # training music has no drums, and their keys are no pitches
    pitch_distance = pitch_class_distance if pitched else key_distance
    fillings = {"original": original, "model": list(canvas.written), "copy": copied_bars(task, canvas)}
    fitting = training.passages.fitting(task, canvas) if training is not None and pitched else None
    if fitting is not None:
        fillings["retrieval"] = fitting
    place = place_in_bar(task, canvas)
    start, end = canvas.region.start, canvas.region.end
    for kind, notes in fillings.items():
        if kind != "original":
            tally.values["pitch_class_distance"][kind].append(pitch_distance(notes, original))
            tally.values["rhythm_distance"][kind].append(rhythm_distance(notes, original, place))
        after = nats_after(composer.model, task, canvas, notes)
        if after is not None:
            tally.after[kind].append(after)
        if pitched:
            tally.values["join_leap"][kind] += join_leaps(canvas.fixed, notes, task.lanes, start, end)
    for kind in ("original", "model") if pitched else ():
        tally.steps[task.pack][kind].append(line_steps(fillings[kind]))
        if training is not None:
            lines = _lines(fillings[kind], canvas.ticks_per_step)
            tally.values["longest_run"][kind] += [training.lines.longest_common(line) for line in lines]
            tally.values["likeness"][kind] += [training.lines.likeness(line) for line in lines]
    if vary:
        others = [_write(composer, task, seed + 1000 + k, settings) for k in range(VARIATIONS - 1)]
        written = [canvas.written, *(other[0].written for other in others if other is not None)]
        tally.values["diversity_of_8"]["model"].append(diversity(written))


def _figures(tally: _Tally, tasks: int) -> dict[str, Any]:
    """What a kind of task comes to: means, and median and maximum of what is about memorisation."""
    figures: dict[str, Any] = {"tasks": tasks, "satisfied": tally.counts["satisfied"], "refused": tally.counts["refused"]}
    for name, sums in (("nats_per_note", tally.nats), ("nats_per_note_after", tally.after)):
        figures[name] = {
            kind: round(sum(nats for nats, _ in found) / sum(notes for _, notes in found), 3) for kind, found in sums.items()
        }
    for name, kinds in tally.values.items():
        for kind, values in kinds.items():
            if name in ("longest_run", "likeness"):
                result: Any = {"median": round(float(median(values)), 3), "max": round(float(max(values)), 3)}
            else:
                result = round(float(np.mean(values)), 3)
            figures.setdefault(name, {})[kind] = result
    figures["notes_per_second"] = round(tally.counts["written"] / max(tally.seconds, 1e-9), 1)
    return figures
