"""How fast stems become a mix on one core, step by step, and how much memory that takes.

The music is made here: plucked notes with harmonics on four stems. Processor time is counted, and the least of the runs taken, so
that other work on the machine disturbs least. "x real time" is seconds of mix for a second of CPU.

Run: ``python tests/bench/bench_mix.py [--seconds 60] [--repeats 3] [--output tests/bench/results/mix.md]``
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import scipy
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from render.mix import Band, CompressorSettings, EqualizerSettings, MixSettings, mixdown
from render.mix.compressor import Compressor
from render.mix.equalizer import Equalizer
from render.mix.limiter import Limiter
from render.mix.loudness import integrated_lufs
from render.mix.rooms import RoomSend, find_room
from render.mix.true_peak import true_peak_dbtp

RATE_HZ = 44_100
STEMS = 4
NOTES_A_SECOND = 2
BLOCK_SAMPLES = 1 << 15
LOUD_PEAK = 2.0
TONE = EqualizerSettings(low_shelf=Band(frequency_hz=120.0, gain_db=2.0), high_bell=Band(frequency_hz=3_000.0, gain_db=-2.0))
MIXES = {
    "dry, loudness": MixSettings(room=None, lufs=-23.0),
    "hall, loudness (the default's work)": MixSettings(lufs=-23.0),
    "hall, tone control, compressor, loudness": MixSettings(equalizer=TONE, compressor=CompressorSettings(), lufs=-23.0),
    "the same, limiter at work (-11 LUFS)": MixSettings(equalizer=TONE, compressor=CompressorSettings(), lufs=-11.0),
}


def plucked(seed: int, seconds: int) -> NDArray[np.float32]:
    """Decaying notes, float32 (2, sample)."""
    rng = np.random.default_rng(seed)
    sound = np.zeros((2, seconds * RATE_HZ), dtype=np.float32)
    times = np.arange(RATE_HZ) / RATE_HZ
    for _ in range(NOTES_A_SECOND * seconds):
        start = int(rng.integers(0, sound.shape[1] - RATE_HZ))
        pitch_hz = 110.0 * 2.0 ** (rng.integers(0, 36) / 12)
        tone = sum(np.sin(2 * np.pi * pitch_hz * k * times) / k for k in range(1, 6)) * np.exp(-4.0 * times)
        share = rng.uniform(0.3, 0.7)
        sound[:, start : start + RATE_HZ] += np.outer([share, 1.0 - share], 0.1 * tone).astype(np.float32)
    return sound


def least_s(work: Callable[[], object], repeats: int) -> float:
    """Least processor seconds of some runs."""
    found = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return min(found)


def steps(sound: NDArray[np.float32], repeats: int) -> list[tuple[str, float]]:
    """Speed of single steps over a stereo sound."""
    blocks = [sound[:, start : start + BLOCK_SAMPLES] for start in range(0, sound.shape[1], BLOCK_SAMPLES)]

    def through(step: RoomSend | Limiter | Compressor | Equalizer) -> None:
        for block in blocks:
            step.process(block)

    ways = {
        "loudness": lambda: integrated_lufs(sound, RATE_HZ),
        "true peak": lambda: true_peak_dbtp(sound),
        "room (hall)": lambda: through(RoomSend(find_room("hall"), RATE_HZ)),
        "tone control": lambda: through(Equalizer(TONE, RATE_HZ)),
        "compressor": lambda: through(Compressor(CompressorSettings(), RATE_HZ)),
        "limiter, 6 dB too loud": lambda: through(Limiter(-1.0, RATE_HZ)),
    }
    return [(name, sound.shape[1] / RATE_HZ / least_s(way, repeats)) for name, way in ways.items()]


def mixes(folder: Path, stems: list[Path], repeats: int) -> list[tuple[str, float]]:
    """Speed of whole mixes, without stems and with them."""
    found = []
    for label, settings in MIXES.items():
        for targets in ([], [folder / f"out{index}.f32" for index in range(len(stems))]):
            mix = partial(mixdown, stems, folder / "mix.f32", sample_rate_hz=RATE_HZ, settings=settings, stem_targets=targets)
            seconds = mix().samples / RATE_HZ  # the room's response is made once, here
            found.append((f"{label}{', with stems' if targets else ''}", seconds / least_s(mix, repeats)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, threadpool_limits(1):
        folder = Path(name)
        stems = [folder / f"stem{index}.f32" for index in range(STEMS)]
        for index, path in enumerate(stems):
            plucked(index, options.seconds).T.astype("<f4").tofile(path)
        found = mixes(folder, stems, options.repeats)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        loud = plucked(0, options.seconds)
        found = steps(loud * np.float32(LOUD_PEAK / np.abs(loud).max()), options.repeats) + found
    rows = ["| work | x real time |", "|---|---:|", *(f"| {label} | {speed:.0f} |" for label, speed in found)]
    conditions = (
        f"Seconds of sound for a second of processor time, the best of {options.repeats} runs on one thread; {STEMS} stems of "
        f"{options.seconds} s at {RATE_HZ} Hz, stereo. Most memory of the process: {peak_mb:.0f} MB, one stem of the music made "
        f"here in it. Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}, {platform.machine()}, "
        f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}."
    )
    text = "\n".join(["# From stems to a mix", "", (__doc__ or "").strip().split("\n\nRun:")[0], "", *rows, "", conditions, ""])
    print(text)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
