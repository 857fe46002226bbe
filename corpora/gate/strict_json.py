"""The door for JSON: RFC 8259 and nothing more, with bounds that hold before Python's recursive parser runs."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NoReturn

from corpora.errors import InputError
from corpora.gate.refusal import refusal
from corpora.safe_text import safe_text

__all__ = ["MAX_JSON_BYTES", "MAX_JSON_DEPTH", "strict_json"]

MAX_JSON_BYTES: Final = 16 << 20
MAX_JSON_DEPTH: Final = 64
MAX_DIGITS: Final = 30
STRING_OR_BRACKET: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
OPENING: Final = frozenset((b"[", b"{"))


def strict_json(data: bytes, name: str, *, limit_bytes: int = MAX_JSON_BYTES, max_depth: int = MAX_JSON_DEPTH) -> Any:
    """The value of a JSON text in UTF-8.

    Args:
        data: The text.
        name: File name for messages.
        limit_bytes: Longest text.
        max_depth: Deepest nesting of lists and objects.

    Raises:
        InputError: The text is too long or too deep, is not UTF-8 or not JSON, holds NaN or infinities (also as 1e999), a number of
            over 30 digits, a key twice in one object, or half a surrogate pair.

    Example:
        >>> strict_json(b'{"bars": [5, 8]}', "request.json")
        {'bars': [5, 8]}
    """
    if len(data) > limit_bytes:
        raise refusal(name, "", f"at most {limit_bytes:,} bytes of JSON", f"{len(data):,}")
    depth = 0
    for match in STRING_OR_BRACKET.finditer(data):
        token = match[0]
        if token in OPENING:
            depth += 1
            if depth > max_depth:
                raise refusal(name, f"byte {match.start()}", f"JSON at most {max_depth} deep", "deeper")
        elif token[0] != 0x22:
            depth -= 1

    def refuse_constant(word: str) -> NoReturn:
        raise refusal(name, "", "finite numbers", word)

    def finite(text: str) -> float:
        value = float(text)
        if len(text) > 2 * MAX_DIGITS or not math.isfinite(value):
            raise refusal(name, "", "numbers that a double can hold", text)
        return value

    def whole(text: str) -> int:
        if len(text) > MAX_DIGITS:
            raise refusal(name, "", f"whole numbers of at most {MAX_DIGITS} digits", text)
        return int(text)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) < len(pairs):
            double = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
            raise refusal(name, "", "each key once", f"'{double}' twice")
        return members

    try:
        text = data.decode("utf-8")
        value = json.loads(text, parse_constant=refuse_constant, parse_float=finite, parse_int=whole, object_pairs_hook=unique)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # fails on half a surrogate pair
    except UnicodeError as error:
        raise refusal(name, "", "UTF-8 text", f"'{error.reason}'" if hasattr(error, "reason") else "other bytes") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{safe_text(name)}: line {error.lineno}: expected JSON, came: {safe_text(error.msg, 80)}") from None
    return value
