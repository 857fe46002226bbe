"""What pages draw: places after all matrices, and files that are refused or survived."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from corpora.errors import InputError
from omr.vector.drawing import Drawing, multiply
from omr.vector.page_objects import count_pages, iter_page_objects, read_pages

IDENTITY = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def drawn(content: bytes) -> Drawing:
    drawing = Drawing(IDENTITY)
    drawing.run(content, {})
    return drawing


def test_matrices_apply_from_the_inside_out() -> None:
    turn, shift = (0.0, 1.0, -1.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 1.0, 10.0, 0.0)
    assert multiply(turn, shift) == (0.0, 1.0, -1.0, 0.0, 10.0, 0.0)
    (path,) = drawn(b"1 0 0 1 10 0 cm 0 1 -1 0 0 0 cm 2 w 1 0 m 3 0 l S").paths
    assert path.contours[0].tolist() == [[10.0, 1.0], [10.0, 3.0]]
    assert path.stroked
    assert not path.filled
    assert path.width == 2.0


def test_states_are_saved_and_white_is_not_drawn() -> None:
    content = b"q 1 g 0 0 5 5 re f Q 0 0 5 5 re f 1 1 1 RG 0 0 m 1 1 l S 0 0 1 1 re W n [2 1] 0 d 0 G 0 0 m 9 0 l S"
    filled, dashed = drawn(content).paths
    assert filled.filled
    assert len(filled.contours[0]) == 5
    assert dashed.dashed
    assert not dashed.filled


def test_wrong_operands_draw_nothing() -> None:
    assert drawn(b"(a) (b) m l S /F1 12 Tf (x) Tj 1 2 3 cm Q Q h b /No Do 0 0 m 1 1 l S").paths[0].contours[0].tolist() == [
        [0, 0],
        [1, 1],
    ]


def test_y_goes_down_and_boxes_do_not_matter(page_of: Callable[..., bytes], staff_lines: bytes) -> None:
    (page,) = read_pages(page_of(staff_lines), "a.pdf", [0])
    points = page["contours"][0]
    assert (page["width"], page["height"]) == (400, 300)
    assert points[:2].tolist() == [[50, 100], [350, 100]]
    moved = b"1 0 0 1 33 33 cm\n" + staff_lines
    (other,) = read_pages(page_of(moved, shift=33), "b.pdf", [0])
    np.testing.assert_allclose(other["contours"][0], points)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_turned_pages_are_read_as_shown(page_of: Callable[..., bytes], turn: int) -> None:
    (page,) = read_pages(page_of(b"0 0 m 40 30 l S", rotate=turn), "a.pdf", [0])
    shown = {90: ((0, 0), (30, 40)), 180: ((400, 0), (360, 30)), 270: ((300, 400), (270, 360))}[turn]
    assert page["contours"][0].tolist() == [list(point) for point in shown]


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(99)])
def test_no_pdf_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match=r"x\.pdf: expected a PDF file"):
        count_pages(data, "x.pdf")


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_cut_pdf_is_refused(page_of: Callable[..., bytes], staff_lines: bytes, share: float) -> None:
    whole = page_of(staff_lines)
    with pytest.raises(InputError, match=r"^x\.pdf: "):
        read_pages(whole[: int(share * len(whole))], "x.pdf", [0])


def test_no_such_page(page_of: Callable[..., bytes]) -> None:
    with pytest.raises(InputError, match="expected a page of 1 to 1, came 8"):
        read_pages(page_of(b""), "x.pdf", [7])


def test_too_many_signs_are_refused(page_of: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omr.vector.drawing.MAX_OBJECTS", 10)
    with pytest.raises(InputError, match=r"x\.pdf: page 1: the page draws more than 10 signs"):
        read_pages(page_of(b"0 0 1 1 re f " * 11), "x.pdf", [0])


def test_errors_come_out_of_the_child() -> None:
    with pytest.raises(InputError, match=r"broken\.pdf: expected a PDF file"):
        next(iter_page_objects(b"broken", "broken.pdf"))
