"""Contours that are kept in several parts at once."""

from itertools import product

import numpy as np

from compose.canvas import Note
from compose.constraints import parse_constraints, see_others
from compose.constraints.contour import _settle


def test_what_is_left_is_what_has_a_solution(rng):
    """Against all assignments: random relations of order between five notes of six pitches."""
    solved = 0
    for _ in range(60):
        sets = [rng.random(128) < 0.6 for _ in range(5)]
        for pitches in sets:
            pitches[6:] = False
        pairs = [(i, j, int(rng.integers(-1, 2)), bool(rng.integers(2))) for i, j in ((0, 1), (1, 2), (3, 4), (0, 3), (2, 4))]
        pairs = [(i, j, way, strict or way == 0) for i, j, way, strict in pairs]
        signs = {1: np.greater, -1: np.less, 0: np.equal}
        fine = [
            choice
            for choice in product(*(np.flatnonzero(pitches).tolist() for pitches in sets))
            if all(signs[way](choice[j], choice[i]) or (not strict and choice[j] == choice[i]) for i, j, way, strict in pairs)
        ]
        _settle([(sets[i], sets[j], way, strict) for i, j, way, strict in pairs])
        solved += bool(fine)
        for place, pitches in enumerate(sets):
            left = set(np.flatnonzero(pitches).tolist())
            assert left == {choice[place] for choice in fine} or (not fine and not left), pairs
    assert solved > 15


def test_a_lower_part_leaves_room_for_the_higher(make_canvas):
    """The alto must rise three times below a soprano that falls three times."""
    falling = [Note(24 * i, 0, 72 - i, 24) for i in range(4)]
    rising = [Note(24 * i, 1, 60 + i, 24) for i in range(4)]
    canvas = make_canvas(removed=(*falling, *rising), lanes=(0, 1), end=96)
    rules = see_others(parse_constraints(["contour: keep", "no crossing", "range: C4-G4"], canvas.piece))
    opened = np.flatnonzero(
        rules[0].allows(canvas, 0, 0, np.array([24]))[:, 0] & rules[2].allows(canvas, 0, 0, np.array([24]))[:, 0]
    )
    assert opened.tolist() == [66, 67]  # down by three, and still not below the alto's fourth note
    canvas.write(Note(0, 0, 66, 24))
    assert np.flatnonzero(rules[0].allows(canvas, 0, 1, np.array([24]))[:, 0]).tolist() == [60]
