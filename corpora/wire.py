"""Plain values as bytes: a JSON header followed by raw blobs, for talking with a child process without pickle.

A child that has met hostile input may be hijacked; reading its answer must not run code. So only plain values travel:
None, bool, int, float, str, bytes, ``pathlib.Path``, list, tuple, dict with str keys, and numpy arrays without objects.

Layout: 8 bytes MAGIC, 8 bytes little-endian length of the header, the header (JSON, UTF-8), then the blobs one after another.
In the header a bytes value is ``{"$bytes": length}`` and an array ``{"$array": [descr, shape, length]}``; blobs come in the order
of their mention. Tuples and paths are ``{"$tuple": [...]}`` and ``{"$path": "..."}``.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

__all__ = ["WireError", "pack", "unpack"]

MAGIC = b"PTMWIRE1"
LENGTH = struct.Struct("<Q")


class WireError(ValueError):
    """A value that cannot travel, or bytes that are not a packed value."""


def pack(value: Any) -> bytes:
    """``value`` as bytes; inverse of ``unpack``.

    Raises:
        WireError: The value holds something that is not plain (the module says what is), or a dict key that is not a str or
            begins with "$".
    """
    blobs: list[bytes] = []
    try:
        header = json.dumps(_to_json(value, blobs), ensure_ascii=True).encode()
    except RecursionError:
        raise WireError("the value is nested too deeply") from None
    return b"".join([MAGIC, LENGTH.pack(len(header)), header, *blobs])


def unpack(data: bytes) -> Any:
    """The value that ``pack`` made ``data`` of. Runs no code of the sender; arrays come back read-only.

    Raises:
        WireError: ``data`` is not what ``pack`` writes.
    """
    start = len(MAGIC) + LENGTH.size
    if len(data) < start or not data.startswith(MAGIC):
        raise WireError("no packed value")
    (header_length,) = LENGTH.unpack_from(data, len(MAGIC))
    if header_length > len(data) - start:
        raise WireError("the header is cut off")
    reader = _Reader(data, start + header_length)
    try:
        value = reader.value(json.loads(data[start : start + header_length]))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise WireError(f"unreadable value: {error}") from None
    if reader.place != len(data):
        raise WireError("bytes left over")
    return value


def _to_json(value: Any, blobs: list[bytes]) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        blobs.append(bytes(value))
        return {"$bytes": len(blobs[-1])}
    if isinstance(value, PurePath):
        return {"$path": str(value)}
    if isinstance(value, list):
        return [_to_json(item, blobs) for item in value]
    if isinstance(value, tuple):
        return {"$tuple": [_to_json(item, blobs) for item in value]}
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str) or key.startswith("$"):
                raise WireError(f"dict keys must be str and not begin with '$', got {key!r}")
        return {key: _to_json(item, blobs) for key, item in value.items()}
    return _numpy_to_json(value, blobs)


def _numpy_to_json(value: Any, blobs: list[bytes]) -> Any:
    import numpy as np  # not at the top: a child that needs no arrays starts faster without numpy

    if isinstance(value, np.generic) and value.dtype.names is None:
        return _to_json(value.item(), blobs)
    if not isinstance(value, np.ndarray) or value.dtype.hasobject:
        raise WireError(f"only plain values can travel, got {type(value).__name__}")
    blobs.append(np.ascontiguousarray(value).tobytes())
    return {"$array": [np.lib.format.dtype_to_descr(value.dtype), list(value.shape), len(blobs[-1])]}


class _Reader:
    """Rebuilds a value from its header, taking blobs in order."""

    def __init__(self, data: bytes, place: int) -> None:
        self.data = data
        self.place = place

    def blob(self, length: Any) -> bytes:
        if not isinstance(length, int) or not 0 <= length <= len(self.data) - self.place:
            raise WireError("a blob is cut off")
        self.place += length
        return self.data[self.place - length : self.place]

    def value(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.value(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$bytes" in node:
            return self.blob(node["$bytes"])
        if "$tuple" in node:
            return tuple(self.value(item) for item in node["$tuple"])
        if "$path" in node:
            return Path(str(node["$path"]))
        if "$array" in node:
            return self.array(*node["$array"])
        return {key: self.value(item) for key, item in node.items()}

    def array(self, descr: Any, shape: Any, length: Any) -> np.ndarray[Any, Any]:
        import numpy as np  # as above

        dtype = np.lib.format.descr_to_dtype(_descr(descr))
        if dtype.hasobject or dtype.itemsize == 0:
            raise WireError("an array of objects or of nothing")
        return np.frombuffer(self.blob(length), dtype=dtype).reshape([int(size) for size in shape])


def _descr(node: Any) -> Any:
    """JSON turned back into numpy's descr form: a str, or a list of field tuples."""
    if isinstance(node, str):
        return node
    return [(name, _descr(kind), *(tuple(size) for size in shape)) for name, kind, *shape in node]
