"""Sound files of any length, read piece by piece as one channel at one rate, in bounded memory.

The level is made the same for every file: the loud stretches of it (95 in 100 of its blocks of 0.4 s are softer) get
``LEVEL_DBFS``, unless that were more than ``MOST_GAIN_DB``. So a file is read twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from corpora.audio import MAX_CHANNELS, MAX_RATE_HZ, MIN_RATE_HZ, Audio
from corpora.errors import InputError
from corpora.safe_text import safe_text

__all__ = ["LEVEL_DBFS", "AudioStream", "level_gain"]

LEVEL_DBFS = -20.0  # root mean square
MOST_GAIN_DB = 40.0
LOUD_SHARE = 95.0  # percentile
MEASURED_S = 0.4
BLOCK_SAMPLES = 1 << 16
MAX_DURATION_S = 12 * 3600.0

Progress = Callable[[float], None]  # called with the share that is done, 0 to 1


def level_gain(powers: NDArray[np.float64]) -> float:
    """The factor for samples that brings sound to ``LEVEL_DBFS``.

    Args:
        powers: Mean squares of successive stretches of ``MEASURED_S``; none or silence give 1.
    """
    loud = float(np.percentile(powers, LOUD_SHARE)) if len(powers) else 0.0
    if loud <= 0.0:
        return 1.0
    gain_db = LEVEL_DBFS - 10.0 * np.log10(loud)
    return float(10.0 ** (min(gain_db, MOST_GAIN_DB) / 20.0))


@dataclass(frozen=True)
class AudioStream:
    """A sound that can be read again and again.

    Args:
        source: A file that libsndfile knows, or sound in memory.
        sample_rate_hz: To read it at.
        name: For messages.

    Raises:
        InputError: While it is read: no sound file, over 8 channels, a rate below 8,000 or above 192,000 Hz, over 12 hours,
            no samples, or samples that are not finite.
    """

    source: Path | Audio
    sample_rate_hz: int
    name: str

    @classmethod
    def open(cls, source: str | Path | Audio, sample_rate_hz: int) -> AudioStream:
        """A file by its path, or sound in memory.

        Raises:
            InputError: There is no such file.
        """
        if isinstance(source, Audio):
            return cls(source, sample_rate_hz, "sound")
        path = Path(source)
        if not path.is_file():
            raise InputError(
                f"{safe_text(path.name)}: expected a sound file, got {'a folder or device' if path.exists() else 'nothing there'}"
            )
        return cls(path, sample_rate_hz, safe_text(path.name))

    def blocks(self, *, gain: float = 1.0, progress: Progress | None = None) -> Iterator[NDArray[np.float32]]:
        """One channel (the mean of all), float32, pieces of any lengths.

        Args:
            gain: Factor for the samples.
            progress: Hears how much has been read.
        """
        if isinstance(self.source, Audio):
            yield from self._resampled(self._in_memory(self.source), self.source.sample_rate_hz, gain)
            return
        try:
            with soundfile.SoundFile(self.source) as file:
                yield from self._resampled(self._in_file(file, progress), int(file.samplerate), gain)
        except (soundfile.LibsndfileError, OSError) as error:
            raise InputError(f"{self.name}: expected a sound file, libsndfile says: {error}") from error

    def gain(self) -> float:
        """What brings this sound to the common level; reads it once."""
        size = round(MEASURED_S * self.sample_rate_hz)
        powers: list[float] = []
        held = np.zeros(0, dtype=np.float32)
        for block in self.blocks():
            held = np.concatenate([held, block])
            whole = len(held) // size
            powers += np.square(held[: whole * size], dtype=np.float64).reshape(whole, size).mean(1).tolist()
            held = held[whole * size :]
        if not powers and len(held):
            powers = [float(np.square(held, dtype=np.float64).mean())]
        return level_gain(np.array(powers))

    def levelled(self, progress: Progress | None = None) -> Iterator[NDArray[np.float32]]:
        """``blocks`` at the common level; reads the sound twice."""
        return self.blocks(gain=self.gain(), progress=progress)

    def _in_memory(self, audio: Audio) -> Iterator[NDArray[np.float32]]:
        if not audio.samples.shape[1]:
            raise InputError(f"{self.name}: expected sound, got no samples")
        for start in range(0, audio.samples.shape[1], BLOCK_SAMPLES):
            yield self._mono(audio.samples[:, start : start + BLOCK_SAMPLES].T, start)

    def _in_file(self, file: soundfile.SoundFile, progress: Progress | None) -> Iterator[NDArray[np.float32]]:
        if not 1 <= file.channels <= MAX_CHANNELS:
            raise InputError(f"{self.name}: expected 1 to {MAX_CHANNELS} channels, got {file.channels}")
        if not MIN_RATE_HZ <= file.samplerate <= MAX_RATE_HZ:
            raise InputError(f"{self.name}: expected a sample rate of {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz, got {file.samplerate}")
        length = 0
        while len(chunk := file.read(BLOCK_SAMPLES, dtype="float32", always_2d=True)):
            yield self._mono(chunk, length)
            length += len(chunk)
            if length > MAX_DURATION_S * file.samplerate:
                raise InputError(f"{self.name}: expected at most {MAX_DURATION_S / 3600:.0f} hours of sound, got more")
            if progress is not None and file.frames > 0:
                progress(min(length / file.frames, 1.0))
        if not length:
            raise InputError(f"{self.name}: expected sound, got no samples")

    def _mono(self, chunk: NDArray[np.float32], start: int) -> NDArray[np.float32]:
        finite = np.isfinite(chunk).all(axis=1)
        if not finite.all():
            raise InputError(
                f"{self.name}: sample {start + int(np.flatnonzero(~finite)[0])}: expected finite samples, got NaN or infinity"
            )
        return np.asarray(chunk.mean(axis=1), dtype=np.float32)

    def _resampled(self, pieces: Iterator[NDArray[np.float32]], rate_hz: int, gain: float) -> Iterator[NDArray[np.float32]]:
        stream = None if rate_hz == self.sample_rate_hz else soxr.ResampleStream(rate_hz, self.sample_rate_hz, 1, dtype="float32")
        factor = np.float32(gain)
        for piece in pieces:
            yield factor * (piece if stream is None else stream.resample_chunk(piece))
        if stream is not None:
            yield factor * stream.resample_chunk(np.empty(0, dtype=np.float32), last=True)
