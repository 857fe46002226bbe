"""A sound as points: for each second the mean and the spread of its levels in mel bands. Nothing has to be learned or fetched.

Mono (mean of channels), frames of 2048 samples every 1024 in a Hann window, power in 24 mel bands from 50 Hz to 16 kHz (or half
the sample rate), in dB down to -100 dB re a full-scale sine. Of each whole second the mean and the standard deviation of each
band are kept: a point in 48 dimensions, in dB, about how the sound is coloured and how much it moves. It knows nothing of
harmony or melody, and distances of such points compare with each other only, never with published ones of other embeddings.
Sounds should have one loudness.

The mel scale is Slaney's (Auditory Toolbox, 1998): even in Hz up to 1 kHz, even in log Hz above; triangles of equal area.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpora.audio import Audio
from render.measures.frames import magnitude_frames

__all__ = ["EMBEDDING", "log_mel_embedding", "mel_filters"]

EMBEDDING = "log-mel statistics: mean and standard deviation, over each second, of the levels (dB) in 24 mel bands, 50 Hz to 16 kHz"
BANDS = 24
LOWEST_HZ, HIGHEST_HZ = 50.0, 16_000.0
SIZE, HOP = 2048, 1024
FLOOR_DB = -100.0
LINEAR_MEL_HZ = 200.0 / 3.0  # one mel below the break
BREAK_HZ = 1_000.0
LOG_STEP = np.log(6.4) / 27.0  # one mel above it


def _hz_to_mel(freq_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    above = BREAK_HZ / LINEAR_MEL_HZ + np.log(np.maximum(freq_hz, BREAK_HZ) / BREAK_HZ) / LOG_STEP
    return np.asarray(np.where(freq_hz < BREAK_HZ, freq_hz / LINEAR_MEL_HZ, above))


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    break_mel = BREAK_HZ / LINEAR_MEL_HZ
    return np.asarray(np.where(mel < break_mel, mel * LINEAR_MEL_HZ, BREAK_HZ * np.exp((mel - break_mel) * LOG_STEP)))


def mel_filters(sample_rate_hz: int, size: int, bands: int, lowest_hz: float, highest_hz: float) -> NDArray[np.float64]:
    """Triangles that are even on the mel scale, of equal area in Hz.

    Args:
        sample_rate_hz: Of the sound.
        size: Samples of the transform.
        bands: How many.
        lowest_hz: Where the first triangle begins.
        highest_hz: Where the last one ends.

    Returns:
        (band, freq) weights of the size // 2 + 1 powers.
    """
    lowest, highest = _hz_to_mel(np.array([lowest_hz, highest_hz])).tolist()
    corners = _mel_to_hz(np.linspace(lowest, highest, bands + 2))
    freq_hz = np.arange(size // 2 + 1) * sample_rate_hz / size
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    triangles = np.minimum((freq_hz - low) / (middle - low), (high - freq_hz) / (high - middle))
    return np.asarray(np.maximum(triangles, 0.0) * 2.0 / (high - low))


def log_mel_embedding(sound: Audio) -> NDArray[np.float64]:
    """The points of a sound, one for each whole second; (second, 48).

    Args:
        sound: Of the loudness that all compared sounds have.
    """
    rate = sound.sample_rate_hz
    filters = mel_filters(rate, SIZE, BANDS, LOWEST_HZ, min(HIGHEST_HZ, rate / 2))
    filters = filters / np.maximum(filters.sum(axis=1, keepdims=True), 1e-12)  # means of power, so that levels are of one bin
    mono = sound.samples.mean(axis=0, dtype=np.float64)
    full_scale = (SIZE / 4) ** 2
    powers = [frames**2 @ filters.T / full_scale for frames in magnitude_frames(mono, SIZE, HOP)]
    levels_db = 10.0 * np.log10(np.maximum(np.concatenate(powers), 10.0 ** (FLOOR_DB / 10.0)))
    seconds = len(mono) // rate
    of_second = np.arange(len(levels_db)) * HOP // rate
    rows = [levels_db[of_second == second] for second in range(seconds)]
    return np.array([np.concatenate([row.mean(axis=0), row.std(axis=0)]) for row in rows]).reshape(seconds, 2 * BANDS)
