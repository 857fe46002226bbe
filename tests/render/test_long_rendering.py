"""Long music through the command line: interrupted, and in bounded memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import mido
import pytest
import soundfile

from render import fonts

Midi: TypeAlias = Callable[..., bytes]
Note: TypeAlias = Callable[..., list[tuple[int, mido.Message]]]

HOUSE = Path(__file__).parent.parent.parent
WAIT_S = 60.0
BEATS_A_MINUTE = 120
MIXED = (0, 48, 73, 42)  # General MIDI programs: piano, strings, flute, cello
QUARTET = (40, 40, 41, 42)

pytestmark = pytest.mark.usefixtures("synthesiser")


@pytest.fixture
def long_music(midi_file: Midi, note: Note) -> Callable[..., bytes]:
    """Four parts that play for so many minutes: two in quarters, two in halves."""

    def make(minutes: int, programs: tuple[int, ...] = MIXED) -> bytes:
        beats = minutes * BEATS_A_MINUTE
        tracks = []
        for channel, (program, (lowest, length)) in enumerate(zip(programs, ((60, 1), (55, 2), (72, 1), (36, 2)), strict=True)):
            notes = [
                event
                for place, beat in enumerate(range(0, beats, length))
                for event in note(480 * beat, 480 * (beat + length), lowest + (7 * place) % 12, channel, 80)
            ]
            tracks.append([(0, mido.Message("program_change", channel=channel, program=program)), *notes])
        return midi_file(*tracks)

    return make


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts ``partimento render`` on tmp_path/song.mid, temporary files in tmp_path/scratch, outputs in tmp_path/out."""
    for name in ("scratch", "out"):
        (tmp_path / name).mkdir()

    def start(*options: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "TMPDIR": str(tmp_path / "scratch"), "PYTHONPATH": str(HOUSE), "OMP_NUM_THREADS": "1"}
        words = ["render", str(tmp_path / "song.mid"), "-o", str(tmp_path / "out" / "song.flac")]
        return subprocess.Popen(
            [sys.executable, "-m", "partimento", *words, *options],
            env=environment,
            cwd=HOUSE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def children(pid: int) -> list[int]:
    """Processes whose parent this is."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(("phase", "minutes"), [("*/000.f32", 20), ("*/.partimento-mix-*", 3)], ids=["playing", "mixing"])
def test_ctrl_c_leaves_no_file_and_no_process(
    long_music: Callable[..., bytes], command: Callable[..., subprocess.Popen[str]], tmp_path: Path, phase: str, minutes: int
) -> None:
    (tmp_path / "song.mid").write_bytes(long_music(minutes))
    running = command("--font", str(fonts.font_in_wheel()), "--stems", str(tmp_path / "out" / "stems"))
    try:
        deadline = time.monotonic() + WAIT_S
        while not list((tmp_path / "scratch").glob(phase)):
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        own = children(running.pid)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=WAIT_S)
    finally:
        running.kill()
    assert running.returncode == 130
    assert out == ""
    assert err.strip().splitlines()[-1] == "partimento: interrupted"
    assert list((tmp_path / "out").iterdir()) == []
    assert list((tmp_path / "scratch").iterdir()) == []
    assert len(own) == ("000" in phase)
    assert not any(alive(pid) for pid in own)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("engine", "programs"), [("soundfont", MIXED), ("sampler", MIXED), ("ddsp", QUARTET)])
def test_an_hour_of_music_takes_less_than_two_gigabytes(
    long_music: Callable[..., bytes],
    command: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
    engine: str,
    programs: tuple[int, ...],
) -> None:
    (tmp_path / "song.mid").write_bytes(long_music(60, programs))
    running = command("--engine", engine, *(() if engine == "ddsp" else ("--font", str(fonts.font_in_wheel()))))
    assert running.stdout is not None
    assert running.stderr is not None
    try:
        with running.stdout, running.stderr:
            told = running.stderr.read().splitlines()
        _, status, used = os.wait4(running.pid, 0)  # of the command and of its own children
        running.returncode = os.waitstatus_to_exitcode(status)
    finally:
        if running.returncode is None:
            running.kill()
            running.wait()
    assert running.returncode == 0, told
    print(f"{engine}: {used.ru_maxrss / 1000:.0f} MB, {used.ru_utime + used.ru_stime:.0f} s of the processor")
    assert used.ru_maxrss < 2_000_000  # kilobytes, of the largest process
    assert soundfile.info(tmp_path / "out" / "song.flac").duration > 3600
    assert any("playing song.mid" in line for line in told)
