"""Chroma: how much sounds of each pitch class, from the log-frequency spectrogram.

Powers of the three bins of each semitone from C2 to B6 are compressed by a root, folded into twelve classes, and scaled so that the
largest is 1; a frame below ``SILENCE`` is all 0.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from transcribe.spectra.log_frequency import BINS_PER_SEMITONE, LOWEST_PITCH

__all__ = ["chroma"]

FIRST_PITCH, LAST_PITCH = 36, 96  # C2 up to below C7
SILENCE = 1e-4  # root of power: -80 dB


def chroma(spectra: Float[Tensor, "batch 2 time freq"]) -> Float[Tensor, "batch time 12"]:
    """Chroma of each frame, C first.

    Args:
        spectra: ``transcribe.spectra.log_frequency``'s.
    """
    first = (FIRST_PITCH - LOWEST_PITCH) * BINS_PER_SEMITONE
    last = (LAST_PITCH - LOWEST_PITCH) * BINS_PER_SEMITONE
    powers = (10.0 ** (spectra[:, 0, :, first:last] - 8.0) - 1e-8).contiguous()
    pitches = powers.clamp(min=0.0).view(*powers.shape[:2], -1, BINS_PER_SEMITONE).sum(-1)
    classes = pitches.sqrt().view(*powers.shape[:2], -1, 12).sum(-2)
    largest = classes.amax(-1, keepdim=True)
    return torch.where(largest > SILENCE, classes / largest.clamp(min=SILENCE), 0.0)
