"""How many times real time the DDSP engine and its parts are.

A string quartet made by rule (four lines of eighths, quarters and held notes, no rests), played with stems by the shipped bank, by
wall and by processor time; the harmonic bank of 100 harmonics by its reference and by the fast path at a low and a high pitch; the
noise of 65 bands. One thread; each figure is the best of the repeats, because a busy machine only ever makes it slower.

Run: ``python tests/bench/bench_ddsp.py [--seconds 60] [--repeats 3] [--output tests/bench/results/ddsp.md]``
"""

from __future__ import annotations

import argparse
import io
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import mido
import torch

from render.ddsp.engine import render_stems
from render.ddsp.frames import SAMPLE_RATE_HZ, hop_samples
from render.ddsp.noise import NUM_BANDS, filtered_noise_fast, uniform_noise
from render.ddsp.oscillators import harmonic_bank, harmonic_bank_fast
from render.played import play

PARTS = (("Violin 1", 40, 74, 240), ("Violin 2", 40, 67, 480), ("Viola", 41, 60, 480), ("Cello", 42, 45, 960))  # ticks a note
TICKS_PER_QUARTER = 480
STEPS = (0, 2, 4, 5, 7, 5, 4, 2)
CONTROL_S = 10.0


def quartet(seconds: float) -> bytes:
    """The music at 120 quarters a minute."""
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_QUARTER)
    for channel, (name, program, key, length) in enumerate(PARTS):
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
        track.append(mido.Message("program_change", channel=channel, program=program))
        for index in range(round(seconds * 2 * TICKS_PER_QUARTER / length)):
            note = key + STEPS[index % len(STEPS)]
            track.append(mido.Message("note_on", channel=channel, note=note, velocity=60 + 5 * (index % 8)))
            track.append(mido.Message("note_off", channel=channel, note=note, time=length))
        file.tracks.append(track)
    stream = io.BytesIO()
    file.save(file=stream)
    return stream.getvalue()


def timed(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Least wall and processor seconds."""
    found = []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        found.append((time.perf_counter() - wall, time.process_time() - cpu))
    return min(wall for wall, _ in found), min(cpu for _, cpu in found)


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--bank", default="ddsp")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    played = play(quartet(arguments.seconds), sample_rate_hz=SAMPLE_RATE_HZ)

    def play_quartet() -> None:
        with tempfile.TemporaryDirectory() as folder:
            render_stems(played, Path(folder), stems=True, bank=arguments.bank)

    frames = round(CONTROL_S * SAMPLE_RATE_HZ / hop_samples(SAMPLE_RATE_HZ)) + 1
    hop = hop_samples(SAMPLE_RATE_HZ)
    amplitudes, lengths = torch.full((frames, 100), 1e-2), torch.full((frames - 1,), hop)
    low, high = (torch.full((frames,), f0_hz, dtype=torch.float64) for f0_hz in (65.4, 523.3))
    noise, bands = uniform_noise(0, 0, (frames - 1) * hop), torch.rand(frames, NUM_BANDS)
    rate = {"sample_rate_hz": SAMPLE_RATE_HZ}
    cases: list[tuple[str, float, Callable[[], object]]] = [
        ("string quartet, 4 stems", arguments.seconds, play_quartet),
        ("harmonic bank at C2, reference", CONTROL_S, lambda: harmonic_bank(low[None], amplitudes[None], hop=hop, **rate)),
        ("harmonic bank at C2, fast path", CONTROL_S, lambda: harmonic_bank_fast(low, amplitudes, lengths, **rate)),
        ("harmonic bank at C5, fast path", CONTROL_S, lambda: harmonic_bank_fast(high, amplitudes, lengths, **rate)),
        ("noise of 65 bands", CONTROL_S, lambda: filtered_noise_fast(noise, bands, lengths)),
    ]
    lines = [
        f"{platform.machine()}, {platform.system()}, torch {torch.__version__}, one thread, best of {arguments.repeats}",
        "",
        "| what | x real time, wall | x real time, processor |",
        "|---|---|---|",
    ]
    for name, seconds, work in cases:
        wall, cpu = timed(work, arguments.repeats)
        lines.append(f"| {name} | {seconds / wall:.1f} | {seconds / cpu:.1f} |")
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
