"""A sound that is gone through block by block, as often as one likes: in memory, or a raw file of any length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from corpora.audio import Audio
from render.mix.levels import Block
from render.mix.raw_sound import raw_length, read_raw

__all__ = ["StreamedSound"]

BLOCK_SAMPLES = 1 << 16


@dataclass(frozen=True)
class StreamedSound:
    """A sound.

    Args:
        blocks: Gives all of it from its start, float32 (channel, sample), each time it is called.
        channels: Number of channels.
        samples: Length of each channel.
        sample_rate_hz: Samples a second.
    """

    blocks: Callable[[], Iterator[Block]]
    channels: int
    samples: int
    sample_rate_hz: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples / self.sample_rate_hz

    @classmethod
    def of_audio(cls, audio: Audio) -> StreamedSound:
        """Of what is in memory."""

        def blocks() -> Iterator[Block]:
            for start in range(0, audio.samples.shape[1], BLOCK_SAMPLES):
                yield audio.samples[:, start : start + BLOCK_SAMPLES]

        return cls(blocks, audio.channels, audio.samples.shape[1], audio.sample_rate_hz)

    @classmethod
    def of_raw(cls, path: Path, sample_rate_hz: int) -> StreamedSound:
        """Of a raw file (``render.mix.raw_sound``).

        Raises:
            InputError: There is no such file, or its size is not one of whole frames.
        """
        return cls(lambda: read_raw(path, BLOCK_SAMPLES), 2, raw_length(path), sample_rate_hz)
