"""One player's sound as another instrument, microphone or amplifier would have it: ``varied_stem``.

Each with a chance of its own: a tone, attacks that are softer or sharper (the gain follows how much a quick envelope is above a
slow one), a second player close behind, and overdrive. Nothing moves in time by more than a few milliseconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.augmentation import fast_size

__all__ = ["varied_stem"]

TONE, ATTACK, DOUBLED, DRIVEN = 0.85, 0.4, 0.15, 0.12  # chances
TONE_OCTAVES = (5.0, 5.8, 6.6, 7.3, 8.0, 8.6, 9.2, 9.8, 10.4, 11.0, 11.6, 12.2, 13.0)  # log2 of Hz: 32 Hz to 8.2 kHz
TONE_DB, SLOPE_DB = (1.0, 7.0), 2.5  # spread from place to place, and an octave
MOST_TONE_DB = 18.0
SOFTER, SHARPER = -0.8, 0.6  # powers of how much a quick envelope is above a slow one
ENVELOPE_SAMPLES = 64
QUICK_FRAMES, SLOW_FRAMES = 2, 25
MOST_GAIN = 4.0
DELAY_S, WANDER_S, WANDER_HZ = (0.006, 0.018), 0.0015, (0.2, 2.0)
DRIVE = (1.5, 6.0)  # how far above where it bends the loud parts are
SILENCE = 1e-7

Sound = NDArray[np.float32]


def varied_stem(sound: Sound, rng: np.random.Generator) -> Sound:
    """A player's sound changed at random, about as loud as it was.

    Args:
        sound: float32 (samples,) at 16 kHz.
        rng: Source of all choices.

    Returns:
        As many samples.
    """
    power = float(np.mean(sound**2, dtype=np.float64))
    out = sound
    if rng.random() < DRIVEN:
        out = _driven(out, float(np.exp(rng.uniform(*np.log(DRIVE)))))
    if rng.random() < ATTACK:
        out = _reshaped(out, float(rng.uniform(SOFTER, SHARPER)))
    if rng.random() < DOUBLED:
        out = _doubled(out, rng)
    if rng.random() < TONE:
        out = _toned(out, rng)
    made = float(np.mean(out**2, dtype=np.float64))
    if made <= SILENCE or power <= SILENCE:
        return out
    return np.asarray(out * np.float32(np.sqrt(power / made)), dtype=np.float32)


def _toned(sound: Sound, rng: np.random.Generator) -> Sound:
    """Through a curve that rises and falls."""
    size = fast_size(len(sound) + SAMPLE_RATE_HZ // 8)
    places = np.array(TONE_OCTAVES)
    curve_db = rng.normal(0.0, rng.uniform(*TONE_DB), len(places)) + rng.normal(0.0, SLOPE_DB) * (places - places.mean())
    curve_db = np.clip(curve_db - curve_db.mean(), -MOST_TONE_DB, MOST_TONE_DB)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ), 1.0))
    gain = 10 ** (np.interp(octaves, places, curve_db) / 20)
    return np.fft.irfft(np.fft.rfft(sound, size) * gain.astype(np.float32), size)[: len(sound)].astype(np.float32)


def _reshaped(sound: Sound, power: float) -> Sound:
    """Attacks softer (``power`` below 0) or sharper."""
    frames = -(-len(sound) // ENVELOPE_SAMPLES)
    padded = np.zeros(frames * ENVELOPE_SAMPLES, dtype=np.float32)
    padded[: len(sound)] = sound
    level = np.sqrt((padded.reshape(frames, ENVELOPE_SAMPLES) ** 2).mean(axis=1)).astype(np.float64)
    quick, slow = (np.convolve(level, np.ones(count) / count)[:frames] for count in (QUICK_FRAMES, SLOW_FRAMES))
    floor = 1e-3 * float(level.max(initial=0.0)) + 1e-9
    gain = np.clip((quick + floor) / (slow + floor), 1.0, MOST_GAIN) ** power
    places = (np.arange(frames) + 0.5) * ENVELOPE_SAMPLES
    return np.asarray(sound * np.interp(np.arange(len(sound)), places, gain).astype(np.float32), dtype=np.float32)


def _doubled(sound: Sound, rng: np.random.Generator) -> Sound:
    """With the same again a little later, whose delay wanders."""
    delay_s, wander_hz = rng.uniform(*DELAY_S), rng.uniform(*WANDER_HZ)
    places = np.arange(len(sound), dtype=np.float64)
    wander = WANDER_S * np.sin(2 * np.pi * (wander_hz * places / SAMPLE_RATE_HZ + rng.random()))
    late = np.interp(places - (delay_s + wander) * SAMPLE_RATE_HZ, places, sound, left=0.0)
    return np.asarray(sound + np.float32(rng.uniform(0.3, 0.9)) * late.astype(np.float32), dtype=np.float32)


def _driven(sound: Sound, drive: float) -> Sound:
    """Bent where it is loud."""
    loud = float(np.sqrt(np.mean(sound**2, dtype=np.float64))) * 3
    if loud <= SILENCE:
        return sound
    return np.asarray(np.tanh(sound * np.float32(drive / loud)), dtype=np.float32)
