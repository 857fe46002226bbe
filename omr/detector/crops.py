"""What the detector is trained on: crops of the strips of a store, varied, with their targets.

A crop is a pure function of (seed, number): blocks of batches are made in processes beside the trainer
(``compose.ordered_blocks``). A picture holds one window of a tall system, or two of low ones, one above the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.detector.loss import DetectorBatch, batch_of
from omr.detector.model import CELL_PX
from omr.detector.targets import CropTargets, draw_targets
from omr.detector.vary import vary_ink
from omr.pages.store import SystemStore
from omr.pages.strips import SystemStrip

__all__ = ["BLOCK", "CropSource", "make_block", "validation_batches"]

BLOCK = 4  # batches made together
WIDTH_SPACES, HEIGHT_SPACES = 64, 32  # of a picture
SCALE, STRETCH = 0.09, 0.03  # a strip is larger or smaller by so much, and wider than high
SLOPE = 0.004  # what straightening may leave, pixels down a pixel across
TRIES = 20  # to find a low strip beside another one
LOW = 1.1  # a strip that is higher than half a picture by no more than this share is cut to it


@dataclass(frozen=True)
class CropSource:
    """Where crops come from; small and picklable.

    Args:
        stores: Folders of system stores; each strip of them all is drawn alike.
        seed: Of all choices.
        batch: Pictures in a batch.
        interline_px: Pixels between staff lines.
        varied: Whether they are scaled, sloped and worn.
        rare_share: How often a kind of sign is drawn first, each alike, and then a place where it stands.
    """

    stores: tuple[str, ...]
    seed: int = 0
    batch: int = 4
    interline_px: int = 8
    varied: bool = True
    rare_share: float = 0.3

    @property
    def shape_px(self) -> tuple[int, int]:
        """Height and width of a picture, and half its height: multiples of ``COARSEST`` where ``interline_px`` is even."""
        return HEIGHT_SPACES * self.interline_px, WIDTH_SPACES * self.interline_px


@cache
def _store(folder: str) -> SystemStore:
    return SystemStore(Path(folder))


@cache
def _of_kinds(stores: tuple[str, ...]) -> dict[int, NDArray[np.int64]]:
    """Of every kind in some stores, the indices of the strips (counted through all of them) that have a sign of it."""
    having: dict[int, list[int]] = {}
    first = 0
    for folder in stores:
        store = _store(folder)
        for index in range(len(store)):
            for kind in set(store.signs(index)["kind"].tolist()):
                having.setdefault(kind, []).append(first + index)
        first += len(store)
    return {kind: np.array(having[kind]) for kind in sorted(having)}


def _strip(source: CropSource, index: int) -> SystemStrip:
    stores = [_store(folder) for folder in source.stores]
    ends = np.cumsum([len(store) for store in stores])
    which = int(np.searchsorted(ends, index, side="right"))
    return stores[which].strip(index - int(ends[which] - len(stores[which])))


def _draw(source: CropSource, rng: np.random.Generator) -> tuple[SystemStrip, float | None]:
    """A strip; and, where a kind of sign was drawn first and then a place where it stands, that place's ``x``."""
    if rng.random() >= source.rare_share:
        return _strip(source, int(rng.integers(sum(len(_store(folder)) for folder in source.stores)))), None
    having = _of_kinds(source.stores)
    kind = int(rng.choice(list(having)))
    strip = _strip(source, int(rng.choice(having[kind])))
    row = strip.signs[int(rng.choice(np.flatnonzero(strip.signs["kind"] == kind)))]
    half = float(row["width"]) / 2
    return strip, float(row["x"]) + float(rng.choice([-half, half]))  # long signs are learned by their ends


def _window(
    strip: SystemStrip, around: float | None, source: CropSource, height_px: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], CropTargets]:
    """A window of a strip, ``height_px`` high, white where there is none; ``around`` some ``x`` where that is given."""
    width_px = source.shape_px[1]
    scale = source.interline_px / strip.interline_px
    across, down = scale, scale
    slope = 0.0
    if source.varied:
        scale *= float(np.exp(rng.uniform(-SCALE, SCALE)))
        stretch = float(np.exp(rng.uniform(-STRETCH, STRETCH)))
        across, down = scale * stretch, scale / stretch
        slope = float(rng.uniform(-SLOPE, SLOPE))
    height, width = strip.image.shape[0] * down, strip.image.shape[1] * across
    least, most = min(width - width_px, 0.0), max(width - width_px, 0.0)
    left = float(rng.uniform(least, most))
    if around is not None:
        middle = (around * strip.interline_px + strip.origin_px[0]) * across
        left = float(np.clip(middle - width_px * rng.uniform(0.15, 0.85), least, most))
    top = float(rng.uniform(min(height - height_px, 0.0), max(height - height_px, 0.0)))
    rise = slope * width_px / 2
    shift = 0.5 * (across - 1), 0.5 * (down - 1)  # OpenCV counts from the middles of pixels
    map_to = np.array([[across, 0.0, shift[0] - left], [slope * across, down, shift[1] - top - slope * left - rise]])
    ink = 1.0 - strip.image.astype(np.float32) / 255.0
    if across < 0.8:  # what is made much smaller is averaged first
        ink = np.asarray(cv2.GaussianBlur(ink, (0, 0), 0.35 / across), dtype=np.float32)
    window = cv2.warpAffine(ink, map_to, (width_px, height_px), flags=cv2.INTER_LINEAR, borderValue=0.0)
    ink = np.asarray(window, dtype=np.float32)
    unit = strip.interline_px
    x0, y0 = strip.origin_px
    signs = strip.signs.copy()
    signs["y"] += (slope * (across * (signs["x"] * unit + x0) - left) - rise) / (down * unit)
    targets = draw_targets(
        signs,
        strip.middle_lines,
        (across * unit, down * unit),
        (across * x0 - left, down * y0 - top),
        (height_px, width_px),
    )
    return vary_ink(ink, rng) if source.varied else ink, targets


def _picture(source: CropSource, rng: np.random.Generator) -> tuple[NDArray[np.float32], CropTargets]:
    """One picture: a tall window, or two low ones."""
    strip, around = _draw(source, rng)
    height_px = source.shape_px[0]
    half = height_px // 2
    if _height(strip, source) > LOW * half:
        return _window(strip, around, source, height_px, rng)
    draws = (_draw(source, rng) for _ in range(TRIES))
    other = next((one for one in draws if _height(one[0], source) <= LOW * half), (strip, around))
    return _stacked([_window(strip, around, source, half, rng), _window(*other, source, half, rng)])


def _height(strip: SystemStrip, source: CropSource) -> float:
    return float(strip.image.shape[0] * source.interline_px / strip.interline_px)


def _stacked(windows: list[tuple[NDArray[np.float32], CropTargets]]) -> tuple[NDArray[np.float32], CropTargets]:
    """Windows above one another."""
    cells = []
    row = 0
    for ink, targets in windows:
        cells.append(targets.cells + np.array([0, row, 0]))
        row += ink.shape[0] // CELL_PX
    targets = CropTargets(
        cells=np.concatenate(cells),
        values=np.concatenate([one.values for _, one in windows]),
        weights=np.concatenate([one.weights for _, one in windows]),
        border=np.concatenate([one.border for _, one in windows]),
    )
    return np.concatenate([ink for ink, _ in windows]), targets


def make_block(source: CropSource, number: int) -> list[DetectorBatch]:
    """``BLOCK`` batches from batch ``BLOCK * number`` on: a pure function of its arguments, as long as the stores do not grow.

    Args:
        source: Where crops come from.
        number: From 0.
    """
    rng = np.random.default_rng([source.seed, number])
    batches = []
    for _ in range(BLOCK):
        pictures = [_picture(source, rng) for _ in range(source.batch)]
        batches.append(batch_of([ink for ink, _ in pictures], [targets for _, targets in pictures]))
    return batches


def validation_batches(store: str, crops: int, interline_px: int, seed: int = 1) -> list[DetectorBatch]:
    """Crops of a store as they are, the same for the same arguments.

    Args:
        store: Folder.
        crops: How many at least.
        interline_px: Pixels between staff lines.
        seed: Of the choice.
    """
    source = CropSource((store,), seed, interline_px=interline_px, varied=False, rare_share=0.0)
    out: list[DetectorBatch] = []
    while len(out) * source.batch < crops:
        out += make_block(source, len(out) // BLOCK)
    return out
