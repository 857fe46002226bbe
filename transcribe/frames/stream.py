"""The frame model over sound of any length, in pieces: the same numbers as in one, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compose.devices import device_of
from transcribe.frames.model import CellOutputs, FrameModel
from transcribe.frames.windows import windows
from transcribe.spectra.log_frequency import LONGEST_WINDOW, log_frequency
from transcribe.spectra.timing import HOP_SAMPLES

__all__ = ["CHUNK_FRAMES", "HeardFrames", "hear"]

CHUNK_FRAMES = 768  # 12.3 s

Floats = NDArray[np.float32]


class HeardFrames(NamedTuple):
    """What the model says of some frames in a row: probabilities, but for ``families`` and ``beats``, which are logits. float32.

    Args:
        first: Number of the first frame.
        onset, frame, offset, velocity: (frames, 88).
        families: (family, frames, 88).
        drums, drum_velocity: (frames, drum classes).
        pedal: (frames,).
        beats: (frames, 2): beat and downbeat.
    """

    first: int
    onset: Floats
    frame: Floats
    offset: Floats
    velocity: Floats
    families: Floats
    drums: Floats
    drum_velocity: Floats
    pedal: Floats
    beats: Floats


def hear(blocks: Iterable[NDArray[np.float32]], model: FrameModel, chunk_frames: int = CHUNK_FRAMES) -> Iterator[HeardFrames]:
    """What a model hears in a sound.

    Args:
        blocks: Mono sound at 16 kHz in pieces of any lengths.
        model: In evaluation mode.
        chunk_frames: Frames that are worked on at once.

    Returns:
        All frames in order, some four seconds after the sound that they are of.
    """
    device = device_of(model)
    cells: list[CellOutputs] = []  # of frames whose thin stream is still to come
    waiting: list[CellOutputs] = []

    def frames_of() -> Iterator[Tensor]:
        for outputs, frames in _cells(blocks, model, device, chunk_frames):
            waiting.append(outputs)
            yield frames

    first = 0
    for window in windows(frames_of(), 1, chunk_frames, model.beyond):
        with torch.inference_mode():
            told = model.follow(window.values)
        count = window.last - window.first
        cells += waiting
        waiting.clear()
        now, cells = _take(cells, count)
        pulses = [part[:, window.first : window.last] for part in told]
        yield HeardFrames(
            first=first,
            onset=_array(torch.sigmoid(now.onset)),
            frame=_array(torch.sigmoid(now.frame)),
            offset=_array(torch.sigmoid(now.offset)),
            velocity=_array(now.velocity),
            families=_array(now.families),
            drums=_array(torch.sigmoid(pulses[0])),
            drum_velocity=_array(pulses[1]),
            pedal=_array(torch.sigmoid(pulses[2])),
            beats=_array(pulses[3]),
        )
        first += count


def _spectra(blocks: Iterable[NDArray[np.float32]], device: torch.device, chunk_frames: int) -> Iterator[Tensor]:
    """Spectrograms of successive chunks: (1, 2, frames, bins)."""
    pieces = (torch.from_numpy(np.ascontiguousarray(block, dtype=np.float32))[None].to(device) for block in blocks)
    for window in windows(pieces, 1, chunk_frames * HOP_SAMPLES, LONGEST_WINDOW // 2):
        spectra = log_frequency(window.values)
        yield spectra[:, :, window.first // HOP_SAMPLES : -(-window.last // HOP_SAMPLES)]


def _cells(
    blocks: Iterable[NDArray[np.float32]], model: FrameModel, device: torch.device, chunk_frames: int
) -> Iterator[tuple[CellOutputs, Tensor]]:
    """What the first half of the model says of successive chunks."""
    for window in windows(_spectra(blocks, device, chunk_frames), 2, chunk_frames, model.reach):
        with torch.inference_mode():
            outputs, frames = model.hear(window.values)
            outputs = model.with_timbre(outputs, window.values)
        yield _part(outputs, window.first, window.last), frames[:, window.first : window.last]


def _part(cells: CellOutputs, first: int, last: int) -> CellOutputs:
    """Some frames of them."""
    return CellOutputs(
        onset=cells.onset[:, first:last],
        frame=cells.frame[:, first:last],
        offset=cells.offset[:, first:last],
        velocity=cells.velocity[:, first:last],
        families=cells.families[:, :, first:last],
    )


def _take(parts: list[CellOutputs], count: int) -> tuple[CellOutputs, list[CellOutputs]]:
    """The first ``count`` frames of some chunks, and what is left."""
    whole = CellOutputs(
        onset=torch.cat([part.onset for part in parts], 1),
        frame=torch.cat([part.frame for part in parts], 1),
        offset=torch.cat([part.offset for part in parts], 1),
        velocity=torch.cat([part.velocity for part in parts], 1),
        families=torch.cat([part.families for part in parts], 2),
    )
    return _part(whole, 0, count), [_part(whole, count, whole.onset.shape[1])]


def _array(part: Tensor) -> Floats:
    values: Floats = part[0].cpu().numpy()
    return values
