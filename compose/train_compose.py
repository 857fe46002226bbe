"""Train the general model: ``measured`` streams of every kind of music, every kind of question.

Pieces come out of a note store (``corpora.datasets.note_store``) and the chorales of music21, some with a drum part of our own
(``compose.grooves``). Batches are made a block at a time in processes beside the one that learns: examples, transposed and with the
tempo varied, are sorted by length, so that little of a batch is padding. A block is a pure function of (seed, number). Under
``torchrun`` the processes share each batch (``compose.parallel``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from compose.grooves import add_drums
from compose.measured_examples import Example, collate, transpose
from compose.measured_model import Decisions, MeasuredModel, MeasuredModelConfig
from compose.music_transformer import MusicTransformerConfig
from compose.ordered_blocks import ordered_items
from compose.parallel import my_share, weighted
from compose.questions import PLAIN_SHARE, draw_example
from compose.run_folder import steps_done
from compose.step_scores import StepScore
from compose.train_chorale import note_loss, validate
from compose.training import TrainingPlan, train
from compose.vocabulary.measured import KEY, LANE, PITCH, TEMPO
from compose.vocabulary.measured_fields import MAX_LANES, tempo_id, tempo_of
from corpora.datasets.chorales import bach_chorales
from corpora.datasets.note_store import NoteStore
from corpora.errors import RequestError

__all__ = ["CPU_CONFIG", "GPU_CONFIG", "Source", "make_block", "train_compose", "validation_batches"]

CPU_CONFIG = MeasuredModelConfig(
    transformer=MusicTransformerConfig(
        embed_dim=256, num_layers=4, num_heads=8, feedforward_dim=1024, max_distance=512, dropout=0.0
    ),
    hidden_dim=256,
    hints=True,
)
GPU_CONFIG = MeasuredModelConfig(
    transformer=MusicTransformerConfig(
        embed_dim=384, num_layers=8, num_heads=6, feedforward_dim=1536, max_distance=1024, dropout=0.1
    ),
    hidden_dim=384,
    hints=True,
)
BATCH_ROWS = 4096
LENGTHS, LENGTH_SHARES = (192, 384, 768, 1536, 2560), (0.25, 0.35, 0.28, 0.09, 0.03)
SHIFTS = (-5, 7)  # semitones, from and below
TEMPO_SPREAD = 0.25  # natural logarithm
BLOCK = 8  # batches made together
DRUM_SHARE = 0.12  # of the pieces without drums are given a drum part of ours
CHORALE_WEIGHT = 0.08  # of all draws

Batch = tuple[Tensor, Decisions]
Split = Literal["train", "valid", "test"]


@dataclass(frozen=True)
class Source:
    """Where batches come from; small and picklable, so that any process can make any batch.

    Args:
        stores: Folders of note stores.
        seed: Of all choices.
        rows: Steps of a batch, padding included.
        plain_share: See ``compose.questions``.
    """

    stores: tuple[str, ...]
    seed: int = 0
    rows: int = BATCH_ROWS
    plain_share: float = PLAIN_SHARE


class _Pieces:
    """The training pieces of some stores and how often each is drawn."""

    def __init__(self, stores: tuple[str, ...], split: Split) -> None:
        self._chorales = [StepScore.of(chorale.piece) for chorale in bach_chorales(split)]
        opened = [NoteStore(Path(store)) for store in stores]
        self._places = [(store, index) for store in opened for index in store.select(split)]
        weights = np.array([math.sqrt(store.pieces[index].num_notes) for store, index in self._places])
        self.weights = np.concatenate(
            [
                np.full(len(self._chorales), CHORALE_WEIGHT / len(self._chorales)),
                weights / weights.sum() * (1 - CHORALE_WEIGHT),
            ]
        )
        self.weights /= self.weights.sum()
        self._scores: dict[int, StepScore] = {}

    def score(self, index: int) -> StepScore:
        if index < len(self._chorales):
            return self._chorales[index]
        if index not in self._scores:
            store, place = self._places[index - len(self._chorales)]
            self._scores[index] = StepScore.of(store.load(place))
        return self._scores[index]

    def draw(self, rng: np.random.Generator) -> StepScore:
        return self.score(int(rng.choice(len(self.weights), p=self.weights)))


@lru_cache(maxsize=4)
def _pieces(stores: tuple[str, ...], split: Split) -> _Pieces:
    return _Pieces(stores, split)


def _with_drums(score: StepScore, rng: np.random.Generator) -> StepScore:
    """The score, now and then with a drum part of ours; one with drums in another key, as its examples are not transposed."""
    if rng.random() < DRUM_SHARE and not score.has_drums and len(score.parts) < MAX_LANES:
        score = add_drums(score, rng)
    pitches = score.notes[score.pitched, 2]
    if not score.has_drums or not len(pitches):
        return score
    low, high = max(SHIFTS[0], -int(pitches.min())), min(SHIFTS[1], 128 - int(pitches.max()))
    return score.transposed(int(rng.integers(low, high)) if low < high else 0)


def _varied(example: Example, has_drums: bool, rng: np.random.Generator) -> Example:
    """The example in another key and tempo; with drums in the key as it is (see ``_with_drums``)."""
    pitches = example.rows[:, PITCH][example.rows[:, PITCH] > 0]
    if not has_drums and len(pitches):
        low, high = max(SHIFTS[0], 1 - int(pitches.min())), min(SHIFTS[1], 129 - int(pitches.max()))
        example = transpose(example, int(rng.integers(low, high)) if low < high else 0)
    rows = example.rows.copy()
    bars = rows[:, TEMPO] > 0
    factor = float(np.exp(rng.uniform(-TEMPO_SPREAD, TEMPO_SPREAD)))
    for value in np.unique(rows[bars, TEMPO]).tolist():
        rows[bars & (example.rows[:, TEMPO] == value), TEMPO] = tempo_id(tempo_of(value) * factor)
    if rng.random() < 0.1:
        rows[rows[:, KEY] > 0, KEY] = 8  # files without a key signature say C
    return replace(example, rows=rows)


def _example(source: Source, pieces: _Pieces, rng: np.random.Generator) -> Example:
    """One random question of one random piece that asks for a note at least."""
    while True:
        score = _with_drums(pieces.draw(rng), rng)
        length = min(int(rng.choice(LENGTHS, p=LENGTH_SHARES)), source.rows * 4 // 5)
        example = draw_example(score, length, rng, source.plain_share)
        if example is not None and (example.rows[example.places][:, LANE] > 0).any():
            return _varied(example, score.has_drums, rng)


def _by_length(examples: Sequence[Example], rows: int) -> list[list[Example]]:
    """Examples of like length together, as many as fit into ``rows`` padded steps; a last group that is not full is left out."""
    groups: list[list[Example]] = [[]]
    for example in sorted(examples, key=lambda example: len(example.rows)):
        if groups[-1] and (len(groups[-1]) + 1) * len(example.rows) > rows:
            groups.append([])
        groups[-1].append(example)
    return groups[:-1]


def make_block(source: Source, number: int, split: Split = "train") -> list[list[Example]]:
    """The examples of ``BLOCK`` steps from step ``BLOCK * number`` on: a pure function of its arguments.

    Args:
        source: Where pieces come from.
        number: From 0.
        split: Of the pieces.
    """
    pieces = _pieces(source.stores, split)
    rng = np.random.default_rng([source.seed, number])
    examples: list[Example] = []
    steps = 0
    while len(groups := _by_length(examples, source.rows)) < BLOCK:
        wanted = (BLOCK + 1) * source.rows
        while steps < wanted:
            examples.append(_example(source, pieces, rng))
            steps += len(examples[-1].rows)
        steps = wanted - source.rows  # padding took more than a batch: some more examples
    return [groups[index] for index in rng.permutation(len(groups))[:BLOCK]]


def _batches(source: Source, first: int, workers: int = 1) -> Iterator[Batch]:
    """Batches from a step on, in order, made in processes beside this one."""
    for examples in ordered_items(partial(make_block, source), BLOCK, first, workers):
        yield collate(my_share(examples))


def validation_batches(stores: Sequence[str], questions: int = 96, seed: int = 1) -> list[Batch]:
    """Questions of the valid split, as they are asked in training; the same for the same arguments."""
    source = Source(tuple(stores), seed, rows=3072)
    out: list[list[Example]] = []
    while sum(map(len, out)) < questions:
        out += make_block(source, len(out) // BLOCK, "valid")
    return [collate(examples) for examples in out]


def begin_with(model: MeasuredModel, start: MeasuredModel) -> None:
    """Give a model the weights of another of the same sizes.

    Raises:
        RequestError: The sizes differ.
    """
    theirs = start.state_dict()
    for name, value in model.state_dict().items():
        shape = theirs[name].shape if name in theirs else None
        if shape != value.shape:
            found = "has none" if shape is None else f"has shape {tuple(shape)}"
            raise RequestError(f"cannot begin with that model: expected {name} of shape {tuple(value.shape)}, it {found}")
    model.load_state_dict(theirs)


def _notes(batch: Batch) -> int:
    """How many notes of a batch are asked for."""
    return int(batch[1].targets[:, LANE].count_nonzero())


def train_compose(
    folder: Path,
    stores: Sequence[str],
    plan: TrainingPlan,
    seed: int = 0,
    config: MeasuredModelConfig = CPU_CONFIG,
    plain_share: float = PLAIN_SHARE,
    rows: int = BATCH_ROWS,
    start: MeasuredModel | None = None,
    workers: int = 1,
    backend: str = "skew",
) -> tuple[MeasuredModel, dict[str, float]]:
    """Train, resuming from ``folder``; gives the model and its figures on held-out pieces.

    Args:
        folder: Of the run.
        stores: Folders of note stores.
        plan: Time and rates.
        seed: Of weights and batches.
        config: Sizes.
        plain_share: Share of plain continuation among the questions; 1 trains a plain autoregressive model.
        rows: Steps of a batch.
        start: A trained model to begin with instead of random weights; its sizes must be those of ``config``.
        workers: Processes that make batches; the batches are the same whatever their number.
        backend: Of attention, see ``compose.music_transformer``.

    Raises:
        RequestError: ``start`` has other sizes.
    """
    torch.manual_seed(seed)
    model = MeasuredModel(config, backend, plan.gradient_checkpointing)
    if start is not None:
        begin_with(model, start)
    held_out = validation_batches(stores)
    first = steps_done(folder)
    batches = _batches(Source(tuple(stores), seed, rows, plain_share), first, workers)
    figures = train(model, batches, weighted(note_loss, _notes), plan, folder, lambda m: validate(m, held_out))  # type: ignore[arg-type]
    return model, figures
