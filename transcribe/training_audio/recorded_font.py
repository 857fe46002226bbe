"""A SoundFont of recorded notes, to train on beside the fonts there are: ``make_recorded_font``.

Notes of the same few fonts teach their timbres by heart. Folders of recorded notes, one note a file, its pitch in its name, are
what is free besides: a grand piano at several strengths (the Salamander Grand Piano of A. Holm) and single notes of other
instruments (tonejs-instruments of N. Brosowsky), both CC BY 3.0 and in npm packages. Held tones get a loop whose ends fit; all
notes of an instrument are brought to one level, so that strength is the player's.

Run: ``python -m transcribe.training_audio.recorded_font PACKAGES -o recorded.sf2``, where the folder holds the unpacked packages
that ``RECORDINGS`` names, each in a folder that begins with its name.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from corpora.errors import InputError
from render.ddsp.frames import SAMPLE_RATE_HZ as SOURCE_RATE_HZ
from render.ddsp.sources import SourceNote, sample_notes
from transcribe.training_audio.fluid_voice import PLAYED_RATE_HZ
from transcribe.training_audio.font_writer import FontSample, Zone, write_font

__all__ = ["RECORDINGS", "Recording", "font_sample", "make_recorded_font", "zones_of"]

PRE_ROLL_S, FADE_S = 0.002, 0.05
LONGEST_S = 7.0
LEVEL_WINDOW_S, LEVEL = 0.1, 0.12  # root mean square of the loudest such piece
PEAK = 0.98
INT16 = 32_767
LOOP_S, LOOP_FROM = 0.9, 0.3  # longest loop; share of the held part that is over when it begins
CROSSFADE_S, FIT_S = 0.04, 0.02
SHORTEST_LOOP_S = 4 * CROSSFADE_S
BEYOND_LOOP = 8  # frames that are read past its end (SoundFont 2.04, section 7.10)
HIGHEST = 127
STRETCH = 7  # semitones beyond the outer recorded keys
STRENGTHS = 16  # layers of the recorded grand


@dataclass(frozen=True)
class Recording:
    """Recorded notes.

    Args:
        package: How the name of its folder begins.
        programs: General MIDI programs that it plays.
        is_held: Whether its tones go on as long as they are held.
        release_s: After they are let go.
        layer: Strength, 1 to ``STRENGTHS``; 0 where there is one for all.
    """

    package: str
    programs: tuple[int, ...]
    is_held: bool = False
    release_s: float = 0.3
    layer: int = 0


def _single(name: str) -> str:
    return f"tonejs-instrument-{name}-mp3"


RECORDINGS = (
    *(Recording(f"audio-samples-piano-velocity{layer}-", (0,), release_s=0.5, layer=layer) for layer in range(2, 17, 2)),
    Recording(_single("piano"), (1,), release_s=0.5),
    Recording(_single("xylophone"), (13,)),
    Recording(_single("organ"), (16, 17, 19), is_held=True),
    Recording(_single("harmonium"), (20,), is_held=True),
    Recording(_single("guitar-nylon"), (24,)),
    Recording(_single("guitar-acoustic"), (25,)),
    Recording(_single("guitar-electric"), (26, 27)),
    Recording(_single("bass-electric"), (33, 34)),
    Recording(_single("violin"), (40,), is_held=True),
    Recording(_single("cello"), (41, 42), is_held=True),
    Recording(_single("contrabass"), (43,), is_held=True),
    Recording(_single("harp"), (46,), release_s=1.5),
    Recording(_single("trumpet"), (56,), is_held=True),
    Recording(_single("trombone"), (57,), is_held=True),
    Recording(_single("tuba"), (58,), is_held=True),
    Recording(_single("french-horn"), (60,), is_held=True),
    Recording(_single("saxophone"), (64, 65, 66, 67), is_held=True),
    Recording(_single("bassoon"), (70,), is_held=True),
    Recording(_single("clarinet"), (71,), is_held=True),
    Recording(_single("flute"), (73,), is_held=True),
)


def font_sample(note: SourceNote, *, is_held: bool) -> FontSample:
    """A note as a font has it: from its onset, at the rate at which fonts play here, at one level, looped where it is held."""
    first = max(note.first - round(PRE_ROLL_S * SOURCE_RATE_HZ), 0)
    last = min(note.last, first + round(LONGEST_S * SOURCE_RATE_HZ))
    frames = np.asarray(soxr.resample(note.samples[first:last], SOURCE_RATE_HZ, PLAYED_RATE_HZ), dtype=np.float64)
    frames *= _gain(frames)
    held = min(round((note.release - first) * PLAYED_RATE_HZ / SOURCE_RATE_HZ), len(frames))
    loop = _loop(frames[:held]) if is_held else None
    if loop is None:
        fade = min(round(FADE_S * PLAYED_RATE_HZ), len(frames))
        frames[len(frames) - fade :] *= np.linspace(1.0, 0.0, fade)
    else:
        _join(frames, *loop)
        frames = frames[: loop[1] + BEYOND_LOOP]
    return FontSample(np.rint(frames * INT16).astype(np.int16), PLAYED_RATE_HZ, round(note.key), loop)


def _gain(frames: NDArray[np.float64]) -> float:
    size = max(min(round(LEVEL_WINDOW_S * PLAYED_RATE_HZ), len(frames)), 1)
    blocks = frames[: len(frames) // size * size].reshape(-1, size)
    loud = float(np.sqrt(np.square(blocks).mean(1).max(initial=0.0)))
    peak = float(np.abs(frames).max(initial=0.0))
    return min(LEVEL / loud, PEAK / peak) if loud > 0 else 0.0


def _loop(held: NDArray[np.float64]) -> tuple[int, int] | None:
    """Where the tone may go round: two places whose surroundings are most alike; None where it is too short."""
    fit, cross = round(FIT_S * PLAYED_RATE_HZ), round(CROSSFADE_S * PLAYED_RATE_HZ)
    first = max(round(LOOP_FROM * len(held)), cross)
    longest = min(round(LOOP_S * PLAYED_RATE_HZ), len(held) - fit - first)
    if longest < SHORTEST_LOOP_S * PLAYED_RATE_HZ:
        return None
    pattern = held[first : first + fit]
    reach = held[first + longest // 2 : first + longest + fit]
    products = np.correlate(reach, pattern, "valid")
    energies = np.convolve(np.square(reach), np.ones(fit), "valid")
    alike = products / np.sqrt(np.maximum(energies * float(np.square(pattern).sum()), 1e-12))
    return first, first + longest // 2 + int(alike.argmax())


def _join(frames: NDArray[np.float64], first: int, last: int) -> None:
    """Let what comes before the end of a loop become what comes before its beginning."""
    cross = round(CROSSFADE_S * PLAYED_RATE_HZ)
    share = np.linspace(0.0, 1.0, cross)
    frames[last - cross : last] = frames[last - cross : last] * (1 - share) + frames[first - cross : first] * share


def zones_of(keys: Sequence[int], first_sample: int, *, velocities: tuple[int, int], release_s: float) -> list[Zone]:
    """A zone for each recorded key: up to half of the way to the next, and somewhat beyond the outer ones.

    Args:
        keys: MIDI numbers, rising, at least one.
        first_sample: Index of the first one's sample.
        velocities: Lowest and highest.
        release_s: Of all.
    """
    middles = [(low + high) // 2 for low, high in pairwise(keys)]
    lows = [max(keys[0] - STRETCH, 0), *(middle + 1 for middle in middles)]
    highs = [*middles, min(keys[-1] + STRETCH, HIGHEST)]
    return [
        Zone(first_sample + number, (low, high), velocities, release_s)
        for number, (low, high) in enumerate(zip(lows, highs, strict=True))
    ]


def _folder_of(packages: Path, recording: Recording) -> Path:
    """Where the sounds lie."""
    found = (
        sorted(folder for folder in packages.iterdir() if folder.name.startswith(recording.package)) if packages.is_dir() else []
    )
    if not found:
        raise InputError(f"{packages}: expected a folder that begins with {recording.package}, there is none")
    inner = [folder for name in ("package/audio", "package", "audio") if (folder := found[0] / name).is_dir()]
    return inner[0] if inner else found[0]


def _velocities(layer: int) -> tuple[int, int]:
    """That a layer plays, of which every other one is there."""
    if not layer:
        return 0, HIGHEST
    step = (HIGHEST + 1) // STRENGTHS
    return step * (layer - 2), step * layer - 1


def make_recorded_font(packages: Path, path: Path, recordings: Sequence[Recording] = RECORDINGS) -> None:
    """Write the font.

    Args:
        packages: Folder of unpacked packages.
        path: Of the .sf2 file.
        recordings: What to take.

    Raises:
        InputError: A package is missing, or its sounds cannot be used.
    """
    samples: list[FontSample] = []
    presets: dict[int, tuple[str, list[Zone]]] = {}
    for recording in recordings:
        notes = sorted(sample_notes(_folder_of(packages, recording)), key=lambda note: note.key)
        zones = zones_of(
            [round(note.key) for note in notes],
            len(samples),
            velocities=_velocities(recording.layer),
            release_s=recording.release_s,
        )
        samples += [font_sample(note, is_held=recording.is_held) for note in notes]
        for program in recording.programs:
            presets.setdefault(program, (f"program {program}", []))[1].extend(zones)
    write_font(path, path.stem, samples, presets)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("packages", type=Path, help="folder of unpacked packages of recorded notes")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .sf2 file")
    given = parser.parse_args(arguments)
    make_recorded_font(given.packages, given.output)


if __name__ == "__main__":
    main()
