"""What targets say of signs, ``read_signs`` reads back, when the network says just that."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from omr.detector.channels import CHANNELS, ENDS, POINTS
from omr.detector.model import ATTRIBUTES, CELL_PX, Detector, DetectorConfig, Seen
from omr.detector.peaks import read_signs
from omr.detector.targets import BORDER_CELLS, draw_targets
from omr.signs import KIND_INDEX, KINDS, empty_signs

INTERLINE = 8.0
ORIGIN = (24.0, 88.0)
MIDDLES = np.array([0.0, 11.0], dtype=np.float32)
SHAPE = (304, 480)
# Half spaces from the middle of a box to the line that the sign stands for, Bravura's.
FLATS, G_CLEFS = ("flat", "key_flat", "double_flat"), ("clef_g", "clef_g_8above", "clef_g_8below")
RISES = {
    **dict.fromkeys(FLATS, -1.1),
    **dict.fromkeys(G_CLEFS, -1.8),
    **dict.fromkeys(("clef_f", "clef_f_8below"), 1.3),
    "rest_whole": 0.5,
    "rest_half": -0.5,
    "rest_8th": 0.2,
    "rest_16th": 1.2,
}


class Told(Detector):
    """A network that says what the targets say."""

    def __init__(self, targets, certain=9.0):
        super().__init__(DetectorConfig.tiny())
        self.targets, self.certain = targets, certain

    def look(self, ink):
        rows, columns = ink.shape[2] // CELL_PX, ink.shape[3] // CELL_PX
        points = torch.full((1, len(CHANNELS), rows, columns), -self.certain)
        channel, row, column = torch.from_numpy(self.targets.cells).T
        points[0, channel, row, column] = self.certain
        empty = torch.zeros(1, 1, rows, columns)
        return Seen(points, empty, empty, empty)

    def tell(self, seen, cells):
        known = {
            (row, column): values for (_, row, column), values in zip(self.targets.cells.tolist(), self.targets.values, strict=True)
        }
        values = torch.tensor(np.stack([known[row, column] for _, row, column in cells.tolist()]))
        out, at = {}, 0
        for name, size in ATTRIBUTES.items():
            width = 2 if name in ("offset", "size") else 1
            part = values[:, at : at + width]
            at += width
            if width == 2:
                out[name] = part
            elif size == 1:
                out[name] = (2 * part - 1) * self.certain
            else:
                out[name] = functional.one_hot(part[:, 0].long(), size) * 2 * self.certain
        return out


def sign(kind, x, y, staff, **more):
    row = empty_signs(1)
    row["kind"], row["x"], row["y"], row["staff"], row["probability"] = KIND_INDEX[kind], x, y, staff, 1.0
    row["width"], row["height"] = more.pop("size", (1.2, 1.0))
    for name, index in {"duration": 0, "dots": 0, "stem": 0, "beam": 0, "grace": 0, **more.pop("classes", {})}.items():
        row[name][0, index] = 1.0
    for name, value in more.items():
        row[name] = value
    row["place"] = 4 + 2 * (MIDDLES[staff] - y) + RISES.get(kind, 0.0)
    return row


def read_back(signs):
    targets = draw_targets(signs, MIDDLES, (INTERLINE, INTERLINE), ORIGIN, SHAPE)
    return read_signs(Told(targets), np.full(SHAPE, 255, dtype=np.uint8), ORIGIN, MIDDLES)


def test_signs_come_back_as_they_were():
    rng = np.random.default_rng(0)
    kinds = [kind for kind in POINTS if not kind.startswith("bar_")]
    rows = []
    for index in range(60):
        staff = index % 2
        classes = {"duration": rng.integers(9), "dots": rng.integers(4), "stem": rng.integers(3), "beam": rng.integers(4)}
        ties = {name: float(rng.integers(2)) for name in ("tie_start", "tie_stop", "slur_start", "slur_stop")}
        x, y = 1.0 + 0.92 * index, MIDDLES[staff] + 0.5 * rng.integers(-8, 9)
        rows.append(sign(kinds[int(rng.integers(len(kinds)))], x, y, staff, classes=classes, **ties))
    signs = np.concatenate(rows)
    got = read_back(signs)
    assert len(got) == len(signs)
    np.testing.assert_array_equal(got["kind"], signs["kind"])
    np.testing.assert_array_equal(got["staff"], signs["staff"])
    for name in ("x", "y", "place", "width", "height"):
        np.testing.assert_allclose(got[name], signs[name], atol=1e-3)
    for name in ("duration", "dots", "stem", "beam", "grace"):
        np.testing.assert_array_equal(got[name].argmax(1), signs[name].argmax(1))
    for name in ("tie_start", "tie_stop", "slur_start", "slur_stop"):
        np.testing.assert_allclose(got[name], signs[name], atol=1e-3)


def test_a_bar_line_crosses_the_staves_where_it_was_seen():
    both = sign("bar_final", 20.0, 5.5, 0, size=(0.8, 15.0))
    upper = sign("bar_single", 40.0, 0.0, 0, size=(0.2, 4.0))
    got = read_back(np.concatenate([both, upper]))
    assert [KINDS[kind] for kind in got["kind"]] == ["bar_final", "bar_single"]
    np.testing.assert_allclose(got["height"], [15.0, 4.0], atol=0.01)
    np.testing.assert_allclose(got["probability"], [1.0, 0.5], atol=0.01)


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in ENDS}))
def test_long_signs_come_back_from_their_ends(kind):
    rows = [
        sign(kind, 12.0, 4.0, 0, size=(8.0, 1.0)),
        sign(kind, 30.0, 4.5, 0, size=(12.0, 1.0)),
        sign(kind, 20.0, 15.0, 1, size=(20.0, 1.0)),
    ]
    got = read_back(np.concatenate(rows))
    spans = sorted((round(float(row["x"]), 2), round(float(row["width"]), 2)) for row in got)
    assert spans == [(12.0, 8.0), (20.0, 20.0), (30.0, 12.0)]


def test_what_ends_beyond_the_system_runs_to_its_edge():
    edge = (SHAPE[1] - ORIGIN[0]) / INTERLINE
    got = read_back(sign("hairpin_crescendo", edge, 4.0, 0, size=(20.0, 1.0)))
    assert len(got) == 1
    assert float(got["x"][0] + got["width"][0] / 2) == pytest.approx(edge)
    assert got["probability"][0] == pytest.approx(0.5, abs=0.01)


def test_one_place_has_one_head():
    signs = np.concatenate([sign("head_black", 10.0, 0.0, 0), sign("head_half", 10.0, 0.0, 0), sign("head_black", 10.0, 1.0, 0)])
    assert len(read_back(signs)) == 2


def test_a_picture_without_signs_gives_none():
    blank = np.full((64, 64), 255, dtype=np.uint8)
    model = Detector(DetectorConfig.tiny()).eval()
    assert len(read_signs(model, blank, (0.0, 32.0), MIDDLES[:1])) == 0


def test_signs_at_the_border_do_not_count():
    near = (BORDER_CELLS * CELL_PX - ORIGIN[0]) / INTERLINE - 0.3
    targets = draw_targets(sign("head_black", near, 0.0, 0), MIDDLES, (INTERLINE, INTERLINE), ORIGIN, SHAPE)
    assert len(targets.cells) == 0


def test_a_head_of_two_voices_is_taught_as_both():
    signs = empty_signs(2)
    signs["kind"], signs["probability"] = KIND_INDEX["head_black"], 1.0
    signs["x"], signs["width"], signs["height"] = [20.0, 26.0], 1.2, 1.0
    signs["stem"] = [[0, 0.5, 0.5], [0, 1, 0]]
    signs["duration"][0, [3, 5]], signs["duration"][1, 4] = 0.5, 1.0
    signs["dots"][:, 0] = signs["grace"][:, 0] = 1.0
    signs["beam"][0, [0, 1]], signs["beam"][1, 0] = 0.5, 1.0
    targets = draw_targets(signs, MIDDLES, (INTERLINE, INTERLINE), ORIGIN, SHAPE)
    columns = {"duration": 5, "stem": 7, "beam": 8}
    taught: dict[float, list[tuple[float, ...]]] = {}
    for values, weights in zip(targets.values, targets.weights, strict=True):
        weight = float(weights[list(ATTRIBUTES).index("duration")])
        taught.setdefault(weight, []).append(tuple(float(values[column]) for column in columns.values()))
    assert set(taught[0.5]) == {(3.0, 1.0, 0.0), (5.0, 2.0, 1.0)}
    assert set(taught[1.0]) == {(4.0, 1.0, 0.0)}
    assert taught[0.5].count((3.0, 1.0, 0.0)) == taught[0.5].count((5.0, 2.0, 1.0))
