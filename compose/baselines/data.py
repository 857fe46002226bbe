"""Flat streams of a note store: what the baselines learn from and are scored on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from compose.baselines.flat_stream import FIELD_OF, FIELD_START, FlatStream, flatten_rows, transposed
from compose.canvas import Note
from compose.measured_examples import Example, Question, make_example
from compose.step_scores import StepScore
from compose.vocabulary.measured import bar_row, end_row, header_rows, note_rows
from corpora.datasets.note_store import NoteStore

__all__ = ["flat_batches", "plain_examples", "plain_streams", "stack_streams", "store_scores"]

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


def _windows(score: StepScore, max_windows: int, rows: int) -> Iterator[tuple[int, int, list[Note]]]:
    """First bar, bar after the last and notes of successive windows; what sounds on beyond a window ends with it."""
    first, bars = 0, score.bars
    room = rows - 2 - len(score.parts)
    count = 0
    while first < len(bars) and (not max_windows or count < max_windows):
        last = first + 1
        while last < len(bars) and score.count(bars[first].start, bars[last].start + bars[last].length) + last + 1 - first <= room:
            last += 1
        end = bars[last - 1].start + bars[last - 1].length
        notes = score.window(bars[first].start, end)
        if notes:
            yield first, last, sorted(note._replace(duration=min(note.duration, end - note.onset)) for note in notes)
            count += 1
        first = last


def plain_examples(score: StepScore, max_windows: int = 0, rows: int = MAX_ROWS) -> list[Example]:
    """Plain continuation of successive windows of a piece: every note of a window is asked for, nothing else is known.

    Args:
        score: The piece.
        max_windows: Take at most so many, from the start; 0 takes all.
        rows: Bound on the steps of a window; a bar with more stands alone.
    """
    every = tuple(range(len(score.parts)))
    found = (
        make_example(score.parts, score.bars[: last + 1], notes, Question(every, first, last, first))
        for first, last, notes in _windows(score, max_windows, rows)
    )
    return [example for example in found if example is not None]


def plain_streams(score: StepScore, rows: int = MAX_ROWS) -> list[FlatStream]:
    """``flatten`` of all ``plain_examples`` of a piece, without what only a ``measured`` model sees: many times as fast."""
    out = []
    for first, last, notes in _windows(score, 0, rows):
        bars = score.bars[first : last + 1]
        table = np.array(notes, dtype=np.int64)
        home = np.searchsorted([bar.start for bar in bars], table[:, 0], side="right")  # 1 is the first bar
        starts = np.array([bar.start for bar in bars], dtype=np.int64)
        steps = note_rows(table[:, 0] - starts[home - 1], *table[:, [1, 2, 3, 4]].T)
        lines = np.stack([*(bar_row(bar) for bar in bars), *([end_row()] if last == len(score.bars) else [])])
        header = header_rows(score.parts)
        stream = np.concatenate([header, np.insert(steps, np.searchsorted(home, np.arange(1, len(lines) + 1)), lines, axis=0)])
        predicted = np.arange(len(stream)) > len(header)  # the header and the first bar line are given
        out.append(flatten_rows(stream, predicted))
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
