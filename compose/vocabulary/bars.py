"""The bars of a piece on the writing grid, cut where a ``measured`` stream cuts them."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compose.canvas import STEPS_PER_QUARTER
from compose.vocabulary.measured_fields import CHUNK_STEPS, CONTINUED, meter_id, tempo_id
from corpora.piece import DEFAULT_QUARTERS_PER_MINUTE, Piece

__all__ = ["Chunk", "chunks", "to_steps"]


class Chunk(NamedTuple):
    """A bar, or a further part of one: start and length in steps of the writing grid, and ids of ``measured_fields``."""

    start: int
    length: int
    meter: int  # CONTINUED within a bar
    key: int
    tempo: int
    bar: int  # index into Piece.measures


def to_steps(divs: NDArray[np.int64], divs_per_quarter: int) -> NDArray[np.int64]:
    """Places in divs to the nearest step of the writing grid (halves go up)."""
    return (2 * STEPS_PER_QUARTER * np.asarray(divs, dtype=np.int64) + divs_per_quarter) // (2 * divs_per_quarter)


def chunks(piece: Piece) -> list[Chunk]:
    """Every bar of the piece, cut at key and tempo changes and every 192 steps; contiguous, covering every onset."""
    measures = piece.measures
    starts = to_steps(measures["start_div"], piece.divs_per_quarter).tolist()
    last_onset = int(to_steps(piece.notes["onset_div"], piece.divs_per_quarter).max()) if len(piece.notes) else 0
    end = int(to_steps(measures["end_div"], piece.divs_per_quarter)[-1]) if len(measures) else 0
    end = max(end, last_onset + 1) if last_onset >= end else end
    bounds = [*starts, end]
    keys = dict(zip(to_steps(piece.keys["onset_div"], piece.divs_per_quarter).tolist(), piece.keys["fifths"].tolist(), strict=True))
    tempo_steps = to_steps(piece.tempos["onset_div"], piece.divs_per_quarter).tolist()
    tempos = dict(zip(tempo_steps, piece.tempos["quarters_per_minute"].tolist(), strict=True))
    changes = sorted({*keys, *tempos})
    key, tempo = 0, DEFAULT_QUARTERS_PER_MINUTE
    change = 0
    out: list[Chunk] = []
    for bar, (start, stop) in enumerate(pairwise(bounds)):
        place, first = start, True
        while first or place < stop:
            while change < len(changes) and changes[change] <= place:
                key = keys.get(changes[change], key)
                tempo = tempos.get(changes[change], tempo)
                change += 1
            ahead = changes[change] if change < len(changes) else stop
            until = min(stop, place + CHUNK_STEPS, max(ahead, place + 1))
            meter = meter_id(int(measures["beats"][bar]), int(measures["beat_type"][bar])) if first else CONTINUED
            out.append(Chunk(place, until - place, meter, int(np.clip(key, -7, 7)) + 8, tempo_id(tempo), bar))
            place, first = until, False
    return out
