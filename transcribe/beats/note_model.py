"""The network that hears beats in notes: ``NoteBeatModel``.

Dilated convolutions after Davies & Böck, "Temporal convolutional networks for musical audio beat tracking" (EUSIPCO 2019), but
from event to event (``transcribe.beats.note_features``) instead of frame to frame of a spectrogram: some five steps a second
instead of a hundred. A further head says the meter.
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
KERNEL = 5


@dataclass(frozen=True, kw_only=True)
class NoteBeatConfig:
    """Sizes.

    Args:
        embed_dim: Channels.
        num_layers: Blocks; the dilation doubles from each to the next, so that 6 see 126 events to both sides.
    """

    embed_dim: int = 64
    num_layers: int = 6

    def __post_init__(self) -> None:
        if min(self.embed_dim, self.num_layers) < 1:
            raise CheckpointError(f"note beat model: expected sizes above 0, got {asdict(self)}")

    @property
    def context(self) -> int:
        """Events to both sides that an output depends on."""
        return (KERNEL // 2) * ((1 << self.num_layers) - 1)

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
        return cls(embed_dim=16, num_layers=3)


class _Block(nn.Module):
    """Dilated convolution and a mixing layer, added to what came in."""

    def __init__(self, embed_dim: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(embed_dim)
        self.wide = nn.Conv1d(embed_dim, embed_dim, KERNEL, padding=dilation * (KERNEL // 2), dilation=dilation)
        self.mix = nn.Linear(embed_dim, embed_dim)

    def forward(self, x: Float[Tensor, "batch event embed"]) -> Float[Tensor, "batch event embed"]:
        wide = torch.relu(self.wide(self.norm(x).transpose(1, 2)))
        mixed: Tensor = self.mix(wide.transpose(1, 2))
        return x + mixed


class NoteBeatModel(nn.Module):
    """Logits of beat, downbeat and meter at every event."""

    def __init__(self, config: NoteBeatConfig) -> None:
        super().__init__()
        self.config = config
        embed = config.embed_dim
        self.stem = nn.Linear(NUM_FEATURES, embed)
        self.blocks = nn.ModuleList(_Block(embed, 2**layer) for layer in range(config.num_layers))
        self.norm = nn.LayerNorm(embed)
        self.head = nn.Linear(embed, 2)
        self.meter_head = nn.Linear(embed, len(METERS))

    def forward(
        self, features: Float[Tensor, "batch event feature"]
    ) -> tuple[Float[Tensor, "batch event 2"], Float[Tensor, "batch event meter"]]:
        """Logits of (beat, downbeat), the second of which means both, and of ``METERS``."""
        x = torch.relu(self.stem(features))
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.head(x), self.meter_head(x)
