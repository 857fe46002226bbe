"""Two stems on one head: told by the ink where the network is in doubt, and by nothing else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from omr.detector.second_stems import with_second_stems
from omr.signs import DURATIONS, KIND_INDEX, Signs, empty_signs

SPACE, ORIGIN = 12.0, (24.0, 96.0)
X, Y = 10.0, 0.5


def strip(*, up: bool, down: bool, next_head: bool = False) -> NDArray[np.uint8]:
    """A staff with a head that has stems of an octave, and a head with a stem down right under it."""
    image = np.full((220, 300), 255, dtype=np.uint8)
    for number in range(-2, 3):
        image[round(ORIGIN[1] + number * SPACE) - 1 :][:2, 24:] = 0
    x, y = round(ORIGIN[0] + X * SPACE), round(ORIGIN[1] + Y * SPACE)
    heads = [y, y + round(SPACE)] if next_head else [y]
    for height in heads:
        cv2.ellipse(image, (x, height), (7, 5), -20, 0, 360, 0, -1)
    if up:
        cv2.line(image, (x + 6, y), (x + 6, y - 42), 0, 2)
    if down or next_head:
        cv2.line(image, (x - 6, heads[-1]), (x - 6, heads[-1] + 42), 0, 2)
    return image


def seen(stem: tuple[float, float, float], *, next_head: bool = False) -> Signs:
    signs = empty_signs(1 + next_head)
    signs["kind"], signs["probability"], signs["x"] = KIND_INDEX["head_black"], 1.0, X
    signs["y"] = [Y, Y + 1.0][: 1 + next_head]
    signs["stem"][0] = stem
    signs["stem"][1:] = 0.0, 0.0, 1.0
    signs["duration"][:, DURATIONS.index("quarter")], signs["duration"][:, DURATIONS.index("16th")] = 0.8, 0.2
    signs["dots"][:, 0] = 1.0
    signs["beam"][:] = 0.7, 0.3, 0.0, 0.0
    return signs


@pytest.mark.parametrize("paper", [0, 60])
def test_two_stems_in_the_ink_are_two_voices(paper: int) -> None:
    image = np.maximum(strip(up=True, down=True).astype(np.int64) - paper, 0).astype(np.uint8)
    signs = seen((0.0, 0.9, 0.1))
    (head,) = with_second_stems(signs, image, SPACE, ORIGIN)
    assert head["stem"].tolist() == [0.0, 0.5, 0.5]
    assert head["duration"][DURATIONS.index("quarter")] == head["duration"][DURATIONS.index("16th")] == 0.5
    assert head["dots"].tolist() == [1.0, 0.0, 0.0, 0.0]  # both voices say so
    assert head["beam"].tolist() == [0.5, 0.5, 0.0, 0.0]
    assert signs["stem"][0, 1] == np.float32(0.9)  # what was given stays


@pytest.mark.parametrize(("up", "down"), [(True, False), (False, True)])
def test_one_stem_in_the_ink_is_one_voice(up: bool, down: bool) -> None:
    likely = (0.0, 0.7, 0.3) if up else (0.0, 0.3, 0.7)
    (head,) = with_second_stems(seen(likely), strip(up=up, down=down), SPACE, ORIGIN)
    assert min(head["stem"][1:]) == 0.0
    assert max(head["stem"][1:]) == np.float32(0.7)


def test_a_sure_head_is_not_looked_at() -> None:
    signs = seen((0.0, 0.99, 0.01))
    np.testing.assert_array_equal(with_second_stems(signs, strip(up=True, down=True), SPACE, ORIGIN), signs)


def test_the_stem_of_the_next_head_is_not_taken_for_a_second_one() -> None:
    image = strip(up=True, down=False, next_head=True)
    assert with_second_stems(seen((0.0, 0.95, 0.05), next_head=True), image, SPACE, ORIGIN)["stem"][0, 1] == np.float32(0.95)


def test_heads_at_the_border_are_no_error() -> None:
    signs = seen((0.0, 0.6, 0.4))
    signs["x"], signs["y"] = -2.0, 10.2
    with_second_stems(signs, strip(up=True, down=True), SPACE, ORIGIN)
