"""A writer of tiny SoundFonts whose sound is known in closed form, and music to play with them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from render.engines import FontReport, stem_file
from render.midi_events import PlayEvent
from render.played import PLAYED_DTYPE, PlayedMusic
from render.sampler.engine import render_stems

RATE_HZ = 44_100
SINE_FRAMES, SINE_PERIOD = 4_400, 100  # 441 Hz
Amounts = dict[int, int]
Records = Sequence[tuple[int, int, int, int, int]]


def chunk(name: str, data: bytes) -> bytes:
    return name.encode() + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def font_bytes(
    samples: Sequence[NDArray[np.int16]],
    zones: Sequence[tuple[Amounts, int, Records]],
    *,
    preset: Amounts | None = None,
    global_zone: Amounts | None = None,
    loops: Sequence[tuple[int, int]] | None = None,
    rates: Sequence[int] | None = None,
    keys: Sequence[int] | None = None,
    low_bytes: bytes | None = None,
    bank: int = 0,
) -> bytes:
    """A font of one preset and one instrument; a zone is (amounts, sample, modulators)."""
    generators, modulators, bags = b"", b"", []

    def put(amounts: Amounts) -> None:
        nonlocal generators
        for number in sorted(amounts, key=lambda number: (number not in (43, 44), number)):
            generators += struct.pack("<HH", number, amounts[number] & 0xFFFF)

    placed = ([(global_zone, None, ())] if global_zone is not None else []) + list(zones)
    for amounts, sample, own in placed:
        bags.append((len(generators) // 4, len(modulators) // 10))
        put(amounts)
        if sample is not None:
            generators += struct.pack("<HH", 53, sample)
        for record in own:
            modulators += struct.pack("<HHhHH", *record)
    bags.append((len(generators) // 4, len(modulators) // 10))
    above = b"".join(struct.pack("<HH", number, amount & 0xFFFF) for number, amount in (preset or {}).items())
    above += struct.pack("<HH", 41, 0)
    data, heads, start = b"", b"", 0
    for index, frames in enumerate(samples):
        data += frames.astype("<i2").tobytes() + bytes(92)
        end = start + len(frames)
        first, last = loops[index] if loops else (0, len(frames))
        rate, key = rates[index] if rates else RATE_HZ, keys[index] if keys else 69
        heads += struct.pack("<20sIIIIIBbHH", b"sine", start, end, start + first, start + last, rate, key, 0, 0, 1)
        start = end + 46
    heads += struct.pack("<20sIIIIIBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0)
    tables = {
        "phdr": struct.pack("<20sHHHIII", b"tone", 0, bank, 0, 0, 0, 0) + struct.pack("<20sHHHIII", b"EOP", 0, 0, 1, 0, 0, 0),
        "pbag": struct.pack("<HHHH", 0, 0, len(above) // 4, 0),
        "pmod": bytes(10),
        "pgen": above + bytes(4),
        "inst": struct.pack("<20sH", b"tone", 0) + struct.pack("<20sH", b"EOI", len(bags) - 1),
        "ibag": b"".join(struct.pack("<HH", *bag) for bag in bags),
        "imod": modulators + bytes(10),
        "igen": generators + bytes(4),
        "shdr": heads,
    }
    info = chunk("ifil", struct.pack("<HH", 2, 4)) + chunk("isng", b"EMU8000\0") + chunk("INAM", b"tiny\0\0")
    sound = chunk("smpl", data) + (chunk("sm24", low_bytes) if low_bytes is not None else b"")
    pdta = b"".join(chunk(name, table) for name, table in tables.items())
    lists = chunk("LIST", b"INFO" + info) + chunk("LIST", b"sdta" + sound) + chunk("LIST", b"pdta" + pdta)
    return chunk("RIFF", b"sfbk" + lists)


def sine(frames: int = SINE_FRAMES, period: float = SINE_PERIOD, phase: float = 0.0) -> NDArray[np.int16]:
    return np.round(16_384 * np.sin(2 * np.pi * np.arange(frames) / period + phase)).astype(np.int16)


# No attack to speak of, no decay, a release of 1 s, looped; at volume 127 and velocity 127 nothing attenuates.
PLAIN = {54: 1, 38: 0}


@pytest.fixture(scope="session")
def make_font() -> Callable[..., bytes]:
    return font_bytes


@pytest.fixture(scope="session")
def make_sine() -> Callable[..., NDArray[np.int16]]:
    return sine


@pytest.fixture
def sine_font(tmp_path: Path) -> Callable[..., Path]:
    """Writes a font of one looped sine of 441 Hz at key 69; further generators of its zone, and arguments of the writer."""

    def write(amounts: Amounts | None = None, modulators: Records = (), **arguments: object) -> Path:
        path = tmp_path / "sine.sf2"
        path.write_bytes(font_bytes([sine()], [(PLAIN | (amounts or {}), 0, modulators)], **arguments))  # type: ignore[arg-type]
        return path

    return write


@pytest.fixture(scope="session")
def make_music() -> Callable[..., PlayedMusic]:
    """Music of rows (onset, release, key, velocity, cents, channel) with volume 127 and further events."""

    def build(
        rows: Sequence[tuple[int, int, int, int, float, int]],
        events: Sequence[PlayEvent] = (),
        *,
        program: int = 0,
        drums: bool = False,
        full: bool = True,
    ) -> PlayedMusic:
        channels = 1 + max(row[5] for row in rows)
        notes = np.zeros(len(rows), dtype=PLAYED_DTYPE)
        for index, (onset, release, key, velocity, cents, channel) in enumerate(rows):
            notes[index] = (onset, release, release, key, velocity, cents, channel, program, 0, drums, channel, f"n{index}")
        loud = [PlayEvent(0, "control_change", channel, 7, 127) for channel in range(channels)] if full else []
        told = tuple(sorted([*loud, *events], key=lambda event: event.sample))
        stems = tuple(f"part {channel}" for channel in range(channels))
        drum_channels = frozenset(range(channels)) if drums else frozenset()
        notes = np.sort(notes, order="onset_sample")
        return PlayedMusic(notes, told, stems, tuple(range(channels)), drum_channels, RATE_HZ, "music")

    return build


@pytest.fixture
def render(tmp_path: Path) -> Callable[..., NDArray[np.float32]]:
    """The mix, (2, sample)."""

    def play(music: PlayedMusic, font: Path, **arguments: object) -> NDArray[np.float32]:
        report: FontReport = render_stems(music, tmp_path, stems=False, font=font, **arguments)  # type: ignore[arg-type]
        sound = np.fromfile(stem_file(tmp_path, 0), dtype="<f4").reshape(-1, 2)
        assert len(sound) == report.samples
        return sound.T

    return play
