"""The 8 under a treble clef: seen by its ink, and nothing else taken for it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from omr.detector.octave_clefs import with_octave_clefs
from omr.signs import KIND_INDEX, KINDS, empty_signs

SPACE, ORIGIN = 12.0, (24.0, 96.0)
MIDDLES = np.zeros(1, dtype=np.float32)


def strip(*, eight: bool = False, words: bool = False, verse: bool = False, paper: int = 255) -> NDArray[np.uint8]:
    """A staff with what stands for a treble clef: a column down to 3.6 spaces below the middle line."""
    image = np.full((220, 500), paper, dtype=np.uint8)
    for line in range(-2, 3):
        image[round(ORIGIN[1] + line * SPACE) - 1 :][:2, 24:] = 0
    image[50 : round(ORIGIN[1] + 3.6 * SPACE), 40:56] = 0
    if eight:
        for y in (4.0, 4.7):
            cv2.circle(image, (48, round(ORIGIN[1] + y * SPACE)), 4, 0, 2)
    if words:
        cv2.putText(image, "dolce con moto", (40, round(ORIGIN[1] + 4.9 * SPACE)), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 0, 2)
    if verse:
        cv2.putText(image, "1.", (49, round(ORIGIN[1] + 4.9 * SPACE)), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 0, 2)
    return image


@pytest.mark.parametrize("paper", [255, 200])
@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        ({}, "clef_g"),
        ({"eight": True}, "clef_g_8below"),
        ({"words": True}, "clef_g"),
        ({"verse": True}, "clef_g"),
    ],
)
def test_an_eight_and_nothing_else_is_taken_for_one(shown: dict[str, bool], kind: str, paper: int) -> None:
    signs = empty_signs(1)
    signs["kind"], signs["x"], signs["probability"] = KIND_INDEX["clef_g"], 2.0, 0.9
    seen = with_octave_clefs(signs, strip(**shown, paper=paper), SPACE, ORIGIN, MIDDLES)
    assert KINDS[seen["kind"][0]] == kind
    assert KINDS[signs["kind"][0]] == "clef_g"  # what was given stays


def test_other_clefs_and_later_ones_stay() -> None:
    signs = empty_signs(2)
    signs["kind"] = [KIND_INDEX["clef_f"], KIND_INDEX["clef_g"]]
    signs["x"] = [2.0, 20.0]
    np.testing.assert_array_equal(with_octave_clefs(signs, strip(eight=True), SPACE, ORIGIN, MIDDLES), signs)
