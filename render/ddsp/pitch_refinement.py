"""The exact pitch of a note whose pitch is known roughly, from the phases of its lowest harmonics.

Each harmonic is shifted to 0 Hz along the pitch as it is known so far, and low-passed over four periods, which have zeros at all
other harmonics. How fast its phase still turns says how far off the pitch is; the harmonics vote by their power. Done twice.

Source: heterodyne analysis (Moorer, "On the Segmentation and Analysis of Continuous Musical Sound by Digital Computer", 1975,
chapter 3). Conventions: samples float64 at one rate; frames every hop, frame n at sample n * hop.
"""

from __future__ import annotations

import numpy as np
import scipy.signal
from numpy.typing import NDArray

__all__ = ["refine_pitch"]

VOTING_HARMONICS = 6
SMOOTHING_S = 0.02  # of the pitch curve
MAX_OFF_CENTS = 120.0
PASSES = 2


def refine_pitch(
    samples: NDArray[np.float64], nominal_hz: NDArray[np.float64] | float, sample_rate_hz: int, hop: int
) -> tuple[NDArray[np.float64], float]:
    """Pitch at the frames.

    Args:
        samples: (samples,) one note.
        nominal_hz: Rough pitch, within a semitone: one number, or one a frame.
        sample_rate_hz: Samples a second.
        hop: Samples between frames.

    Returns:
        (frames,) Hz for 1 + samples // hop frames; and the share of the note's energy that its lowest harmonics hold, 0 to 1, which
        is small when the pitch is not the one that was said.
    """
    frames = 1 + len(samples) // hop
    centre = np.broadcast_to(np.asarray(nominal_hz, dtype=np.float64), (frames,))
    curve = centre.copy()
    places = np.arange(len(samples)) / hop
    share = 0.0
    for _ in range(PASSES):
        f0 = np.interp(places, np.arange(frames), curve)
        off, share = _still_turning(samples, f0, sample_rate_hz, hop, frames)
        limit = 2 ** (MAX_OFF_CENTS / 1200)
        curve = np.clip(curve + off, centre / limit, centre * limit)
    return curve, share


def _still_turning(
    samples: NDArray[np.float64], f0_hz: NDArray[np.float64], sample_rate_hz: int, hop: int, frames: int
) -> tuple[NDArray[np.float64], float]:
    """Hz to add to the pitch at the frames, and the energy share of the harmonics that voted."""
    lowest = float(np.median(f0_hz))
    width = max(8, round(4 * sample_rate_hz / lowest)) | 1
    window = scipy.signal.get_window("hann", width + 1)[1:]
    window /= window.sum()
    angle = 2 * np.pi * np.cumsum(f0_hz) / sample_rate_hz
    votes = np.zeros(len(samples) - 1)
    weights = np.full(len(samples) - 1, 1e-20)
    energy = 0.0
    for k in range(1, VOTING_HARMONICS + 1):
        if (k + 0.5) * lowest >= sample_rate_hz / 2:
            break
        band = scipy.signal.oaconvolve(samples * np.exp(-1j * k * angle), window, mode="same")
        turn = np.angle(band[1:] * np.conj(band[:-1])) * sample_rate_hz / (2 * np.pi)
        power = np.abs(band[1:]) ** 2
        votes += power * k * turn / k
        weights += power * k
        energy += 2 * float(power.sum())  # both halves of the spectrum
    smooth = scipy.signal.get_window("hann", max(3, round(SMOOTHING_S * sample_rate_hz)) | 1)
    off = scipy.signal.oaconvolve(votes, smooth, mode="same") / scipy.signal.oaconvolve(weights, smooth, mode="same").clip(1e-20)
    at = np.minimum(np.arange(frames) * hop, len(off) - 1)
    total = float(np.square(samples).sum())
    return off[at], energy / total if total > 0 else 0.0
