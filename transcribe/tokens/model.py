"""The token model: features of a segment in, logits of ``mt3`` ids out; encoder and decoder of x-transformers behind one adapter.

Conventions: a segment is 250 frames of 16 ms (4 s), with ``MARGIN_FRAMES`` more on either side, so that what lies at an edge is
heard whole. Features are any float32 numbers a frame: bins of a spectrogram, or what the frame model says of every pitch. Ids and
their order are those of ``compose.vocabulary.mt3_events``.

Source: Gardner et al., "MT3" (arXiv 2111.03017), section 3.3: T5-like encoder and decoder over one segment, here with rotary
positions (Su et al., arXiv 2104.09864) and two frames to a state of the encoder (as Whisper has: Radford et al., arXiv 2212.04356,
section 2.2). Relative to the original: a step of the decoder sees, beside its id, the time that the ids before it have come to and
what the encoder has there; and the logit of a time is the match of the decoder's state with what the encoder has at that time
(pointers: Vinyals et al., arXiv 1506.03134). So a small model need not learn to count from ids to frames.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional
from x_transformers.x_transformers import Decoder, Encoder

from compose.vocabulary.mt3_events import NUM_IDS, PITCH, SEGMENT_TICKS, SHIFT
from transcribe.tokens.features import NUM_FEATURES, FeatureKind

__all__ = ["MARGIN_FRAMES", "SEGMENT_FRAMES", "Memory", "TokenModel", "TokenModelConfig", "times_of"]

FRAMES_PER_SECOND: Final = 62.5
TICK_FRAMES: Final = FRAMES_PER_SECOND / 100  # a tick is 10 ms
SEGMENT_FRAMES: Final = int(SEGMENT_TICKS * TICK_FRAMES)
MARGIN_FRAMES: Final = 12  # 0.19 s
TIME_PERIODS: Final = 10_000.0


@dataclass(frozen=True, kw_only=True)
class TokenModelConfig:
    """Sizes of the model.

    Args:
        features: What it hears (``transcribe.tokens.features``); what a frame model said is fused with what it says itself
            (``transcribe.tokens.reading``), so that it begins at nothing to add.
        embed_dim: Width, a multiple of ``num_heads``.
        num_heads: Attention heads.
        encoder_layers, decoder_layers: Blocks.
        feedforward_factor: Hidden width of each block's MLP over ``embed_dim``.
        dropout: Probability in attention and MLP.
    """

    features: FeatureKind = "heard"
    embed_dim: int = 160
    num_heads: int = 5
    encoder_layers: int = 2
    decoder_layers: int = 2
    feedforward_factor: int = 3
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.embed_dim % (2 * self.num_heads):
            raise ValueError(f"embed_dim must be a multiple of 2 * num_heads, got {self.embed_dim} and {self.num_heads}")

        if self.features not in NUM_FEATURES:
            raise ValueError(f"features must be one of {', '.join(NUM_FEATURES)}, got {self.features!r}")

    @property
    def is_fused(self) -> bool:
        """Whether its logits are added to those of the evidence."""
        return self.features == "heard"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def tiny(cls, features: FeatureKind = "heard") -> TokenModelConfig:
        """Builds in milliseconds, for tests and examples."""
        return cls(features=features, embed_dim=32, num_heads=2, encoder_layers=1, decoder_layers=1, feedforward_factor=2)

    @classmethod
    def gpu(cls, features: FeatureKind = "spectrum") -> TokenModelConfig:
        """Some 17 million weights, for training on a GPU."""
        return cls(
            features=features, embed_dim=384, num_heads=6, encoder_layers=4, decoder_layers=3, feedforward_factor=4, dropout=0.1
        )


@dataclass
class Memory:
    """What the decoder knows of segments.

    Args:
        states: Of the encoder, one for two frames, with times added: (batch, 137, embed).
        at_ticks: What each tick of the segment sounds like, interpolated between frames: (batch, 400, embed).
        keys: What a decoder's state is matched with to point at a tick: (batch, 400, embed).
    """

    states: Float[Tensor, "batch pair embed"]
    at_ticks: Float[Tensor, "batch tick embed"]
    keys: Float[Tensor, "batch tick embed"]

    def rows(self, chosen: Tensor) -> Memory:
        """Some of the segments."""
        return Memory(self.states[chosen], self.at_ticks[chosen], self.keys[chosen])

    @classmethod
    def joined(cls, parts: list[Memory]) -> Memory:
        """Some memories as one."""
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in ("states", "at_ticks", "keys")))


def _sinusoids(frames: Tensor, embed_dim: int) -> Tensor:
    """Position embeddings (Vaswani et al., arXiv 1706.03762, section 3.5) of places in frames, (..., embed)."""
    rates = torch.exp(torch.arange(0, embed_dim, 2, device=frames.device) * (-math.log(TIME_PERIODS) / embed_dim))
    angles = frames[..., None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def times_of(ids: Int[Tensor, "batch time"]) -> Int[Tensor, "batch time"]:
    """The tick that each step has come to: that of the last SHIFT, 0 before the first."""
    is_shift = (ids >= SHIFT) & (ids < PITCH)
    return torch.cummax(torch.where(is_shift, ids - SHIFT, 0), dim=1).values


class TokenModel(nn.Module):
    """See the module's text.

    Example:
        >>> import torch
        >>> model = TokenModel(TokenModelConfig.tiny())
        >>> memory = model.encode(torch.zeros(2, SEGMENT_FRAMES + 2 * MARGIN_FRAMES, 1259))
        >>> model.decode(torch.zeros(2, 5, dtype=torch.long), memory)[0].shape
        torch.Size([2, 5, 824])
    """

    def __init__(self, config: TokenModelConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.embed_dim
        sizes = {
            "dim": dim,
            "heads": config.num_heads,
            "attn_dim_head": dim // config.num_heads,
            "ff_mult": config.feedforward_factor,
            "attn_dropout": config.dropout,
            "ff_dropout": config.dropout,
            "rotary_pos_emb": True,
            "rotary_emb_dim": dim // config.num_heads,
            "attn_flash": True,
            "verbose": False,
        }
        self.front = nn.Linear(NUM_FEATURES[config.features], dim)
        self.pairs = nn.Conv1d(dim, dim, 4, stride=2, padding=1)
        self.encoder = Encoder(depth=config.encoder_layers, **sizes)
        self.keys = nn.Linear(dim, dim)
        self.tokens = nn.Embedding(NUM_IDS, dim)
        nn.init.normal_(self.tokens.weight, std=0.1)
        self.here = nn.Linear(dim, dim)
        self.decoder = Decoder(depth=config.decoder_layers, cross_attend=True, **sizes)
        self.head = nn.Linear(dim, NUM_IDS)
        self.pointer = nn.Linear(dim, dim)
        if config.is_fused:
            for head in (self.head, self.pointer):
                nn.init.zeros_(head.weight)
                nn.init.zeros_(head.bias)
        places = torch.arange(SEGMENT_TICKS) * TICK_FRAMES + MARGIN_FRAMES
        self.register_buffer("before", places.floor().long(), persistent=False)
        self.register_buffer("share", places.frac()[:, None], persistent=False)
        frames = torch.arange(SEGMENT_FRAMES + 2 * MARGIN_FRAMES)
        self.register_buffer("pair_times", _sinusoids(frames[::2] + 0.5, dim), persistent=False)
        self.register_buffer("tick_times", _sinusoids(places, dim), persistent=False)

    before: Tensor
    share: Tensor
    pair_times: Tensor
    tick_times: Tensor

    def encode(self, features: Float[Tensor, "batch frame feature"]) -> Memory:
        """Hear segments; ``features`` have the margins on either side, 274 frames."""
        frames = functional.gelu(self.front(features))  # (batch, frame, embed)
        pairs = functional.gelu(self.pairs(frames.transpose(1, 2))).transpose(1, 2)  # (batch, frame / 2, embed)
        pairs = self.encoder(pairs)
        frames = frames + pairs.repeat_interleave(2, dim=1)
        at_ticks = torch.lerp(frames[:, self.before], frames[:, self.before + 1], self.share)
        return Memory(pairs + self.pair_times, at_ticks, self.keys(at_ticks))

    def decode(
        self, ids: Int[Tensor, "batch time"], memory: Memory, cache: Any = None, times: Int[Tensor, "batch time"] | None = None
    ) -> tuple[Float[Tensor, "batch time ids"], Any]:
        """Logits after each id; PAD begins a segment.

        Args:
            ids: All of them, or with a cache the next one.
            memory: The segments heard.
            cache: What the call before returned.
            times: Ticks that the ids have come to; needed with a cache, else worked out.

        Returns:
            Logits and the cache for the next call.
        """
        times = times_of(ids) if times is None else times
        rows = torch.arange(len(ids), device=ids.device)[:, None]
        x = self.tokens(ids) + self.tick_times[times] + self.here(memory.at_ticks[rows, times])
        state, cache = self.decoder(x, context=memory.states, cache=cache, return_hiddens=True)
        logits = self.head(state)
        pointed = self.pointer(state) @ memory.keys.transpose(1, 2) / math.sqrt(self.config.embed_dim)  # (batch, time, tick)
        return functional.pad(pointed, (SHIFT, NUM_IDS - PITCH)) + logits, cache

    def nats(
        self,
        features: Float[Tensor, "batch frame feature"],
        ids: Int[Tensor, "batch time"],
        prior: Float[Tensor, "batch time ids"],
    ) -> Float[Tensor, "batch time"]:
        """Negative log-likelihood of each id among those that the grammar allows there, in nats; 0 for padding.

        Args:
            features: With margins.
            ids: Without the PAD in front; PAD behind EOS.
            prior: Logits that are added: those of the evidence, or 0; -inf where the grammar forbids an id.
        """
        given = functional.pad(ids[:, :-1], (1, 0))  # PAD is 0
        logits, _ = self.decode(given, self.encode(features))
        losses = functional.cross_entropy((logits.float() + prior).flatten(0, 1), ids.flatten(), reduction="none")
        return losses.view(ids.shape) * (ids != 0)
