"""How likely held-out music is under a measured model: of plain continuation, of what stood in a region, of what follows a region.

What stood in a region is asked for in four ways by the same model. *With controls*: the other lanes and what follows are known
ahead. *Backfill*, the autoregressive baseline of Thickstun et al. (arXiv 2306.08620, section 4): the other lanes' notes are events
like all others, each known once its time has passed, and nothing is known ahead. What it costs to say that no hidden note comes
before a known one is not counted, in favour of this baseline. *Delta 0*: the other lanes are controls, but come no earlier than
their time; the model has not been trained so. *Without*: only what came before the region is known. Bar lines count in each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch

from compose.baselines.data import plain_examples
from compose.canvas import Canvas, Note
from compose.evaluation_tasks import Task
from compose.measured_examples import CONTEXT_BARS, Example, Question, collate, make_example
from compose.measured_model import MeasuredModel
from compose.step_scores import StepScore
from compose.stream import DELTA_STEPS, rhythm_hint
from compose.vocabulary.measured import LANE, NEXT
from compose.vocabulary.measured_fields import BAR
from corpora.piece import Piece

__all__ = ["KNOWLEDGE", "Nats", "nats_after", "nats_of_plain", "nats_of_region"]

KNOWLEDGE = ("with_controls", "backfill", "delta_0", "without")  # of what surrounds a region
BAR_LINE = -1
WINDOWS = 2  # of plain continuation, each piece


class Nats(NamedTuple):
    """A sum of nats and the notes that it is of."""

    nats: float
    notes: int


@torch.no_grad()
def _by_field(model: MeasuredModel, example: Example) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Nats of each decision by field, and the lane of its note (``BAR_LINE`` where it is none)."""
    rows, decisions = collate([example])
    return model.nats(rows, decisions), decisions.targets[:, LANE] - 1


def _of_lanes(lanes: torch.Tensor, wanted: Sequence[int]) -> torch.Tensor:
    """Which decisions are about these lanes."""
    return torch.isin(lanes, torch.tensor(wanted))


def nats_of_plain(model: MeasuredModel, pieces: Sequence[Piece]) -> dict[str, float]:
    """Nats per note in all and by field, and bits a second of music, of the first windows of pieces, nothing known ahead."""
    sums: dict[str, float] = {}
    notes, seconds = 0, 0.0
    for piece in pieces:
        examples = plain_examples(StepScore.of(piece), WINDOWS)
        seconds += _seconds_of(piece, examples)
        for example in examples:
            by_field, lanes = _by_field(model, example)
            for name, values in by_field.items():
                sums[name] = sums.get(name, 0.0) + float(values.sum())
            notes += int((lanes >= 0).sum())
    total = sum(sums.values())
    return {
        "nats_per_note": round(total / max(notes, 1), 4),
        **{name: round(value / max(notes, 1), 4) for name, value in sums.items()},
        "notes": notes,
        "bits_per_second": round(total / math.log(2) / max(seconds, 1e-9), 2),
    }


def _seconds_of(piece: Piece, examples: Sequence[Example]) -> float:
    """How long the music of some windows from the start lasts, by its bars."""
    bars = sum(int((example.rows[:, NEXT] == BAR).sum()) for example in examples)
    last = min(bars, len(piece.measures)) - 1
    return float(piece.div_to_seconds(int(piece.measures["end_div"][last])))


def nats_of_region(model: MeasuredModel, task: Task, knowledge: str) -> Nats | None:
    """Of the notes that stood in a task's region, bar lines counted; None where none can be asked for.

    Args:
        model: With hints, it is told a rhythm that is kept, but only with controls.
        task: The region.
        knowledge: One of ``KNOWLEDGE``.
    """
    score = StepScore.of(task.piece)
    first_bar = next(i for i, bar in enumerate(score.bars) if bar.bar == task.first)
    last_bar = 1 + max(i for i, bar in enumerate(score.bars) if bar.bar == task.last - 1)
    opening = max(first_bar - CONTEXT_BARS, 0)
    start, end = score.bars[first_bar].start, score.bars[last_bar - 1].start + score.bars[last_bar - 1].length
    notes = score.window(score.bars[opening].start, end + DELTA_STEPS)
    hidden = [note for note in notes if note.lane in task.lanes and start <= note.onset and note.end <= end]
    if knowledge == "without":
        kept = set(hidden)
        notes = [note for note in notes if note.onset < start or note in kept]
    told = bool(task.wishes) and knowledge == "with_controls" and model.config.hints
    hints = tuple(rhythm_hint(note) for note in hidden) if told else ()
    question = Question(task.lanes, first_bar, last_bar, opening, hints=hints)
    if knowledge == "backfill":
        question = replace(question, lanes=tuple(range(len(score.parts))))
        notes = [note for note in notes if note.onset < end]
    delta = 0 if knowledge in ("backfill", "delta_0") else DELTA_STEPS
    example = make_example(score.parts, score.bars[: last_bar + 1 + CONTEXT_BARS], notes, question, delta)
    if example is None or not hidden:
        return None
    by_field, lanes = _by_field(model, example)
    asked = _of_lanes(lanes, (BAR_LINE, *task.lanes))
    return Nats(float(sum(values[asked].sum() for values in by_field.values())), len(hidden))


def nats_after(model: MeasuredModel, task: Task, canvas: Canvas, filling: Sequence[Note]) -> Nats | None:
    """Of the written lanes' notes in the first bar after a region that ``filling`` stands in, by plain continuation.

    Nothing is known ahead, so the figure says how well the music goes on from the filling. None where the piece ends with the
    region or the lanes are silent after it.

    Args:
        model: Any measured model.
        task: The region.
        canvas: Of the task; what it keeps is the rest of the piece.
        filling: Notes of the region in ticks.
    """
    score = StepScore.of(task.piece)
    after = next((i for i, bar in enumerate(score.bars) if bar.bar == task.last), None)
    if after is None:
        return None
    opening, tick = max(after - CONTEXT_BARS, 0), canvas.ticks_per_step
    start, end = score.bars[opening].start, score.bars[after].start + score.bars[after].length
    notes = []
    for note in (*canvas.fixed, *filling):
        onset = (2 * note.onset + tick) // (2 * tick)
        if note.duration and start <= onset < end:
            # what sounds on beyond the bar ends with it, so that all of it can be asked for
            duration = min(max((2 * note.duration + tick) // (2 * tick), 1), end - onset)
            notes.append(note._replace(onset=onset, duration=duration))
    question = Question(tuple(range(len(score.parts))), after, after + 1, opening)
    example = make_example(score.parts, score.bars[: after + 2], sorted(notes), question)
    if example is None:
        return None
    by_field, lanes = _by_field(model, example)
    asked = _of_lanes(lanes, task.lanes)
    count = int(asked.sum())
    return Nats(float(sum(values[asked].sum() for values in by_field.values())), count) if count else None
