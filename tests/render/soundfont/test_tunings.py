"""Tunings as heard, beside their definitions; the font's own samples are some cents off, which is measured and taken out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from corpora.piece import Part, Piece

Hear: TypeAlias = Callable[..., Any]
MakePiece: TypeAlias = Callable[..., Piece]

FLUTE_PROGRAM = 73
MIDDLE_C = 60
C_MAJOR = [60, 62, 64, 65, 67, 69, 71, 72]
MAQAM_STEPS = ("9/8", "355.0", "4/3", "3/2", "906.0", "1057.0", "2/1")  # Rast: neutral third and seventh
MAQAM = "! rast.scl\n!\nRast with neutral intervals\n 7\n!\n" + "\n".join(f" {step}" for step in MAQAM_STEPS) + "\n"


def one_after_the_other(make_piece: MakePiece, keys: Sequence[int]) -> Piece:
    """Notes of seven eighths of two seconds each."""
    piece = make_piece([(16 * place, 14, key, 0) for place, key in enumerate(keys)], lanes=["One"], bars=len(keys))
    return replace(piece, parts=(Part("One", program=FLUTE_PROGRAM),))


def heights(make_piece: MakePiece, hear: Hear, keys: Sequence[int], tuning: str, expected: Sequence[float]) -> list[float]:
    """Heard cents above key 0 of each key in a tuning, without what the font is off at the key that plays."""
    plain = hear(one_after_the_other(make_piece, [round(cents / 100) for cents in expected]))
    tuned = hear(one_after_the_other(make_piece, keys), tuning=tuning)
    heard = []
    for place, cents in enumerate(expected):
        span_s = 2 * place + 0.25, 2 * place + 1.7
        nearest = round(cents / 100)
        own_hz = plain.pitch_hz(440.0 * 2 ** ((nearest - 69) / 12), *span_s)
        heard_hz = tuned.pitch_hz(440.0 * 2 ** ((cents / 100 - 69) / 12), *span_s)
        heard.append(100 * nearest + float(1200 * np.log2(heard_hz / own_hz)))
    return heard


def maqam_cents(step: str) -> float:
    return float(step) if "." in step else float(1200 * np.log2(float(Fraction(step))))


def test_nineteen_equal_steps_are_within_a_cent(make_piece: MakePiece, hear: Hear) -> None:
    """A written fifth is 11 steps of 19, so that the keys of the scale of C stand for these."""
    steps = [0, 3, 6, 8, 11, 14, 17, 19]
    expected = [6900 + (step - 14) * 1200 / 19 for step in steps]  # A4 is 440 Hz
    heard = heights(make_piece, hear, C_MAJOR, "19-EDO", expected)
    np.testing.assert_allclose(heard, expected, atol=1.0)
    assert np.abs(np.array(heard) - expected).max() < 0.55, "the nearest cent"


def test_a_maqam_of_scala_is_within_a_cent(make_piece: MakePiece, hear: Hear, tmp_path: Path) -> None:
    (tmp_path / "rast.scl").write_text(MAQAM)
    degrees = [0.0, *(maqam_cents(step) for step in MAQAM_STEPS)]
    expected = [100 * MIDDLE_C + cents for cents in degrees]
    heard = heights(make_piece, hear, C_MAJOR, str(tmp_path / "rast.scl"), expected)  # each key plays the nearest step
    intervals = np.array(heard) - heard[0]
    np.testing.assert_allclose(intervals, degrees, atol=1.0)
    assert intervals[2] == pytest.approx(355, abs=1.0), "the neutral third"


def test_a_tuning_fork_moves_everything(make_piece: MakePiece, hear: Hear) -> None:
    low = hear(one_after_the_other(make_piece, [69]), tuning="A=415.3047").pitch_hz(415.3047, 0.25, 1.7)  # a semitone below 440
    even = hear(one_after_the_other(make_piece, [68])).pitch_hz(415.3047, 0.25, 1.7)
    assert abs(1200 * np.log2(low / even)) < 0.55
