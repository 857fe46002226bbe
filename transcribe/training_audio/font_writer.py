"""Writes SoundFonts (SoundFont 2.04): presets of samples over keys and strengths."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpora.atomic import atomic_write

__all__ = ["FontSample", "Zone", "write_font"]

# Generators by number (section 8.1.2).
RELEASE, INSTRUMENT, KEY_RANGE, VELOCITY_RANGE, SAMPLE_ID, SAMPLE_MODES = 38, 41, 43, 44, 53, 54
LOOPED = 1
GUARD_FRAMES = 46  # of silence after each sample (section 6.1)
MONO = 1
NAME = "20s"


@dataclass(frozen=True, eq=False)
class FontSample:
    """A recorded note.

    Args:
        frames: int16 (frames,), mono.
        rate_hz: Of them.
        key: MIDI number that it sounds at.
        loop: First frame, and the one after the last, of what goes round while the note is held; None where it rings out.
    """

    frames: NDArray[np.int16]
    rate_hz: int
    key: int
    loop: tuple[int, int] | None = None


@dataclass(frozen=True)
class Zone:
    """Where a sample plays.

    Args:
        sample: Index of it.
        keys, velocities: Lowest and highest.
        release_s: How long it takes to die away by 100 dB.
    """

    sample: int
    keys: tuple[int, int]
    velocities: tuple[int, int] = (0, 127)
    release_s: float = 0.2


def _chunk(name: str, data: bytes) -> bytes:
    return name.encode() + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _named(name: str) -> bytes:
    return struct.pack(NAME, name.encode("ascii", "replace")[:19])


def _generators(zone: Zone, sample: FontSample) -> bytes:
    timecents = round(1200 * math.log2(zone.release_s))
    values = [
        (KEY_RANGE, zone.keys[0] | zone.keys[1] << 8),
        (VELOCITY_RANGE, zone.velocities[0] | zone.velocities[1] << 8),
        (RELEASE, timecents & 0xFFFF),
        *([(SAMPLE_MODES, LOOPED)] if sample.loop else []),
        (SAMPLE_ID, zone.sample),
    ]
    return b"".join(struct.pack("<HH", *value) for value in values)


def write_font(
    path: Path, name: str, samples: Sequence[FontSample], presets: Mapping[int, tuple[str, Sequence[Zone]]], *, bank: int = 0
) -> None:
    """Write a font.

    Args:
        path: Of the .sf2 file.
        name: Of the font.
        samples: That its zones play.
        presets: Name and zones, by program; at least one.
        bank: Of them all; drums are in 128.
    """
    data, heads, start = bytearray(), b"", 0
    for number, sample in enumerate(samples):
        end = start + len(sample.frames)
        data += sample.frames.astype("<i2").tobytes() + bytes(2 * GUARD_FRAMES)
        first, last = sample.loop or (0, len(sample.frames))
        place = (start, end, start + first, start + last, sample.rate_hz, sample.key, 0, 0, MONO)
        heads += _named(f"sample {number}") + struct.pack("<IIIIIBbHH", *place)
        start = end + GUARD_FRAMES
    generators, instruments, tops, above = b"", b"", b"", b""
    bags: list[int] = []
    for number, (program, (label, zones)) in enumerate(sorted(presets.items())):
        instruments += _named(label) + struct.pack("<H", len(bags))
        tops += _named(label) + struct.pack("<HHHIII", program, bank, number, 0, 0, 0)
        above += struct.pack("<HH", INSTRUMENT, number)
        for zone in zones:
            bags.append(len(generators) // 4)
            generators += _generators(zone, samples[zone.sample])
    bags_of_presets = [*range(len(presets)), len(presets)]
    tables = {
        "phdr": tops + _named("EOP") + struct.pack("<HHHIII", 0, 0, len(presets), 0, 0, 0),
        "pbag": b"".join(struct.pack("<HH", bag, 0) for bag in bags_of_presets),
        "pmod": bytes(10),
        "pgen": above + bytes(4),
        "inst": instruments + _named("EOI") + struct.pack("<H", len(bags)),
        "ibag": b"".join(struct.pack("<HH", bag, 0) for bag in [*bags, len(generators) // 4]),
        "imod": bytes(10),
        "igen": generators + bytes(4),
        "shdr": heads + _named("EOS") + bytes(26),
    }
    title = name.encode("ascii", "replace") + b"\0"
    info = (
        _chunk("ifil", struct.pack("<HH", 2, 4)) + _chunk("isng", b"EMU8000\0") + _chunk("INAM", title + b"\0" * (len(title) % 2))
    )
    pdta = b"".join(_chunk(label, table) for label, table in tables.items())
    lists = [_chunk("LIST", b"INFO" + info), _chunk("LIST", b"sdta" + _chunk("smpl", bytes(data))), _chunk("LIST", b"pdta" + pdta)]
    atomic_write(path, _chunk("RIFF", b"sfbk" + b"".join(lists)))
