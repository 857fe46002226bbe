"""The network that hears beats in notes: ``NoteBeatModel``.

Dilated convolutions over time after Davies & Böck, "Temporal convolutional networks for musical audio beat tracking" (EUSIPCO
2019): here on features of notes (``transcribe.beats.note_features``) instead of a spectrogram, and most of the layers at a
quarter of the frame rate, which is where the width of their view costs least. A further head says the meter.

Conventions: 62.5 frames a second; logits.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from corpora.errors import CheckpointError
from transcribe.beats.note_features import NUM_FEATURES

__all__ = ["METERS", "NoteBeatConfig", "NoteBeatModel"]

METERS = ((2, 2), (2, 4), (3, 4), (4, 4), (3, 8), (6, 8), (9, 8), (12, 8), (0, 0))  # (0, 0): any other
STRIDE = 4
KERNEL = 5


@dataclass(frozen=True, kw_only=True)
class NoteBeatConfig:
    """Sizes.

    Args:
        stem_dim, embed_dim: Channels at the full and at a quarter of the frame rate.
        num_layers: Blocks; the dilation doubles from each to the next, so that 8 see 32 s to both sides.
    """

    stem_dim: int = 24
    embed_dim: int = 56
    num_layers: int = 8

    def __post_init__(self) -> None:
        if min(self.stem_dim, self.embed_dim, self.num_layers) < 1:
            raise CheckpointError(f"note beat model: expected sizes above 0, got {asdict(self)}")

    def to_dict(self) -> dict[str, Any]:
        """Values for ``config.json``."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NoteBeatConfig:
        """Inverse of ``to_dict``; CheckpointError on keys that are not known."""
        try:
            return cls(**values)
        except TypeError as error:
            raise CheckpointError(f"note beat model: {error}") from None

    @classmethod
    def tiny(cls) -> NoteBeatConfig:
        """For tests."""
        return cls(stem_dim=8, embed_dim=12, num_layers=3)


class _Block(nn.Module):
    """Dilated convolution and a mixing layer, added to what came in."""

    def __init__(self, embed_dim: int, dilation: int) -> None:
        super().__init__()
        self.wide = nn.Conv1d(embed_dim, embed_dim, KERNEL, padding=dilation * (KERNEL // 2), dilation=dilation)
        self.mix = nn.Parameter(torch.zeros(embed_dim, embed_dim))  # a block begins as the identity

    def forward(self, x: Float[Tensor, "batch embed step"]) -> Float[Tensor, "batch embed step"]:
        return x + torch.matmul(self.mix, torch.relu(self.wide(x)))


class NoteBeatModel(nn.Module):
    """Logits of beat and downbeat in every frame, and of the meter in every fourth."""

    def __init__(self, config: NoteBeatConfig) -> None:
        super().__init__()
        self.config = config
        stem, embed = config.stem_dim, config.embed_dim
        self.stem = nn.Conv1d(NUM_FEATURES, stem, KERNEL, padding=KERNEL // 2)
        self.down = nn.Conv1d(stem, embed, STRIDE, stride=STRIDE)
        self.blocks = nn.ModuleList(_Block(embed, 2**layer) for layer in range(config.num_layers))
        self.up = nn.Conv1d(embed, stem * STRIDE, 1)
        self.join = nn.Conv1d(2 * stem, stem, 3, padding=1)
        self.head = nn.Conv1d(stem, 2, 1)
        self.meter_head = nn.Conv1d(embed, len(METERS), 1)

    def forward(
        self, features: Float[Tensor, "batch frame feature"]
    ) -> tuple[Float[Tensor, "batch frame 2"], Float[Tensor, "batch step meter"]]:
        """Logits of (beat, downbeat), the second of which means both, and of ``METERS`` at ceil(frames / 4) steps."""
        batch, frames, _ = features.shape
        padded = nn.functional.pad(features, (0, 0, 0, -frames % STRIDE)).transpose(1, 2)  # (batch, features, frames)
        fine = torch.relu(self.stem(padded))
        x = torch.relu(self.down(fine))
        for block in self.blocks:
            x = block(x)
        up = self.up(x)  # (batch, stem * STRIDE, steps)
        up = up.view(batch, STRIDE, -1, up.shape[-1]).permute(0, 2, 3, 1).reshape(batch, self.config.stem_dim, -1)
        joined = torch.relu(self.join(torch.cat([fine, torch.relu(up)], dim=1)))
        return self.head(joined).transpose(1, 2)[:, :frames], self.meter_head(x).transpose(1, 2)
