"""Train a frame model on a sound store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from compose.devices import ahead, best_device, device_of, moved
from compose.ordered_blocks import ordered_items
from compose.run_folder import steps_done
from compose.training import TrainingPlan, train
from transcribe.frames.crops import BLOCK, CropBatch, CropSource, make_block, validation_batches
from transcribe.frames.loss import WEIGHTS, frame_losses, total_loss
from transcribe.frames.model import FrameModel, FrameModelConfig
from transcribe.spectra.log_frequency import log_frequency

__all__ = ["PRESETS", "crop_loss", "train_frames", "training_batches", "validate"]

PRESETS = {
    "tiny": FrameModelConfig(width=24, dilations=(1, 2, 4, 8, 16, 2), pulse_width=64),
    "cpu": FrameModelConfig(),
    "gpu": FrameModelConfig(width=64, dilations=(1, 2, 4, 8, 16, 32, 1, 2, 4, 8), groups=16, pulse_width=192),
}
VALIDATION_CROPS = 64
WITH_DRUMS, DRUM_MIXTURES = (0.34, 0.34, 0.16, 0.16), 0.25  # of pianos, others, with drums, drums alone; share of mixtures


def crop_loss(model: nn.Module, batch: CropBatch) -> Tensor:
    """The loss of a batch; the spectrograms are made where the model is, in float32 always."""
    return total_loss(model(_spectra(batch)), batch.targets())


@torch.no_grad()
def _spectra(batch: CropBatch) -> Tensor:
    with torch.autocast(batch.samples.device.type, enabled=False):
        return log_frequency(batch.samples)


@torch.no_grad()
def validate(model: nn.Module, batches: Sequence[CropBatch]) -> dict[str, float]:
    """Mean losses over batches: the weighted sum first, then each."""
    sums: dict[str, float] = {}
    for given in batches:
        batch = moved(given, device_of(model))
        for name, value in frame_losses(model(log_frequency(batch.samples)), batch.targets()).items():
            sums[name] = sums.get(name, 0.0) + float(value) / len(batches)
    total = sum(WEIGHTS[name] * value for name, value in sums.items())
    return {"loss": round(total, 4), **{name: round(value, 4) for name, value in sums.items()}}


def training_batches(source: CropSource, first: int, workers: int) -> Iterator[CropBatch]:
    """Batches from a step on, in order, made in processes beside this one."""
    return ordered_items(partial(make_block, source), BLOCK, first, workers)


def train_frames(
    folder: Path,
    store: Path,
    validation: Path,
    plan: TrainingPlan,
    config: FrameModelConfig,
    *,
    seed: int = 0,
    batch: int = 4,
    frames: int = 400,
    workers: int = 1,
    more_drums: bool = False,
) -> tuple[FrameModel, dict[str, float]]:
    """Train, resuming from ``folder``; gives the model and its losses on the validation store.

    Args:
        folder: Of the run.
        store, validation: Sound stores (``transcribe.training_audio``), of other pieces and other fonts.
        plan: Time and rates.
        config: Sizes.
        seed: Of weights and crops.
        batch: Crops in a batch.
        frames: Of a crop.
        workers: Processes that make batches; the batches are the same whatever their number.
        more_drums: Whether crops have so many drums that their reader need not go on alone, which a GPU has the time for.
    """
    torch.manual_seed(seed)
    model = FrameModel(config)
    held_out = validation_batches(str(validation), VALIDATION_CROPS)
    first = steps_done(folder)
    source = CropSource(str(store), seed, frames, batch)
    if more_drums:
        source = replace(source, shares=WITH_DRUMS, mixed=DRUM_MIXTURES)
    with closing(ahead(training_batches(source, first, workers), best_device())) as batches:
        figures = train(model, batches, crop_loss, plan, folder, lambda trained: validate(trained, held_out))
    return model, figures
