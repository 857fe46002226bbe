"""Heads to chords and signs to meters, where a picture leaves doubt."""

from __future__ import annotations

import numpy as np
import pytest

from omr.assembly.chords import seen_events
from omr.assembly.rows import Sign, sign_rows
from omr.assembly.signatures import common_time, seen_times
from omr.signs import DURATIONS, KIND_INDEX, STEMS, SeenSystem, empty_signs


def rows(*signs: tuple[str, float, float, float]) -> list[Sign]:
    """Signs of a staff by kind, x, place and width; stems of heads go up, all are quarters."""
    table = empty_signs(len(signs))
    for row, (kind, x, place, width) in zip(table, signs, strict=True):
        row["kind"], row["x"], row["place"], row["width"], row["probability"] = KIND_INDEX[kind], x, place, width, 0.9
        row["stem"][STEMS.index("up")], row["duration"][DURATIONS.index("quarter")], row["dots"][0] = 0.95, 1.0, 1.0
        row["chord"] = row["beam_group"] = -1
    lines = (np.zeros(1, dtype=np.float32), np.full(1, 5))
    return list(sign_rows(SeenSystem(0, 0, *lines, 100.0, table, np.zeros((2, 2, 2), dtype=np.float32), ())))


@pytest.mark.parametrize(
    ("apart", "step", "width", "chords"),
    [
        (1.15, 1.0, 1.2, 1),  # both sides of one stem, the higher one on its right
        (1.15, -1.0, 1.2, 2),  # the higher one on the left: one after the other
        (1.75, 1.0, 1.2, 2),  # too far from each other to touch one stem
        (1.75, 1.0, 1.7, 1),  # but not where heads are as wide as whole notes
        (0.1, 2.0, 1.2, 1),  # a third
        (1.15, 2.0, 1.2, 2),
    ],
)
def test_heads_of_a_second_touch_one_stem(apart: float, step: float, width: float, chords: int) -> None:
    heads = rows(("head_black", 20.0, 4.0, width), ("head_black", 20.0 + apart, 4.0 + step, width))
    assert len(seen_events(heads)) == chords


def test_signs_of_meters_stand_in_the_staff() -> None:
    assert [time for _, time, _ in seen_times(rows(("time_6", 7.0, 6.0, 1.5), ("time_8", 7.0, 2.0, 1.5)))] == [(6, 8, "")]
    assert [time for _, time, _ in seen_times(rows(("time_common", 7.0, 4.2, 1.5)))] == [(4, 4, "common")]
    assert not seen_times(rows(("time_common", 16.0, -2.7, 1.5)))  # a letter below
    assert not seen_times(rows(("time_1", 16.0, 11.0, 1.5), ("time_2", 17.5, 11.0, 1.5)))  # bars of rest


def test_a_meter_stands_on_most_staves() -> None:
    six, common = (6, 8, ""), (4, 4, "common")
    assert common_time([(six, 0.9), (six, 0.8), (common, 0.7)], 3) == six
    assert common_time([(common, 0.4)], 3) is None
    assert common_time([(common, 0.4)], 1) == common
    assert common_time([], 2) is None
