"""Samples as voices read them: decoded, cut to the zone's range, the loop unrolled past its end, silence around.

Place 0 is the first sample that sounds. A looped source repeats its loop until a reader may jump back by whole loops without ever
weighing a sample from before the loop, so that what is read is exactly periodic.
Source: SoundFont Technical Specification 2.04, sections 7.10 (sample headers) and 8.1.2 (0 to 4, 12, 45, 50, 54).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from corpora.errors import InputError
from render.sampler.byte_cache import ByteCache
from render.sampler.font_file import FontFile
from render.sampler.generators import Generator
from render.sampler.kernel import MAX_HALF_TAPS
from render.sampler.zones import Zone

__all__ = ["PAD", "LoopMode", "Source", "SourceRange", "Sources"]

PAD = 2 * MAX_HALF_TAPS + 2  # silent samples before and after
COARSE = 32_768
DECODED_BYTES, SOURCE_BYTES = 64 << 20, 192 << 20


class LoopMode(IntEnum):
    """The two low bits of sampleModes; 2 is as 0."""

    NONE = 0
    ALWAYS = 1
    UNTIL_RELEASE = 3


@dataclass(frozen=True)
class SourceRange:
    """What of a sample a zone plays, in samples from the sample's start.

    Args:
        sample: Its number in the font.
        start: First sample.
        end: One past the last.
        loop_start: First of the loop.
        loop_end: One past the last of it; 0 where there is no loop.
        is_unrolled: Whether the loop goes on for ever; else the range is played to its end.
    """

    sample: int
    start: int
    end: int
    loop_start: int
    loop_end: int
    is_unrolled: bool


@dataclass(frozen=True, eq=False)
class Source:
    """Samples ready to be read.

    Args:
        frames: With ``PAD`` silent ones (or the repeated loop) around; place 0 is at index ``PAD``.
        length: Places before this one are the sample's; what follows is silent, or the loop.
        wrap: From this place on a reader goes back by whole loops.
        loop: Length of the loop; 0 where there is none.
    """

    frames: Float[Tensor, " sample"]
    length: int
    wrap: int
    loop: int


class Sources:
    """The sources of a font, made when they are first asked for.

    Args:
        font: The font.
    """

    def __init__(self, font: FontFile) -> None:
        self.font = font
        self._decoded: ByteCache[NDArray[np.float32]] = ByteCache(DECODED_BYTES, lambda frames: frames.nbytes)
        self._made: ByteCache[Source] = ByteCache(SOURCE_BYTES, lambda source: source.frames.nbytes)
        self._lengths: dict[int, int] = {}

    def _frames(self, sample: int) -> NDArray[np.float32]:
        found = self._decoded.get(sample)
        if found is None:
            found = self._decoded.put(sample, self.font.decode(sample))
            self._lengths[sample] = len(found)
        return found

    def range_of(self, zone: Zone) -> tuple[SourceRange, LoopMode]:
        """What a zone plays of its sample, and how it loops.

        Raises:
            InputError: The range or the loop is empty or reaches outside the sample, or the sample cannot be read.
        """
        if zone.sample not in self._lengths:
            self._frames(zone.sample)
        length = self._lengths[zone.sample]
        head = self.font.tables["shdr"][zone.sample]
        origin = 0 if self.font.is_compressed(zone.sample) else int(head["start"])

        def offset(fine: Generator, coarse: Generator) -> int:
            return int(zone.amounts[fine]) + COARSE * int(zone.amounts[coarse])

        mode = int(zone.amounts[Generator.SAMPLE_MODES]) & 3
        start = offset(Generator.START_OFFSET, Generator.START_COARSE_OFFSET)
        end = length + offset(Generator.END_OFFSET, Generator.END_COARSE_OFFSET)
        shown = self.font.sample_shown(zone.sample)
        if not 0 <= start < end <= length:
            raise InputError(f"{shown}: expected a range within 0 to {length}, got {start} to {end}")
        if mode not in (LoopMode.ALWAYS, LoopMode.UNTIL_RELEASE):
            return SourceRange(zone.sample, start, end, 0, 0, False), LoopMode.NONE
        first = int(head["loop_start"]) - origin + offset(Generator.LOOP_START_OFFSET, Generator.LOOP_START_COARSE_OFFSET)
        last = int(head["loop_end"]) - origin + offset(Generator.LOOP_END_OFFSET, Generator.LOOP_END_COARSE_OFFSET)
        if not 0 <= first < last <= length or start >= last:
            raise InputError(f"{shown}: expected a loop within {start} to {length}, got {first} to {last}")
        return SourceRange(zone.sample, start, end, first, last, True), LoopMode(mode)

    def source(self, wanted: SourceRange) -> Source:
        """A range of a sample, ready to be read."""
        found = self._made.get(wanted)
        return found if found is not None else self._made.put(wanted, self._make(wanted))

    def _make(self, wanted: SourceRange) -> Source:
        frames = self._frames(wanted.sample)
        silence = np.zeros(PAD, dtype=np.float32)
        if not wanted.is_unrolled:
            played = frames[wanted.start : wanted.end]
            return Source(torch.from_numpy(np.concatenate([silence, played, silence])), len(played), 0, 0)
        loop = frames[wanted.loop_start : wanted.loop_end]
        ahead = -(-MAX_HALF_TAPS // len(loop))  # whole loops that a reader must be past the loop's start
        head = frames[wanted.start : wanted.loop_end]
        wrap = len(head) + (ahead - 1) * len(loop)
        repeats = -(-(wrap + len(loop) + PAD - len(head)) // len(loop))
        unrolled = np.concatenate([silence, head, np.tile(loop, repeats)])
        return Source(torch.from_numpy(unrolled), len(head), wrap, len(loop))
