"""A language model of fixed voices on a grid, one step a voice slot: soprano, alto, tenor, bass of a frame, then the next frame.

A slot's step joins what a voice needs to go on: the pitch just written (the voice above, or the bass before), its own last pitch,
how the written voice moved, how far it is away, how long the own pitch has been held, and the place in the bar. The
stack (``compose.music_transformer``) sees all earlier steps; a viewpoint head measures the answer against the frame before
and the voices above. Ids are those of ``compose.vocabulary.voices``: 0 is silence, 1 the lowest pitch.

Likelihood is in nats per voice slot, the unit of the JSB sixteenth-grid benchmark (arXiv 1809.04281, table 2). The model sees
``window_frames`` frames at most: longer pieces go through windows (``log_probabilities``), writers through a sliding one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from compose.music_transformer import Cache, MusicTransformer, MusicTransformerConfig
from compose.viewpoints import ViewpointHead

__all__ = ["SlotInputs", "VoicesModel", "VoicesModelConfig", "frames_held", "slot_inputs"]

NUM_VOICES = 4
HELD_CLASSES = 17  # frames since the voice last changed: 0..15, and 16 or more
PHASES = 16  # sixteenths of a 4/4 bar
NUM_REFERENCES = 2 * NUM_VOICES - 1  # the frame before, and the voices above


@dataclass(frozen=True, kw_only=True)
class VoicesModelConfig:
    """Sizes of the model.

    Args:
        transformer: The stack.
        num_pitches: Pitches per voice (ids 1..num_pitches; 0 is silence).
        hidden_dim: Width of the layer before the head.
        slot_dropout: Share of slots whose pitches are hidden from the stack in training.
        window_frames: Longest context, in frames; what it was trained on.
        calibration: Divides the logits outside training: a model that knows its training set by heart is too sure of itself.
    """

    transformer: MusicTransformerConfig = field(default_factory=MusicTransformerConfig)
    num_pitches: int = 58
    hidden_dim: int = 256
    slot_dropout: float = 0.0
    window_frames: int = 64
    calibration: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> VoicesModelConfig:
        """From ``to_dict``; unknown keys are a TypeError."""
        return cls(**{**values, "transformer": MusicTransformerConfig(**values["transformer"])})

    @classmethod
    def tiny(cls) -> VoicesModelConfig:
        return cls(transformer=MusicTransformerConfig.tiny(), hidden_dim=32)


def frames_held(frames: Int[Tensor, "batch time voice"]) -> Int[Tensor, "batch time voice"]:
    """For each frame and voice, how many frames ago its pitch began (0 where it changes), capped at ``HELD_CLASSES - 1``."""
    changed = torch.ones_like(frames, dtype=torch.bool)
    changed[:, 1:] = frames[:, 1:] != frames[:, :-1]
    places = torch.arange(frames.shape[1], device=frames.device)[None, :, None]
    began = torch.where(changed, places, torch.zeros_like(places)).cummax(dim=1).values
    return (places - began).clamp(max=HELD_CLASSES - 1)


class SlotInputs(NamedTuple):
    """What is known when a slot is to be written; every tensor is (batch, time, voice), ``references`` with one axis more.

    Args:
        written: Id in the slot just before: the voice above, or the bass of the frame before.
        own: Id of the same voice in the frame before.
        motion: Semitones from that written voice's id before to ``written``, plus num_pitches + 1; 0 where either is silent.
        gap: Semitones from ``own`` to ``written``, likewise.
        held: 1 + frames that ``own`` has been held (capped), 0 in the first frame.
        phase: Place in a bar of sixteen frames.
        references: Ids of the frame before and of the voices above, 0 where there are none.
    """

    written: Tensor
    own: Tensor
    motion: Tensor
    gap: Tensor
    held: Tensor
    phase: Tensor
    references: Tensor

    def since(self, slot: int, until: int) -> SlotInputs:
        """Slots ``slot`` to ``until`` (counted through the frames) in one row: voices are (batch, 1, slots)."""
        return SlotInputs(*(part.flatten(1, 2)[:, slot:until].unsqueeze(1) for part in self))


def _distance(upper: Tensor, lower: Tensor, num_pitches: int) -> Tensor:
    """Ids of an interval: 0 where either side is silent."""
    return torch.where((upper > 0) & (lower > 0), upper - lower + num_pitches + 1, torch.zeros_like(upper))


def slot_inputs(frames: Int[Tensor, "batch time voice"], first: int | Tensor, num_pitches: int) -> SlotInputs:
    """The inputs of every slot of windows of frames; ``first`` is the place in its piece of each window's first frame, (batch,)."""
    batch, steps, voices = frames.shape
    before = functional.pad(frames[:, :-1], (0, 0, 1, 0))
    written = functional.pad(frames.flatten(1)[:, :-1], (1, 0)).view_as(frames)
    written_before = torch.cat([functional.pad(before[:, :-1, -1:], (0, 0, 1, 0)), before[..., :-1]], dim=-1)
    held = functional.pad(frames_held(frames)[:, :-1] + 1, (0, 0, 1, 0))
    starts = torch.as_tensor(first, device=frames.device).reshape(-1, 1, 1)
    phase = (starts + torch.arange(steps, device=frames.device)[None, :, None]) % PHASES
    above = frames.new_zeros(batch, steps, voices, voices - 1)
    for voice in range(1, voices):
        above[:, :, voice, :voice] = frames[..., :voice]
    return SlotInputs(
        written,
        before,
        _distance(written, written_before, num_pitches),
        _distance(written, before, num_pitches),
        held,
        phase.expand_as(frames),
        torch.cat([before.unsqueeze(2).expand(-1, -1, voices, -1), above], dim=-1),
    )


class VoicesModel(nn.Module):
    """p(slot | slots before it); see the module's text.

    Example:
        >>> import torch
        >>> model = VoicesModel(VoicesModelConfig.tiny())
        >>> model.nats(torch.ones(1, 6, 4, dtype=torch.long)).shape
        torch.Size([1, 6, 4])
    """

    def __init__(self, config: VoicesModelConfig, backend: str = "skew") -> None:
        super().__init__()
        self.config = config
        dim, distances = config.transformer.embed_dim, 2 * config.num_pitches + 2
        # the voice that ``written`` belongs to is the one above, so both tables go by the voice that is being written
        self.written = nn.ModuleList(nn.Embedding(1 + config.num_pitches, dim) for _ in range(NUM_VOICES))
        self.own = nn.ModuleList(nn.Embedding(1 + config.num_pitches, dim) for _ in range(NUM_VOICES))
        self.motion = nn.Embedding(distances, dim)
        self.gap = nn.Embedding(distances, dim)
        self.held = nn.Embedding(1 + HELD_CLASSES, dim)
        self.phase = nn.Embedding(PHASES, dim)
        self.voice = nn.Embedding(NUM_VOICES, dim)
        for table in self.modules():
            if isinstance(table, nn.Embedding):
                nn.init.normal_(table.weight, std=0.1)
        self.transformer = MusicTransformer(config.transformer, backend)
        self.hidden = nn.Linear(dim, config.hidden_dim)
        self.dropout = nn.Dropout(config.transformer.dropout)
        self.head = ViewpointHead(config.hidden_dim, config.num_pitches, NUM_REFERENCES)

    def _embed(self, inputs: SlotInputs, voices: list[int]) -> Float[Tensor, "batch step embed"]:
        """Steps of slots; ``voices`` names the voice of each place along the inputs' last axis."""
        columns = [self.written[v](inputs.written[..., i]) + self.own[v](inputs.own[..., i]) for i, v in enumerate(voices)]
        pitches = torch.stack(columns, dim=2)
        if self.training and self.config.slot_dropout:
            seen = torch.rand(pitches.shape[:3], device=pitches.device) >= self.config.slot_dropout
            pitches = pitches * seen.unsqueeze(-1)
        rest = self.motion(inputs.motion) + self.gap(inputs.gap) + self.held(inputs.held) + self.phase(inputs.phase)
        out: Tensor = (pitches + rest + self.voice.weight[voices]).flatten(1, 2)
        return out

    def _answer(self, states: Tensor, references: Tensor) -> Tensor:
        hidden = self.dropout(functional.gelu(self.hidden(states)))
        logits: Tensor = self.head(hidden.float(), references)
        return logits if self.training else logits / self.config.calibration

    def forward(self, frames: Int[Tensor, "batch time voice"], first: int | Tensor = 0) -> Float[Tensor, "batch time voice ids"]:
        """Logits of every slot given all before; at most ``window_frames`` frames. ``first`` as of ``slot_inputs``."""
        inputs = slot_inputs(frames, first, self.config.num_pitches)
        states = self.transformer(self._embed(inputs, list(range(NUM_VOICES))))
        return self._answer(states.unflatten(1, frames.shape[1:]), inputs.references)

    def step(self, inputs: SlotInputs, voices: list[int], cache: Cache) -> Float[Tensor, " ids"]:
        """Read slots of one stream, (1, 1, slots), of these voices into the cache; gives the logits of the last of them."""
        states = self.transformer(self._embed(inputs, voices), cache)
        return self._answer(states[0, -1], inputs.references[0, 0, -1])

    def nats(self, frames: Int[Tensor, "batch time voice"], first: int | Tensor = 0) -> Float[Tensor, "batch time voice"]:
        """Negative log-likelihood of every slot of a window, in nats."""
        return functional.cross_entropy(self(frames, first).flatten(0, 2), frames.flatten(), reduction="none").view_as(frames)

    @torch.no_grad()
    def log_probabilities(self, frames: Int[Tensor, "time voice"], stride: int = 16) -> Float[Tensor, "time voice ids"]:
        """Log-probabilities of every slot of a whole piece of any length.

        Args:
            frames: Ids of the piece.
            stride: Frames between windows; every slot but those of the first window sees ``window_frames - stride`` frames
                before it or more.
        """
        window = self.config.window_frames
        starts = list(range(0, max(len(frames) - window, 0) + stride, stride))
        padded = functional.pad(frames, (0, 0, 0, starts[-1] + window - len(frames)))
        logits = self(torch.stack([padded[s : s + window] for s in starts]), torch.tensor(starts))
        rows = [logits[0], *logits[1:, window - stride :].unbind(0)]
        return torch.cat(rows)[: len(frames)].log_softmax(dim=-1)
