"""Train a detector on a store of systems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import nn

from compose.devices import device_of, moved
from compose.ordered_blocks import ordered_items
from compose.run_folder import steps_done
from compose.training import TrainingPlan, train
from omr.detector.crops import BLOCK, CropSource, make_block, validation_batches
from omr.detector.loss import WEIGHTS, DetectorBatch, detector_losses, total_loss
from omr.detector.model import Detector, DetectorConfig

__all__ = ["PRESETS", "train_detector", "training_batches", "validate"]

PRESETS = {"tiny": DetectorConfig.tiny(), "cpu": DetectorConfig(), "gpu": DetectorConfig.large()}
VALIDATION_CROPS = 48


@torch.no_grad()
def validate(model: nn.Module, batches: Sequence[DetectorBatch]) -> dict[str, float]:
    """Mean losses over batches: the weighted sum first, then each."""
    sums: dict[str, float] = {}
    for given in batches:
        for name, value in detector_losses(model, moved(given, device_of(model))).items():
            sums[name] = sums.get(name, 0.0) + float(value) / len(batches)
    total = sum(WEIGHTS[name] * value for name, value in sums.items())
    return {"loss": round(total, 4), **{name: round(value, 4) for name, value in sums.items()}}


def training_batches(source: CropSource, first: int, workers: int) -> Iterator[DetectorBatch]:
    """Batches from a step on, in order, made in processes beside this one."""
    return ordered_items(partial(make_block, source), BLOCK, first, workers)


def train_detector(
    folder: Path,
    stores: Sequence[Path],
    validation: Path,
    plan: TrainingPlan,
    config: DetectorConfig,
    *,
    seed: int = 0,
    batch: int = 4,
    workers: int = 1,
) -> tuple[Detector, dict[str, float]]:
    """Train, resuming from ``folder``; gives the model and its losses on the validation store.

    Args:
        folder: Of the run.
        stores: Stores of systems (``omr.pages``) to learn from.
        validation: Another store, of other pieces.
        plan: Time and rates.
        config: Sizes.
        seed: Of weights and crops.
        batch: Crops in a batch.
        workers: Processes that make batches; the batches are the same whatever their number.
    """
    torch.manual_seed(seed)
    model = Detector(config).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    held_out = validation_batches(str(validation), VALIDATION_CROPS, config.interline_px)
    first = steps_done(folder)
    source = CropSource(tuple(str(store) for store in stores), seed, batch, interline_px=config.interline_px)
    batches = training_batches(source, first, workers)
    figures = train(model, batches, total_loss, plan, folder, lambda trained: validate(trained, held_out))
    return model, figures
