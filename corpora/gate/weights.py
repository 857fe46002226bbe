"""The door for safetensors weights: the header agrees with the file to the byte, and every number is finite.

Layout (https://github.com/huggingface/safetensors#format): 8 bytes little-endian length of the header, the header in JSON, the
tensors without gaps. The library checks the layout too, but lets NaN pass.
"""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from corpora.gate.files import open_regular
from corpora.gate.refusal import refusal
from corpora.gate.strict_json import strict_json
from corpora.safe_text import safe_text

__all__ = ["MAX_WEIGHTS_BYTES", "WeightsExtent", "check_safetensors"]

MAX_WEIGHTS_BYTES: Final = 8 << 30
MAX_HEADER_BYTES: Final = 8 << 20
MAX_TENSORS: Final = 20_000
MAX_AXES: Final = 8
BLOCK_BYTES: Final = 1 << 24
ITEM_BYTES: Final[dict[str, int]] = {
    **dict.fromkeys(("BOOL", "U8", "I8"), 1),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 2),
    **dict.fromkeys(("I32", "U32", "F32"), 4),
    **dict.fromkeys(("I64", "U64", "F64"), 8),
}
EXPONENT_BITS: Final[dict[str, int]] = {"F16": 0x7C00, "BF16": 0x7F80, "F32": 0x7F800000, "F64": 0x7FF << 52}


@dataclass(frozen=True)
class WeightsExtent:
    """What a checked safetensors file holds.

    Args:
        shapes: Shape of each tensor by its name.
        dtypes: Type of each tensor by its name, as the format spells it ("F32").
        parameters: Numbers in all tensors.
    """

    shapes: dict[str, tuple[int, ...]]
    dtypes: dict[str, str]
    parameters: int


def check_safetensors(path: str | os.PathLike[str]) -> WeightsExtent:
    """Check the safetensors file at ``path`` and return its extent; reads it once, 16 MiB at a time.

    Raises:
        InputError: It is no regular file, its header is not as the format says, its tensors leave gaps, overlap or do not fill
            the file, have a type that is not known here, or hold NaN or infinities.
    """
    name = os.fspath(path)
    with open_regular(path, MAX_WEIGHTS_BYTES) as file:
        file_bytes = os.fstat(file.fileno()).st_size
        header_bytes = int.from_bytes(file.read(8), "little")
        if file_bytes < 8 or header_bytes > min(MAX_HEADER_BYTES, file_bytes - 8):
            raise refusal(name, "byte 0", f"the length of a header inside the file of {file_bytes:,} bytes", f"{header_bytes:,}")
        header = strict_json(file.read(header_bytes), f"{name} (header)", limit_bytes=MAX_HEADER_BYTES, max_depth=4)
        if not isinstance(header, dict):
            raise refusal(name, "header", "an object", type(header).__name__)
        header.pop("__metadata__", None)
        if len(header) > MAX_TENSORS:
            raise refusal(name, "header", f"at most {MAX_TENSORS:,} tensors", f"{len(header):,}")
        entries = sorted((_entry(tensor, value, name) for tensor, value in header.items()), key=lambda entry: entry[2:])
        place = 0
        for tensor, kind, begin, end in entries:
            if begin != place:
                raise refusal(name, f"tensor {safe_text(tensor, 80)}", f"data from byte {place}, after the one before", begin)
            _refuse_non_finite(file, kind, end - begin, f"{name}", tensor)
            place = end
        if 8 + header_bytes + place != file_bytes:
            raise refusal(name, "", f"{8 + header_bytes + place:,} bytes, as the header says", f"{file_bytes:,}")
    shapes = {tensor: tuple(header[tensor]["shape"]) for tensor, *_ in entries}
    dtypes = {tensor: kind for tensor, kind, *_ in entries}
    return WeightsExtent(shapes, dtypes, sum(math.prod(shape) for shape in shapes.values()))


def _entry(tensor: str, value: Any, name: str) -> tuple[str, str, int, int]:
    """Name, type and place of a tensor, from a header entry that is sound in itself."""
    place = f"tensor {safe_text(tensor, 80)}"
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise refusal(name, place, "dtype, shape and data_offsets", value)
    kind, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(kind, str) or kind not in ITEM_BYTES:
        raise refusal(name, place, f"a type out of {', '.join(ITEM_BYTES)}", kind)
    if not _are_sizes(shape) or len(shape) > MAX_AXES:
        raise refusal(name, place, f"a shape of at most {MAX_AXES} sizes", shape)
    if not _are_sizes(offsets) or len(offsets) != 2 or offsets[1] - offsets[0] != math.prod(shape) * ITEM_BYTES[kind]:
        raise refusal(name, place, f"{math.prod(shape) * ITEM_BYTES[kind]:,} bytes of {kind}", f"offsets {offsets}")
    return tensor, kind, offsets[0], offsets[1]


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(size) is int and 0 <= size < 1 << 48 for size in value)


def _refuse_non_finite(file: io.BufferedIOBase, kind: str, length: int, name: str, tensor: str) -> None:
    """Read a tensor's bytes and refuse any number whose exponent is all ones."""
    place = 0
    while place < length:
        block = file.read(min(BLOCK_BYTES, length - place))
        if not block:
            raise refusal(name, f"tensor {safe_text(tensor, 80)}", f"{length:,} bytes", f"{place:,} (truncated?)")
        if kind in EXPONENT_BITS and len(block) % ITEM_BYTES[kind] == 0:
            words: NDArray[Any] = np.frombuffer(block, dtype=np.dtype(f"<u{ITEM_BYTES[kind]}"))
            ones = words.dtype.type(EXPONENT_BITS[kind])
            bad = (words & ones) == ones
            if bad.any():
                item = place // ITEM_BYTES[kind] + int(np.argmax(bad))
                raise refusal(name, f"tensor {safe_text(tensor, 80)}, item {item}", "finite numbers", "NaN or infinity")
        place += len(block)
