"""Signs by outline: each sign of a font that is among the references is found at any size, other shapes are not."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from omr.vector.glyph_names import EMMENTALER, SMUFL
from omr.vector.shapes import _contours, name_of_shape


def outline(font: str, code: int) -> list[NDArray[np.float64]]:
    spec = importlib.util.find_spec("verovio")
    assert spec is not None
    assert spec.submodule_search_locations
    return _contours(Path(spec.submodule_search_locations[0]) / "data" / font / f"{code:04X}.xml")


@pytest.mark.parametrize("font", ["Leipzig", "Petaluma"])
@pytest.mark.parametrize("code", [0xE050, 0xE062, 0xE0A3, 0xE0A4, 0xE240, 0xE260, 0xE261, 0xE262, 0xE4E5, 0xE4E6, 0xE083, 0xE566])
@pytest.mark.parametrize("points_per_space", [1.7, 5.0, 250.0])
def test_signs_are_found_at_any_size(font: str, code: int, points_per_space: float) -> None:
    rng = np.random.default_rng(code)
    contours = [points / 250 * points_per_space for points in outline(font, code)]
    noisy = [points + rng.normal(0, 0.004 * points_per_space, points.shape) for points in contours]
    assert name_of_shape(noisy, points_per_space) == SMUFL[code]


def test_grace_heads_are_heads() -> None:
    assert name_of_shape([points * 0.66 for points in outline("Leland", 0xE0A4)], 250.0) == "head_black"


def test_line_rests_are_told_from_beams() -> None:
    bar = np.array([(0.0, 0.0), (1.2, 0.0), (1.2, 0.5), (0.0, 0.5)])
    assert name_of_shape([bar], 1.0) == "line_rest"
    assert name_of_shape([bar * (4, 1)], 1.0) == ""


def test_what_is_no_sign_has_no_name() -> None:
    star = np.array([(np.cos(a) * r, np.sin(a) * r) for a, r in zip(np.linspace(0, 6, 9), [1, 3] * 5, strict=False)])
    assert name_of_shape([star], 1.0) == ""
    assert name_of_shape([], 1.0) == ""
    assert name_of_shape([star * 0], 1.0) == ""


def test_both_tables_name_the_same_signs() -> None:
    assert {name for name in EMMENTALER.values() if name not in SMUFL.values()} == set()
