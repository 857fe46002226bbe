"""How fast music becomes sound: ``render`` beside the ``fluidsynth`` command and tinysoundfont, on one movement, in one run.

The movement has eight parts (Bach, Mass in B minor, no. 12, of the openscore-orchestra pack, 4 minutes 19 seconds). Every way gets
the same notes and the same font. Times are of the processor, child processes included, and so of one core, as nothing here uses two
at once; a busy machine makes the clock slower, the processor's time hardly. The font decides: the more
samples it lays over each other for a note, the slower every way is. Learned instruments (ddsp) have a bench of their own:
``bench_ddsp.py``.

Run: ``PARTIMENTO_DATA=/path/to/packs python tests/bench/bench_render.py [--font A.sf2 --font B.sf2] [--repeats 3]
[--output tests/bench/results/render.md]``
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import soundfile

from corpora.datasets.folder import data_dir
from corpora.files import read_piece
from corpora.midi.writer import write_midi
from corpora.piece import Piece
from render import render, render_to_file
from render.engines import find_engine
from render.fluid import fluidsynth_version
from render.fonts import Font, find_font
from render.played import play

PACK = "openscore-orchestra.tar.gz"
MOVEMENT = "data/Bach,_Johann_Sebastian/B_Minor_Mass,_BWV.232/12/Bach_BWV.232_12.mxl"
RATE_HZ = 44_100
FONT_ENGINES = ("soundfont", "sampler")
TAIL_S = 2.0
COLUMNS = ("way", "processor s", "clock s", "times as fast as it sounds", "beside the first row")
NEEDED = 25.0  # times as fast as it sounds, with effects


def movement() -> Piece:
    """The music, out of the pack."""
    with tarfile.open(data_dir() / PACK) as pack, tempfile.TemporaryDirectory() as folder:
        found = pack.extractfile(MOVEMENT)
        assert found is not None
        path = Path(folder) / Path(MOVEMENT).name
        path.write_bytes(found.read())
        return read_piece(path)


def with_fluidsynth(midi: Path, font: Font, *switches: str) -> Callable[[Path], object]:
    """The command line, into 32-bit float samples without a header."""
    words = ["fluidsynth", "-n", "-i", "-q", *switches, "-r", str(RATE_HZ), "-O", "float", "-T", "raw"]
    return lambda folder: subprocess.run(
        [*words, "-F", str(folder / "out.raw"), str(font.path), str(midi)], check=True, stdout=subprocess.DEVNULL
    )


def with_tinysoundfont(piece: Piece, font: Font) -> Callable[[Path], object]:
    """The same notes, told at their samples; dry, as it has no effects."""

    def work(folder: Path) -> None:
        import tinysoundfont

        synth = tinysoundfont.Synth(samplerate=RATE_HZ)
        number = synth.sfload(str(font.path))
        played = play(piece, sample_rate_hz=RATE_HZ)
        for event in played.events:
            synth.program_select(event.channel, number, 0, event.first)
        told = [(int(row["onset_sample"]), 1, int(row["channel"]), int(row["key"]), int(row["velocity"])) for row in played.notes]
        told += [(int(row["end_sample"]), 0, int(row["channel"]), int(row["key"]), 0) for row in played.notes]
        now = 0
        with (folder / "out.raw").open("wb") as out:
            for sample, on, channel, key, velocity in sorted(told):
                if sample > now:
                    out.write(synth.generate(sample - now))
                    now = sample
                if on:
                    synth.noteon(channel, key, velocity)
                else:
                    synth.noteoff(channel, key)
            out.write(synth.generate(int(TAIL_S * RATE_HZ)))

    return work


def with_engine(piece: Piece, engine: str, font: Font) -> Callable[[Path], object]:
    """An engine alone: dry raw sound."""
    return lambda folder: find_engine(engine)(play(piece, sample_rate_hz=RATE_HZ), folder, stems=False, font=font.path)


def ways(piece: Piece, midi: Path, font: Font) -> dict[str, Callable[[Path], object]]:
    """Everything that is compared, by name; each works in an empty folder."""
    found: dict[str, Callable[[Path], object]] = {}
    if shutil.which("fluidsynth"):
        found["`fluidsynth` command, its reverb and chorus"] = with_fluidsynth(midi, font)
        found["`fluidsynth` command, dry"] = with_fluidsynth(midi, font, "-R", "0", "-C", "0")
    try:
        import tinysoundfont  # noqa: F401  # in no list of dependencies: here for comparison

        found["tinysoundfont, dry"] = with_tinysoundfont(piece, font)
    except ImportError:
        print("tinysoundfont is not installed: its row is left out", file=sys.stderr)
    for engine in FONT_ENGINES:
        found[f"{engine}, engine alone, dry"] = with_engine(piece, engine, font)
        found[f"{engine}, room, -16 LUFS, -1 dBTP"] = lambda _, engine=engine: render(piece, engine, font=font.path)
        found[f"{engine}, the same to FLAC"] = lambda folder, engine=engine: render_to_file(
            piece, folder / "a.flac", engine, font=font.path
        )
        found[f"{engine}, the same, and a FLAC file a part"] = lambda folder, engine=engine: render_to_file(
            piece, folder / "a.flac", engine, font=font.path, stems_folder=folder / "stems"
        )
    return found


def processor_s() -> float:
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def measure(works: dict[str, Callable[[Path], object]], repeats: int) -> dict[str, tuple[float, float]]:
    """Processor's and clock's seconds of each, medians of ``repeats`` taken in turn."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            with tempfile.TemporaryDirectory() as folder:
                before, started = processor_s(), time.perf_counter()
                work(Path(folder))
                taken[name].append((processor_s() - before, time.perf_counter() - started))
    return {name: (median(one[0] for one in times), median(one[1] for one in times)) for name, times in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--font", type=Path, action="append", help="may be repeated; the best installed one when left out")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    piece = movement()
    duration_s = float(piece.div_to_seconds(piece.end_div))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        midi = Path(folder) / "movement.mid"
        midi.write_bytes(write_midi(piece))
        for font in [find_font(path) for path in options.font or [None]]:
            found = measure(ways(piece, midi, font), options.repeats)
            reference = next(iter(found.values()))[0]
            rows += ["", f"## {font.name} ({font.licence}, {font.path.stat().st_size / 1e6:.0f} MB)", ""]
            rows += [
                "| way | processor s | clock s | times as fast as it sounds | beside the first row |",
                "|---|---:|---:|---:|---:|",
            ]
            for name, (used_s, clock_s) in found.items():
                rows.append(f"| {name} | {used_s:.2f} | {clock_s:.2f} | {duration_s / used_s:.0f} | {reference / used_s:.2f} |")
    versions = (
        f"FluidSynth {fluidsynth_version()}, libsndfile {soundfile.__libsndfile_version__}, NumPy {np.__version__}, "
        f"Python {platform.python_version()}, {platform.machine()}"
    )
    conditions = (
        f"{len(piece.parts)} parts, {len(piece.notes):,} notes, {duration_s:.0f} s at {RATE_HZ} Hz; medians of {options.repeats} "
        f"taken in turn; speeds are by the processor's time. Needed with effects: {NEEDED:.0f}. {versions}; load of the machine at "
        f"the end {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."
    )
    text = "\n".join(["# From music to sound", "", (__doc__ or "").strip().split("\n\nRun:")[0], *rows, "", conditions, ""])
    print(text)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
