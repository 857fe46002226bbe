"""A language model of fixed voices on a grid: one step a frame, its voices written top to bottom inside the step.

The stack (``compose.music_transformer``) reads whole frames, so that a chorale of 300 frames is 300 steps and not 1,200; a
small network then writes each voice of the next frame in turn, given the stack's state, the frame before and the voices
already written. Ids are those of ``compose.vocabulary.voices``: 0 is silence, 1 the lowest pitch.

Likelihood is in nats per voice slot, the unit of the JSB sixteenth-grid benchmark (arXiv 1809.04281, table 2).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from compose.music_transformer import Cache, MusicTransformer, MusicTransformerConfig
from compose.viewpoints import ViewpointHead

__all__ = ["VoicesModel", "VoicesModelConfig", "frames_held"]

NUM_VOICES = 4
HELD_CLASSES = 18  # frames since the voice last changed: 0..16 and more
PHASES = 16  # sixteenths of a 4/4 bar


@dataclass(frozen=True, kw_only=True)
class VoicesModelConfig:
    """Sizes of the model.

    Args:
        transformer: The stack.
        num_pitches: Pitches per voice (ids 1..num_pitches; 0 is silence).
        voice_dim: Embedding of one voice's pitch.
        hidden_dim: Hidden width of each voice's network inside the step.
        voice_dropout: Share of past voices hidden from the stack in training: 229 chorales are soon known by heart.
        calibration: Divides the logits outside training: a model that knows its training set by heart is too sure of itself.
    """

    transformer: MusicTransformerConfig = field(default_factory=MusicTransformerConfig)
    num_pitches: int = 58
    voice_dim: int = 64
    hidden_dim: int = 256
    voice_dropout: float = 0.1
    calibration: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> VoicesModelConfig:
        """From ``to_dict``; unknown keys are a TypeError."""
        return cls(**{**values, "transformer": MusicTransformerConfig(**values["transformer"])})

    @classmethod
    def tiny(cls) -> VoicesModelConfig:
        return cls(transformer=MusicTransformerConfig.tiny(), voice_dim=8, hidden_dim=32)


def frames_held(frames: Int[Tensor, "batch time voice"]) -> Int[Tensor, "batch time voice"]:
    """For each frame and voice, how many frames ago its pitch began (0 where it changes), capped at ``HELD_CLASSES - 1``."""
    changed = torch.ones_like(frames, dtype=torch.bool)
    changed[:, 1:] = frames[:, 1:] != frames[:, :-1]
    places = torch.arange(frames.shape[1], device=frames.device)[None, :, None]
    began = torch.where(changed, places, torch.zeros_like(places)).cummax(dim=1).values
    return (places - began).clamp(max=HELD_CLASSES - 1)


class VoiceNetwork(nn.Module):
    """Writes one voice of a frame: from state, frame before and voices above it to logits."""

    def __init__(self, config: VoicesModelConfig, voice: int) -> None:
        super().__init__()
        stack_dim = config.transformer.embed_dim
        known_dim = (NUM_VOICES + voice) * config.voice_dim + NUM_VOICES * 8 + 16
        self.norm = nn.LayerNorm(config.hidden_dim)
        self.project = nn.Linear(stack_dim + known_dim, config.hidden_dim)
        self.hidden = nn.Linear(config.hidden_dim, config.hidden_dim)
        self.dropout = nn.Dropout(config.transformer.dropout)
        # measured against every voice of the frame before, and the voices above in this frame
        self.head = ViewpointHead(config.hidden_dim, config.num_pitches, NUM_VOICES + voice)

    def forward(self, known: Tensor, references: Tensor) -> Tensor:
        x = self.dropout(functional.gelu(self.project(known)))
        x = self.norm(x + self.dropout(functional.gelu(self.hidden(x))))
        logits: Tensor = self.head(x, references)
        return logits


class VoicesModel(nn.Module):
    """p(frame t, voice by voice | frames before t); see the module's text.

    Example:
        >>> import torch
        >>> model = VoicesModel(VoicesModelConfig.tiny())
        >>> model.nats(torch.ones(1, 6, 4, dtype=torch.long)).shape
        torch.Size([1, 6, 4])
    """

    def __init__(self, config: VoicesModelConfig, backend: str = "skew") -> None:
        super().__init__()
        self.config = config
        dim = config.transformer.embed_dim
        self.pitch = nn.ModuleList(nn.Embedding(1 + config.num_pitches, config.voice_dim) for _ in range(NUM_VOICES))
        self.held = nn.Embedding(HELD_CLASSES, 8)
        self.phase = nn.Embedding(PHASES, 16)
        self.start = nn.Parameter(torch.zeros(dim))
        self.project = nn.Linear(NUM_VOICES * (config.voice_dim + 8) + 16, dim)
        self.transformer = MusicTransformer(config.transformer, backend)
        self.voices = nn.ModuleList(VoiceNetwork(config, voice) for voice in range(NUM_VOICES))

    def _embed(self, frames: Tensor, held: Tensor, first: int | Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pitch, held and phase features of frames that begin at place ``first`` of the piece."""
        pitch = torch.cat([table(frames[..., voice]) for voice, table in enumerate(self.pitch)], dim=-1)
        places = torch.arange(frames.shape[1], device=frames.device)[None] + torch.as_tensor(first, device=frames.device).reshape(
            -1, 1
        )
        phase = self.phase((places % PHASES).expand(frames.shape[0], -1))
        return pitch, self.held(held).flatten(-2), phase

    def states(
        self, frames: Int[Tensor, "batch time voice"], held: Tensor, first: int | Tensor = 0, cache: Cache | None = None
    ) -> Float[Tensor, "batch time embed"]:
        """State after each frame; ``first`` is the place in the piece of the first frame given."""
        pitch, held_features, phase = self._embed(frames, held, first)
        if self.training and self.config.voice_dropout:
            seen = torch.rand(frames.shape, device=frames.device) >= self.config.voice_dropout
            pitch = pitch * seen.repeat_interleave(self.config.voice_dim, dim=-1)
        x: Tensor = self.project(torch.cat([pitch, held_features, phase], dim=-1))
        states: Tensor = self.transformer(x, cache)
        return states

    def voice_logits(
        self, voice: int, state: Tensor, before: Tensor, held: Tensor, place: int | Tensor, above: Int[Tensor, "batch time above"]
    ) -> Float[Tensor, "batch time ids"]:
        """Logits of one voice of the frames at ``place``, given the state before them, the frame before and the voices above.

        Args:
            voice: 0 soprano to 3 bass.
            state: (batch, time, embed) state after the frame before.
            before: (batch, time, 4) the frame before (0 where there is none).
            held: (batch, time, 4) how long ``before`` has been held.
            place: Place in the piece of the first frame predicted.
            above: (batch, time, voice) voices already written, top first.
        """
        pitch, held_features, _ = self._embed(before, held, 0)
        places = torch.arange(before.shape[1], device=before.device)[None] + torch.as_tensor(place, device=before.device).reshape(
            -1, 1
        )
        phase = self.phase((places % PHASES).expand(before.shape[0], -1))
        written = [self.pitch[u](above[..., u]) for u in range(voice)]
        known = torch.cat([state, pitch, held_features, phase, *written], dim=-1)
        logits: Tensor = self.voices[voice](known, torch.cat([before, above[..., :voice]], dim=-1))
        return logits if self.training else logits / self.config.calibration

    def forward(self, frames: Int[Tensor, "batch time voice"], first: int | Tensor = 0) -> list[Float[Tensor, "batch time ids"]]:
        """Logits of every frame's voices given all before; ``first`` is the place in the piece of ``frames[:, 0]``."""
        held = frames_held(frames)
        states = self.states(frames[:, :-1], held[:, :-1], first)
        states = torch.cat([self.start.expand(frames.shape[0], 1, -1), states], dim=1)
        before = functional.pad(frames[:, :-1], (0, 0, 1, 0))
        held_before = functional.pad(held[:, :-1], (0, 0, 1, 0))
        return [self.voice_logits(v, states, before, held_before, first, frames[..., :v]) for v in range(NUM_VOICES)]

    def nats(self, frames: Int[Tensor, "batch time voice"], first: int | Tensor = 0) -> Float[Tensor, "batch time voice"]:
        """Negative log-likelihood of every voice slot, in nats."""
        losses = [
            functional.cross_entropy(logits.flatten(0, 1), frames[..., voice].flatten(), reduction="none").view(frames.shape[:2])
            for voice, logits in enumerate(self(frames, first))
        ]
        return torch.stack(losses, dim=-1)
