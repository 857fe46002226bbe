"""Pianos that nobody recorded, made of those that were: ``make_remade_font``.

A few fonts teach their own keys by heart: which are loud, where one recording ends and the next begins, how a hard blow differs
from a soft one. A remade piano takes single notes of a piano that a font has and builds another one out of them: each recording
serves as many keys as chance will have it, at a level of its own, through a tone of its own, dying away faster or slower; hard
blows have recordings of their own, or not. A font has a few such pianos, as programs; many fonts are many pianos.

Run: ``python -m transcribe.training_audio.remade_pianos FONT [FONT ...] -o FOLDER --count 12``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpora.errors import RequestError, ToolError
from corpora.process import end_with_parent
from render.midi_events import PlayEvent
from render.played import PLAYED_DTYPE, PlayedMusic
from transcribe.spectra.timing import SAMPLE_RATE_HZ
from transcribe.training_audio.augmentation import fast_size
from transcribe.training_audio.fluid_voice import PLAYED_RATE_HZ, FontPlayer
from transcribe.training_audio.font_writer import FontSample, Zone, write_font
from transcribe.training_audio.uneven_keys import VELOCITY_DB

__all__ = ["PROGRAMS", "has_keyboards", "make_remade_font", "make_remade_fonts"]

PROGRAMS = (0, 1, 2, 3)  # of a font, each another piano
SOURCES = {0: 0.4, 1: 0.15, 2: 0.12, 3: 0.13, 4: 0.07, 5: 0.06, 6: 0.04, 7: 0.03}  # programs, and how often each is drawn
LOWEST, HIGHEST = 21, 108
NOTE_S, SPACE_S, FADE_S = 7.0, 1.0, 0.05
WIDEST = 12  # keys that share a recording, at most
DETOUR = 4  # semitones between the middle of its keys and what it was played at, at most
LAYERS = (0.6, 0.2, 0.1, 0.1)  # how often blows of one to four strengths have recordings of their own
SOFTEST, HARDEST = 30, 120
MOST_SPREAD_DB, LAYER_DB, SLOPE_DB = 2.0, 1.0, 0.6  # standard deviations of levels: of recordings, of layers, an octave
LEVELLED = 0.5  # how often recordings are brought to one level first
LEVEL, LEVEL_S, PEAK = 0.1, 0.1, 0.98
TONE_OCTAVES = np.arange(5.0, 13.5, 0.7)  # log2 of Hz
TONE_DB, OWN_TONE_DB, TONE_SLOPE_DB = 5.0, 2.0, 2.0  # spread of a piano's tone and of a recording's, at most; an octave
FADING = (-0.6, 1.2)  # a second, by which middle C dies away faster
RELEASE_S = (0.1, 1.2)
MIDDLE, OCTAVE = 60, 12
INT16, TOP = 32_767, 127

Sound = NDArray[np.float64]


@dataclass(frozen=True)
class _Take:
    """A recording: keys that it serves, what it is played at, and how hard."""

    keys: tuple[int, int]
    key: int
    velocities: tuple[int, int]
    velocity: int


def _takes(rng: np.random.Generator) -> list[_Take]:
    """Recordings of a piano, layer by layer from the lowest key."""
    layers = int(rng.choice(len(LAYERS), p=LAYERS)) + 1
    cuts = np.sort(rng.choice(np.arange(SOFTEST, HARDEST), layers - 1, replace=False)).tolist()
    tops = [*cuts, TOP]
    widest = int(rng.integers(1, WIDEST + 1))
    takes = []
    for bottom, top in zip([0, *(cut + 1 for cut in cuts)], tops, strict=True):
        hard = int(np.clip(rng.integers(bottom, top + 1), SOFTEST, HARDEST))
        low = 0
        while low <= TOP:
            first = max(low, LOWEST)
            high = first + int(rng.integers(max(widest // 2, 1), widest + 1)) - 1
            key = (first + high) // 2 + int(rng.integers(-DETOUR, DETOUR + 1))
            high = TOP if high >= HIGHEST else high
            takes.append(_Take((low, high), int(np.clip(key, LOWEST, HIGHEST)), (bottom, top), hard))
            low = high + 1
    return takes


def _played(takes: Sequence[_Take], program: int) -> PlayedMusic:
    """All recordings one after another."""
    rows = np.zeros(len(takes), dtype=PLAYED_DTYPE)
    rows["onset_sample"] = np.rint(np.arange(len(takes)) * (NOTE_S + SPACE_S) * PLAYED_RATE_HZ)
    rows["release_sample"] = rows["end_sample"] = rows["onset_sample"] + round(NOTE_S * PLAYED_RATE_HZ)
    rows["key"], rows["velocity"] = [take.key for take in takes], [take.velocity for take in takes]
    rows["program"] = program
    change = PlayEvent(0, "program_change", 0, program)
    return PlayedMusic(rows, (change,), ("piano",), (0,), frozenset(), PLAYED_RATE_HZ, "notes of a piano")


def _toned(sound: Sound, curve_db: Sound) -> Sound:
    """Through levels at ``TONE_OCTAVES``."""
    size = fast_size(len(sound) + SAMPLE_RATE_HZ // 8)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ), 1.0))
    gain = 10 ** (np.interp(octaves, TONE_OCTAVES, curve_db) / 20)
    return np.fft.irfft(np.fft.rfft(sound, size) * gain, size)[: len(sound)]


def _loudness(sound: Sound) -> float:
    """Root mean square of the loudest short piece; never 0."""
    size = round(LEVEL_S * SAMPLE_RATE_HZ)
    blocks = sound[: len(sound) // size * size].reshape(-1, size)
    return float(np.sqrt(np.square(blocks).mean(1).max())) + 1e-9


def _tone(rng: np.random.Generator, most_db: float) -> Sound:
    return rng.normal(0.0, rng.uniform(0.0, most_db), len(TONE_OCTAVES))


def _piano(player: FontPlayer, program: int, rng: np.random.Generator) -> tuple[list[FontSample], list[_Take]]:
    """Recordings of one piano."""
    takes = _takes(rng)
    length = round(NOTE_S * SAMPLE_RATE_HZ)
    step = round((NOTE_S + SPACE_S) * SAMPLE_RATE_HZ)
    sound = player.play(_played(takes, program), len(takes) * step).astype(np.float64)
    slope_db = rng.normal(0.0, TONE_SLOPE_DB) * (TONE_OCTAVES - TONE_OCTAVES.mean())
    tone_db = np.clip(_tone(rng, TONE_DB) + slope_db, -18.0, 18.0)
    own_db, fading = rng.uniform(0.0, OWN_TONE_DB), rng.uniform(*FADING)
    spread_db, layer_db = rng.uniform(0.0, MOST_SPREAD_DB), rng.uniform(0.0, LAYER_DB)
    slope = rng.normal(0.0, SLOPE_DB) / OCTAVE
    is_levelled = rng.random() < LEVELLED
    of_layer = {velocities: rng.normal(0.0, layer_db) for velocities in sorted({take.velocities for take in takes})}
    seconds = np.arange(length) / SAMPLE_RATE_HZ
    fade = round(FADE_S * SAMPLE_RATE_HZ)
    recordings = []
    for number, take in enumerate(takes):
        own = sound[number * step : number * step + length]
        own = _toned(own, tone_db + rng.normal(0.0, own_db, len(tone_db)))
        own *= np.exp(np.minimum(-fading * 2 ** ((take.key - MIDDLE) / (2 * OCTAVE)) * seconds, 1.0))
        own[-fade:] *= np.linspace(1.0, 0.0, fade)
        level_db = rng.normal(0.0, spread_db) + slope * (take.key - MIDDLE) + of_layer[take.velocities]
        by_blow = VELOCITY_DB * np.log10(TOP / take.velocity)  # what the font took off for a softer blow
        gain_db = -20 * np.log10(_loudness(own) / LEVEL) if is_levelled else by_blow
        recordings.append(own * 10 ** ((gain_db + level_db) / 20))
    loudest = max(float(np.abs(own).max()) for own in recordings)
    samples = [
        FontSample(np.rint(own * (PEAK * INT16 / loudest)).astype(np.int16), SAMPLE_RATE_HZ, take.key)
        for own, take in zip(recordings, takes, strict=True)
    ]
    return samples, takes


def has_keyboards(font: Path) -> bool:
    """Whether a font has anything that pianos can be made of.

    Raises:
        InputError: It cannot be read.
    """
    return bool(FontPlayer(font).programs & SOURCES.keys())


def make_remade_font(fonts: Sequence[Path], path: Path, seed: int) -> None:
    """Write a font of pianos.

    Args:
        fonts: SoundFonts whose pianos it is made of; never from an upload.
        path: Of the .sf2 file.
        seed: The same seed gives the same font.

    Raises:
        RequestError: No font has a keyboard.
        InputError: A font cannot be read.
    """
    rng = np.random.default_rng(seed)
    players = [FontPlayer(font) for font in fonts if has_keyboards(font)]
    if not players:
        raise RequestError("fonts: expected at least one with a keyboard, got none")
    samples: list[FontSample] = []
    presets: dict[int, tuple[str, list[Zone]]] = {}
    for program in PROGRAMS:
        player = players[int(rng.integers(len(players)))]
        having = sorted(player.programs & SOURCES.keys())
        weights = np.array([SOURCES[source] for source in having])
        recordings, takes = _piano(player, int(rng.choice(having, p=weights / weights.sum())), rng)
        release_s = float(np.exp(rng.uniform(*np.log(RELEASE_S))))
        zones = [Zone(len(samples) + number, take.keys, take.velocities, release_s) for number, take in enumerate(takes)]
        presets[program] = (f"piano {program}", zones)
        samples += recordings
    write_font(path, path.stem, samples, presets)


def make_remade_fonts(fonts: Sequence[Path], folder: Path, count: int, *, seed: int = 0, workers: int = 1) -> list[Path]:
    """Write some fonts, which are not made anew where they are there.

    Args:
        fonts: As for ``make_remade_font``.
        folder: Is made.
        count: Of fonts.
        seed: Of the first; each has its own.
        workers: Processes.

    Returns:
        Their files.

    Raises:
        RequestError, InputError: As for ``make_remade_font``.
        ToolError: A worker died.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {folder / f"pianos_{seed + number}.sf2": seed + number for number in range(count)}
    missing = [(path, own) for path, own in paths.items() if not path.exists()]
    if missing:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=end_with_parent) as pool:
            try:
                for made in [pool.submit(make_remade_font, fonts, path, own) for path, own in missing]:
                    made.result()
            except BrokenProcessPool:
                raise ToolError(f"{folder}: a worker died while it made pianos") from None
    return list(paths)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("fonts", type=Path, nargs="+", help="SoundFonts whose pianos are taken")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the .sf2 files")
    parser.add_argument("--count", type=int, default=12, help="of fonts (default 12)")
    parser.add_argument("--seed", type=int, default=0, help="of the first (default 0)")
    parser.add_argument("--workers", type=int, default=1, help="processes (default 1)")
    given = parser.parse_args(arguments)
    make_remade_fonts(given.fonts, given.output, given.count, seed=given.seed, workers=given.workers)


if __name__ == "__main__":
    main()
