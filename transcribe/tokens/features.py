"""What the token model hears: a spectrogram, or what the frame model says of each pitch. Float32, 62.5 frames a second.

``spectrum`` features are the two spectrograms of ``transcribe.spectra.log_frequency``, 590 numbers a frame. ``heard`` features are
what the frame model says, 1,259 numbers: of 88 pitches onset, frame, offset and velocity, then each family where an onset is, then
drums with their velocities, pedal, beat and downbeat. Probabilities p enter as log odds from 0 (p below a four-hundredth) over 1
(a half) to 2, so that silence is 0. A token model on top of these reads, under a grammar and a user's limits, what another network
has heard; it learns that in minutes, where hearing takes days.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from transcribe.families import FAMILIES
from transcribe.frames.drums import DRUM_CLASSES
from transcribe.frames.model import FrameModel
from transcribe.frames.stream import HeardFrames, hear
from transcribe.frames.targets import NUM_PITCHES, Targets
from transcribe.spectra.log_frequency import NUM_BINS, log_frequency

__all__ = ["NUM_FEATURES", "NUM_HEARD", "FeatureKind", "blurred", "hear_features", "heard_features", "spectrum_features"]

Floats = NDArray[np.float32]

FeatureKind = Literal["heard", "spectrum"]

NUM_HEARD: Final = (4 + len(FAMILIES)) * NUM_PITCHES + 2 * len(DRUM_CLASSES) + 3
NUM_FEATURES: Final[dict[str, int]] = {"heard": NUM_HEARD, "spectrum": 2 * NUM_BINS}
LOG_ODDS: Final = 6.0  # of the least and the greatest probability that is told apart
AUDIBLE: Final = 0.01  # drums more likely than this have a velocity
SILENT, NOISY_SHARE, SPREAD = -9.0, 0.03, 1.5  # log odds of nothing, how often nothing is not sure, and how unsure all is
LEVEL: Final = 2.5  # about the mean of a spectrogram where something sounds


def spectrum_features(samples: Floats) -> Floats:
    """Spectrograms of a sound, (frames, 590).

    Args:
        samples: Mono at 16 kHz, (samples,).
    """
    with torch.inference_mode():
        spectra = log_frequency(torch.from_numpy(samples)[None])[0]  # (2, time, bins)
        out: Floats = (spectra.transpose(0, 1).flatten(1) / LEVEL).numpy()
    return out


def _odds(probabilities: Floats) -> Floats:
    """Probabilities as log odds from 0 to 2."""
    p = np.clip(probabilities, 1e-4, 1 - 1e-4)
    out: Floats = np.clip(np.log(p / (1 - p)) / LOG_ODDS + 1, 0, 2).astype(np.float32)
    return out


def _features(
    cells: tuple[Floats, Floats, Floats, Floats], families: Floats, drums: Floats, drum_velocity: Floats, rest: Floats
) -> Floats:
    """All of it, (frames, 1259).

    Args:
        cells: Onset, frame, offset (probabilities) and velocity (0 to 1), (frames, 88) each.
        families: Log odds of each family, (frames, family, 88); looked at where an onset may be.
        drums, drum_velocity: Probabilities, and 0 to 1.
        rest: Probabilities of pedal, beat and downbeat.
    """
    onset, frame, offset, velocity = cells
    struck = _odds(onset)
    of_families = np.zeros(families.shape, dtype=np.float32)
    time, pitch = np.nonzero(struck)
    of_families[time, :, pitch] = np.clip(families[time, :, pitch] / LOG_ODDS + 1, 0, 2)
    parts = [
        struck,
        _odds(frame),
        _odds(offset),
        2 * velocity * (struck > 0),
        of_families.reshape(len(onset), -1),
        _odds(drums),
        2 * drum_velocity * (drums > AUDIBLE),
        _odds(rest),
    ]
    return np.concatenate(parts, axis=1, dtype=np.float32)


def _probability(logits: Floats) -> Floats:
    out: Floats = (1 / (1 + np.exp(-np.clip(logits, -30, 30)))).astype(np.float32)
    return out


def heard_features(heard: HeardFrames) -> Floats:
    """Some frames of the frame model as features."""
    rest = np.concatenate([heard.pedal[:, None], _probability(heard.beats)], axis=1)
    cells = (heard.onset, heard.frame, heard.offset, heard.velocity)
    return _features(cells, heard.families.transpose(1, 0, 2), heard.drums, heard.drum_velocity, rest)


def hear_features(blocks: Iterable[Floats], model: FrameModel) -> Floats:
    """A whole sound as the frame model hears it, (frames, 1259).

    Args:
        blocks: Mono at 16 kHz, in pieces of any lengths.
        model: In evaluation mode.
    """
    parts = [heard_features(heard) for heard in hear(blocks, model)]
    return np.concatenate(parts) if parts else np.zeros((0, NUM_HEARD), dtype=np.float32)


def blurred(targets: Targets, rng: np.random.Generator) -> Floats:
    """What a frame model might say where these are the truth, (frames, 1259): unsure, at times deaf, at times hearing ghosts.

    A token model learns from it how music is written down before it meets a real frame model's errors.
    """
    sureness = float(rng.uniform(0.6, 1.0))

    def told(truth: Floats) -> Floats:
        """Truths from 0 to 1 as probabilities; those of 0 are silent, but for a few."""
        logits = np.full(truth.shape, SILENT, dtype=np.float32)
        some = (truth > 0) | (rng.random(truth.shape, dtype=np.float32) < NOISY_SHARE)
        certain = sureness * (8 * np.clip(truth[some], 0.0, 0.98) - 4)
        logits[some] = certain + SPREAD * rng.standard_normal(len(certain), dtype=np.float32)
        return _probability(logits)

    onset = targets.onset.copy()
    deaf = rng.random(NUM_PITCHES) < 0.05  # pitches whose onsets are weak
    onset[:, deaf] *= 0.5
    for step in (12, 19, 7):  # partials heard as notes
        haunted = rng.random(NUM_PITCHES - step) < 0.04
        onset[:, step:] = np.maximum(onset[:, step:], 0.45 * targets.onset[:, :-step] * haunted)
    velocity = targets.velocity + 0.06 * rng.standard_normal(onset.shape, dtype=np.float32)
    cells = (told(onset), told(0.95 * targets.frame), told(targets.offset), np.clip(velocity, 0, 1))
    bits = np.arange(len(FAMILIES))[:, None]
    families = np.full((len(onset), len(FAMILIES), NUM_PITCHES), -2.0, dtype=np.float32)
    time, pitch = np.nonzero(targets.families)
    is_there = (targets.families[time, pitch].astype(np.int64) >> bits) & 1  # (family, onset)
    families[time, :, pitch] = (6 * sureness * is_there - 4 + SPREAD * rng.standard_normal(is_there.shape)).T
    rest = np.concatenate([0.98 * targets.pedal[:, None], targets.beats], axis=1)
    return _features(cells, families, told(targets.drums), targets.drum_velocity, told(rest))
