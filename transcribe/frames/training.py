"""Train a frame model on a sound store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from compose.devices import device_of, moved
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
    "gpu": FrameModelConfig(width=64, dilations=(1, 2, 4, 8, 16, 32, 1, 2, 4, 8), groups=16, pulse_width=192, drum_readers=2),
}
VALIDATION_CROPS = 64


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
    source: CropSource,
    validation: Path,
    plan: TrainingPlan,
    config: FrameModelConfig,
    *,
    workers: int = 1,
) -> tuple[FrameModel, dict[str, float]]:
    """Train, resuming from ``folder``; gives the model and its losses on the validation store.

    Args:
        folder: Of the run.
        source: Of crops, from a sound store (``transcribe.training_audio``); its seed is that of the weights, too.
        validation: A sound store of other pieces and another font.
        plan: Time and rates.
        config: Sizes.
        workers: Processes that make batches; the batches are the same whatever their number.
    """
    torch.manual_seed(source.seed)
    model = FrameModel(config)
    held_out = validation_batches(str(validation), VALIDATION_CROPS)
    batches = training_batches(source, steps_done(folder), workers)
    figures = train(model, batches, crop_loss, plan, folder, lambda trained: validate(trained, held_out))
    return model, figures
