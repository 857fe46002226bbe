"""Speed and memory of ``partimento transcribe``, and whether pieces of any length are heard as one.

A recording is made by repeating rendered music. Each model transcribes it in a child process: seconds of processor and of wall
clock for each second of sound (listening and beats, loading included), and the largest resident memory.

Run: ``python tests/bench/bench_transcribe.py [--minutes 5] [--minutes 60] [--model frame] [--model mt3] [--threads 2]``
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import soundfile

from corpora.files import read_piece
from render.fonts import font_in_wheel
from render.rendering import render
from transcribe.frames.listener import load_listener
from transcribe.measures.matching import score_notes

HOUSE = Path(__file__).parents[2]
MUSIC = HOUSE / "examples" / "ode-to-joy.musicxml"
RATE_HZ = 44_100


def make_recording(path: Path, minutes: float) -> None:
    """Piano music over and over."""
    sound = render(read_piece(MUSIC), font=font_in_wheel(), sample_rate_hz=RATE_HZ).audio.samples.mean(0)
    left = round(minutes * 60 * RATE_HZ)
    with soundfile.SoundFile(path, "w", RATE_HZ, 1, "PCM_16") as file:
        while left > 0:
            file.write(sound[:left])
            left -= len(sound)


def measure(path: Path, model: str, folder: Path, threads: int) -> tuple[float, float, float, int]:
    """Processor and wall seconds, peak memory in MB and the number of notes of one transcription."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    command = [
        sys.executable,
        "-m",
        "partimento",
        "transcribe",
        str(path),
        "-o",
        str(folder / "out.mid"),
        "--model",
        model,
        "--json",
    ]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=HOUSE, env=environment, capture_output=True, text=True, check=True)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - started
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, wall, after.ru_maxrss / 1024, len(json.loads(done.stdout)["notes"])


def chunked_against_whole(path: Path) -> float:
    """F1 of the notes heard in chunks of other lengths against those heard with everything at once."""
    from corpora.audio_stream import AudioStream

    listener = load_listener()
    stream = AudioStream.open(path, 16_000)
    sound = np.concatenate(list(stream.levelled()))[: 16_000 * 60]
    whole, _ = listener.listen([sound], chunk_frames=100_000)
    worst = 1.0
    for size, chunk in ((5_000, 300), (77_777, 64), (16_000, 1_000)):
        music, _ = listener.listen([sound[i : i + size] for i in range(0, len(sound), size)], chunk_frames=chunk)
        worst = min(worst, score_notes(whole.notes, music.notes, offsets=True).f1)
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, action="append")
    parser.add_argument("--model", action="append")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    if font_in_wheel() is None:
        print("needs TimGM6mb.sf2 of the pretty_midi wheel: left out")
        return
    print("| minutes | model | processor s / s | wall s / s | memory MB | notes |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for minutes in arguments.minutes or [5.0]:
            path = folder / "long.flac"
            make_recording(path, minutes)
            for model in arguments.model or ["frame"]:
                used, wall, memory, notes = measure(path, model, folder, arguments.threads)
                seconds = 60 * minutes
                print(
                    f"| {minutes:g} | {model} | {used / seconds:.3f} | {wall / seconds:.3f} | {memory:.0f} | {notes} |", flush=True
                )
        print(f"\nchunked against whole, the worst of three ways, onset and offset F1: {chunked_against_whole(path):.4f}")


if __name__ == "__main__":
    main()
