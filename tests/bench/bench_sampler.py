"""The sampler beside FluidSynth: speed, and how far onsets and pitches are from where they should be.

Speed: seconds of sound in a second of processor time (one thread), font loading included, for made-up music (a piano of 10 notes a
second; eight orchestral parts of 2 to 6 notes a second each; its velocities all differ) and for any score named with ``--score``.
Both play TimGM6mb dry, or the font named with ``--font``. The third has expression controllers that never stand still.
Errors are measured from the sound of a font of one click and one of one looped sine: onsets at 200 random samples, and the 19 equal
steps of an octave by pitch wheel. Memory is the peak resident set of the process that rendered.

Run: ``python tests/bench/bench_sampler.py [--seconds 60] [--score FILE ...] [--output tests/bench/results/sampler.md]``
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import math
import platform
import resource
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import mido
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from corpora.files import read_piece
from corpora.midi.writer import write_midi
from render.engines import Engine, stem_file
from render.fluid import fluidsynth_version
from render.fonts import find_font
from render.played import play
from render.sampler import engine as sampler
from render.soundfont import engine as fluidsynth

RATE_HZ = 44_100
SEED = 20261125
TICKS_PER_S = 960  # at 120 quarters a minute and 480 ticks a quarter
RENDERERS: dict[str, Engine] = {"sampler": sampler.render_stems, "FluidSynth": fluidsynth.render_stems}
ENGINES = tuple(RENDERERS)
ORCHESTRA = ((40, 67, 6), (40, 62, 6), (41, 57, 4), (42, 45, 4), (73, 76, 4), (68, 70, 3), (60, 58, 2), (70, 48, 3))
FONT_BYTES = Path(__file__).parents[1] / "render" / "sampler" / "conftest.py"


def midi_of(tracks: list[list[tuple[int, mido.Message]]]) -> bytes:
    file = mido.MidiFile(type=1, ticks_per_beat=480)
    for events in tracks:
        track = mido.MidiTrack()
        now = 0
        for tick, message in sorted(events, key=lambda event: event[0]):
            track.append(message.copy(time=tick - now))
            now = tick
        file.tracks.append(track)
    stream = io.BytesIO()
    file.save(file=stream)
    return stream.getvalue()


def note(start: int, length: int, key: int, velocity: int, channel: int) -> list[tuple[int, mido.Message]]:
    on = mido.Message("note_on", channel=channel, note=key, velocity=velocity)
    return [(start, on), (start + length, mido.Message("note_off", channel=channel, note=key))]


def made_up(kind: str, seconds: int) -> bytes:
    rng = np.random.default_rng(SEED)
    parts = ((0, 60, 10),) if kind == "piano" else ORCHESTRA
    tracks = []
    for channel, (program, centre, rate) in enumerate(parts):
        events: list[tuple[int, mido.Message]] = [(0, mido.Message("program_change", channel=channel, program=program))]
        for index in range(rate * seconds):
            key = int(np.clip(rng.normal(centre, 10 if kind == "piano" else 5), 24, 100))
            start = index * TICKS_PER_S // rate
            events += note(start, int(rng.integers(200, 1_200)), key, int(rng.integers(40, 120)), channel)
        if kind == "orchestra, expression":
            places = range(0, seconds * TICKS_PER_S, 48)
            swell = [round(90 + 30 * math.sin(place / 700 + channel)) for place in places]
            told = [mido.Message("control_change", channel=channel, control=11, value=value) for value in swell]
            events += list(zip(places, told, strict=True))
        tracks.append(events)
    return midi_of(tracks)


def sound_of(engine: str, midi: bytes, font: Path, folder: Path) -> NDArray[np.float32]:
    """The left side."""
    RENDERERS[engine](play(midi, sample_rate_hz=RATE_HZ), folder, stems=False, font=font)
    return np.fromfile(stem_file(folder, 0), dtype="<f4").reshape(-1, 2)[:, 0]


def processor_s() -> float:
    """Of this process and its children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def measure(engine: str, midi_file: Path, font: Path) -> dict[str, float]:
    """Run in a child process."""
    midi = midi_file.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        started = processor_s()
        sound = sound_of(engine, midi, font, Path(folder))
        spent = processor_s() - started
    sizes = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {"speed": len(sound) / RATE_HZ / spent, "mib": max(sizes) / 1024}


def child(engine: str, midi: bytes, font: Path) -> dict[str, float]:
    with tempfile.NamedTemporaryFile(suffix=".mid") as file:
        file.write(midi)
        file.flush()
        command = [sys.executable, __file__, "--child", engine, file.name, "--font", str(font)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(out.splitlines()[-1])
    return found


def font_writer() -> ModuleType:
    """The writer of tiny fonts that the tests use."""
    spec = importlib.util.spec_from_file_location("sampler_fonts", FONT_BYTES)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def onset_errors(engine: str, folder: Path) -> NDArray[np.int64]:
    """Samples by which each of 200 clicks is late."""
    click = np.zeros(200, dtype=np.int16)
    click[:8] = 16_384
    font = folder / "click.sf2"
    font.write_bytes(font_writer().font_bytes([click], [({54: 0}, 0, ())]))
    rng = np.random.default_rng(SEED)
    ticks = np.cumsum(rng.integers(50, 400, size=200))
    midi = midi_of([[event for tick in ticks.tolist() for event in note(tick, 20, 69, 127, 0)]])
    sound = np.abs(sound_of(engine, midi, font, folder))
    wanted = np.floor(ticks * RATE_HZ / TICKS_PER_S + 0.5).astype(np.int64)
    found = []
    for place in wanted.tolist():
        start = max(place - 100, 0)
        part = sound[start : place + 300]
        found.append(start + int(np.flatnonzero(part > 1e-3 * part.max())[0]) - place)
    return np.array(found)


def tuning_errors(engine: str, folder: Path) -> NDArray[np.float64]:
    """Cents by which each of 20 tones is off."""
    font = folder / "sine.sf2"
    writer = font_writer()
    font.write_bytes(writer.font_bytes([writer.sine()], [({54: 1, 38: -12_000}, 0, ())]))
    events: list[tuple[int, mido.Message]] = []
    sounding = []
    for step in range(20):
        cents = 1200 * step / 19
        key = round(cents / 100)
        wheel = round((cents - 100 * key) / 200 * 8192)
        events += [(step * TICKS_PER_S, mido.Message("pitchwheel", pitch=wheel)), *note(step * TICKS_PER_S, 900, 69 + key, 127, 0)]
        sounding.append(441.0 * 2 ** ((key + wheel / 4096) / 12))
    sound = sound_of(engine, midi_of([events]), font, folder)
    errors = []
    for step, wanted in enumerate(sounding):
        part = sound[step * RATE_HZ + 2_000 : step * RATE_HZ + 40_000]
        times = np.arange(len(part)) / RATE_HZ
        smooth = np.hanning(RATE_HZ // 10)
        beat = np.convolve(part * np.exp(-2j * np.pi * wanted * times), smooth, mode="valid")
        slope = np.polyfit(times[: len(beat)], np.unwrap(np.angle(beat)), 1)[0] / (2 * np.pi)
        errors.append(1200 * math.log2((wanted + slope) / wanted))
    return np.array(errors)


def speed_rows(seconds: int, scores: list[Path], font: Path) -> list[str]:
    music = {f"{kind}, {seconds} s": made_up(kind, seconds) for kind in ("piano", "orchestra", "orchestra, expression")}
    for score in scores:
        piece = read_piece(score)
        music[f"{score.stem}, {len(piece.notes):,} notes"] = write_midi(piece)
    rows = ["| music | sampler | FluidSynth | sampler MiB | FluidSynth MiB |", "|---|---:|---:|---:|---:|"]
    for name, midi in music.items():
        found = {engine: child(engine, midi, font) for engine in ENGINES}
        speeds = " | ".join(f"{found[engine]['speed']:.0f}x" for engine in ENGINES)
        sizes = " | ".join(f"{found[engine]['mib']:,.0f}" for engine in ENGINES)
        rows.append(f"| {name} | {speeds} | {sizes} |")
        print(rows[-1], file=sys.stderr, flush=True)
    return rows


def error_rows() -> list[str]:
    rows = ["| engine | onsets late by, samples (mean, most) | 19 equal steps, cents off (mean, most) |", "|---|---:|---:|"]
    for engine in ENGINES:
        with tempfile.TemporaryDirectory() as folder:
            late, off = onset_errors(engine, Path(folder)), np.abs(tuning_errors(engine, Path(folder)))
        rows.append(f"| {engine} | {late.mean():.1f}, {late[np.abs(late).argmax()]} | {off.mean():.4f}, {off.max():.4f} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="The sampler beside FluidSynth.")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--score", type=Path, action="append", default=[])
    parser.add_argument("--font", type=Path, default=None)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "sampler.md")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    font = find_font(options.font)
    if options.child:
        print(json.dumps(measure(options.child[0], Path(options.child[1]), font.path)))
        return
    conditions = (
        f"Python {platform.python_version()}, torch {version('torch')}, FluidSynth {fluidsynth_version()}, {platform.machine()}, "
        f"1 thread, {RATE_HZ} Hz, {font.name}, seed {SEED}; processor time, one run each."
    )
    body = [*speed_rows(options.seconds, options.score, font.path), "", *error_rows()]
    text = "\n".join(["# Sampler", "", (__doc__ or "").strip().split("\n\nRun:")[0], "", *body, "", conditions, ""])
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
