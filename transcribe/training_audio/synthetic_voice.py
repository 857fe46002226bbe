"""Instruments that nobody built: additive synthesis with everything at random, so that models do not learn fonts by heart.

Each part gets a timbre: partials under a random spectral envelope, struck and plucked ones stretched and decaying faster the higher
they are, blown and bowed ones with slow attacks, vibrato and breath, all brighter when louder. Whether a timbre decays follows
from the part's family (``transcribe.families``); the bars of mallets have partials far apart. All end below ``TOP_HZ``. Stretched
partials: Fletcher and Rossing, "The Physics of Musical Instruments" (2nd edition, 1998), equation 12.4: f_k = k f sqrt(1 + B k^2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.played import PlayedMusic
from transcribe.families import FAMILIES, FAMILY_OF_PROGRAM
from transcribe.spectra.timing import SAMPLE_RATE_HZ

__all__ = ["SyntheticVoice"]

TOP_HZ = 7_600.0
MOST_PARTIALS, BEATING_PARTIALS = 32, 8
DECAYING = ("piano", "mallets", "guitar", "bass")
INAUDIBLE = 1e-3  # of a partial's first level, where it is cut
LONGEST_RELEASE_S = 0.4
A4_HZ, A4_KEY = 440.0, 69
CENT = np.log(2) / 1200

Sound = NDArray[np.float32]


@dataclass(frozen=True)
class _Timbre:
    """How one part sounds; every number is drawn once.

    Args:
        is_decaying: Struck or plucked.
        ratios: Of the partials of a bar to its lowest; empty for harmonic ones.
        stretch: B of equation 12.4.
        tilt_db: Of the spectrum, an octave.
        bright_db: By how much the tilt is less at velocity 127 than at 64.
        even_db: How much weaker even partials are.
        formants: (bumps, 3): Hz, octaves, dB.
        decay_s: Time constant of a decaying A4.
        decay_octave: By how much it shrinks an octave up.
        damping: By how much it shrinks from partial to partial.
        attack_s, release_s: Rise to the level, and time constant after the note.
        noise: Level of attack noise or breath.
        noise_s: Time constant of attack noise.
        vibrato_hz, vibrato_cents: Of sustained sounds.
        beating: How deep the partials of two strings beat, and
        beating_hz: how fast, for A4.
        gamma: Level is velocity to this power.
    """

    is_decaying: bool
    ratios: tuple[float, ...]
    stretch: float
    tilt_db: float
    bright_db: float
    even_db: float
    formants: NDArray[np.float64]
    decay_s: float
    decay_octave: float
    damping: float
    attack_s: float
    release_s: float
    noise: float
    noise_s: float
    vibrato_hz: float
    vibrato_cents: float
    beating: float
    beating_hz: float
    gamma: float


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _draw_timbre(rng: np.random.Generator, family: str) -> _Timbre:
    decays = family in DECAYING
    bumps = int(rng.integers(0, 4))
    formants = np.stack([_bumps(rng, bumps, 250.0, 5000.0), rng.uniform(0.2, 1.0, bumps), rng.uniform(-12, 14, bumps)], axis=1)
    ratios: tuple[float, ...] = ()
    if family == "mallets":
        ratios = (1.0, *np.cumsum(rng.uniform(1.4, 4.0, 5)).tolist())
        ratios = tuple(1.0 if place == 0 else 1.0 + ratio for place, ratio in enumerate(ratios))
    return _Timbre(
        is_decaying=decays,
        ratios=ratios,
        stretch=_log_uniform(rng, 1e-5, 8e-4) if decays else 0.0,
        tilt_db=float(rng.uniform(3.0, 11.0)),
        bright_db=float(rng.uniform(0.0, 4.0)),
        even_db=float(rng.uniform(3.0, 20.0)) if rng.random() < 0.3 else 0.0,
        formants=formants,
        decay_s=_log_uniform(rng, 0.3, 3.0),
        decay_octave=float(rng.uniform(1.2, 2.2)),
        damping=float(rng.uniform(0.02, 0.4)),
        attack_s=_log_uniform(rng, 0.001, 0.008) if decays else _log_uniform(rng, 0.008, 0.08),
        release_s=_log_uniform(rng, 0.02, 0.12),
        noise=_log_uniform(rng, 0.003, 0.2) if decays else _log_uniform(rng, 0.001, 0.03),
        noise_s=_log_uniform(rng, 0.003, 0.03),
        vibrato_hz=float(rng.uniform(4.0, 7.0)),
        vibrato_cents=0.0 if decays or rng.random() < 0.4 else float(rng.uniform(3.0, 35.0)),
        beating=float(rng.uniform(0.0, 0.7)),
        beating_hz=_log_uniform(rng, 0.1, 1.5),
        gamma=float(rng.uniform(0.8, 2.2)),
    )


def _bumps(rng: np.random.Generator, count: int, low: float, high: float) -> NDArray[np.float64]:
    return np.exp(rng.uniform(np.log(low), np.log(high), count))


def _partials(timbre: _Timbre, f0_hz: float, velocity: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies and levels, together of power 1."""
    number = np.arange(1, MOST_PARTIALS + 1, dtype=np.float64)
    ratios = np.array(timbre.ratios) if timbre.ratios else number * np.sqrt(1 + timbre.stretch * number**2)
    number = number[: len(ratios)]
    hz = f0_hz * ratios
    kept = hz < TOP_HZ
    hz, number = hz[kept], number[kept]
    tilt_db = timbre.tilt_db - timbre.bright_db * (velocity - 64) / 63
    level_db = -tilt_db * np.log2(hz / f0_hz) - timbre.even_db * (number % 2 == 0)
    for place_hz, octaves, gain_db in timbre.formants.tolist():
        level_db += gain_db * np.exp(-0.5 * (np.log2(hz / place_hz) / octaves) ** 2)
    level = 10 ** (level_db / 20)
    return hz, level / np.sqrt((level**2).sum() + 1e-12)


def _note(timbre: _Timbre, rng: np.random.Generator, key: int, velocity: int, held: int, samples: int) -> Sound:
    """One note, ``held`` samples and a release, at most ``samples``."""
    f0_hz = A4_HZ * 2 ** ((key - A4_KEY) / 12)
    length = min(held + round(LONGEST_RELEASE_S * SAMPLE_RATE_HZ), samples)
    time_s = np.arange(length) / SAMPLE_RATE_HZ
    warped_s = time_s
    if timbre.vibrato_cents:
        wave = 2 * np.pi * timbre.vibrato_hz
        swing = np.clip(time_s / 0.4, 0.0, 1.0) * timbre.vibrato_cents * CENT / wave
        warped_s = time_s - swing * (np.cos(wave * time_s + rng.uniform(0, 2 * np.pi)) - 1.0)
    decay_s = timbre.decay_s * timbre.decay_octave ** ((A4_KEY - key) / 12)
    time32 = time_s.astype(np.float32)
    sound = np.zeros(length, dtype=np.float32)
    hz, level = _partials(timbre, f0_hz, velocity)
    for place, (own_hz, own_level) in enumerate(zip(hz.tolist(), level.tolist(), strict=True)):
        phase, turn = rng.random(2)
        constant_s = decay_s / (1 + timbre.damping * place)
        until = min(length, int(-np.log(INAUDIBLE) * constant_s * SAMPLE_RATE_HZ) + 1) if timbre.is_decaying else length
        cycles = own_hz * warped_s[:until] + phase
        wave = np.sin((2 * np.pi) * (cycles - np.floor(cycles)).astype(np.float32))
        if timbre.is_decaying:
            wave *= np.exp(time32[:until] * np.float32(-1 / constant_s))
            if place < BEATING_PARTIALS:
                angle = np.float32(2 * np.pi * timbre.beating_hz * own_hz / A4_HZ) * time32[:until] + np.float32(2 * np.pi * turn)
                wave *= 1 - np.float32(timbre.beating) * (np.float32(0.5) + np.float32(0.5) * np.cos(angle))
        sound[:until] += np.float32(own_level) * wave
    noise = rng.standard_normal(length if not timbre.is_decaying else min(length, round(6 * timbre.noise_s * SAMPLE_RATE_HZ) + 1))
    shaped = (noise * timbre.noise).astype(np.float32)
    if timbre.is_decaying:
        shaped *= np.exp(-time_s[: len(shaped)] / timbre.noise_s).astype(np.float32)
    sound[: len(shaped)] += shaped
    rise = max(round(timbre.attack_s * SAMPLE_RATE_HZ), 1)
    sound[:rise] *= np.linspace(0.0, 1.0, rise, dtype=np.float32)[:length]
    if held < length:
        sound[held:] *= np.exp(-(time_s[: length - held]) / timbre.release_s).astype(np.float32)
    return sound * np.float32((velocity / 127) ** timbre.gamma)


class SyntheticVoice:
    """Plays pitched music with timbres of its own.

    Args:
        rng: Source of all choices; one voice plays one clip.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def play(self, played: PlayedMusic, samples: int) -> Sound:
        """Music as mono sound; drums are silent.

        Args:
            played: The music, at any rate.
            samples: How many at 16 kHz.

        Returns:
            float32 (samples,); full scale is not kept.
        """
        notes = played.notes[~played.notes["is_drum"]]
        out = np.zeros(samples, dtype=np.float32)
        timbres = {}
        for channel, program in dict(zip(notes["channel"].tolist(), notes["program"].tolist(), strict=True)).items():
            timbres[channel] = _draw_timbre(self._rng, FAMILIES[FAMILY_OF_PROGRAM.get(program, 0)].name)
        columns = (notes[name].tolist() for name in ("onset_sample", "end_sample", "key", "velocity", "channel"))
        for onset, end, key, velocity, channel in zip(*columns, strict=True):
            first, last = (round(place * SAMPLE_RATE_HZ / played.sample_rate_hz) for place in (onset, end))
            if first < samples:
                sound = _note(timbres[channel], self._rng, key, velocity, max(last - first, 1), samples - first)
                out[first : first + len(sound)] += sound
        return out
