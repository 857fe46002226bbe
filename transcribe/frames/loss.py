"""What the frame model is trained by: summed cross-entropies of its heads, in nats a frame.

Onset, frame and offset are sums over the pitches. Velocity and family count where an onset's triangle is, by its height; so do the
drums' velocities. Beats are counted with some tolerance: a frame near a beat is no false alarm (the shift-tolerant loss of Foscarin
et al., arXiv 2407.21658, section 3.2, with triangles for its dilation).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from transcribe.frames.drum_reader import DrumOutputs
from transcribe.frames.model import FrameOutputs

__all__ = ["TargetBatch", "drum_losses", "frame_losses", "total_loss"]

POSITIVE = 3.0  # what a hidden onset costs against a false one
WEIGHTS = {
    "onset": 1.0,
    "frame": 0.5,
    "offset": 0.25,
    "velocity": 150.0,
    "family": 3.0,
    "drums": 3.0,
    "drum_velocity": 30.0,
    "pedal": 0.5,
    "beats": 1.0,
}
BEAT_POSITIVE = 10.0
ABSOLUTE = 0.1  # share of the velocities' errors that count as they are


class TargetBatch(NamedTuple):
    """Targets as ``transcribe.frames.targets.Targets`` has them, stacked; ``weight`` is 0 for frames that do not count."""

    onset: Float[Tensor, "batch time 88"]
    frame: Float[Tensor, "batch time 88"]
    offset: Float[Tensor, "batch time 88"]
    velocity: Float[Tensor, "batch time 88"]
    families: Float[Tensor, "batch family time 88"]
    drums: Float[Tensor, "batch time drum"]
    drum_velocity: Float[Tensor, "batch time drum"]
    pedal: Float[Tensor, "batch time"]
    beats: Float[Tensor, "batch time 2"]
    weight: Float[Tensor, "batch time"]
    pedal_weight: Float[Tensor, "batch time"]
    beat_weight: Float[Tensor, "batch time"]


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean over the frames that count of what is summed over all else."""
    return (values.flatten(2).sum(-1) * weight).sum() / weight.sum().clamp(min=1.0)


def _entropy(logits: Tensor, targets: Tensor, positive: float = 1.0) -> Tensor:
    weight = torch.tensor(positive, device=logits.device)
    return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none", pos_weight=weight)


def _velocity_loss(errors: Tensor, weight: Tensor) -> Tensor:
    """Squared errors: mostly of the differences within a crop, as how hard it was played on the whole is not in the sound."""
    common = (errors * weight).flatten(1).sum(1) / weight.flatten(1).sum(1).clamp(min=1e-6)
    inner = errors - common[:, None, None]
    return ((inner.square() + ABSOLUTE * errors.square()) * weight).sum()


def drum_losses(
    told: DrumOutputs,
    drums: Float[Tensor, "batch time drum"],
    drum_velocity: Float[Tensor, "batch time drum"],
    weight: Float[Tensor, "batch time"],
) -> dict[str, Tensor]:
    """The losses of the drums by name, each a mean over the frames that count.

    Args:
        told: Of the model.
        drums, drum_velocity, weight: As in ``TargetBatch``.
    """
    return {
        "drums": _mean(_entropy(told.drums, drums, POSITIVE), weight),
        "drum_velocity": _mean((told.drum_velocity - drum_velocity).square() * drums, weight),
    }


def frame_losses(told: FrameOutputs, wanted: TargetBatch) -> dict[str, Tensor]:
    """The losses by name, each a mean over the frames that count.

    Args:
        told: Of the model.
        wanted: Targets.
    """
    weight = wanted.weight
    family = _entropy(told.families, wanted.families).sum(1)
    slack = (wanted.beats == 0) | (wanted.beats > 0.5)  # the flanks of a triangle count for nothing
    beats = _entropy(told.beats, (wanted.beats > 0.5).float(), BEAT_POSITIVE) * slack
    return {
        "onset": _mean(_entropy(told.onset, wanted.onset, POSITIVE), weight),
        "frame": _mean(_entropy(told.frame, wanted.frame), weight),
        "offset": _mean(_entropy(told.offset, wanted.offset, POSITIVE), weight),
        "velocity": _velocity_loss(told.velocity - wanted.velocity, wanted.onset * weight[..., None]) / weight.sum().clamp(min=1.0),
        "family": _mean(family * wanted.onset * (wanted.families.sum(1) > 0), weight),
        **drum_losses(DrumOutputs(told.drums, told.drum_velocity), wanted.drums, wanted.drum_velocity, weight),
        "pedal": _mean(_entropy(told.pedal, wanted.pedal)[..., None], wanted.pedal_weight),
        "beats": _mean(beats, wanted.beat_weight),
    }


def total_loss(told: FrameOutputs, wanted: TargetBatch) -> Tensor:
    """The weighted sum that is trained."""
    losses = frame_losses(told, wanted)
    return torch.stack([WEIGHTS[name] * value for name, value in losses.items()]).sum()
