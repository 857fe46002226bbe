"""Velocities of a whole recording: ``weighed_velocities``, the reader of strengths over notes in windows.

The reader knows differences within what it weighs together; how loud a window is on the whole it hardly knows. So each window is
raised or lowered until windows agree, as far as that is possible, on the notes that two of them hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from compose.devices import device_of
from corpora.piece import Table
from transcribe.frames.strengths import StrengthReader, Struck
from transcribe.frames.targets import LOWEST_PITCH, MAX_VELOCITY

__all__ = ["weighed_velocities"]

WINDOW, STEP = 1024, 512  # notes that are weighed together; windows overlap by half
LEAST_SAY = 0.02  # of a window's outermost notes, to its middle ones
OWN_LEVEL = 0.05  # what a window's own level counts, to that which it has in common with its neighbours

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
    parts = [slice(first, min(first + WINDOW, len(notes))) for first in range(0, max(len(notes) - STEP, 1), STEP)]
    told = [_told(notes[part], looks[part], reader) for part in parts]
    total, weight = np.zeros(len(notes)), np.zeros(len(notes))
    for part, own, level in zip(parts, told, _levels(parts, told), strict=True):
        say = np.maximum(np.hanning(len(own) + 2)[1:-1], LEAST_SAY)
        total[part] += say * (own + level)
        weight[part] += say
    return total / weight


def _levels(parts: Sequence[slice], told: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """By how much each window is raised: least squares of what two windows say of a note, and a little of the raise itself."""
    if len(parts) == 1:
        return np.zeros(1)
    bands = np.zeros((2, len(parts)))  # the matrix's diagonal and the one below it
    wanted = np.zeros(len(parts))
    bands[0] = [OWN_LEVEL * len(own) for own in told]
    for place, (first, second) in enumerate(pairwise(parts)):
        shared = first.stop - second.start
        above = float((told[place][len(told[place]) - shared :] - told[place + 1][:shared]).sum())
        bands[0, place : place + 2] += shared
        bands[1, place] = -shared
        wanted[place] -= above
        wanted[place + 1] += above
    return np.asarray(solveh_banded(bands, wanted, lower=True), dtype=np.float64)


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
