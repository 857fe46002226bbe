"""Trains the quantiser on performed scores, disturbed as transcription disturbs them.

Every example is a passage of a performance with other noise each time: onsets and beats jitter, offsets are those of the keys or of
the pedal and come early or late, notes are missing and others are there too much, the tempo is another.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from compose.run_folder import steps_done
from compose.training import TrainingPlan, train
from corpora.piece import Table
from render.perform.draft import is_keyboard
from transcribe.heard import HeardMusic
from transcribe.score.features import place_features, value_features
from transcribe.score.grid import BeatGrid, beat_grid
from transcribe.score.network import KINDS, Quantiser, QuantiserConfig
from transcribe.score.pairs import iter_pairs
from transcribe.score.performed import MAIN, STROKE, UNKNOWN, PerformedScore
from transcribe.score.slots import SLOTS, VALUES, slot_of, value_of
from transcribe.score.view import NoteView, note_view

__all__ = ["TRAIN_FILES", "VALID_FILES", "Passage", "passage_of", "read_pairs", "train_on_packs", "train_quantiser"]

PASSAGE_NOTES, MARGIN_NOTES, BATCH_PASSAGES = 128, 40, 16
MAX_JITTER_S, MAX_LAG_S, MAX_OFFSET_NOISE_S = 0.013, 0.008, 0.05
MAX_DROPPED, MAX_ADDED = 0.04, 0.02
PEDAL_SHARE, EARLY_SHARE, WRONG_PLACE_SHARE = 0.6, 0.25, 0.02
IGNORED = -100
VALUE_TOLERANCE = 0.02
KIND_WEIGHT, HAND_WEIGHT = 0.5, 0.5
TRAIN_FILES = {"openscore-lieder": 450, "openscore-string-quartets": 30}  # kern takes ten seconds a file to read
VALID_FILES = {"openscore-lieder": 40, "openscore-string-quartets": 5, "nifc-chopin-first-editions": 3}
TRAIN_SEED, VALID_SEED = 11, 22
FIGURE_PASSAGES = 160


@dataclass(frozen=True, eq=False)
class Passage:
    """Features and targets of some notes; targets are ``IGNORED`` where there is nothing to learn.

    Args:
        places, values: Features, shapes (notes, NUM_PLACE_FEATURES) and (notes, NUM_VALUE_FEATURES).
        slot, kind, value, upper: Targets, shape (notes,); ``upper`` is 1 on the upper staff of a keyboard, 0 below.
    """

    places: NDArray[np.float32]
    values: NDArray[np.float32]
    slot: NDArray[np.int64]
    kind: NDArray[np.int64]
    value: NDArray[np.int64]
    upper: NDArray[np.int64]


def read_pairs(files: dict[str, int], split: str, seed: int) -> list[PerformedScore]:
    """Pairs of all packs.

    Raises:
        InputError: A pack is missing.
    """
    return [pair for pack, limit in files.items() for _, pair in iter_pairs(pack, split, limit, seed)]


def _disturbed(notes: Table, truth: Table, rng: np.random.Generator, *, with_pedal: bool) -> tuple[Table, Table]:
    """A passage with other times, without some notes and with some that were never played."""
    kept = rng.random(len(notes)) >= rng.uniform(0, MAX_DROPPED)
    notes, truth = notes[kept].copy(), truth[kept].copy()
    if not with_pedal:
        notes["offset_s"] = truth["key_up_s"]
    count = len(notes)
    length = np.maximum(notes["offset_s"] - notes["onset_s"], 0.02)
    early = rng.random(count) < EARLY_SHARE * rng.random()
    length = np.where(early, length * rng.uniform(0.4, 1.0, count), length)
    length = length + rng.normal(0, rng.uniform(0, MAX_OFFSET_NOISE_S), count)
    notes["onset_s"] += rng.normal(0, rng.uniform(0, MAX_JITTER_S), count) + rng.uniform(-MAX_LAG_S, MAX_LAG_S)
    notes["offset_s"] = notes["onset_s"] + np.maximum(length, 0.03)
    added = rng.integers(0, int(MAX_ADDED * count) + 1)
    if added:
        which = rng.integers(0, count, added)
        more, unknown = notes[which].copy(), truth[which].copy()
        more["onset_s"] += rng.uniform(-0.3, 0.3, added)
        more["offset_s"] = more["onset_s"] + rng.uniform(0.05, 0.5, added)
        more["pitch"] = np.clip(more["pitch"] + rng.integers(-12, 13, added), 0, 127)
        unknown["kind"] = UNKNOWN
        notes, truth = np.concatenate([notes, more]), np.concatenate([truth, unknown])
    order = np.lexsort((notes["family"], notes["pitch"], notes["onset_s"]))
    return notes[order], truth[order]


def passage_of(pair: PerformedScore, grid: BeatGrid, start: int, rng: np.random.Generator) -> Passage:
    """A passage of ``PASSAGE_NOTES`` notes, disturbed.

    Args:
        pair: The performance.
        grid: Its beat grid.
        start: First note.
        rng: Of the disturbance.
    """
    first = max(start - MARGIN_NOTES, 0)
    cut = slice(first, start + PASSAGE_NOTES + MARGIN_NOTES)
    with_pedal = bool(rng.random() < PEDAL_SHARE)
    notes, truth = _disturbed(pair.heard.notes[cut], pair.truth[cut], rng, with_pedal=with_pedal)
    pedals = pair.heard.pedals if with_pedal else pair.heard.pedals[:0]
    heard = HeardMusic(notes=notes, duration_s=pair.heard.duration_s, pedals=pedals)
    moved = grid.seconds + np.clip(rng.normal(0, rng.uniform(0, MAX_JITTER_S), len(grid.seconds)), -0.04, 0.04)
    pace = float(rng.uniform(0.85, 1.2))
    view = note_view(heard, replace(grid, seconds=moved))
    view = replace(view, onset_s=view.onset_s * pace, end_s=view.end_s * pace, beat_s=view.beat_s * pace)
    exact = truth["onset_beats"] + grid.first_heard
    known, is_main = truth["kind"] != UNKNOWN, truth["kind"] == MAIN
    places = np.where(known, exact, np.rint(view.onset * 4) / 4)
    wrong = rng.random(len(places)) < WRONG_PLACE_SHARE
    places = np.where(wrong, np.rint(view.onset * 6) / 6, places)
    slot = slot_of(exact, np.floor(view.onset))
    quarters = truth["duration_beats"] * view.tactus_quarters
    value = value_of(quarters)
    fits = np.abs(np.array([float(VALUES[index]) for index in value]) - quarters) < VALUE_TOLERANCE * np.maximum(quarters, 1e-9)
    inside = slice(start - first, start - first + PASSAGE_NOTES)
    return Passage(
        places=_filled(place_features(view)[inside]),
        values=_filled(value_features(_scaled_pedals(view, pace), places)[inside]),
        slot=_targets(slot, known & (slot >= 0) & (truth["kind"] != STROKE), inside),
        kind=_targets(truth["kind"].astype(np.int64), known, inside),
        value=_targets(value, is_main & fits, inside),
        upper=_targets(_upper(pair)[truth["part"]], known, inside),
    )


def _filled(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features of as many notes as a passage has, zeros after the last."""
    out = np.zeros((PASSAGE_NOTES, features.shape[1]), dtype=np.float32)
    out[: len(features)] = features
    return out


def _targets(values: NDArray[np.int64], known: NDArray[np.bool_], inside: slice) -> NDArray[np.int64]:
    """Targets of as many notes as a passage has, ``IGNORED`` where they are not known and after the last."""
    out = np.full(PASSAGE_NOTES, IGNORED, dtype=np.int64)
    shown = np.where(known, values, IGNORED)[inside]
    out[: len(shown)] = shown
    return out


def _upper(pair: PerformedScore) -> NDArray[np.int64]:
    """For each lane whether it is the upper staff of a keyboard; ``IGNORED`` for other instruments."""
    staves = Counter(part.key for part in pair.parts if is_keyboard(part.program))
    return np.array([int(part.staff == 1) if staves[part.key] > 1 else IGNORED for part in pair.parts], dtype=np.int64)


def _scaled_pedals(view: NoteView, pace: float) -> NoteView:
    pedals = view.pedals.copy()
    for column in ("onset_s", "offset_s"):
        pedals[column] *= pace
    return replace(view, pedals=pedals)


class _Passages:
    """Random passages of many pairs, each pair as often as it has notes."""

    def __init__(self, pairs: Sequence[PerformedScore]) -> None:
        self.pairs = list(pairs)
        self.grids = [beat_grid(pair.heard, 0.0, pair.heard.duration_s) for pair in pairs]
        sizes = np.array([len(pair.truth) for pair in pairs], dtype=np.float64)
        self.chances = sizes / sizes.sum()

    def one(self, rng: np.random.Generator) -> Passage:
        index = int(rng.choice(len(self.pairs), p=self.chances))
        start = int(rng.integers(0, max(len(self.pairs[index].truth) - PASSAGE_NOTES, 0) + 1))
        return passage_of(self.pairs[index], self.grids[index], start, rng)

    def batch(self, rng: np.random.Generator, count: int) -> dict[str, Tensor]:
        found = [self.one(rng) for _ in range(count)]
        return {
            name: torch.from_numpy(np.stack([getattr(passage, name) for passage in found]))
            for name in ("places", "values", "slot", "kind", "value", "upper")
        }

    def endless(self, seed: int) -> Iterator[dict[str, Tensor]]:
        rng = np.random.default_rng(seed)
        while True:
            yield self.batch(rng, BATCH_PASSAGES)


def _loss(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    assert isinstance(model, Quantiser)
    slots, kinds = model.places(batch["places"]).split([len(SLOTS), KINDS], dim=-1)
    values, upper = model.values(batch["values"]).split([len(VALUES), 1], dim=-1)
    keyed = batch["upper"] != IGNORED
    odds = nn.functional.binary_cross_entropy_with_logits(upper[..., 0][keyed], batch["upper"][keyed].float(), reduction="sum")
    cross_entropy = nn.functional.cross_entropy
    return (
        cross_entropy(slots.flatten(0, 1), batch["slot"].flatten(), ignore_index=IGNORED)
        + KIND_WEIGHT * cross_entropy(kinds.flatten(0, 1), batch["kind"].flatten(), ignore_index=IGNORED)
        + cross_entropy(values.flatten(0, 1), batch["value"].flatten(), ignore_index=IGNORED)
        + HAND_WEIGHT * odds / keyed.numel()
    )


def _figures(model: nn.Module, batches: Sequence[dict[str, Tensor]]) -> dict[str, float]:
    """Shares of the held-out notes whose most likely slot, kind, value and staff are right, single notes by themselves."""
    assert isinstance(model, Quantiser)
    right = dict.fromkeys(("slot", "kind", "value", "upper"), 0)
    seen = dict.fromkeys(right, 0)
    with torch.inference_mode():
        for batch in batches:
            slots, kinds = model.places(batch["places"]).split([len(SLOTS), KINDS], dim=-1)
            values, upper = model.values(batch["values"]).split([len(VALUES), 1], dim=-1)
            guesses = {"slot": slots.argmax(-1), "kind": kinds.argmax(-1), "value": values.argmax(-1), "upper": upper[..., 0] > 0}
            for name, guess in guesses.items():
                known = batch[name] != IGNORED
                right[name] += int((guess == batch[name])[known].sum())
                seen[name] += int(known.sum())
    return {name: round(right[name] / max(seen[name], 1), 4) for name in right}


def train_quantiser(
    train_pairs: Sequence[PerformedScore],
    valid_pairs: Sequence[PerformedScore],
    folder: Path,
    *,
    minutes: float,
    seed: int = 0,
    config: QuantiserConfig | None = None,
) -> tuple[Quantiser, dict[str, float]]:
    """Train, going on where a run in ``folder`` stopped.

    Args:
        train_pairs, valid_pairs: From ``read_pairs``.
        folder: Of the run.
        minutes: Wall time.
        seed: Of weights and passages.
        config: Shape; None for the usual one.

    Returns:
        The quantiser, and its figures on the valid pairs.
    """
    torch.manual_seed(seed)
    model = Quantiser(config or QuantiserConfig())
    held_out = _Passages(valid_pairs)
    rng = np.random.default_rng(VALID_SEED)
    batches = [held_out.batch(rng, BATCH_PASSAGES) for _ in range(FIGURE_PASSAGES // BATCH_PASSAGES)]
    plan = TrainingPlan(minutes=minutes, learning_rate=2e-3, weight_decay=0.05, averaging=0.995, evaluate_every_s=60.0)
    start = time.time_ns() if steps_done(folder) else seed  # a run that goes on draws other passages
    figures = train(model, _Passages(train_pairs).endless(start), _loss, plan, folder, lambda trained: _figures(trained, batches))
    return model.eval(), figures


def train_on_packs(folder: Path, *, minutes: float, seed: int = 0) -> tuple[Quantiser, dict[str, float]]:
    """Read the packs, train, and write the weights to ``folder / "weights"``.

    Args:
        folder: Of the run.
        minutes: Wall time of the training itself; reading and playing the scores comes before it.
        seed: Of weights and passages.

    Raises:
        InputError: A pack is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    train_pairs, valid_pairs = read_pairs(TRAIN_FILES, "train", TRAIN_SEED), read_pairs(VALID_FILES, "valid", VALID_SEED)
    model, figures = train_quantiser(train_pairs, valid_pairs, folder, minutes=minutes, seed=seed)
    shares = "\n".join(f"| {name} | {share} |" for name, share in figures.items())
    head = "| right on single disturbed notes of the valid splits | |\n|---|---|"
    model.save(folder / "weights", f"# quantiser\n\n{minutes:g} minutes, seed {seed}.\n\n{head}\n{shares}\n")
    return model, figures
