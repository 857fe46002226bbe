"""Drum kits that nobody built: sweeps, noise and metal with everything at random, so that models do not learn kits by heart.

A sound has up to three layers: a *tone*, a membrane's or a bar's, whose pitch falls as it begins (modes of a circular membrane:
Fletcher and Rossing, "The Physics of Musical Instruments", 2nd edition, 1998, table 3.1); a band of *noise*, in bursts for a
clap; and *metal*, many sines without order (Cook, "Real Sound Synthesis for Interactive Applications", 2002, chapter 12). Which
ranges they are drawn from follows from the key (``drum_recipes``); soft hits have less noise and metal. All end below ``TOP_HZ``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.played import PlayedMusic
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.drum_recipes import RECIPE_OF_KEY, RECIPES, Range, Recipe

__all__ = ["SyntheticKit"]

TOP_HZ = 7_600.0
MEMBRANE = (1.0, 1.59, 2.14, 2.30, 2.65, 2.92)
HATS, CLOSED_HATS = frozenset({42, 44, 46}), frozenset({42, 44})  # closing one stops the open one
CHOKE_S = 0.01
LONGEST_S, DECAYS = 3.0, 6.9  # 60 dB
TAKES = 2  # of each sound, so that no two hits in a row need be alike
MEASURED_S = 0.08  # over which the loudness of a sound is taken
BURST_GAP_S = (0.006, 0.016)
LEVEL_SPREAD_DB = 5.0

Sound = NDArray[np.float32]


def _log_uniform(rng: np.random.Generator, given: Range) -> float:
    return float(np.exp(rng.uniform(*np.log(given))))


def _gain(rng: np.random.Generator, given_db: Range) -> np.float32:
    return np.float32(10 ** (rng.uniform(*given_db) / 20))


def _fading(constant_s: float) -> Sound:
    count = min(round(DECAYS * constant_s * SAMPLE_RATE_HZ) + 1, round(LONGEST_S * SAMPLE_RATE_HZ))
    places = np.arange(count, dtype=np.float32)
    return np.asarray(np.exp(places * np.float32(-1 / (constant_s * SAMPLE_RATE_HZ))), dtype=np.float32)


def _unit(sound: Sound) -> Sound:
    """As loud as any other, in the beginning."""
    first = sound[: round(MEASURED_S * SAMPLE_RATE_HZ)]
    return np.asarray(sound / np.float32(np.sqrt((first**2).sum() / (MEASURED_S * SAMPLE_RATE_HZ)) + 1e-9), dtype=np.float32)


def _tone(recipe: Recipe, higher: float, rng: np.random.Generator) -> Sound:
    """A membrane whose pitch falls; ``higher`` is a factor."""
    hz, constant_s = _log_uniform(rng, recipe.tone_hz) * higher, _log_uniform(rng, recipe.tone_s)
    octaves, sweep_s = rng.uniform(*recipe.sweep_octaves), _log_uniform(rng, recipe.sweep_s)
    fading = _fading(constant_s)
    seconds = np.arange(len(fading)) / SAMPLE_RATE_HZ
    above = (2**octaves - 1) * sweep_s * (1 - np.exp(-seconds / sweep_s))  # integral of what the pitch is higher by
    cycles = hz * (seconds + above)
    sound = np.zeros(len(fading), dtype=np.float32)
    for place, ratio in enumerate(MEMBRANE[: int(rng.integers(1, recipe.modes + 1))]):
        ratio = ratio * rng.uniform(0.95, 1.05) if place else 1.0
        if hz * ratio * 2**octaves < TOP_HZ:
            level = 1.0 if not place else 10 ** (rng.uniform(-26, -3) / 20)
            turns = cycles * ratio + rng.random() * 0.25
            wave = np.sin((2 * np.pi) * (turns - np.floor(turns)).astype(np.float32))
            sound += np.float32(level) * wave * fading ** np.float32(1 + place * rng.uniform(0.0, 1.5))
    return _unit(sound)


def _noise(recipe: Recipe, rng: np.random.Generator) -> Sound:
    """A band of noise, once or in bursts."""
    constant_s, attack_s = _log_uniform(rng, recipe.noise_s), _log_uniform(rng, recipe.attack_s)
    bursts, gap_s = int(rng.integers(recipe.bursts[0], recipe.bursts[1] + 1)), rng.uniform(*BURST_GAP_S)
    fading = _fading(constant_s)
    lead = round((bursts - 1) * gap_s * SAMPLE_RATE_HZ)
    level = np.zeros(lead + len(fading), dtype=np.float32)
    level[lead:] = fading
    for burst in range(bursts - 1):
        first = round(burst * gap_s * SAMPLE_RATE_HZ)
        until = min(first + round(gap_s * SAMPLE_RATE_HZ), lead)
        level[first:until] = np.exp(-3 * np.arange(until - first, dtype=np.float32) / max(until - first, 1))
    rise = min(max(round(attack_s * SAMPLE_RATE_HZ), 1), len(level))
    level[:rise] *= np.linspace(0.0, 1.0, rise, dtype=np.float32)
    size = 1 << int(np.ceil(np.log2(len(level))))
    octaves = np.log2(np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ), 10.0))
    away = (octaves - np.log2(_log_uniform(rng, recipe.noise_hz))) / (rng.uniform(*recipe.noise_octaves) / 2)
    band = np.exp(-0.5 * away**2) + 10 ** (rng.uniform(-50, -25) / 20)
    white = np.fft.rfft(rng.standard_normal(size, dtype=np.float32))
    return _unit(np.fft.irfft(white * band.astype(np.float32), size)[: len(level)].astype(np.float32) * level)


def _metal(recipe: Recipe, higher: float, rng: np.random.Generator) -> Sound:
    """Sines without order that die away each at its own pace; ``higher`` is a factor."""
    low_hz = min(_log_uniform(rng, recipe.metal_hz) * higher, TOP_HZ / 1.3)
    octaves = min(rng.uniform(*recipe.metal_octaves), np.log2(TOP_HZ / low_hz))
    count = int(rng.integers(recipe.partials[0], recipe.partials[1] + 1))
    places = np.concatenate([[0.0], rng.uniform(0.0, octaves, count - 1)])
    tilt_db = rng.uniform(-4.0, 4.0)  # an octave
    fading = _fading(_log_uniform(rng, recipe.metal_s))
    seconds = np.arange(len(fading), dtype=np.float32) / np.float32(SAMPLE_RATE_HZ)
    sound = np.zeros(len(fading), dtype=np.float32)
    for octave in places.tolist():
        level = np.float32(10 ** ((rng.normal(0.0, 5.0) + tilt_db * octave) / 20))
        shorter = np.float32(rng.uniform(0.7, 2.0))
        wave = np.sin(np.float32(2 * np.pi * low_hz * 2**octave) * seconds + np.float32(rng.uniform(0, 2 * np.pi)))
        sound += level * wave * fading**shorter
    return _unit(sound)


@dataclass(frozen=True)
class _Drum:
    """A sound of a kit: takes of what all hits have, and of what soft ones have less of."""

    body: tuple[Sound, ...]
    bright: tuple[Sound, ...]
    gamma: float
    bright_gamma: float

    def hit(self, take: int, velocity: int) -> Sound:
        """One hit."""
        body, bright = self.body[take], self.bright[take]
        sound = np.zeros(max(len(body), len(bright)), dtype=np.float32)
        loud = velocity / 127
        sound[: len(body)] += np.float32(loud**self.gamma) * body
        sound[: len(bright)] += np.float32(loud**self.bright_gamma) * bright
        return sound


def _draw_drum(key: int, seed: list[int]) -> _Drum:
    """A key's sound. Keys of one recipe share the seed, so that they are alike but for their pitch."""
    recipe = RECIPE_OF_KEY[key]
    semitones = recipe.semitones[recipe.keys.index(key)] if recipe.semitones else 0.0
    higher = 2 ** (semitones / 12)
    silent = np.zeros(1, dtype=np.float32)
    body, bright = [], []
    rng = np.random.default_rng(seed)
    level, gamma = _gain(rng, recipe.level_db), float(rng.uniform(0.8, 2.0))
    brighter = float(rng.uniform(1.0, 1.7))
    tone_gain, noise_gain, metal_gain = (
        _gain(rng, given_db) if given_db else None for given_db in (recipe.tone_db, recipe.noise_db, recipe.metal_db)
    )
    timbre = int(rng.integers(1 << 32))
    for take in range(TAKES):
        own = np.random.default_rng(timbre)  # a take differs by its noise alone
        body.append(level * tone_gain * _tone(recipe, higher, own) if tone_gain is not None else silent)
        metal = metal_gain * _metal(recipe, higher, own) if metal_gain is not None else silent
        noise = noise_gain * _noise(recipe, np.random.default_rng([timbre, take])) if noise_gain is not None else silent
        both = np.zeros(max(len(metal), len(noise)), dtype=np.float32)
        both[: len(metal)] += metal
        both[: len(noise)] += noise
        bright.append(level * both)
    return _Drum(tuple(body), tuple(bright), gamma, gamma * brighter)


class SyntheticKit:
    """Plays drums with a kit of its own.

    Args:
        rng: Source of all choices; one kit plays one clip.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._seed = int(rng.integers(1 << 32))
        self._drums: dict[int, _Drum] = {}

    def _drum(self, key: int) -> _Drum:
        if key not in self._drums:
            self._drums[key] = _draw_drum(key, [self._seed, RECIPES.index(RECIPE_OF_KEY[key])])
        return self._drums[key]

    def hit(self, key: int, velocity: int = 127) -> Sound:
        """One hit, mono at 16 kHz, of a key in ``RECIPE_OF_KEY``; full scale is not kept."""
        return self._drum(key).hit(int(self._rng.integers(TAKES)), velocity)

    def play(self, played: PlayedMusic, samples: int) -> Sound:
        """Drums as mono sound; what has a pitch is silent, and so are keys without a recipe.

        Args:
            played: The music, at any rate.
            samples: How many at 16 kHz.

        Returns:
            float32 (samples,); full scale is not kept.
        """
        notes = played.notes[played.notes["is_drum"]]
        places = np.rint(notes["onset_sample"] * (SAMPLE_RATE_HZ / played.sample_rate_hz)).astype(np.int64)
        closing = places[np.isin(notes["key"], list(CLOSED_HATS))]
        out = np.zeros(samples, dtype=np.float32)
        for place, key, velocity in zip(places.tolist(), notes["key"].tolist(), notes["velocity"].tolist(), strict=True):
            if key not in RECIPE_OF_KEY or place >= samples:
                continue
            sound = self.hit(key, velocity)
            if key in HATS - CLOSED_HATS:
                sound = _choked(sound, closing[closing > place] - place)
            sound = sound[: samples - place]
            out[place : place + len(sound)] += sound
        return out


def _choked(sound: Sound, stops: NDArray[np.int64]) -> Sound:
    """The sound until the first of some places, and a short fade."""
    fade = round(CHOKE_S * SAMPLE_RATE_HZ)
    if not len(stops) or stops.min() + fade >= len(sound):
        return sound
    stop = int(stops.min())
    out = sound[: stop + fade].copy()
    out[stop:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return out
