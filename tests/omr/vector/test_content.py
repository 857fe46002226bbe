"""Tokens of content streams: examples of ISO 32000-1, and streams that are broken."""

from __future__ import annotations

import pytest

from omr.vector.content import Name, operators


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"1 0 0 1 20 .5 cm", [("cm", [1.0, 0.0, 0.0, 1.0, 20.0, 0.5])]),
        (b"-3.25 +4 4. --5 m", [("m", [-3.25, 4.0, 4.0, -5.0])]),
        (b"(without an (end) Tj", []),
        (b"(balanced (inner) and \\) one) Tj", [("Tj", [b"balanced (inner) and ) one"])]),
        (b"(\\101\\12\\n\\\nx) Tj", [("Tj", [b"A\n\nx"])]),
        (b"<901FA> Tj", [("Tj", [b"\x90\x1f\xa0"])]),
        (b"[(A) -120 (B)] TJ", [("TJ", [[b"A", -120.0, b"B"]])]),
        (b"/F#31 12 Tf % a comment\nT*", [("Tf", [Name("F1"), 12.0]), ("T*", [])]),
        (b"/Span << /Lang (de) /X [1 2] >> BDC q", [("BDC", [Name("Span"), None]), ("q", [])]),
        (b"BI /W 2 /H 2 ID \x00\x01EI\xff EI Q", [("Q", [])]),
        (b"2 J 0 0 m 1 1 l'", [("J", [2.0]), ("m", [0.0, 0.0]), ("l'", [1.0, 1.0])]),
    ],
)
def test_known_streams(data: bytes, expected: list[tuple[str, list[object]]]) -> None:
    assert list(operators(data)) == expected


@pytest.mark.parametrize(
    "data", [b"", b"(", b"<", b"[[[[", b">> ] )", b"\xff\x00" * 50, b"[" * 10_000 + b"]" * 10_000 + b" q", b"<< " * 99]
)
def test_broken_streams_end(data: bytes) -> None:
    for operator, operands in operators(data):
        assert operator
        assert len(operands) <= 64


def test_operands_are_bounded() -> None:
    (found,) = operators(b"1 " * 100_000 + b"m")
    assert found[0] == "m"
    assert len(found[1]) == 64
