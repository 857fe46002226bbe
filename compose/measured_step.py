"""A trained ``MeasuredModel`` deciding one note at a time, in NumPy (see ``compose.single_step``).

The first layer of every network inside a step reads bits and table look-ups: a bit adds its row of the weights, a look-up the
row of its table times the weights, made once; only the state goes through a product. The viewpoint head computes the distances
that its references make possible and no others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from compose.canvas import NUM_PITCHES
from compose.measured_model import NUMBER_DIM, Hidden, MeasuredModel
from compose.single_step import (
    BLOCK_STEPS,
    CONTEXT_STEPS,
    Dense,
    Floats,
    LayerNorm,
    SingleStack,
    SingleStream,
    gelu,
    to_numpy,
)
from compose.situation import MOMENT_BITS, NOTE_BITS, NOTE_NUMBERS, NUM_REFERENCES, ONSET_BITS
from compose.viewpoints import ViewpointHead
from compose.vocabulary.measured import LANE, NEXT, PITCH

__all__ = ["MeasuredStep"]

Bits = NDArray[np.uint8]
Ints = NDArray[np.int64]


class _Network:
    """A ``Hidden`` network and its head: the input is a vector, then columns that only ever come as rows of ``rest``."""

    def __init__(self, network: Hidden, head: nn.Linear | None, dense: int) -> None:
        self.first = Dense(network.project, slice(0, dense))
        self.rest = to_numpy(network.project.weight.T)[dense:]
        self.mix, self.norm = Dense(network.mix), LayerNorm(network.norm)
        self.head = Dense(head) if head is not None else None

    def hidden(self, x: Floats, rows: Sequence[Floats]) -> Floats:
        """The hidden vector from the dense input and the contributions of everything else."""
        x = self.first(x)
        for row in rows:
            x = x + row
        x = gelu(x)
        return self.norm(x + gelu(self.mix(x)))

    def logits(self, x: Floats, rows: Sequence[Floats]) -> Floats:
        assert self.head is not None
        return self.head(self.hidden(x, rows))


def _sum(weights: Floats, bits: Bits) -> Floats:
    """What set bits contribute."""
    out: Floats = weights[bits.nonzero()[0]].sum(axis=0)
    return out


class _Head:
    """``ViewpointHead`` for one state."""

    def __init__(self, head: ViewpointHead) -> None:
        self.absolute = Dense(head.absolute)
        pitches = head.num_pitches
        shape = (head.num_references, 2 * pitches - 1)
        self.weight = to_numpy(head.relative.weight).reshape(*shape, -1)
        self.bias = to_numpy(head.relative.bias).reshape(shape)
        self.pitches = pitches

    def __call__(self, state: Floats, references: Ints) -> Floats:
        logits = self.absolute(state)
        for index in references.nonzero()[0]:
            first = self.pitches - int(references[index])  # place of id 1
            places = slice(first, first + self.pitches)
            logits[1:] += self.weight[index, places] @ state + self.bias[index, places]
        return logits


class MeasuredStep:
    """The model laid out for single steps; streams are ``SingleStream``s of their own. Methods as of ``MeasuredModel``.

    Args:
        model: Trained, in eval mode.
        context, block: See ``SingleStream``.
    """

    def __init__(self, model: MeasuredModel, context: int = CONTEXT_STEPS, block: int = BLOCK_STEPS) -> None:
        self._context, self._block = context, block
        self._stack = SingleStack(model.transformer)
        dim = model.config.transformer.embed_dim
        self._fields = [to_numpy(table.weight) for table in model.fields]  # type: ignore[arg-type]
        self._next = _Network(model.next_network, model.next_head, dim)
        self._lane = _Network(model.lane_network, model.lane_head, dim)
        self._note = _Network(model.note_network, None, dim)
        self._duration = _Network(model.duration_network, model.duration_head, model.config.hidden_dim)
        self._pitch = _Head(model.pitch_head)
        self._lane_next = self._fields[NEXT] @ self._lane.rest[:dim]
        self._lane_bits = self._lane.rest[dim:]
        self._note_next, self._note_lane = (self._fields[field] @ self._note.rest[:dim] for field in (NEXT, LANE))
        bits = self._note.rest[dim:]
        self._note_onset, self._note_rolls = bits[:ONSET_BITS], bits[ONSET_BITS : ONSET_BITS + NOTE_BITS]
        numbers = bits[ONSET_BITS + NOTE_BITS :].reshape(NOTE_NUMBERS, NUMBER_DIM, -1)
        tables = (*model.pitch_numbers, *model.time_numbers)
        self._note_numbers = [to_numpy(table.weight) @ rows for table, rows in zip(tables, numbers, strict=True)]
        self._duration_pitch = self._fields[PITCH] @ self._duration.rest
        assert len(self._next.rest) == MOMENT_BITS
        assert len(self._duration_pitch) == 1 + NUM_PITCHES

    def stream(self, pinned: int = 0) -> SingleStream:
        """An empty stream whose first steps stay in sight."""
        return SingleStream(self._stack, pinned, self._context, self._block)

    def embed(self, rows: Ints) -> Floats:
        """Embedded steps, (step, embed), of rows (step, 11)."""
        x = self._fields[0][rows[:, 0]]
        for index, table in enumerate(self._fields[1:], 1):
            x = x + table[rows[:, index]]
        return x

    def next_logits(self, state: Floats, moment: Bits) -> Floats:
        return self._next.logits(state, (_sum(self._next.rest, moment),))

    def lane_logits(self, state: Floats, following: int, onset: Bits) -> Floats:
        return self._lane.logits(state, (self._lane_next[following], _sum(self._lane_bits, onset)))

    def note_state(self, state: Floats, following: int, lane: int, onset: Bits, rolls: Bits, numbers: Ints) -> Floats:
        rows = [self._note_next[following], self._note_lane[lane], _sum(self._note_onset, onset), _sum(self._note_rolls, rolls)]
        rows += [table[number] for table, number in zip(self._note_numbers, numbers, strict=True)]
        return self._note.hidden(state, rows)

    def pitch_logits(self, note: Floats, numbers: Ints) -> Floats:
        return self._pitch(note, numbers[:NUM_REFERENCES])

    def duration_logits(self, note: Floats, pitch: int) -> Floats:
        return self._duration.logits(note, (self._duration_pitch[pitch],))
