"""Raw sound files, read and written block by block: interleaved little-endian float32 stereo, no header, sample 0 first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from corpora.errors import InputError, ToolError
from corpora.safe_text import safe_text
from render.mix.levels import Block

__all__ = ["RAW_DTYPE", "RawReader", "raw_length", "read_raw", "write_block", "write_curve"]

RAW_DTYPE = np.dtype("<f4")
CHANNELS = 2
FRAME_BYTES = CHANNELS * RAW_DTYPE.itemsize


def raw_length(path: Path) -> int:
    """Samples (of each channel) in a raw file.

    Raises:
        InputError: There is no such file, or its size is not one of whole frames.
    """
    if not path.is_file():
        raise InputError(
            f"{safe_text(path.name)}: expected a raw sound file, got {'no file' if path.exists() else 'nothing there'}"
        )
    size = path.stat().st_size
    if size % FRAME_BYTES:
        raise InputError(f"{safe_text(path.name)}: expected frames of {FRAME_BYTES} bytes (float32 stereo), got {size:,} bytes")
    return size // FRAME_BYTES


class RawReader:
    """Reads a raw file from its start; past its end comes silence.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._name = path.name
        self._place = 0

    def next(self, samples: int) -> Block:
        """The next samples, (2, samples).

        Raises:
            ToolError: Some are not finite: whatever made the file failed.
        """
        frames = np.fromfile(self._file, dtype=RAW_DTYPE, count=samples * CHANNELS).reshape(-1, CHANNELS)
        block = np.zeros((CHANNELS, samples), dtype=np.float32)
        block[:, : len(frames)] = frames.T
        if not np.isfinite(block.sum()) and not np.isfinite(block).all():
            bad = self._place + int(np.argmin(np.isfinite(block).all(axis=0)))
            raise ToolError(f"{safe_text(self._name)}: sample {bad}: expected finite samples, got NaN or infinity")
        self._place += samples
        return block

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> RawReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_raw(path: Path, block_samples: int) -> Iterator[Block]:
    """All of a raw file in blocks, the last of them shorter."""
    left = raw_length(path)
    with RawReader(path) as reader:
        while left:
            samples = min(left, block_samples)
            yield reader.next(samples)
            left -= samples


def write_block(file: BinaryIO, block: Block) -> None:
    """Add samples (2, sample) to a raw file."""
    file.write(np.ascontiguousarray(block.T, dtype=RAW_DTYPE).data)  # ndarray.tofile would not say why it failed


def write_curve(file: BinaryIO, gains: NDArray[np.float32]) -> None:
    """Add one factor a sample, (sample,), to a file of such."""
    file.write(np.ascontiguousarray(gains, dtype=RAW_DTYPE).data)
