"""Velocities of a whole recording: ``weighed_velocities``, the reader of strengths over notes in windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from compose.devices import device_of
from corpora.piece import Table
from transcribe.frames.strengths import StrengthReader, Struck
from transcribe.frames.targets import LOWEST_PITCH, MAX_VELOCITY

__all__ = ["weighed_velocities"]

WINDOW, STEP = 512, 256  # notes that are weighed together; windows overlap by half
LEAST_SAY = 0.02  # of a window's outermost notes, to its middle ones

Floats = NDArray[np.float32]


def weighed_velocities(notes: Table, looks: Sequence[Floats | None], reader: StrengthReader) -> NDArray[np.int32]:
    """Velocities of all notes of a recording, in their order.

    Args:
        notes: HEARD_DTYPE rows, pitched, in any order, with what the frame model heard.
        looks: For each row what ``reader`` kept of its onset; None where it was not looked at, whose velocity stays.
        reader: In evaluation mode.

    Returns:
        int32 (notes,), 1 to 127.
    """
    out = notes["velocity"].astype(np.int32)
    looked_at = [row for row, look in enumerate(looks) if look is not None]
    if not looked_at:
        return out
    kept = np.stack([look for look in looks if look is not None])
    rows = notes[looked_at]
    order = np.lexsort((rows["family"], rows["pitch"], rows["onset_s"]))
    told = _in_windows(rows[order], kept[order], reader)
    out[np.array(looked_at)[order]] = np.clip(np.rint(told * MAX_VELOCITY), 1, MAX_VELOCITY)
    return out


def _in_windows(notes: Table, looks: Floats, reader: StrengthReader) -> NDArray[np.float64]:
    """0 to 1, of notes by onset: the mean of what windows say, in which their middle counts most."""
    total, weight = np.zeros(len(notes)), np.zeros(len(notes))
    for first in range(0, max(len(notes) - STEP, 1), STEP):
        part = slice(first, first + WINDOW)
        say = np.maximum(np.hanning(len(notes[part]) + 2)[1:-1], LEAST_SAY)
        total[part] += say * _told(notes[part], looks[part], reader)
        weight[part] += say
    return total / weight


@torch.inference_mode()
def _told(notes: Table, looks: Floats, reader: StrengthReader) -> NDArray[np.float64]:
    place = device_of(reader)

    def row(values: NDArray[np.generic]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values))[None].to(place)

    struck = Struck(
        looks=row(looks.astype(np.float32)),
        told=row(notes["velocity"].astype(np.float32) / MAX_VELOCITY),
        pitch=row(notes["pitch"].astype(np.int64) - LOWEST_PITCH),
        onset_s=row((notes["onset_s"] - notes["onset_s"].min()).astype(np.float32)),
        family=row(notes["family"].astype(np.int64)),
        there=torch.ones(1, len(notes), dtype=torch.bool, device=place),
    )
    told: NDArray[np.float32] = reader.weigh(struck)[0].cpu().numpy()
    return told.astype(np.float64)
