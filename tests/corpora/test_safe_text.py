"""Text from files cannot act on a terminal."""

from __future__ import annotations

import pytest

from corpora.safe_text import safe_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ave Maria", "Ave Maria"),
        ("Für Élise — Ström 弦", "Für Élise — Ström 弦"),
        ("a\nb\r\nc\td", "a b c d"),
        ("\x1b]0;title\x07red\x1b[31m", "]0;titlered[31m"),
        ("\u202egnp.exe", "gnp.exe"),
        ("nul\0zero\u200bwidth\ud800", "nulzerowidth"),
        ("\x9b31m", "31m"),
        ("", ""),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert safe_text(text) == shown


def test_length_is_bounded() -> None:
    assert safe_text("x" * 10**6, 20) == "x" * 19 + "…"
    assert len(safe_text("\0" * 10**6, 20)) <= 20
    assert safe_text("x" * 20, 20) == "x" * 20
