"""How far the detector is off: cross-entropies of cells and of what it tells of their signs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional

from omr.detector.model import ATTRIBUTES
from omr.detector.targets import CropTargets

__all__ = ["WEIGHTS", "DetectorBatch", "batch_of", "detector_losses", "total_loss"]

BLACK = 255
# Of each loss, a mean over the signs that it counts.
WEIGHTS = {
    "points": 1.0,
    "offset": 1.0,
    "size": 0.3,
    "lower": 0.3,
    "duration": 0.5,
    "dots": 0.5,
    "stem": 0.3,
    "beam": 0.3,
    "grace": 0.3,
    "tie_start": 0.5,
    "tie_stop": 0.5,
    "slur_start": 0.3,
    "slur_stop": 0.3,
}


@dataclass(frozen=True, eq=False)
class DetectorBatch:
    """Crops of one size.

    Args:
        ink: Pictures, 0 white to 255 black: a quarter of what floats would take from the processes that make them.
        cells: Picture, channel, row and column of each sign.
        values: See ``CropTargets``.
        weights: See ``CropTargets``.
        counts: 1 where a cell counts.
    """

    ink: UInt8[Tensor, "batch 1 height width"]
    cells: Int[Tensor, "points 4"]
    values: Float[Tensor, "points numbers"]
    weights: Float[Tensor, "points names"]
    counts: Float[Tensor, "batch row column"]


def batch_of(pictures: Sequence[np.ndarray], targets: Sequence[CropTargets]) -> DetectorBatch:
    """A batch of crops; ``pictures`` are ink of one shape, float32 from 0 to 1."""
    numbered = [np.insert(one.cells, 0, index, axis=1) for index, one in enumerate(targets)]
    return DetectorBatch(
        ink=torch.from_numpy(np.round(np.stack(pictures)[:, None] * BLACK).astype(np.uint8)),
        cells=torch.from_numpy(np.concatenate(numbered)),
        values=torch.from_numpy(np.concatenate([one.values for one in targets])),
        weights=torch.from_numpy(np.concatenate([one.weights for one in targets])),
        counts=torch.from_numpy(np.stack([one.border for one in targets]).astype(np.float32)),
    )


def _points(logits: Float[Tensor, "batch channel row column"], batch: DetectorBatch) -> Tensor:
    """Cross-entropy of all cells, in nats a sign."""
    picture, channel, row, column = batch.cells.unbind(1)
    target = torch.zeros_like(logits)
    target[picture, channel, row, column] = 1.0
    counts = batch.counts[:, None].expand_as(logits)
    losses = functional.binary_cross_entropy_with_logits(logits, target, weight=counts, reduction="sum")
    return losses / max(len(picture), 1)


def detector_losses(model: nn.Module, batch: DetectorBatch) -> dict[str, Tensor]:
    """The losses by the names of ``WEIGHTS``, each a mean over the signs that it counts."""
    points, told = model(batch.ink / BLACK, batch.cells[:, [0, 2, 3]])
    losses = {"points": _points(points, batch)}
    column = 0
    for index, (name, size) in enumerate(ATTRIBUTES.items()):
        width = 2 if name in ("offset", "size") else 1
        wanted = batch.values[:, column : column + width]
        column += width
        if width == 2:
            loss = functional.smooth_l1_loss(told[name], wanted, beta=0.1, reduction="none").sum(1)
        elif size == 1:
            loss = functional.binary_cross_entropy_with_logits(told[name], wanted, reduction="none")[:, 0]
        else:
            loss = functional.cross_entropy(told[name], wanted[:, 0].long(), reduction="none")
        weight = batch.weights[:, index]
        losses[name] = (loss * weight).sum() / weight.sum().clamp(min=1.0)
    return losses


def total_loss(model: nn.Module, batch: DetectorBatch) -> Tensor:
    """The weighted sum of all losses."""
    return torch.stack([WEIGHTS[name] * value for name, value in detector_losses(model, batch).items()]).sum()
