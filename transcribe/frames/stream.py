"""The frame model over sound of any length, in pieces: the same numbers as in one, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compose.devices import device_of
from corpora.memory import give_back_memory
from transcribe.frames.drum_reader import DrumOutputs
from transcribe.frames.model import CellOutputs, FrameModel
from transcribe.frames.timbre import semitone_levels
from transcribe.frames.windows import windows
from transcribe.spectra.log_frequency import LONGEST_WINDOW, log_frequency
from transcribe.spectra.timing import HOP_SAMPLES

__all__ = ["CHUNK_FRAMES", "HeardCourse", "HeardFrames", "HeardLooks", "hear"]

CHUNK_FRAMES = 768  # 12.3 s
GIVE_BACK_EVERY = 24  # chunks

Floats = NDArray[np.float32]


class HeardLooks(NamedTuple):
    """What the reader of strengths keeps of likely onsets (``transcribe.frames.model.Looks``), by frame of the whole sound.

    Args:
        frame: (onsets,), rising.
        pitch: From the lowest, (onsets,).
        kept: (onsets, width) float32.
    """

    frame: NDArray[np.int64]
    pitch: NDArray[np.int64]
    kept: Floats

    def of(self, chosen: NDArray[np.bool_]) -> HeardLooks:
        """Some of them."""
        return HeardLooks(self.frame[chosen], self.pitch[chosen], self.kept[chosen])

    @classmethod
    def none(cls) -> HeardLooks:
        """No onset."""
        return cls(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.float32))

    @classmethod
    def joined(cls, parts: Sequence[HeardLooks]) -> HeardLooks:
        """Those of parts, in order."""
        some = [part for part in parts if len(part.frame)]
        return cls(*(np.concatenate(columns) for columns in zip(*some, strict=True))) if some else cls.none()


class HeardCourse(NamedTuple):
    """What the reader of ends sees of frames besides.

    Args:
        levels: Of ``transcribe.frames.timbre.semitone_levels``, (2, frames, semitones) float32.
        cells: (width, frames, 88) float16, which is exact enough and half of what is kept.
    """

    levels: Floats
    cells: NDArray[np.float16]


class HeardFrames(NamedTuple):
    """What the model says of some frames in a row: probabilities, but for ``families`` and ``beats``, which are logits. float32.

    Args:
        first: Number of the first frame.
        onset, frame, offset, velocity: (frames, 88).
        families: (family, frames, 88).
        drums, drum_velocity: (frames, drum classes).
        pedal: (frames,).
        beats: (frames, 2): beat and downbeat.
        looks: Of the onsets in them.
        course: Where it was asked for.
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
    looks: HeardLooks = HeardLooks.none()
    course: HeardCourse | None = None


class _Near(NamedTuple):
    """What is known of some frames before the thin stream has come to them."""

    cells: CellOutputs
    drums: DrumOutputs
    looks: HeardLooks
    course: tuple[Tensor, ...]  # levels and cells, or nothing


def hear(
    blocks: Iterable[NDArray[np.float32]], model: FrameModel, chunk_frames: int = CHUNK_FRAMES, *, for_ends: bool = False
) -> Iterator[HeardFrames]:
    """What a model hears in a sound.

    Args:
        blocks: Mono sound at 16 kHz in pieces of any lengths.
        model: In evaluation mode.
        chunk_frames: Frames that are worked on at once.
        for_ends: Whether the reader of ends will look at them.

    Returns:
        All frames in order, some four seconds after the sound that they are of.
    """
    device = device_of(model)
    heard: list[_Near] = []  # of frames whose thin stream is still to come
    waiting: list[_Near] = []

    def frames_of() -> Iterator[Tensor]:
        for near, frames in _near(blocks, model, device, chunk_frames, for_ends):
            waiting.append(near)
            yield frames

    first = 0
    for number, window in enumerate(windows(frames_of(), 1, chunk_frames, model.beyond)):
        if number % GIVE_BACK_EVERY == GIVE_BACK_EVERY - 1:
            give_back_memory()
        with torch.inference_mode():
            told = model.follow(window.values)
        count = window.last - window.first
        heard += waiting
        waiting.clear()
        (now, drums, looks, course), heard = _take(heard, count, first)
        yield HeardFrames(
            first=first,
            onset=_array(torch.sigmoid(now.onset)),
            frame=_array(torch.sigmoid(now.frame)),
            offset=_array(torch.sigmoid(now.offset)),
            velocity=_array(now.velocity),
            families=_array(now.families),
            drums=_array(torch.sigmoid(drums.drums)),
            drum_velocity=_array(drums.drum_velocity),
            pedal=_array(torch.sigmoid(told.pedal[:, window.first : window.last])),
            beats=_array(told.beats[:, window.first : window.last]),
            looks=looks,
            course=HeardCourse(*(part.cpu().numpy() for part in course)) if for_ends else None,
        )
        first += count


def _spectra(blocks: Iterable[NDArray[np.float32]], device: torch.device, chunk_frames: int) -> Iterator[Tensor]:
    """Spectrograms of successive chunks: (1, 2, frames, bins)."""
    pieces = (torch.from_numpy(np.ascontiguousarray(block, dtype=np.float32))[None].to(device) for block in blocks)
    for window in windows(pieces, 1, chunk_frames * HOP_SAMPLES, LONGEST_WINDOW // 2):
        spectra = log_frequency(window.values)
        yield spectra[:, :, window.first // HOP_SAMPLES : -(-window.last // HOP_SAMPLES)]


def _near(
    blocks: Iterable[NDArray[np.float32]], model: FrameModel, device: torch.device, chunk_frames: int, for_ends: bool
) -> Iterator[tuple[_Near, Tensor]]:
    """What the first half of the model, and the readers of drums, timbre and strengths, say of successive chunks."""
    place = 0  # of the chunk in the whole
    for window in windows(_spectra(blocks, device, chunk_frames), 2, chunk_frames, model.context):
        with torch.inference_mode():
            half = model.hear(window.values)
            looks = model.looks(half, window.values)
            cells, drums = model.with_timbre(half.cells, window.values), model.drums(window.values)
            course = (semitone_levels(window.values)[0], half.vectors[:, 0].half()) if for_ends else ()
        inside = (looks.frame >= window.first) & (looks.frame < window.last)
        frame, pitch, kept = (column[inside].cpu().numpy() for column in looks)
        kept_looks = HeardLooks(frame + (place - window.first), pitch, kept.astype(np.float32))
        yield _part(_Near(cells, drums, kept_looks, course), window.first, window.last), half.frames[:, window.first : window.last]
        place += window.last - window.first


def _part(near: _Near, first: int, last: int) -> _Near:
    """Some frames of them, with all looks."""
    cells, drums = near.cells, near.drums
    part = CellOutputs(
        onset=cells.onset[:, first:last],
        frame=cells.frame[:, first:last],
        offset=cells.offset[:, first:last],
        velocity=cells.velocity[:, first:last],
        families=cells.families[:, :, first:last],
    )
    struck = DrumOutputs(drums.drums[:, first:last], drums.drum_velocity[:, first:last])
    course = tuple(part[:, first:last].contiguous() for part in near.course)  # a view would keep all of it in memory
    return _Near(part, struck, near.looks, course)


def _take(parts: list[_Near], count: int, place: int) -> tuple[_Near, list[_Near]]:
    """The first ``count`` frames of some chunks, which begin at ``place``, and what is left."""
    cells, drums = [part.cells for part in parts], [part.drums for part in parts]
    whole = CellOutputs(
        onset=torch.cat([part.onset for part in cells], 1),
        frame=torch.cat([part.frame for part in cells], 1),
        offset=torch.cat([part.offset for part in cells], 1),
        velocity=torch.cat([part.velocity for part in cells], 1),
        families=torch.cat([part.families for part in cells], 2),
    )
    struck = DrumOutputs(torch.cat([part.drums for part in drums], 1), torch.cat([part.drum_velocity for part in drums], 1))
    looks = HeardLooks.joined([part.looks for part in parts])
    course = tuple(torch.cat(columns, 1) for columns in zip(*(part.course for part in parts), strict=True))
    is_now = looks.frame < place + count
    now = _part(_Near(whole, struck, looks.of(is_now), course), 0, count)
    return now, [_part(_Near(whole, struck, looks.of(~is_now), course), count, whole.onset.shape[1])]


def _array(part: Tensor) -> Floats:
    values: Floats = part[0].cpu().numpy()
    return values
