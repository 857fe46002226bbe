"""Train a model of a flat vocabulary: windows of augmented pieces of note stores and the chorales of music21, shuffled together.

Windows are drawn in rounds: stretches of many pieces, each varied in key and tempo, are joined and cut, and the windows shuffled
and dealt out. For ``anticipation`` a stretch is of a training copy (``compose.augmentation``), and
``compose.vocabulary.arrival_windows`` joins them; streams of the others, which know no controls, stand one after another. A round
is a pure function of (seed, round), so that a run that goes on gets the batches that follow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from compose.augmentation import NUM_COPIES, augment
from compose.flat_layouts import NOT_DECIDED, FlatLayout
from compose.flat_model import FlatModel, FlatModelConfig
from compose.music_transformer import MusicTransformerConfig
from compose.run_folder import steps_done
from compose.train_compose import CHORALE_WEIGHT
from compose.training import TrainingPlan, train
from compose.vocabulary.anticipation import Anticipation, piece_to_events
from compose.vocabulary.arrival import DRUM_INSTRUMENT, EVENT_SIZE, MAX_DURATION_TICKS, NUM_PITCHES, Events
from compose.vocabulary.arrival_windows import CONTEXT_SIZE, EVENTS_PER_WINDOW, pack
from compose.vocabulary.base import Vocabulary
from compose.vocabulary.registry import build_vocabulary
from corpora.datasets.chorales import bach_chorales
from corpora.datasets.note_store import NoteStore
from corpora.piece import DEFAULT_QUARTERS_PER_MINUTE, TEMPO_DTYPE, Piece

__all__ = ["FlatSource", "as_batch", "event_nats", "flat_config", "make_windows", "train_flat"]

BATCH = 4  # windows
ROUND = 16  # batches drawn together
STRETCH = 3 * EVENTS_PER_WINDOW  # most triples that a piece gives to a round
SHIFTS = (-5, 7)  # semitones, from and below
TEMPO_SPREAD = 0.25  # natural logarithm
HELD_OUT = 24  # windows

Batch = tuple[Tensor, Tensor]
Ids = NDArray[np.int64]
Split = Literal["train", "valid", "test"]


@dataclass(frozen=True)
class FlatSource:
    """Where windows come from.

    Args:
        stores: Folders of note stores; none leaves the chorales.
        seed: Of all choices.
        batch: Windows of a batch.
        plain_share: Share of copies without controls; None takes the published one, a tenth.
        vocabulary: Of the windows, one of ``compose.flat_layouts.LAYOUTS``.
    """

    stores: tuple[str, ...]
    seed: int = 0
    batch: int = BATCH
    plain_share: float | None = None
    vocabulary: str = Anticipation.name


def flat_config(vocabulary: str) -> FlatModelConfig:
    """The size for a processor: about the weights of ``compose.train_compose.CPU_CONFIG``."""
    transformer = MusicTransformerConfig(
        embed_dim=256, num_layers=6, num_heads=8, feedforward_dim=1024, max_distance=1024, dropout=0.05
    )
    return FlatModelConfig(vocabulary=vocabulary, transformer=transformer, hidden_dim=256)


class _Pieces:
    """The pieces as events, and how often each is drawn: as ``compose.train_compose`` draws them."""

    def __init__(self, stores: tuple[str, ...], split: Split) -> None:
        self._chorales = [chorale.piece for chorale in bach_chorales(split)]
        opened = [NoteStore(Path(store)) for store in stores]
        self._places = [(store, index) for store in opened for index in store.select(split)]
        weights = np.array([math.sqrt(store.pieces[index].num_notes) for store, index in self._places])
        chorales = np.full(len(self._chorales), CHORALE_WEIGHT / max(len(self._chorales), 1))
        self._weights = np.concatenate([chorales, weights / weights.sum() * (1 - CHORALE_WEIGHT)])
        self._weights /= self._weights.sum()
        self._events: dict[int, Events] = {}

    def _piece(self, index: int) -> Piece:
        if index < len(self._chorales):
            return self._chorales[index]
        store, place = self._places[index - len(self._chorales)]
        return store.load(place)

    def _draw(self, rng: np.random.Generator) -> int:
        return int(rng.choice(len(self._weights), p=self._weights))

    def draw_piece(self, rng: np.random.Generator) -> Piece:
        return self._piece(self._draw(rng))

    def draw(self, rng: np.random.Generator) -> Events:
        index = self._draw(rng)
        if index not in self._events:
            self._events[index] = piece_to_events(self._piece(index))[0]
        return self._events[index]


@lru_cache(maxsize=4)
def _pieces(stores: tuple[str, ...], split: Split) -> _Pieces:
    return _Pieces(stores, split)


def _shift(pitches: Ids, rng: np.random.Generator) -> int:
    """Semitones that keep pitches in the MIDI range."""
    low = max(SHIFTS[0], -int(pitches.min(initial=NUM_PITCHES)))
    high = min(SHIFTS[1], NUM_PITCHES - int(pitches.max(initial=0)))
    return int(rng.integers(low, high)) if low < high else 0


def _varied(events: Events, rng: np.random.Generator) -> Events:
    """The events in another key (drums stay) and tempo."""
    out = events.copy()
    pitched = out["note"] < DRUM_INSTRUMENT * NUM_PITCHES
    out["note"][pitched] += _shift(out["note"][pitched] % NUM_PITCHES, rng)
    factor = float(np.exp(rng.uniform(-TEMPO_SPREAD, TEMPO_SPREAD)))
    out["onset_tick"] = np.rint(out["onset_tick"] * factor)
    out["duration_tick"] = np.minimum(np.rint(out["duration_tick"] * factor), MAX_DURATION_TICKS - 1)
    return out


def _stretch(events: Events, copy: int, rng: np.random.Generator) -> Events:
    """Part of a training copy of a piece, its clock begun anew."""
    stream = augment(_varied(events, rng), copy, rng)
    first = int(rng.integers(0, max(len(stream) - STRETCH, 0) + 1))
    part = stream[first : first + STRETCH].copy()
    part["onset_tick"] -= part["onset_tick"].min(initial=2**62)
    return part


def _copy(source: FlatSource, rng: np.random.Generator) -> int:
    """Which training copy of a piece is next."""
    if source.plain_share is None:
        return int(rng.integers(NUM_COPIES))
    return 0 if rng.random() < source.plain_share else int(rng.integers(1, NUM_COPIES))


def _arrival_windows(source: FlatSource, pieces: _Pieces, wanted: int, rng: np.random.Generator) -> Ids:
    """At least ``wanted`` windows of ``anticipation``."""
    streams: list[Events] = []
    while True:
        while sum(len(stream) + 1 for stream in streams) < (wanted + 1) * EVENTS_PER_WINDOW:
            streams.append(_stretch(pieces.draw(rng), _copy(source, rng), rng))
        ids = pack(streams).ids
        if len(ids) >= wanted:
            return ids
        streams.append(_stretch(pieces.draw(rng), 0, rng))  # some windows were longer than the clock


def _varied_piece(piece: Piece, rng: np.random.Generator) -> Piece:
    """The piece in another key (drums stay) and tempo."""
    notes = piece.notes.copy()
    pitched = ~np.array([part.is_drum for part in piece.parts], dtype=np.bool_)[notes["part"]]
    notes["pitch"][pitched] += _shift(notes["pitch"][pitched].astype(np.int64), rng)
    tempos = piece.tempos.copy()
    if not len(tempos) or tempos["onset_div"][0] > 0:
        tempos = np.concatenate([np.array([(0, DEFAULT_QUARTERS_PER_MINUTE)], dtype=TEMPO_DTYPE), tempos])
    tempos["quarters_per_minute"] *= np.exp(rng.uniform(-TEMPO_SPREAD, TEMPO_SPREAD))
    return replace(piece.with_notes(notes), tempos=tempos)


def _plain_windows(vocabulary: Vocabulary, pieces: _Pieces, wanted: int, rng: np.random.Generator) -> Ids:
    """``wanted`` windows of a vocabulary without controls."""
    streams: list[Ids] = []
    while sum(map(len, streams)) < wanted * CONTEXT_SIZE:
        ids = vocabulary.encode(_varied_piece(pieces.draw_piece(rng), rng)).tokens.ids
        first = int(rng.integers(0, max(len(ids) - EVENT_SIZE * STRETCH, 0) + 1))
        streams.append(ids[first : first + EVENT_SIZE * STRETCH])
    return np.concatenate(streams)[: wanted * CONTEXT_SIZE].reshape(wanted, CONTEXT_SIZE)


def make_windows(source: FlatSource, number: int, split: Split = "train") -> Ids:
    """The windows of a round, shape (ROUND * batch, 1024): a pure function of its arguments.

    Args:
        source: Where pieces come from.
        number: Of the round, from 0.
        split: Of the pieces.
    """
    pieces = _pieces(source.stores, split)
    rng = np.random.default_rng([source.seed, number])
    wanted = ROUND * source.batch
    if source.vocabulary == Anticipation.name:
        ids = _arrival_windows(source, pieces, wanted, rng)
    else:
        ids = _plain_windows(build_vocabulary(source.vocabulary), pieces, wanted, rng)
    return ids[rng.permutation(len(ids))[:wanted]]


def as_batch(layout: type[FlatLayout], windows: Sequence[Ids]) -> Batch:
    """Inputs (batch, time, column) and targets (batch, time, field) of streams, padded at the end."""
    read = [layout.read(window) for window in windows]
    longest = max(len(columns.inputs) for columns in read)
    inputs = np.zeros((len(read), longest, len(layout.columns)), dtype=np.int64)
    targets = np.full((len(read), longest, len(layout.fields)), NOT_DECIDED, dtype=np.int64)
    for row, columns in enumerate(read):
        inputs[row, : len(columns.inputs)], targets[row, : len(columns.targets)] = columns
    return torch.from_numpy(inputs), torch.from_numpy(targets)


def _batches(source: FlatSource, layout: type[FlatLayout], first: int) -> Iterator[Batch]:
    """Batches from a step on."""
    step = first
    while True:
        windows = make_windows(source, step // ROUND)
        for index in range(step % ROUND, ROUND):
            yield as_batch(layout, list(windows[index * source.batch : (index + 1) * source.batch]))
            step += 1


def event_nats(model: nn.Module, batch: Batch) -> Tensor:
    """Nats a note of a batch: all that is decided, RESTs too, over the notes that are."""
    inputs, targets = batch
    notes = model.layout.is_note(targets).sum()  # type: ignore[operator, union-attr]
    total: Tensor = model.nats(inputs, targets).sum() / notes  # type: ignore[operator]
    return total


@torch.no_grad()
def validate(model: FlatModel, held_out: Sequence[Batch]) -> dict[str, float]:
    """Nats a note on held-out windows."""
    sums = np.zeros(len(model.layout.fields))
    notes = 0
    for inputs, targets in held_out:
        sums += model.nats(inputs, targets).sum(dim=(0, 1)).double().numpy()
        notes += int(model.layout.is_note(targets).sum())
    named = zip(model.layout.names, sums / notes, strict=True)
    return {"nats_per_note": round(float(sums.sum() / notes), 4), **{name: round(float(value), 4) for name, value in named}}


def train_flat(
    folder: Path,
    stores: Sequence[str],
    plan: TrainingPlan,
    config: FlatModelConfig,
    seed: int = 0,
    batch: int = BATCH,
    plain_share: float | None = None,
) -> tuple[FlatModel, dict[str, float]]:
    """Train, resuming from ``folder``; gives the model and its figures on windows of held-out pieces.

    Args:
        folder: Of the run.
        stores: Folders of note stores.
        plan: Time and rates.
        config: Vocabulary and sizes.
        seed: Of weights and batches.
        batch: Windows of a batch.
        plain_share: See ``FlatSource``.
    """
    torch.manual_seed(seed)
    model = FlatModel(config, backend="sdpa")
    windows = make_windows(FlatSource(tuple(stores), 1, BATCH, vocabulary=config.vocabulary), 0, "valid")[:HELD_OUT]
    held_out = [as_batch(model.layout, list(windows[start : start + 8])) for start in range(0, HELD_OUT, 8)]
    first = steps_done(folder)
    batches = _batches(FlatSource(tuple(stores), seed, batch, plain_share, config.vocabulary), model.layout, first)
    figures = train(model, batches, event_nats, plan, folder, lambda m: validate(m, held_out))  # type: ignore[arg-type]
    return model, figures
