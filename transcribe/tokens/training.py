"""Train a token model on a sound store.

With ``kind`` "heard" the model reads what a frame model says (``transcribe.tokens.features``): first what a good one might say,
drawn from the labels of the store, which costs no hearing; then, given a frame model, what that one says of the store's sound. With
"spectrum" it hears for itself, which wants a GPU and hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from compose.devices import device_of, moved
from compose.ordered_blocks import ordered_items
from compose.run_folder import steps_done
from compose.training import TrainingPlan, train
from corpora.atomic import atomic_path
from transcribe.frames.model import FrameModel
from transcribe.tokens.crops import BLOCK, FULL_SCALE, SegmentBatch, SegmentSource, make_block
from transcribe.tokens.features import hear_features, spectrum_features
from transcribe.tokens.model import TokenModel, TokenModelConfig
from transcribe.training_audio.sound_store import SoundStore

__all__ = ["make_features", "train_tokens"]

VALIDATION_BLOCKS = 1


def make_features(store: Path, folder: Path, listener: FrameModel | None) -> int:
    """Write the features of every clip of a store that has none yet, as ``SegmentSource`` reads them; gives how many.

    Args:
        store: A sound store.
        folder: Made when missing.
        listener: Whose saying the features are; None for spectrograms.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clips = SoundStore(store)
    made = 0
    for index in range(len(clips)):
        path = folder / f"{index}.npy"
        if path.is_file():
            continue
        samples = clips.clip(index).samples.astype(np.float32) / FULL_SCALE
        features = spectrum_features(samples) if listener is None else hear_features([samples], listener)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, features.astype(np.float16))
        made += 1
    return made


def segment_loss(model: nn.Module, batch: SegmentBatch) -> Tensor:
    """Mean nats an id."""
    nats: Tensor = model.nats(batch.features, batch.ids, batch.prior)  # type: ignore[operator]
    return nats.sum() / (batch.ids != 0).sum()


@torch.no_grad()
def validate(model: nn.Module, batches: Sequence[SegmentBatch]) -> dict[str, float]:
    """Nats an id over batches."""
    total, count = 0.0, 0
    for given in batches:
        batch = moved(given, device_of(model))
        total += float(model.nats(batch.features, batch.ids, batch.prior).sum())  # type: ignore[operator]
        count += int((batch.ids != 0).sum())
    return {"nats_per_id": round(total / count, 4)}


def _batches(source: SegmentSource, first: int, workers: int) -> Iterator[SegmentBatch]:
    return ordered_items(partial(make_block, source), BLOCK, first, workers)


def train_tokens(
    folder: Path,
    source: SegmentSource,
    validation: SegmentSource,
    plan: TrainingPlan,
    config: TokenModelConfig,
    *,
    start: dict[str, Tensor] | None = None,
    workers: int = 1,
) -> tuple[TokenModel, dict[str, float]]:
    """Train, resuming from ``folder``; gives the model and its figures on held-out segments.

    Args:
        folder: Of the run.
        source, validation: Segments, of other pieces and other fonts.
        plan: Time and rates.
        config: Sizes.
        start: Weights to begin with, of the same sizes; None for random ones.
        workers: Processes that make segments; these are the same whatever their number.
    """
    torch.manual_seed(source.seed)
    model = TokenModel(config)
    if start is not None:
        model.load_state_dict(start)
    held_out = [batch for number in range(VALIDATION_BLOCKS) for batch in make_block(validation, number)]
    first = steps_done(folder)
    figures = train(model, _batches(source, first, workers), segment_loss, plan, folder, lambda m: validate(m, held_out))
    return model, figures
