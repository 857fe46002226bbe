"""Plain values survive packing; anything else is refused, on both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.wire import MAGIC, WireError, pack, unpack

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(max_size=50),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=5).filter(lambda key: not key.startswith("$")), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(PLAIN)
def test_round_trip(value: Any) -> None:
    assert unpack(pack(value)) == value


def test_written_example() -> None:
    header = b'{"a": {"$bytes": 2}, "b": [1, {"$bytes": 1}]}'
    assert pack({"a": b"xy", "b": [1, b"z"]}) == MAGIC + len(header).to_bytes(8, "little") + header + b"xyz"


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.zeros((0, 4), dtype=np.int64),
        np.array(3.5),
        np.array([(1, "é", [1, 2])], dtype=[("pitch", "<i4"), ("id", "<U24"), ("pair", "<i2", (2,))]),
        np.array([[1, 2], [3, 4]], order="F"),
        np.array([True, False]),
    ],
)
def test_arrays_keep_type_shape_and_values(array: np.ndarray[Any, Any]) -> None:
    back = unpack(pack(array))
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert np.array_equal(back, array)
    assert not back.flags.writeable or back.size == 0


def test_numpy_scalars_become_python_numbers() -> None:
    assert unpack(pack([np.int32(3), np.float64(0.5), np.bool_(True)])) == [3, 0.5, True]


@pytest.mark.parametrize("value", [object(), {1: 2}, {"$bytes": 3}, {1, 2}, np.array([object()]), len])
def test_what_is_not_plain_is_refused(value: Any) -> None:
    with pytest.raises(WireError):
        pack(value)


def test_paths_travel() -> None:
    assert unpack(pack(Path("a") / "b")) == Path("a/b")


def frame(header: bytes, blobs: bytes = b"") -> bytes:
    return MAGIC + len(header).to_bytes(8, "little") + header + blobs


@pytest.mark.parametrize(
    "data",
    [
        b"",
        MAGIC,
        MAGIC + b"\xff" * 8,
        frame(b"{"),
        frame(b'{"$bytes": 5}', b"abc"),
        frame(b'{"$bytes": -1}', b"abc"),
        frame(b'{"$bytes": 1}', b"abc"),
        frame(b'{"$bytes": "1"}', b"a"),
        frame(b'{"$array": ["|O", [1], 8]}', b"8bytes__"),
        frame(b'{"$array": ["<f8", [1000000000000], 8]}', b"8bytes__"),
        frame(b'{"$array": ["<f8", [-1, 0], 8]}', b"8bytes__"),
        frame(b'{"$array": ["nonsense", [1], 8]}', b"8bytes__"),
        frame(b'{"$array": []}'),
        frame(b'{"$array": 3}'),
        frame(b'{"$tuple": 3}'),
        frame(b"[" * 100_000),
        frame(b"\xff\xff"),
    ],
)
def test_forged_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        unpack(data)
