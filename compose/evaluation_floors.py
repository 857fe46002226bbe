"""What stands beside a model's answers: the bars before copied into the region, and a passage of training music that fits it.

Both know what is around the region and nothing of music but what they copy. A model that is worth its time is nearer to what stood
there than either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compose.canvas import NUM_PITCHES, Canvas, Note
from compose.evaluation_tasks import BARS_OF_ALL, TASK_BARS, Task
from compose.metrics.distances import histogram_distance
from compose.step_scores import StepScore
from corpora.datasets.note_store import NoteStore
from corpora.piece import Piece

__all__ = ["Passages", "copied_bars", "place_in_bar", "training_pieces"]

PIECES = 600  # of each store, from which passages come
PASSAGES = 6  # of each of these
MAX_LANES = 24  # pieces of more are left out: an orchestra has passages enough as it is
OCTAVE = 12
Bars = tuple[tuple[int, int, int], ...]  # beats, beat type, steps


def training_pieces(stores: Sequence[Path], seed: int = 0) -> Iterator[Piece]:
    """Pieces of the train split, ``PIECES`` of each store at most, at random."""
    rng = np.random.default_rng(seed)
    for folder in stores:
        store = NoteStore(folder)
        chosen = store.select("train")
        for index in rng.permutation(len(chosen))[:PIECES].tolist():
            yield store.load(chosen[index])


def place_in_bar(task: Task, canvas: Canvas) -> Callable[[int], int]:
    """A function that gives the place in its bar of an onset, both in ticks."""
    starts = task.piece.measures["start_div"] * canvas.ticks_per_div

    def place(onset: int) -> int:
        return int(onset - starts[max(int(np.searchsorted(starts, onset, side="right")) - 1, 0)])

    return place


def copied_bars(task: Task, canvas: Canvas) -> list[Note]:
    """The region's lanes as they were as long before (after it where there is no room before), moved into it."""
    start, end = canvas.region.start, canvas.region.end
    shift = end - start if start >= end - start else start - end
    every = (*canvas.fixed, *canvas.removed)
    moved = [note._replace(onset=note.onset + shift) for note in every if note.lane in task.lanes]
    return [note._replace(duration=min(note.duration, end - note.onset)) for note in moved if start <= note.onset < end]


def _bars(piece: Piece, first: int, last: int, steps_per_div: float) -> Bars:
    rows = piece.measures[first:last]
    return tuple(
        (int(row["beats"]), int(row["beat_type"]), round((int(row["end_div"]) - int(row["start_div"])) * steps_per_div))
        for row in rows
    )


@dataclass(frozen=True, eq=False)
class _Passage:
    """Neighbouring lanes of some bars; onsets are steps from the start of the passage.

    Args:
        notes: By lane.
        rhythms: Of each lane, how often (place in the bar, duration) occurs.
        classes: Shares of pitch classes (12,).
    """

    notes: tuple[tuple[Note, ...], ...]
    rhythms: tuple[Counter[tuple[int, int]], ...]
    classes: NDArray[np.float64]


def _shares(pitches: Sequence[int]) -> NDArray[np.float64]:
    """Shares of pitch classes (12,)."""
    counts = np.bincount(np.array(pitches, dtype=np.int64) % OCTAVE, minlength=OCTAVE).astype(np.float64)
    return np.asarray(counts / max(counts.sum(), 1.0))


class Passages:
    """Passages of training music, to be looked up by meter, rhythm and key.

    Args:
        pieces: From which they come, at random places.
        seed: Of the places.
    """

    def __init__(self, pieces: Iterable[Piece], seed: int = 0) -> None:
        self._scores: dict[Bars, list[tuple[StepScore, int]]] = {}
        self._cut: dict[tuple[Bars, int], list[_Passage]] = {}
        rng = np.random.default_rng(seed)
        for piece in pieces:
            if len(piece.parts) <= MAX_LANES:
                self._sample(piece, rng)

    def _sample(self, piece: Piece, rng: np.random.Generator) -> None:
        score = StepScore.of(piece)
        places = len(piece.measures) - TASK_BARS + 1
        for first in rng.permutation(max(places, 0))[:PASSAGES].tolist():
            for count in (BARS_OF_ALL, TASK_BARS):
                bars = _bars(piece, first, first + count, 1.0)
                self._scores.setdefault(bars, []).append((score, int(piece.measures["start_div"][first])))

    def _passages(self, bars: Bars, lanes: int) -> list[_Passage]:
        """All passages of such bars in so many lanes that sound."""
        if (bars, lanes) not in self._cut:
            starts = np.cumsum([0, *(steps for _, _, steps in bars)])
            out = []
            for score, start in self._scores.get(bars, []):
                notes = [note._replace(onset=note.onset - start) for note in score.window(start, start + int(starts[-1]))]
                live = sorted({note.lane for note in notes if not score.parts[note.lane].is_drum})
                by_lane = {lane: tuple(note for note in notes if note.lane == lane) for lane in live}
                for low in range(len(live) - lanes + 1):
                    chosen = tuple(by_lane[lane] for lane in live[low : low + lanes])
                    out.append(
                        _Passage(
                            chosen,
                            tuple(_rhythm(mine, starts) for mine in chosen),
                            _shares([n.pitch for mine in chosen for n in mine]),
                        )
                    )
            self._cut[bars, lanes] = out
        return self._cut[bars, lanes]

    def fitting(self, task: Task, canvas: Canvas) -> list[Note] | None:
        """The passage that fits a region best, in its lanes and ticks; None where none has its meter and as many lanes.

        It is transposed to where its pitch classes are nearest to those of all that sounds around the region, then by octaves to
        where each lane was. Best is the least sum of two distances, 0 to 1 each: of pitch classes to what is around, and of
        rhythm, the mean over the lanes, to the bars before (``copied_bars``).
        """
        tick, start, end = canvas.ticks_per_step, canvas.region.start, canvas.region.end
        bars = _bars(task.piece, task.first, task.last, canvas.ticks_per_div / tick)
        passages = self._passages(bars, len(task.lanes))
        if not passages:
            return None
        reach = end - start
        around = _shares([n.pitch for n in canvas.fixed if start - reach <= n.onset < end + reach and not self._drums(task, n)])
        starts = np.cumsum([0, *(steps for _, _, steps in bars)])
        before = [[n for n in copied_bars(task, canvas) if n.lane == lane] for lane in task.lanes]
        wanted = [
            _rhythm([n._replace(onset=(n.onset - start) // tick, duration=n.duration // tick) for n in mine], starts)
            for mine in before
        ]
        classes = np.stack([passage.classes for passage in passages])
        keys = np.stack([np.abs(np.roll(classes, shift, axis=1) - around).sum(axis=1) / 2 for shift in range(OCTAVE)], axis=1)
        rhythm = [float(np.mean([_distance(*pair) for pair in zip(passage.rhythms, wanted, strict=True)])) for passage in passages]
        best = int(np.argmin(keys.min(axis=1) + np.array(rhythm)))
        shift = int(np.argmin(keys[best]))
        out = []
        for lane, mine, old in zip(task.lanes, passages[best].notes, before, strict=True):
            home = float(np.mean([n.pitch for n in old])) if old else float(np.mean([n.pitch for n in mine]))
            octaves = round((home - shift - float(np.mean([n.pitch for n in mine]))) / OCTAVE)
            for note in mine:
                onset, pitch = start + note.onset * tick, note.pitch + shift + OCTAVE * octaves
                if 0 <= pitch < NUM_PITCHES:
                    out.append(Note(onset, lane, pitch, min(note.duration * tick, end - onset)))
        return sorted(out)

    @staticmethod
    def _drums(task: Task, note: Note) -> bool:
        return task.piece.parts[note.lane].is_drum


def _rhythm(notes: Sequence[Note], starts: NDArray[np.int64]) -> Counter[tuple[int, int]]:
    """How often (place in the bar, duration) occurs; bars start at ``starts``."""
    return Counter(
        (note.onset - int(starts[np.searchsorted(starts, note.onset, side="right") - 1]), note.duration) for note in notes
    )


def _distance(left: Counter[tuple[int, int]], right: Counter[tuple[int, int]]) -> float:
    return histogram_distance(left.elements(), right.elements())
