"""Reads SoundFont 2 files (.sf2, 16 and 24 bit) and their compressed kin (.sf3, samples as Ogg Vorbis).

The file is memory-mapped: loading checks its tables and touches no sample; a sample is decoded when it is first asked for. Whatever
a table points at is checked once, here, so that nothing later can reach outside. Indices in bags, links and ranges are as in the
file. Source: SoundFont Technical Specification 2.04 (https://www.synthfont.com/sfspec24.pdf), sections 4 to 7, by number below;
SF3 as FluidSynth and MuseScore read it (https://github.com/FluidSynth/fluidsynth/wiki/SoundFont3Format).
"""

from __future__ import annotations

import io
import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from corpora.errors import InputError
from corpora.piece import Table
from corpora.safe_text import safe_text
from render.sampler.generators import GENERATORS, Generator
from render.sampler.riff import Chunk, chunks_in, only

__all__ = ["BANK_OF_DRUMS", "FontFile", "ModulatorRecord", "RawZone", "read_font"]

BANK_OF_DRUMS = 128
ROM_SAMPLE, VORBIS_SAMPLE = 0x8000, 0x10  # bits of sfSampleType (section 7.10; SF3)
MAX_SAMPLE_FRAMES = 1 << 26  # 25 minutes at 44.1 kHz, decoded 256 MiB
MIN_RATE_HZ, MAX_RATE_HZ = 400, 192_000
FULL_SCALE_16, FULL_SCALE_24 = 32_768.0, 8_388_608.0
VERSIONS = (2, 3)
MAX_MODULATORS = 256  # of a zone; the largest fonts have a dozen

PRESET_DTYPE = np.dtype(
    [("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("library", "<u4"), ("genre", "<u4"), ("morph", "<u4")]
)  # section 7.2
BAG_DTYPE = np.dtype([("generator", "<u2"), ("modulator", "<u2")])  # 7.3, 7.7
MODULATOR_DTYPE = np.dtype(
    [("source", "<u2"), ("destination", "<u2"), ("amount", "<i2"), ("amount_source", "<u2"), ("transform", "<u2")]
)  # 7.4, 7.8
GENERATOR_DTYPE = np.dtype([("number", "<u2"), ("amount", "<i2")])  # 7.5, 7.9
INSTRUMENT_DTYPE = np.dtype([("name", "S20"), ("bag", "<u2")])  # 7.6
SAMPLE_DTYPE = np.dtype(
    [
        ("name", "S20"),
        ("start", "<u4"),
        ("end", "<u4"),
        ("loop_start", "<u4"),
        ("loop_end", "<u4"),
        ("sample_rate_hz", "<u4"),
        ("key", "u1"),
        ("correction_cents", "i1"),
        ("link", "<u2"),
        ("type", "<u2"),
    ]
)  # 7.10
TABLES = {
    "phdr": PRESET_DTYPE,
    "pbag": BAG_DTYPE,
    "pmod": MODULATOR_DTYPE,
    "pgen": GENERATOR_DTYPE,
    "inst": INSTRUMENT_DTYPE,
    "ibag": BAG_DTYPE,
    "imod": MODULATOR_DTYPE,
    "igen": GENERATOR_DTYPE,
    "shdr": SAMPLE_DTYPE,
}
ModulatorRecord = tuple[int, int, int, int, int]  # source, destination, amount, amount source, transform


@dataclass(frozen=True)
class RawZone:
    """A zone as it stands in the file.

    Args:
        amounts: Signed amount of each generator that it sets, by number.
        modulators: Its modulators.
        target: The instrument or the sample that it plays; None for a global zone.
        keys: Lowest and highest key.
        velocities: Lowest and highest velocity.
    """

    amounts: dict[int, int]
    modulators: tuple[ModulatorRecord, ...]
    target: int | None
    keys: tuple[int, int]
    velocities: tuple[int, int]

    def holds(self, key: int, velocity: int) -> bool:
        """Whether it sounds for a key and velocity."""
        return self.keys[0] <= key <= self.keys[1] and self.velocities[0] <= velocity <= self.velocities[1]


class FontFile:
    """A SoundFont's tables, checked, and its samples.

    Args:
        path: The file; ``read_font`` makes these.
        data: Its bytes, mapped.

    Raises:
        InputError: As ``read_font``.
    """

    def __init__(self, path: Path, data: NDArray[np.uint8]) -> None:
        self.path = path
        self.shown = f"SoundFont {safe_text(str(path))}"
        self._data = data
        lists = self._lists()
        self.version = self._version(lists["INFO"])
        self._samples, self._low_bytes = self._sample_data(lists["sdta"])
        self.tables = self._read_tables(lists["pdta"])
        self._check_bags("phdr", "pbag", "pgen", "pmod")
        self._check_bags("inst", "ibag", "igen", "imod")
        self._check_targets("pgen", Generator.INSTRUMENT, "inst")
        self._check_targets("igen", Generator.SAMPLE, "shdr")
        presets = self.tables["phdr"][:-1]
        numbers = zip(presets["bank"].tolist(), presets["program"].tolist(), strict=True)
        self.presets: dict[tuple[int, int], int] = {}
        for index, number in enumerate(numbers):
            self.presets.setdefault(number, index)  # of two with one number the first is played
        self.preset_zones = lru_cache(maxsize=1024)(self._preset_zones)
        self.instrument_zones = lru_cache(maxsize=1024)(self._instrument_zones)

    def _lists(self) -> dict[str, list[Chunk]]:
        """The chunks of the three lists of section 4."""
        top = list(chunks_in(self._data, 0, len(self._data), self.shown))
        form = only(top, "sfbk", self.shown)
        lists = list(chunks_in(self._data, form.start, form.stop, self.shown))
        return {
            name: list(chunks_in(self._data, found.start, found.stop, self.shown))
            for name in ("INFO", "sdta", "pdta")
            if (found := only(lists, name, self.shown))
        }

    def _version(self, info: list[Chunk]) -> tuple[int, int]:
        """Section 5.1."""
        chunk = only(info, "ifil", self.shown)
        if chunk.length != 4:
            raise InputError(f"{self.shown}: byte {chunk.start}: expected a version of 4 bytes, got {chunk.length}")
        major, minor = (int(part) for part in self._data[chunk.start : chunk.stop].view("<u2"))
        if major not in VERSIONS:
            raise InputError(f"{self.shown}: expected a SoundFont of version 2 or 3, got {major}.{minor}")
        return major, minor

    def _sample_data(self, chunks: list[Chunk]) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
        """The bytes of ``smpl`` and those of ``sm24``, which is ignored where its length is not right (section 6.2)."""
        high = only(chunks, "smpl", self.shown)
        low = [chunk for chunk in chunks if chunk.name == "sm24"]
        frames = high.length // 2
        found = None
        if len(low) == 1 and low[0].length in (frames, frames + frames % 2):
            found = self._data[low[0].start : low[0].stop]
        return self._data[high.start : high.stop], found

    def _read_tables(self, chunks: list[Chunk]) -> dict[str, Table]:
        tables = {}
        for name, dtype in TABLES.items():
            chunk = only(chunks, name, self.shown)
            if chunk.length % dtype.itemsize or not chunk.length:
                raise InputError(
                    f"{self.shown}: byte {chunk.start}: {name}: expected records of {dtype.itemsize} bytes, got {chunk.length}"
                )
            tables[name] = np.frombuffer(bytes(self._data[chunk.start : chunk.stop]), dtype=dtype)
        return tables

    def _check_bags(self, heads: str, bags: str, generators: str, modulators: str) -> None:
        """Each table's indices into the next must rise and stay inside (sections 7.2 to 7.9)."""
        for table, field, into in ((heads, "bag", bags), (bags, "generator", generators), (bags, "modulator", modulators)):
            indices = self.tables[table][field].astype(np.int64)
            last = len(self.tables[into]) - 1
            wrong = np.flatnonzero((np.diff(indices, prepend=0) < 0) | (indices > last))
            if len(wrong):
                at = int(wrong[0])
                raise InputError(
                    f"{self.shown}: {table} record {at}: expected a rising index into {into} of at most {last}, got {indices[at]}"
                )

    def _check_targets(self, generators: str, number: int, into: str) -> None:
        table = self.tables[generators]
        targets = table["amount"].view("<u2").astype(np.int64)
        last = len(self.tables[into]) - 2  # the last record only ends the table
        wrong = np.flatnonzero((table["number"] == number) & (targets > last))
        if len(wrong):
            at = int(wrong[0])
            raise InputError(f"{self.shown}: {generators} record {at}: expected one of {last + 1} of {into}, got {targets[at]}")

    def _zones(self, index: int, heads: str, bags: str, generators: str, modulators: str, terminal: int) -> Sequence[RawZone]:
        """The zones of one preset or instrument, a global one first where there is one (sections 7.3, 7.7)."""
        first, last = (int(bag) for bag in self.tables[heads]["bag"][index : index + 2])
        bounds = self.tables[bags][first : last + 1]
        zones = []
        for place, (start, stop) in enumerate(pairwise(bounds)):
            rows = self.tables[generators][int(start["generator"]) : int(stop["generator"])]
            records = self.tables[modulators][int(start["modulator"]) : int(stop["modulator"])].tolist()
            if len(records) > MAX_MODULATORS:
                raise InputError(
                    f"{self.shown}: {bags} record {first + place}: expected at most {MAX_MODULATORS} modulators, got {len(records)}"
                )
            zone = _zone(rows.tolist(), tuple(records), terminal)
            if zone.target is not None or place == 0:  # a later zone that plays nothing is to be ignored
                zones.append(zone)
        return tuple(zones)

    def _preset_zones(self, index: int) -> Sequence[RawZone]:
        return self._zones(index, "phdr", "pbag", "pgen", "pmod", Generator.INSTRUMENT)

    def _instrument_zones(self, index: int) -> Sequence[RawZone]:
        return self._zones(index, "inst", "ibag", "igen", "imod", Generator.SAMPLE)

    def preset_name(self, index: int) -> str:
        """A preset's name as it may be shown."""
        return safe_text(bytes(self.tables["phdr"]["name"][index]).split(b"\0")[0].decode("latin-1"))

    def sample_shown(self, index: int) -> str:
        """A sample's number and name, for messages."""
        name = bytes(self.tables["shdr"]["name"][index]).split(b"\0")[0].decode("latin-1")
        return f"{self.shown}: sample {index} ({safe_text(name)})"

    def is_compressed(self, index: int) -> bool:
        """Whether a sample is Ogg Vorbis; its loop then counts from its own start."""
        return bool(self.tables["shdr"]["type"][index] & VORBIS_SAMPLE)

    def decode(self, index: int) -> NDArray[np.float32]:
        """A sample, (frames,), full scale 1.

        Raises:
            InputError: It is in ROM, empty, longer than its data, at an impossible rate, or no mono Ogg Vorbis where it says so.
        """
        head = self.tables["shdr"][index]
        shown = self.sample_shown(index)
        start, end, rate = int(head["start"]), int(head["end"]), int(head["sample_rate_hz"])
        compressed = self.is_compressed(index)
        held = len(self._samples) if compressed else len(self._samples) // 2
        if int(head["type"]) & ROM_SAMPLE:
            raise InputError(f"{shown}: expected a sample in the file, got one in the ROM of a sound card")
        if not start < end <= held:
            raise InputError(f"{shown}: expected a range within {held}, got {start} to {end}")
        if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
            raise InputError(f"{shown}: expected a rate of {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz, got {rate}")
        if compressed:
            return _vorbis(bytes(self._samples[start:end]), shown)
        if end - start > MAX_SAMPLE_FRAMES:
            raise InputError(f"{shown}: expected at most {MAX_SAMPLE_FRAMES} frames, got {end - start}")
        high = self._samples[2 * start : 2 * end].view("<i2")
        if self._low_bytes is None:
            return (high / np.float32(FULL_SCALE_16)).astype(np.float32)
        whole = high.astype(np.int32) * 256 + self._low_bytes[start:end]
        return (whole / np.float64(FULL_SCALE_24)).astype(np.float32)


def _zone(rows: Sequence[tuple[int, int]], modulators: tuple[ModulatorRecord, ...], terminal: int) -> RawZone:
    """A zone out of its generators; those after the terminal one, and unknown ones, are ignored (section 7.5)."""
    amounts: dict[int, int] = {}
    target: int | None = None
    ranges = {int(Generator.KEY_RANGE): (0, 127), int(Generator.VELOCITY_RANGE): (0, 127)}
    for number, amount in rows:
        if number in ranges:
            ranges[number] = amount & 0xFF, amount >> 8 & 0xFF
        elif number == terminal:
            target = amount & 0xFFFF
            break
        elif number < GENERATORS:
            amounts[number] = amount
    return RawZone(amounts, modulators, target, ranges[Generator.KEY_RANGE], ranges[Generator.VELOCITY_RANGE])


def _vorbis(data: bytes, shown: str) -> NDArray[np.float32]:
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if file.format != "OGG" or file.channels != 1:
                raise InputError(f"{shown}: expected mono Ogg Vorbis, got {file.format} with {file.channels} channels")
            if not 0 < file.frames <= MAX_SAMPLE_FRAMES:
                raise InputError(f"{shown}: expected 1 to {MAX_SAMPLE_FRAMES} frames, got {file.frames}")
            frames: NDArray[np.float32] = file.read(dtype="float32")
    except soundfile.SoundFileError as error:
        raise InputError(f"{shown}: expected Ogg Vorbis, libsndfile says: {error}") from error
    return frames


def read_font(path: Path) -> FontFile:
    """A SoundFont.

    Raises:
        InputError: The file cannot be read, is cut off, or a table in it is broken or points outside: in one line with the place.
    """
    shown = f"SoundFont {safe_text(str(path))}"
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # ValueError: an empty file
        raise InputError(f"{shown} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return FontFile(path, np.frombuffer(mapped, dtype=np.uint8))
