"""Operators of a PDF content stream, one after another with their operands (ISO 32000-1, 7.2, 7.8.2 and 8.9.7).

Operands are ``float``, ``bytes`` (strings), ``Name``, ``list`` (arrays) or ``None`` (dictionaries and what else no drawing
operator of music needs). Inline images are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["Name", "Operand", "operators"]

Operand = "float | bytes | Name | list[Operand] | None"
MAX_OPERANDS: Final = 64  # no operator takes more; a colour of a DeviceN space takes 32
MAX_NESTING: Final = 16

TOKEN: Final = re.compile(
    rb"[\x00\t\n\f\r ]+|%[^\r\n]*"
    rb"|(?P<number>[+-]*(?:\d+\.?\d*|\.\d+)(?:-\d*)?)"
    rb"|/(?P<name>[^\x00\t\n\f\r ()<>\[\]{}/%]*)"
    rb"|(?P<open><<|\[)|(?P<close>>>|\])"
    rb"|<(?P<hex>[0-9A-Fa-f\x00\t\n\f\r ]*)>"
    rb"|(?P<string>\()"
    rb"|(?P<word>[A-Za-z'\"][A-Za-z0-9*'\"]*)"
    rb"|(?P<other>.)",
    re.DOTALL,
)
STRING_PART: Final = re.compile(rb"[^()\\]+|\\(?:[0-7]{1,3}|\r\n|.)|[()]", re.DOTALL)
IMAGE_END: Final = re.compile(rb"[\x00\t\n\f\r ]EI(?=[\x00\t\n\f\r ]|$)")
NAME_ESCAPE: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
ESCAPES: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


class Name(str):
    """A name object, without its slash."""


def operators(data: bytes) -> Iterator[tuple[str, list]]:  # type: ignore[type-arg]
    """Each operator of the stream with its operands; what cannot be understood is passed over, as viewers do.

    Args:
        data: The decoded stream.

    Example:
        >>> list(operators(b"1 0 0 1 20 .5 cm (a\\\\)b) Tj"))
        [('cm', [1.0, 0.0, 0.0, 1.0, 20.0, 0.5]), ('Tj', [b'a)b'])]
    """
    operands: list = []  # type: ignore[type-arg]
    stack: list[tuple[list, bool]] = []  # type: ignore[type-arg]
    place, end = 0, len(data)
    while place < end:
        match = TOKEN.match(data, place)
        assert match is not None  # the last alternative takes any byte
        place, kind = match.end(), match.lastgroup
        if kind is None:
            continue
        if kind == "word":
            word = match.group().decode("latin-1")
            if word in ("true", "false", "null") or stack:
                operands.append(None)
            elif word == "BI":
                found = IMAGE_END.search(data, place)
                place = found.end() if found else end
                operands = []
            else:
                yield word, operands
                operands = []
        elif kind == "number":
            operands.append(_number(match.group()))
        elif kind == "name":
            operands.append(Name(NAME_ESCAPE.sub(lambda m: bytes([int(m[1], 16)]), match["name"]).decode("latin-1")))
        elif kind == "hex":
            digits = re.sub(rb"[^0-9A-Fa-f]", b"", match["hex"])
            operands.append(bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode()))
        elif kind == "string":
            value, place = _string(data, place)
            operands.append(value)
        elif kind == "open" and len(stack) < MAX_NESTING:
            stack.append((operands, match["open"] == b"["))
            operands = []
        elif kind == "close" and stack:
            inside = operands
            operands, is_array = stack.pop()
            operands.append(inside if is_array else None)
        if not stack and len(operands) > MAX_OPERANDS:
            del operands[:-MAX_OPERANDS]


def _number(text: bytes) -> float:
    """A number; a minus inside ends it, and of several signs the first counts, as in common viewers."""
    body = text.lstrip(b"+-")
    value = float(body.split(b"-")[0])
    return -value if text.startswith(b"-") else value


def _string(data: bytes, place: int) -> tuple[bytes, int]:
    """The string whose opening bracket ends at ``place``, and where it ends."""
    parts: list[bytes] = []
    depth = 1
    while match := STRING_PART.match(data, place):
        part, place = match.group(), match.end()
        if part == b"(":
            depth += 1
        elif part == b")":
            depth -= 1
            if depth == 0:
                break
        elif part[:1] == b"\\":
            rest = part[1:]
            if rest.isdigit():
                part = bytes([int(rest, 8) & 0xFF])
            else:
                part = b"" if rest in (b"\n", b"\r", b"\r\n") else ESCAPES.get(rest, rest)
        parts.append(part)
    return b"".join(parts), place
