"""Smooth maps from a page to a bent, turned or cropped picture of it, for pictures and for points.

Conventions: points are pixels ``(x, y)``, whole numbers at the pixels' upper left corners; ``forward`` goes from the page to the
picture. Maps are invertible: displacements change slowly, so that their inverse is found by iteration to far below a tenth of a
pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Chain", "Displacement", "Homography", "PointMap", "curl", "elastic", "perspective", "rotation", "shift", "warped"]

Points = NDArray[np.float64]
GRID_PX = 8  # distance of the points at which pictures are mapped exactly
ROUNDS = 25  # of the iteration; each divides the error by three or more
WHITE = 255


@runtime_checkable
class PointMap(Protocol):
    """An invertible map of points, shape (points, 2) to the same."""

    def forward(self, points: Points) -> Points:
        """From the page to the picture."""
        ...

    def backward(self, points: Points) -> Points:
        """From the picture to the page."""
        ...


@dataclass(frozen=True, eq=False)
class Homography:
    """A projective map by its matrix, shape (3, 3)."""

    matrix: NDArray[np.float64]

    @staticmethod
    def _apply(matrix: NDArray[np.float64], points: Points) -> Points:
        lifted = np.c_[points, np.ones(len(points))] @ matrix.T
        return np.asarray(lifted[:, :2] / lifted[:, 2:], dtype=np.float64)

    def forward(self, points: Points) -> Points:
        """From the page to the picture."""
        return self._apply(self.matrix, points)

    def backward(self, points: Points) -> Points:
        """From the picture to the page."""
        return self._apply(np.asarray(np.linalg.inv(self.matrix), dtype=np.float64), points)


@dataclass(frozen=True, eq=False)
class Displacement:
    """Moves each point by a field that is linear between the points of an even grid.

    Args:
        field: Displacements in pixels, shape (rows, columns, 2).
        size: Width and height that the grid spans from 0; beyond them the edge's displacement holds.
    """

    field: NDArray[np.float64]
    size: tuple[float, float]

    def _at(self, points: Points) -> Points:
        rows, columns = self.field.shape[:2]
        x = np.clip(points[:, 0] / self.size[0], 0.0, 1.0) * (columns - 1)
        y = np.clip(points[:, 1] / self.size[1], 0.0, 1.0) * (rows - 1)
        left, top = np.minimum(x.astype(np.int64), columns - 2), np.minimum(y.astype(np.int64), rows - 2)
        across, down = (x - left)[:, None], (y - top)[:, None]
        upper = self.field[top, left] * (1 - across) + self.field[top, left + 1] * across
        lower = self.field[top + 1, left] * (1 - across) + self.field[top + 1, left + 1] * across
        return np.asarray(upper * (1 - down) + lower * down, dtype=np.float64)

    def forward(self, points: Points) -> Points:
        """From the page to the picture."""
        return points + self._at(points)

    def backward(self, points: Points) -> Points:
        """From the picture to the page."""
        found = points.copy()
        for _ in range(ROUNDS):
            found = points - self._at(found)
        return found


@dataclass(frozen=True)
class Chain:
    """Maps one after the other; none is the identity."""

    maps: tuple[PointMap, ...] = ()

    def forward(self, points: Points) -> Points:
        """From the page to the picture."""
        for each in self.maps:
            points = each.forward(points)
        return points

    def backward(self, points: Points) -> Points:
        """From the picture to the page."""
        for each in reversed(self.maps):
            points = each.backward(points)
        return points


def rotation(size: tuple[float, float], degrees: float) -> Homography:
    """A turn about the middle of a page of a size (width, height), anticlockwise as one sees it."""
    return Homography(np.vstack([cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), degrees, 1.0), [0.0, 0.0, 1.0]]))


def shift(x: float, y: float) -> Homography:
    """A move by pixels."""
    return Homography(np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]]))


def perspective(size: tuple[float, float], strength: float, rng: np.random.Generator) -> Homography:
    """A view from aside: each corner moves inwards by up to ``strength`` (0 to 0.15) of the page's size."""
    width, height = size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    inwards = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    moved = corners + inwards * rng.uniform(0.0, strength, (4, 2)) * np.array([width, height])
    return Homography(np.asarray(cv2.getPerspectiveTransform(corners, moved.astype(np.float32)), dtype=np.float64))


def curl(size: tuple[float, float], strength: float, rng: np.random.Generator) -> Displacement:
    """A page that bends to the spine of its book, at its left or right, like a cylinder.

    Args:
        size: Width and height of the page.
        strength: Greatest move up or down, as a share of the width (0 to 0.06); a third of it sideways.
        rng: Source of side, sense and reach.
    """
    width, height = size
    columns = 65
    reach, sense, side = rng.uniform(0.25, 0.7), rng.choice([-1.0, 1.0]), rng.random() < 0.5
    from_spine = np.linspace(0.0, 1.0, columns)[:: 1 if side else -1]
    bend = np.exp(-((from_spine / reach) ** 2))
    tilt = np.linspace(1.0, rng.uniform(0.5, 1.0), 9)[:, None]  # the lower edge may lie flatter
    field = np.zeros((9, columns, 2))
    field[..., 1] = sense * strength * width * bend * tilt
    field[..., 0] = (1.0 if side else -1.0) * strength / 3 * width * bend
    return Displacement(field, (width, height))


def elastic(size: tuple[float, float], amplitude_px: float, wave_px: float, rng: np.random.Generator) -> Displacement:
    """A page that lies uneven: smooth random moves of some pixels, at most about ``amplitude_px``, over waves of some length."""
    width, height = size
    rows, columns = (max(4, round(length / wave_px) + 3) for length in (height, width))
    coarse = rng.uniform(-amplitude_px, amplitude_px, (rows, columns, 2)).astype(np.float32)
    fine = cv2.resize(coarse, (4 * columns, 4 * rows), interpolation=cv2.INTER_CUBIC)
    return Displacement(np.asarray(fine, dtype=np.float64), (width, height))


def warped(
    image: NDArray[np.uint8], points: PointMap, size: tuple[int, int] | None = None, paper: int = WHITE
) -> NDArray[np.uint8]:
    """A picture of the page after a map.

    Args:
        image: Grey, shape (height, width).
        points: The map.
        size: Width and height of the picture, the page's when None.
        paper: Grey of what lies beyond the page.
    """
    width, height = size or (image.shape[1], image.shape[0])
    xs, ys = (np.arange(0, length + GRID_PX, GRID_PX, dtype=np.float64) for length in (width, height))
    grid = np.stack(np.meshgrid(xs, ys), axis=-1)
    back = points.backward(grid.reshape(-1, 2)).reshape(grid.shape)
    middles = np.stack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)), axis=-1) + 0.5
    coarse = middles / GRID_PX
    source = cv2.remap(back.astype(np.float32), coarse[..., 0], coarse[..., 1], cv2.INTER_LINEAR) - 0.5
    bent = cv2.remap(image, source[..., 0], source[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=paper)
    return np.asarray(bent, dtype=np.uint8)
