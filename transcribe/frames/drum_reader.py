"""Which drums are struck in a frame, from the spectrograms about it.

A stroke is noise and resonance over the whole spectrum, at the same places whatever is played beside it, and it is over soon. So
drums have a small network of their own: convolutions over frequency and time, which hear a drum that is tuned a little higher as
much the same, then a vector for each frame, mixed over some frames to either side. It learns with the frame model, and goes on
alone on music with many drums (``transcribe.frames.drum_training``), which costs little. Readers that learned from other drums are
asked together: kits that are new to both mislead them in other ways.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from transcribe.frames.drums import DRUM_CLASSES
from transcribe.spectra.log_frequency import NUM_BINS

__all__ = ["REACH", "DrumOutputs", "DrumReader", "DrumReaders"]

RESOLUTIONS = 2
CHANNELS = (24, 40)
BINS, STEPS = (7, 5), (3, 3)  # of the convolutions over frequency: how wide, and how far apart
WIDTH, DILATIONS = 192, (1, 2, 4, 1, 2, 4)
REACH = 2 + sum(DILATIONS)  # frames to either side
USUAL_LEVEL = 2.5
RARE = -5.0  # logit of a drum where nothing is known


class DrumOutputs(NamedTuple):
    """Of each frame: logits of an onset's triangle, and how hard the stroke is, 0 to 1 (127)."""

    drums: Float[Tensor, "batch time drum"]
    drum_velocity: Float[Tensor, "batch time drum"]


class _OverTime(nn.Module):
    """Adds what a frame's neighbours say."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.inner = nn.Conv1d(WIDTH, WIDTH, 3, padding=dilation, dilation=dilation)
        self.norm = nn.BatchNorm1d(WIDTH)
        self.outer = nn.Conv1d(WIDTH, WIDTH, 1)

    def forward(self, frames: Float[Tensor, "batch width time"]) -> Float[Tensor, "batch width time"]:
        changed: Tensor = self.outer(functional.relu(self.norm(self.inner(frames))))
        return frames + changed


class DrumReader(nn.Module):
    """The network, as the module says."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, bins = RESOLUTIONS, NUM_BINS
        for own, wide, step in zip(CHANNELS, BINS, STEPS, strict=True):
            layers += [nn.Conv2d(channels, own, (3, wide), stride=(1, step), padding=(1, 0)), nn.BatchNorm2d(own), nn.ReLU()]
            channels, bins = own, (bins - wide) // step + 1
        self.over_frequency = nn.Sequential(*layers)
        self.frames = nn.Conv1d(channels * bins, WIDTH, 1)
        self.over_time = nn.Sequential(*(_OverTime(dilation) for dilation in DILATIONS))
        self.head = nn.Conv1d(WIDTH, 2 * len(DRUM_CLASSES), 1)
        with torch.no_grad():
            assert self.head.bias is not None
            self.head.bias[: len(DRUM_CLASSES)] = RARE

    def forward(self, spectra: Float[Tensor, "batch 2 time freq"]) -> DrumOutputs:
        """Drums of all frames; what is ``REACH`` frames away or less has a say, and outside is silence.

        Args:
            spectra: ``transcribe.spectra.log_frequency``'s.
        """
        padded = functional.pad(spectra, (0, 0, REACH, REACH)) - USUAL_LEVEL
        planes = self.over_frequency(padded)  # (batch, channel, time, band)
        frames = self.frames(planes.permute(0, 1, 3, 2).flatten(1, 2))
        told = self.head(functional.relu(self.over_time(frames))).transpose(1, 2)[:, REACH:-REACH]
        drums = len(DRUM_CLASSES)
        return DrumOutputs(told[..., :drums], torch.sigmoid(told[..., drums:]))


class DrumReaders(nn.Module):
    """Readers whose logits and strengths are averaged.

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.readers = nn.ModuleList(DrumReader() for _ in range(count))

    def forward(self, spectra: Float[Tensor, "batch 2 time freq"]) -> DrumOutputs:
        """Means of what the readers say; arguments as theirs."""
        told = [reader(spectra) for reader in self.readers]
        return DrumOutputs(*(torch.stack(values).mean(dim=0) for values in zip(*told, strict=True)))
