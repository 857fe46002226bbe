"""The frame controls: pitch, level and spectrum of one voice over time, the last level that is readable before it is sound.

Conventions: frames and intervals as in ``render.ddsp.frames``, but each interval has its own length in samples, so that a note may
begin between two ticks of 8 ms; pitch in Hz, level in dBFS RMS of harmonics and noise together. The spectrum is relative: a frame
of level 0 dB has its harmonics and noise at the amplitudes and gains written here, whose RMS together is 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from corpora.errors import RequestError
from render.ddsp.noise import NUM_BANDS

__all__ = ["NUM_HARMONICS", "SILENCE_DB", "FrameControls", "frame_rms", "joined"]

NUM_HARMONICS = 100
SILENCE_DB = -140.0  # levels from here down are silence
MIN_F0_HZ, MAX_F0_HZ = 10.0, 12_000.0
NOISE_VARIANCE = 1 / 3  # of uniform noise in -1..1


def frame_rms(harmonics: NDArray[np.float64], noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """RMS of a frame: harmonics (..., K) as amplitudes, noise (..., 65) as gains on uniform noise; each band weighs alike."""
    edges = np.ones(NUM_BANDS)
    edges[[0, -1]] = 0.5  # the first and the last band reach half as far
    power = np.square(harmonics).sum(-1) / 2 + NOISE_VARIANCE * (np.square(noise) * edges).sum(-1) / (NUM_BANDS - 1)
    rms: NDArray[np.float64] = np.sqrt(power)
    return rms


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameControls:
    """One voice over F frames.

    Args:
        f0_hz: (F,) pitch, 10 to 12,000 Hz.
        level_db: (F,) dBFS RMS; -140 and less is silence.
        harmonics: (F, K) amplitudes of harmonics 1 to K, linear, at level 0.
        noise: (F, 65) gains of the noise bands, linear, at level 0.
        lengths: (F - 1,) samples of the intervals between the frames, at least 1 each.
        sample_rate_hz: Samples a second.

    Raises:
        RequestError: A shape, or a value out of range.
    """

    f0_hz: NDArray[np.float64]
    level_db: NDArray[np.float64]
    harmonics: NDArray[np.float64]
    noise: NDArray[np.float64]
    lengths: NDArray[np.int64]
    sample_rate_hz: int

    def __post_init__(self) -> None:
        frames = len(self.f0_hz)
        shapes = {"level_db": (frames,), "noise": (frames, NUM_BANDS), "lengths": (frames - 1,)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise RequestError(f"frame controls: expected {name} of shape {shape}, got {getattr(self, name).shape}")
        if self.harmonics.ndim != 2 or len(self.harmonics) != frames or frames < 2:
            raise RequestError(f"frame controls: expected harmonics (frames, K) of at least 2 frames, got {self.harmonics.shape}")
        for name in ("f0_hz", "level_db", "harmonics", "noise"):
            if not np.isfinite(getattr(self, name)).all():
                raise RequestError(f"frame controls: expected finite {name}, got NaN or infinity")
        if self.f0_hz.min() < MIN_F0_HZ or self.f0_hz.max() > MAX_F0_HZ:
            raise RequestError(f"frame controls: expected f0 of {MIN_F0_HZ:g} to {MAX_F0_HZ:g} Hz")
        if self.lengths.min() < 1:
            raise RequestError("frame controls: expected intervals of at least 1 sample")

    @property
    def samples(self) -> int:
        """Length without the tail of filters."""
        return int(self.lengths.sum())

    def gains(self) -> NDArray[np.float64]:
        """(F,) linear level, 0 for silence."""
        return np.where(self.level_db > SILENCE_DB, 10.0 ** (self.level_db / 20), 0.0)

    def part(self, first: int, last: int) -> FrameControls:
        """Frames ``first`` to ``last``, both included."""
        frames = slice(first, last + 1)
        return replace(
            self,
            f0_hz=self.f0_hz[frames],
            level_db=self.level_db[frames],
            harmonics=self.harmonics[frames],
            noise=self.noise[frames],
            lengths=self.lengths[first:last],
        )


def joined(parts: list[FrameControls]) -> FrameControls:
    """Parts one after the other, the last frame of each being the first of the next, whose values hold."""

    def whole(name: str) -> NDArray[np.float64]:
        return np.concatenate([*(getattr(part, name)[:-1] for part in parts[:-1]), getattr(parts[-1], name)])

    return replace(
        parts[-1],
        f0_hz=whole("f0_hz"),
        level_db=whole("level_db"),
        harmonics=whole("harmonics"),
        noise=whole("noise"),
        lengths=np.concatenate([part.lengths for part in parts]),
    )
