"""A language model of a flat vocabulary: one step of the stack an id, embeddings and heads factored by what an id says.

Three ids a note pass the stack where ``compose.measured_model`` reads one step; nothing tells the network where it stands but the
ids themselves. It is what ``measured`` is compared with at equal data and equal compute (``tests/bench/bench_vocabularies.py``),
and a model like others: ``infill`` and ``continue`` take its checkpoints.

Source: Thickstun et al., "Anticipatory Music Transformer" (arXiv 2306.08620), for ``anticipation``. Relative to the original: the
stack is that of ``compose.music_transformer``, and ids are factored by ``compose.flat_layouts`` instead of one table of 55,028.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from compose.flat_layouts import LAYOUTS, NOT_DECIDED
from compose.music_transformer import Cache, MusicTransformer, MusicTransformerConfig

__all__ = ["FlatModel", "FlatModelConfig"]


@dataclass(frozen=True, kw_only=True)
class FlatModelConfig:
    """Sizes of the model.

    Args:
        vocabulary: Whose ids it reads, a key of ``compose.flat_layouts.LAYOUTS``.
        transformer: The stack.
        hidden_dim: Width of the layer before each head.
    """

    vocabulary: str
    transformer: MusicTransformerConfig = field(default_factory=MusicTransformerConfig)
    hidden_dim: int = 256

    def __post_init__(self) -> None:
        if self.vocabulary not in LAYOUTS:
            raise ValueError(f"vocabulary must be one of {', '.join(sorted(LAYOUTS))}, got {self.vocabulary!r}")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FlatModelConfig:
        """From ``to_dict``; unknown keys are a TypeError."""
        return cls(**{**values, "transformer": MusicTransformerConfig(**values["transformer"])})

    @classmethod
    def tiny(cls, vocabulary: str) -> FlatModelConfig:
        """Builds in milliseconds, for tests and examples."""
        return cls(vocabulary=vocabulary, transformer=MusicTransformerConfig.tiny(), hidden_dim=32)


class FieldHead(nn.Module):
    """Decides one field of a step from the state before it and the fields decided before.

    Args:
        embed_dim: Width of the state.
        hidden_dim: Width of the layer between.
        before: Classes of the fields before.
        size: Classes of this one.
    """

    def __init__(self, embed_dim: int, hidden_dim: int, before: tuple[int, ...], size: int) -> None:
        super().__init__()
        self.project = nn.Linear(embed_dim, hidden_dim)
        self.decided = nn.ModuleList(nn.Embedding(1 + classes, hidden_dim, padding_idx=0) for classes in before)
        for table in self.decided:
            nn.init.normal_(table.weight[1:], std=0.1)  # type: ignore[index]
        self.norm = nn.LayerNorm(hidden_dim)
        self.out = nn.Linear(hidden_dim, size)

    def forward(
        self, state: Float[Tensor, "decision embed"], decided: Int[Tensor, "decision field"]
    ) -> Float[Tensor, "decision ids"]:
        """Logits; ``decided`` holds the classes of the fields before, ``NOT_DECIDED`` where the step has none."""
        x = self.project(state)
        for index, table in enumerate(self.decided):
            x = x + table(decided[:, index] - NOT_DECIDED)
        logits: Tensor = self.out(self.norm(functional.gelu(x)))
        return logits


class FlatModel(nn.Module):
    """See the module's text.

    Example:
        >>> import torch
        >>> model = FlatModel(FlatModelConfig.tiny("anticipation"))
        >>> model.states(torch.zeros(1, 3, 8, dtype=torch.long)).shape
        torch.Size([1, 3, 32])
    """

    def __init__(self, config: FlatModelConfig, backend: str = "skew") -> None:
        super().__init__()
        self.config = config
        self.layout = LAYOUTS[config.vocabulary]
        dim, fields = config.transformer.embed_dim, self.layout.fields
        self.columns = nn.ModuleList(nn.Embedding(size, dim) for size in self.layout.columns)
        for table in self.columns:
            nn.init.normal_(table.weight, std=0.1)  # type: ignore[arg-type]
        self.transformer = MusicTransformer(config.transformer, backend)
        self.heads = nn.ModuleList(FieldHead(dim, config.hidden_dim, fields[:index], size) for index, size in enumerate(fields))

    def states(self, inputs: Int[Tensor, "batch time column"], cache: Cache | None = None) -> Float[Tensor, "batch time embed"]:
        """State after each step, from it and those before it."""
        x = torch.stack([table(inputs[..., index]) for index, table in enumerate(self.columns)]).sum(dim=0)
        states: Tensor = self.transformer(x, cache)
        return states

    def nats(
        self, inputs: Int[Tensor, "batch time column"], targets: Int[Tensor, "batch time field"]
    ) -> Float[Tensor, "batch time field"]:
        """Negative log-likelihood of every decided field, in nats; 0 where nothing is decided.

        Args:
            inputs, targets: ``Columns`` of streams of equal length; padding has targets ``NOT_DECIDED``. A first step is given.
        """
        states, asked = self.states(inputs)[:, :-1], targets[:, 1:]
        out = torch.zeros(targets.shape, device=targets.device)
        for index, head in enumerate(self.heads):
            chosen = asked[..., index] != NOT_DECIDED
            logits = head(states[chosen], asked[chosen][:, :index]).float()
            out[:, 1:, index][chosen] = functional.cross_entropy(logits, asked[chosen][:, index], reduction="none")
        return out
