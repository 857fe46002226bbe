"""Flat streams of a note store: what the baselines learn from and are scored on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from compose.baselines.flat_stream import FIELD_OF, FIELD_START, FlatStream, transposed
from compose.measured_examples import Example, Question, make_example
from compose.step_scores import StepScore
from corpora.datasets.note_store import NoteStore

__all__ = ["flat_batches", "plain_examples", "stack_streams", "store_scores"]

MAX_ROWS = 640  # of a window
FlatBatch = tuple[Tensor, Tensor]


def store_scores(store: Path, split: str, packs: Sequence[str] = (), limit: int = 0, seed: int = 0) -> Iterator[StepScore]:
    """Pieces of a split, all or a random ``limit`` of them, one at a time."""
    opened = NoteStore(store)
    chosen = opened.select(split, packs)
    if limit and limit < len(chosen):
        chosen = sorted(np.random.default_rng(seed).choice(chosen, size=limit, replace=False).tolist())
    for index in chosen:
        yield StepScore.of(opened.load(index))


def plain_examples(score: StepScore, max_windows: int = 0, rows: int = MAX_ROWS) -> list[Example]:
    """Plain continuation of successive windows of a piece: every note of a window is asked for, nothing else is known.

    Args:
        score: The piece.
        max_windows: Take at most so many, from the start; 0 takes all.
        rows: Bound on the steps of a window; a bar with more stands alone.
    """
    out: list[Example] = []
    first, bars = 0, score.bars
    room = rows - 2 - len(score.parts)
    while first < len(bars) and (not max_windows or len(out) < max_windows):
        last = first + 1
        while last < len(bars) and score.count(bars[first].start, bars[last].start + bars[last].length) + last + 1 - first <= room:
            last += 1
        end = bars[last - 1].start + bars[last - 1].length
        notes = score.window(bars[first].start, end)
        # what sounds on beyond the window ends with it, so that all of it can be asked for
        notes = sorted(note._replace(duration=min(note.duration, end - note.onset)) for note in notes)
        question = Question(tuple(range(len(score.parts))), first, last, first)
        example = make_example(score.parts, bars[: last + 1], notes, question)
        if example is not None:
            out.append(example)
        first = last
    return out


def stack_streams(streams: Sequence[FlatStream]) -> FlatBatch:
    """Ids (batch, time) int64 and which are scored (batch, time) float, padded at the end."""
    longest = max(len(stream.ids) for stream in streams)
    ids, scored = np.zeros((len(streams), longest), dtype=np.int64), np.zeros((len(streams), longest), dtype=np.float32)
    for index, stream in enumerate(streams):
        ids[index, : len(stream.ids)], scored[index, : len(stream.ids)] = stream.ids, stream.scored
    return torch.from_numpy(ids), torch.from_numpy(scored)


def flat_batches(streams: Sequence[FlatStream], size: int, length: int, seed: int = 0) -> Iterator[FlatBatch]:
    """Endless batches of random stretches of ``length`` ids, in random keys."""
    rng = np.random.default_rng(seed)
    pitch = FIELD_OF[FIELD_START[2]]
    while True:
        chosen = []
        for index in rng.integers(0, len(streams), size=size):
            stream = streams[index]
            first = int(rng.integers(0, max(len(stream.ids) - length, 0) + 1))
            part = stream._replace(ids=stream.ids[first : first + length], scored=stream.scored[first : first + length])
            pitches = part.ids[FIELD_OF[part.ids] == pitch] - FIELD_START[2] - 1
            low, high = (-5, 7) if not len(pitches) else (max(-5, -int(pitches.min())), min(7, 128 - int(pitches.max())))
            chosen.append(part._replace(ids=transposed(part.ids, int(rng.integers(low, high)))) if low < high else part)
        yield stack_streams(chosen)
