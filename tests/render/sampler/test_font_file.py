from __future__ import annotations

import contextlib
import io
import struct
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from corpora.errors import InputError, PartimentoError, ToolError
from render.fonts import find_font
from render.played import PlayedMusic
from render.sampler.engine import render_stems
from render.sampler.font_file import FontFile, read_font

MakeFont = Callable[..., bytes]
MakeSine = Callable[..., NDArray[np.int16]]


@pytest.fixture(scope="session")
def whole(make_font: MakeFont, make_sine: MakeSine) -> bytes:
    return make_font([make_sine(300)], [({54: 1}, 0, ((0x0502, 48, 960, 0, 0),))], global_zone={34: -1_200})


def read(data: bytes, folder: Path) -> FontFile:
    path = folder / "font.sf2"
    path.write_bytes(data)
    return read_font(path)


def table_place(data: bytes, name: bytes) -> int:
    return data.index(name) + 8


def test_the_tables_are_as_written(whole: bytes, tmp_path: Path) -> None:
    font = read(whole, tmp_path)
    assert font.presets == {(0, 0): 0}
    assert font.preset_name(0) == "tone"
    (zone,) = font.preset_zones(0)
    shared, own = font.instrument_zones(zone.target)
    assert (shared.target, shared.amounts) == (None, {34: -1_200})
    assert (own.target, own.amounts) == (0, {54: 1})
    assert own.modulators == ((0x0502, 48, 960, 0, 0),)


def test_samples_of_sixteen_and_twenty_four_bits(make_font: MakeFont, tmp_path: Path) -> None:
    frames = np.array([0, 1, -1, 32_767, -32_768] * 20, dtype=np.int16)
    assert np.array_equal(read(make_font([frames], [({}, 0, ())]), tmp_path).decode(0), frames / np.float32(32_768))
    low = np.arange(len(frames) + 46, dtype=np.uint8)
    font = read(make_font([frames], [({}, 0, ())], low_bytes=low.tobytes()), tmp_path)
    wanted = (frames.astype(np.int32) * 256 + low[: len(frames)]) / 2**23
    assert np.abs(font.decode(0) - wanted).max() < 2**-24


def test_compressed_samples(make_font: MakeFont, make_sine: MakeSine, tmp_path: Path) -> None:
    sine = make_sine(8_000)
    stream = io.BytesIO()
    soundfile.write(stream, sine / 32_768, 44_100, format="OGG", subtype="VORBIS")
    packed = stream.getvalue()
    packed += bytes(len(packed) % 2)
    data = bytearray(make_font([np.frombuffer(packed, dtype=np.int16)], [({54: 1}, 0, ())]))
    head = table_place(data, b"shdr")
    struct.pack_into("<IIII", data, head + 20, 0, len(packed), 1_000, 2_000)
    struct.pack_into("<H", data, head + 44, 0x11)
    decoded = read(bytes(data), tmp_path).decode(0)
    assert len(decoded) == len(sine)
    assert np.abs(decoded[500:-500] - sine[500:-500] / 32_768).max() < 0.03
    struct.pack_into("<I", data, table_place(data, b"smpl"), 0)  # no longer OggS
    with pytest.raises(InputError, match=r"sample 0 \(sine\): expected Ogg Vorbis"):
        read(bytes(data), tmp_path).decode(0)


@pytest.mark.parametrize("pad", [b"\x00", b""])
def test_the_pad_byte_of_an_odd_chunk_may_be_missing(pad: bytes, whole: bytes, tmp_path: Path) -> None:
    """MuseScore_General.sf3 has none after its odd samples."""
    place = table_place(whole, b"smpl") - 8
    length = struct.unpack_from("<I", whole, place + 4)[0]
    data = bytearray(whole[: place + 8 + length] + b"\x00" + pad + whole[place + 8 + length :])
    struct.pack_into("<I", data, place + 4, length + 1)
    outer = data.index(b"LIST", 12 + 8)  # the second list holds the samples
    grown = 1 + len(pad)
    struct.pack_into("<I", data, outer + 4, struct.unpack_from("<I", data, outer + 4)[0] + grown)
    struct.pack_into("<I", data, 4, struct.unpack_from("<I", data, 4)[0] + grown)
    assert read(bytes(data), tmp_path).presets == {(0, 0): 0}


def test_a_font_cut_anywhere_is_refused_in_one_line(whole: bytes, tmp_path: Path) -> None:
    for length in range(0, len(whole) - 1, 7):
        with pytest.raises(InputError) as caught:
            read(whole[:length], tmp_path)
        assert "\n" not in str(caught.value)
        assert "font.sf2" in str(caught.value)


@pytest.mark.parametrize("size", [0, 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1])
@pytest.mark.parametrize(
    "name", ["RIFF", "LIST", "ifil", "smpl", "phdr", "pbag", "pgen", "pmod", "inst", "ibag", "igen", "imod", "shdr"]
)
def test_a_chunk_of_a_wrong_size_is_refused(name: str, size: int, whole: bytes, tmp_path: Path) -> None:
    data = bytearray(whole)
    struct.pack_into("<I", data, data.index(name.encode()) + 4, size)
    if bytes(data) != whole:
        with pytest.raises(InputError, match=r"font\.sf2"):
            read(bytes(data), tmp_path)


@pytest.mark.parametrize(
    ("table", "offset", "value", "words"),
    [
        ("phdr", 24, 9, "phdr record 0: expected a rising index into pbag of at most 1, got 9"),
        ("pbag", 4, 99, "pbag record 1: expected a rising index into pgen"),
        ("ibag", 0, 7, "ibag record"),
        ("ibag", 6, 40, "ibag record 1: expected a rising index into imod of at most 1, got 40"),
        ("pgen", 2, 1, "pgen record 0: expected one of 1 of inst, got 1"),
        ("igen", 10, 0xFFFF, "igen record 2: expected one of 1 of shdr, got 65535"),
        ("ifil", 0, 4, "expected a SoundFont of version 2 or 3, got 4.4"),
    ],
)
def test_an_index_that_points_outside_is_refused(
    table: str, offset: int, value: int, words: str, whole: bytes, tmp_path: Path
) -> None:
    data = bytearray(whole)
    struct.pack_into("<H", data, table_place(data, table.encode()) + offset, value)
    with pytest.raises(InputError, match=words):
        read(bytes(data), tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        (20, 300, "expected a range within 346, got 300 to 300"),
        (24, 0, "expected a range within 346, got 0 to 0"),
        (24, 2**31, "expected a range within 346, got 0 to 2147483648"),
        (28, 300, "expected a loop within 0 to 300, got 300 to 300"),
        (28, 2**31, "expected a loop"),
        (32, 0, "expected a loop within 0 to 300, got 0 to 0"),
        (32, 301, "expected a loop within 0 to 300, got 0 to 301"),
        (36, 0, "expected a rate of 400 to 192000 Hz, got 0"),
        (36, 2**32 - 1, "expected a rate"),
        (42, 0x8001 << 16, "got one in the ROM of a sound card"),
    ],
)
def test_a_sample_that_cannot_be_played_is_refused(
    field: int, value: int, words: str, whole: bytes, make_music: Callable[..., PlayedMusic], tmp_path: Path
) -> None:
    data = bytearray(whole)
    struct.pack_into("<I", data, table_place(data, b"shdr") + field, value)
    path = tmp_path / "font.sf2"
    path.write_bytes(data)
    with pytest.raises(InputError, match=rf"font\.sf2: sample 0 \(sine\).*{words}"):
        render_stems(make_music([(0, 100, 69, 100, 0.0, 0)]), tmp_path, stems=False, font=path)


def test_offsets_past_the_sample_are_refused(
    make_font: MakeFont, make_sine: MakeSine, make_music: Callable[..., PlayedMusic], tmp_path: Path
) -> None:
    for amounts in ({0: 301}, {4: 1}, {1: 1}, {12: -1}, {45: 1, 54: 1}, {50: 1, 54: 1}, {2: -1, 54: 1}):
        path = tmp_path / "font.sf2"
        path.write_bytes(make_font([make_sine(300)], [(amounts, 0, ())]))
        with pytest.raises(InputError, match=r"sample 0 \(sine\): expected a (range|loop) within"):
            render_stems(make_music([(0, 100, 69, 100, 0.0, 0)]), tmp_path, stems=False, font=path)


def test_absurd_modulators_end_in_finite_sound(
    make_font: MakeFont, make_sine: MakeSine, make_music: Callable[..., PlayedMusic], tmp_path: Path
) -> None:
    path = tmp_path / "font.sf2"
    for amount in (32_767, -32_768):
        wild = [(source, number, amount, 0, 0) for source in (0x0002, 0x0087, 0x008B, 0x000D) for number in range(60)]
        path.write_bytes(make_font([make_sine(300)], [({54: 1, 56: 1_200}, 0, wild)]))
        with contextlib.suppress(ToolError):  # only silence
            report = render_stems(
                make_music([(0, 900, 127, 100, 0.0, 0), (0, 900, 0, 1, 0.0, 0)]), tmp_path, stems=False, font=path
            )
            assert np.isfinite(report.peak)
    path.write_bytes(make_font([make_sine(300)], [({}, 0, [(0x0002, 48, 1, 0, 0)] * 300)]))
    with pytest.raises(InputError, match="expected at most 256 modulators, got 300"):
        render_stems(make_music([(0, 900, 127, 100, 0.0, 0)]), tmp_path, stems=False, font=path)


def test_a_swarm_of_voices_is_refused(
    make_font: MakeFont, make_sine: MakeSine, make_music: Callable[..., PlayedMusic], tmp_path: Path
) -> None:
    path = tmp_path / "font.sf2"
    path.write_bytes(make_font([make_sine(300)], [({}, 0, ())] * 20_000))
    started = time.perf_counter()
    with pytest.raises(InputError, match="expected at most 64 voices for key 69, velocity 100, got more"):
        render_stems(make_music([(0, 100, 69, 100, 0.0, 0)]), tmp_path, stems=False, font=path)
    assert time.perf_counter() - started < 30  # a twentieth of that on a quiet machine


@settings(max_examples=150, derandomize=True, deadline=None)
@given(place=st.integers(12, 2_000), value=st.integers(0, 255), second=st.integers(12, 2_000), other=st.integers(0, 255))
def test_changed_bytes_end_in_sound_or_one_line(
    place: int,
    value: int,
    second: int,
    other: int,
    whole: bytes,
    make_music: Callable[..., PlayedMusic],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    data = bytearray(whole)
    data[place % len(data)] = value
    data[second % len(data)] = other
    folder = tmp_path_factory.mktemp("changed")
    path = folder / "font.sf2"
    path.write_bytes(data)
    try:
        report = render_stems(make_music([(0, 2_000, 69, 100, 0.0, 0)]), folder, stems=False, font=path)
    except PartimentoError:  # whose text is one line always
        return
    assert np.isfinite(report.peak)


def test_a_real_font_loads_at_once() -> None:
    path = find_font().path
    started = time.perf_counter()
    font = read_font(path)
    assert time.perf_counter() - started < 0.5
    assert len(font.presets) > 100
    assert font.decode(0).dtype == np.float32
