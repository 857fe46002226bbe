"""The other doors let good files in: paths, suffixes, kern, ABC, sound, pictures, JSON, weights."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import corpora.gate
from corpora.errors import InputError
from corpora.gate import (
    check_abc,
    check_audio,
    check_image,
    check_kern,
    check_safetensors,
    expect_kind,
    iter_images,
    open_score,
    read_bytes,
    sniff,
    strict_json,
)

KERN = (
    "!!!COM: Bach\n**kern\t**kern\t**text\n*M4/4\t*M4/4\t*\n*MM90\t*\t*\n4c\t4.e-\tla\n*^\t*\t*\n8d\t8B\t.\t.\n"
    "*v\t*v\t*\t*\n3%2g\t000r\t.\n*x\t*x\t*\n==\t==\t==\n*-\t*-\t*-\n"
)
ABC = (
    '% a tune\nX:1\nT:Hymn of 1685\nM:C|\nL:1/8\nQ:"slow" 1/4=90\nK:Gmix\n'
    "|: G2 [M:3/4] (3ABc d'2,, z/2 :|\nw: la la\n\nWritten in 1899.\n"
)
AUDIO_FORMATS = [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("MP3", None)]
IMAGE_FORMATS = [
    ("PNG", "1"),
    ("PNG", "RGBA"),
    ("PNG", "I;16"),
    ("JPEG", "RGB"),
    ("JPEG", "CMYK"),
    ("TIFF", "L"),
    ("WEBP", "RGB"),
    ("BMP", "RGB"),
    ("GIF", "L"),
]
DOORS = {"kern": check_kern, "abc": check_abc, "json": strict_json, "wav": check_audio, "png": check_image}
CHANGES = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=3)


def refusal_of(kind: str, data: bytes) -> str | None:
    try:
        DOORS[kind](data, "file")
    except InputError as refusal:
        return str(refusal)
    return None


@pytest.mark.parametrize("name", corpora.gate.__all__)
def test_exported_names_exist(name: str) -> None:
    assert hasattr(corpora.gate, name)


def test_links_to_files_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real.abc").write_text(ABC)
    (tmp_path / "link.abc").symlink_to("real.abc")
    assert open_score(tmp_path / "link.abc").data == ABC.encode()


def test_the_limit_is_exact(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(10))
    assert read_bytes(tmp_path / "a", 10) == bytes(10)
    with pytest.raises(InputError, match="at most 9 bytes, came 10"):
        read_bytes(tmp_path / "a", 9)


def test_a_file_of_unknown_length_is_bounded() -> None:
    if not os.path.exists("/proc/self/maps"):
        pytest.skip("no /proc here")
    with pytest.raises(InputError, match="at most 10 bytes, came more"):
        read_bytes("/proc/self/maps", 10)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"MThd", "midi"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", "musicxml"),
        (" \n<score-partwise>".encode("utf-16"), "musicxml"),
        (b"PK\x03\x04", "mxl"),
        (b"!!!OTL: x\r\n!! more\r\n\r\n**kern\r\n", "kern"),
        (b"%abc-2.1\n\nX:1\n", "abc"),
        (b"RIFF\x00\x00\x00\x00WAVE", "wav"),
        (b"fLaC", "flac"),
        (b"OggS", "ogg"),
        (b"ID3\x04", "mp3"),
        (b"\xff\xfb\x90\x64", "mp3"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"II*\x00", "tiff"),
        (b"%PDF-1.4", "pdf"),
        (b'\x10\x00\x00\x00\x00\x00\x00\x00{"a":', "safetensors"),
        (b' {"a": 1}', "json"),
        (b"RIFF\x00\x00\x00\x00AVI ", "unknown"),
        (b"Hello: world", "unknown"),
        (b"\xff\xff\xff\xff", "unknown"),
        (b"", "unknown"),
    ],
)
def test_sniff(data: bytes, kind: str) -> None:
    assert sniff(data) == kind


def test_suffixes_are_checked_not_trusted() -> None:
    assert expect_kind(b"MThd", "SONG.MID", ("midi",)) == "midi"
    assert expect_kind(b"MThd", "upload.bin", ("midi",)) == "midi"
    with pytest.raises(InputError, match=r"^score\.mid holds a PNG image; expected a MIDI file$"):
        expect_kind(b"\x89PNG\r\n\x1a\n", "score.mid", ("midi", "musicxml"))
    with pytest.raises(InputError, match=r"^a\.png holds a MIDI file; expected a MIDI file with a suffix of its own$"):
        expect_kind(b"MThd", "a.png", ("midi",))


def test_kern() -> None:
    extent = check_kern(KERN.encode(), "a.krn")
    assert (extent.voices, extent.notes) == (4, 6)
    assert check_kern(KERN.replace("\n", "\r\n").replace("Bach", "Händel").encode("latin-1"), "a.krn") == extent


def test_abc() -> None:
    extent = check_abc(ABC.encode(), "a.abc")
    assert (extent.voices, extent.notes) == (1, 6)


@pytest.mark.parametrize(("fmt", "subtype"), AUDIO_FORMATS)
def test_audio(fmt: str, subtype: str | None, tmp_path: Path) -> None:
    path = tmp_path / f"a.{fmt.lower()}"
    soundfile.write(path, 0.1 * np.random.default_rng(1).standard_normal((24_000, 2)), 24_000, format=fmt, subtype=subtype)
    extent = check_audio(path)
    assert (extent.channels, extent.sample_rate_hz, extent.samples, extent.seconds) == (2, 24_000, 24_000, 1.0)
    if fmt != "MP3":  # saves starting another child
        assert check_audio(path.read_bytes(), "a") == extent


def test_a_wav_that_was_streamed_has_an_open_length() -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(800), 8000, format="WAV")
    data = bytearray(buffer.getvalue())
    data[4:8] = data[40:44] = b"\xff" * 4
    assert check_audio(bytes(data), "a.wav").samples == 800


@pytest.mark.parametrize(("fmt", "mode"), IMAGE_FORMATS)
def test_images(fmt: str, mode: str) -> None:
    buffer = io.BytesIO()
    Image.new(mode, (40, 30)).save(buffer, fmt)
    extent = check_image(buffer.getvalue(), "page")
    assert (extent.format, extent.width, extent.height, extent.pages) == (fmt, 40, 30, 1)


def test_pages_of_a_tiff() -> None:
    pages = [Image.new("L", (8, 8 + shade), shade) for shade in range(3)]
    buffer = io.BytesIO()
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])
    assert check_image(buffer.getvalue(), "pages.tif").pages == 3
    assert [image.size for image in iter_images(buffer.getvalue(), "pages.tif")] == [(8, 8), (8, 9), (8, 10)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(derandomize=True, max_examples=50, deadline=None)
@given(JSON, st.booleans())
def test_strict_json_reads_what_json_writes(value: Any, ascii_only: bool) -> None:
    import json

    assert strict_json(json.dumps(value, ensure_ascii=ascii_only).encode(), "a.json") == value


def test_strict_json_depth_does_not_count_brackets_in_texts() -> None:
    assert strict_json(b'{"a": "[[[[\\"[[[["}', "a.json", max_depth=1) == {"a": '[[[["[[[['}
    with pytest.raises(InputError, match="at most 1 deep"):
        strict_json(b"[[]]", "a.json", max_depth=1)


def test_weights_as_the_library_writes_them(tmp_path: Path) -> None:
    arrays = {
        "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.array([1, -2], dtype=np.int8),
        "c": np.float16([1.5]),
        "empty": np.zeros((0, 4), dtype=np.float32),
        "large": np.full(70_000, np.finfo(np.float16).max, dtype=np.float16),
    }
    safetensors.numpy.save_file(arrays, tmp_path / "m.safetensors", metadata={"made": "here"})
    extent = check_safetensors(tmp_path / "m.safetensors")
    assert extent.shapes == {name: array.shape for name, array in arrays.items()}
    assert extent.dtypes == {"a.weight": "F32", "b": "I8", "c": "F16", "empty": "F32", "large": "F16"}
    assert extent.parameters == 6 + 2 + 1 + 70_000


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.sampled_from(sorted(DOORS)), CHANGES)
def test_changed_bytes_are_refused_in_one_line_or_harmless(kind: str, changes: list[tuple[int, int]]) -> None:
    buffer = io.BytesIO()
    if kind == "wav":
        soundfile.write(buffer, np.zeros(100), 8000, format="WAV", subtype="FLOAT")
    elif kind == "png":
        Image.new("L", (9, 9), 77).save(buffer, "PNG")
    data = bytearray({"kern": KERN.encode(), "abc": ABC.encode(), "json": b'{"a": [1, 2.5, "x"]}'}.get(kind) or buffer.getvalue())
    for place, value in changes:
        data[place % len(data)] = value
    message = refusal_of(kind, bytes(data))
    assert message is None or ("file" in message and message.isprintable())


def test_a_safetensors_file_of_a_lying_library_is_refused(tmp_path: Path) -> None:
    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    (tmp_path / "m.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + np.float32(np.nan).tobytes())
    assert np.isnan(safetensors.numpy.load_file(tmp_path / "m.safetensors")["a"]).all()  # the library lets it in
    with pytest.raises(InputError, match="tensor a, item 0: expected finite numbers"):
        check_safetensors(tmp_path / "m.safetensors")
