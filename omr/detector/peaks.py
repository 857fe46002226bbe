"""From the detector's numbers to signs: the surest of cells that mean the same, one sign of a family at a place, ends to spanners.

Thresholds are low: assembly weighs probabilities, and what is not given here is lost to it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from omr.detector.channels import ENDS, POINTS
from omr.detector.model import CELL_PX, COARSEST, Detector
from omr.detector.targets import staff_of
from omr.signs import (
    ACCIDENTALS,
    BAR_LINES,
    CLEFS,
    DYNAMICS,
    HEADS,
    KEY_SIGNS,
    KIND_INDEX,
    KINDS,
    RESTS,
    TIMES,
    TUPLETS,
    Signs,
    empty_signs,
)

__all__ = ["LEAST", "ink_of", "read_signs"]

LEAST = 0.08  # probability of a sign that is given
# Kinds of which one place has one, and how far apart two of them are at least, in spaces across and down.
_FAMILIES: tuple[tuple[Iterable[str], float, float], ...] = (
    (HEADS, 0.6, 0.3),
    (RESTS, 0.8, 1.0),
    ((*ACCIDENTALS, *KEY_SIGNS), 0.5, 0.4),
    (CLEFS, 1.2, 1.0),
    (TIMES, 0.7, 0.9),
    ((f"dynamic_{name}" for name in DYNAMICS), 1.5, 1.0),
    (TUPLETS, 0.8, 0.8),
)
SAME_SIGN = 0.35  # spaces
BAR_APART = 0.7  # bar lines nearer than this are one
LEVEL_DRIFT = 2.0  # ends of a spanner differ at most so much in height
# By how many half spaces the place that a sign stands for lies above the middle of its box; nearly the same in all music fonts.
_ABOVE_MIDDLE = {
    **dict.fromkeys(("flat", "key_flat", "double_flat"), -1.1),
    **dict.fromkeys(("clef_g", "clef_g_8above", "clef_g_8below"), -1.8),
    **dict.fromkeys(("clef_f", "clef_f_8below"), 1.3),
    "rest_whole": 0.5,
    "rest_half": -0.5,
    "rest_8th": 0.2,
    "rest_16th": 1.2,
}
_RISE = np.zeros(len(KINDS), dtype=np.float32)
for _kind, _rise in _ABOVE_MIDDLE.items():
    _RISE[KIND_INDEX[_kind]] = _rise
_BARS = np.array([KIND_INDEX[kind] for kind in BAR_LINES])


def ink_of(image: NDArray[np.uint8]) -> Float[Tensor, "1 1 height width"]:
    """A grey picture as the detector takes it: 0 for white to 1 for black, padded with white to multiples of ``COARSEST``."""
    height, width = image.shape
    ink = torch.from_numpy(1.0 - image.astype(np.float32) / 255.0)[None, None]
    return functional.pad(ink, (0, -width % COARSEST, 0, -height % COARSEST))


@torch.inference_mode()
def read_signs(
    model: Detector, image: NDArray[np.uint8], origin_px: tuple[float, float], middle_lines: NDArray[np.float32]
) -> Signs:
    """The signs of a straight system.

    Args:
        model: In evaluation mode.
        image: Grey, 255 white, with ``model.config.interline_px`` between staff lines.
        origin_px: The left end of the middle line of the first staff, ``(x, y)``.
        middle_lines: ``y`` of the staves' middle lines in spaces, the first 0.

    Returns:
        Rows of ``SIGN_DTYPE`` in order of ``x``.
    """
    seen = model.look(ink_of(image))
    probability = torch.sigmoid(seen.points)
    picture, channel, row, column = torch.nonzero(probability > LEAST, as_tuple=True)
    if not len(channel):
        return empty_signs()
    told = model.tell(seen, torch.stack([picture, row, column], 1))
    exact = (torch.stack([column, row], 1) + 0.5 + told["offset"]) * CELL_PX - torch.tensor(origin_px)
    places = (exact / model.config.interline_px).numpy()
    surest = torch.from_numpy(_surest(channel.numpy(), probability[picture, channel, row, column].numpy(), places))
    picture, channel, row, column = (part[surest] for part in (picture, channel, row, column))
    told, places = {name: numbers[surest] for name, numbers in told.items()}, places[surest.numpy()]
    signs = empty_signs(len(channel))
    channels = channel.numpy()
    kinds = [KIND_INDEX[POINTS[index]] if index < len(POINTS) else KIND_INDEX[ENDS[index - len(POINTS)][0]] for index in channels]
    signs["kind"] = kinds
    signs["probability"] = probability[picture, channel, row, column].numpy()
    signs["x"], signs["y"] = places.T
    signs["width"], signs["height"] = torch.exp(told["size"].clamp(-3.0, 4.0)).numpy().T
    lower = (torch.sigmoid(told["lower"][:, 0]) > 0.5).numpy()
    signs["staff"] = staff_of(signs["y"], lower, middle_lines)
    for name in ("duration", "dots", "stem", "beam", "grace"):
        signs[name] = torch.softmax(told[name], 1).numpy()
    for name in ("tie_start", "tie_stop", "slur_start", "slur_stop"):
        signs[name] = torch.sigmoid(told[name][:, 0]).numpy()
    is_point = channels < len(POINTS)
    is_bar = np.isin(signs["kind"], _BARS) & is_point
    plain = _apart(signs[is_point & ~is_bar])
    spanners = _spanners(
        signs[~is_point], channels[~is_point] - len(POINTS), (image.shape[1] - origin_px[0]) / model.config.interline_px
    )
    found = np.concatenate([plain, _bar_lines(signs[is_bar], middle_lines), spanners])
    found["place"] = 4.0 + 2.0 * (middle_lines[found["staff"]] - found["y"]) + _RISE[found["kind"]]
    return found[np.argsort(found["x"], kind="stable")]


def _surest(channels: NDArray[np.int64], probabilities: NDArray[np.float32], places: NDArray[np.float32]) -> NDArray[np.int64]:
    """Of cells of a channel that mean the same place the most probable one; indices in order."""
    kept: list[int] = []
    for channel in np.unique(channels):
        members = np.flatnonzero(channels == channel)
        members = members[np.argsort(-probabilities[members], kind="stable")]
        chosen: list[int] = []
        for index in members:
            if not chosen or np.abs(places[chosen] - places[index]).max(1).min() >= SAME_SIGN:
                chosen.append(int(index))
        kept += chosen
    return np.array(sorted(kept), dtype=np.int64)


def _apart(signs: Signs) -> Signs:
    """The signs without those that a more probable one of their family hides."""
    keep = np.ones(len(signs), dtype=np.bool_)
    for names, across, down in _FAMILIES:
        members = np.flatnonzero(np.isin(signs["kind"], [KIND_INDEX[name] for name in names]))
        members = members[np.argsort(-signs["probability"][members], kind="stable")]
        for rank, index in enumerate(members):
            stronger = members[:rank][keep[members[:rank]]]
            near = np.abs(signs["x"][stronger] - signs["x"][index]) < across
            near &= np.abs(signs["y"][stronger] - signs["y"][index]) < down
            keep[index] = not near.any()
    return signs[keep]


def _bar_lines(signs: Signs, middle_lines: NDArray[np.float32]) -> Signs:
    """One bar line for the points of all staves at one ``x``, of their most probable kind; staves without one speak against it."""
    out: list[Signs] = []
    order = np.argsort(signs["x"], kind="stable")
    group: list[int] = []
    for index in [*order, None]:
        if group and (index is None or signs["x"][index] - np.mean(signs["x"][group]) > BAR_APART):
            out.append(_bar_line(signs[group], middle_lines))
            group = []
        if index is not None:
            group.append(int(index))
    return np.concatenate([empty_signs(), *out])


def _bar_line(points: Signs, middle_lines: NDArray[np.float32]) -> Signs:
    """The points of one bar line."""
    weight = {kind: float(points["probability"][points["kind"] == kind].sum()) for kind in set(points["kind"].tolist())}
    line = points[[int(points["probability"].argmax())]].copy()
    line["kind"] = max(weight, key=lambda kind: (weight[kind], -kind))
    staves = np.unique(points["staff"])
    best = [float(points["probability"][points["staff"] == staff].max()) for staff in staves]
    line["probability"] = sum(best) / len(middle_lines)
    line["x"] = np.average(points["x"], weights=points["probability"])
    line["staff"] = staves[0]
    top, bottom = middle_lines[staves[0]] - 2.0, middle_lines[staves[-1]] + 2.0
    line["y"], line["height"] = (top + bottom) / 2, bottom - top
    return line


def _spanners(ends: Signs, channels: NDArray[np.int64], width: float) -> Signs:
    """Left and right ends made spanners: each left end with the next right one at its height; with one end it leaves the system."""
    out: list[Signs] = []
    for kind in sorted(set(ends["kind"].tolist())):
        lefts = [int(i) for i in np.flatnonzero((ends["kind"] == kind) & (channels % 2 == 0))]
        rights = [int(i) for i in np.flatnonzero((ends["kind"] == kind) & (channels % 2 == 1))]
        free = set(rights)
        lefts.sort(key=lambda i: float(ends["x"][i]))
        for at, left in enumerate(lefts):
            level = [other for other in lefts[at + 1 :] if abs(ends["y"][other] - ends["y"][left]) < LEVEL_DRIFT]
            before = min((float(ends["x"][other]) for other in level), default=width)
            fitting = [
                i for i in free if ends["x"][left] < ends["x"][i] <= before and abs(ends["y"][i] - ends["y"][left]) < LEVEL_DRIFT
            ]
            right = min(fitting, key=lambda i: float(ends["x"][i]), default=None)
            free.discard(-1 if right is None else right)
            stop = before if right is None else float(ends["x"][right])
            chance = ends["probability"][left] * (0.5 if right is None else 1.0)
            if right is not None:
                chance = (ends["probability"][left] + ends["probability"][right]) / 2
            out.append(_spanner(ends[[left]], float(ends["x"][left]), stop, float(chance)))
        for right in sorted(free):
            level = [i for i in rights if i not in free and abs(ends["y"][i] - ends["y"][right]) < LEVEL_DRIFT]
            start = max((float(ends["x"][i]) for i in level if ends["x"][i] < ends["x"][right]), default=0.0)
            out.append(_spanner(ends[[right]], start, float(ends["x"][right]), float(ends["probability"][right]) / 2))
    return np.concatenate([empty_signs(), *out])


def _spanner(end: Signs, start: float, stop: float, probability: float) -> Signs:
    row = end.copy()
    row["x"], row["width"], row["probability"] = (start + stop) / 2, stop - start, probability
    return row
