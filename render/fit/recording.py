"""A recording made ready for fitting: mono, at the rate of the fit, as long as the music."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from corpora.audio import Audio
from corpora.errors import InputError

__all__ = ["FIT_RATE_HZ", "Recording", "prepare_recording"]

FIT_RATE_HZ = 22_050
TAIL_S = 3.0  # after the last note is let go, that is still looked at
SHORTEST_S = 0.5
SILENCE = 1e-5  # -100 dBFS


@dataclass(frozen=True, eq=False)
class Recording:
    """What is fitted to.

    Args:
        heard: Mean of the channels at ``FIT_RATE_HZ``, float32 (sample,), until the recording ends, or a while after the music.
    """

    heard: NDArray[np.float32]

    @property
    def samples(self) -> int:
        """Its length."""
        return len(self.heard)

    @property
    def duration_s(self) -> float:
        """The same in seconds."""
        return len(self.heard) / FIT_RATE_HZ


def prepare_recording(audio: Audio, music_samples: int) -> Recording:
    """The part of a recording that the music may sound in.

    Args:
        audio: The recording; its first sample is where the music's time begins.
        music_samples: Where the last note is let go, at ``FIT_RATE_HZ``.

    Raises:
        InputError: Samples that are not finite, silence, or less than half a second of sound.
    """
    if not np.isfinite(audio.samples).all():
        raise InputError("recording: expected finite samples, got NaN or infinity")
    wanted = music_samples + round(TAIL_S * FIT_RATE_HZ)
    kept = -(-(wanted + FIT_RATE_HZ) * audio.sample_rate_hz // FIT_RATE_HZ)
    mono = audio.samples[:, :kept].mean(axis=0, dtype=np.float64)
    if audio.samples.shape[1] < SHORTEST_S * audio.sample_rate_hz:
        length_s = audio.samples.shape[1] / audio.sample_rate_hz
        raise InputError(f"recording: expected at least {SHORTEST_S} s of sound, got {length_s:.2f} s")
    if not np.abs(mono).max() > SILENCE:
        raise InputError("recording: expected sound where the music should be, got silence (below -100 dBFS)")
    resampled = soxr.resample(mono.astype(np.float32), audio.sample_rate_hz, FIT_RATE_HZ)[:wanted]
    return Recording(np.ascontiguousarray(resampled, dtype=np.float32))
