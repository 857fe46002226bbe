"""A language model of ``measured`` streams: the stack reads whole steps, small networks decide a step field by field.

One pass of the stack a note, not four or five: the state after the steps so far is joined with the situation of the note under
construction (``compose.situation``) and decides, in order, what comes next and when, in which lane, at which pitch, how long.
Each decision sees the ones before it, so constraints can mask every field exactly (``compose.writers``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from compose.canvas import NUM_PITCHES
from compose.music_transformer import Cache, MusicTransformer, MusicTransformerConfig
from compose.situation import LOOK_AHEAD, MOMENT_BITS, NOTE_BITS, NOTE_NUMBERS, NUM_REFERENCES, ONSET_BITS
from compose.viewpoints import ViewpointHead
from compose.vocabulary.measured import DURATION, LANE, NEXT, PITCH
from compose.vocabulary.measured_fields import FIELD_SIZES

__all__ = ["Decisions", "MeasuredModel", "MeasuredModelConfig"]

NUMBER_DIM = 16


@dataclass(frozen=True, kw_only=True)
class MeasuredModelConfig:
    """Sizes of the model.

    Args:
        transformer: The stack.
        hidden_dim: Hidden width of the networks inside the step.
        hints: Whether it has learned what hints say (``compose.stream``); to others none are shown.
    """

    transformer: MusicTransformerConfig = field(default_factory=MusicTransformerConfig)
    hidden_dim: int = 256
    hints: bool = False

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MeasuredModelConfig:
        """From ``to_dict``; unknown keys are a TypeError."""
        return cls(**{**values, "transformer": MusicTransformerConfig(**values["transformer"])})

    @classmethod
    def tiny(cls) -> MeasuredModelConfig:
        """Builds in milliseconds, for tests and examples."""
        return cls(transformer=MusicTransformerConfig.tiny(), hidden_dim=32)


@dataclass(frozen=True)
class Decisions:
    """The steps to be predicted of a batch, flattened over its streams; ``decision`` is their axis.

    Args:
        stream: (decision,) row of the batch.
        place: (decision,) index in the stream of the step that is predicted, at least 1.
        targets: (decision, 11) its fields.
        moment: (decision, MOMENT_BITS) float, see ``Situation.moment``.
        onset: (decision, ONSET_BITS) float; zeros where the step is no note.
        rolls: (decision, NOTE_BITS) float; likewise.
        numbers: (decision, NOTE_NUMBERS) int; likewise.
    """

    stream: Tensor
    place: Tensor
    targets: Tensor
    moment: Tensor
    onset: Tensor
    rolls: Tensor
    numbers: Tensor


class Hidden(nn.Module):
    """Two GELU layers with a skip, the shape of every network inside a step.

    Args:
        in_dim: Width of what it knows.
        hidden_dim: Width of its layers.
        dropout: After each layer.
        withheld: Share of what it knows that is hidden in training.
    """

    def __init__(self, in_dim: int, hidden_dim: int, dropout: float, withheld: float = 0.0) -> None:
        super().__init__()
        self.withhold = nn.Dropout(withheld)
        self.project = nn.Linear(in_dim, hidden_dim)
        self.mix = nn.Linear(hidden_dim, hidden_dim)
        self.norm = nn.LayerNorm(hidden_dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(functional.gelu(self.project(self.withhold(x))))
        out: Tensor = self.norm(x + self.dropout(functional.gelu(self.mix(x))))
        return out


def _field_table(size: int, dim: int, none: bool) -> nn.Embedding:
    """Embeddings of a field's ids; id 0 adds nothing where it means "none"."""
    table = nn.Embedding(size, dim, padding_idx=0 if none else None)
    nn.init.normal_(table.weight, std=0.1)
    if none:
        nn.init.zeros_(table.weight[:1])
    return table


class MeasuredModel(nn.Module):
    """See the module's text; ``next_logits`` to ``duration_logits`` are called in this order within a step.

    Example:
        >>> import torch
        >>> model = MeasuredModel(MeasuredModelConfig.tiny())
        >>> model.states(torch.zeros(1, 3, 11, dtype=torch.long)).shape
        torch.Size([1, 3, 32])
    """

    def __init__(self, config: MeasuredModelConfig, backend: str = "skew", gradient_checkpointing: bool = False) -> None:
        super().__init__()
        self.config = config
        dim, hidden, dropout = config.transformer.embed_dim, config.hidden_dim, config.transformer.dropout
        self.fields = nn.ModuleList(_field_table(size, dim, none=index != NEXT) for index, size in enumerate(FIELD_SIZES))
        self.transformer = MusicTransformer(config.transformer, backend, gradient_checkpointing)
        self.next_network = Hidden(dim + MOMENT_BITS, hidden, dropout)
        self.next_head = nn.Linear(hidden, FIELD_SIZES[NEXT])
        self.lane_network = Hidden(2 * dim + ONSET_BITS, hidden, dropout)
        self.lane_head = nn.Linear(hidden, FIELD_SIZES[LANE])
        self.pitch_numbers = nn.ModuleList(nn.Embedding(1 + NUM_PITCHES, NUMBER_DIM) for _ in range(NUM_REFERENCES + 1))
        self.time_numbers = nn.ModuleList(
            nn.Embedding(1 + LOOK_AHEAD, NUMBER_DIM) for _ in range(NOTE_NUMBERS - NUM_REFERENCES - 1)
        )
        # the only network with enough to see to know the training pieces by heart
        known_dim = 2 * dim + ONSET_BITS + NOTE_BITS + NOTE_NUMBERS * NUMBER_DIM
        self.note_network = Hidden(known_dim, hidden, dropout, withheld=dropout)
        self.pitch_head = ViewpointHead(hidden, NUM_PITCHES, NUM_REFERENCES)
        self.duration_network = Hidden(hidden + dim, hidden, dropout)
        self.duration_head = nn.Linear(hidden, FIELD_SIZES[DURATION])

    def states(self, rows: Int[Tensor, "batch time field"], cache: Cache | None = None) -> Float[Tensor, "batch time embed"]:
        """State after each step, from it and those before it."""
        x = torch.stack([table(rows[..., index]) for index, table in enumerate(self.fields)]).sum(dim=0)
        states: Tensor = self.transformer(x, cache)
        return states

    def next_logits(
        self, state: Float[Tensor, "decision embed"], moment: Float[Tensor, "decision bits"]
    ) -> Float[Tensor, "decision ids"]:
        """Logits of field ``next``."""
        logits: Tensor = self.next_head(self.next_network(torch.cat([state, moment], dim=-1)))
        return logits

    def lane_logits(
        self, state: Float[Tensor, "decision embed"], following: Int[Tensor, " decision"], onset: Float[Tensor, "decision bits"]
    ) -> Float[Tensor, "decision ids"]:
        """Logits of field ``lane``, given ``next`` (here ``following``)."""
        known = torch.cat([state, self.fields[NEXT](following), onset], dim=-1)
        logits: Tensor = self.lane_head(self.lane_network(known))
        return logits

    def note_state(
        self,
        state: Float[Tensor, "decision embed"],
        following: Int[Tensor, " decision"],
        lane: Int[Tensor, " decision"],
        onset: Float[Tensor, "decision bits"],
        rolls: Float[Tensor, "decision roll"],
        numbers: Int[Tensor, "decision number"],
    ) -> Float[Tensor, "decision hidden"]:
        """What pitch and duration are decided from, once onset and lane are."""
        tables = [*self.pitch_numbers, *self.time_numbers]
        looked_up = torch.cat([table(numbers[:, index]) for index, table in enumerate(tables)], dim=-1)
        place = self.fields[NEXT](following) + self.fields[LANE](lane)
        out: Tensor = self.note_network(torch.cat([state, place, onset, rolls, looked_up], dim=-1))
        return out

    def pitch_logits(
        self, note: Float[Tensor, "decision hidden"], numbers: Int[Tensor, "decision number"]
    ) -> Float[Tensor, "decision ids"]:
        """Logits of field ``pitch`` (id 0 is never right)."""
        logits: Tensor = self.pitch_head(note, numbers[:, :NUM_REFERENCES])
        return logits

    def duration_logits(
        self, note: Float[Tensor, "decision hidden"], pitch: Int[Tensor, " decision"]
    ) -> Float[Tensor, "decision ids"]:
        """Logits of field ``duration``, given ``pitch``."""
        logits: Tensor = self.duration_head(self.duration_network(torch.cat([note, self.fields[PITCH](pitch)], dim=-1)))
        return logits

    def nats(self, rows: Int[Tensor, "batch time field"], decisions: Decisions) -> dict[str, Float[Tensor, " decision"]]:
        """Negative log-likelihoods in nats by field; ``lane``, ``pitch`` and ``duration`` are 0 where the step is no note."""
        state = self.states(rows)[decisions.stream, decisions.place - 1]
        targets = decisions.targets
        is_note = targets[:, LANE] > 0
        out = {"next": functional.cross_entropy(self.next_logits(state, decisions.moment), targets[:, NEXT], reduction="none")}
        following, lane, pitch, duration = (targets[is_note][:, index] for index in (NEXT, LANE, PITCH, DURATION))
        onset, rolls, numbers = decisions.onset[is_note], decisions.rolls[is_note], decisions.numbers[is_note]
        note = self.note_state(state[is_note], following, lane, onset, rolls, numbers)
        by_field = {
            "lane": (self.lane_logits(state[is_note], following, onset), lane),
            "pitch": (self.pitch_logits(note, numbers), pitch),
            "duration": (self.duration_logits(note, pitch), duration),
        }
        for name, (logits, target) in by_field.items():
            values = torch.zeros_like(out["next"])
            values[is_note] = functional.cross_entropy(logits, target, reduction="none")
            out[name] = values
        return out
