"""Broken and absurd wishes to ``partimento render``: exit 2, one line that says what is wrong, no file and nothing half-written.

Each case changes a command that would work: its score, its options, its font or its surroundings.
"""

from __future__ import annotations

import io
import os
import re
import resource
import struct
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mido
import pytest

import partimento
from render import fonts
from render.soundfont import engine

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "old-hundredth.musicxml"
FAR_TICKS = 0x0FFFFFFF  # the longest time between two events that a MIDI file can hold

pytestmark = pytest.mark.usefixtures("synthesiser", "wheel_font")


@dataclass
class Wish:
    """A command to spoil."""

    folder: Path  # inputs lie here
    out: Path  # and outputs would lie here
    score: Path = EXAMPLE
    target: str = "song.flac"
    options: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def font(self, data: bytes) -> None:
        self.options["--font"] = str(self.write("broken.sf2", data))

    def midi(self, *tracks: list[mido.Message | mido.MetaMessage], kind: int = 1, ticks_per_quarter: int = 480) -> None:
        file = mido.MidiFile(type=kind, ticks_per_beat=ticks_per_quarter)
        file.tracks.extend(mido.MidiTrack(track) for track in tracks)
        stream = io.BytesIO()
        file.save(file=stream)
        self.score = self.write("song.mid", stream.getvalue())

    def musicxml(self, old: str, new: str) -> None:
        text = EXAMPLE.read_text(encoding="utf-8")
        assert old in text
        self.score = self.write("song.musicxml", text.replace(old, new, 1).encode())

    def command(self) -> list[str]:
        words = [word for name, value in self.options.items() for word in (name, value)]
        return ["render", str(self.score), "-o", str(self.out / self.target), *words]


def whole_font() -> bytes:
    return fonts.find_font().path.read_bytes()


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body


def font_of(*chunks: bytes) -> bytes:
    return chunk(b"RIFF", b"sfbk" + b"".join(chunks))


def without_samples() -> bytes:
    """The whole font with its sample data taken out."""
    data = whole_font()
    start = data.index(b"sdta") - 8
    length = struct.unpack("<I", data[start + 4 : start + 8])[0] + 8
    return font_of(data[12:start], chunk(b"LIST", b"sdta" + chunk(b"smpl", b"")), data[start + length :])


def tempo(number: str) -> Callable[[Wish, pytest.MonkeyPatch], None]:
    def spoil(wish: Wish, _: pytest.MonkeyPatch) -> None:
        wish.musicxml('<sound tempo="84"/>', f'<sound tempo="{number}"/>')

    return spoil


def note(on: int = 0, off: int = 480, channel: int = 0, key: int = 60) -> list[mido.Message]:
    return [
        mido.Message("note_on", channel=channel, note=key, velocity=80, time=on),
        mido.Message("note_off", channel=channel, note=key, time=off),
    ]


def many_notes(wish: Wish, _: pytest.MonkeyPatch) -> None:
    """100,000 notes in 50 tracks, all at one tick."""
    keys = [place % 128 for place in range(2000)]
    on = [mido.Message("note_on", channel=0, note=key, velocity=80) for key in keys]
    off = [mido.Message("note_off", channel=0, note=key, time=480 if not place else 0) for place, key in enumerate(keys)]
    wish.midi(*([*on, *off] for _ in range(50)))


def binding(text: str) -> Callable[[Wish, pytest.MonkeyPatch], None]:
    """What the child finds in place of pyfluidsynth."""

    def spoil(wish: Wish, monkeypatch: pytest.MonkeyPatch) -> None:
        wish.write("fluidsynth.py", text.encode())
        monkeypatch.syspath_prepend(str(wish.folder))

    return spoil


def option(**values: str) -> Callable[[Wish, pytest.MonkeyPatch], None]:
    def spoil(wish: Wish, _: pytest.MonkeyPatch) -> None:
        wish.options.update({f"--{name.replace('_', '-')}": value for name, value in values.items()})

    return spoil


def font(make: Callable[[], bytes]) -> Callable[[Wish, pytest.MonkeyPatch], None]:
    return lambda wish, _: wish.font(make())


def midi(*tracks: list[Any], **wishes: int) -> Callable[[Wish, pytest.MonkeyPatch], None]:
    return lambda wish, _: wish.midi(*tracks, **wishes)


def scale(data: bytes) -> Callable[[Wish, pytest.MonkeyPatch], None]:
    return lambda wish, _: wish.options.update({"--tuning": str(wish.write("song.scl", data))})


def target(name: str) -> Callable[[Wish, pytest.MonkeyPatch], None]:
    def spoil(wish: Wish, _: pytest.MonkeyPatch) -> None:
        (wish.folder / "folder.flac").mkdir()
        wish.target = name.format(folder=wish.folder)

    return spoil


def stems_at(place: Callable[[Wish], Path]) -> Callable[[Wish, pytest.MonkeyPatch], None]:
    def spoil(wish: Wish, _: pytest.MonkeyPatch) -> None:
        wish.options["--stems"] = str(place(wish))

    return spoil


def no_font_anywhere(_: Wish, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "font_in_wheel", lambda: None)


def small_files(limit_bytes: int) -> Callable[[Wish, pytest.MonkeyPatch], None]:
    """No file of this process may grow longer, as on a full disk."""

    def spoil(_: Wish, __: pytest.MonkeyPatch) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    return spoil


def limited(monkeypatch: pytest.MonkeyPatch, **other: float) -> None:
    """The engine's child has other limits."""
    limits = engine.Limits
    monkeypatch.setattr(engine, "Limits", lambda **wanted: limits(**{**wanted, **other}))


def full_disk_for_the_child(_: Wish, monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, file_bytes=0)


def full_disk_for_the_file(_: Wish, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(self: Any, data: bytes) -> int:
        self.failure = OSError(28, os.strerror(28))
        return 0

    monkeypatch.setattr("corpora.audio._Sink.write", write)


def no_space_left(_: Wish, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("render.pipeline.shutil.disk_usage", lambda _: type("Usage", (), {"free": 5 << 20})())


def slow_child(wish: Wish, monkeypatch: pytest.MonkeyPatch) -> None:
    binding("import time\ntime.sleep(60)")(wish, monkeypatch)
    limited(monkeypatch, wall_s=1.0)


def small_child(wish: Wish, monkeypatch: pytest.MonkeyPatch) -> None:
    binding("bytearray(1 << 34)")(wish, monkeypatch)


CASES: dict[str, tuple[Callable[[Wish, pytest.MonkeyPatch], None], str]] = {
    # fonts
    "font cut off": (
        font(lambda: whole_font()[:100_000]),
        r"broken\.sf2 .*is cut off: its header says \d+ bytes, the file has 100000",
    ),
    "font of another kind": (font(lambda: b"RIFX" + whole_font()[4:]), r"broken\.sf2 .*expected the letters RIFF\.\.\.\.sfbk"),
    "font that is a sound file": (font(lambda: chunk(b"RIFF", b"WAVE" + bytes(100))), "expected the letters RIFF....sfbk"),
    "font that is text": (font(lambda: b"This is no font."), "expected the letters RIFF....sfbk"),
    "font of no bytes": (font(lambda: b""), "expected the letters RIFF....sfbk"),
    "font of a header only": (font(font_of), r"broken\.sf2 cannot be loaded by libfluidsynth"),
    "font of zeros": (font(lambda: font_of(bytes(5000))), r"broken\.sf2 cannot be loaded"),
    "font without samples": (font(without_samples), r"broken\.sf2 cannot be loaded|gave only silence"),
    "font without tables": (
        font(lambda: font_of(chunk(b"LIST", b"INFO"), chunk(b"LIST", b"sdta"), chunk(b"LIST", b"pdta"))),
        r"broken\.sf2 cannot be loaded",
    ),
    "font that is a folder": (
        lambda wish, _: wish.options.update({"--font": str(wish.folder)}),
        "expected a .sf2 or .sf3 file, got no file",
    ),
    "font that is not there": (option(font="/none/such.sf2"), r"/none/such\.sf2 \(asked for\): expected .*got nothing there"),
    "font with a line break": (option(font="/none/a\nb\x1b[31m.sf2"), "expected a .sf2 or .sf3 file, got nothing there"),
    "font of the environment": (
        lambda _, monkeypatch: monkeypatch.setenv(fonts.FONT_VARIABLE, "/none/such.sf2"),
        r"PARTIMENTO_SOUNDFONT\): expected",
    ),
    "no font anywhere": (no_font_anywhere, "no SoundFont found: install fluid-soundfont-gm"),
    # music
    "deltas of 2^28": (midi(note(FAR_TICKS, 480), note(0, FAR_TICKS)), r"song\.mid: .*(7200|ticks|hours|s of music)"),
    "tempo of 0 in MIDI": (midi([mido.MetaMessage("set_tempo", tempo=0), *note()]), r"song\.mid: .*tempo"),
    "tempo of NaN": (tempo("NaN"), r"song\.musicxml: .*tempo"),
    "tempo without end": (tempo("inf"), r"song\.musicxml: .*tempo"),
    "tempo of 0": (tempo("0"), r"song\.musicxml: .*tempo"),
    "tempo below 0": (tempo("-84"), r"song\.musicxml: .*tempo"),
    "tempo near 0": (tempo("1e-300"), r"song\.musicxml: .*(tempo|music)"),
    "100,000 notes at once": (many_notes, r"song\.mid: .*expected at most"),
    "no notes": (midi([mido.Message("program_change", program=3)]), r"song\.mid: .*notes"),
    "no music": (lambda wish, _: setattr(wish, "score", wish.write("song.mid", b"")), r"song\.mid"),
    "cut off": (
        lambda wish, _: setattr(wish, "score", wish.write("song.musicxml", EXAMPLE.read_bytes()[:5000])),
        r"song\.musicxml",
    ),
    "time code": (midi(note(), ticks_per_quarter=-7640), r"song\.mid"),
    "songs one after the other": (midi(note(), note(), kind=2), r"song\.mid"),
    "a score that is not there": (lambda wish, _: setattr(wish, "score", wish.folder / "none.mid"), r"none\.mid"),
    # libraries and the child
    "no library": (binding("raise ImportError('none')"), "libfluidsynth is not installed.*apt-get install libfluidsynth3"),
    "a broken library": (binding("raise OSError('wrong ELF class')"), "cannot be loaded: wrong ELF class"),
    "another package of the name": (binding("x = 1"), "is not pyfluidsynth: pip uninstall fluidsynth"),
    "a killed child": (binding("import os\nos.kill(os.getpid(), 9)"), r"fluidsynth died \(SIGKILL\) on .*old-hundredth"),
    "a crashed child": (binding("import os\nos.kill(os.getpid(), 11)"), r"fluidsynth died \(SIGSEGV\)"),
    "an aborted child": (binding("import os\nos.abort()"), r"fluidsynth died \(SIGABRT\)"),
    "a child that leaves": (binding("import os\nos._exit(3)"), r"ended without an answer \(exit status 3\)"),
    "a child that sleeps": (slow_child, "fluidsynth was stopped .*no answer in 1 s"),
    "a child that eats": (small_child, "fluidsynth ran out of memory"),
    "a child that fails": (binding("1 / 0"), "fluidsynth failed .*ZeroDivisionError"),
    # the disk
    "a disk that is full for the raw sound": (full_disk_for_the_child, "raw sound cannot be written to .*File too large"),
    "a disk that is full for the mix": (small_files(3_000_000), "cannot be (kept|written)"),
    "a disk that is full for the file": (full_disk_for_the_file, r"song\.flac cannot be written: No space left on device"),
    "a disk that is nearly full": (no_space_left, r"the sound needs \d+ MB for a while in .*, which has 5 MB left"),
    # names
    "a suffix that no format has": (target("song.aiff"), "expected a name ending in .*got .aiff"),
    "no suffix": (target("song"), "got none"),
    "a folder that is not there": (target("none/song.flac"), "there is no folder"),
    "a target that is a folder": (target("{folder}/folder.flac"), "is a folder, expected a file to write"),
    "a folder that nobody can write to": (target("/proc/song.flac"), "/proc/song.flac cannot be written"),
    "stems in a file": (stems_at(lambda wish: wish.write("stems", b"here")), "stems: .* is a file, expected a folder"),
    "stems in a folder that is not there": (stems_at(lambda wish: wish.folder / "none" / "stems"), "stems .*there is no folder"),
    "stems where nobody can write": (stems_at(lambda _: Path("/proc/stems")), "stems /proc/stems cannot be made"),
    "a note map of another kind": (option(note_map="map.txt"), "note map map.txt: expected a name ending in .json"),
    # tunings
    "a tuning of no kind": (option(tuning="sour"), "tuning: expected 19-EDO.*got 'sour'"),
    "no steps in the octave": (option(tuning="0-EDO"), "tuning: expected 1 to .* steps in the octave, got 0"),
    "a tuning fork of NaN": (option(tuning="A=nan"), "A4: expected .*got 'nan'"),
    "a scale that is not there": (option(tuning="/none/such.scl"), r"such\.scl"),
    "a scale of no bytes": (scale(b""), r"song\.scl"),
    "a scale of noise": (scale(bytes(range(256))), r"song\.scl"),
    "a scale that is cut off": (scale(b"A scale\n 7\n 9/8\n"), r"song\.scl.*7"),
    "a scale of ratios by 0": (scale(b"A scale\n 1\n 1/0\n"), r"song\.scl.*1/0"),
    "a scale without end": (scale(b"A scale\n 1\n 1e999.0\n"), r"song\.scl"),
    "a scale beyond all keys": (scale(b"A scale\n 12\n" + b" 9000.0\n" * 11 + b" 99000.0\n"), r"song\.scl|expected 0 to 127"),
    # numbers
    "an engine that is not there": (option(engine="steam"), "engine: expected soundfont.*, got 'steam'"),
    "a room that is not there": (option(room="garage"), "room.*garage"),
    "a room of no name": (option(room=""), "room"),
    "too loud": (option(lufs="20"), "loudness .*got 20"),
    "loudness of NaN": (option(lufs="nan"), "loudness .*got nan"),
    "too high a peak": (option(true_peak="3"), "true peak .*got 3"),
    "a gain without end": (option(gain="inf"), "gain .*got inf"),
    "a loudness and a gain": (option(lufs="-16", gain="3"), "expected --lufs or --gain, got both"),
    "a rate that is too low": (option(sample_rate="7"), "sample-rate"),
    "a rate that is too high for fonts": (option(sample_rate="192000"), "8000 to 96000 Hz for SoundFonts, got 192000"),
    "a rate that is a word": (option(sample_rate="cd"), "sample-rate"),
}


@pytest.fixture
def file_limit() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_there_are_enough() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize("name", CASES)
def test_one_line_and_nothing_left(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, file_limit: None
) -> None:
    spoil, words = CASES[name]
    folders = [tmp_path / part for part in ("in", "out", "scratch")]
    for folder in folders:
        folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folders[2]))
    wish = Wish(*folders[:2])
    spoil(wish, monkeypatch)
    inputs = sorted(folders[0].rglob("*"))
    status = partimento.main(wish.command())
    said = capfd.readouterr()
    assert status == 2, said.err
    assert said.out == ""
    lines = said.err.strip().splitlines()
    assert len(lines) == 1, said.err
    assert len(lines[0]) < 600
    assert "\x1b" not in lines[0]
    assert re.search(words, lines[0]), lines[0]
    assert list(folders[1].iterdir()) == []
    assert list(folders[2].iterdir()) == []
    left = [path for path in sorted(folders[0].rglob("*")) if "__pycache__" not in path.parts]
    assert left == inputs
