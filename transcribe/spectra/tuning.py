"""How far a recording is from A = 440 Hz: ``tuning_cents``.

The three bins of every semitone are three points of a circle; the mean of all, weighed by power, points to where between the
semitones the music lies (as librosa's ``pitch_tuning`` does by a histogram).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from transcribe.spectra.log_frequency import BINS_PER_SEMITONE, LOWEST_PITCH, log_frequency
from transcribe.spectra.timing import SAMPLE_RATE_HZ

__all__ = ["tuning_cents"]

FIRST_PITCH, LAST_PITCH = 45, 88  # where windows tell semitones apart, and mostly fundamentals lie
LEAST_LEVEL = 4.0  # of the spectrogram: 40 dB below full scale
LEAST_AGREEMENT = 0.1  # length of the mean, below which there is no pitch to go by: drums
LONGEST_S = 120.0
CENTS = 100.0


def tuning_cents(blocks: Iterable[NDArray[np.float32]]) -> float:
    """What the music lies above A = 440 Hz (or below), -50 to 50 cents; 0 where nothing sounds, or nothing that has a pitch.

    Args:
        blocks: Mono sound at 16 kHz, at the level of ``corpora.audio_stream``; two minutes of it are listened to at most.
    """
    first = (FIRST_PITCH - LOWEST_PITCH) * BINS_PER_SEMITONE
    last = (LAST_PITCH - LOWEST_PITCH) * BINS_PER_SEMITONE
    phases = np.exp(2j * np.pi * (np.arange(BINS_PER_SEMITONE) - 1) / BINS_PER_SEMITONE)
    total, weight, heard_s = 0j, 0.0, 0.0
    for block in blocks:
        levels = log_frequency(torch.from_numpy(np.ascontiguousarray(block))[None])[0, 0, :, first:last].numpy()
        semitones = levels.reshape(-1, BINS_PER_SEMITONE)
        loud = semitones[semitones.max(axis=1) > LEAST_LEVEL]
        amplitudes = 10.0 ** (loud.astype(np.float64) / 2)  # so that not the loudest alone decide
        total += complex((amplitudes @ phases).sum())
        weight += float(amplitudes.sum())
        heard_s += len(block) / SAMPLE_RATE_HZ
        if heard_s >= LONGEST_S:
            break
    if abs(total) <= LEAST_AGREEMENT * weight:
        return 0.0
    return CENTS * math.atan2(total.imag, total.real) / (2 * math.pi)
