from collections.abc import Callable

import numpy as np
import pytest

from compose.canvas import Canvas, Note, Region
from corpora.piece import MEASURE_DTYPE, Part, Piece, empty_notes

QUARTER = 24  # ticks, with 4 divs to the quarter


@pytest.fixture(scope="session")
def make_piece() -> Callable[..., Piece]:
    def make(
        names: tuple[str, ...] = ("Soprano", "Alto", "Tenor", "Bass"),
        bars: int = 2,
        divs: int = 4,
        beats: int = 4,
        drums: tuple[str, ...] = (),
    ) -> Piece:
        measures = np.zeros(bars, dtype=MEASURE_DTYPE)
        for bar in range(bars):
            measures[bar] = (bar * beats * divs, (bar + 1) * beats * divs, str(bar + 1), beats, 4)
        return Piece(empty_notes(), divs, tuple(Part(name, is_drum=name in drums) for name in names), measures)

    return make


@pytest.fixture(scope="session")
def make_canvas(make_piece: Callable[..., Piece]) -> Callable[..., Canvas]:
    def make(
        fixed: tuple[Note, ...] = (),
        removed: tuple[Note, ...] = (),
        start: int = 0,
        end: int | None = None,
        lanes: tuple[int, ...] = (0, 1, 2, 3),
        piece: Piece | None = None,
    ) -> Canvas:
        piece = make_piece() if piece is None else piece
        last = piece.end_div * 24 // piece.divs_per_quarter
        return Canvas(piece, Region(start, last if end is None else end, lanes), tuple(sorted(removed)), tuple(sorted(fixed)))

    return make
