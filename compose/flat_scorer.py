"""Flat models at work beside their writers: what every scorer of flat ids shares.

A scorer makes the ids that the model should have before it from the canvas, afresh for every slot, and reads only those that have
changed since the last one (``StreamReader``): whatever the sampler takes back is seen by itself. Ids tell programs apart, not
lanes; where several lanes to be written share a program, a pitch belongs to each the more the nearer it lies to where the lane's
notes lie (``lane_shares``).
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean
from typing import Final

import numpy as np
from numpy.typing import NDArray

from compose.canvas import NUM_PITCHES, Canvas
from compose.flat_step import FlatStep, log_softmax
from compose.single_step import Floats
from compose.vocabulary.arrival import DRUM_INSTRUMENT

__all__ = ["UNKNOWN", "StreamReader", "lane_shares", "program_of"]

UNKNOWN: Final = -1e9  # the logit of ids that the model says nothing of; masks keep them out
SPREAD_SEMITONES: Final = 7.0  # how far from its middle a lane's notes lie
MIDDLE_PITCH: Final = 60  # where a lane without notes is taken to lie


class StreamReader:
    """A stream of ids read once, its states kept.

    Args:
        model: The weights.
        cached: Whether to keep keys and values; without, every change reads the whole stream again.
    """

    def __init__(self, model: FlatStep, cached: bool = True) -> None:
        self.model = model
        self.cached = cached
        self._stream = model.stream()
        self._ids: NDArray[np.int64] | None = None
        self._states: Floats | None = None

    def states(self, ids: NDArray[np.int64]) -> Floats:
        """States after each step of a stream, shape (steps, embed).

        Args:
            ids: At least one step.
        """
        same = 0
        if self._ids is not None:
            shorter = min(len(ids), len(self._ids))
            changed = np.flatnonzero((ids[:shorter] != self._ids[:shorter]).reshape(shorter, -1).any(axis=1))
            same = int(changed[0]) if changed.size else shorter
            if same == len(ids) == len(self._ids):
                assert self._states is not None
                return self._states
        if not self.cached:
            same = 0
        self._stream.truncate(same)
        known = self._states[:same] if self._states is not None else None
        if same < len(ids):
            new = self._stream.read(self.model.embed(self.model.layout.read(ids).inputs[same:]))
            known = new if known is None else np.concatenate([known, new])
        assert known is not None
        self._ids, self._states = ids.copy(), known
        return known


def program_of(canvas: Canvas, lane: int) -> int:
    """The program of a lane, 128 for drums."""
    part = canvas.piece.parts[lane]
    return DRUM_INSTRUMENT if part.is_drum else part.program


def lane_shares(canvas: Canvas, alike: Callable[[Canvas, int], int] = program_of) -> dict[int, NDArray[np.float64]]:
    """For each lane that is written the logarithm of its share in each pitch, shape (128,).

    Args:
        canvas: Whose region is written; all its notes say where a lane lies.
        alike: Lanes for which this is the same are told apart by their pitches alone.
    """
    lanes = canvas.region.lanes
    notes = (*canvas.removed, *canvas.fixed)
    middles = {lane: [note.pitch for note in notes if note.lane == lane] for lane in lanes}
    pitches = np.arange(NUM_PITCHES)
    near = {
        lane: -(((pitches - (fmean(mine) if mine else MIDDLE_PITCH)) / SPREAD_SEMITONES) ** 2) for lane, mine in middles.items()
    }
    shares: dict[int, NDArray[np.float64]] = {}
    for lane in lanes:
        same = [other for other in lanes if alike(canvas, other) == alike(canvas, lane)]
        shares[lane] = log_softmax(np.stack([near[other] for other in same], axis=1))[:, same.index(lane)]
    return shares
