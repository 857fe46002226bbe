"""The network that hears beats in notes: ``NoteBeatModel``.

It goes from event to event (``transcribe.beats.note_features``) instead of from frame to frame of a spectrogram: some five steps
a second instead of a hundred. Dilated convolutions first (after Davies & Böck, "Temporal convolutional networks for musical audio
beat tracking", EUSIPCO 2019), then self-attention over the whole window, whose queries and keys are turned by the *time* of their
event (rotary embedding: Su et al., "RoFormer", 2021, section 3.2, with seconds for positions): a head can ask for what lies a
given time away, a beat, a bar or a phrase, however many notes there are on the way.

Heads say of every event how likely it is a beat and a downbeat, how long a beat is there, and for each such length which meter it
stands in: what is a waltz in 3/4 by its quarters is 6/8 by its bars.

Conventions: seconds within a window of at most ``WINDOW_S``; rows of a batch are padded at their end.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from corpora.errors import CheckpointError
from transcribe.beats.note_features import NUM_FEATURES

__all__ = ["METERS", "PERIODS_S", "WINDOW_S", "BeatLogits", "NoteBeatConfig", "NoteBeatModel"]

METERS = ((2, 2), (2, 4), (3, 4), (4, 4), (3, 8), (6, 8), (9, 8), (12, 8), (0, 0))  # (0, 0): any other
PERIODS_S = np.geomspace(0.2, 2.4, 33)  # from beat to beat, middles of classes
WINDOW_S = 45.0
KERNEL = 5
SHORTEST_TURN_S, LONGEST_TURN_S = 0.2, 60.0  # in which the first and the last pair of a head's numbers turn once
WIDENING = 2  # of the layers between attentions
DROPOUT = 0.1


@dataclass(frozen=True, kw_only=True)
class NoteBeatConfig:
    """Sizes.

    Args:
        embed_dim: Channels.
        num_convolutions: Convolutions before the attention; the dilation doubles from each to the next.
        num_layers: Blocks of attention.
        num_heads: Heads of each.
    """

    embed_dim: int = 112
    num_convolutions: int = 4
    num_layers: int = 5
    num_heads: int = 4

    def __post_init__(self) -> None:
        if min(asdict(self).values()) < 1 or self.embed_dim % (2 * self.num_heads):
            raise CheckpointError(
                f"note beat model: expected sizes above 0, and channels that are a multiple of twice the heads, got {asdict(self)}"
            )

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
        return cls(embed_dim=16, num_convolutions=2, num_layers=1, num_heads=2)


class BeatLogits(NamedTuple):
    """What is said of every event.

    Args:
        beats: Logits (batch, event, 2) of a beat, and of a downbeat, which is a beat too.
        periods: Logits (batch, event, period) of ``PERIODS_S``.
        meters: Logits (batch, event, period, meter) of ``METERS`` for each period, if that is the beat.
    """

    beats: Tensor
    periods: Tensor
    meters: Tensor


class _Convolution(nn.Module):
    """A dilated convolution over the neighbours in order and a mixing layer, added to what came in."""

    def __init__(self, embed_dim: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(embed_dim)
        self.wide = nn.Conv1d(embed_dim, embed_dim, KERNEL, padding=dilation * (KERNEL // 2), dilation=dilation)
        self.mix = nn.Linear(embed_dim, embed_dim)

    def forward(self, x: Float[Tensor, "batch event embed"]) -> Float[Tensor, "batch event embed"]:
        wide = torch.relu(self.wide(self.norm(x).transpose(1, 2)))
        mixed: Tensor = self.mix(wide.transpose(1, 2))
        return x + mixed


class _Attention(nn.Module):
    """Self-attention by times, then two layers for each event alone, each added to what came in."""

    def __init__(self, embed_dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm = nn.LayerNorm(embed_dim)
        self.project = nn.Linear(embed_dim, 3 * embed_dim)
        self.out = nn.Linear(embed_dim, embed_dim)
        self.each = nn.Sequential(
            nn.LayerNorm(embed_dim),
            nn.Linear(embed_dim, WIDENING * embed_dim),
            nn.GELU(),
            nn.Linear(WIDENING * embed_dim, embed_dim),
            nn.Dropout(DROPOUT),
        )

    def forward(
        self,
        x: Float[Tensor, "batch event embed"],
        turns: tuple[Float[Tensor, "batch 1 event half"], Float[Tensor, "batch 1 event half"]],
        is_event: Bool[Tensor, "batch 1 1 event"],
    ) -> Float[Tensor, "batch event embed"]:
        batch, events, embed = x.shape
        queries, keys, values = (
            part.view(batch, events, self.num_heads, -1).transpose(1, 2) for part in self.project(self.norm(x)).chunk(3, dim=-1)
        )
        heard = nn.functional.scaled_dot_product_attention(
            _turned(queries, *turns), _turned(keys, *turns), values, attn_mask=is_event
        )
        x = x + nn.functional.dropout(self.out(heard.transpose(1, 2).reshape(batch, events, embed)), DROPOUT, self.training)
        alone: Tensor = self.each(x)
        return x + alone


def _turned(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Pairs of numbers turned by angles."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], dim=-1)


class NoteBeatModel(nn.Module):
    """Logits of beat, downbeat, meter and period at every event."""

    turns: Tensor

    def __init__(self, config: NoteBeatConfig) -> None:
        super().__init__()
        self.config = config
        embed = config.embed_dim
        half = embed // config.num_heads // 2
        turn_s = torch.logspace(math.log10(SHORTEST_TURN_S), math.log10(LONGEST_TURN_S), half)
        self.register_buffer("turns", 2 * math.pi / turn_s, persistent=False)
        self.stem = nn.Linear(NUM_FEATURES, embed)
        self.convolutions = nn.ModuleList(_Convolution(embed, 2**layer) for layer in range(config.num_convolutions))
        self.attentions = nn.ModuleList(_Attention(embed, config.num_heads) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(embed)
        self.head = nn.Linear(embed, 2)
        self.meter_head = nn.Linear(embed, len(PERIODS_S) * len(METERS))
        self.period_head = nn.Linear(embed, len(PERIODS_S))

    def forward(
        self,
        features: Float[Tensor, "batch event feature"],
        times_s: Float[Tensor, "batch event"],
        is_event: Bool[Tensor, "batch event"] | None = None,
    ) -> BeatLogits:
        """What is said of each event.

        Args:
            features: Of ``note_events``; zeros where there is no event.
            times_s: When each begins, counted from anywhere.
            is_event: False for what only fills a row up; None where rows are full.
        """
        if is_event is None:
            is_event = torch.ones(times_s.shape, dtype=torch.bool, device=times_s.device)
        angles = (times_s[:, None, :, None] * self.turns).to(features.dtype)
        turns = angles.cos(), angles.sin()
        there = is_event[..., None].to(features.dtype)
        x = torch.relu(self.stem(features)) * there
        for block in self.convolutions:
            x = block(x) * there
        seen = is_event[:, None, None, :] | ~is_event.any(dim=1)[:, None, None, None]  # a row without events looks at itself
        for block in self.attentions:
            x = block(x, turns, seen)
        x = self.norm(x)
        meters = self.meter_head(x).unflatten(-1, (len(PERIODS_S), len(METERS)))
        return BeatLogits(self.head(x), self.period_head(x), meters)
