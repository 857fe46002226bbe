"""A model's predictions mixed with memories of contexts, slot by slot: p = sum of w_k p_k, the weights from a small table.

A network that has learned from 229 chorales knows harmony but not the tunes; the tunes come back, in other chorales and within
the same one. The weights depend on how long a match is, how often it occurred, how sure the memory and the model are, and on
the voice: a log-linear gate of some 500 numbers, fitted on one half of the held-out pieces and scored on the other
(``crossfitted_nats``), because on its training pieces the model is surer than it will ever be again. Mixing a language model with
what its nearest contexts were followed by: Khandelwal et al., arXiv 1911.00172; several sources by how sure they are: Pearce,
Conklin and Wiggins, CMMR 2004.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from compose.context_memory import ContextMemory, Contexts, Recollection, harmony_contexts, melody_contexts
from compose.vocabulary.voices import NUM_VOICES

__all__ = ["SOURCES", "Slots", "Source", "crossfitted_nats", "fit_gate", "gather_slots", "mixed_nats"]

Ids = NDArray[np.int64]

COUNT_EDGES = (2, 4, 10)  # occurrences behind a recollection
CERTAINTY_EDGES = (0.7, 0.99)  # of its likeliest id
AGREEMENT_EDGES = (0.02, 0.1, 0.3, 0.6, 0.9)  # what the model gives that id
CONFIDENCE_EDGES = (0.5, 0.8, 0.95, 0.99)  # the model's own likeliest id
MATCH_KINDS = (len(COUNT_EDGES) + 1) * (len(CERTAINTY_EDGES) + 1)  # a match's count and certainty together
NEVER = -30.0  # gate of a memory that recalls nothing
FIT_STEPS = 150
FIT_RATE = 0.05
SHRINKAGE = 2e-5  # on squares of the gate's numbers


@dataclass(frozen=True)
class Source:
    """A memory to mix in.

    Args:
        contexts: How contexts are described.
        orders: Their lengths.
        long_term: Whether it holds other pieces, or this one's past.
    """

    contexts: Contexts
    orders: tuple[int, ...]
    long_term: bool


SOURCES = (
    Source(melody_contexts, (1, 2, 3, 4, 5, 6, 7, 8, 10, 12), True),
    Source(melody_contexts, (2, 3, 4, 5, 6, 8, 10, 12), False),
    Source(harmony_contexts, (2, 4, 6, 8, 12, 16, 24, 32), True),
    Source(harmony_contexts, (2, 4, 6, 8, 12, 16, 24, 32), False),
)


@dataclass(frozen=True)
class Slots:
    """Slots in a row, with what each source gave the id that came.

    Args:
        model: (slots,) probability by the model.
        memories: (slots, sources) by each memory; 0 where it recalls nothing.
        match: (slots, sources) int, 0 where nothing is recalled, else kind of match.
        agreement: (slots, sources) int, what the model thinks of the memory's likeliest id.
        confidence: (slots,) int, how sure the model is.
        voice: (slots,) int.
        piece: (slots,) int, place of its piece among those asked.
    """

    model: Tensor
    memories: Tensor
    match: Tensor
    agreement: Tensor
    confidence: Tensor
    voice: Tensor
    piece: Tensor

    def where(self, chosen: Tensor) -> Slots:
        """The slots of a boolean mask."""
        return Slots(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def _match_kinds(recollection: Recollection) -> Ids:
    certainty = np.digitize(recollection.probabilities.max(axis=1), CERTAINTY_EDGES)
    count = np.digitize(recollection.occurrences, COUNT_EDGES)
    kind = 1 + recollection.order * MATCH_KINDS + count * (len(CERTAINTY_EDGES) + 1) + certainty
    return np.where(recollection.order < 0, 0, kind)


def gather_slots(pieces: Sequence[Ids], log_probabilities: Sequence[Tensor], remembered: Sequence[Ids]) -> Slots:
    """All slots of pieces, voice by voice.

    Args:
        pieces: Ids, (frames, 4) each.
        log_probabilities: The model's, (frames, 4, ids) each.
        remembered: Pieces of the long-term memories.
    """
    rows: list[tuple[Ids | NDArray[np.float64], ...]] = []
    for voice in range(NUM_VOICES):
        memories = [ContextMemory(voice, s.contexts, s.orders, remembered if s.long_term else ()) for s in SOURCES]
        for index, (piece, log_p) in enumerate(zip(pieces, log_probabilities, strict=True)):
            frames, target = np.arange(len(piece)), piece[:, voice]
            model = log_p[:, voice].double().exp().numpy()
            recalled = [memory.recall(piece) for memory in memories]
            tops = [recollection.probabilities.argmax(axis=1) for recollection in recalled]
            rows.append(
                (
                    model[frames, target],
                    np.stack([r.probabilities[frames, target] for r in recalled], axis=1).astype(np.float64),
                    np.stack([_match_kinds(r) for r in recalled], axis=1),
                    np.stack([np.digitize(model[frames, top], AGREEMENT_EDGES) for top in tops], axis=1),
                    np.digitize(model.max(axis=1), CONFIDENCE_EDGES),
                    np.full(len(piece), voice),
                    np.full(len(piece), index),
                )
            )
    return Slots(*(torch.from_numpy(np.concatenate(column)) for column in zip(*rows, strict=True)))


class _Gate(nn.Module):
    """Log-weights of the model and the memories."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [1 + len(source.orders) * MATCH_KINDS for source in SOURCES]
        self.bias = nn.Parameter(torch.full((len(SOURCES),), -3.0, dtype=torch.double))
        self.tables = nn.ModuleList(
            nn.ModuleList(nn.Embedding(size, 1, dtype=torch.double) for size in (match, *others))
            for match, others in ((size, (len(AGREEMENT_EDGES) + 1, len(CONFIDENCE_EDGES) + 1, NUM_VOICES)) for size in sizes)
        )
        for table in self.modules():
            if isinstance(table, nn.Embedding):
                nn.init.zeros_(table.weight)

    def forward(self, slots: Slots) -> Tensor:
        columns = [torch.zeros(len(slots.model), 1, dtype=torch.double)]
        for k, tables in enumerate(self.tables):
            keys = (slots.match[:, k], slots.agreement[:, k], slots.confidence, slots.voice)
            weight = sum((table(key) for table, key in zip(tables, keys, strict=True)), start=self.bias[k])  # type: ignore[call-overload]
            columns.append(weight.masked_fill(slots.match[:, k, None] == 0, NEVER))
        return torch.cat(columns, dim=1).log_softmax(dim=1)


def mixed_nats(gate: nn.Module, slots: Slots) -> Tensor:
    """Nats of every slot under the mixture, (slots,)."""
    sources = torch.cat([slots.model[:, None], slots.memories], dim=1)
    nats: Tensor = -(gate(slots) + sources.clamp(min=1e-12).log()).logsumexp(dim=1)
    return nats


def fit_gate(slots: Slots) -> nn.Module:
    """The gate of the likeliest mixture on these slots."""
    gate = _Gate()
    optimizer = torch.optim.Adam(gate.parameters(), lr=FIT_RATE)
    for _ in range(FIT_STEPS):
        size = torch.stack([table.square().sum() for table in gate.parameters() if table.ndim > 1]).sum()
        loss = mixed_nats(gate, slots).mean() + SHRINKAGE * size
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return gate


def crossfitted_nats(slots: Slots) -> Tensor:
    """Nats of every slot under a mixture fitted on the pieces of the other parity, (slots,)."""
    out = torch.zeros_like(slots.model)
    for parity in (0, 1):
        here = slots.piece % 2 == parity
        gate = fit_gate(slots.where(~here))
        with torch.no_grad():
            out[here] = mixed_nats(gate, slots.where(here))
    return out
