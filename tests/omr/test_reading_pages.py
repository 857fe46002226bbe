"""Reading pages: the same in one go and page by page, from every kind of file; and a wish repairs what one sign broke."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import partimento
from compose.notation.reading import read_written
from omr.assembly.wishes import Wishes
from omr.evaluation.alignment import AlignedNotes, count_aligned
from omr.layout.strip import page_points
from omr.reading import Reading, read
from omr.signs import KINDS

Shown = Any  # a ShownScore of conftest.py

pytestmark = pytest.mark.usefixtures("needs_signs")


def counted(reading: Reading, shown: Shown) -> AlignedNotes:
    return count_aligned(read_written(shown.musicxml), reading.assembled.score)[0]


def without_key_signature(pixels: NDArray[np.uint8], reading: Reading) -> NDArray[np.uint8]:
    """The page with white over the signs of its key."""
    painted = pixels.copy()
    for system in reading.systems:
        for sign in system.signs[[KINDS[kind].startswith("key_") for kind in system.signs["kind"]]]:
            x = sign["x"] + np.array([-0.5, 0.5]) * (sign["width"] + 0.3)
            y = sign["y"] + np.array([-0.5, 0.5]) * (sign["height"] + 0.3)
            points = page_points(system.corners, system.middle_lines, system.line_counts, system.width, x, y)
            (left, top), (right, bottom) = points.round().astype(int)
            for row in range(top, bottom):  # staff lines go on
                painted[row, left:right] = pixels[row, left - 1] if pixels[row, left - 1] < 128 else 255
    return painted


@pytest.fixture(scope="module")
def readings(melody: Shown, misprinted: Shown, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reading]:
    """Two pages read one by one, by name."""
    folder = tmp_path_factory.mktemp("pages")
    made = {}
    for name, shown in (("melody", melody), ("misprinted", misprinted)):
        (folder / f"{name}.png").write_bytes(shown.png)
        made[name] = read([folder / f"{name}.png"])
    return made


def test_a_wrong_meter_is_repaired_by_a_wish(readings: dict[str, Reading], misprinted: Shown) -> None:
    reading = readings["misprinted"]
    before = counted(reading, misprinted)
    repaired = reading.again(Wishes(meter=(4, 4)))
    after = counted(repaired, misprinted)
    assert before.exact <= 4
    assert after.exact >= 7
    assert repaired.assembled.escapes == 0
    assert repaired.systems is reading.systems
    assert counted(reading, misprinted) == before  # the first reading stays


def test_a_key_that_was_painted_over_is_repaired_by_an_option(
    readings: dict[str, Reading],
    melody: Shown,
    picture_of: Callable[[NDArray[np.uint8]], bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page, out = tmp_path / "page.png", tmp_path / "song.musicxml"
    page.write_bytes(picture_of(without_key_signature(melody.pixels, readings["melody"])))
    reading = read([page])
    assert counted(reading, melody).exact <= 2  # only one bar has neither F nor C
    assert counted(reading.again(Wishes(fifths=2)), melody).exact >= 7
    assert partimento.main(["read", str(page), "-o", str(out), "--key", "2 sharps", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["bars"]) == 8
    assert count_aligned(read_written(melody.musicxml), read_written(out.read_bytes()))[0].exact >= 7


def test_pages_of_one_file_or_many_are_read_as_one_by_one(
    readings: dict[str, Reading], melody: Shown, misprinted: Shown, tmp_path: Path
) -> None:
    alone = [system for reading in readings.values() for system in reading.systems]
    images = [Image.open(BytesIO(shown.png)).convert("L") for shown in (melody, misprinted)]
    files = [tmp_path / "first.png", tmp_path / "second.png"]
    for path, shown in zip(files, (melody, misprinted), strict=True):
        path.write_bytes(shown.png)
    scan, document = tmp_path / "both.tif", tmp_path / "both.pdf"
    images[0].save(scan, save_all=True, append_images=images[1:])
    images[0].save(document, save_all=True, append_images=images[1:], resolution=200.0)
    shares: list[tuple[str, float]] = []
    for paths in (files, [scan], [document]):
        together = read(paths, told=lambda what, share: shares.append((what, share)))
        assert [(page.way, page.systems) for page in together.pages] == [("picture", 2)] * 2
        assert [system.page for system in together.systems] == [0, 0, 1, 1]
        assert len(together.assembled.bars) == 16
        if paths != [document]:  # its pixels are others
            for system, other in zip(together.systems, alone, strict=True):
                np.testing.assert_array_equal(system.signs, other.signs)
                np.testing.assert_array_equal(system.corners, other.corners)
    assert shares[:2] == [("read page 1 of", 0.5), ("read page 2 of", 1.0)]
    assert shares[4:] == [("read page 1 of", 0.5), ("read page 2 of", 1.0)]


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_pages_on_their_head_or_side_are_turned(
    turn: int, melody: Shown, picture_of: Callable[[NDArray[np.uint8]], bytes], tmp_path: Path
) -> None:
    upright, turned = tmp_path / "upright.png", tmp_path / "turned.png"
    upright.write_bytes(picture_of(melody.pixels))
    turned.write_bytes(picture_of(np.ascontiguousarray(np.rot90(melody.pixels, -turn))))
    one, other = read([upright]), read([turned])
    assert (one.pages[0].turn, other.pages[0].turn) == (0, turn)
    assert other.assembled.score == one.assembled.score
    height, width = melody.pixels.shape
    for system, as_it_lay in zip(one.systems, other.systems, strict=True):
        x, y = system.corners[..., 0], system.corners[..., 1]
        there = {1: (height - y, x), 2: (width - x, height - y), 3: (y, width - x)}[turn]
        np.testing.assert_allclose(as_it_lay.corners, np.stack(there, axis=-1), atol=0.01)
