from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from corpora.errors import InputError
from corpora.piece import Part, Piece
from render.piano_roll import LANE_COLOURS, PALE, REGION_COLOUR, plot_piano_roll

Rows = list[tuple[int, int, int, int]]
BEFORE: Rows = [(0, 16, 72, 0), (16, 16, 74, 0), (32, 16, 76, 0), (0, 16, 48, 1), (16, 16, 50, 1), (32, 16, 52, 1)]
AFTER: Rows = [(0, 16, 72, 0), (16, 16, 79, 0), (32, 16, 76, 0), (0, 16, 48, 1), (16, 16, 50, 1), (32, 16, 52, 1)]


def area(path: Path, colour: str | tuple[float, float, float], half: str = "all") -> int:
    """Pixels of nearly a colour, in all of the picture without its legend, or in its upper or lower half."""
    picture = np.asarray(Image.open(path).convert("RGB")).astype(int)
    height, width, _ = picture.shape
    picture = picture[:, : int(width * 0.88)]
    picture = {"all": picture, "upper": picture[: height // 2], "lower": picture[height // 2 :]}[half]
    wanted = np.array([round(255 * part) for part in to_rgb(colour)])
    return int((np.abs(picture - wanted).max(axis=-1) <= 3).sum())


def pale(colour: str, on: str = "white") -> tuple[float, float, float]:
    """A colour seen at the strength of kept notes."""
    red, green, blue = (PALE * over + (1 - PALE) * under for over, under in zip(to_rgb(colour), to_rgb(on), strict=True))
    return red, green, blue


@pytest.fixture(scope="module")
def change(make_piece: Callable[..., Piece], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The soprano's second bar rewritten."""
    path = tmp_path_factory.mktemp("roll") / "roll.png"
    plot_piano_roll(make_piece(BEFORE), make_piece(AFTER), (16, 32), path, context_bars=1)
    return path


def test_a_new_note_is_strong_and_the_old_one_hollow(change: Path) -> None:
    soprano = LANE_COLOURS[0]
    new, outline = area(change, soprano, "lower"), area(change, soprano, "upper")
    assert new > 1000
    assert 100 < outline < new / 3, "an outline only"


def test_kept_notes_are_pale_in_both_panels(change: Path) -> None:
    for half in ("upper", "lower"):
        assert area(change, pale(LANE_COLOURS[0]), half) > 1000
        assert area(change, pale(LANE_COLOURS[1]), half) > 1000
        assert area(change, pale(LANE_COLOURS[1], REGION_COLOUR), half) > 1000, "the bass inside the region is kept"
        assert area(change, LANE_COLOURS[1], half) == 0


def test_the_region_is_shaded_in_both_panels(change: Path) -> None:
    for half in ("upper", "lower"):
        assert area(change, REGION_COLOUR, half) > 10_000


def test_one_panel_shows_all_notes_strong(make_piece: Callable[..., Piece], tmp_path: Path) -> None:
    path = tmp_path / "roll.png"
    plot_piano_roll(make_piece(BEFORE), None, None, path)
    for lane in range(2):
        assert area(path, LANE_COLOURS[lane]) > 1000
    assert area(path, REGION_COLOUR) == 0


def test_a_quarter_tone_stands_half_a_row_higher(make_piece: Callable[..., Piece], tmp_path: Path) -> None:
    heights = []
    for index, cents in enumerate((0, 50)):
        piece = make_piece([(0, 16, 60, 0), (0, 16, 72, 1)])
        piece.notes["cents"][piece.notes["pitch"] == 60] = cents
        path = tmp_path / f"{index}.svg"
        plot_piano_roll(piece, None, None, path)
        heights.append(path.read_text())
    assert heights[0] != heights[1]


def test_notes_outside_the_bars_around_the_region_are_left_out(make_piece: Callable[..., Piece], tmp_path: Path) -> None:
    rows = [(0, 16, 72, 0), (144, 16, 60, 1)]  # bars 1 and 10
    near, whole = tmp_path / "near.png", tmp_path / "whole.png"
    piece = make_piece(rows, bars=12)
    plot_piano_roll(piece, None, (0, 16), near)
    plot_piano_roll(piece, None, (0, 16), whole, context_bars=None)
    assert area(near, LANE_COLOURS[0]) > 0
    assert area(near, LANE_COLOURS[1]) == 0
    assert area(whole, LANE_COLOURS[1]) > 0


def test_lanes_in_unison_are_both_seen(make_piece: Callable[..., Piece], tmp_path: Path) -> None:
    path, alone = tmp_path / "roll.png", tmp_path / "alone.png"
    plot_piano_roll(make_piece([(0, 16, 60, 0), (8, 8, 60, 1), (32, 16, 64, 1)]), None, None, path)
    plot_piano_roll(make_piece([(0, 16, 60, 0), (32, 16, 64, 1)]), None, None, alone)
    assert area(path, LANE_COLOURS[0]) == pytest.approx(area(alone, LANE_COLOURS[0]) / 2, rel=0.1)
    assert area(path, LANE_COLOURS[1]) > 1.2 * area(alone, LANE_COLOURS[1])


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_same_piece_gives_the_same_file(make_piece: Callable[..., Piece], tmp_path: Path, suffix: str) -> None:
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    for path in (first, second):
        plot_piano_roll(make_piece(BEFORE), make_piece(AFTER), (16, 32), path)
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_size > 2000


def test_odd_pieces_are_drawn(make_piece: Callable[..., Piece], tmp_path: Path) -> None:
    """No notes; a grace note; names that look like formulas or hidden labels; more lanes than colours."""
    path = tmp_path / "roll.svg"
    plot_piano_roll(make_piece([]), None, None, path)
    names = ["$x_1$", "_hidden", "", *(f"Horn {number}" for number in range(40))]
    piece = make_piece([(0, 0, 60, 0), (0, 4, 127, 42), (4, 4, 0, 1)], lanes=names)
    plot_piano_roll(piece, piece, (0, 4), path)
    assert path.stat().st_size > 2000
    bare = Piece(piece.notes, 4, (Part("a"),) * 43, piece.measures[:0])
    plot_piano_roll(bare, None, (0, 4), path)


def test_wrong_wishes_are_refused_and_leave_nothing(make_piece: Callable[..., Piece], tmp_path: Path) -> None:
    piece = make_piece(BEFORE)
    with pytest.raises(InputError, match=r"roll\.gif: expected a picture name ending in .png, .svg, .pdf"):
        plot_piano_roll(piece, None, None, tmp_path / "roll.gif")
    with pytest.raises(ValueError, match="region must be start < end"):
        plot_piano_roll(piece, None, (16, 16), tmp_path / "roll.png")
    with pytest.raises(ValueError, match="share divs_per_quarter"):
        plot_piano_roll(piece, Piece(piece.notes, 8, piece.parts, piece.measures), None, tmp_path / "roll.png")
    assert list(tmp_path.iterdir()) == []
